//! Shutting down: by command or signal, at once or after waiting for replicas.
//!
//! `SHUTDOWN` -> (replicas lag: writes are held, wait up to `shutdown-timeout`) -> save -> exit. A save that fails
//! keeps the server running, unless `FORCE` was given. A running snapshot is given up, so that the final one has
//! every write. While the dataset is not complete (a load, a sync that failed) nothing is saved.

use super::host::{Shell, with_shell};
use super::persist::Which;
use super::state::Server;
use config::choices::ShutdownOn;
use engine::host::{SaveOptions, ShutdownOptions};
use engine::{CommandError, Engine, Loading};
use std::fs;
use std::rc::Rc;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A shutdown that waits for replicas.
#[derive(Clone, Copy, Debug)]
pub struct Shutdown {
    options: ShutdownOptions,
    /// Unix ms after which it waits no longer.
    pub deadline_ms: i64,
}

const FAILED: CommandError = CommandError::fixed("ERR Errors trying to SHUTDOWN. Check logs.");

/// What a script has done so far is not to be saved: a shutdown that saves waits for its end.
fn waits_for_script(engine: &Engine, options: ShutdownOptions) -> bool {
    engine.script_is_parked() && options.save != Some(false)
}

impl Shell {
    /// Starts going down; `Ok` means that it has begun and waits for replicas. Ends the process if
    /// there is nothing to wait for. While a shutdown waits for replicas another one waits with it, whatever its own
    /// options: the first has promised a save.
    pub(super) fn begin_shutdown(
        &mut self,
        engine: &mut Engine,
        options: ShutdownOptions,
    ) -> Result<(), CommandError> {
        // One that waits for a script to end gives way to one that needs not: nothing else may end that script.
        let goes_on = |waiting: Shutdown| {
            !waits_for_script(engine, waiting.options) || waits_for_script(engine, options)
        };
        if self.shutdown.is_some_and(goes_on) {
            return Ok(());
        }
        tracing::info!("User requested shutdown...");
        let timeout = engine.config.shutdown_timeout;
        let in_a_script = waits_for_script(engine, options);
        if (!options.now && timeout > 0 && lagging(engine) > 0) || in_a_script {
            if !in_a_script {
                tracing::info!("Waiting for replicas before shutting down.");
            }
            let deadline_ms = engine.clock.steady_ms + timeout * 1000;
            self.shutdown = Some(Shutdown {
                options,
                deadline_ms,
            });
            engine.hold_writes_for_shutdown(Some(deadline_ms));
            return Ok(());
        }
        self.finish_shutdown(engine, options)
    }

    /// SHUTDOWN ABORT.
    pub(super) fn cancel_shutdown(&mut self, engine: &mut Engine) -> Result<(), CommandError> {
        if self.shutdown.take().is_none() {
            return Err(CommandError::fixed("ERR No shutdown in progress."));
        }
        tracing::info!("Shutdown manually aborted.");
        engine.hold_writes_for_shutdown(None);
        engine.fail_waiting_for_shutdown(&FAILED);
        Ok(())
    }

    /// Called at each turn of the periodic work: continues the shutdown when the replicas are in step or the time is
    /// up.
    pub(super) fn continue_shutdown(&mut self, engine: &mut Engine) {
        let Some(waiting) = self.shutdown else {
            return;
        };
        if waits_for_script(engine, waiting.options) {
            return;
        }
        let lagging = lagging(engine);
        if lagging > 0 && engine.clock.steady_ms < waiting.deadline_ms {
            return;
        }
        self.shutdown = None;
        if self.finish_shutdown(engine, waiting.options).is_err() {
            engine.hold_writes_for_shutdown(None);
            engine.fail_waiting_for_shutdown(&FAILED);
        }
    }

