//! Positions in a history: which history ([`ReplId`]), and how far ([`ReplOffset`]).
//!
//! An offset is the number of stream bytes since the history began; the first byte of a history has
//! offset 1. A replica that has processed offset `n` asks for the byte `n + 1`.
//!
//! Offsets and database numbers come from dumps and peers, which may send any number. Here they become values that
//! other code can safely calculate with: an offset is never near the end of its range, and the database that a stream
//! has selected ([`StreamDb`]) is not an index until it has been compared with the databases that exist.

pub use base::ReplOffset;
use base::secret::Secrets;
use std::fmt;

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

    /// Reads an id that a peer sent or a dump holds. Returns `None` unless it has 40 printable characters.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let id: [u8; ID_LEN] = text.try_into().ok()?;
        id.iter().all(u8::is_ascii_graphic).then_some(ReplId(id))
    }

    /// True if `text` names this history.
    pub fn is(&self, text: &[u8]) -> bool {
        self.0.eq_ignore_ascii_case(text)
    }

    /// True if it is made of hexadecimal digits, as nearly all are.
    pub fn is_hexadecimal(&self) -> bool {
        self.0.iter().all(u8::is_ascii_hexdigit)
    }

    /// The 40 characters.
    pub fn bytes(&self) -> &[u8; ID_LEN] {
        &self.0
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

/// The database that a stream has selected, as a primary or a dump says: perhaps one that is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct StreamDb(i64);

impl StreamDb {
    /// The stream selected something that is not a number, so no server has this database.
    pub const NONE: StreamDb = StreamDb(-1);

    /// The number as it was received.
    pub fn said(number: i64) -> Self {
        StreamDb(number)
    }

    /// A database of this server.
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
    /// Bytes of the stream that were processed.
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
