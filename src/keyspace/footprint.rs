//! What the memory of a database's segments is used for, in bytes. Tests and measurements use this.

use super::{Db, directory};

/// Bytes of one database; values outside the records are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Number of segments.
    pub segments: usize,
    /// Records that count.
    pub live: usize,
    /// Records that were replaced.
    pub garbage: usize,
    /// Free bytes after the last record of each segment.
    pub tails: usize,
    /// Headers and slots of segments.
    pub slots: usize,
    /// The directory's nodes.
    pub nodes: usize,
    /// Bytes between extents, in pages that hold memory.
    pub holes: usize,
}

impl Footprint {
    /// All bytes that were obtained from the system.
    pub fn total(&self) -> usize {
        self.live + self.garbage + self.tails + self.slots + self.nodes + self.holes
    }
}

impl Db {
    /// Computes the footprint. Looks at every segment.
    pub fn footprint(&self) -> Footprint {
        let mut sum = Footprint {
            nodes: self.dir.node_bytes(),
            holes: self.dir.heap().holes(),
            ..Footprint::default()
        };
        let mut at = (!self.dir.is_vacant()).then_some(0);
        while let Some(hash) = at {
            at = None;
            for segment in (0..).map_while(|link| self.dir.link(hash, link)) {
                let used = segment.used() as usize;
                sum.segments += 1;
                sum.live += segment.live();
                sum.garbage += used - segment.live();
                sum.tails += segment.records().len() - used;
                sum.slots += super::segment::bytes_for(segment.slots().groups(), 0);
                at = directory::after(segment.prefix(), segment.depth());
            }
        }
        sum
    }
}
