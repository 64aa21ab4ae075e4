//! The stream that arrives over the first connection of a full sync while its payload arrives over the second one.
//!
//! ```text
//! Collected::take --> [ blocks in memory ] --> Collected::next, once the payload is loaded
//!                \--> [ older ones in files, through Collected::spill ] --/
//! ```
//!
//!  * Memory is bounded, independent of what the primary writes: beyond [`MEMORY`] the oldest blocks are moved to disk.
//!    If the disk does not keep up, the connection is not read any further ([`Collected::has_room`]), so that the
//!    primary keeps the rest.
//!  * Replication limits how much is kept in total (`replica-full-sync-buffer-limit`).

use replication::ReplOffset;
use replication::log::{Chunk, Log, Place, Spill};

/// Bytes in memory beyond which the oldest blocks are moved to disk.
const MEMORY: usize = 8 << 20;
/// Bytes in memory, including those that are being written, beyond which nothing more is read.
const MEMORY_MAX: usize = 32 << 20;
/// A block is a sixteenth of this.
const KEPT: usize = 1 << 20;
/// The most bytes that are applied at once.
const SLICE: usize = 256 << 10;
/// The only reader of the log.
const READER: u64 = 0;

/// The collected stream; see the module.
#[derive(Default)]
pub struct Collected {
    log: Option<Log>,
    /// The offset of the last byte that was ever collected. Names of blocks are not reused, so that a report about one
    /// block cannot be taken for one about another.
    end: ReplOffset,
    /// Bytes in memory beyond which the oldest blocks are moved to disk; another number in tests.
    memory: Option<usize>,
    /// Bytes are being read from disk.
    reading: bool,
}

/// The place of the next bytes.
#[derive(Clone)]
pub enum Source {
    /// In memory.
    Memory,
    /// This many bytes on disk.
    Disk(Place, usize),
}

impl Collected {
    /// An empty collection, which keeps `memory` bytes before any are moved to disk.
    pub fn spilling_above(memory: usize) -> Collected {
        Collected {
            memory: Some(memory),
            ..Collected::default()
        }
    }

    /// Adds bytes of the stream.
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

    /// Ends the collection: everything was passed on, or is no longer needed.
    pub fn clear(&mut self) {
        if let Some(log) = self.log.take() {
            self.end = log.end();
        }
        self.reading = false;
    }

    /// True if nothing is left to be passed on.
    pub fn is_empty(&self) -> bool {
        self.log.as_ref().is_none_or(|log| log.pending(READER) == 0)
    }

    /// Bytes in memory, those that are on their way to disk included.
    pub fn in_memory(&self) -> usize {
        let log = self.log.as_ref();
        log.map_or(0, |log| log.len() - log.on_disk())
    }

    /// True if more may be read from the connection.
    pub fn has_room(&self) -> bool {
        self.in_memory() < MEMORY_MAX
    }

    /// A block that must be written to disk; answer with [`Collected::spilled`].
    pub fn spill(&mut self) -> Option<Spill> {
        self.log.as_mut()?.next_to_spill()
    }

    /// Reports where a block is, or that it could not be written. In that case it stays in memory, and so do all that
    /// follow.
    pub fn spilled(&mut self, start: ReplOffset, place: Option<Place>) {
        if let Some(log) = &mut self.log {
            log.on_spilled(start, place);
        }
    }

    /// Where the next bytes are; `None` while there are none, or they are being read from disk.
    pub fn next(&self) -> Option<Source> {
        let log = self.log.as_ref().filter(|_| !self.reading)?;
        match log.chunk(READER) {
            Chunk::Memory([]) => None,
            Chunk::Memory(_) => Some(Source::Memory),
            Chunk::Disk(place, len) => Some(Source::Disk(place, len)),
            // What is collected is in no other file.
            Chunk::Archive(..) | Chunk::Gone => None,
        }
    }

    /// Notes that the bytes of [`Source::Disk`] are being read.
    pub fn reads(&mut self) {
        self.reading = true;
    }

    /// Notes that these bytes have been read.
    pub fn was_read(&mut self, n: usize) {
        self.reading = false;
        self.advance(n);
    }

    /// Takes the next bytes that are in memory.
    pub fn give(&mut self) -> Vec<u8> {
        let Some(log) = &self.log else {
            return Vec::new();
        };
        let bytes = match log.chunk(READER) {
            Chunk::Memory(bytes) => bytes[..bytes.len().min(SLICE)].to_vec(),
            Chunk::Disk(..) | Chunk::Archive(..) | Chunk::Gone => Vec::new(),
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
