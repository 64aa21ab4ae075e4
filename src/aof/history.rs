//! Annotations that relate a log to the replication stream.
//!
//! ```text
//! #REPL:at id=<id> offset=<offset> db=<database> was=<id>:<offset>,...   what follows begins at this place
//! #REPL:own                     the next request or transaction is not part of the stream
//! #REPL:say ping                the stream has this request here, which is not to be run
//! #REPL:hex 2a310d0a...         the stream has these bytes here, which are not to be run
//! #REPL:readers                 of no replica is known what it understands
//! #REPL:reader <bits> <label>   this one, `+<label>` if it is a Redis 8, has shown to understand that (`replication::Reads`)
//! ```
//!
//! These lines and the requests between them, read from one place onwards, give the bytes of the stream. Servers that
//! do not know them skip them. If there were more bytes than any line can record, the next place shows it, because its
//! offset is not the one that was reached.

use super::reader::{Item, Reader, Request, Step};
use std::io::Write;

/// How lines of this kind begin.
pub const MARK: &[u8] = b"#REPL:";
/// The most bytes of the stream in one line: twice as many digits fit into an annotation.
const HEX_MAX: usize = 400;
/// The maximum number of bytes of the stream in one such line.
const BYTES_MAX: usize = 4096;
/// The most former histories that a place names.
pub const FORMER_MAX: usize = 8;

/// A replication id.
pub type Id = [u8; 40];

/// A place in the replication stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// The history.
    pub id: Id,
    /// Bytes of it before this place.
    pub offset: u64,
    /// The database that the stream has selected; -1 if it is none.
    pub db: i64,
    /// Former names of the history, the last one first: each with the first offset at which it is not the same.
    pub former: Vec<(Id, u64)>,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// What follows begins at this place.
    At(At),
    /// The next request or transaction is not part of the stream.
    Own,
    /// The stream has these bytes here, which are not run.
    Bytes(Vec<u8>),
    /// What was said of readers is no longer so.
    Readers,
    /// What a reader of the stream has shown to understand.
    Reader(Knows),
}

/// What a reader of the stream has shown to understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knows {
    /// What it is known by.
    pub label: String,
    /// The bits of `replication::Reads`.
    pub reads: u64,
    /// It is a Redis 8, which tells no more than that.
    pub is_redis_8: bool,
}

impl Knows {
    fn parse(line: &[u8]) -> Option<Knows> {
        let at = line.iter().position(|b| *b == b' ')?;
        let (label, is_redis_8) = match &line[at + 1..] {
            [b'+', label @ ..] => (label, true),
            label => (label, false),
        };
        let label = std::str::from_utf8(label).ok().filter(|l| is_plain(l))?;
        Some(Knows {
            label: label.to_owned(),
            reads: number(&line[..at])?,
            is_redis_8,
        })
    }

    /// Appends the line; nothing for a label that no line can hold.
    pub fn print(&self, out: &mut Vec<u8>) {
        if is_plain(&self.label) {
            let mark = if self.is_redis_8 { "+" } else { "" };
            let (reads, label) = (self.reads, &self.label);
            out.extend_from_slice(MARK);
            write!(out, "reader {reads} {mark}{label}\r\n").expect("a vector takes everything");
        }
    }
}

/// The longest label of a reader that is recorded.
const LABEL_MAX: usize = 300;

fn is_plain(label: &str) -> bool {
    let fits = (1..=LABEL_MAX).contains(&label.len()) && !label.starts_with('+');
    fits && label.bytes().all(|b| b.is_ascii_graphic())
}

/// Appends the line that says that nothing is known of readers; lines about each follow it.
pub fn readers(out: &mut Vec<u8>) {
    out.extend_from_slice(MARK);
    out.extend_from_slice(b"readers\r\n");
}

impl Word {
    /// Reads a line without its line end. `None` for anything but the exact form.
    pub fn parse(line: &[u8]) -> Option<Word> {
        let rest = line.strip_prefix(MARK)?;
        let (word, rest) = match rest.iter().position(|b| *b == b' ') {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, &b""[..]),
        };
        match word {
            b"own" if rest.is_empty() => Some(Word::Own),
            b"say" => said(rest).map(Word::Bytes),
            b"hex" => unhex(rest).map(Word::Bytes),
            b"at" => At::parse(rest).map(Word::At),
            b"readers" if rest.is_empty() => Some(Word::Readers),
            b"reader" => Knows::parse(rest).map(Word::Reader),
            _ => None,
        }
    }
}

