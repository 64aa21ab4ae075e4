//! What replicas report while they follow: ACKs, lag, and the clients that wait for these.

use super::{Env, Primary, State};
use crate::action::Action;
use crate::feed::GETACK;
use crate::position::ReplOffset;
use base::{ClientId, LogLevel};

impl Primary {
    /// `REPLCONF ACK offset [FACK offset]`. From a connection that is not a replica: nothing.
    pub fn on_ack(
        &mut self,
        id: ClientId,
        offset: ReplOffset,
        fack: Option<ReplOffset>,
        env: &mut Env<'_>,
    ) {
        let reported = self.reported(id);
        let Some(replica) = self.replicas.get_mut(&id) else {
            return;
        };
        if replica.channel.is_second() {
            return; // the stream goes over the other connection
        }
        replica.ack = replica.ack.max(offset);
        if let Some(fack) = fack {
            replica.fack = replica.fack.max(fack);
        }
        replica.ack_at_ms = env.now_ms;
        if matches!(replica.state, State::Held | State::Aside) {
            replica.state = State::Online;
            self.syncs.online(reported, env.history.offset());
            let label = replica.label();
            self.known.online(label.clone());
            env.log(
                LogLevel::Notice,
                format!("Synchronization with replica {label} succeeded"),
            );
        }
        if !std::mem::replace(&mut replica.answered, true) {
            self.doubts.took(&replica.label(), env.now_ms);
            if replica.shows_more() {
                let (label, is_redis_8) = (replica.label(), replica.conf.is_redis_8());
                self.doubts
                    .shown(label, replica.reads, is_redis_8, env.now_ms);
            }
            if self.replicas.values().all(|r| r.state != State::WaitStart) {
                self.holds.why.clear();
            }
        }
        self.syncs.acked(reported, offset);
        self.refresh_good(env);
    }

    /// A bare newline: the replica is alive, loading.
    pub fn on_newline(&mut self, id: ClientId, now_ms: u64) {
        if let Some(replica) = self.replicas.get_mut(&id) {
            replica.ack_at_ms = now_ms;
        }
    }

    /// WAIT: replicas that have processed everything up to `offset`.
    pub fn count_acked(&self, offset: ReplOffset) -> usize {
        let done = |r: &&super::Replica| r.state.online() && r.ack >= offset;
        self.replicas.values().filter(done).count()
    }

    /// Whether a replica that has acknowledged `acked` has run all of a stream that ends at `end`.
    ///
    /// Where the stream ends with the two GETACK of a failover, the answer to the second one is enough: a replica answers
    /// while it runs that request, which nothing follows. Its next ACK of its own would be up to a second later.
    pub fn has_run_all(&self, acked: ReplOffset, end: ReplOffset) -> bool {
        let last = if self.asked_last == Some(end) {
            GETACK.len()
        } else {
            0
        };
        end - acked <= last as i64
    }

    /// WAITAOF: replicas that have made everything up to `offset` durable.
    pub fn count_durable(&self, offset: ReplOffset) -> usize {
        let done = |r: &&super::Replica| r.state.online() && r.fack >= offset;
        self.replicas.values().filter(done).count()
    }

    /// Somebody waits for replicas: ask them for ACKs with the next [`Primary::before_idle`].
    pub fn want_ack(&mut self) {
        self.ack_wanted = true;
    }

    /// At the end of a batch: at most one GETACK for all who wait; output limits when the log grew.
    pub fn before_idle(&mut self, env: &mut Env<'_>) {
        // While clients are paused it is wanted still: as in the reference, WAIT waits for the end of the pause.
        let wanted = !env.paused && std::mem::take(&mut self.ack_wanted);
        if wanted && !self.replicas.is_empty() && env.top_level {
            env.history.append(GETACK);
            if env.quiet {
                // The answer to GETACK names the offset before it, so that none has the end of the stream; the answer to
                // a second one shows that the first was run, too.
                env.history.append(GETACK);
                self.asked_last = Some(env.history.offset());
            }
        }
        let made = env.history.backlog().map_or(0, |log| log.blocks_made());
        if made != self.blocks_seen {
            self.blocks_seen = made;
            self.spill(env);
            self.enforce_limits(env);
        }
    }

    /// Writes to disk what slow replicas keep in memory above the bound.
    pub fn spill(&mut self, env: &mut Env<'_>) {
        let Some(log) = env.history.backlog_mut() else {
            return;
        };
        let (memory, began) = (log.memory(), log.on_disk() == 0);
        let spills: Vec<Action> =
            std::iter::from_fn(|| log.next_to_spill().map(Action::Spill)).collect();
        if began && !spills.is_empty() && !self.spilling {
            env.log(
                LogLevel::Notice,
                format!("Slow replicas keep {memory} bytes of the stream in memory. Writing the oldest bytes to disk"),
            );
        }
        self.spilling = !began || !spills.is_empty();
        env.out.extend(spills);
    }

    /// Replicas that count for `min-replicas-to-write`.
    pub fn good(&self) -> usize {
        self.good
    }

    pub(super) fn refresh_good(&mut self, env: &Env<'_>) {
        let lag_ms = env.settings.min_replicas_lag_ms;
        let good = |r: &&super::Replica| {
            // In whole seconds, as the reference compares them.
            r.state.online() && r.lag_s(env.now_ms) * 1000 <= lag_ms
        };
        self.good = self.replicas.values().filter(good).count();
    }
}
