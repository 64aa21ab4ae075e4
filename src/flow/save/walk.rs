//! Interleaves the walk with clients: slices of bounded time, between which every ready connection is served.

use super::{FileOf, Outcome, Pace, Running, SaveError, Saves, State, Writer, Writers};
use base::LogLevel;
use engine::Engine;
use engine::pause::Reason;
use keyspace::Keyspace;
use keyspace::snapshot::Step;
use std::sync::atomic::Ordering;

/// `snapshot-preserve-limit 0`: a twentieth of the data, but at least this. Blocks that wait to be written and the
/// overhead of the allocator come on top; together they stay below a tenth.
const LEAST_LIMIT: usize = 2 << 20;

/// How a walk continues.
#[derive(Debug)]
pub enum Advance {
    /// Another slice may follow.
    Again,
    /// The writer has to catch up, or to finish.
    Wait,
    /// The walk has ended.
    Ended(Result<(), SaveError>),
}

/// The result of a slice.
enum Stepped<W: Writers> {
    On(Advance),
    /// The save has ended, and was removed from [`State::running`].
    Over(Box<Running<W>>, Outcome<FileOf<W>>),
}

impl<W: Writers> Saves<W> {
    /// A slice of a snapshot, after which writers continue that no longer have to be held back.
    pub fn go_on(&self, engine: &mut Engine) -> Advance {
        let advance = self.step(engine);
        self.release_writers(engine);
        if let Advance::Ended(_) = advance {
            engine.watch_writes(false);
            engine.hold_writes_above = u64::MAX;
        }
        advance
    }

    /// Runs one slice.
    pub fn step(&self, engine: &mut Engine) -> Advance {
        let (now_ms, pace) = (self.writers.clock().steady_ms, self.writers.pace());
        let stepped = step(&mut self.state.borrow_mut(), engine, now_ms, pace);
        match stepped {
            Stepped::On(advance) => advance,
            Stepped::Over(running, outcome) => {
                // Blocks of the walk, freed by the thread that wrote them: the allocator would keep them.
                self.writers.memory_freed(engine);
                self.settle(engine, *running, outcome)
            }
        }
    }

    /// Records how a snapshot ended and notifies those who wait for it. They may call this room again.
    fn settle(
        &self,
        engine: &mut Engine,
        mut running: Running<W>,
        outcome: Outcome<FileOf<W>>,
    ) -> Advance {
        if running.walking {
            engine.keyspace.cancel_snapshot();
        }
        let mut state = self.state.borrow_mut();
        state.last_preserved_peak = running.preserved_peak;
        if running.disk {
            if running.background {
                let took_ms = self.writers.clock().steady_ms - running.started_ms;
                state.last_seconds = Some(took_ms / 1000);
            }
            match &outcome.result {
                Ok(_) => {
                    self.saved(&mut state, outcome.bytes);
                    engine.dirty -= running.dirty_at_cut;
                    if running.background {
                        (engine.log)(LogLevel::Notice, "DB saved on disk");
                        (engine.log)(
                            LogLevel::Notice,
                            "Background saving terminated with success",
                        );
                    }
                }
                // As in the reference: the error of SAVE is its reply, and it stops no writes.
                Err(_) if !running.background => {}
                Err(e) => {
                    state.last_failed = Some(e.to_string());
                    (engine.log)(LogLevel::Warning, &e.to_string());
                    (engine.log)(LogLevel::Warning, "Background saving error");
                }
            }
        }
        engine.save_failed = state.last_failed.is_some();
        drop(state);
        let (file, result) = match outcome.result {
            Ok(file) => (file, Ok(())),
            Err(error) => (None, Err(error)),
        };
        if let Some(on_end) = running.on_end.take() {
            on_end(engine, result.as_ref().map(|()| file));
        }
        Advance::Ended(result)
    }

    /// Releases writers that no snapshot holds back any longer.
    fn release_writers(&self, engine: &mut Engine) {
        let holds = self
            .state
            .borrow()
            .running
            .as_ref()
            .is_some_and(|running| running.holds_writers);
        if !holds && engine.is_paused_by(Reason::Snapshot) {
            engine.unpause(Reason::Snapshot);
        }
    }
}