    /// Saves and ends the process; returns only if it must not end.
    fn finish_shutdown(
        &mut self,
        engine: &mut Engine,
        options: ShutdownOptions,
    ) -> Result<(), CommandError> {
        let replicas = engine.repl.primary().count();
        if replicas > 0 {
            tell_lagging(engine);
            let level = replicas - lagging(engine);
            tracing::info!("{level} of {replicas} replicas are in sync when shutting down.");
        }
        if self.persistence.running() {
            tracing::warn!("There is a child saving an .rdb. Killing it!");
            self.persistence.give_up(engine, Which::Any);
        }
        let save = options.save.unwrap_or(!engine.config.save.is_empty());
        // A dump that is only partly in memory is never replaced, whatever was asked for.
        let persistence = self.persistence.clone();
        let whole = persistence.whole(engine).filter(|_| save);
        if save && whole.is_none() {
            tracing::warn!("{}", super::persist::NOT_WHOLE);
        }
        if let Some(whole) = whole {
            tracing::info!("Saving the final RDB snapshot before exiting.");
            super::supervisor::notify("STATUS=Saving the final RDB snapshot\n");
            let saved = persistence.save_whole(engine, &whole, &SaveOptions::default());
            if let Err(error) = saved {
                tracing::debug!("{error}");
                if !options.force {
                    tracing::warn!("Error trying to save the DB, can't exit.");
                    super::supervisor::notify("STATUS=Error trying to save the DB, can't exit.\n");
                    tracing::warn!(
                        "Errors trying to shut down the server. Check the logs for more information."
                    );
                    return Err(FAILED);
                }
                tracing::warn!("Error trying to save the DB. Exit anyway.");
            }
        }
        persistence.clear_away();
        remove_files(engine);
        tracing::warn!("Redis is now ready to exit, bye bye...");
        std::process::exit(0);
    }
}

/// Replicas that have not acknowledged everything.
fn lagging(engine: &Engine) -> usize {
    let offset = engine.repl.offset();
    engine.repl.primary().count()
        - engine
            .repl
            .count_acked(offset)
            .min(engine.repl.primary().count())
}

/// A line for each of them.
fn tell_lagging(engine: &Engine) {
    let offset = engine.repl.offset();
    for (_, replica) in engine.repl.primary().replicas() {
        if replica.ack != offset {
            let (label, behind) = (replica.label(), offset - replica.ack);
            let lag = replica.lag_s(engine.repl.now_ms());
            let state = replica.state.info().unwrap_or("rdb_transmitted");
            tracing::info!(
                "Lagging replica {label} reported offset {behind} behind master, lag={lag}, state={state}."
            );
        }
    }
}

/// Removes the pid file and the Unix socket, which exist only while the server runs.
fn remove_files(engine: &Engine) {
    let config = &engine.config;
    if config.daemonize || !config.pidfile.is_empty() {
        tracing::info!("Removing the pid file.");
        let _ = fs::remove_file(super::startup::pid_file(config));
    }
    if !config.unixsocket.is_empty() {
        tracing::info!("Removing the unix socket file.");
        let _ = fs::remove_file(&config.unixsocket);
    }
}

/// The signals that the server answers, from the moment when this is made.
pub struct Signals {
    term: Signal,
    int: Signal,
    /// A terminal that is closed does not end the server.
    hangup: Signal,
}

impl Signals {
    /// Takes them over from the system, which would end the process. Before anything is opened that an end should
    /// close.
    ///
    /// # Errors
    /// The system's.
    pub fn take_over() -> std::io::Result<Signals> {
        Ok(Signals {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// Waits for SIGTERM and SIGINT for as long as the server lives. A SIGINT while a shutdown waits that a signal
/// began ends the process at once.
pub async fn watch_signals(server: Rc<Server>, mut signals: Signals) {
    let mut interrupted = false;
    loop {
        let (name, is_int) = tokio::select! {
            _ = signals.term.recv() => ("SIGTERM", false),
            _ = signals.int.recv() => ("SIGINT", true),
            _ = signals.hangup.recv() => continue,
        };
        server.with_engine(|engine| {
            let waits = with_shell(engine, |shell, _| shell.shutdown.is_some());
            if std::mem::replace(&mut interrupted, true) && waits && is_int {
                tracing::warn!("You insist... exiting now.");
                server.persistence.give_up(engine, Which::Any);
                server.persistence.clear_away();
                std::process::exit(1);
            }
            match engine.loading {
                Loading::No => tracing::warn!("Received {name} scheduling shutdown..."),
                _ => {
                    tracing::warn!("Received shutdown signal during loading, scheduling shutdown.")
                }
            }
            let ways = match is_int {
                true => &engine.config.shutdown_on_sigint,
                false => &engine.config.shutdown_on_sigterm,
            };
            let options = ShutdownOptions {
                save: match () {
                    () if ways.contains(&ShutdownOn::Save) => Some(true),
                    () if ways.contains(&ShutdownOn::Nosave) => Some(false),
                    () => None,
                },
                now: ways.contains(&ShutdownOn::Now),
                force: ways.contains(&ShutdownOn::Force),
            };
            with_shell(engine, |shell, engine| {
                if shell.shutdown.is_none() {
                    // A failure has been logged; the server keeps running.
                    let _ = shell.begin_shutdown(engine, options);
                }
            });
        });
    }
}
