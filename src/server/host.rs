//! What commands need of the world: the shell's side of [`Host`].

use super::persist::Persistence;
use crate::commands::host::{Host, ReloadOptions, SaveOptions, ShutdownOptions};
use crate::commands::{CommandError, Engine, Session};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

/// The services of the running server.
pub struct Shell {
    /// Dumps.
    pub persistence: Persistence,
    /// To the thread that drops what is large.
    graveyard: Sender<Box<dyn Send>>,
}

impl Shell {
    /// Services without a listener or link.
    pub fn new(persistence: Persistence) -> Self {
        let (graveyard, buried) = channel::<Box<dyn Send>>();
        std::thread::Builder::new()
            .name("forebay-free".into())
            .spawn(move || buried.iter().for_each(drop))
            .expect("the system gives us one more thread");
        Shell {
            persistence,
            graveyard,
        }
    }
}

impl Host for Shell {
    fn save(&mut self, engine: &mut Engine, options: &SaveOptions) -> Result<(), String> {
        self.persistence.save(engine, options)
    }

    fn bgsave(
        &mut self,
        engine: &mut Engine,
        options: &SaveOptions,
    ) -> Result<&'static str, CommandError> {
        self.persistence.bgsave(engine, options)
    }

    fn cancel_bgsave(&mut self, engine: &mut Engine) -> Result<&'static str, CommandError> {
        self.persistence.cancel_bgsave(engine)
    }

    fn last_save(&self) -> i64 {
        self.persistence.last_save()
    }

    fn bgsave_running(&self) -> bool {
        self.persistence.bgsave_running()
    }

    fn after_flushall(&mut self, engine: &mut Engine) {
        self.persistence.after_flushall(engine);
    }

    fn shutdown(
        &mut self,
        _engine: &mut Engine,
        _options: ShutdownOptions,
    ) -> Result<(), CommandError> {
        std::process::exit(0)
    }

    fn abort_shutdown(&mut self, _engine: &mut Engine) -> Result<(), CommandError> {
        Err(CommandError::fixed("ERR No shutdown in progress."))
    }

    fn reload(&mut self, engine: &mut Engine, options: ReloadOptions) -> Result<(), CommandError> {
        self.persistence.reload(engine, options)
    }

    fn sleep(&mut self, micros: u64) {
        std::thread::sleep(Duration::from_micros(micros));
    }

    fn rewrite_config(&mut self, _engine: &mut Engine) -> Result<(), String> {
        Err("The server is running without a config file".into())
    }

    fn apply_config(&mut self, _engine: &mut Engine, _directive: &str) -> Result<(), String> {
        Ok(())
    }

    fn replicaof(&mut self, _engine: &mut Engine, _primary: Option<(String, u16)>, _by: &Session) {}

    fn sync(
        &mut self,
        _engine: &mut Engine,
        _client: &mut Session,
        _args: &[&[u8]],
    ) -> Result<(), CommandError> {
        Err(CommandError::fixed("ERR"))
    }

    fn info(&self, _engine: &Engine, _section: &str, _out: &mut String) {}

    fn log(&mut self, _level: char, text: &str) {
        tracing::info!("{text}");
    }

    fn drop_later(&mut self, what: Box<dyn Send>) {
        // A thread that is gone takes its queue with it; then it is dropped here.
        let _ = self.graveyard.send(what);
    }
}