impl At {
    fn parse(line: &[u8]) -> Option<At> {
        let mut fields = line.split(|b| *b == b' ');
        let mut field = |name: &str| {
            let field = fields.next()?.strip_prefix(name.as_bytes())?;
            field.strip_prefix(b"=")
        };
        let id = id_of(field("id")?)?;
        let offset = number(field("offset")?)?;
        let db = match field("db")? {
            b"-1" => -1,
            db => i64::try_from(number(db)?).ok()?,
        };
        let was = field("was")?;
        let mut former = Vec::new();
        for was in was.split(|b| *b == b',').filter(|was| !was.is_empty()) {
            let at = was.iter().position(|b| *b == b':')?;
            former.push((id_of(&was[..at])?, number(&was[at + 1..])?));
        }
        let whole = fields.next().is_none() && former.len() <= FORMER_MAX;
        whole.then_some(At {
            id,
            offset,
            db,
            former,
        })
    }

    /// Appends the line.
    pub fn print(&self, out: &mut Vec<u8>) {
        const FULL: &str = "a vector takes everything";
        out.extend_from_slice(MARK);
        out.extend_from_slice(b"at id=");
        out.extend_from_slice(&self.id);
        let (offset, db) = (self.offset, self.db.max(-1));
        write!(out, " offset={offset} db={db} was=").expect(FULL);
        for (n, (id, offset)) in self.former.iter().take(FORMER_MAX).enumerate() {
            if n > 0 {
                out.push(b',');
            }
            out.extend_from_slice(id);
            write!(out, ":{offset}").expect(FULL);
        }
        out.extend_from_slice(b"\r\n");
    }
}

fn id_of(text: &[u8]) -> Option<Id> {
    let id: Id = text.try_into().ok()?;
    id.iter().all(u8::is_ascii_hexdigit).then_some(id)
}

fn number(digits: &[u8]) -> Option<u64> {
    let plain = digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok()?;
    // No server counts as far as that.
    let number = plain.then(|| text.parse().ok())??;
    (number <= i64::MAX as u64 / 2).then_some(number)
}

/// Appends the line before a request or transaction that is not part of the stream.
pub fn own(out: &mut Vec<u8>) {
    out.extend_from_slice(MARK);
    out.extend_from_slice(b"own\r\n");
}

/// Appends the lines for bytes of the stream that are not run. False, and nothing is appended, if they are too many.
pub fn bytes(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    if bytes.len() > BYTES_MAX {
        return false;
    }
    let start = out.len();
    out.extend_from_slice(MARK);
    out.extend_from_slice(b"say");
    if bytes.len() < HEX_MAX && say(bytes, out) {
        out.extend_from_slice(b"\r\n");
        return true;
    }
    out.truncate(start);
    for bytes in bytes.chunks(HEX_MAX) {
        out.extend_from_slice(MARK);
        out.extend_from_slice(b"hex ");
        for byte in bytes {
            write!(out, "{byte:02x}").expect("a vector takes everything");
        }
        out.extend_from_slice(b"\r\n");
    }
    true
}

/// Appends the words of one request, if it is one, all are plain, and it is written as its words are encoded.
fn say(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let mut reader = Reader::at(0);
    let Some(request) = whole_request(&mut reader, bytes) else {
        return false;
    };
    for word in request.args() {
        if word.is_empty() || !word.iter().all(u8::is_ascii_graphic) {
            return false;
        }
        out.push(b' ');
        out.extend_from_slice(word);
    }
    said(&out[start + 1..]).is_some_and(|again| again == bytes)
}

fn said(words: &[u8]) -> Option<Vec<u8>> {
    let words: Vec<&[u8]> = words.split(|b| *b == b' ').collect();
    if words.iter().any(|word| word.is_empty()) {
        return None;
    }
    let mut out = Vec::new();
    let full = "a vector takes everything";
    write!(out, "*{}\r\n", words.len()).expect(full);
    for word in words {
        write!(out, "${}\r\n", word.len()).expect(full);
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    Some(out)
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let nibble = |b: &u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| Some(nibble(&pair[0])? << 4 | nibble(&pair[1])?))
        .collect()
}

