//! What commands need from outside: the server's implementation of [`Host`].

use super::allocator::Lent;
use super::listeners::{go_on, rebind};
use super::shell::Shell;
use super::tls_files::NOT_UPDATED;
use super::{
    allocator, append_load, crash, dial, listen, log, oom_score, persist, rewrite_file, title,
    usage, users,
};
use config::directive::Change;
use engine::host::Weight;
use engine::host::{
    Exchange, ExchangeError, Facts, Host, IoFacts, Memory, ReloadOptions, SaveOptions,
    ShutdownOptions,
};
use engine::{ClientId, CommandError, Engine};
use flow::Which;
use replication;
use std::sync::LazyLock;
use std::time::Duration;

const NO_PORT: &str = "Unable to listen on this port. Check server logs.";
const NO_ADDRESS: &str = "Failed to bind to specified addresses.";

/// How long what was said of memory is good for INFO: the reference, too, asks ten times a second.
const MEMORY_FOR_MS: i64 = 100;

impl Shell {
    /// What memory there is, no older than [`MEMORY_FOR_MS`]: to ask the allocator and the system takes longer than all
    /// else that INFO says, and monitors ask often.
    fn memory(&self, now: i64) -> Memory {
        match self.memory.get() {
            Some((at, memory)) if (at..at + MEMORY_FOR_MS).contains(&now) => memory,
            _ => {
                let memory = usage::memory();
                self.memory.set(Some((now, memory)));
                memory
            }
        }
    }

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

    /// Listens on another port, or on other addresses.
    fn relisten(&self, engine: &Engine, port: i64, what: &str, tls: bool) -> Result<(), String> {
        let Some(server) = self.server.upgrade() else {
            return Ok(());
        };
        let mut listeners = self.listeners.borrow_mut();
        let now = if tls { &listeners.tls } else { &listeners.tcp };
        let backlog = engine.config.tcp_backlog as i32;
        let bound = rebind(now, backlog, || listen::bind_tcp(&engine.config, port));
        let bound = bound.map_err(|text| {
            tracing::warn!("{text}");
            what.to_owned()
        })?;
        let served = match tls {
            true => listeners.serve_tls(&server, bound),
            false => listeners.serve_tcp(&server, bound),
        };
        served.map_err(|e| {
            let now = if tls { &listeners.tls } else { &listeners.tcp };
            go_on(now, backlog);
            e.to_string()
        })
    }

    fn follow_settings(&self, engine: &mut Engine) {
        let settings = replication::Settings::from_config(&engine.config);
        if settings != *engine.repl.settings() {
            engine.repl.configure(settings);
        }
    }

    fn read_certificates(&self, engine: &Engine) -> Result<(), String> {
        let read = self.tls.configure(&engine.config);
        read.map_err(|_| NOT_UPDATED.to_owned())
    }
}

