//! The state of one client: everything but the socket.

use super::acl::{Access, User};
use super::fieldsets::Fieldsets;
use super::kept::Kept;
use crate::unsent::Unsent;
use crate::{CommandId, CommitPosition};
use base::{ClientId, ReplOffset};
use bitflags::bitflags;
use replication::StreamDb;
use resp::{Proto, Reply};
use std::collections::HashSet;
use std::rc::Rc;

bitflags! {
    /// A client's condition.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct ClientFlags: u32 {
        /// Between MULTI and EXEC.
        const MULTI = 1;
        /// A watched key changed.
        const DIRTY_CAS = 1 << 1;
        /// An error while queueing: EXEC will abort.
        const DIRTY_EXEC = 1 << 2;
        /// Close once the reply is sent.
        const CLOSE_AFTER_REPLY = 1 << 3;
        /// Close now.
        const CLOSE_ASAP = 1 << 4;
        /// A MONITOR client.
        const MONITOR = 1 << 5;
        /// A replica of this server (after SYNC or PSYNC).
        const REPLICA = 1 << 6;
        /// The link to our primary.
        const MASTER = 1 << 7;
        /// Waiting in a blocking command.
        const BLOCKED = 1 << 8;
        /// CLIENT NO-EVICT on
        const NO_EVICT = 1 << 9;
        /// CLIENT NO-TOUCH on
        const NO_TOUCH = 1 << 10;
        /// CLIENT REPLY OFF
        const REPLY_OFF = 1 << 11;
        /// CLIENT REPLY SKIP: this command
        const REPLY_SKIP = 1 << 12;
        /// CLIENT REPLY SKIP: the next command
        const REPLY_SKIP_NEXT = 1 << 13;
        /// Connected through the unix socket.
        const UNIX_SOCKET = 1 << 14;
        /// Must not block: inside EXEC or a script.
        const DENY_BLOCKING = 1 << 15;
        /// Internal, without a connection (scripts, loading).
        const INTERNAL = 1 << 16;
        /// CLIENT TRACKING on
        const TRACKING = 1 << 17;
        /// READONLY was given (cluster; accepted)
        const READONLY = 1 << 18;
        /// CLIENT CAPA redirect: a replica tells it where the primary is
        const REDIRECT = 1 << 19;
        /// CLIENT IMPORT-SOURCE on
        const IMPORT_SOURCE = 1 << 20;
    }
}

/// A command queued by MULTI.
pub struct Queued {
    /// What to run.
    pub command: CommandId,
    /// Its arguments.
    pub args: Kept,
}

/// A watched key.
pub struct Watched {
    /// Database index.
    pub db: usize,
    /// The key.
    pub key: Vec<u8>,
}

/// One client.
pub struct Session {
    /// Its number.
    pub id: ClientId,
    /// `ip:port` of the peer, or `path:0` for the unix socket.
    pub addr: String,
    /// `ip:port` of our end.
    pub laddr: String,
    /// File descriptor number, as CLIENT LIST shows it.
    pub fd: i32,
    /// CLIENT SETNAME
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME
    pub lib_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER
    pub lib_ver: Vec<u8>,
    /// Selected database; always one that is here.
    pub db: usize,
    /// Of the link to our primary: its stream has selected this database, which is not here.
    pub nowhere: Option<StreamDb>,
    /// Pending output.
    pub reply: Reply,
    /// Condition.
    pub flags: ClientFlags,
    /// AUTH succeeded or was not needed when it connected.
    pub authenticated: bool,
    /// The user that it acts as; the link to our primary and internal sessions have none, and all rights.
    pub user: Option<Rc<User>>,
    /// What that means for its calls. It is set wherever the user of the session is, or changes.
    pub access: Access,
    /// CLIENT TRACKING
    pub tracking: Option<Box<super::tracking::Tracking>>,
    /// Commands since MULTI.
    pub queue: Vec<Queued>,
    /// Bytes of their arguments.
    pub queued_bytes: usize,
    /// The database that the last SELECT among them selects.
    pub queued_db: Option<usize>,
    /// WATCH
    pub watched: Vec<Watched>,
    /// Bytes that they take.
    pub watched_bytes: usize,
    /// HIMPORT PREPARE
    pub fieldsets: Option<Box<Fieldsets>>,
    /// SUBSCRIBE
    pub channels: HashSet<Vec<u8>>,
    /// PSUBSCRIBE
    pub patterns: HashSet<Vec<u8>>,
    /// SSUBSCRIBE
    pub shard_channels: HashSet<Vec<u8>>,
    /// When it connected, of the steady clock, ms.
    pub created_ms: i64,
    /// When its last request came, of the steady clock, ms.
    pub last_interaction_ms: i64,
    /// The command that runs or has run last; in a transaction, one of its commands.
    pub last_command: Option<CommandId>,
    /// The command of the last request, for CLIENT LIST; `None` if there is none with that name.
    pub requested: Option<CommandId>,
    /// Replication offset right after this client's last command, whatever it did (WAIT).
    pub write_offset: ReplOffset,
    /// The last commit when its last command had run.
    pub write_commit: CommitPosition,
    /// Bytes of the stream held for this replica, as CLIENT LIST last found it.
    pub stream_pending: usize,
    /// What a blocking command waits for.
    pub blocked: Option<Box<super::blocking::Blocked>>,
    /// What REPLCONF said; meaning in `replication`.
    pub replconf: Option<Box<replication::Replconf>>,
    /// Bytes of the request buffer, for CLIENT LIST.
    pub query_buffer: usize,
    /// Bytes of a large argument that have not come yet.
    pub query_due: usize,
    /// No request that runs now has more bytes of arguments than this.
    pub request_bound: usize,
    /// Bytes of free room in addition to them.
    pub query_free: usize,
    /// Bytes of the arguments of the running request.
    pub argv_bytes: usize,
    /// Bytes of replies that the socket has not taken yet, in addition to `reply`.
    pub unsent: Unsent,
    /// Unix second since which its unsent replies exceed the soft limit.
    pub over_soft_since_s: Option<i64>,
    /// Bytes received since the connection.
    pub bytes_in: u64,
    /// Bytes sent since the connection.
    pub bytes_out: u64,
    /// Requests since the connection.
    pub commands: u64,
    /// The I/O thread that owns its socket, counted from 1; 0: the thread that runs commands.
    pub io_thread: usize,
    /// The bytes that it counted for `maxmemory-clients` at the last look.
    pub counted_memory: usize,
}

