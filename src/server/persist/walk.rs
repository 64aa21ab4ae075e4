//! The walk beside the clients: slices of bounded time, between which every ready connection is served.

use super::file_sink::SaveError;
use super::{Persistence, State};
use crate::commands::Engine;
use crate::server::Server;
use crate::snapshot::Step;
use std::future::Future;
use std::pin::Pin;
use std::rc::Weak;
use std::time::Instant;

/// Bytes of records in the first slice; later ones are sized by the time they took.
pub const FIRST_BUDGET: usize = 64 << 10;
/// A slice should take no longer than this, µs.
const SLICE_US: u64 = 100;

/// How a walk goes on.
pub enum Advance {
    /// Another slice may follow.
    Again,
    /// The persistence thread has to catch up, or to finish.
    Wait(Pin<Box<dyn Future<Output = ()>>>),
    /// It is over.
    Ended(Result<(), SaveError>),
}

/// Walks until the snapshot has ended.
pub async fn run(server: Weak<Server>, persistence: Persistence) {
    loop {
        let Some(server) = server.upgrade() else {
            return;
        };
        let advance = server.with_engine(|engine| persistence.step(engine));
        drop(server);
        match advance {
            Advance::Again => tokio::task::yield_now().await,
            Advance::Wait(news) => news.await,
            Advance::Ended(_) => return,
        }
    }
}

impl Persistence {
    /// One slice.
    pub(super) fn step(&self, engine: &mut Engine) -> Advance {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let Some(running) = &mut state.running else {
            return Advance::Ended(Err(SaveError::Cancelled("the save was cancelled".into())));
        };
        if running.thread.ended() {
            return self.end(state, engine);
        }
        if !running.walking || !running.thread.has_room() {
            return Advance::Wait(Box::pin(running.thread.news()));
        }
        let begun = Instant::now();
        let step = engine.keyspace.walk_step(running.budget);
        let took = begun.elapsed().as_micros() as u64;
        state.worst_slice_us = state.worst_slice_us.max(took);
        running.preserved_peak = running
            .preserved_peak
            .max(engine.keyspace.preserved_bytes());
        if took > SLICE_US {
            running.budget = (running.budget / 2).max(4 << 10);
        } else if took < SLICE_US / 2 {
            running.budget = (running.budget + running.budget / 4).min(1 << 20);
        }
        match step {
            Ok(Step::Block(block)) => running.thread.give(block),
            Ok(Step::Pending) => {}
            Ok(Step::Done) => {
                running.walking = false;
                running.thread.finish();
            }
            Err(e) => {
                tracing::error!("The snapshot cannot be used: {e}");
                running.thread.abandon();
                running.walking = false;
            }
        }
        Advance::Again
    }

    fn end(&self, state: &mut State, engine: &mut Engine) -> Advance {
        let mut running = state.running.take().expect("it was running");
        if running.walking {
            engine.keyspace.cancel_snapshot();
        }
        let outcome = running.thread.join();
        state.last_preserved_peak = running.preserved_peak;
        if running.disk {
            if running.background {
                state.last_seconds = Some(running.started.elapsed().as_secs() as i64);
            }
            match &outcome.result {
                Ok(()) => {
                    state.last_save = super::super::clock::read().unix_ms / 1000;
                    state.saves += 1;
                    state.last_bytes = outcome.bytes;
                    state.last_failed = None;
                    engine.dirty -= running.dirty_at_cut;
                    if running.background {
                        tracing::info!("DB saved on disk");
                        tracing::info!("Background saving terminated with success");
                    }
                }
                Err(e) => {
                    state.last_failed = Some(e.to_string());
                    if running.background {
                        tracing::warn!("Background saving error: {e}");
                    }
                }
            }
        }
        engine.save_failed = state.last_failed.is_some();
        if let Some(on_end) = running.on_end.take() {
            on_end(engine, &outcome.result);
        }
        Advance::Ended(outcome.result)
    }
}
