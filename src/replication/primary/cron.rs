//! Periodic work: pings, keepalives, timeouts, delays, freeing the backlog, output limits.

use super::{Channel, Env, Primary, State};
use crate::action::Action;
use crate::feed::PING;
use base::{ClientId, LogLevel};

/// The reference's replication cron runs once a second.
const PERIOD_MS: u64 = 1000;

impl Primary {
    /// Time passed. Cheap when nothing is due; call it about ten times a second.
    pub fn on_tick(&mut self, env: &mut Env<'_>) {
        // As exactly as this is called: a delay of a second should not become two.
        self.start_if_due(env);
        if env.now_ms < self.next_cron_ms {
            return;
        }
        self.next_cron_ms = env.now_ms + PERIOD_MS;
        self.ping(env);
        self.keep_alive(env);
        self.drop_silent(env);
        self.known.forget(env.now_ms, env.settings.timeout_ms);
        self.doubts.forget(env.now_ms);
        self.expire_backlog(env);
        self.spill(env);
        self.forget_late(env);
        self.enforce_limits(env);
        self.refresh_good(env);
        if let Some(log) = env.history.backlog_mut() {
            log.drop_unneeded(usize::MAX);
        }
    }

    /// A replica that receives nothing for `repl-timeout` gives the link up, so `ping` is written when no client
    /// writes.
    fn ping(&mut self, env: &mut Env<'_>) {
        let offset = env.history.offset();
        if offset != self.last_offset {
            self.last_offset = offset;
            self.last_write_ms = env.now_ms;
        }
        let idle = env.now_ms.saturating_sub(self.last_write_ms);
        let due = idle >= env.settings.ping_period_ms && !env.quiet;
        if due && env.top_level && !self.replicas.is_empty() {
            env.history.append(PING);
            self.last_offset = env.history.offset();
            self.last_write_ms = env.now_ms;
        }
    }

    /// A newline to those who wait for a payload that has not begun.
    fn keep_alive(&mut self, env: &mut Env<'_>) {
        for (id, replica) in &self.replicas {
            let waits = match replica.state {
                State::WaitStart => true,
                State::WaitEnd { sockets, .. } => !sockets,
                _ => false,
            };
            if waits {
                env.send(*id, "\n");
            }
        }
    }

    /// The second connection of this one has its payload still to take.
    fn sends_payload(&self, channel: Channel) -> bool {
        let Channel::First(_, Some(second)) = channel else {
            return false;
        };
        let state = self.replicas.get(&second).map(|r| r.state);
        state.is_some_and(|state| state != State::Transmitted)
    }

    fn drop_silent(&mut self, env: &mut Env<'_>) {
        let timeout = env.settings.timeout_ms;
        let silent = |at: u64| env.now_ms.saturating_sub(at) > timeout;
        let mut gone = Vec::new();
        for (id, replica) in &self.replicas {
            let phase = match replica.state {
                State::Online if replica.psync => {
                    silent(replica.ack_at_ms).then_some("streaming sync")
                }
                State::Held => silent(replica.ack_at_ms).then_some("streaming sync"),
                State::WaitSecond if matches!(replica.channel, Channel::First(_, None)) => {
                    silent(replica.since_ms).then_some("second connection")
                }
                // While the payload is sent, it says that the replica is there.
                State::Aside if !self.sends_payload(replica.channel) => {
                    silent(replica.ack_at_ms).then_some("full sync")
                }
                State::WaitEnd { sockets: true, .. } | State::SendBulk => {
                    let stalled = replica.progress_at_ms.is_some_and(silent);
                    stalled.then_some("full sync")
                }
                _ => None,
            };
            if let Some(phase) = phase {
                gone.push((*id, phase, replica.label()));
            }
        }
        for (id, phase, label) in gone {
            env.log(
                LogLevel::Warning,
                format!("Disconnecting timedout replica ({phase}): {label}"),
            );
            self.drop_replica(id, env);
        }
    }

    /// Without replicas for `repl-backlog-ttl` the backlog is freed and the id changes, because writes that are not
    /// counted from now on must not belong to the old id.
    fn expire_backlog(&mut self, env: &mut Env<'_>) {
        let ttl = env.settings.backlog_ttl_ms;
        let alone = env.now_ms.saturating_sub(self.alone_since_ms);
        let due = ttl > 0 && alone > ttl && self.replicas.is_empty();
        if due && env.top_level && env.history.backlog().is_some() {
            env.history.rename(env.secrets);
            env.history.free_backlog();
            let s = ttl / 1000;
            env.log(
                LogLevel::Notice,
                format!("Replication backlog freed after {s} seconds without connected replicas."),
            );
        }
    }

    /// `client-output-buffer-limit replica`: closes who lets too much wait, in every state from the
    /// cut on. A hard limit below the backlog's size is raised to it, as in the reference.
    pub(super) fn enforce_limits(&mut self, env: &mut Env<'_>) {
        let s = env.settings;
        let backlog = env.history.backlog_bytes_max();
        let (hard, soft) = (s.output_hard, s.output_soft);
        let Some(log) = env.history.backlog() else {
            return;
        };
        let mut over: Vec<ClientId> = Vec::new();
        for (id, replica) in &mut self.replicas {
            let share = log.share(id.0);
            if soft == 0 || share < soft {
                replica.over_soft_since_ms = None;
            } else {
                let since = *replica.over_soft_since_ms.get_or_insert(env.now_ms);
                if env.now_ms.saturating_sub(since) > s.output_soft_ms {
                    over.push(*id);
                    continue;
                }
            }
            if hard > 0 && share >= hard.max(backlog) {
                over.push(*id);
            }
        }
        for id in over {
            env.out.push(Action::CloseOverLimit(id));
            self.on_disconnect(id, env);
        }
    }
}
