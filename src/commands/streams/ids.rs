//! Ids of entries as clients write them: `ms`, `ms-seq`, `-`, `+`, `(id`, `*`, `ms-*`.

use base::integer::parse_int;
use engine::CommandError;
use rdb::stream::StreamId;
use resp::Reply;

const INVALID: CommandError =
    CommandError::fixed(&"ERR Invalid stream ID specified as stream command argument");

/// Longer texts are not ids.
const LEN_MAX: usize = 127;

/// `ms` or `ms-seq`; without a sequence number it is 0.
///
/// # Errors
/// Anything else.
pub fn id(text: &[u8]) -> Result<StreamId, CommandError> {
    id_or(text, 0)
}

fn id_or(text: &[u8], missing_seq: u64) -> Result<StreamId, CommandError> {
    if text.len() > LEN_MAX {
        return Err(INVALID);
    }
    // The reference reads C strings.
    let text = text.split(|b| *b == 0).next().unwrap_or_default();
    let (ms, seq) = match text.iter().position(|b| *b == b'-') {
        Some(at) => (&text[..at], unsigned(&text[at + 1..])),
        None => (text, Some(missing_seq)),
    };
    match (unsigned(ms), seq) {
        (Some(ms), Some(seq)) => Ok(StreamId { ms, seq }),
        _ => Err(INVALID),
    }
}

/// What XADD takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewId {
    /// `*`
    Auto,
    /// `ms-*`
    AutoSeq(u64),
    /// An id.
    Given(StreamId),
}

impl NewId {
    /// Reads an id of XADD.
    ///
    /// # Errors
    /// None of the forms.
    pub fn parse(text: &[u8]) -> Result<Self, CommandError> {
        match text {
            b"*" => Ok(NewId::Auto),
            [ms @ .., b'-', b'*'] if !ms.contains(&b'-') => Ok(NewId::AutoSeq(id(ms)?.ms)),
            _ => id(text).map(NewId::Given),
        }
    }
}

/// The lower end of a range.
///
/// # Errors
/// The argument is not an id, or an exclusive one that no id can follow.
pub fn range_start(text: &[u8]) -> Result<StreamId, CommandError> {
    match exclusive(text) {
        Some(rest) => id(rest)?.next().ok_or(CommandError::fixed(
            &"ERR invalid start ID for the interval",
        )),
        None => inclusive(text, 0),
    }
}

/// The upper end of a range; without a sequence number it is the largest.
///
/// # Errors
/// The argument is not an id, or an exclusive one that no id can precede.
pub fn range_end(text: &[u8]) -> Result<StreamId, CommandError> {
    match exclusive(text) {
        Some(rest) => id_or(rest, u64::MAX)?
            .prev()
            .ok_or(CommandError::fixed(&"ERR invalid end ID for the interval")),
        None => inclusive(text, u64::MAX),
    }
}

/// An id, `-` or `+`: where nothing is taken as open.
///
/// # Errors
/// No id.
pub fn bound(text: &[u8]) -> Result<StreamId, CommandError> {
    inclusive(text, 0)
}

fn exclusive(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"(").filter(|rest| !rest.is_empty())
}

fn inclusive(text: &[u8], missing_seq: u64) -> Result<StreamId, CommandError> {
    match text {
        b"-" => Ok(StreamId::ZERO),
        b"+" => Ok(StreamId::MAX),
        _ => id_or(text, missing_seq),
    }
}

/// An unsigned number as C's `strtoull` takes it: blanks, a sign and zeros before it.
fn unsigned(text: &[u8]) -> Option<u64> {
    if let Some(n) = parse_int(text) {
        return u64::try_from(n).ok();
    }
    let blank = |b: &u8| matches!(b, b' ' | b'\t'..=b'\r');
    let text = &text[text.iter().take_while(|b| blank(b)).count()..];
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let n: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if negative { n.wrapping_neg() } else { n })
}

/// Writes an id as a bulk string.
pub fn reply(reply: &mut Reply, id: StreamId) {
    reply.bulk(text(id).as_bytes());
}

/// `ms-seq`
pub fn text(id: StreamId) -> String {
    id.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    #[test]
    fn ids_are_read_as_the_reference_reads_them() {
        for (text, expected) in [
            ("5", Some(of(5, 0))),
            ("5-7", Some(of(5, 7))),
            ("05-+7", Some(of(5, 7))),
            (" 5-7", Some(of(5, 7))),
            (
                "18446744073709551615-18446744073709551615",
                Some(StreamId::MAX),
            ),
            ("18446744073709551616", None),
            ("5-", None),
            ("-5", None),
            ("5--1", None),
            ("5-7-8", None),
            ("x", None),
            ("", None),
            ("+", None),
            ("*", None),
        ] {
            assert_eq!(id(text.as_bytes()).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn ends_of_ranges_may_be_open() {
        assert_eq!(range_start(b"-").ok(), Some(StreamId::ZERO));
        assert_eq!(range_end(b"+").ok(), Some(StreamId::MAX));
        assert_eq!(range_start(b"(5").ok(), Some(of(5, 1)));
        assert_eq!(range_end(b"(5-0").ok(), Some(of(4, u64::MAX)));
        assert_eq!(range_end(b"5").ok(), Some(of(5, u64::MAX)));
        assert!(range_end(b"(0-0").is_err() && range_start(b"(-").is_err());
    }
}
