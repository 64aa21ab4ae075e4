//! Names of places in a history: which history ([`ReplId`]), how far ([`ReplOffset`]).
//!
//! An offset is the number of stream bytes since the history began; the first byte of a history has
//! offset 1. A replica that has processed offset `n` asks for the byte `n + 1`.

use crate::secret::Secrets;
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

/// A number of stream bytes since the history began. -1 where a peer never told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct ReplOffset(pub i64);

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
