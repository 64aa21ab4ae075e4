//! What commands need of the world: the shell's side of [`Host`].

use super::allocator::Lent;
use super::shell::Shell;
use super::{
    allocator, append_load, crash, listen, log, oom_score, persist, rewrite_file, title, usage,
    users,
};
use config::directive::Change;
use engine::host::Weight;
use engine::host::{
    Exchange, ExchangeError, Facts, Host, ReloadOptions, SaveOptions, ShutdownOptions,
};
use engine::{CommandError, Engine};
use flow::Which;
use replication;
use std::time::Duration;

impl Shell {
    /// The title of the process, as the configuration wants it.
    pub fn show_title(&self, engine: &Engine) {
        let file = self.config_file.get();
        let file = file.map_or_else(String::new, |path| path.display().to_string());
        title::show(&engine.config, &file);
    }

    /// Tells the kernel how soon to kill the process if its role is another one now.
    pub fn follow_role(&self, engine: &Engine) {
        let replica = engine.repl.is_replica();
        if self.scored.replace(Some(replica)) != Some(replica) {
            // What is wrong is in the log.
            let _ = oom_score::apply(&engine.config, replica);
        }
    }

    fn relisten(&self, engine: &Engine, what: &str) -> Result<(), String> {
        let Some(server) = self.server.upgrade() else {
            return Ok(());
        };
        let bound = listen::bind_tcp(&engine.config).map_err(|text| {
            tracing::warn!("{text}");
            what.to_owned()
        })?;
        let served = self.listeners.borrow_mut().serve_tcp(&server, bound);
        served.map_err(|e| e.to_string())
    }
}

impl Host for Shell {
    fn save(&self, engine: &mut Engine, options: &SaveOptions) -> Result<(), String> {
        self.persistence.save(engine, options)
    }

