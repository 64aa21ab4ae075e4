//! The walk beside the clients: slices of bounded time, between which every ready connection is served.

use super::file_sink::SaveError;
use super::thread::Outcome;
use super::{Persistence, Running, State};
use crate::Server;
use crate::allocator::PurgeWhenDropped;
use crate::slices::{Begun, Slice};
use engine::Engine;
use engine::pause::Reason;
use keyspace::Keyspace;
use keyspace::snapshot::Step;
use std::future::Future;
use std::pin::Pin;
use std::rc::Weak;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Bytes of records between two looks at the clock: one segment or two, some 10 µs where each record has to be looked
/// at.
const BURST: usize = 4 << 10;
/// How long a slice of the walk lasts, unless a block is full earlier.
const SLICE: Duration = Duration::from_micros(50);

/// How often a waiting snapshot looks at the memory that it holds, because writers may be waiting for that to become
/// less.
const LOOK: Duration = Duration::from_millis(2);
/// `snapshot-preserve-limit 0`: a twentieth of the data, but at least this. Blocks that wait to be written and the
/// overhead of the allocator come on top; together they stay below a tenth.
const LEAST_LIMIT: usize = 2 << 20;

/// How a walk continues.
pub enum Advance {
    /// Another slice may follow.
    Again,
    /// The persistence thread has to catch up, or to finish.
    Wait(Pin<Box<dyn Future<Output = ()>>>),
    /// It is over.
    Ended(Result<(), SaveError>),
}

/// Walks until the snapshot of this number has ended.
pub async fn run(server: Weak<Server>, persistence: Persistence, number: u64) {
    loop {
        let Some(server) = server.upgrade() else {
            return;
        };
        if persistence.began_after(number) {
            return; // it was given up, and another one has its own walk
        }
        let begun = Begun::now();
        let advance = server.with_engine(|engine| {
            let advance = persistence.step(engine);
            persistence.release_writers(engine);
            if let Advance::Ended(_) = advance {
                engine.watch_writes(false);
                engine.hold_writes_above = u64::MAX;
            }
            advance
        });
        let ended = matches!(advance, Advance::Ended(_));
        let slice = if ended { Slice::End } else { Slice::Walk };
        persistence.slices.note(slice, &begun);
        if ended {
            persistence.slices.rest();
        }
        drop(server);
        match advance {
            Advance::Again => tokio::task::yield_now().await,
            // What the snapshot holds grows while it waits for the disk.
            Advance::Wait(news) => drop(tokio::time::timeout(LOOK, news).await),
            Advance::Ended(_) => return,
        }
    }
}

/// What a slice came to.
enum Stepped {
    On(Advance),
    /// It is over, and has left [`State::running`].
    Over(Box<Running>, Outcome),
}

impl Persistence {
    /// One slice.
    pub(super) fn step(&self, engine: &mut Engine) -> Advance {
        let stepped = step(&mut self.state.borrow_mut(), engine);
        match stepped {
            Stepped::On(advance) => advance,
            Stepped::Over(running, outcome) => self.settle(engine, *running, outcome),
        }
    }

    /// Records how a snapshot ended and notifies those who wait for it. They may call this room again.
    fn settle(&self, engine: &mut Engine, mut running: Running, outcome: Outcome) -> Advance {
        if running.walking {
            engine.keyspace.cancel_snapshot();
        }
        let mut state = self.state.borrow_mut();
        state.last_preserved_peak = running.preserved_peak;
        if running.disk {
            if running.background {
                state.last_seconds = Some(running.started.elapsed().as_secs() as i64);
            }
            match &outcome.result {
                Ok(_) => {
                    state.saved(outcome.bytes);
                    engine.dirty -= running.dirty_at_cut;
                    if running.background {
                        tracing::info!("DB saved on disk");
                        tracing::info!("Background saving terminated with success");
                    }
                }
                // As in the reference: the error of SAVE is its reply, and it stops no writes.
                Err(_) if !running.background => {}
                Err(e) => {
                    state.last_failed = Some(e.to_string());
                    tracing::warn!("{e}");
                    tracing::warn!("Background saving error");
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

fn step(state: &mut State, engine: &mut Engine) -> Stepped {
    let Some(running) = &mut state.running else {
        return Stepped::On(Advance::Ended(Err(SaveError::cancelled())));
    };
    if running.thread.ended() {
        let mut running = state.running.take().expect("it was running");
        let outcome = running.thread.join();
        // Blocks of the walk, freed by the thread that wrote them: the allocator would keep them.
        engine.drop_later(Box::new(PurgeWhenDropped));
        return Stepped::Over(Box::new(running), outcome);
    }
    if running.background {
        hold_writers(running, engine);
    }
    let waits = !running.walking || !running.thread.has_room();
    if waits && stalled(running, engine) && running.thread.abandon_writing() {
        let running = state.running.take().expect("it was running");
        let outcome = stalled_outcome(engine);
        return Stepped::Over(Box::new(running), outcome);
    }
    if waits {
        return Stepped::On(Advance::Wait(Box::pin(running.thread.news())));
    }
    let begun = Instant::now();
    let step = loop {
        let step = engine.keyspace.walk_step(BURST);
        if !matches!(step, Ok(Step::Pending)) || begun.elapsed() >= SLICE {
            break step;
        }
    };
    match step {
        Ok(Step::Block(block)) => running.thread.give(block),
        Ok(Step::Pending) => {}
        Ok(Step::Done) => {
            running.walking = false;
            running.thread.finish();
        }
        Err(e) => {
            tracing::error!("The snapshot cannot be used: {e}");
            running.thread.give_up();
            running.walking = false;
        }
    }
    Stepped::On(Advance::Again)
}

/// The disk takes nothing: the snapshot is given up without waiting for the thread that writes, which
/// removes its file when it gets to it.
fn stalled_outcome(engine: &Engine) -> Outcome {
    let seconds = engine.config.snapshot_stall_timeout;
    let error = SaveError::Cancelled(format!("nothing could be written for {seconds} seconds"));
    Outcome {
        bytes: 0,
        result: Err(error),
    }
}

/// At the bound writers wait until a quarter of what the snapshot holds has been written. Until the next look
/// the engine itself holds them when they have left too much of large values to the snapshot.
fn hold_writers(running: &mut Running, engine: &mut Engine) {
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

impl Running {
    /// Nothing of the dataset is needed any more.
    fn is_encoded(&self) -> bool {
        let keys: u64 = self.cut.dbs.iter().map(|db| db.keys).sum();
        !self.walking && self.thread.progress.keys.load(Ordering::Relaxed) == keys
    }

    /// Bytes that are there only for the snapshot, those that wait to be written left out.
    pub(super) fn held(&self, engine: &Engine) -> usize {
        let left = Keyspace::left_bytes().saturating_sub(self.left_at_cut);
        let freed = self.thread.progress.freed.load(Ordering::Relaxed);
        engine.keyspace.preserved_bytes() + left.saturating_sub(freed) as usize
    }
}

/// True when the sinks have taken nothing for `snapshot-stall-timeout`.
fn stalled(running: &mut Running, engine: &Engine) -> bool {
    let bytes = running.thread.progress.bytes.load(Ordering::Relaxed);
    let delayed = running.thread.progress.delayed.load(Ordering::Relaxed);
    if bytes != running.progress.0 || delayed {
        running.progress = (bytes, Instant::now());
    }
    let seconds = u64::try_from(engine.config.snapshot_stall_timeout).unwrap_or(u64::MAX);
    running.progress.1.elapsed() >= Duration::from_secs(seconds)
}
