//! Shutting down: by command or signal, at once or after waiting for replicas.
//!
//! ```text
//!        SHUTDOWN, signal --nothing to wait for---------------------> final save --> Ends
//!              |                                                          |  ^
//!   replicas lag, the log has no base,           it fails or there is     |  |
//!   or a script is parked                        no base, without FORCE   |  |
//!              v                                                          v  |
//!            Waits --in step, there is a base, time is up, script ended------+
//!              \--SHUTDOWN ABORT, failed save: writes are released, the server continues
//! ```
//!
//! A running snapshot is cancelled, so that the final one contains every write. While the dataset is not complete
//! (during a load, after a failed sync, with a parked script), nothing is saved.
//!
//! While the append-only file has no base that holds the dataset, the next start would not find the dataset in it. A
//! shutdown waits for that base as long as it would wait for replicas. After that, or with NOW, the server does not end,
//! unless it is forced to.

use super::whole::{Dataset, NOT_WHOLE, Whole};
use base::LogLevel;
use engine::host::ShutdownOptions;
use engine::{CommandError, Engine, Loading};
use std::cell::Cell;
use std::rc::Rc;

/// What a shutdown needs of the process that ends.
pub trait Process {
    /// Whether the dataset in memory is complete.
    fn dataset(&self) -> Rc<Dataset>;
    /// A snapshot is running, to disk or to replicas.
    fn is_saving(&self) -> bool;
    /// There is to be a log, and what is on disk of it does not hold the dataset yet.
    fn begins_log(&self) -> bool;
    /// Cancels the running snapshot, if it can still be cancelled.
    fn give_up_save(&self, engine: &mut Engine);
    /// Saves the dataset and returns when it is durable, or when that has failed.
    ///
    /// # Errors
    /// The old dump is still in its place.
    fn final_save(&self, engine: &mut Engine, whole: &Whole) -> Result<(), String>;
    /// A message for the supervisor.
    fn status(&self, text: &str);
}

/// How a shutdown continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a process that should end must end"]
pub enum Course {
    /// It waits: see [`Shutdown::turn`].
    Waits,
    /// Everything is saved that will be: the process cleans up and ends.
    Ends,
    /// The operator insists: the process ends at once, as after an error.
    Breaks,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    options: ShutdownOptions,
    /// A time of the steady clock after which it waits no longer.
    deadline_ms: i64,
}

/// The shutdown of one server. The operations that it decides about, such as the final save, may read it in the
/// meantime.
#[derive(Debug, Default)]
pub struct Shutdown {
    waiting: Cell<Option<Waiting>>,
    /// There was a signal.
    signalled: Cell<bool>,
}

const FAILED: CommandError = CommandError::fixed(&"ERR Errors trying to SHUTDOWN. Check logs.");

/// What a script has done so far is not to be saved: a shutdown that saves waits for its end.
fn waits_for_script(engine: &Engine, options: ShutdownOptions) -> bool {
    engine.script_is_parked() && options.save != Some(false)
}

impl Shutdown {
    /// Until when it waits, if it does.
    pub fn deadline_ms(&self) -> Option<i64> {
        self.waiting.get().map(|waiting| waiting.deadline_ms)
    }

    /// A shutdown waits that a signal began or has joined.
    pub fn is_signalled(&self) -> bool {
        self.signalled.get() && self.waiting.get().is_some()
    }

    /// SHUTDOWN. While a shutdown waits for replicas another one waits with it, whatever its own options: the first
    /// has promised a save.
    ///
    /// # Errors
    /// The final save has failed, so the server continues.
    pub fn begin(
        &self,
        engine: &mut Engine,
        options: ShutdownOptions,
        process: &impl Process,
    ) -> Result<Course, CommandError> {
        // A shutdown that waits for a script to end is replaced by one that does not have to wait, because nothing else
        // might end that script.
        let goes_on = |waiting: Waiting| {
            !waits_for_script(engine, waiting.options) || waits_for_script(engine, options)
        };
        if self.waiting.get().is_some_and(goes_on) {
            return Ok(Course::Waits);
        }
        say(engine, LogLevel::Notice, "User requested shutdown...");
        let timeout = engine.config.shutdown_timeout;
        let in_a_script = waits_for_script(engine, options);
        let waits_for = match !options.now && timeout > 0 {
            true => awaited(engine, options, process),
            false => None,
        };
        if waits_for.is_some() || in_a_script {
            if let Some(what) = waits_for.filter(|_| !in_a_script) {
                let text = format!("Waiting for {what} before shutting down.");
                say(engine, LogLevel::Notice, &text);
            }
            let deadline_ms = engine.clock.steady_ms + timeout * 1000;
            self.waiting.set(Some(Waiting {
                options,
                deadline_ms,
            }));
            engine.hold_writes_for_shutdown(Some(deadline_ms));
            return Ok(Course::Waits);
        }
        finish(engine, options, process)
    }

    /// SHUTDOWN ABORT.
    ///
    /// # Errors
    /// There is nothing to abort.
    pub fn abort(&self, engine: &mut Engine) -> Result<(), CommandError> {
        if self.waiting.take().is_none() {
            return Err(CommandError::fixed(&"ERR No shutdown in progress."));
        }
        say(engine, LogLevel::Notice, "Shutdown manually aborted.");
        goes_on(engine);
        Ok(())
    }

