//! The server's periodic work, which runs `hz` times a second, independently of requests.

use super::repack::Repacker;
use super::slices::Slice;
use super::state::Server;
use super::unit_status::{Phase, Told};
use super::{allocator, log, supervisor};
use engine::Engine;
use flow::expiry::Cycle;
use flow::turn;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

/// Turns as long as the server lives.
pub async fn run(server: Rc<Server>) {
    let mut next = Instant::now();
    let mut repacker = Repacker::default();
    let mut told = Told::default();
    loop {
        let slices = server.persistence.writers().slices();
        let whole = |engine: &mut Engine| {
            allocator::recount();
            let shell = &server.shell;
            shell.turn(engine);
            shell.others.borrow_mut().close_idle();
            log::set_replica(engine.repl.is_replica());
            shell.follow_role(engine);
            if shell.supervised.get() {
                tell_supervisor(&server, engine, &mut told);
            }
            engine.effective_hz()
        };
        let hz = slices.measure(Slice::Turn, || server.with_engine(whole));
        expire(&server, hz).await;
        tidy(&server, hz).await;
        repack(&server, hz, &mut repacker).await;
        next += Duration::from_micros(1_000_000 / hz.clamp(1, 500) as u64);
        // After a long halt (DEBUG SLEEP, a suspended machine) no turns are made up for.
        next = next.max(Instant::now());
        sleep_until(next).await;
    }
}

/// Tells systemd what the server does, if that is news.
fn tell_supervisor(server: &Server, engine: &Engine, told: &mut Told) {
    let phase = if let Some(percent) = server.persistence.loaded_percent() {
        Phase::Loading(percent)
    } else if let Some((read, total)) = engine.repl.incoming_sync() {
        Phase::Syncing { read, total }
    } else if server.shell.ready.get() {
        Phase::Serving {
            replica: engine.repl.is_replica(),
        }
    } else {
        // Between the load and the end of the start.
        return;
    };
    let now = engine.clock.steady_ms / 1000;
    if let Some(text) = told.next(phase, server.shell.ready.get(), now) {
        supervisor::notify(&text);
    }
}

/// Deletes expired keys and fields, in slices between the clients' batches.
async fn expire(server: &Server, hz: i64) {
    let cycle = Cycle::of_turn(server.engine.borrow().config.active_expire_effort, hz);
    let mut spent = Duration::ZERO;
    loop {
        let began = Instant::now();
        let spent_us = || (spent + began.elapsed()).as_micros() as u64;
        let slice = |engine: &mut Engine| cycle.slice(engine, spent_us);
        let slices = server.persistence.writers().slices();
        if slices.measure(Slice::Expire, || server.with_engine(slice)) {
            return;
        }
        spent += began.elapsed();
        yield_now().await;
    }
}

/// Gives memory of segments back, in slices, for a tenth of a turn at most.
async fn tidy(server: &Server, hz: i64) {
    let budget = Duration::from_micros(100_000 / hz.clamp(1, 500) as u64);
    let began = Instant::now();
    loop {
        let slices = server.persistence.writers().slices();
        let more = slices.measure(Slice::Tidy, || server.with_engine(turn::tidy));
        if !more || began.elapsed() > budget {
            return;
        }
        yield_now().await;
    }
}

/// Moves values out of pages that are nearly empty, in slices, for a tenth of a turn at most.
async fn repack(server: &Server, hz: i64, repacker: &mut Repacker) {
    let budget = Duration::from_micros(100_000 / hz.clamp(1, 500) as u64);
    let began = Instant::now();
    let slices = server.persistence.writers().slices();
    let mut slice = || server.with_engine(|engine| repacker.slice(engine));
    while slices.measure(Slice::Repack, &mut slice) {
        if began.elapsed() > budget {
            return;
        }
        yield_now().await;
    }
}
