//! The logs, newest first.

use std::collections::VecDeque;

/// Why a request is in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKind {
    /// It took long.
    Slow,
    /// It had many bytes.
    LargeRequest,
    /// Its reply had many bytes.
    LargeReply,
}

impl LogKind {
    /// The kind that COMMANDLOG calls by this name.
    pub const NAMES: [(&str, LogKind); 3] = [
        ("slow", LogKind::Slow),
        ("large-request", LogKind::LargeRequest),
        ("large-reply", LogKind::LargeReply),
    ];
}

/// All logs of commands.
#[derive(Default)]
pub struct CommandLogs([Log; LogKind::NAMES.len()]);

impl CommandLogs {
    /// The log of this kind.
    pub fn of(&self, kind: LogKind) -> &Log {
        &self.0[kind as usize]
    }

    /// As [`CommandLogs::of`], to be changed.
    pub fn of_mut(&mut self, kind: LogKind) -> &mut Log {
        &mut self.0[kind as usize]
    }
}

/// One log, newest first.
#[derive(Default)]
pub struct Log {
    /// The requests, newest first.
    pub entries: VecDeque<LogEntry>,
    pub(super) next_id: i64,
}

/// A request that is worth remembering.
pub struct LogEntry {
    /// The number of the entry, counted from the start of the server.
    pub id: i64,
    /// When the request ran, in Unix seconds.
    pub unix_s: i64,
    /// How long it took, in microseconds, or how many bytes it or its reply had.
    pub value: i64,
    /// Its arguments, shortened.
    pub args: Vec<Vec<u8>>,
    /// The address of the client.
    pub addr: String,
    /// The name of the client.
    pub name: Vec<u8>,
}
