//! Runs the requests of an append-only file, whose effects are already settled.
//!
//!  * No gate refuses a request, and expired keys live until the log itself deletes them, because they lived when the
//!    following requests ran.
//!  * A transaction runs when its EXEC arrives. A transaction without EXEC is discarded.
//!  * Nothing is committed: the effects are already in the log, and replicas receive the dataset as a whole.
//!  * Requests get no reply. If one fails, it also failed when it first ran, or the data differs; the first such
//!    failure is kept for the server's log. A request that cannot be run here ends the load, because what follows
//!    depends on it.
//!  * A script that takes long is parked as one of a client is. It must have ended before the next request runs.

mod order;

pub use order::{Known, Order};

use crate::args::Args;
use crate::{ClientFlags, ClientId, Engine, Hint, Session};
use base::UserData;
use replication::StreamDb;
use std::fmt;

/// The client that replays logs. No connection gets this number.
pub(crate) const REPLAY: ClientId = ClientId(u64::MAX);

/// The client as which a file of requests is run.
pub struct Replay {
    session: Session,
    failed: u64,
    first_failure: Option<String>,
}

/// A request that cannot be run here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotHere {
    /// A command of another server or of a module.
    Command(String),
    /// A database beyond `databases`.
    Database,
}

impl fmt::Display for NotHere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotHere::Command(name) => {
                write!(f, "Unknown command '{}'", UserData(name.escape_debug()))
            }
            NotHere::Database => f.write_str("A database beyond 'databases' is selected"),
        }
    }
}

fn new_session(engine: &Engine, db: StreamDb) -> Session {
    let now = engine.clock.steady_ms;
    let mut session = Session::new(REPLAY, String::new(), String::new(), now);
    session.follow(db, engine.keyspace.count());
    session.flags.insert(ClientFlags::DENY_BLOCKING);
    session
}

impl Replay {
    /// Begins a file, with database 0 selected.
    pub fn new(engine: &Engine) -> Replay {
        Replay {
            session: new_session(engine, StreamDb::ours(0)),
            failed: 0,
            first_failure: None,
        }
    }

    /// The database that is selected.
    pub fn db(&self) -> usize {
        self.session.db
    }

    /// Runs one request, or begins a script that is then parked. `known` is what [`Known::of`] found out about it.
    ///
    /// # Errors
    /// The request cannot be run here. What was run before it stays.
    pub fn run<'a>(
        &mut self,
        engine: &mut Engine,
        argv: &'a [&'a [u8]],
        known: &Known,
    ) -> Result<(), NotHere> {
        let args = Args(argv);
        let Some(command) = known.command else {
            let name = String::from_utf8_lossy(argv[0]).into_owned();
            return Err(NotHere::Command(name));
        };
        let hint = match known.hashed() {
            Some(at) => Hint::new(argv[at], known.hash()),
            None => Hint::default(),
        };
        engine.commits.collect(false);
        let session = &mut self.session;
        let result = engine.call_from_log(session, command, args, hint);
        engine.commits.collect(true);
        let reply = self.session.reply.bytes();
        let error = match &result {
            Err(error) => Some(error.bytes()),
            Ok(()) => reply.strip_prefix(b"-"),
        };
        if let Some(error) = error {
            self.failed += 1;
            let error = UserData(String::from_utf8_lossy(error).trim_end()).to_string();
            self.first_failure.get_or_insert(error);
        }
        self.session.reply.clear();
        if engine.script_is_parked() {
            let next = new_session(engine, self.session.stream_db());
            let caller = std::mem::replace(&mut self.session, next);
            engine.orphan_script(Box::new(caller));
        }
        match self.session.stream_db().within(engine.keyspace.count()) {
            Some(_) => Ok(()),
            None => Err(NotHere::Database),
        }
    }

    /// How many requests failed, and the error of the first.
    pub fn failures(&self) -> (u64, Option<&str>) {
        (self.failed, self.first_failure.as_deref())
    }
}
