//! One log of stream bytes for everybody: the backlog and what every replica has still to get.
//!
//!  * Bytes are kept once, in blocks; the newest block grows, the others never change.
//!  * A *reader* (a replica's connection) pins the log from its position on: nothing at or behind
//!    the lowest position is dropped.
//!  * What no reader needs is dropped block by block while at least `bytes_max` stay: a replica that
//!    comes back later finds at least that much.
//!  * `end` is the offset of the last byte; it never moves back except by [`Log::new`].
//!
//! ```text
//!   first                     reader 7            reader 9      end
//!     v                          v                   v           v
//!   [ block ][ block ][ block ][ block ][ block ][ block ][ tail ]
//!   <- kept for partial resyncs -><- pinned by the slowest reader ->
//! ```
//!
//! A place for spilling: a block's bytes are reached only through [`Log::chunk`], so the oldest
//! pinned blocks may come to stand in a file without anybody noticing.

use super::position::ReplOffset;
use std::collections::{BTreeMap, VecDeque};

/// Blocks are at least this large (bytes), as in the reference: `PROTO_REPLY_CHUNK_BYTES`.
const BLOCK_BYTES_MIN: usize = 16 * 1024;
/// Blocks dropped per append: what a slow reader pinned goes in slices, not in one stall.
const DROP_PER_STEP: usize = 64;
/// The least `repl-backlog-size` that has effect.
pub const BACKLOG_BYTES_MIN: usize = 16 * 1024;
/// What a block costs beside its bytes; counted into a reader's share as the reference does.
const BLOCK_OVERHEAD: usize = 48;

/// Who reads; the number of the replica's connection.
pub type ReaderId = u64;

struct Block {
    start: ReplOffset,
    bytes: Vec<u8>,
}

/// The log.
pub struct Log {
    blocks: VecDeque<Block>,
    end: ReplOffset,
    bytes_max: usize,
    readers: BTreeMap<ReaderId, ReplOffset>,
    blocks_made: u64,
}

impl Log {
    /// An empty log whose next byte has offset `end + 1`, keeping at least `bytes_max` bytes.
    pub fn new(end: ReplOffset, bytes_max: usize) -> Self {
        Log {
            blocks: VecDeque::new(),
            end,
            bytes_max: bytes_max.max(BACKLOG_BYTES_MIN),
            readers: BTreeMap::new(),
            blocks_made: 0,
        }
    }

    /// Offset of the last byte.
    pub fn end(&self) -> ReplOffset {
        self.end
    }

    /// Offset of the first byte still here; `end + 1` when empty.
    pub fn first(&self) -> ReplOffset {
        self.blocks.front().map_or(self.end + 1, |b| b.start)
    }

    /// Bytes still here (`repl_backlog_histlen`); may exceed the size while a reader is slow.
    pub fn len(&self) -> usize {
        (self.end + 1 - self.first()) as usize
    }

    /// True without bytes.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// `repl_backlog_size`
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Memory held, bytes.
    pub fn memory(&self) -> usize {
        let held = self.blocks.iter().map(|b| b.bytes.capacity());
        held.sum::<usize>() + self.blocks.len() * BLOCK_OVERHEAD
    }

    /// Changes how much is kept. Growing loses nothing; shrinking drops what nobody pins.
    pub fn resize(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max.max(BACKLOG_BYTES_MIN);
        self.drop_unneeded(usize::MAX);
    }

    /// Appends stream bytes.
    pub fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.blocks.back().map_or(0, Block::room);
            if room == 0 {
                self.add_block(bytes.len());
                continue;
            }
            let n = room.min(bytes.len());
            let tail = self.blocks.back_mut().expect("it has room");
            tail.bytes.extend_from_slice(&bytes[..n]);
            self.end = self.end + n as i64;
            bytes = &bytes[n..];
        }
        self.drop_unneeded(DROP_PER_STEP);
    }

    /// A block for `wanted` bytes; never more than a sixteenth of the backlog, so that one huge
    /// command does not become one huge block that can only be dropped as a whole.
    fn add_block(&mut self, wanted: usize) {
        let most = (self.bytes_max / 16).max(BLOCK_BYTES_MIN);
        self.blocks.push_back(Block {
            start: self.end + 1,
            bytes: Vec::with_capacity(wanted.clamp(BLOCK_BYTES_MIN, most)),
        });
        self.blocks_made += 1;
    }

    /// Blocks made so far: a change says that it is time to look at the readers' shares.
    pub fn blocks_made(&self) -> u64 {
        self.blocks_made
    }

    /// Drops up to `steps` of the oldest blocks that neither a reader nor the size needs.
    pub fn drop_unneeded(&mut self, steps: usize) {
        let pinned = self.readers.values().min().copied();
        for _ in 0..steps {
            let (held, Some(front)) = (self.len(), self.blocks.front()) else {
                return;
            };
            let size = front.bytes.len();
            let needed = pinned.is_some_and(|at| at < front.start + size as i64);
            if self.blocks.len() <= 1 || needed || held - size <= self.bytes_max {
                return;
            }
            self.blocks.pop_front();
        }
    }

    /// True if a reader may start with the byte `from`: it is here, or is the next one.
    pub fn covers(&self, from: ReplOffset) -> bool {
        self.first() <= from && from <= self.end + 1
    }

    /// Lets a reader start with the byte `from`. False (and nothing pinned) if that is not covered.
    #[must_use]
    pub fn pin(&mut self, reader: ReaderId, from: ReplOffset) -> bool {
        let ok = self.covers(from);
        if ok {
            self.readers.insert(reader, from);
        }
        ok
    }

    /// The reader is gone.
    pub fn unpin(&mut self, reader: ReaderId) {
        self.readers.remove(&reader);
        self.drop_unneeded(DROP_PER_STEP);
    }

    /// The byte that a reader wants next.
    pub fn position(&self, reader: ReaderId) -> Option<ReplOffset> {
        self.readers.get(&reader).copied()
    }

    /// Bytes that a reader has still to get.
    pub fn pending(&self, reader: ReaderId) -> usize {
        let at = self.position(reader);
        at.map_or(0, |at| (self.end + 1 - at) as usize)
    }

    /// A reader's share of the memory, for `client-output-buffer-limit`.
    pub fn share(&self, reader: ReaderId) -> usize {
        let Some(at) = self.position(reader) else {
            return 0;
        };
        let pending = (self.end + 1 - at) as usize;
        if pending == 0 {
            return 0;
        }
        pending + (self.blocks.len() - self.block_of(at)) * BLOCK_OVERHEAD
    }

    /// The next bytes for a reader, as far as they lie together; empty when it has everything.
    pub fn chunk(&self, reader: ReaderId) -> &[u8] {
        self.position(reader).map_or(&[], |at| self.bytes_from(at))
    }

    /// A reader took `n` bytes of its [`Log::chunk`].
    pub fn advance(&mut self, reader: ReaderId, n: usize) {
        let end = self.end;
        if let Some(at) = self.readers.get_mut(&reader) {
            *at = (*at + n as i64).min(end + 1);
        }
    }

    /// The bytes from offset `at` on, as far as they lie together.
    pub fn bytes_from(&self, at: ReplOffset) -> &[u8] {
        if at < self.first() || at > self.end {
            return &[];
        }
        let block = &self.blocks[self.block_of(at)];
        &block.bytes[(at - block.start) as usize..]
    }

    /// Index of the block that holds `at` (which is covered).
    fn block_of(&self, at: ReplOffset) -> usize {
        self.blocks
            .partition_point(|b| b.start <= at)
            .saturating_sub(1)
    }
}

