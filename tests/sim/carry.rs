//! What connections do as time passes: connect, carry bytes, end.

use super::net::{Conn, Piece, Quality, Wire};
use super::node::Wish;
use super::weather::Climate;
use super::world::{World, index};
use forebay::flow::feed::End;
use forebay::flow::follow::Input;

impl World {
    /// Connects and disconnects as a server wishes.
    pub fn fulfil(&mut self, i: usize) {
        let wishes = match &mut self.servers[i].node {
            Some(node) => std::mem::take(&mut node.wishes),
            None => return,
        };
        for wish in wishes {
            let ends = |second: bool| match wish {
                Wish::Connect | Wish::Disconnect => true,
                Wish::DisconnectFirst => !second,
                Wish::ConnectSecond | Wish::DisconnectSecond => second,
            };
            let now_ms = self.now_ms;
            let mine = |c: &&mut Conn| c.replica == i && c.held && ends(c.second);
            for conn in self.conns.iter_mut().filter(mine) {
                conn.held = false;
                conn.up.end(now_ms + conn.quality.delay_ms);
            }
            match wish {
                Wish::Connect => self.dial(i, false),
                Wish::ConnectSecond => self.dial(i, true),
                Wish::Disconnect | Wish::DisconnectFirst | Wish::DisconnectSecond => {}
            }
        }
    }

    fn dial(&mut self, i: usize, second: bool) {
        let node = self.servers[i].node.as_ref().expect("it wishes");
        let Some(primary) = node.follows().map(index) else {
            return;
        };
        let rng = &mut self.rng;
        let quality = Quality {
            delay_ms: [0, 2, 40][rng.below(3) as usize],
            jitter_ms: rng.below(30),
            room: [500, 5_000, 60_000][rng.below(3) as usize],
            speed: [100, 2_000, 100_000][rng.below(3) as usize],
        };
        let target = &self.servers[primary];
        let (until_ms, answers) = target.unreachable;
        let reached = target.node.is_some() && until_ms <= self.now_ms;
        self.conns.push(Conn {
            replica: i,
            primary,
            second,
            client: None,
            held: true,
            dialing: Some((self.now_ms + quality.delay_ms, reached)),
            up: Wire::default(),
            down: Wire::default(),
            quality,
            dead: !reached && until_ms > self.now_ms && !answers,
            stalled_until_ms: 0,
            read_again_ms: 0,
        });
    }

    /// Moves bytes until nothing more can be moved now.
    pub(super) fn carry(&mut self) {
        let mut i = 0;
        while i < self.conns.len() {
            self.deliver(i);
            i += 1;
        }
        for i in 0..self.servers.len() {
            self.fall(i);
        }
        for i in 0..self.conns.len() {
            self.send(i);
        }
        for server in &mut self.servers {
            if let Some(node) = &mut server.node {
                node.touched = false;
            }
        }
        self.conns.retain(|c| !c.is_over());
    }

    /// Takes what the ends have to say.
    fn send(&mut self, i: usize) {
        let conn = &mut self.conns[i];
        let at = self.now_ms + conn.quality.delay_ms + self.rng.below(conn.quality.jitter_ms + 1);
        if conn.held
            && conn.dialing.is_none()
            && let Some(node) = &mut self.servers[conn.replica].node
        {
            let bytes = match conn.second {
                true => node.take_second_upstream(),
                false => node.take_upstream(),
            };
            conn.up.put(at, bytes);
        }
        let (Some(client), Some(node)) = (conn.client, &mut self.servers[conn.primary].node) else {
            return;
        };
        let room = conn.quality.room.saturating_sub(conn.down.len());
        if !node.touched && !node.must_close(client) {
            return;
        }
        let (bytes, result) = node.send(client, room);
        // What was done after it was taken shows at the next moment.
        conn.down.put(at, bytes);
        if let Err(end) = result {
            conn.client = None;
            conn.down.end(at);
            node.lost_replica(client, end);
        }
    }

