//! Up to which offset of a stream its readers must understand what.
//!
//! Backlogs and logs outlive the readers that were there when they were written, so whoever serves an old part of the
//! stream asks what that part demands.

use super::reads::Reads;

/// What the stream demands of its readers, each with the offset of the last byte that demands it. Whoever reads from
/// behind that byte need not understand it. Offsets are of any type that orders them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demands<O>(Vec<(Reads, O)>);

impl<O> Default for Demands<O> {
    fn default() -> Self {
        Demands(Vec::new())
    }
}

impl<O: Copy + Ord> Demands<O> {
    /// What ends at this offset demands all of `reads`. Offsets must not decrease from call to call.
    pub fn note(&mut self, reads: Reads, last: O) {
        for need in reads.iter() {
            self.0.retain(|(known, _)| *known != need);
            self.0.push((need, last));
        }
    }

    /// What a reader that begins with this byte must understand.
    pub fn from(&self, first: O) -> Reads {
        let later = self.0.iter().filter(|(_, last)| *last >= first);
        later.map(|(need, _)| *need).collect()
    }

    /// Nothing is demanded any more: what was written before is served to nobody.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The same with offsets of another type; what has none there is left out.
    pub fn with_offsets<P>(&self, offset: impl Fn(O) -> Option<P>) -> Demands<P> {
        let told = |(need, last): &(Reads, O)| Some((*need, offset(*last)?));
        Demands(self.0.iter().filter_map(told).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_must_understand_what_comes_at_its_first_byte_or_later() {
        let mut demands = Demands::default();
        demands.note(Reads::REDIS_7_0 | Reads::REDIS_7_2, 10);
        demands.note(Reads::REDIS_7_2, 20);
        assert_eq!(demands.from(10), Reads::REDIS_7_0 | Reads::REDIS_7_2);
        assert_eq!(demands.from(11), Reads::REDIS_7_2);
        assert_eq!(demands.from(21), Reads::empty());
        let later = demands.with_offsets(|last| (last > 10).then_some(last + 1));
        assert_eq!(later.from(0), Reads::REDIS_7_2);
        demands.clear();
        assert_eq!(demands.from(0), Reads::empty());
    }
}