    /// At each turn of the periodic work: the shutdown continues when there is nothing to wait for or the time is up.
    /// `None`: the server continues.
    pub fn turn(&self, engine: &mut Engine, process: &impl Process) -> Option<Course> {
        let waiting = self.waiting.get()?;
        if waits_for_script(engine, waiting.options) {
            return Some(Course::Waits);
        }
        let in_time = engine.clock.steady_ms < waiting.deadline_ms;
        if in_time && awaited(engine, waiting.options, process).is_some() {
            return Some(Course::Waits);
        }
        self.waiting.set(None);
        let finished = finish(engine, waiting.options, process);
        if finished.is_err() {
            goes_on(engine);
        }
        finished.ok()
    }

    /// A signal, whose directive asks for `options`. A second one, if it `insists`, ends a shutdown that waits.
    /// `None`: the server continues.
    pub fn signal(
        &self,
        engine: &mut Engine,
        name: &str,
        insists: bool,
        options: ShutdownOptions,
        process: &impl Process,
    ) -> Option<Course> {
        let again = self.signalled.replace(true);
        if again && insists && self.waiting.get().is_some() {
            say(engine, LogLevel::Warning, "You insist... exiting now.");
            process.give_up_save(engine);
            return Some(Course::Breaks);
        }
        match engine.loading {
            Loading::No => say(
                engine,
                LogLevel::Warning,
                &format!("Received {name} scheduling shutdown..."),
            ),
            _ => say(
                engine,
                LogLevel::Warning,
                "Received shutdown signal during loading, scheduling shutdown.",
            ),
        }
        match self.waiting.get() {
            Some(_) => Some(Course::Waits),
            // A failure has been logged.
            None => self.begin(engine, options, process).ok(),
        }
    }
}

/// What a shutdown should wait for.
fn awaited(
    engine: &Engine,
    options: ShutdownOptions,
    process: &impl Process,
) -> Option<&'static str> {
    if lagging(engine) > 0 {
        return Some("replicas");
    }
    let begins = !options.force && process.begins_log();
    begins.then_some("the base of the append-only file")
}

/// Saves; an error means that the process must not end.
fn finish(
    engine: &mut Engine,
    options: ShutdownOptions,
    process: &impl Process,
) -> Result<Course, CommandError> {
    let replicas = engine.repl.primary().count();
    if replicas > 0 {
        tell_lagging(engine);
        let level = replicas - lagging(engine);
        let text = format!("{level} of {replicas} replicas are in sync when shutting down.");
        say(engine, LogLevel::Notice, &text);
    }
    if process.begins_log() {
        if !options.force {
            let text = "Writing initial AOF, can't exit.";
            return Err(refuse(engine, process, text));
        }
        let text = "Writing initial AOF. Exit anyway.";
        say(engine, LogLevel::Warning, text);
    }
    if process.is_saving() {
        say(
            engine,
            LogLevel::Warning,
            "There is a child saving an .rdb. Killing it!",
        );
        process.give_up_save(engine);
    }
    let save = options.save.unwrap_or(!engine.config.save.is_empty());
    // A dump that is only partly in memory is never replaced, whatever was asked for.
    let dataset = process.dataset();
    let whole = engine.at_rest().and_then(|rest| dataset.whole(rest));
    let Some(whole) = whole.filter(|_| save) else {
        if save {
            say(engine, LogLevel::Warning, NOT_WHOLE);
        }
        return Ok(Course::Ends);
    };
    say(
        engine,
        LogLevel::Notice,
        "Saving the final RDB snapshot before exiting.",
    );
    process.status("STATUS=Saving the final RDB snapshot\n");
    if let Err(error) = process.final_save(engine, &whole) {
        say(engine, LogLevel::Verbose, &error);
        if !options.force {
            let text = "Error trying to save the DB, can't exit.";
            return Err(refuse(engine, process, text));
        }
        say(
            engine,
            LogLevel::Warning,
            "Error trying to save the DB. Exit anyway.",
        );
    }
    Ok(Course::Ends)
}

/// The process must not end, for this reason.
fn refuse(engine: &mut Engine, process: &impl Process, why: &str) -> CommandError {
    say(engine, LogLevel::Warning, why);
    process.status(&format!("STATUS={why}\n"));
    say(
        engine,
        LogLevel::Warning,
        "Errors trying to shut down the server. Check the logs for more information.",
    );
    FAILED
}

/// A shutdown that waited is over, and the server is not.
fn goes_on(engine: &mut Engine) {
    engine.hold_writes_for_shutdown(None);
    engine.fail_waiting_for_shutdown(&FAILED);
}

fn say(engine: &Engine, level: LogLevel, text: &str) {
    (engine.log)(level, text);
}

/// Replicas that have not acknowledged everything.
fn lagging(engine: &Engine) -> usize {
    let (repl, all) = (&engine.repl, engine.repl.primary().count());
    all - repl.count_acked(repl.offset()).min(all)
}

/// A line for each of them.
fn tell_lagging(engine: &Engine) {
    let offset = engine.repl.offset();
    for (_, replica) in engine.repl.primary().replicas() {
        if replica.ack != offset && !replica.channel.is_second() {
            let (label, behind) = (replica.label(), offset - replica.ack);
            let lag = replica.lag_s(engine.repl.now_ms());
            let state = replica.state.info().unwrap_or("rdb_transmitted");
            let text = format!(
                "Lagging replica {label} reported offset {behind} behind master, lag={lag}, state={state}."
            );
            say(engine, LogLevel::Notice, &text);
        }
    }
}
