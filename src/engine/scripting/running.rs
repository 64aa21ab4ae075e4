//! The running script.

use super::parked::Parked;
use crate::clock::Clock;
use lua::Kind;
use lua::words::Words;
use std::rc::Rc;

/// `redis.REPL_REPLICA`
const REPL_REPLICA: i64 = 2;

/// Effects go to replicas and to the append-only file.
pub(super) const REPL_ALL: i64 = 3;

/// The script that is running.
pub struct Running {
    /// Which interpreter runs it.
    /// The interpreter that it is for.
    pub kind: Kind,
    /// SHA-1, or the function's name.
    /// The name in messages of errors.
    pub name: Rc<str>,
    /// The request that started it, of a function.
    pub argv: Words,
    /// When it started: the time that it sees.
    pub clock: Clock,
    /// When it started, by the engine's timer.
    pub began_ns: u64,
    /// Writes are refused.
    pub(super) read_only: bool,
    /// Memory above `maxmemory` does not matter.
    pub(super) allow_oom: bool,
    /// It runs on behalf of our primary.
    pub(super) obeys: bool,
    /// It may be parked.
    pub(super) parks: bool,
    /// It has called a command that writes.
    pub wrote: bool,
    /// Where its effects go.
    pub(super) repl: i64,
    /// SCRIPT KILL or FUNCTION KILL was called.
    pub killed: bool,
    /// The log has said that the script takes long, and other clients are answered BUSY.
    pub busy: bool,
    /// Its caller as CLIENT LIST describes it, for ACL LOG; `None` if the caller may do everything.
    pub caller: Option<String>,
    /// The script is parked until the server has served other clients.
    pub parked: Option<Parked>,
}

impl Running {
    /// True if its effects go to replicas.
    pub fn replicates(&self) -> bool {
        self.repl & REPL_REPLICA != 0
    }
}
