//! Servers, connections, time, faults.

use super::node::{Mode, Node, Wish};
use forebay::commands::ClientId;
use forebay::commands::engine::{Rng, Stats};
use forebay::config::Config;
use forebay::replication::LinkInput;
use std::collections::VecDeque;

/// Virtual ms between two looks at the world.
const STEP_MS: u64 = 10;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Faults {
    None,
    Cuts,
    CutsAndRoles,
}

/// Bytes on their way, with the time at which they arrive.
#[derive(Default)]
struct Wire(VecDeque<(u64, Vec<u8>)>);

/// A replica's connection to its primary.
struct Conn {
    replica: usize,
    primary: usize,
    client: ClientId,
    up: Wire,
    down: Wire,
    /// Bytes per step; a slow reader lets the log grow.
    speed: usize,
}

/// What happened.
#[derive(Default, Debug)]
pub struct Tally {
    pub full: u64,
    pub partial: u64,
    /// Blocks of the stream that went to disk.
    pub spilled: usize,
}

pub struct World {
    nodes: Vec<Node>,
    conns: Vec<Conn>,
    now_ms: u64,
    rng: Rng,
    top: usize,
    /// Values are large: more is written than memory keeps for slow replicas.
    large: bool,
}

impl World {
    pub fn new(seed: u64, servers: usize) -> World {
        let mut rng = Rng::new(seed);
        let mut nodes: Vec<Node> = (0..servers)
            .map(|i| {
                let config = Config {
                    repl_diskless_sync: rng.below(2) == 0,
                    repl_diskless_sync_delay: rng.below(3) as i64,
                    repl_backlog_size: 1 << (14 + rng.below(6)),
                    // Without the generator: seeds keep their stories.
                    repl_backlog_disk_size: [0, 1 << 16, 1 << 30][(seed as usize + i) % 3],
                    repl_timeout: 5,
                    repl_ping_replica_period: 1,
                    port: i as i64,
                    ..Config::default()
                };
                let mode = [Mode::File, Mode::Memory, Mode::Swap][rng.below(3) as usize];
                Node::new(rng.next_u64(), config, mode)
            })
            .collect();
        for (i, node) in nodes.iter_mut().enumerate().skip(1) {
            // Of the root, or of another replica: a chain.
            let primary = rng.below(i as u64).to_string();
            node.set_now(0);
            node.run(&["REPLICAOF", "sim", &primary]);
        }
        World {
            nodes,
            conns: Vec::new(),
            now_ms: 0,
            rng,
            top: 0,
            large: seed % 4 == 1,
        }
    }

    /// Runs `ms` of faults and writes, then waits until everybody agrees.
    ///
    /// Gives the number of full and of partial syncs.
    pub fn run(&mut self, faults: Faults, ms: u64) -> Result<Tally, String> {
        for _ in 0..ms / STEP_MS {
            for _ in 0..self.rng.below(4) {
                self.write_something();
            }
            if faults != Faults::None && self.rng.below(60) == 0 && !self.conns.is_empty() {
                let i = self.rng.below(self.conns.len() as u64) as usize;
                self.cut(i);
            }
            if faults == Faults::CutsAndRoles && self.rng.below(300) == 0 {
                self.change_roles();
            }
            self.step();
        }
        for _ in 0..120_000 / STEP_MS {
            if self.agreed() {
                self.compare()?;
                let stats =
                    |f: fn(&Stats) -> u64| self.nodes.iter().map(|n| f(&n.engine.stats)).sum();
                return Ok(Tally {
                    full: stats(|s| s.sync_full),
                    partial: stats(|s| s.sync_partial_ok),
                    spilled: self.nodes.iter().map(|n| n.spilled).sum(),
                });
            }
            self.step();
        }
        let states: Vec<String> = self.nodes.iter().map(describe).collect();
        Err(format!(
            "no agreement after two minutes:\n{}",
            states.join("\n")
        ))
    }

    fn write_something(&mut self) {
        let key = format!("k{}", self.rng.below(200));
        let value = format!("v{}", self.rng.next_u64());
        let value = value.repeat(if self.large { 5 } else { 1 });
        let db = self.rng.below(3).to_string();
        let kind = self.rng.below(10);
        let node = &mut self.nodes[self.top];
        match kind {
            0 => node.run(&["SELECT", &db]),
            1 => node.run(&["DEL", &key]),
            2 => node.run(&["INCR", &format!("n{key}")]),
            3 => node.run(&["SET", &key, &value, "PX", "500"]),
            4 => {
                node.run(&["MULTI"]);
                node.run(&["INCR", "total"]);
                node.run(&["SET", &key, &value]);
                node.run(&["EXEC"]);
            }
            5 => node.run(&["SET", &key, &value.repeat(100)]),
            6 => node.run(&["APPEND", &format!("s{key}"), "x"]),
            7 => node.run(&["GET", &key]),
            _ => node.run(&["SET", &key, &value]),
        }
    }

    /// A replica is promoted; the others, the old primary too, follow it.
    fn change_roles(&mut self) {
        let new = self.rng.below(self.nodes.len() as u64) as usize;
        if new == self.top || !self.nodes[new].engine.repl.link_is_up() {
            return;
        }
        self.top = new;
        self.nodes[new].run(&["REPLICAOF", "NO", "ONE"]);
        for i in 0..self.nodes.len() {
            if i != new {
                self.nodes[i].run(&["REPLICAOF", "sim", &new.to_string()]);
            }
        }
    }