/// The request that these bytes are, if they are exactly one.
pub fn whole_request<'a>(reader: &'a mut Reader, bytes: &'a [u8]) -> Option<Request<'a>> {
    match reader.next(bytes) {
        Ok(Step::Item {
            item: Item::Request(request),
            consumed,
        }) if consumed == bytes.len() => Some(request),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Id = *b"0123456789abcdef0123456789abcdef01234567";

    fn parsed(line: &[u8]) -> Option<Word> {
        assert!(line.len() < 1023, "servers read so much of a line");
        Word::parse(line.strip_suffix(b"\r\n").expect("a line"))
    }

    #[test]
    fn a_place_is_read_as_it_was_written() {
        for former in [vec![], vec![(ID, 7)], vec![(ID, u64::MAX / 4); FORMER_MAX]] {
            for db in [-1, 0, 15] {
                let offset = 1234;
                let at = At {
                    id: ID,
                    offset,
                    db,
                    former: former.clone(),
                };
                let mut line = Vec::new();
                at.print(&mut line);
                assert_eq!(parsed(&line), Some(Word::At(at)));
            }
        }
    }

    #[test]
    fn a_reader_is_read_as_it_was_written_if_its_label_fits_into_a_line() {
        for (label, fits) in [
            ("10.0.0.1:6379", true),
            (&"x".repeat(LABEL_MAX), true),
            (&"x".repeat(LABEL_MAX + 1), false),
            ("+:1", false),
            ("a b:1", false),
            ("a\r\n#REPL:own", false),
            ("", false),
        ] {
            for is_redis_8 in [false, true] {
                let knows = Knows {
                    label: label.to_owned(),
                    reads: 4095,
                    is_redis_8,
                };
                let mut line = Vec::new();
                knows.print(&mut line);
                match fits {
                    true => assert_eq!(parsed(&line), Some(Word::Reader(knows))),
                    false => assert!(line.is_empty(), "{label}"),
                }
            }
        }
        let mut line = Vec::new();
        readers(&mut line);
        assert_eq!(parsed(&line), Some(Word::Readers));
    }

    #[test]
    fn bytes_of_the_stream_are_told_by_words_or_digits() {
        let ping = b"*1\r\n$4\r\nping\r\n";
        let getack = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";
        let long = [b'x'; HEX_MAX];
        let several = [&ping[..], ping].concat();
        for (told, shown) in [
            (&ping[..], "say ping"),
            (getack, "say REPLCONF GETACK *"),
            (b"*1\r\n$04\r\nping\r\n", "hex 2a310d0a243034"),
            (b"*1\r\n$0\r\n\r\n", "hex 2a310d0a24300d0a0d0a"),
            (b"\r\n*1\r\n$4\r\nping\r\n", "hex 0d0a2a31"),
            (&several, "hex 2a31"),
            (&long, "hex 7878"),
        ] {
            let mut line = Vec::new();
            assert!(bytes(told, &mut line));
            let start = [MARK, shown.as_bytes()].concat();
            assert!(
                line.starts_with(&start),
                "{}",
                String::from_utf8_lossy(&line)
            );
            assert_eq!(parsed(&line), Some(Word::Bytes(told.to_vec())));
        }
        let mut lines = Vec::new();
        assert!(bytes(&[b'x'; BYTES_MAX], &mut lines));
        let lines = lines.split_inclusive(|b| *b == b'\n').map(parsed);
        let told: Vec<u8> = lines
            .flat_map(|word| match word {
                Some(Word::Bytes(bytes)) => bytes,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, [b'x'; BYTES_MAX]);
        let mut line = Vec::new();
        assert!(!bytes(&[b'x'; BYTES_MAX + 1], &mut line));
        assert!(line.is_empty());
    }

    #[test]
    fn only_the_exact_form_is_a_word() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let mut line = Vec::new();
        own(&mut line);
        assert_eq!(parsed(&line), Some(Word::Own));
        let at = format!("at id={id} offset=1 db=0 was=");
        let lines = [
            "own x".to_owned(),
            "say".into(),
            "say  ping".into(),
            "hex 1".into(),
            "hex 1G".into(),
            at.replace("db=0", "db=-2"),
            at.replace("offset=1", "offset=9223372036854775807"),
            at.replace("id=0", "id=x"),
            format!("{at}{id}"),
            format!("{at} x"),
            "other".into(),
        ];
        assert!(Word::parse(&[MARK, at.as_bytes()].concat()).is_some());
        for line in lines {
            let line = [MARK, line.as_bytes()].concat();
            assert_eq!(
                Word::parse(&line),
                None,
                "{}",
                String::from_utf8_lossy(&line)
            );
        }
    }
}
