//! Doing what the weather brings, and the operator's answer to it.

use super::logs;
use super::node::Node;
use super::weather::{Climate, Event};
use super::world::{World, index, port};
use forebay::engine::host::ShutdownOptions;

impl World {
    /// One event.
    pub fn happen(&mut self, event: Event) -> Result<(), String> {
        let any = self.rng.below(self.servers.len() as u64) as usize;
        let until_ms = self.now_ms + self.rng.below(6_000);
        match event {
            Event::Cut | Event::Stall | Event::Die | Event::Damage => {
                self.harm_link(event, until_ms)
            }
            Event::Unreachable => {
                let answers = self.rng.below(2) == 0;
                self.servers[any].unreachable = (until_ms, answers);
            }
            Event::DiskFull | Event::DiskSlow => {
                let takes = 200 + self.rng.below(2_000);
                let server = &mut self.servers[any];
                server.disk_heals_ms = until_ms;
                if let Some(node) = &mut server.node {
                    match event {
                        Event::DiskFull => node.disk.set_full(true),
                        _ => node.disk.set_delay_ms(takes),
                    }
                }
            }
            Event::Bgsave => {
                if let Some(node) = &mut self.servers[any].node {
                    node.bgsave();
                }
            }
            Event::Kill => self.end(any, false),
            Event::PowerLoss => {
                let lies = self.rng.below(3) == 0 && self.climate != Climate::Logs;
                if let Some(node) = self.servers[any].node.as_mut().filter(|_| lies) {
                    node.disk.tear(&mut self.rng);
                }
                self.end(any, true);
            }
            Event::Restart => {
                let nosave = ShutdownOptions {
                    save: Some(false),
                    ..ShutdownOptions::default()
                };
                let asked = (self.rng.below(4) == 0).then_some(nosave);
                match &mut self.servers[any].node {
                    Some(node) => {
                        node.check_witness()
                            .map_err(|why| format!("server {any}: {why}"))?;
                        node.shut_down(asked);
                        self.leave(any)?;
                    }
                    // A process that loads its dump saves nothing.
                    None => self.down(any, false, false),
                }
            }
            Event::DiskFaulty => {
                let kinds = logs::FAULTS;
                let kind = kinds[self.rng.below(kinds.len() as u64) as usize];
                let server = &mut self.servers[any];
                server.disk_heals_ms = until_ms;
                if let Some(node) = &server.node {
                    node.disk
                        .set_faulty(Some(logs::fault(kind, &node.engine.config)));
                }
            }
            Event::Rewrite => self.tell(any, &["BGREWRITEAOF"]),
            Event::Set => {
                let words = logs::setting(&mut self.rng);
                let server = &self.servers[any];
                let good = server.node.as_ref().is_some_and(|n| n.disk.is_good());
                if good || words[3] != "no" {
                    self.tell(any, &words);
                }
            }
            Event::Promote => self.promote(any),
            Event::Move => self.move_replica(any),
            Event::Failover => self.failover(any),
            Event::FailoverAbort => {
                self.tell(self.top, &["FAILOVER", "ABORT"]);
            }
        }
        self.fulfil_all();
        Ok(())
    }

    /// A process ends without a word, with the power of its machine or not; some in the midst of something.
    fn end(&mut self, i: usize, power: bool) {
        if self.climate != Climate::Logs || self.rng.below(3) == 0 {
            return self.down(i, power, power);
        }
        if let Some(node) = &self.servers[i].node {
            node.disk.light_fuse(self.rng.below(12));
            self.servers[i].ends_by = Some((self.now_ms + 1_000, power));
        }
    }

    fn harm_link(&mut self, event: Event, until_ms: u64) {
        if self.conns.is_empty() {
            return;
        }
        let i = self.rng.below(self.conns.len() as u64) as usize;
        let conn = &mut self.conns[i];
        match event {
            Event::Cut => conn.cut(&mut self.rng, self.now_ms),
            Event::Stall => conn.stalled_until_ms = until_ms,
            Event::Die => conn.dead = true,
            _ => self.damage_due = true,
        }
    }