    fn step(&mut self) {
        self.now_ms += STEP_MS;
        for i in 0..self.nodes.len() {
            self.nodes[i].set_now(self.now_ms);
            if self.now_ms.is_multiple_of(100) {
                self.nodes[i].tick(self.now_ms);
            }
            self.fulfil(i);
        }
        let mut i = 0;
        while i < self.conns.len() {
            if self.carry(i) {
                i += 1;
            } else {
                self.cut(i);
            }
        }
        for i in 0..self.nodes.len() {
            self.fulfil(i);
        }
    }

    /// Connects and disconnects as a server wishes.
    fn fulfil(&mut self, i: usize) {
        for wish in std::mem::take(&mut self.nodes[i].wishes) {
            let old = self.conns.iter().position(|c| c.replica == i);
            if let Some(old) = old {
                let conn = self.conns.remove(old);
                self.nodes[conn.primary].lost_replica(conn.client);
            }
            let up = self.nodes[i].engine.repl.upstream();
            let Some(primary) = up.map(|up| up.link.primary().1 as usize) else {
                continue;
            };
            if wish == Wish::Connect {
                let client = self.nodes[primary].accept();
                let speed = [500, 5_000, 100_000][self.rng.below(3) as usize];
                let wires = (Wire::default(), Wire::default());
                let (up, down) = wires;
                self.conns.push(Conn {
                    replica: i,
                    primary,
                    client,
                    up,
                    down,
                    speed,
                });
                self.nodes[i].link(LinkInput::Connected);
            }
        }
    }

    /// Moves bytes. False when the connection is over.
    fn carry(&mut self, i: usize) -> bool {
        let conn = &mut self.conns[i];
        let delay = self.rng.below(30);
        let sent = self.nodes[conn.primary].send(conn.client, conn.speed);
        conn.down.put(self.now_ms + delay, sent);
        let sent = std::mem::take(&mut self.nodes[conn.replica].upstream_out);
        conn.up.put(self.now_ms + delay, sent);
        let closed = self.nodes[conn.primary].outboxes.get(&conn.client);
        if closed.is_some_and(|o| o.close) {
            return false;
        }
        while let Some(bytes) = conn.up.take(self.now_ms) {
            if !self.nodes[conn.primary].receive(conn.client, &bytes) {
                return false;
            }
        }
        while self.nodes[conn.replica].wants_input() {
            let Some(bytes) = conn.down.take(self.now_ms) else {
                break;
            };
            // In two pieces, cut anywhere.
            let at = self.rng.below(bytes.len() as u64 + 1) as usize;
            let (a, b) = bytes.split_at(at);
            if !a.is_empty() {
                self.nodes[conn.replica].link(LinkInput::Bytes(a));
            }
            if !self.nodes[conn.replica].wants_input() {
                conn.down.0.push_front((0, b.to_vec()));
                break;
            }
            if !b.is_empty() {
                self.nodes[conn.replica].link(LinkInput::Bytes(b));
            }
            if !self.nodes[conn.replica].wishes.is_empty() {
                break;
            }
        }
        true
    }

    /// A connection breaks: a part of what is under way still arrives.
    fn cut(&mut self, i: usize) {
        let mut conn = self.conns.remove(i);
        let replica = &mut self.nodes[conn.replica];
        if let Some((_, bytes)) = conn.down.0.pop_front().filter(|_| replica.wants_input()) {
            let n = self.rng.below(bytes.len() as u64 + 1) as usize;
            if n > 0 {
                replica.link(LinkInput::Bytes(&bytes[..n]));
            }
        }
        // If those bytes made the replica close or connect, this connection's end is no news to it.
        if replica.wishes.is_empty() {
            replica.link(LinkInput::Closed(""));
        }
        self.nodes[conn.primary].lost_replica(conn.client);
    }

    fn agreed(&self) -> bool {
        let top = self.nodes[self.top].engine.repl.history();
        self.nodes.iter().all(|n| {
            let repl = &n.engine.repl;
            let here = repl.history();
            repl.link_is_up() && here.id() == top.id() && here.offset() == top.offset()
        })
    }

    fn compare(&self) -> Result<(), String> {
        let right = self.nodes[self.top].dataset();
        for (i, node) in self.nodes.iter().enumerate() {
            let here = node.dataset();
            if here != right {
                let all = right.keys().chain(here.keys());
                let wrong = all.filter(|k| right.get(*k) != here.get(*k));
                let lines: Vec<String> = wrong
                    .take(5)
                    .map(|k| format!("{k:?}: {:?} != {:?}", right.get(k), here.get(k)))
                    .collect();
                let (top, log) = (self.top, node.log.join("\n"));
                let lines = lines.join("\n");
                return Err(format!(
                    "server {i} differs from {top}:\n{lines}\nits log:\n{log}"
                ));
            }
        }
        Ok(())
    }
}

impl Wire {
    fn put(&mut self, at: u64, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            // Bytes do not overtake each other.
            let at = self.0.back().map_or(at, |(last, _)| at.max(*last));
            self.0.push_back((at, bytes));
        }
    }

    fn take(&mut self, now_ms: u64) -> Option<Vec<u8>> {
        let due = self.0.front().is_some_and(|(at, _)| *at <= now_ms);
        due.then(|| self.0.pop_front().expect("just seen").1)
    }
}

fn describe(node: &Node) -> String {
    let mut text = String::new();
    node.engine.repl.info(&mut text);
    let state = node.engine.repl.upstream().map(|up| up.link.role_word());
    let last = node
        .log
        .iter()
        .rev()
        .take(4)
        .cloned()
        .collect::<Vec<_>>()
        .join(" | ");
    format!("{state:?} {} {last}", text.replace("\r\n", " "))
}
