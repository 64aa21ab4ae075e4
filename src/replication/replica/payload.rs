//! Finds the end of a full sync's payload.
//!
//! Redis looks for the end mark only at the end of what it has read. This code finds it anywhere, and keeps what
//! follows as the beginning of the stream.

use crate::position::ID_LEN;
use memchr::memmem;
use std::borrow::Cow;

/// How the primary says where the payload ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `$<length>`: a file of known size.
    Length {
        /// Bytes that are still to be received.
        left: u64,
    },
    /// `$EOF:<mark>`: ends at the mark.
    EofMark {
        /// The 40 bytes; opaque.
        mark: [u8; ID_LEN],
        /// The last bytes seen, which may be the beginning of the mark: less than 40.
        held: Vec<u8>,
    },
}

/// What some bytes were.
#[derive(Debug, PartialEq, Eq)]
pub struct Cut<'a> {
    /// Payload bytes, in order.
    pub payload: [Cow<'a, [u8]>; 2],
    /// The payload is complete, and these bytes follow it.
    pub rest: Option<&'a [u8]>,
}

impl Framing {
    /// Parses the line that announces the payload, with its `$`. Returns `None` if it has neither form.
    pub fn parse(line: &[u8]) -> Option<Framing> {
        let text = line.strip_prefix(b"$")?;
        if let Some(mark) = text.strip_prefix(b"EOF:") {
            let mark = mark.get(..ID_LEN)?.try_into().ok()?;
            return Some(Framing::EofMark {
                mark,
                held: Vec::new(),
            });
        }
        let left: u64 = std::str::from_utf8(text).ok()?.parse().ok()?;
        // No file is longer than the greatest offset in a file.
        let fits = i64::try_from(left).is_ok();
        fits.then_some(Framing::Length { left })
    }

    /// The announced length; `None` when it ends with a mark.
    pub fn length(&self) -> Option<u64> {
        match self {
            Framing::Length { left } => Some(*left),
            Framing::EofMark { .. } => None,
        }
    }

    /// Takes the next bytes.
    pub fn take<'a>(&mut self, bytes: &'a [u8]) -> Cut<'a> {
        match self {
            Framing::Length { left } => {
                let n = bytes
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= n as u64;
                let (payload, rest) = bytes.split_at(n);
                Cut {
                    payload: [Cow::Borrowed(payload), Cow::Borrowed(&[])],
                    rest: (*left == 0).then_some(rest),
                }
            }
            Framing::EofMark { mark, held } => take_marked(mark, held, bytes),
        }
    }
}

fn take_marked<'a>(mark: &[u8; ID_LEN], held: &mut Vec<u8>, bytes: &'a [u8]) -> Cut<'a> {
    // A mark that began in what was held ends within the next 39 bytes.
    let before = held.len();
    if before > 0 {
        held.extend_from_slice(&bytes[..bytes.len().min(ID_LEN - 1)]);
        if let Some(at) = memmem::find(held, mark) {
            let rest = &bytes[at + ID_LEN - before..];
            held.truncate(at);
            return Cut {
                payload: [Cow::Owned(std::mem::take(held)), Cow::Borrowed(&[])],
                rest: Some(rest),
            };
        }
        held.truncate(before);
    }
    if let Some(at) = memmem::find(bytes, mark) {
        return Cut {
            payload: [
                Cow::Owned(std::mem::take(held)),
                Cow::Borrowed(&bytes[..at]),
            ],
            rest: Some(&bytes[at + ID_LEN..]),
        };
    }
    // Hold 39 bytes back: the mark may have begun in them.
    let total = before + bytes.len();
    let release = total.saturating_sub(ID_LEN - 1);
    let from_held = release.min(before);
    let from_bytes = release - from_held;
    let first: Vec<u8> = held.drain(..from_held).collect();
    held.extend_from_slice(&bytes[from_bytes..]);
    Cut {
        payload: [Cow::Owned(first), Cow::Borrowed(&bytes[..from_bytes])],
        rest: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &[u8; 40] = b"0123456789abcdef0123456789abcdef01234567";

    /// Feeds `wire` in pieces; gives payload and what follows, as far as it was seen.
    fn receive(line: &str, wire: &[u8], piece: usize) -> (Vec<u8>, Option<Vec<u8>>) {
        let mut framing = Framing::parse(line.as_bytes()).expect("a good line");
        let (mut payload, mut rest) = (Vec::new(), None);
        for bytes in wire.chunks(piece) {
            if let Some(rest) = &mut rest {
                Vec::extend_from_slice(rest, bytes);
                continue;
            }
            let cut = framing.take(bytes);
            cut.payload
                .iter()
                .for_each(|p| payload.extend_from_slice(p));
            rest = cut.rest.map(<[u8]>::to_vec);
        }
        (payload, rest)
    }

    #[test]
    fn a_mark_split_at_every_byte_is_found_and_what_follows_is_kept() {
        let line = format!("$EOF:{}", std::str::from_utf8(MARK).unwrap());
        for payload in [
            b"".as_slice(),
            b"REDIS",
            b"0123456789abcdef0123456789",
            &[7; 500],
        ] {
            let wire = [payload, MARK.as_slice(), b"*1\r\n$4\r\nping\r\n"].concat();
            for piece in 1..wire.len() + 1 {
                let (got, rest) = receive(&line, &wire, piece);
                assert_eq!(got, payload, "piece {piece}");
                assert_eq!(
                    rest.as_deref(),
                    Some(&b"*1\r\n$4\r\nping\r\n"[..]),
                    "{piece}"
                );
            }
        }
    }

    #[test]
    fn nearly_the_mark_is_payload() {
        let line = format!("$EOF:{}", std::str::from_utf8(MARK).unwrap());
        let wire = [&MARK[..39], MARK.as_slice()].concat();
        for piece in 1..80 {
            assert_eq!(
                receive(&line, &wire, piece),
                (MARK[..39].to_vec(), Some(vec![]))
            );
        }
    }

    #[test]
    fn a_known_length_ends_where_it_says() {
        for piece in 1..10 {
            let got = receive("$5", b"REDIS*1\r\n", piece);
            assert_eq!(
                got,
                (b"REDIS".to_vec(), Some(b"*1\r\n".to_vec())),
                "{piece}"
            );
        }
        assert_eq!(receive("$6", b"REDIS", 2), (b"REDIS".to_vec(), None));
    }

    #[test]
    fn other_announcements_are_refused() {
        for bad in [
            "",
            "$",
            "$-1",
            "$x",
            "+OK",
            "$EOF:short",
            "$99999999999999999999",
            "$18446744073709551615",
            "$9223372036854775808",
        ] {
            assert_eq!(Framing::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
