//! Where the entries of a database are: the handle of one entry, and those of a segment in the order of their hashes.

/// An entry of one database, named until the next change of that database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loc {
    pub(crate) hash: u64,
    pub(super) slot: u16,
    pub(super) link: u16,
}

impl Loc {
    /// Some slot of a segment.
    pub(crate) fn of_segment(hash: u64, link: u16) -> Loc {
        Loc {
            hash,
            slot: 0,
            link,
        }
    }
}

/// The keys of one segment in the order of their hashes, to which a scan returns with each small step. Everything that
/// changes the segment or moves its entries drops them first.
#[derive(Default)]
pub(crate) struct Sorted {
    pub(super) prefix: u64,
    pub(super) mask: u64,
    pub(super) holds: bool,
    pub(super) locs: Vec<Loc>,
}

impl Sorted {
    /// True if these are the keys of the segment that serves `hash`.
    #[inline]
    pub(super) fn serves(&self, hash: u64) -> bool {
        self.holds && hash & self.mask == self.prefix
    }

    /// The segment that serves `hash` is about to change.
    #[inline]
    pub(crate) fn forget(&mut self, hash: u64) {
        if self.serves(hash) {
            self.holds = false;
        }
    }
}
