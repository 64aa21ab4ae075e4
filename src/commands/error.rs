//! What a command may fail with. The text is the wire text, byte for byte as Redis sends it.

use std::borrow::Cow;
use std::fmt;

/// An error reply, without the leading `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError(pub Cow<'static, str>);

/// What a handler returns: its reply is written already.
pub type CmdResult = Result<(), CommandError>;

impl CommandError {
    /// The key holds another type.
    pub const WRONG_TYPE: Self =
        Self::fixed("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// Unknown or misplaced option.
    pub const SYNTAX: Self = Self::fixed("ERR syntax error");
    /// Not an i64.
    pub const NOT_AN_INTEGER: Self = Self::fixed("ERR value is not an integer or out of range");
    /// Not a float.
    pub const NOT_A_FLOAT: Self = Self::fixed("ERR value is not a valid float");
    /// LSET, RENAME ... on a missing key.
    pub const NO_SUCH_KEY: Self = Self::fixed("ERR no such key");
    /// Index outside.
    pub const OUT_OF_RANGE: Self = Self::fixed("ERR index out of range");
    /// `maxmemory` reached and nothing to evict.
    pub const OOM: Self = Self::fixed("OOM command not allowed when used memory > 'maxmemory'.");
    /// A write sent to a replica.
    pub const READ_ONLY: Self =
        Self::fixed("READONLY You can't write against a read only replica.");
    /// The dataset is being loaded.
    pub const LOADING: Self = Self::fixed("LOADING Redis is loading the dataset in memory");
    /// AUTH is needed first.
    pub const NO_AUTH: Self = Self::fixed("NOAUTH Authentication required.");

    /// An error with a constant text.
    pub const fn fixed(text: &'static str) -> Self {
        CommandError(Cow::Borrowed(text))
    }

    /// An error with a made-up text (with its code).
    pub fn new(text: impl Into<String>) -> Self {
        CommandError(Cow::Owned(text.into()))
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
        f.write_str(&self.0)
    }
}

impl std::error::Error for CommandError {}
