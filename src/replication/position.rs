//! Names of places in a history: which history ([`ReplId`]), how far ([`ReplOffset`]).
//!
//! An offset is the number of stream bytes since the history began; the first byte of a history has
//! offset 1. A replica that has processed offset `n` asks for the byte `n + 1`.
//!
//! Offsets and databases come from dumps and peers, which may say any number. Here they become values that the
//! rest may reckon with: an offset is never near the end of its range, and the database that a stream has
//! selected ([`StreamDb`]) is no index until it was compared with the databases that are here.

use base::secret::Secrets;
use std::fmt;
use std::ops::{Add, Sub};

/// Characters of a replication id.
pub const ID_LEN: usize = 40;

/// The name of a history: 40 characters, lower-case hex where we make it. Compared without regard
/// to case, as every server does.
#[derive(Clone, Copy)]
pub struct ReplId([u8; ID_LEN]);

impl ReplId {
    /// A new history's name.
    pub fn random(secrets: &mut Secrets) -> Self {
        ReplId(secrets.name())
    }

    /// From what a peer sent or a dump holds; `None` unless it is 40 printable characters.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let id: [u8; ID_LEN] = text.try_into().ok()?;
        id.iter().all(u8::is_ascii_graphic).then_some(ReplId(id))
    }

    /// True if `text` names this history.
    pub fn is(&self, text: &[u8]) -> bool {
        self.0.eq_ignore_ascii_case(text)
    }

    /// The 40 characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("made of ASCII characters only")
    }
}

impl PartialEq for ReplId {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for ReplId {}

impl fmt::Display for ReplId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ReplId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A number of stream bytes since the history began; -1 if the peer never told it.
///
/// It lies between -1 and half the range of the number when it comes from outside, so that a server can count on
/// from it for centuries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct ReplOffset(i64);

impl ReplOffset {
    /// The beginning of a history.
    pub const ZERO: ReplOffset = ReplOffset(0);
    /// The offset of a history whose offset is not known (after SYNC).
    pub const UNKNOWN: ReplOffset = ReplOffset(-1);
    /// More than any server has written: 146 years at a gigabyte a second.
    const LIMIT: i64 = i64::MAX / 2;

    /// The place that a dump or a primary names, to go on from; `None` if no server can have come there.
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
        ReplOffset(self.0.saturating_add(bytes))
    }
}

/// Bytes between two offsets.
impl Sub for ReplOffset {
    type Output = i64;
    fn sub(self, earlier: ReplOffset) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for ReplOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The database that a stream has selected, as a primary or a dump says: perhaps one that is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct StreamDb(i64);

impl StreamDb {
    /// No server has such a database: the stream selected something that is no number.
    pub const NONE: StreamDb = StreamDb(-1);

    /// As it was said.
    pub fn said(number: i64) -> Self {
        StreamDb(number)
    }

    /// One of our own.
    pub fn ours(index: usize) -> Self {
        StreamDb(index as i64)
    }

    /// The index, if it is one of the first `databases`.
    pub fn within(self, databases: usize) -> Option<usize> {
        usize::try_from(self.0).ok().filter(|db| *db < databases)
    }

    /// Some server may have it: a dump may name it.
    pub fn can_be(self) -> bool {
        self.0 >= 0
    }
}

impl fmt::Display for StreamDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which history.
    pub id: ReplId,
    /// Bytes processed of it.
    pub offset: ReplOffset,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_compare_without_regard_to_case() {
        let lower = ReplId::parse(&[b'a'; 40]).unwrap();
        let upper = ReplId::parse(&[b'A'; 40]).unwrap();
        assert_eq!(lower, upper);
        assert!(lower.is(&[b'A'; 40]));
        assert!(!lower.is(b"a"));
    }

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

    #[test]
    fn a_database_that_is_said_is_an_index_only_where_there_is_one() {
        for (said, here) in [
            (0, Some(0)),
            (15, Some(15)),
            (16, None),
            (-1, None),
            (i64::MAX, None),
            (i64::MIN, None),
        ] {
            assert_eq!(StreamDb::said(said).within(16), here);
        }
        assert_eq!(StreamDb::ours(3).to_string(), "3");
    }

    #[test]
    fn an_id_is_forty_printable_characters() {
        assert!(ReplId::parse(&[b'a'; 39]).is_none());
        assert!(ReplId::parse(&[b'a'; 41]).is_none());
        assert!(ReplId::parse(&[0xff; 40]).is_none());
        assert_eq!(
            ReplId::random(&mut Secrets::predictable(7)).as_str().len(),
            40
        );
    }
}