fn step<W: Writers>(
    state: &mut State<W>,
    engine: &mut Engine,
    now_ms: i64,
    pace: Pace,
) -> Stepped<W> {
    let Some(running) = &mut state.running else {
        return Stepped::On(Advance::Ended(Err(SaveError::cancelled())));
    };
    if running.writer.ended() {
        let mut running = state.running.take().expect("it was running");
        let outcome = running.writer.join();
        return Stepped::Over(Box::new(running), outcome);
    }
    if running.background {
        hold_writers(running, engine);
    }
    let waits = !running.walking || !running.writer.has_room();
    if waits && stalled(running, engine, now_ms) && running.writer.abandon_writing() {
        let running = state.running.take().expect("it was running");
        let outcome = stalled_outcome(engine);
        return Stepped::Over(Box::new(running), outcome);
    }
    if waits {
        return Stepped::On(Advance::Wait);
    }
    let begun_ns = (engine.timer)();
    let step = loop {
        let step = engine.keyspace.walk_step(pace.burst);
        if !matches!(step, Ok(Step::Pending)) || (engine.timer)() - begun_ns >= pace.slice_ns {
            break step;
        }
    };
    match step {
        Ok(Step::Block(block)) => running.writer.give(block),
        Ok(Step::Pending) => {}
        Ok(Step::Done) => {
            running.walking = false;
            running.writer.finish();
        }
        Err(e) => {
            (engine.log)(
                LogLevel::Warning,
                &format!("The snapshot cannot be used: {e}"),
            );
            running.writer.give_up();
            running.walking = false;
        }
    }
    Stepped::On(Advance::Again)
}

/// The disk accepts nothing: the snapshot is cancelled without waiting for the thread that writes, which
/// removes its file when it gets to it.
fn stalled_outcome<F>(engine: &Engine) -> Outcome<F> {
    let seconds = engine.config.snapshot_stall_timeout;
    let error = SaveError::Cancelled(format!("nothing could be written for {seconds} seconds"));
    Outcome::failed(error)
}

/// At the limit, writers wait until a quarter of what the snapshot holds has been written. Until the next check, the
/// engine itself holds them once they have left too many bytes of large values to the snapshot.
fn hold_writers<W: Writers>(running: &mut Running<W>, engine: &mut Engine) {
    let limit = match usize::try_from(engine.config.snapshot_preserve_limit) {
        Ok(limit) if limit > 0 => limit,
        _ => LEAST_LIMIT.max(running.data_bytes / 20),
    };
    let held = running.held(engine);
    running.preserved_peak = running.preserved_peak.max(held);
    let most = match engine.is_paused_by(Reason::Snapshot) {
        true => limit / 4 * 3,
        false => limit,
    };
    running.holds_writers = held > most && !running.is_encoded();
    if running.holds_writers {
        engine.hold_writes_for_snapshot();
    } else {
        let room = limit.saturating_sub(held) as u64;
        engine.hold_writes_above = match running.is_encoded() {
            true => u64::MAX,
            false => Keyspace::left_bytes() + room,
        };
    }
}

impl<W: Writers> Running<W> {
    /// The dataset is no longer needed.
    fn is_encoded(&self) -> bool {
        let keys: u64 = self.cut.dbs.iter().map(|db| db.keys).sum();
        !self.walking && self.writer.progress().keys.load(Ordering::Relaxed) == keys
    }

    /// Bytes that are kept only for the snapshot, without those that wait to be written.
    pub(super) fn held(&self, engine: &Engine) -> usize {
        let left = Keyspace::left_bytes().saturating_sub(self.left_at_cut);
        let freed = self.writer.progress().freed.load(Ordering::Relaxed);
        engine.keyspace.preserved_bytes() + left.saturating_sub(freed) as usize
    }
}

/// True when the sinks have taken nothing for `snapshot-stall-timeout`.
fn stalled<W: Writers>(running: &mut Running<W>, engine: &Engine, now_ms: i64) -> bool {
    let bytes = running.writer.progress().bytes.load(Ordering::Relaxed);
    let delayed = running.writer.progress().delayed.load(Ordering::Relaxed);
    if bytes != running.progress.0 || delayed {
        running.progress = (bytes, now_ms);
    }
    let most_ms = engine.config.snapshot_stall_timeout.saturating_mul(1000);
    now_ms - running.progress.1 >= most_ms
}
