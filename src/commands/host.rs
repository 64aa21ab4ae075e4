//! What commands need from the world: files, snapshots, sleep, links. The shell implements it; tests
//! put a recording fake in its place.

use super::{CommandError, Engine, Session};

/// How SAVE, BGSAVE and shutdown save.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SaveOptions {
    /// `BGSAVE SCHEDULE`
    pub schedule: bool,
    /// `rdb-save-target` for this save only.
    pub target: Option<String>,
}

/// What `SHUTDOWN` was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownOptions {
    /// `SAVE` / `NOSAVE`; `None` = by the save points.
    pub save: Option<bool>,
    /// Do not wait for replicas.
    pub now: bool,
    /// Exit even if the save fails.
    pub force: bool,
}

/// What `DEBUG RELOAD` was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReloadOptions {
    /// Do not save first.
    pub nosave: bool,
    /// Do not empty the dataset first.
    pub noflush: bool,
    /// Merge into the dataset.
    pub merge: bool,
}

/// The shell's services.
pub trait Host {
    /// SAVE: returns when the dump stands on disk.
    fn save(&mut self, engine: &mut Engine, options: &SaveOptions) -> Result<(), String>;
    /// BGSAVE: starts, or schedules; the text is the reply.
    fn bgsave(
        &mut self,
        engine: &mut Engine,
        options: &SaveOptions,
    ) -> Result<&'static str, CommandError>;
    /// BGSAVE CANCEL: the text is the reply.
    fn cancel_bgsave(&mut self, engine: &mut Engine) -> Result<&'static str, CommandError>;
    /// LASTSAVE: Unix seconds.
    fn last_save(&self) -> i64;
    /// A disk save is running.
    fn bgsave_running(&self) -> bool;
    /// Before FLUSHALL answers: cancels a disk save, saves the empty dataset when save points are set.
    fn after_flushall(&mut self, engine: &mut Engine);
    /// SHUTDOWN: `Ok` means that the process will exit and no reply is sent.
    fn shutdown(
        &mut self,
        engine: &mut Engine,
        options: ShutdownOptions,
    ) -> Result<(), CommandError>;
    /// SHUTDOWN ABORT.
    fn abort_shutdown(&mut self, engine: &mut Engine) -> Result<(), CommandError>;
    /// DEBUG RELOAD.
    fn reload(&mut self, engine: &mut Engine, options: ReloadOptions) -> Result<(), CommandError>;
    /// DEBUG SLEEP: blocks the whole server.
    fn sleep(&mut self, micros: u64);
    /// CONFIG REWRITE.
    fn rewrite_config(&mut self, engine: &mut Engine) -> Result<(), String>;
    /// A directive was changed by CONFIG SET: make it take effect (listeners, directory, log level ...).
    fn apply_config(&mut self, engine: &mut Engine, directive: &str) -> Result<(), String>;
    /// REPLICAOF host port, or NO ONE (`None`).
    fn replicaof(&mut self, engine: &mut Engine, primary: Option<(String, u16)>, by: &Session);
    /// SYNC/PSYNC was accepted or must be answered: the connection becomes a replica.
    fn sync(
        &mut self,
        engine: &mut Engine,
        client: &mut Session,
        args: &[&[u8]],
    ) -> Result<(), CommandError>;
    /// Fields only the shell knows, for an INFO section (`server`, `memory`, `persistence`, `cpu` ...).
    fn info(&self, engine: &Engine, section: &str, out: &mut String);
    /// A log line at Redis's level `.`, `-`, `*` or `#`.
    fn log(&mut self, level: char, text: &str);
    /// Drops something large off the executor thread.
    fn drop_later(&mut self, what: Box<dyn Send>);
}
