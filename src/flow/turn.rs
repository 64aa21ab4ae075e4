//! What a turn of the periodic work does, in its order, whoever performs it.
//!
//! ```text
//! turn: time-outs, saves, the append-only file, the shutdown --> expiry, in slices --> tidying up, in slices
//! ```

use crate::append::{AppendOnly, Appenders};
use crate::save::Saves;
use crate::shutdown::{Course, Shutdown};
use engine::Engine;

/// One turn. Gives what the shutdown has come to, if there is one.
pub fn turn<A: Appenders>(
    engine: &mut Engine,
    saves: &mut Saves<A::Writers>,
    append: &AppendOnly<A>,
    shutdown: &Shutdown,
) -> Option<Course> {
    engine.on_tick();
    engine.check_waiting_output();
    saves.cron(engine);
    append.cron(engine);
    engine.save_failed = saves.last_failure().is_some();
    shutdown.turn(engine, append)
}

/// A slice of giving memory of segments back; true if there is more to do.
pub fn tidy(engine: &mut Engine) -> bool {
    for retired in engine.keyspace.take_retired() {
        engine.drop_later(Box::new(retired));
    }
    engine.keyspace.tidy(engine.clock.mono_us / 1000)
}
