//! The files of the stream that a replica collects beside its payload, in virtual time.

use super::disk::SimDisk;
use super::saving::Hands;
use super::scratch::SimScratch;
use forebay::flow::save::Writers;
use forebay::flow::spill::{self, SpillWriter, Spilled};
use forebay::replication::log::{Place, Spill};
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of a file: few, so that there are several.
const FILE_BYTES: u64 = 30_000;

/// See the module.
pub struct CollectedFiles {
    hands: Hands,
    writer: SpillWriter<SimDisk>,
    /// Blocks that go to disk, and when they are there.
    writing: Vec<(u64, Spill)>,
    /// Bytes that the disk gives at this time.
    reading: Option<(u64, Result<Vec<u8>, String>)>,
    /// Blocks that went to disk.
    pub blocks: u64,
}

impl CollectedFiles {
    pub fn new(hands: Hands) -> CollectedFiles {
        let (disk, directory) = (hands.disk().clone(), PathBuf::from("/collected"));
        CollectedFiles {
            writer: SpillWriter::new(disk, directory, FILE_BYTES, Arc::new(drop)),
            hands,
            writing: Vec::new(),
            reading: None,
            blocks: 0,
        }
    }

    /// Only time is needed for what was asked.
    pub fn is_busy(&self) -> bool {
        !self.writing.is_empty() || self.reading.is_some()
    }

    /// The link is another one: nobody waits for what was asked.
    pub fn forget(&mut self) {
        self.writing.clear();
        self.reading = None;
    }

    pub fn write(&mut self, block: Spill) {
        let at = self.hands.now_ms() + self.hands.disk().delay_ms();
        self.writing.push((at, block));
    }

    /// A block that was written, or was not.
    pub fn written(&mut self) -> Option<Spilled> {
        let now_ms = self.hands.now_ms();
        let due = self.writing.iter().position(|(at, _)| *at <= now_ms)?;
        let (_, block) = self.writing.remove(due);
        let spilled = self.writer.write(&block);
        self.blocks += u64::from(spilled.1.is_ok());
        Some(spilled)
    }

    pub fn read_back(&mut self, place: &Place, len: usize) {
        let read = spill::read::<SimScratch>(place, len).map_err(|e| e.to_string());
        let at = self.hands.now_ms() + self.hands.disk().delay_ms();
        self.reading = Some((at, read));
    }

    /// What was read, when it is time.
    pub fn read(&mut self) -> Option<Result<Vec<u8>, String>> {
        let now_ms = self.hands.now_ms();
        let (_, read) = self.reading.take_if(|(at, _)| *at <= now_ms)?;
        Some(read)
    }
}
