//! One log of stream bytes: the backlog, and what the replicas have not read yet.
//!
//!  * Bytes are kept once, in blocks; the newest block grows, the others never change.
//!  * A *reader* (a replica's connection) pins the log from its position onwards: nothing from the lowest position
//!    onwards is dropped.
//!  * Blocks that no reader needs are dropped one by one, as long as at least `bytes_max` remain, so that a replica
//!    that returns later finds at least that much.
//!  * `end` is the offset of the last byte; it never moves back except by [`Log::new`].
//!  * Past [`SPILL_ABOVE`] bytes more than the size, the oldest blocks are written to disk, up to a limit, so that a
//!    replica that takes long to receive its payload costs disk space instead of memory. Blocks on disk come first in
//!    the log, then those that are being written, and then those in memory.
//!
//! ```text
//!   first                     reader 7            reader 9      end
//!     v                          v                   v           v
//!   [ disk  ][ disk  ][ disk  ][ disk  ][going ][ block ][ block ][ tail ]
//!   <- kept for partial resyncs -><- pinned by the slowest reader ->
//! ```

use super::position::ReplOffset;
use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Blocks are at least this large (bytes), as in the reference: `PROTO_REPLY_CHUNK_BYTES`.
const BLOCK_BYTES_MIN: usize = 16 * 1024;
/// Blocks dropped per append: what a slow reader had pinned is freed in slices, not in one stall.
const DROP_PER_STEP: usize = 64;
/// Blocks dropped for each that is added.
const DROP_PER_BLOCK: usize = 2;
/// The least `repl-backlog-size` that has effect.
pub const BACKLOG_BYTES_MIN: usize = 16 * 1024;
/// The memory of a block in addition to its bytes. As in Redis, it counts towards a reader's share.
const BLOCK_OVERHEAD: usize = 48;

/// Bytes in memory beyond the size of the backlog from which blocks are moved to disk, if that is allowed.
pub const SPILL_ABOVE: usize = 16 << 20;
/// Bytes that may be on their way to the disk. A burst of writes does not count against replicas; a disk that is too
/// slow for a long time does.
const GOING_MAX: usize = 64 << 20;

/// A reader: the number of the replica's connection.
pub type ReaderId = u64;

struct Block {
    start: ReplOffset,
    len: usize,
    body: Body,
}

enum Body {
    /// In memory. The last block grows.
    Memory(Vec<u8>),
    /// In memory, while it is being written to disk.
    Going(Arc<Vec<u8>>),
    /// On disk.
    Disk(Place),
}

/// The place of a block on disk. The shell's file stays open as long as a place refers to it.
#[derive(Clone)]
pub struct Place {
    /// Known only to the server.
    pub file: Arc<dyn Any + Send + Sync>,
    /// Offset in the file, bytes.
    pub at: u64,
}

/// The next bytes for a reader.
pub enum Chunk<'a> {
    /// Contiguous bytes in memory; empty if the reader has everything.
    Memory(&'a [u8]),
    /// This many bytes on disk.
    Disk(Place, usize),
    /// Bytes from this offset on are in the append-only file; at most so many.
    Archive(ReplOffset, usize),
    /// The next bytes were in the append-only file, and are not there any more.
    Gone,
}

/// A block that has to go to disk; answer with [`Log::on_spilled`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spill {
    /// Offset of its first byte, by which it is identified.
    pub start: ReplOffset,
    /// Its bytes.
    pub bytes: Arc<Vec<u8>>,
}

