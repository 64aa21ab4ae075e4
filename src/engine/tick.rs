//! The engine's part of the periodic work, `hz` times a second.

use super::{Action, ClientFlags, Engine};
use std::collections::VecDeque;

/// Samples over which an `instantaneous_*` figure is averaged.
const SAMPLES: usize = 16;
/// Time between two samples.
const SAMPLE_US: u64 = 100_000;

/// One `instantaneous_*` figure: the mean rate over the last samples.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    samples: VecDeque<u64>,
    last: u64,
}

impl Rate {
    /// A reading of the counter, `us` after the one before.
    fn sample(&mut self, counter: u64, us: u64) {
        let grown = counter.saturating_sub(self.last);
        self.last = counter;
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(grown * 1_000_000 / us.max(1));
    }

    /// A reading of two counters, of which the mean is asked for: so much of the first for one of the second.
    fn sample_mean(&mut self, counter: u64, count: u64) {
        let grown = counter.saturating_sub(self.last);
        self.last = counter;
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(grown / count.max(1));
    }

    /// The mean of the samples taken so far.
    pub fn mean(&self) -> u64 {
        self.samples.iter().sum::<u64>() / self.samples.len().max(1) as u64
    }

    /// Per second.
    pub fn per_second(&self) -> u64 {
        self.samples.iter().sum::<u64>() / SAMPLES as u64
    }
}

/// The figures that are sampled.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    /// Commands.
    pub commands: Rate,
    /// Bytes from clients.
    pub input: Rate,
    /// Bytes to clients.
    pub output: Rate,
    /// Bytes from our primary.
    pub repl_input: Rate,
    /// Bytes to replicas.
    pub repl_output: Rate,
    /// Turns of the event loop.
    pub turns: Rate,
    /// Time that a turn takes, ns.
    pub turn_ns: Rate,
    last_us: u64,
}

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
        let most = usize::try_from(self.config.tracking_table_max_keys);
        self.tracking.shrink(most.unwrap_or(0));
        let used = (self.used_memory)(self);
        self.stats.peak_memory = self.stats.peak_memory.max(used);
        self.count_turn(began, began);
    }

    /// A turn of the event loop that began at `began` is over; its requests had been run at `ran`, both readings of the
    /// timer.
    #[inline]
    pub fn count_turn(&mut self, began: u64, ran: u64) {
        self.stats.turns += 1;
        self.stats.turns_ns += (self.timer)().saturating_sub(began);
        self.stats.turns_commands_ns += ran.saturating_sub(began);
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
