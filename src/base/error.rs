//! The errors of commands. Their text is the text on the wire, byte for byte as Redis sends it.
//!
//! Bytes of clients are quoted as they were received, and need not be UTF-8: see [`CommandError::quoting`].

use std::fmt;

/// An error reply, without the leading `-`.
///
/// A [`CmdResult`] takes two words, which handlers return in registers. If it were larger, it would be copied in memory for
/// each request, and the copy would have to wait for what was just written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError(Text);

#[derive(Clone, Debug)]
enum Text {
    Fixed(&'static &'static str),
    #[expect(clippy::box_collection, reason = "a Vec takes three words")]
    Made(Box<Vec<u8>>),
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Text {}

impl Text {
    fn bytes(&self) -> &[u8] {
        match self {
            Text::Fixed(text) => text.as_bytes(),
            Text::Made(text) => text,
        }
    }
}

/// What a handler returns: its reply is written already.
pub type CmdResult = Result<(), CommandError>;

const _: () = assert!(size_of::<CmdResult>() == 2 * size_of::<usize>());

impl CommandError {
    /// The key holds another type.
    pub const WRONG_TYPE: Self =
        Self::fixed(&"WRONGTYPE Operation against a key holding the wrong kind of value");
    /// Unknown or misplaced option.
    pub const SYNTAX: Self = Self::fixed(&"ERR syntax error");
    /// Not an i64.
    pub const NOT_AN_INTEGER: Self = Self::fixed(&"ERR value is not an integer or out of range");
    /// Not a float.
    pub const NOT_A_FLOAT: Self = Self::fixed(&"ERR value is not a valid float");
    /// LSET, RENAME ... on a missing key.
    pub const NO_SUCH_KEY: Self = Self::fixed(&"ERR no such key");
    /// Index outside.
    pub const OUT_OF_RANGE: Self = Self::fixed(&"ERR index out of range");
    /// `maxmemory` reached and nothing to evict.
    pub const OOM: Self = Self::fixed(&"OOM command not allowed when used memory > 'maxmemory'.");
    /// A write sent to a replica.
    pub const READ_ONLY: Self =
        Self::fixed(&"READONLY You can't write against a read only replica.");
    /// The dataset is being loaded.
    pub const LOADING: Self = Self::fixed(&"LOADING Redis is loading the dataset in memory");
    /// AUTH is needed first.
    pub const NO_AUTH: Self = Self::fixed(&"NOAUTH Authentication required.");

    /// An error with a constant text.
    pub const fn fixed(text: &'static &'static str) -> Self {
        CommandError(Text::Fixed(text))
    }

    /// The text.
    pub fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    /// An error with a made-up text (with its code).
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        CommandError(Text::Made(Box::new(text.into())))
    }

    /// An error that quotes what a client sent: each `{}` of `text` is replaced by the next of `quoted`, each `{128}`
    /// by at most 128 bytes of it.
    ///
    /// Real servers print arguments as strings of C: what follows a zero byte is not shown.
    pub fn quoting(text: &str, quoted: &[&[u8]]) -> Self {
        let mut out = Vec::with_capacity(text.len() + 32);
        let (mut rest, mut quoted) = (text, quoted.iter());
        while let Some(at) = rest.find('{') {
            let (before, mark) = rest.split_at(at);
            out.extend_from_slice(before.as_bytes());
            let (room, after) = match mark.strip_prefix("{128}") {
                Some(after) => (128, after),
                None => (usize::MAX, mark.strip_prefix("{}").unwrap_or_default()),
            };
            let bytes = quoted.next().copied().unwrap_or_default();
            out.extend_from_slice(up_to_zero(bytes, room));
            rest = after;
        }
        out.extend_from_slice(rest.as_bytes());
        Self::new(out)
    }

    /// `ERR wrong number of arguments for 'name' command`
    pub fn arity(name: &str) -> Self {
        Self::new(format!(
            "ERR wrong number of arguments for '{name}' command"
        ))
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.bytes()))
    }
}

impl std::error::Error for CommandError {}

/// The bytes before the first zero byte, at most `room`: what C prints of them.
pub fn up_to_zero(bytes: &[u8], room: usize) -> &[u8] {
    let bytes = &bytes[..bytes.len().min(room)];
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    &bytes[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_sent_is_quoted_as_c_prints_it() {
        let quoted = |text, bytes: &[&[u8]]| CommandError::quoting(text, bytes).bytes().to_vec();
        assert_eq!(
            quoted("ERR '{}' of {}.", &[b"a\0b", b"\xff"]),
            b"ERR 'a' of \xff."
        );
        let long = [b'x'; 200];
        assert_eq!(quoted("{128}!", &[&long]).len(), 129);
        assert_eq!(quoted("{}!", &[&long]).len(), 201);
        assert_eq!(
            quoted("{}", &[b"{}"]),
            b"{}",
            "what is quoted is no template"
        );
    }
}