/// The log.
pub struct Log {
    blocks: VecDeque<Block>,
    end: ReplOffset,
    bytes_max: usize,
    readers: BTreeMap<ReaderId, ReplOffset>,
    blocks_made: u64,
    /// Bytes that may be on disk; 0 means none.
    disk_max: usize,
    /// Bytes in memory beyond the size of the backlog from which blocks are moved to disk.
    spill_above: usize,
    /// Bytes on disk.
    on_disk: usize,
    /// Bytes that are being written to disk.
    going: usize,
    /// The first and the last byte that are in the append-only file.
    archived: Option<(ReplOffset, ReplOffset)>,
    /// Readers of bytes before the first one that is kept here: they read from the append-only file, and pin nothing.
    behind: BTreeMap<ReaderId, ReplOffset>,
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
            disk_max: 0,
            spill_above: SPILL_ABOVE,
            on_disk: 0,
            going: 0,
            archived: None,
            behind: BTreeMap::new(),
        }
    }

    /// The first and the last byte of the stream that are in the append-only file, if any are.
    pub fn set_archived(&mut self, archived: Option<(ReplOffset, ReplOffset)>) {
        self.archived = archived;
    }

    /// Sets how many bytes may be on disk (0 = none; blocks that are there remain), and how many bytes above the size
    /// are kept in memory before any is written there.
    pub fn set_disk(&mut self, disk_max: usize, spill_above: usize) {
        self.disk_max = disk_max;
        self.spill_above = spill_above;
    }

    /// Bytes on disk.
    pub fn on_disk(&self) -> usize {
        self.on_disk
    }

    /// Offset of the last byte.
    pub fn end(&self) -> ReplOffset {
        self.end
    }

    /// Offset of the first byte that is kept; `end + 1` if there is none.
    pub fn first(&self) -> ReplOffset {
        self.blocks.front().map_or(self.end + 1, |b| b.start)
    }

    /// Bytes that are kept (`repl_backlog_histlen`). They may exceed the size of the backlog while a reader is slow.
    pub fn len(&self) -> usize {
        (self.end + 1 - self.first()) as usize
    }

    /// True if no bytes are kept.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// `repl_backlog_size`
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Memory held, bytes.
    pub fn memory(&self) -> usize {
        let held = self.blocks.iter().map(|b| match &b.body {
            Body::Memory(bytes) => bytes.capacity(),
            Body::Going(bytes) => bytes.capacity(),
            Body::Disk(_) => 0,
        });
        held.sum::<usize>() + self.blocks.len() * BLOCK_OVERHEAD
    }

    /// Changes how much is kept. Growing loses nothing; shrinking drops what no reader pins.
    pub fn resize(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max.max(BACKLOG_BYTES_MIN);
        self.drop_unneeded(usize::MAX);
    }

    /// Appends stream bytes.
    pub fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.blocks.back().map_or(0, Block::room);
            if room == 0 {
                // Blocks that no reader needs are dropped at once, so that no more of a huge command is kept than the
                // size of the backlog.
                self.drop_unneeded(DROP_PER_BLOCK);
                self.add_block(bytes.len());
                continue;
            }
            let n = room.min(bytes.len());
            let tail = self.blocks.back_mut().expect("it has room");
            tail.push(&bytes[..n]);
            self.end += n as i64;
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
            len: 0,
            body: Body::Memory(Vec::with_capacity(wanted.clamp(BLOCK_BYTES_MIN, most))),
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
            let size = front.len;
            let needed = pinned.is_some_and(|at| at < front.start + size as i64);
            if self.blocks.len() <= 1 || needed || held - size <= self.bytes_max {
                return;
            }
            match self.blocks.pop_front().map(|b| b.body) {
                Some(Body::Disk(_)) => self.on_disk -= size,
                Some(Body::Going(_)) => self.going -= size,
                _ => {}
            }
        }
    }

    /// The next block that has to go to disk: the oldest in memory, while more is held than may be.
    pub fn next_to_spill(&mut self) -> Option<Spill> {
        let in_memory = self.len() - self.on_disk - self.going;
        if in_memory <= self.bytes_max + self.spill_above || self.going >= GOING_MAX {
            return None;
        }
        let first = self
            .blocks
            .partition_point(|b| !matches!(b.body, Body::Memory(_)));
        let last = self.blocks.len() - 1;
        let block = self.blocks.get_mut(first).filter(|_| first < last)?;
        if self.on_disk + self.going + block.len > self.disk_max {
            return None;
        }
        let Body::Memory(bytes) = &mut block.body else {
            return None;
        };
        let bytes = Arc::new(std::mem::take(bytes));
        block.body = Body::Going(bytes.clone());
        self.going += block.len;
        Some(Spill {
            start: block.start,
            bytes,
        })
    }

    /// The block that begins at `start` is on disk now, or could not be written. Then it remains in memory, and
    /// nothing more is written to disk until the limit is set again.
    pub fn on_spilled(&mut self, start: ReplOffset, place: Option<Place>) {
        let at = self.blocks.partition_point(|b| b.start < start);
        let Some(block) = self.blocks.get_mut(at).filter(|b| b.start == start) else {
            return; // nobody needs it any more
        };
        let Body::Going(bytes) = &block.body else {
            return;
        };
        self.going -= block.len;
        match place {
            Some(place) => {
                self.on_disk += block.len;
                block.body = Body::Disk(place);
            }
            None => {
                block.body = Body::Memory(bytes.to_vec());
                self.disk_max = 0;
            }
        }
    }

    /// True if a reader may start with the byte `from`: it is here, or is the next one.
    pub fn covers(&self, from: ReplOffset) -> bool {
        self.first() <= from && from <= self.end + 1
    }

    /// True if a reader may start with the byte `from`: it is here, or is the next one, or is in the append-only file.
    pub fn reaches(&self, from: ReplOffset) -> bool {
        let archived = |(first, last)| first <= from && from <= last;
        self.covers(from) || self.archived.is_some_and(archived)
    }

    /// Starts a reader with the byte `from`. Returns false, and pins nothing, if that byte is neither kept nor in the
    /// append-only file.
    #[must_use]
    pub fn pin(&mut self, reader: ReaderId, from: ReplOffset) -> bool {
        let (covers, reaches) = (self.covers(from), self.reaches(from));
        if covers {
            self.readers.insert(reader, from);
        } else if reaches {
            self.behind.insert(reader, from);
        }
        reaches
    }

    /// The reader has disconnected: its position is no longer pinned.
    pub fn unpin(&mut self, reader: ReaderId) {
        self.readers.remove(&reader);
        self.behind.remove(&reader);
        self.drop_unneeded(DROP_PER_STEP);
    }

    /// The byte that a reader wants next.
    pub fn position(&self, reader: ReaderId) -> Option<ReplOffset> {
        let at = self.readers.get(&reader);
        at.or_else(|| self.behind.get(&reader)).copied()
    }

    /// Bytes that a reader has not got yet.
    pub fn pending(&self, reader: ReaderId) -> usize {
        let at = self.position(reader);
        at.map_or(0, |at| (self.end + 1 - at) as usize)
    }

    /// A reader's share of the memory, for `client-output-buffer-limit`. Blocks that are on disk or being written
    /// there do not count, and a reader of the append-only file has no share.
    pub fn share(&self, reader: ReaderId) -> usize {
        let Some(at) = self.readers.get(&reader).copied() else {
            return 0;
        };
        let at = at.max(self.first() + (self.on_disk + self.going) as i64);
        let pending = (self.end + 1 - at) as usize;
        if pending == 0 {
            return 0;
        }
        pending + (self.blocks.len() - self.block_of(at)) * BLOCK_OVERHEAD
    }

    /// The next bytes for a reader.
    pub fn chunk(&self, reader: ReaderId) -> Chunk<'_> {
        if let Some(&at) = self.readers.get(&reader) {
            return self.chunk_from(at);
        }
        let Some(&at) = self.behind.get(&reader) else {
            return Chunk::Memory(&[]);
        };
        match self.archived {
            Some((first, last)) if first <= at && at <= last => Chunk::Archive(at, usize::MAX),
            // What is between the file and what is kept here will be in the file.
            Some((_, last)) if at > last => Chunk::Memory(&[]),
            Some(_) | None => Chunk::Gone,
        }
    }

    fn chunk_from(&self, at: ReplOffset) -> Chunk<'_> {
        if at < self.first() || at > self.end {
            return Chunk::Memory(&[]);
        }
        let block = &self.blocks[self.block_of(at)];
        let skip = (at - block.start) as usize;
        match &block.body {
            Body::Memory(bytes) => Chunk::Memory(&bytes[skip..]),
            Body::Going(bytes) => Chunk::Memory(&bytes[skip..]),
            Body::Disk(place) => {
                let place = Place {
                    file: place.file.clone(),
                    at: place.at + skip as u64,
                };
                Chunk::Disk(place, block.len - skip)
            }
        }
    }

    /// A reader took `n` bytes of its [`Log::chunk`].
    pub fn advance(&mut self, reader: ReaderId, n: usize) {
        let end = self.end;
        if let Some(at) = self.readers.get_mut(&reader) {
            *at = (*at + n as i64).min(end + 1);
        }
        if let Some(at) = self.behind.get_mut(&reader) {
            *at = (*at + n as i64).min(end + 1);
            let at = *at;
            if self.covers(at) {
                self.behind.remove(&reader);
                self.readers.insert(reader, at);
            }
        }
    }

    /// The bytes from offset `at` on, as far as they lie together in memory.
    #[cfg(test)]
    pub fn bytes_from(&self, at: ReplOffset) -> &[u8] {
        match self.chunk_from(at) {
            Chunk::Memory(bytes) => bytes,
            Chunk::Disk(..) | Chunk::Archive(..) | Chunk::Gone => &[],
        }
    }

    /// Index of the block that holds `at`, which must be kept.
    fn block_of(&self, at: ReplOffset) -> usize {
        self.blocks
            .partition_point(|b| b.start <= at)
            .saturating_sub(1)
    }
}

