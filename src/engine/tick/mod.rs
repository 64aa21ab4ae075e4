//! The engine's part of the periodic work, `hz` times a second.

mod rates;

pub use rates::{Rate, Rates};

use crate::{Action, ClientFlags, Engine, tracking};
/// Time between two samples.
const SAMPLE_US: u64 = 100_000;

impl Engine {
    /// One turn.
    pub fn on_tick(&mut self) {
        if self.tick_paused {
            return;
        }
        let began = (self.timer)();
        self.lacks_memory();
        self.sample_rates();
        self.end_pauses();
        self.close_idle_clients();
        self.count_clients();
        self.evict_clients();
        tracking::shrink(self);
        let used = (self.used_memory)(self);
        if used > self.stats.peak_memory {
            self.stats.peak_memory = used;
            self.stats.peak_memory_s = self.clock.unix_ms / 1000;
        }
        self.count_turn(began, began);
        self.stats.cron_ns += (self.timer)().saturating_sub(began);
    }

    /// A turn of the event loop that began at `began` is over; its requests had been run at `ran`, both readings of the
    /// timer.
    #[inline]
    pub fn count_turn(&mut self, began: u64, ran: u64) {
        let took = (self.timer)().saturating_sub(began);
        let stats = &mut self.stats;
        stats.turns += 1;
        stats.turns_ns += took;
        stats.turns_commands_ns += ran.saturating_sub(began);
        stats.turn_max_ns = stats.turn_max_ns.max(took);
        let commands = stats.commands.saturating_sub(stats.turn_commands_from);
        stats.turn_commands_max = stats.turn_commands_max.max(commands);
        stats.turn_commands_from = stats.commands;
    }

    /// Turns per second: `hz`, doubled for each 200 clients per turn with `dynamic-hz`.
    pub fn effective_hz(&self) -> i64 {
        let mut hz = self.config.hz.clamp(1, 500);
        if self.config.dynamic_hz {
            while self.clients.len() as i64 / hz > 200 && hz < 500 {
                hz = (hz * 2).min(500);
            }
        }
        hz
    }

    fn sample_rates(&mut self) {
        let now = self.clock.mono_us;
        let us = now.saturating_sub(self.rates.last_us);
        if us < SAMPLE_US {
            return;
        }
        let (rates, stats) = (&mut self.rates, &self.stats);
        rates.last_us = now;
        rates.commands.sample(stats.commands, us);
        rates.input.sample(stats.net_input, us);
        rates.output.sample(stats.net_output, us);
        rates.repl_input.sample(stats.net_repl_input, us);
        rates.repl_output.sample(stats.net_repl_output, us);
        let turns = stats.turns.saturating_sub(rates.turns.last);
        rates.turns.sample(stats.turns, us);
        rates.turn_ns.sample_mean(stats.turns_ns, turns);
    }

    /// `timeout`: once a second.
    fn close_idle_clients(&mut self) {
        let second = self.clock.steady_ms / 1000;
        if self.config.timeout == 0 || second == self.idle_checked_s {
            return;
        }
        self.idle_checked_s = second;
        let spared = ClientFlags::MASTER | ClientFlags::REPLICA | ClientFlags::BLOCKED;
        for client in self.clients.values_mut() {
            let idle = second - client.last_interaction_ms / 1000;
            let waits = client.blocked.is_some() || client.subscriptions() > 0;
            if idle > self.config.timeout && !waits && !client.flags.intersects(spared) {
                client.flags.insert(ClientFlags::CLOSE_ASAP);
                self.actions.push(Action::Close(client.id));
            }
        }
    }
}
