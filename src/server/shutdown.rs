//! Ending the process by command or signal; [`flow::shutdown`] makes the decisions.

use super::insist;
use super::shell::Shell;
use super::state::Server;
use super::supervisor;
use config::choices::ShutdownOn;
use engine::host::ShutdownOptions;
use engine::{CommandError, Engine, Executor};
use flow::shutdown::Course;
use flow::turn::turn;
use std::fs;
use std::rc::Rc;
use tokio::signal::unix::{Signal, SignalKind, signal};

impl Shell {
    /// SHUTDOWN; `Ok` means that it has begun and waits for replicas. Ends the process if there is nothing to wait
    /// for.
    pub(super) fn begin_shutdown(
        &self,
        engine: &mut Engine,
        options: ShutdownOptions,
    ) -> Result<(), CommandError> {
        let begun = self.shutdown.begin(engine, options, &self.append);
        begun.map(|course| self.follow(course, engine))
    }

    /// What flow has to do in a turn of the periodic work.
    pub(super) fn turn(&self, engine: &mut Engine) {
        let mut saves = self.persistence.clone();
        let mut turn = || {
            if let Some(course) = turn(engine, &mut saves, &self.append, &self.shutdown) {
                self.follow(course, engine);
            }
        };
        match self.shutdown.is_signalled() {
            true => insist::while_ending(turn),
            false => turn(),
        }
    }

    /// Ends the process when it is time for that.
    fn follow(&self, course: Course, engine: &mut Engine) {
        if course != Course::Waits
            && let Some(server) = self.server.upgrade()
        {
            self.listeners.borrow().stop();
            // Replies that were given to other threads leave, as those that this one writes itself.
            server.io.flush();
        }
        match course {
            Course::Waits => {}
            Course::Ends => {
                supervisor::notify("STOPPING=1\nSTATUS=Ready to exit\n");
                self.append.finish(engine);
                self.persistence.clear_away();
                remove_files(engine);
                tracing::warn!("Redis is now ready to exit, bye bye...");
                std::process::exit(0);
            }
            Course::Breaks => {
                supervisor::notify("STOPPING=1\n");
                self.persistence.clear_away();
                std::process::exit(1);
            }
        }
    }
}

/// Removes the pid file and the Unix socket, which exist only while the server runs.
fn remove_files(engine: &Engine) {
    let config = &engine.config;
    if config.daemonize || !config.pidfile.is_empty() {
        tracing::info!("Removing the pid file.");
        let _ = fs::remove_file(super::process::pid_file(config));
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
        })
    }
}

/// Waits for SIGTERM and SIGINT for as long as the server lives. A SIGINT while a shutdown waits that a signal
/// began ends the process at once.
pub async fn watch_signals(server: Rc<Server>, mut signals: Signals) {
    let mut watched = false;
    loop {
        let (name, is_int) = tokio::select! {
            _ = signals.term.recv() => ("SIGTERM", false),
            _ = signals.int.recv() => ("SIGINT", true),
        };
        if !std::mem::replace(&mut watched, true) {
            insist::start();
        }
        let end = |engine: &mut Executor| {
            let ways = match is_int {
                true => &engine.config.shutdown_on_sigint,
                false => &engine.config.shutdown_on_sigterm,
            };
            let options = options_of(ways);
            let shell = &server.shell;
            let course = shell
                .shutdown
                .signal(engine, name, is_int, options, &shell.append);
            if let Some(course) = course {
                shell.follow(course, engine);
            }
        };
        server.with_executor(|engine| insist::while_ending(|| end(engine)));
    }
}

/// What `shutdown-on-sigint` or `shutdown-on-sigterm` asks for.
fn options_of(ways: &[ShutdownOn]) -> ShutdownOptions {
    let has = |way| ways.contains(&way);
    ShutdownOptions {
        save: (has(ShutdownOn::Save) || has(ShutdownOn::Nosave)).then(|| has(ShutdownOn::Save)),
        now: has(ShutdownOn::Now),
        force: has(ShutdownOn::Force),
    }
}