    /// Damages the next payload that is under way, if one is to be damaged. A checksum guards the payload and nothing else:
    /// TCP's own guards the rest.
    pub fn damage(&mut self) {
        for conn in self.conns.iter_mut().filter(|conn| conn.held) {
            let node = self.servers[conn.replica].node.as_mut();
            if self.damage_due
                && let Some(node) = node
                && conn.second == node.has_two()
                && let Some(most) = node.payload_to_come()
                && conn.down.damage(&mut self.rng, most)
            {
                node.watch.damaged = true;
                self.damage_due = false;
            }
        }
    }

    /// A client's command to a server that is up.
    fn tell(&mut self, i: usize, words: &[&str]) {
        if let Some(node) = &mut self.servers[i].node {
            node.run(words);
        }
    }

    fn fulfil_all(&mut self) {
        for i in 0..self.servers.len() {
            self.fulfil(i);
        }
    }

    /// A replica is promoted; the others, the old primary too, follow it.
    fn promote(&mut self, new: usize) {
        let ready = |n: &Node| n.engine.repl.link_is_up();
        let up = self.servers[new].node.as_ref().is_some_and(ready);
        if new == self.top || !up {
            return;
        }
        self.top = new;
        self.tell(new, &["REPLICAOF", "NO", "ONE"]);
        for i in (0..self.servers.len()).filter(|i| *i != new) {
            self.tell(i, &["FAILOVER", "ABORT"]);
            self.tell(i, &["REPLICAOF", "sim", &port(new).to_string()]);
        }
    }

    /// A replica follows another server, which is not behind it.
    fn move_replica(&mut self, i: usize) {
        let to = self.rng.below(self.servers.len() as u64) as usize;
        if i == self.top || to == i || self.is_behind(to, i) {
            return;
        }
        self.tell(i, &["REPLICAOF", "sim", &port(to).to_string()]);
    }

    fn failover(&mut self, any: usize) {
        let top = self.top;
        if any == top || self.rng.below(2) == 0 {
            return self.tell(top, &["FAILOVER", "TIMEOUT", "2000"]);
        }
        let to = port(any).to_string();
        let host = "10.0.0.9";
        match self.rng.below(2) {
            0 => self.tell(top, &["FAILOVER", "TO", host, &to, "TIMEOUT", "1500"]),
            _ => self.tell(
                top,
                &["FAILOVER", "TO", host, &to, "FORCE", "TIMEOUT", "500"],
            ),
        }
    }

    /// Going up from `from` leads over `over`.
    fn is_behind(&self, from: usize, over: usize) -> bool {
        let mut at = from;
        for _ in 0..self.servers.len() {
            if at == over {
                return true;
            }
            match self.servers[at].follows() {
                Some(p) => at = index(p),
                None => return false,
            }
        }
        false // a circle
    }

    /// What an operator does: saves where the last save has failed. Until one succeeds, a server tells whoever wants to
    /// follow it.
    fn save_where_saves_fail(&mut self) {
        let nodes = self.servers.iter_mut().filter_map(|s| s.node.as_mut());
        for node in nodes.filter(|node| node.has_failed_save()) {
            node.bgsave();
        }
    }

    /// What Sentinels do: the top is a primary, and whoever is not behind it follows it.
    pub fn repair(&mut self) {
        self.save_where_saves_fail();
        let top = self.top;
        let Some(node) = &self.servers[top].node else {
            return;
        };
        if node.engine.repl.is_failing_over() && node.follows().is_some() {
            let target = node.follows().map(index).expect("just seen");
            let up = self.servers[target].node.as_ref();
            // Its target may still take the part.
            if up.is_some_and(|n| n.follows() != Some(port(top))) {
                return;
            }
        }
        if node.follows().is_some() {
            self.tell(top, &["FAILOVER", "ABORT"]);
            self.tell(top, &["REPLICAOF", "NO", "ONE"]);
        }
        for i in (0..self.servers.len()).filter(|i| *i != top) {
            if !self.is_behind(i, top) {
                self.tell(i, &["FAILOVER", "ABORT"]);
                self.tell(i, &["REPLICAOF", "sim", &port(top).to_string()]);
            }
        }
        self.fulfil_all();
    }
}