impl Session {
    /// This session is the link to our primary, whose stream has selected `db`; `databases` are here.
    pub fn follow(&mut self, db: StreamDb, databases: usize) {
        self.flags.insert(ClientFlags::MASTER);
        self.authenticated = true;
        self.user = None;
        self.access = Access::All;
        let here = db.within(databases);
        self.db = here.unwrap_or(0);
        self.nowhere = here.is_none().then_some(db);
    }

    /// The database that the stream of our primary has selected.
    pub fn stream_db(&self) -> StreamDb {
        self.nowhere.unwrap_or(StreamDb::ours(self.db))
    }

    /// It has to log in before it may do anything else.
    pub fn must_log_in(&self) -> bool {
        self.access == Access::LoginFirst
    }

    /// It wants no reply to the request that runs (CLIENT REPLY OFF and SKIP).
    pub fn is_silent(&self) -> bool {
        let silence = ClientFlags::REPLY_OFF | ClientFlags::REPLY_SKIP;
        self.flags.intersects(silence)
    }

    /// The request has run: its reply, which was written since `mark`, is not sent if the client wants none. A request
    /// that still waits has no reply yet.
    pub(super) fn keep_silent(&mut self, mark: usize) {
        let any = ClientFlags::REPLY_OFF | ClientFlags::REPLY_SKIP | ClientFlags::REPLY_SKIP_NEXT;
        if !self.flags.intersects(any) || self.flags.contains(ClientFlags::BLOCKED) {
            return;
        }
        if self.is_silent() {
            self.reply.truncate(mark);
        }
        let skip = self.flags.contains(ClientFlags::REPLY_SKIP_NEXT);
        self.flags.remove(ClientFlags::REPLY_SKIP_NEXT);
        self.flags.set(ClientFlags::REPLY_SKIP, skip);
    }

    /// Writes a message that was made for RESP3: the two protocols differ in the first byte of a push only.
    pub(crate) fn write_message(&mut self, resp3: &[u8]) {
        let (first, rest) = resp3.split_at(1);
        self.reply.raw(match (self.reply.proto, first) {
            (Proto::Resp2, b">") => b"*",
            _ => first,
        });
        self.reply.raw(rest);
    }

    /// A new client in database 0.
    pub fn new(id: ClientId, addr: String, laddr: String, now_ms: i64) -> Self {
        Session {
            id,
            addr,
            laddr,
            fd: -1,
            name: Vec::new(),
            lib_name: Vec::new(),
            lib_ver: Vec::new(),
            db: 0,
            nowhere: None,
            reply: Reply::new(Proto::Resp2),
            flags: ClientFlags::empty(),
            authenticated: false,
            user: None,
            access: Access::All,
            tracking: None,
            queue: Vec::new(),
            queued_bytes: 0,
            queued_db: None,
            watched: Vec::new(),
            watched_bytes: 0,
            fieldsets: None,
            channels: HashSet::new(),
            patterns: HashSet::new(),
            shard_channels: HashSet::new(),
            created_ms: now_ms,
            last_interaction_ms: now_ms,
            last_command: None,
            requested: None,
            write_offset: ReplOffset::ZERO,
            write_commit: CommitPosition::default(),
            stream_pending: 0,
            blocked: None,
            replconf: None,
            query_buffer: 0,
            query_due: 0,
            request_bound: usize::MAX,
            query_free: 0,
            argv_bytes: 0,
            unsent: Unsent::default(),
            over_soft_since_s: None,
            bytes_in: 0,
            bytes_out: 0,
            commands: 0,
            io_thread: 0,
            counted_memory: 0,
        }
    }

    /// Neither this server's primary nor one of its replicas.
    pub fn is_ordinary(&self) -> bool {
        let special = ClientFlags::MASTER | ClientFlags::REPLICA;
        !self.flags.intersects(special)
    }

    /// Connected from this machine.
    pub fn is_local(&self) -> bool {
        let loopback = |a: core::net::SocketAddr| a.ip().is_loopback();
        self.flags.contains(ClientFlags::UNIX_SOCKET) || self.addr.parse().is_ok_and(loopback)
    }

    /// Number of subscriptions of all kinds.
    pub fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len() + self.shard_channels.len()
    }
}
