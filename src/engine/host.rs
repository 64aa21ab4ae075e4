//! What commands need from outside: files, snapshots, sleep, links. The server implements it, and tests use a fake that
//! records calls.

use super::{ClientId, CommandError, Engine};

/// How SAVE, BGSAVE and shutdown save.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SaveOptions {
    /// BGSAVE inside EXEC: begin when that has ended.
    pub schedule: bool,
    /// BGSAVE SCHEDULE: it waits for the end of a rewrite of the append-only file.
    pub after_rewrite: bool,
    /// `rdb-save-target` for this save only.
    pub target: Option<String>,
}

/// The options of `SHUTDOWN`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownOptions {
    /// `SAVE` / `NOSAVE`; `None` = by the save points.
    pub save: Option<bool>,
    /// Do not wait for replicas.
    pub now: bool,
    /// Exit even if the save fails.
    pub force: bool,
}

/// The options of `DEBUG RELOAD`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReloadOptions {
    /// Do not save first.
    pub nosave: bool,
    /// Do not empty the dataset first.
    pub noflush: bool,
    /// Merge into the dataset.
    pub merge: bool,
}

/// Facts about the machine and the process.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// System, release, machine.
    pub os: String,
    /// Process number.
    pub pid: u32,
    /// `no` or `systemd`.
    pub supervised: &'static str,
    /// Path of the program.
    pub executable: String,
    /// Path of the configuration file, or empty.
    pub config_file: String,
    /// Time left of a shutdown that waits for replicas, ms.
    pub shutdown_in_ms: Option<i64>,
    /// The allocator's name and version.
    pub allocator: &'static str,
    /// Memory by allocator and system.
    pub memory: Memory,
    /// Objects that wait to be freed in the background.
    pub lazyfree_pending: u64,
    /// Objects freed there.
    pub lazyfreed: u64,
    /// The threads that own the sockets of clients.
    pub io: IoFacts,
    /// Connections of MIGRATE that are kept.
    pub migrate_sockets: usize,
    /// Bytes that the append-only file keeps in memory because they are not written or not durable.
    pub log_buffer: usize,
}

/// What is counted of the threads that own the sockets of clients.
#[derive(Clone, Copy, Debug, Default)]
pub struct IoFacts {
    /// There are some.
    pub active: bool,
    /// Reads that gave something.
    pub reads: u64,
    /// Writes that took something.
    pub writes: u64,
    /// Groups of requests of several connections whose keys were prefetched together.
    pub prefetches: u64,
    /// These requests.
    pub prefetched: u64,
}

/// Memory as the allocator and the system count it, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Handed out to the program.
    pub allocated: usize,
    /// In pages that hold something of it.
    pub active: usize,
    /// In pages that are resident.
    pub resident: usize,
    /// Kept mapped by the allocator for later.
    pub retained: usize,
    /// Of the process, as the system sees it.
    pub rss: usize,
    /// Of the machine.
    pub total: usize,
}

/// A talk with another server (MIGRATE).
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// Name or address.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// For connecting, and for each wait.
    pub timeout_ms: u64,
    /// Whole requests.
    pub request: &'a [u8],
    /// How many replies they have, each of one line.
    pub replies: usize,
}

/// Where a talk with another server broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeError {
    /// No connection.
    Connect,
    /// It does not take the requests.
    Write,
    /// It does not answer.
    Read,
}

/// The size of something that is dropped in the background.
#[derive(Clone, Copy, Default)]
pub struct Weight {
    /// What the allocator will get back, as far as it is known.
    pub bytes: usize,
    /// Keys that it counts as in `lazyfreed_objects`.
    pub objects: u64,
}