impl Block {
    fn room(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(bytes_max: usize) -> Log {
        Log::new(ReplOffset(0), bytes_max)
    }

    /// `n` bytes that say their offset (mod 251).
    fn fill(log: &mut Log, n: usize) {
        let from = log.end().0 + 1;
        let bytes: Vec<u8> = (0..n as i64).map(|i| ((from + i) % 251) as u8).collect();
        for piece in bytes.chunks(1000) {
            log.append(piece);
        }
    }

    fn read_all(log: &mut Log, reader: ReaderId) -> Vec<u8> {
        let mut out = Vec::new();
        while !log.chunk(reader).is_empty() {
            let n = log.chunk(reader).len();
            out.extend_from_slice(log.chunk(reader));
            log.advance(reader, n);
        }
        out
    }

    #[test]
    fn the_first_byte_has_offset_one_and_the_next_byte_may_be_asked_for() {
        let mut log = log(1 << 20);
        assert_eq!((log.first().0, log.len()), (1, 0));
        fill(&mut log, 163);
        assert_eq!((log.first().0, log.end().0), (1, 163));
        for (from, ok) in [
            (0, false),
            (1, true),
            (164, true),
            (165, false),
            (-1, false),
        ] {
            assert_eq!(log.covers(ReplOffset(from)), ok, "{from}");
        }
    }

    #[test]
    fn what_nobody_reads_is_dropped_but_the_size_is_kept() {
        let mut log = log(100_000);
        fill(&mut log, 1_000_000);
        assert!(log.len() >= 100_000, "{}", log.len());
        assert!(log.len() <= 100_000 + BLOCK_BYTES_MIN, "{}", log.len());
        assert_eq!(log.bytes_from(log.first())[0], (log.first().0 % 251) as u8);
    }

    #[test]
    fn a_slow_reader_pins_the_log_and_gets_every_byte() {
        let mut log = log(16 * 1024);
        fill(&mut log, 500);
        assert!(log.pin(7, ReplOffset(501)));
        fill(&mut log, 900_000);
        assert_eq!(log.pending(7), 900_000);
        assert!(log.share(7) >= 900_000);
        let got = read_all(&mut log, 7);
        assert_eq!(got.len(), 900_000);
        let right = |(i, b): (usize, &u8)| *b == ((501 + i) % 251) as u8;
        assert!(got.iter().enumerate().all(right));
        log.unpin(7);
        log.drop_unneeded(usize::MAX);
        assert!(log.len() <= 2 * BLOCK_BYTES_MIN);
    }

    #[test]
    fn resizing_keeps_the_data_and_shrinking_respects_readers() {
        let mut log = log(200_000);
        fill(&mut log, 200_000);
        log.resize(400_000);
        assert_eq!(log.first().0, 1);
        assert!(log.pin(1, ReplOffset(2)));
        log.resize(16 * 1024);
        assert_eq!(log.first().0, 1);
        log.unpin(1);
        log.resize(16 * 1024);
        assert!(log.first().0 > 100_000);
        assert!(!log.pin(1, ReplOffset(2)));
    }

    #[test]
    fn one_huge_command_is_cut_into_blocks_of_a_sixteenth() {
        let mut log = log(1 << 20);
        log.append(&vec![1; 3 << 20]);
        assert!(log.blocks.iter().all(|b| b.bytes.capacity() <= 1 << 17));
        assert!(log.len() >= 1 << 20 && log.len() < (1 << 20) + (1 << 17) + 1);
    }

    #[test]
    fn a_reader_that_has_everything_has_no_share() {
        let mut log = log(1 << 20);
        fill(&mut log, 10);
        assert!(log.pin(3, ReplOffset(11)));
        assert_eq!((log.share(3), log.pending(3)), (0, 0));
        assert_eq!(log.chunk(3), b"");
    }
}
