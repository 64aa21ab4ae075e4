//! Dumps: loading at start, SAVE, BGSAVE, DEBUG RELOAD.

use crate::commands::host::{ReloadOptions, SaveOptions};
use crate::commands::{CommandError, Engine};

/// The persistence of one server.
#[derive(Default)]
pub struct Persistence {}

impl Persistence {
    /// Loads the dump at start-up.
    ///
    /// # Errors
    /// What is wrong with the file, with its byte offset.
    pub fn load_at_start(&mut self, _engine: &mut Engine) -> Result<(), String> {
        Ok(())
    }

    /// SAVE.
    pub fn save(&mut self, _engine: &mut Engine, _options: &SaveOptions) -> Result<(), String> {
        Err("not built in yet".into())
    }

    /// BGSAVE.
    pub fn bgsave(
        &mut self,
        _engine: &mut Engine,
        _options: &SaveOptions,
    ) -> Result<&'static str, CommandError> {
        Err(CommandError::fixed("ERR"))
    }

    /// A disk save is running.
    pub fn bgsave_running(&self) -> bool {
        false
    }

    /// After FLUSHALL.
    pub fn after_flushall(&mut self, _engine: &mut Engine) {}

    /// DEBUG RELOAD.
    pub fn reload(
        &mut self,
        _engine: &mut Engine,
        _options: ReloadOptions,
    ) -> Result<(), CommandError> {
        Err(CommandError::fixed("ERR"))
    }

    /// Called at each turn of the server's clockwork (`hz`).
    pub fn cron(&mut self, _engine: &mut Engine) {}

    /// INFO persistence, without its header.
    pub fn info(&self, _engine: &Engine, _out: &mut String) {}
}