    /// Hands over what has arrived.
    fn deliver(&mut self, i: usize) {
        let now_ms = self.now_ms;
        let conn = &mut self.conns[i];
        if conn.dead || conn.stalled_until_ms > now_ms {
            return;
        }
        if let Some((at, reached)) = conn.dialing
            && at <= now_ms
        {
            conn.dialing = None;
            let (replica, primary, held) = (conn.replica, conn.primary, conn.held);
            let second = conn.second;
            let accepts = reached && self.servers[primary].node.is_some();
            if accepts && let Some(node) = &mut self.servers[primary].node {
                let address = format!("10.0.0.9:{}", 20_000 + self.tokens);
                self.conns[i].client = Some(node.accept(address));
            }
            if held && let Some(node) = &mut self.servers[replica].node {
                let refused = "Connection refused";
                self.tally.second += u64::from(second && accepts);
                node.link(match (second, accepts) {
                    (false, true) => Input::Connected {
                        peer: "10.0.0.2:2".to_owned(),
                        local: "10.0.0.9:9".to_owned(),
                    },
                    (false, false) => Input::Closed(refused),
                    (true, true) => Input::SecondConnected,
                    (true, false) => Input::SecondClosed(refused),
                });
                self.fulfil(replica);
            }
        }
        self.deliver_up(i);
        self.deliver_down(i);
    }

    fn deliver_up(&mut self, i: usize) {
        while let Some(piece) = self.conns[i].up.take(self.now_ms) {
            let conn = &mut self.conns[i];
            let (Some(client), Some(node)) = (conn.client, &mut self.servers[conn.primary].node)
            else {
                continue; // nobody reads it any more
            };
            let result = match piece {
                Piece::Bytes(bytes) => node.receive(client, &bytes),
                Piece::End => Err(End::Broken),
            };
            let Err(end) = result else { continue };
            conn.client = None;
            conn.down.end(self.now_ms + conn.quality.delay_ms);
            node.lost_replica(client, end);
        }
    }

    fn deliver_down(&mut self, i: usize) {
        let mut left = self.conns[i].quality.speed;
        loop {
            let conn = &mut self.conns[i];
            let replica = conn.replica;
            let Some(node) = self.servers[replica].node.as_mut().filter(|_| conn.held) else {
                // Nobody reads it: it is as if it had been read.
                while conn.down.take(self.now_ms).is_some() {}
                return;
            };
            let second = conn.second;
            let wants = match second {
                true => node.wants_payload(),
                false => node.wants_input(),
            };
            if !wants || conn.read_again_ms > self.now_ms {
                return;
            }
            let Some(piece) = conn.down.take(self.now_ms) else {
                return;
            };
            match piece {
                Piece::End => {
                    conn.held = false;
                    conn.up.end(self.now_ms);
                    self.tally.second_ended += u64::from(second);
                    node.link(match second {
                        true => Input::SecondClosed(""),
                        false => Input::Closed(""),
                    });
                }
                Piece::Bytes(bytes) => {
                    // In pieces, cut anywhere.
                    let n = (1 + self.rng.below(bytes.len() as u64) as usize).min(left);
                    let n = match self.climate {
                        // One request at a time, so that it is known what was between any two.
                        Climate::Logs => n.min(first_request(&bytes)),
                        _ => n,
                    };
                    let (now, later) = bytes.split_at(n);
                    conn.down.untake(later);
                    left -= n;
                    if left == 0 {
                        conn.read_again_ms = self.now_ms + 10;
                    }
                    node.link(match second {
                        true => Input::SecondBytes(now),
                        false => Input::Bytes(now),
                    });
                    if let Some(primary) = &mut self.servers[self.conns[i].primary].node {
                        primary.touched = true; // there is room again
                    }
                }
            }
            self.fulfil(replica);
            if left == 0 {
                return;
            }
        }
    }
}

/// Where a second request begins, if these bytes are of the stream.
fn first_request(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"\n*") {
        return 1;
    }
    let begins = bytes.windows(3).position(|three| three == b"\r\n*");
    begins.map_or(bytes.len(), |at| at + 2)
}
