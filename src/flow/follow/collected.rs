//! The stream that comes over the first connection of a full sync while its payload comes over the second one.
//!
//! ```text
//! Collected::take --> [ blocks in memory ] --> Collected::next, once the payload is loaded
//!                \--> [ older ones in files, through Collected::spill ] --/
//! ```
//!
//!  * Memory is bounded whatever the primary writes: beyond [`MEMORY`] the oldest blocks go to disk, and if the disk
//!    does not keep up, nothing more is read of the connection ([`Collected::has_room`]), so that the rest waits at the
//!    primary.
//!  * How much is kept in all is replication's to say (`replica-full-sync-buffer-limit`).

use replication::ReplOffset;
use replication::log::{Chunk, Log, Place, Spill};

/// Bytes in memory before the oldest go to disk.
const MEMORY: usize = 8 << 20;
/// Bytes in memory, those that are being written included, beyond which nothing more is read.
const MEMORY_MAX: usize = 32 << 20;
/// Blocks are a sixteenth of this.
const KEPT: usize = 1 << 20;
/// Bytes applied at once.
const SLICE: usize = 256 << 10;
/// The only reader of the log.
const READER: u64 = 0;

/// See the module.
#[derive(Default)]
pub struct Collected {
    log: Option<Log>,
    /// The last byte of all that were collected before: the names of blocks are never used again, so that nobody takes
    /// what is told of a block for what is told of another.
    end: ReplOffset,
    /// Bytes in memory before the oldest go to disk; another number in tests.
    memory: Option<usize>,
    /// Bytes are being read back from disk.
    reading: bool,
}

/// What comes next.
#[derive(Clone)]
pub enum Source {
    /// Bytes in memory.
    Memory,
    /// So many bytes on disk.
    Disk(Place, usize),
}

impl Collected {
    /// Nothing is collected; `memory` bytes of what comes are kept before any go to disk.
    pub fn spilling_above(memory: usize) -> Collected {
        Collected {
            memory: Some(memory),
            ..Collected::default()
        }
    }

    /// Bytes of the stream.
    pub fn take(&mut self, bytes: &[u8]) {
        let memory = self.memory.unwrap_or(MEMORY);
        let log = self.log.get_or_insert_with(|| {
            let mut log = Log::new(self.end, KEPT.min(memory));
            log.set_disk(usize::MAX, memory.saturating_sub(KEPT));
            let pinned = log.pin(READER, self.end + 1);
            assert!(pinned, "an empty log covers its first byte");
            log
        });
        log.append(bytes);
    }

    /// Everything was given on, or is not wanted.
    pub fn clear(&mut self) {
        if let Some(log) = self.log.take() {
            self.end = log.end();
        }
        self.reading = false;
    }

    /// Nothing is left to be given on.
    pub fn is_empty(&self) -> bool {
        self.log.as_ref().is_none_or(|log| log.pending(READER) == 0)
    }

    /// More may be read of the connection.
    pub fn has_room(&self) -> bool {
        let held = |log: &Log| log.len() - log.on_disk();
        self.log.as_ref().is_none_or(|log| held(log) < MEMORY_MAX)
    }

    /// A block that has to go to disk; answer with [`Collected::spilled`].
    pub fn spill(&mut self) -> Option<Spill> {
        self.log.as_mut()?.next_to_spill()
    }

    /// Where a block is, or that it could not be written: it stays in memory, and so do all that follow.
    pub fn spilled(&mut self, start: ReplOffset, place: Option<Place>) {
        if let Some(log) = &mut self.log {
            log.on_spilled(start, place);
        }
    }

    /// Where the next bytes are; `None` while there are none, or they are being read back.
    pub fn next(&self) -> Option<Source> {
        let log = self.log.as_ref().filter(|_| !self.reading)?;
        match log.chunk(READER) {
            Chunk::Memory([]) => None,
            Chunk::Memory(_) => Some(Source::Memory),
            Chunk::Disk(place, len) => Some(Source::Disk(place, len)),
        }
    }

    /// The bytes that [`Source::Disk`] names are being read.
    pub fn reads(&mut self) {
        self.reading = true;
    }

    /// They were read.
    pub fn was_read(&mut self, n: usize) {
        self.reading = false;
        self.advance(n);
    }

    /// The next bytes, as far as they are in memory: they are the caller's now.
    pub fn give(&mut self) -> Vec<u8> {
        let Some(log) = &self.log else {
            return Vec::new();
        };
        let bytes = match log.chunk(READER) {
            Chunk::Memory(bytes) => bytes[..bytes.len().min(SLICE)].to_vec(),
            Chunk::Disk(..) => Vec::new(),
        };
        self.advance(bytes.len());
        bytes
    }

    fn advance(&mut self, n: usize) {
        if let Some(log) = &mut self.log {
            log.advance(READER, n);
            log.drop_unneeded(2);
        }
        if self.is_empty() {
            self.clear();
        }
    }
}
