//! The fields of INFO about the append-only file.

use super::{AppendOnly, Mode};
use crate::append::appenders::Appenders;
use crate::append::queue::Exchange;
use engine::Engine;
use std::fmt::{Display, Write};

impl<A: Appenders> AppendOnly<A> {
    /// Writes the fields of the section `persistence`.
    pub fn info(&self, engine: &Engine, out: &mut String) {
        let state = self.state.borrow();
        let mut line = |name: &str, value: &dyn Display| {
            write!(out, "{name}:{value}\r\n").expect("a String takes everything");
        };
        let current = state.running.as_ref();
        let seconds = current.map_or(-1, |r| (engine.clock.steady_ms - r.began_ms) / 1000);
        let status = |failed| if failed { "err" } else { "ok" };
        line("aof_enabled", &u8::from(state.mode != Mode::Off));
        line("aof_rewrite_in_progress", &u8::from(current.is_some()));
        line("aof_rewrite_scheduled", &u8::from(state.scheduled));
        line(
            "aof_last_rewrite_time_sec",
            &state.last_seconds.unwrap_or(-1),
        );
        line("aof_current_rewrite_time_sec", &seconds);
        line("aof_last_bgrewrite_status", &status(state.last_failed));
        line("aof_rewrites", &state.rewrites);
        line("aof_rewrites_consecutive_failures", &state.failures);
        line("aof_last_write_status", &status(state.failure.is_some()));
        line("aof_last_cow_size", &0);
        if state.mode != Mode::Off {
            let exchange = self.appenders.exchange();
            let (report, waiting) = exchange.with(|queue| (queue.read(), queue.waiting()));
            line("aof_current_size", &(state.base_bytes + report.bytes));
            line("aof_base_size", &state.rewritten_bytes);
            line("aof_pending_rewrite", &u8::from(state.scheduled));
            line("aof_buffer_length", &waiting);
            line("aof_pending_bio_fsync", &report.syncing);
            line("aof_delayed_fsync", &report.delayed);
            if let Some(failure) = &state.failure {
                line("aof_last_write_error", &failure.replace(['\r', '\n'], " "));
            }
        }
    }
}
