//! How far a history of writes has come.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// A number of stream bytes since the history began; -1 if the peer has not sent one.
///
/// An offset from outside is between -1 and half the range of the number, so that a server can count from it for
/// centuries. Arithmetic is checked: only a fault of this server could exceed the range, and a history that continued
/// with a wrong offset would silently differ from its replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct ReplOffset(i64);

impl ReplOffset {
    /// The beginning of a history.
    pub const ZERO: ReplOffset = ReplOffset(0);
    /// The offset of a history whose offset is not known (after SYNC).
    pub const UNKNOWN: ReplOffset = ReplOffset(-1);
    /// More than any server has written: 146 years at a gigabyte a second.
    const LIMIT: i64 = i64::MAX / 2;

    /// The offset from which to continue, as a dump or a primary gives it; `None` if no server can have reached it.
    pub fn told(offset: i64) -> Option<Self> {
        (0..Self::LIMIT)
            .contains(&offset)
            .then_some(ReplOffset(offset))
    }

    /// As [`ReplOffset::told`], from text.
    pub fn parse(text: &[u8]) -> Option<Self> {
        Self::told(std::str::from_utf8(text).ok()?.parse().ok()?)
    }

    /// What a replica asks for or acknowledges: any number, which is only compared. The nearest place that can be.
    pub fn claimed(offset: i64) -> Self {
        ReplOffset(offset.clamp(-1, Self::LIMIT))
    }

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl Add<i64> for ReplOffset {
    type Output = ReplOffset;
    fn add(self, bytes: i64) -> ReplOffset {
        let sum = self.0.checked_add(bytes);
        ReplOffset(sum.expect("no server writes so many bytes"))
    }
}

impl AddAssign<i64> for ReplOffset {
    fn add_assign(&mut self, bytes: i64) {
        *self = *self + bytes;
    }
}

/// Bytes between two offsets.
impl Sub for ReplOffset {
    type Output = i64;
    fn sub(self, earlier: ReplOffset) -> i64 {
        let bytes = self.0.checked_sub(earlier.0);
        bytes.expect("an offset is at least -1")
    }
}

impl fmt::Display for ReplOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_from_outside_is_one_that_a_server_can_count_on_from() {
        for bad in [
            "",
            "-1",
            "x",
            "9223372036854775807",
            "9223372036854775808",
            "4611686018427387903",
            "1e3",
        ] {
            assert_eq!(ReplOffset::parse(bad.as_bytes()), None, "{bad}");
        }
        for good in [0, 1, 4_611_686_018_427_387_902] {
            let offset = ReplOffset::told(good).expect("a server can have come there");
            assert_eq!((offset + i64::from(u32::MAX)) - offset, i64::from(u32::MAX));
        }
        for (claim, place) in [(i64::MIN, -1), (-1, -1), (7, 7), (i64::MAX, i64::MAX / 2)] {
            assert_eq!(ReplOffset::claimed(claim).get(), place);
        }
    }
}
