//! The services that commands ask of a server: a dump is bytes in memory, and time stands still.

use super::image::{self, Image};
use forebay::engine::host::{
    Exchange, ExchangeError, Facts, Host, ReloadOptions, SaveOptions, ShutdownOptions, Weight,
};
use forebay::engine::{ClientId, CommandError, Engine};

/// See the module.
pub struct FuzzHost;

const BUSY: CommandError = CommandError::fixed(&"ERR a snapshot is running");
const NOT_HERE: CommandError = CommandError::fixed(&"ERR not in this world");

impl Host for FuzzHost {
    fn save(&self, engine: &mut Engine, _: &SaveOptions) -> Result<(), String> {
        Image::whole(engine).ok_or("a snapshot is running")?;
        engine.dirty = 0;
        Ok(())
    }
    fn bgsave(&self, _: &mut Engine, _: &SaveOptions) -> Result<&'static str, CommandError> {
        Ok("Background saving started")
    }
    fn rewrite_log(&self, _: &mut Engine, _: bool) -> Result<&'static str, CommandError> {
        Ok("Background append only file rewriting started")
    }

    fn cancel_bgsave(&self, _: &mut Engine) -> Result<&'static str, CommandError> {
        Ok("Background saving cancelled")
    }
    fn last_save(&self) -> i64 {
        0
    }
    fn bgsave_running(&self) -> bool {
        false
    }
    fn after_flushall(&self, _: &mut Engine) {}
    fn shutdown(&self, _: &mut Engine, _: ShutdownOptions) -> Result<(), CommandError> {
        Err(NOT_HERE)
    }
    fn abort_shutdown(&self, _: &mut Engine) -> Result<(), CommandError> {
        Err(NOT_HERE)
    }
    fn load_log(&self, _: &mut Engine, _: Option<ClientId>) -> Result<bool, CommandError> {
        Err(NOT_HERE)
    }

    fn reload(&self, engine: &mut Engine, _: ReloadOptions) -> Result<(), CommandError> {
        let bytes = Image::whole(engine).ok_or(BUSY)?;
        for (number, db) in image::read(engine, &bytes) {
            let old = engine.keyspace.replace(number as usize, db);
            assert!(!old.is_empty());
        }
        engine.tracking.invalidate_everything();
        Ok(())
    }
    fn sleep_before_log_writes(&self, _: u64) {}
    fn sleep(&self, _: u64) {}
    fn read_acl_file(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("there is no file".into())
    }
    fn write_acl_file(&self, _: &str, _: &[u8]) -> Result<(), String> {
        Err("there is no file".into())
    }
    fn rewrite_config(&self, _: &mut Engine) -> Result<(), String> {
        Err("there is no file".into())
    }
    fn apply_config(&self, _: &mut Engine, _: forebay::config::directive::Change) -> Result<(), String> {
        Ok(())
    }
    fn facts(&self, _: &Engine) -> Facts {
        Facts::default()
    }
    fn purge_memory(&self) {}
    fn info(&self, _: &Engine, _: &str, _: &mut String) {}
    fn exchange(&self, _: Exchange<'_>) -> Result<Vec<String>, (Vec<String>, ExchangeError)> {
        Err((Vec::new(), ExchangeError::Connect))
    }
    fn drop_later(&self, _: Box<dyn Send>, _: Weight) {}
}
