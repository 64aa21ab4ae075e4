//! The state of the append-only file while the server runs.

use super::tap::Tap;
use crate::Saves;
use crate::append::appenders::{Appenders, DiskOf};
use crate::append::queue::Syncs;
use crate::append::{SharedArchive, Writer};
use aof::names::BaseForm;
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

/// The log of one server; a handle that can be cloned.
pub struct AppendOnly<A: Appenders> {
    pub(super) state: Rc<RefCell<State<A>>>,
    pub(super) saves: Saves<A::Writers>,
    pub(super) appenders: A,
    /// Which bytes of the replication stream are where in the files.
    pub(super) archive: SharedArchive,
}

impl<A: Appenders> Clone for AppendOnly<A> {
    fn clone(&self) -> AppendOnly<A> {
        AppendOnly {
            state: self.state.clone(),
            saves: self.saves.clone(),
            appenders: self.appenders.clone(),
            archive: self.archive.clone(),
        }
    }
}

/// What happens to effects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// There is no log.
    #[default]
    Off,
    /// The log begins: they are written to increments that no manifest names until there is a base. Nothing is promised
    /// before that.
    Begins,
    /// The log on disk holds a dataset that has been replaced: they are written to increments that no manifest names
    /// until there is a base. A crash brings the old dataset back, so nothing is durable before that.
    Waiting,
    /// They are written to the log.
    On,
}

pub(super) struct State<A: Appenders> {
    pub(super) appenders: A,
    pub(super) mode: Mode,
    pub(super) tap: Tap,
    /// Who writes it.
    pub(super) writes: Option<A::Handle>,
    pub(super) directory: PathBuf,
    pub(super) filename: String,
    /// The number of the last base that was begun.
    pub(super) base_seq: i64,
    /// Rewrites begun, and new increments.
    pub(super) begun: u64,
    /// What there is at the start of the server is still being loaded, or looked for.
    pub(super) starting: bool,
    /// This process has written a log, or has loaded one.
    pub(super) has_begun: bool,
    pub(super) running: Option<Running>,
    pub(super) scheduled: bool,
    /// Bytes of the base.
    pub(super) base_bytes: u64,
    /// Bytes of base and increments after the last rewrite, or after the start.
    pub(super) rewritten_bytes: u64,
    pub(super) last_seconds: Option<i64>,
    pub(super) last_failed: bool,
    pub(super) rewrites: u64,
    pub(super) failures: u32,
    /// No rewrite begins by itself before this, seconds of the steady clock.
    pub(super) not_before: i64,
    pub(super) syncs: Option<Syncs>,
    pub(super) failure: Option<String>,
    /// Why there is still no base of the dataset.
    pub(super) no_base: Option<String>,
    /// Before each write.
    pub(super) sleep: Duration,
    /// Writes the log of a rewrite that runs while there is none.
    pub(super) off: Option<Off<A>>,
}

/// What writes the log of a rewrite that runs while there is none.
pub(super) enum Off<A: Appenders> {
    /// The base is being written.
    Writer(Box<Writer<DiskOf<A>>>),
    /// Somebody installs the base.
    Installs(A::Handle),
}

pub(super) struct Running {
    pub(super) number: u64,
    pub(super) base: Base,
    pub(super) began_ms: i64,
    /// A snapshot writes the base. Else it is a copy of a payload.
    pub(super) walks: bool,
    /// The base has been handed to the writer.
    pub(super) placed: bool,
}

/// A base that is being written.
#[derive(Clone, Copy)]
pub(super) struct Base {
    pub(super) seq: i64,
    pub(super) form: BaseForm,
}