/// How DEBUG LOADAOF has ended, as its client is told.
fn log_loaded(result: Result<(), String>) -> Result<(), CommandError> {
    match &result {
        Ok(()) => tracing::info!("Append Only File loaded by DEBUG LOADAOF"),
        Err(why) => tracing::warn!("DEBUG LOADAOF: {why}"),
    }
    let text = &"ERR Error trying to load the AOF files, check server logs.";
    result.map_err(|_| CommandError::fixed(text))
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

    fn rewrite_log(
        &self,
        engine: &mut Engine,
        scheduled: bool,
    ) -> Result<&'static str, CommandError> {
        self.append.rewrite(engine, scheduled)
    }

    fn role_changed(&self, engine: &Engine) {
        self.follow_role(engine);
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

    fn load_log(&self, engine: &mut Engine, waits: Option<ClientId>) -> Result<bool, CommandError> {
        let was_on = match self.append.suspend(engine) {
            Ok(was_on) => was_on,
            Err(why) => return log_loaded(Err(why)).map(|()| false),
        };
        self.persistence.give_up(engine, Which::Any);
        // The stream of a primary goes on meanwhile, so a replica does nothing else.
        let waits = waits.filter(|_| !engine.repl.is_replica());
        if let (Some(id), Some(server)) = (waits, self.server.upgrade()) {
            let loading = async move {
                let loaded = append_load::load_beside_clients(&server).await;
                server.with_engine(|engine| {
                    let resumed = server.append.loaded_again(engine, was_on, loaded);
                    engine.end_load(id, log_loaded(resumed));
                });
            };
            self.append.loads(engine);
            tokio::task::spawn_local(loading);
            return Ok(true);
        }
        let loaded = append_load::load_again(&self.persistence, engine, persist::load_options);
        log_loaded(self.append.loaded_again(engine, was_on, loaded)).map(|()| false)
    }

    fn sleep_before_log_writes(&self, micros: u64) {
        self.append.sleep_before_writes(micros);
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

    fn rewrite_whole_config(&self, engine: &mut Engine) -> Result<(), String> {
        let Some(path) = self.config_file.get() else {
            return Err("CONFIG-REWRITE-FORCE-ALL failed".into());
        };
        rewrite_file::rewrite_all(path, &engine.config, &users::config_lines(engine))
            .inspect_err(|e| tracing::warn!("CONFIG REWRITE failed: {e}"))
            .map_err(|_| "CONFIG-REWRITE-FORCE-ALL failed".into())
    }

    fn apply_config(&self, engine: &mut Engine, change: Change) -> Result<(), String> {
        match change {
            Change::Port => {
                self.relisten(engine, engine.config.port, NO_PORT, false)?;
                self.follow_settings(engine);
                Ok(())
            }
            Change::TlsPort => {
                self.read_certificates(engine)?;
                self.relisten(engine, engine.config.tls_port, NO_PORT, true)?;
                self.follow_settings(engine);
                Ok(())
            }
            Change::Tls => {
                self.read_certificates(engine)?;
                self.follow_settings(engine);
                Ok(())
            }
            Change::Bind => {
                let (port, tls_port) = (engine.config.port, engine.config.tls_port);
                self.relisten(engine, port, NO_ADDRESS, false)?;
                self.relisten(engine, tls_port, NO_ADDRESS, true)
            }
            Change::Source => {
                self.source.set(dial::source(&engine.config.bind_source_addr));
                Ok(())
            }
            Change::Dir => {
                engine.config.dir = super::process::enter(&engine.config.dir)?;
                Ok(())
            }
            Change::AppendOnly => self.append.switch(engine),
            Change::AppendHow => {
                self.append.set_how(engine);
                Ok(())
            }
            Change::LogLevel => {
                log::set_level(engine.config.loglevel);
                Ok(())
            }
            Change::UserData => {
                base::user_data::hide(engine.config.hide_user_data_from_log);
                Ok(())
            }
            Change::LogTimes => {
                log::set_timestamp(engine.config.log_timestamp_format);
                Ok(())
            }
            Change::Delays => {
                super::delay::set_while_loading(engine.config.key_load_delay);
                super::delay::set_while_saving(engine.config.rdb_key_save_delay);
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
            Change::Links => {
                self.follow_settings(engine);
                Ok(())
            }
            Change::Read
            | Change::Password
            | Change::LatencyTracking
            | Change::ClientMemory => Ok(()),
        }
    }

    fn facts(&self, engine: &Engine) -> Facts {
        static EXECUTABLE: LazyLock<String> = LazyLock::new(|| {
            let path = std::env::current_exe().unwrap_or_default();
            path.display().to_string()
        });
        static SYSTEM: LazyLock<String> = LazyLock::new(usage::system_name);
        let config_file = self.config_file.get();
        let reaper = self.reaper.borrow();
        let now = engine.clock.steady_ms;
        Facts {
            os: SYSTEM.clone(),
            pid: std::process::id(),
            supervised: if self.supervised.get() {
                "systemd"
            } else {
                "no"
            },
            executable: EXECUTABLE.clone(),
            config_file: config_file.map_or_else(String::new, |p| p.display().to_string()),
            shutdown_in_ms: self.shutdown.deadline_ms().map(|at| (at - now).max(0)),
            allocator: allocator::NAME,
            memory: self.memory(now),
            lazyfree_pending: reaper.pending(),
            lazyfreed: reaper.done(),
            io: self
                .server
                .upgrade()
                .map_or_else(IoFacts::default, |server| server.io.facts()),
            migrate_sockets: self.others.borrow().len(),
            log_buffer: self.append.buffered(),
        }
    }

    fn exchange(
        &self,
        exchange: Exchange<'_>,
    ) -> Result<Vec<String>, (Vec<String>, ExchangeError)> {
        let tls = self.tls.for_links();
        let mut others = self.others.borrow_mut();
        others.talk(&exchange, self.source.get(), tls.as_ref())
    }

    fn fault(&self) {
        crash::fault();
    }

    fn purge_memory(&self) {
        allocator::purge();
        self.memory.set(None);
    }

    fn info(&self, engine: &Engine, section: &str, out: &mut String) {
        match section {
            "persistence" => {
                persist::info(&self.persistence, engine, out);
                self.append.info(engine, out);
            }
            "threads" => {
                if let Some(server) = self.server.upgrade() {
                    server.io.info(engine, out);
                }
            }
            "cpu" => usage::info(out, Duration::from_nanos(engine.stats.turns_ns)),
            _ => {}
        }
    }

    fn drop_later(&self, what: Box<dyn Send>, weight: Weight) {
        let lent = Lent::new(weight.bytes);
        let mut reaper = self.reaper.borrow_mut();
        reaper.take(Box::new((what, lent)), weight.objects);
    }
}
