//! What commands need of the world, here: saves and the end of the process.

use super::appending::SimLog;
use super::saving::Hands;
use forebay::base::CommandError;
use forebay::config::directive::Change;
use forebay::engine::host::{
    Exchange, ExchangeError, Facts, Host, ReloadOptions, SaveOptions, ShutdownOptions, Weight,
};
use forebay::engine::{ClientId, Engine};
use forebay::flow::{Saves, Shutdown};

/// The services of one server.
pub struct SimHost {
    pub saves: Saves<Hands>,
    pub shutdown: Shutdown,
    pub append: SimLog,
}

impl Host for SimHost {
    fn save(&self, engine: &mut Engine, options: &SaveOptions) -> Result<(), String> {
        self.saves.save(engine, options)
    }

    fn bgsave(
        &self,
        engine: &mut Engine,
        options: &SaveOptions,
    ) -> Result<&'static str, CommandError> {
        self.saves.bgsave(engine, options)
    }

    fn rewrite_log(
        &self,
        engine: &mut Engine,
        scheduled: bool,
    ) -> Result<&'static str, CommandError> {
        self.append.rewrite(engine, scheduled)
    }

    fn cancel_bgsave(&self, engine: &mut Engine) -> Result<&'static str, CommandError> {
        self.saves.cancel_bgsave(engine)
    }

    fn last_save(&self) -> i64 {
        self.saves.last_save()
    }

    fn bgsave_running(&self) -> bool {
        self.saves.running()
    }

    fn after_flushall(&self, engine: &mut Engine) {
        self.saves.after_flushall(engine);
    }

    fn shutdown(&self, _: &mut Engine, _: ShutdownOptions) -> Result<(), CommandError> {
        unreachable!("see Node::shut_down")
    }

    fn abort_shutdown(&self, engine: &mut Engine) -> Result<(), CommandError> {
        self.shutdown.abort(engine)
    }

    fn load_log(&self, _: &mut Engine, _: Option<ClientId>) -> Result<bool, CommandError> {
        Err(CommandError::fixed(&"ERR nobody does that here"))
    }

    fn reload(&self, _: &mut Engine, _: ReloadOptions) -> Result<(), CommandError> {
        Err(CommandError::fixed(&"ERR nobody does that here"))
    }

    fn sleep(&self, _: u64) {}
    fn sleep_before_log_writes(&self, _: u64) {}

    fn read_acl_file(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("there is no file".into())
    }

    fn write_acl_file(&self, _: &str, _: &[u8]) -> Result<(), String> {
        Err("there is no file".into())
    }

    fn rewrite_config(&self, _: &mut Engine) -> Result<(), String> {
        Ok(())
    }

    fn apply_config(&self, engine: &mut Engine, change: Change) -> Result<(), String> {
        match change {
            Change::AppendOnly => self.append.switch(engine),
            Change::AppendHow => {
                self.append.set_how(engine);
                Ok(())
            }
            _ => Ok(()),
        }
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