    fn bgsave(
        &self,
        engine: &mut Engine,
        options: &SaveOptions,
    ) -> Result<&'static str, CommandError> {
        self.persistence.bgsave(engine, options)
    }

    fn rewrite_log(&self, engine: &mut Engine) -> Result<&'static str, CommandError> {
        self.append.rewrite(engine)
    }

    fn cancel_bgsave(&self, engine: &mut Engine) -> Result<&'static str, CommandError> {
        self.persistence.cancel_bgsave(engine)
    }

    fn last_save(&self) -> i64 {
        self.persistence.last_save()
    }

    fn bgsave_running(&self) -> bool {
        self.persistence.running()
    }

    fn after_flushall(&self, engine: &mut Engine) {
        self.persistence.after_flushall(engine);
    }

    fn shutdown(&self, engine: &mut Engine, options: ShutdownOptions) -> Result<(), CommandError> {
        self.begin_shutdown(engine, options)
    }

    fn abort_shutdown(&self, engine: &mut Engine) -> Result<(), CommandError> {
        self.shutdown.abort(engine)
    }

    fn reload(&self, engine: &mut Engine, options: ReloadOptions) -> Result<(), CommandError> {
        persist::reload(&self.persistence, engine, options)
    }

    fn load_log(&self, engine: &mut Engine) -> Result<(), CommandError> {
        let mut load = || -> Result<(), String> {
            let was_on = self.append.suspend(engine)?;
            self.persistence.give_up(engine, Which::Any);
            let loaded = append_load::load_again(&self.persistence, engine);
            if was_on {
                self.append.resume(engine, loaded.clone().ok())?;
            }
            loaded.map(drop)
        };
        load().map_err(|e| {
            tracing::warn!("DEBUG LOADAOF: {e}");
            CommandError::fixed("ERR Error trying to load the AOF files, check server logs.")
        })?;
        tracing::info!("Append Only File loaded by DEBUG LOADAOF");
        Ok(())
    }

    fn sleep(&self, micros: u64) {
        std::thread::sleep(Duration::from_micros(micros));
    }

    fn read_acl_file(&self, path: &str) -> Result<Vec<u8>, String> {
        users::read(path)
    }

    fn write_acl_file(&self, path: &str, text: &[u8]) -> Result<(), String> {
        users::write(path, text)
            .inspect_err(|e| tracing::warn!("ACL SAVE failed: {e}"))
            .map_err(|e| e.to_string())
    }

    fn rewrite_config(&self, engine: &mut Engine) -> Result<(), String> {
        let Some(path) = self.config_file.get() else {
            return Err("The server is running without a config file".into());
        };
        rewrite_file::rewrite(path, &engine.config, &users::config_lines(engine))
            .inspect(|()| tracing::info!("CONFIG REWRITE executed with success."))
            .inspect_err(|e| tracing::warn!("CONFIG REWRITE failed: {e}"))
            .map_err(|e| format!("Rewriting config file: {e}"))
    }

    fn apply_config(&self, engine: &mut Engine, change: Change) -> Result<(), String> {
        match change {
            Change::Port => self.relisten(
                engine,
                "Unable to listen on this port. Check server logs.",
            ),
            Change::Bind => self.relisten(engine, "Failed to bind to specified addresses."),
            Change::Dir => {
                engine.config.dir = super::process::enter(&engine.config.dir)?;
                Ok(())
            }
            Change::AppendOnly if engine.config.appendonly => {
                let enabled = self.append.enable(engine);
                enabled.map_err(|why| {
                    tracing::warn!("The append-only file cannot be switched on: {why}");
                    "Unable to turn on AOF. Check server logs.".to_owned()
                })
            }
            Change::AppendOnly => {
                self.append.disable(engine);
                Ok(())
            }
            Change::LogLevel => {
                log::set_level(engine.config.loglevel);
                Ok(())
            }
            Change::LogTimes => {
                log::set_timestamp(engine.config.log_timestamp_format);
                Ok(())
            }
            Change::LoadDelay => {
                super::delay::set_while_loading(engine.config.key_load_delay);
                Ok(())
            }
            Change::OomScore => oom_score::apply(&engine.config, engine.repl.is_replica()),
            Change::ProcTitle => {
                self.show_title(engine);
                Ok(())
            }
            Change::CrashLog => {
                crash::set_enabled(engine.config.crash_log_enabled);
                Ok(())
            }
            Change::MaxClients => {
                super::process::raise_limits(&mut engine.config, false).map_err(|limit| {
                    format!(
                        "The operating system is not able to handle the specified number of clients, try with {limit}"
                    )
                })
            }
            Change::Read | Change::Password | Change::LatencyTracking => {
                let settings = replication::Settings::from_config(&engine.config);
                if settings != *engine.repl.settings() {
                    engine.repl.configure(settings);
                }
                Ok(())
            }
        }
    }

    fn facts(&self, engine: &Engine) -> Facts {
        let executable = std::env::current_exe().unwrap_or_default();
        let config_file = self.config_file.get();
        let reaper = self.reaper.borrow();
        let now = engine.clock.steady_ms;
        Facts {
            os: usage::system_name(),
            pid: std::process::id(),
            supervised: if self.supervised.get() {
                "systemd"
            } else {
                "no"
            },
            executable: executable.display().to_string(),
            config_file: config_file.map_or_else(String::new, |p| p.display().to_string()),
            shutdown_in_ms: self.shutdown.deadline_ms().map(|at| (at - now).max(0)),
            allocator: allocator::NAME,
            memory: usage::memory(),
            lazyfree_pending: reaper.pending(),
            lazyfreed: reaper.done(),
            migrate_sockets: self.others.borrow().len(),
            log_buffer: self.append.buffered(),
        }
    }

    fn exchange(
        &self,
        exchange: Exchange<'_>,
    ) -> Result<Vec<String>, (Vec<String>, ExchangeError)> {
        self.others.borrow_mut().talk(&exchange)
    }

    fn fault(&self) {
        crash::fault();
    }

    fn purge_memory(&self) {
        allocator::purge();
    }

    fn info(&self, engine: &Engine, section: &str, out: &mut String) {
        match section {
            "persistence" => {
                persist::info(&self.persistence, engine, out);
                self.append.info(engine, out);
            }
            "cpu" => usage::info(out),
            _ => {}
        }
    }

    fn drop_later(&self, what: Box<dyn Send>, weight: Weight) {
        let lent = Lent::new(weight.bytes);
        let mut reaper = self.reaper.borrow_mut();
        reaper.take(Box::new((what, lent)), weight.objects);
    }
}
