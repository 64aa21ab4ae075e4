//! Connections as they are between machines: late, slow, broken off at any byte, or dead without a word.

use forebay::base::Rng;
use forebay::engine::ClientId;
use std::collections::VecDeque;

/// What arrives.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    Bytes(Vec<u8>),
    /// The other end closed, or the connection broke.
    End,
}

/// One direction: bytes on their way, with the time at which they arrive.
#[derive(Default)]
pub struct Wire {
    queue: VecDeque<(u64, Piece)>,
    bytes: usize,
    ended: bool,
}

impl Wire {
    /// Bytes under way or unread.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Bytes do not overtake each other.
    pub fn put(&mut self, at: u64, bytes: Vec<u8>) {
        if !bytes.is_empty() && !self.ended {
            let at = self.queue.back().map_or(at, |(last, _)| at.max(*last));
            self.bytes += bytes.len();
            self.queue.push_back((at, Piece::Bytes(bytes)));
        }
    }

    /// Nothing comes behind this.
    pub fn end(&mut self, at: u64) {
        if !self.ended {
            let at = self.queue.back().map_or(at, |(last, _)| at.max(*last));
            self.ended = true;
            self.queue.push_back((at, Piece::End));
        }
    }

    /// When the next piece arrives.
    pub fn due(&self) -> Option<u64> {
        self.queue.front().map(|(at, _)| *at)
    }

    pub fn take(&mut self, now_ms: u64) -> Option<Piece> {
        self.due().filter(|at| *at <= now_ms)?;
        let (_, piece) = self.queue.pop_front()?;
        if let Piece::Bytes(bytes) = &piece {
            self.bytes -= bytes.len();
        }
        Some(piece)
    }

    /// Puts back what was not read.
    pub fn untake(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.bytes += bytes.len();
            self.queue.push_front((0, Piece::Bytes(bytes.to_vec())));
        }
    }

    /// Loses everything behind some byte that is under way.
    pub fn truncate(&mut self, rng: &mut Rng) {
        let mut left = rng.below(self.bytes as u64 + 1) as usize;
        let mut kept = VecDeque::new();
        self.bytes = left;
        for (at, piece) in self.queue.drain(..) {
            let Piece::Bytes(mut bytes) = piece else {
                break;
            };
            bytes.truncate(left);
            left -= bytes.len();
            if bytes.is_empty() {
                break;
            }
            kept.push_back((at, Piece::Bytes(bytes)));
        }
        self.queue = kept;
        self.ended = false;
    }

    /// Changes one bit of the first `most` bytes under way; false if there are none.
    pub fn damage(&mut self, rng: &mut Rng, most: u64) -> bool {
        let among = most.min(self.bytes as u64);
        if among == 0 {
            return false;
        }
        let mut at = rng.below(among) as usize;
        for (_, piece) in &mut self.queue {
            let Piece::Bytes(bytes) = piece else { break };
            if at < bytes.len() {
                bytes[at] ^= 1 << rng.below(8);
                return true;
            }
            at -= bytes.len();
        }
        unreachable!("so many bytes are under way");
    }
}

/// How a connection behaves.
#[derive(Clone, Copy, Debug)]
pub struct Quality {
    /// Virtual ms from one end to the other, at least.
    pub delay_ms: u64,
    pub jitter_ms: u64,
    /// Bytes that fit between the ends.
    pub room: usize,
    /// Bytes that the reader takes in 10 ms.
    pub speed: usize,
}

/// A replica's connection to its primary.
pub struct Conn {
    pub replica: usize,
    pub primary: usize,
    /// It carries the payload of a full sync that has two connections.
    pub second: bool,
    /// The primary's end; `None` before it accepted and after it closed.
    pub client: Option<ClientId>,
    /// The replica's end is open.
    pub held: bool,
    /// The replica learns how connecting went at this time: connected, refused.
    pub dialing: Option<(u64, bool)>,
    /// To the primary, and to the replica.
    pub up: Wire,
    pub down: Wire,
    pub quality: Quality,
    /// Nothing arrives any more and nobody is told.
    pub dead: bool,
    /// Nothing arrives until then.
    pub stalled_until_ms: u64,
    /// The reader has read what it may until then.
    pub read_again_ms: u64,
}

impl Conn {
    /// Both ends are closed: nobody misses it.
    pub fn is_over(&self) -> bool {
        !self.held && self.client.is_none()
    }

    /// It breaks: a part of what is under way still arrives, up to any byte, in either direction.
    pub fn cut(&mut self, rng: &mut Rng, now_ms: u64) {
        for wire in [&mut self.up, &mut self.down] {
            wire.truncate(rng);
            wire.end(now_ms + self.quality.delay_ms);
        }
    }

    /// When something arrives; `reads`: the replica takes what comes.
    pub fn due(&self, reads: bool) -> Option<u64> {
        if self.dead {
            return None;
        }
        let dialing = self.dialing.map(|(at, _)| at);
        let down = self.down.due().filter(|_| reads || !self.held);
        let down = down.map(|at| at.max(self.read_again_ms));
        let first = [dialing, self.up.due(), down].into_iter().flatten().min()?;
        Some(first.max(self.stalled_until_ms))
    }
}
