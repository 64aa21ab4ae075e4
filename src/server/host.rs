//! What commands need of the world: the shell's side of [`Host`].

use super::allocator::Lent;
use super::listen::{self, Listeners};
use super::persist::Persistence;
use super::state::Server;
use super::{allocator, exchange, log, reaper, rewrite_file, usage};
use config::directive::Change;
use engine::host::Weight;
use engine::host::{
    Exchange, ExchangeError, Facts, Host, ReloadOptions, SaveOptions, ShutdownOptions,
};
use engine::{CommandError, Engine};
use flow::Shutdown;
use replication;
use std::any::Any;
use std::path::PathBuf;
use std::rc::Weak;
use std::time::Duration;

/// The services of the running server.
pub struct Shell {
    /// The server whose engine holds this.
    pub server: Weak<Server>,
    /// Dumps.
    pub persistence: Persistence,
    /// Sockets that accept.
    pub listeners: Listeners,
    /// The file that CONFIG REWRITE writes, absolute.
    pub config_file: Option<PathBuf>,
    /// True if a supervisor is notified of the server's state.
    pub supervised: bool,
    /// The server's shutdown, which may wait for replicas.
    pub shutdown: Shutdown,
    reaper: reaper::Reaper,
    /// Connections of MIGRATE.
    pub others: exchange::Others,
}

impl Shell {
    /// Services without a listener or link.
    pub fn new(server: Weak<Server>, persistence: Persistence) -> Self {
        Shell {
            server,
            persistence,
            listeners: Listeners::default(),
            config_file: None,
            supervised: false,
            shutdown: Shutdown::default(),
            reaper: reaper::Reaper::default(),
            others: exchange::Others::default(),
        }
    }

    fn relisten(&mut self, engine: &Engine, what: &str) -> Result<(), String> {
        let Some(server) = self.server.upgrade() else {
            return Ok(());
        };
        let bound = listen::bind_tcp(&engine.config).map_err(|text| {
            tracing::warn!("{text}");
            what.to_owned()
        })?;
        let served = self.listeners.serve_tcp(&server, bound);
        served.map_err(|e| e.to_string())
    }
}

impl Host for Shell {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

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
        self.persistence.running()
    }

    fn after_flushall(&mut self, engine: &mut Engine) {
        self.persistence.after_flushall(engine);
    }

    fn shutdown(
        &mut self,
        engine: &mut Engine,
        options: ShutdownOptions,
    ) -> Result<(), CommandError> {
        self.begin_shutdown(engine, options)
    }

    fn abort_shutdown(&mut self, engine: &mut Engine) -> Result<(), CommandError> {
        self.shutdown.abort(engine)
    }

    fn reload(&mut self, engine: &mut Engine, options: ReloadOptions) -> Result<(), CommandError> {
        self.persistence.reload(engine, options)
    }

    fn sleep(&mut self, micros: u64) {
        std::thread::sleep(Duration::from_micros(micros));
    }

    fn rewrite_config(&mut self, engine: &mut Engine) -> Result<(), String> {
        let Some(path) = &self.config_file else {
            return Err("The server is running without a config file".into());
        };
        rewrite_file::rewrite(path, &engine.config)
            .inspect(|()| tracing::info!("CONFIG REWRITE executed with success."))
            .inspect_err(|e| tracing::warn!("CONFIG REWRITE failed: {e}"))
            .map_err(|e| format!("Rewriting config file: {e}"))
    }

    fn apply_config(&mut self, engine: &mut Engine, change: Change) -> Result<(), String> {
        match change {
            Change::Port => self.relisten(
                engine,
                "Unable to listen on this port. Check server logs.",
            ),
            Change::Bind => self.relisten(engine, "Failed to bind to specified addresses."),
            Change::Dir => {
                engine.config.dir = super::startup::enter(&engine.config.dir)?;
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
            Change::MaxClients => {
                super::startup::raise_limits(&mut engine.config, false).map_err(|limit| {
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

    fn facts(&mut self, engine: &Engine) -> Facts {
        let executable = std::env::current_exe().unwrap_or_default();
        let config_file = self.config_file.as_deref();
        let now = engine.clock.steady_ms;
        Facts {
            os: usage::system_name(),
            pid: std::process::id(),
            supervised: if self.supervised { "systemd" } else { "no" },
            executable: executable.display().to_string(),
            config_file: config_file.map_or_else(String::new, |p| p.display().to_string()),
            shutdown_in_ms: self.shutdown.deadline_ms().map(|at| (at - now).max(0)),
            allocator: allocator::NAME,
            memory: usage::memory(),
            lazyfree_pending: self.reaper.pending(),
            lazyfreed: self.reaper.done(),
            migrate_sockets: self.others.len(),
        }
    }

    fn exchange(
        &mut self,
        exchange: Exchange<'_>,
    ) -> Result<Vec<String>, (Vec<String>, ExchangeError)> {
        self.others.talk(&exchange)
    }

    fn purge_memory(&mut self) {
        allocator::purge();
    }

    fn info(&self, engine: &Engine, section: &str, out: &mut String) {
        match section {
            "persistence" => self.persistence.info(engine, out),
            "cpu" => usage::info(out),
            _ => {}
        }
    }

    fn drop_later(&mut self, what: Box<dyn Send>, weight: Weight) {
        let lent = Lent::new(weight.bytes);
        self.reaper.take(Box::new((what, lent)), weight.objects);
    }
}

/// Gives `f` the shell of an engine, for the server's own use.
pub fn with_shell<R>(engine: &mut Engine, f: impl FnOnce(&mut Shell, &mut Engine) -> R) -> R {
    engine.with_host(|host, engine| {
        let shell = host
            .as_any()
            .downcast_mut::<Shell>()
            .expect("the server's engine holds the server's shell");
        f(shell, engine)
    })
}