/// The shell's services. They are called with the engine, and may call each other: a service keeps no borrow of its own
/// state while other code runs.
pub trait Host {
    /// SAVE: returns when the dump is on disk.
    fn save(&self, engine: &mut Engine, options: &SaveOptions) -> Result<(), String>;
    /// BGSAVE: starts, or schedules; the text is the reply.
    fn bgsave(
        &self,
        engine: &mut Engine,
        options: &SaveOptions,
    ) -> Result<&'static str, CommandError>;
    /// BGREWRITEAOF, which is only scheduled where nothing may begin now: the text is the reply.
    fn rewrite_log(
        &self,
        engine: &mut Engine,
        scheduled: bool,
    ) -> Result<&'static str, CommandError>;
    /// BGSAVE CANCEL: the text is the reply.
    fn cancel_bgsave(&self, engine: &mut Engine) -> Result<&'static str, CommandError>;
    /// LASTSAVE: Unix seconds.
    fn last_save(&self) -> i64;
    /// A snapshot is running, to disk or to replicas.
    fn bgsave_running(&self) -> bool;
    /// Before FLUSHALL answers: cancels a disk save, saves the empty dataset when save points are set.
    fn after_flushall(&self, engine: &mut Engine);
    /// SHUTDOWN: `Ok` means that the process will exit and no reply is sent.
    fn shutdown(&self, engine: &mut Engine, options: ShutdownOptions) -> Result<(), CommandError>;
    /// SHUTDOWN ABORT.
    fn abort_shutdown(&self, engine: &mut Engine) -> Result<(), CommandError>;
    /// DEBUG RELOAD.
    fn reload(&self, engine: &mut Engine, options: ReloadOptions) -> Result<(), CommandError>;
    /// A request has made the server a primary or a replica.
    fn role_changed(&self, _engine: &Engine) {}
    /// DEBUG LOADAOF. The load may be only begun when this returns, if there is a client that can wait: then the result
    /// is true, and [`Engine::end_load`] tells the client how it ended.
    fn load_log(&self, engine: &mut Engine, waits: Option<ClientId>) -> Result<bool, CommandError>;
    /// DEBUG SLEEP: blocks the whole server.
    fn sleep(&self, micros: u64);
    /// DEBUG AOF-FLUSH-SLEEP: each write to the append-only file takes so much longer.
    fn sleep_before_log_writes(&self, micros: u64);
    /// The content of the ACL file.
    ///
    /// # Errors
    /// The system's text.
    fn read_acl_file(&self, path: &str) -> Result<Vec<u8>, String>;
    /// ACL SAVE: the file is replaced as a whole.
    ///
    /// # Errors
    /// The system's text, which has been logged.
    fn write_acl_file(&self, path: &str, text: &[u8]) -> Result<(), String>;
    /// CONFIG REWRITE.
    fn rewrite_config(&self, engine: &mut Engine) -> Result<(), String>;
    /// DEBUG CONFIG-REWRITE-FORCE-ALL
    fn rewrite_whole_config(&self, engine: &mut Engine) -> Result<(), String> {
        self.rewrite_config(engine)
    }
    /// A directive was changed by CONFIG SET: make it take effect (listeners, directory, log level ...).
    fn apply_config(
        &self,
        engine: &mut Engine,
        change: config::directive::Change,
    ) -> Result<(), String>;
    /// Facts about the machine and the process.
    fn facts(&self, engine: &Engine) -> Facts;
    /// MEMORY PURGE: unused pages go back to the system.
    fn purge_memory(&self);
    /// DEBUG SEGFAULT: ends the process as a fault of its own does; a host without a process does nothing.
    fn fault(&self) {}
    /// Fields that only the server knows, for the INFO sections `persistence`, `threads` and `cpu`.
    fn info(&self, engine: &Engine, section: &str, out: &mut String);
    /// Talks to another server; whole lines of replies. Blocks the whole server.
    ///
    /// # Errors
    /// The replies before it broke off, and where that was.
    fn exchange(&self, exchange: Exchange<'_>)
    -> Result<Vec<String>, (Vec<String>, ExchangeError)>;
    /// Drops something large off the executor thread.
    fn drop_later(&self, what: Box<dyn Send>, weight: Weight);
}