impl Block {
    fn room(&self) -> usize {
        match &self.body {
            Body::Memory(bytes) => bytes.capacity() - bytes.len(),
            Body::Going(_) | Body::Disk(_) => 0,
        }
    }

    /// Appends what [`Block::room`] allows.
    fn push(&mut self, more: &[u8]) {
        if let Body::Memory(bytes) = &mut self.body {
            bytes.extend_from_slice(more);
            self.len += more.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(bytes_max: usize) -> Log {
        Log::new(ReplOffset::claimed(0), bytes_max)
    }

    /// `n` bytes that say their offset (mod 251).
    fn fill(log: &mut Log, n: usize) {
        let from = log.end().get() + 1;
        let bytes: Vec<u8> = (0..n as i64).map(|i| ((from + i) % 251) as u8).collect();
        for piece in bytes.chunks(1000) {
            log.append(piece);
        }
    }

    /// Reads everything; a "file" of these tests is a vector.
    fn read_all(log: &mut Log, reader: ReaderId) -> Vec<u8> {
        let mut out = Vec::new();
        loop {
            let n = match log.chunk(reader) {
                Chunk::Memory(bytes) => {
                    out.extend_from_slice(bytes);
                    bytes.len()
                }
                Chunk::Disk(place, len) => {
                    let file = place.file.downcast::<Vec<u8>>().unwrap();
                    out.extend_from_slice(&file[place.at as usize..][..len]);
                    len
                }
                // As `fill` has written it to the file.
                Chunk::Archive(at, _) => {
                    out.push((at.get() % 251) as u8);
                    1
                }
                Chunk::Gone => 0,
            };
            if n == 0 {
                return out;
            }
            log.advance(reader, n);
        }
    }

    /// Carries out what the log asks for. Returns the number of blocks moved to disk.
    fn spill_all(log: &mut Log) -> usize {
        let mut n = 0;
        while let Some(spill) = log.next_to_spill() {
            // Behind some bytes of another block.
            let file: Vec<u8> = [b"xyz", spill.bytes.as_slice()].concat();
            let file = Arc::new(file);
            log.on_spilled(spill.start, Some(Place { file, at: 3 }));
            n += 1;
        }
        n
    }

    fn is_filled_from(bytes: &[u8], first: usize) -> bool {
        let right = |(i, b): (usize, &u8)| *b == ((first + i) % 251) as u8;
        bytes.iter().enumerate().all(right)
    }

    #[test]
    fn a_reader_of_the_file_goes_on_here_when_it_has_come_so_far() {
        let mut log = log(16 * 1024);
        fill(&mut log, 100_000);
        let (at, first) = (ReplOffset::claimed, log.first());
        assert!(first.get() > 60_000);
        assert!(!log.reaches(at(5)) && !log.pin(7, at(5)));
        log.set_archived(Some((at(5), at(90_000))));
        assert!(!log.reaches(at(4)) && log.reaches(at(5)) && !log.covers(at(5)));
        assert!(log.pin(7, at(5)));
        assert_eq!((log.pending(7), log.share(7)), (99_996, 0));
        let got = read_all(&mut log, 7);
        assert!(got.len() == 99_996 && is_filled_from(&got, 5));
        fill(&mut log, 50_000);
        assert!(log.share(7) >= 50_000, "it pins what comes");
        assert!(is_filled_from(&read_all(&mut log, 7), 100_001));
    }

    #[test]
    fn a_reader_of_the_file_waits_for_what_is_not_there_yet_and_ends_where_it_is_gone() {
        let mut log = log(16 * 1024);
        fill(&mut log, 100_000);
        let at = ReplOffset::claimed;
        log.set_archived(Some((at(5), at(1000))));
        assert!(log.pin(7, at(900)));
        assert_eq!(read_all(&mut log, 7).len(), 101);
        assert!(matches!(log.chunk(7), Chunk::Memory([])));
        log.set_archived(Some((at(500), at(1001))));
        assert!(matches!(log.chunk(7), Chunk::Archive(from, _) if from == at(1001)));
        log.set_archived(Some((at(1002), at(2000))));
        assert!(matches!(log.chunk(7), Chunk::Gone));
        log.set_archived(None);
        assert!(matches!(log.chunk(7), Chunk::Gone));
        log.unpin(7);
        assert!(matches!(log.chunk(7), Chunk::Memory([])));
    }

    #[test]
    fn a_slow_reader_costs_disk_instead_of_memory_and_gets_every_byte() {
        let mut log = log(1 << 20);
        log.set_disk(1 << 30, SPILL_ABOVE);
        assert!(log.pin(7, ReplOffset::claimed(1)));
        for _ in 0..40 {
            fill(&mut log, 1 << 20);
            spill_all(&mut log);
            assert!(log.memory() <= SPILL_ABOVE + (3 << 20), "{}", log.memory());
        }
        assert!(log.on_disk() > 20 << 20);
        assert!(log.share(7) <= SPILL_ABOVE + (3 << 20), "{}", log.share(7));
        assert_eq!(log.pending(7), 40 << 20);
        let got = read_all(&mut log, 7);
        assert_eq!(got.len(), 40 << 20);
        assert!(is_filled_from(&got, 1));
        log.drop_unneeded(usize::MAX);
        assert_eq!(log.on_disk(), 0, "what nobody needs is given back");
        assert!(log.len() <= 2 << 20);
    }

    #[test]
    fn the_disk_takes_no_more_than_its_limit_and_the_rest_stays_in_memory() {
        let mut log = log(1 << 20);
        assert!(log.pin(7, ReplOffset::claimed(1)));
        fill(&mut log, 30 << 20);
        assert_eq!(spill_all(&mut log), 0, "nothing may go");
        log.set_disk(5 << 20, SPILL_ABOVE);
        assert!(spill_all(&mut log) > 0);
        assert!(log.on_disk() <= 5 << 20 && log.on_disk() > 4 << 20);
        assert!(log.share(7) >= 25 << 20);
        assert!(is_filled_from(&read_all(&mut log, 7), 1));
    }

    #[test]
    fn what_cannot_be_written_stays_in_memory_and_nothing_more_goes() {
        let mut log = log(1 << 20);
        log.set_disk(1 << 30, SPILL_ABOVE);
        assert!(log.pin(7, ReplOffset::claimed(1)));
        fill(&mut log, 20 << 20);
        let spill = log.next_to_spill().expect("there is too much");
        log.on_spilled(spill.start, None);
        assert!(log.next_to_spill().is_none());
        assert_eq!(log.on_disk(), 0);
        assert!(is_filled_from(&read_all(&mut log, 7), 1));
    }

    #[test]
    fn a_block_that_is_no_longer_needed_when_it_stands_on_disk_is_forgotten() {
        let mut log = log(1 << 20);
        log.set_disk(1 << 30, SPILL_ABOVE);
        assert!(log.pin(7, ReplOffset::claimed(1)));
        fill(&mut log, 20 << 20);
        let spill = log.next_to_spill().expect("there is too much");
        log.unpin(7);
        log.drop_unneeded(usize::MAX);
        let file = Arc::new(spill.bytes.to_vec());
        log.on_spilled(spill.start, Some(Place { file, at: 0 }));
        assert_eq!((log.on_disk(), log.going), (0, 0));
    }

    #[test]
    fn the_first_byte_has_offset_one_and_the_next_byte_may_be_asked_for() {
        let mut log = log(1 << 20);
        assert_eq!((log.first().get(), log.len()), (1, 0));
        fill(&mut log, 163);
        assert_eq!((log.first().get(), log.end().get()), (1, 163));
        for (from, ok) in [
            (0, false),
            (1, true),
            (164, true),
            (165, false),
            (-1, false),
        ] {
            assert_eq!(log.covers(ReplOffset::claimed(from)), ok, "{from}");
        }
    }

    #[test]
    fn what_nobody_reads_is_dropped_but_the_size_is_kept() {
        let mut log = log(100_000);
        fill(&mut log, 1_000_000);
        assert!(log.len() >= 100_000, "{}", log.len());
        assert!(log.len() <= 100_000 + BLOCK_BYTES_MIN, "{}", log.len());
        assert_eq!(
            log.bytes_from(log.first())[0],
            (log.first().get() % 251) as u8
        );
    }

    #[test]
    fn a_slow_reader_pins_the_log_and_gets_every_byte() {
        let mut log = log(16 * 1024);
        fill(&mut log, 500);
        assert!(log.pin(7, ReplOffset::claimed(501)));
        fill(&mut log, 900_000);
        assert_eq!(log.pending(7), 900_000);
        assert!(log.share(7) >= 900_000);
        let got = read_all(&mut log, 7);
        assert_eq!(got.len(), 900_000);
        assert!(is_filled_from(&got, 501));
        log.unpin(7);
        log.drop_unneeded(usize::MAX);
        assert!(log.len() <= 2 * BLOCK_BYTES_MIN);
    }

    #[test]
    fn resizing_keeps_the_data_and_shrinking_respects_readers() {
        let mut log = log(200_000);
        fill(&mut log, 200_000);
        log.resize(400_000);
        assert_eq!(log.first().get(), 1);
        assert!(log.pin(1, ReplOffset::claimed(2)));
        log.resize(16 * 1024);
        assert_eq!(log.first().get(), 1);
        log.unpin(1);
        log.resize(16 * 1024);
        assert!(log.first().get() > 100_000);
        assert!(!log.pin(1, ReplOffset::claimed(2)));
    }

    #[test]
    fn one_huge_command_is_cut_into_blocks_of_a_sixteenth() {
        let mut log = log(1 << 20);
        log.append(&vec![1; 3 << 20]);
        assert!(log.blocks.iter().all(|b| b.len <= 1 << 17));
        assert!(log.len() >= 1 << 20 && log.len() < (1 << 20) + (1 << 17) + 1);
    }

    #[test]
    fn a_reader_that_has_everything_has_no_share() {
        let mut log = log(1 << 20);
        fill(&mut log, 10);
        assert!(log.pin(3, ReplOffset::claimed(11)));
        assert_eq!((log.share(3), log.pending(3)), (0, 0));
        assert!(read_all(&mut log, 3).is_empty());
    }
}
