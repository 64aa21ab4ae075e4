//! Events on the link to the primary, and their effects on this server's history and replicas.

use super::action::Action;
use super::position::{Position, ReplOffset, StreamDb};
use super::reads::Reads;
use super::replica::State;
use super::replica::{LinkAction, LinkEnv, LinkInput, ack};
use super::role::{Replication, Upstream};
use base::LogLevel;

impl Replication {
    /// Takes one event of the link. What concerns ids, offsets and replicas is done here; what remains
    /// is the driver's: connections, payloads, stream bytes.
    pub fn on_link<'a>(&mut self, input: LinkInput<'a>) -> Vec<LinkAction<'a>> {
        let Some(up) = &mut self.upstream else {
            return Vec::new();
        };
        let mut env = LinkEnv {
            settings: &self.settings,
            rng: &mut self.rng,
            now_ms: self.now_ms,
            cached: up.cached.map(|(at, _)| at),
            processed: self.history.offset(),
            durable: self.durable.map(|at| at.min(self.history.offset())),
        };
        let mut actions = Vec::new();
        let asks = |up: &Upstream| *up.link.state() == State::AwaitPsync;
        let asked = asks(up);
        up.link.step(input, &mut env, &mut actions);
        if !asked && asks(up) {
            self.received.requested();
        }
        let mut left = Vec::with_capacity(actions.len());
        for action in actions {
            match action {
                LinkAction::Log(level, text) => self.actions.push(Action::Log(level, text)),
                LinkAction::PromotionRefused => {
                    // We are a primary again: whatever else the link wanted is void.
                    let _ = self.abort_failover("Failover target rejected psync request");
                    return Vec::new();
                }
                action => {
                    self.note(&action);
                    left.push(action);
                }
            }
        }
        left
    }

    /// The stream is not read for now, so its silence says nothing about the primary.
    pub fn link_is_held(&mut self) {
        if let Some(up) = &mut self.upstream {
            up.link.is_held(self.now_ms);
        }
    }

    /// What an action means for us.
    fn note(&mut self, action: &LinkAction<'_>) {
        let now_ms = self.now_ms;
        let Some(up) = &mut self.upstream else { return };
        match action {
            LinkAction::Connect => self.received.connecting(),
            LinkAction::FullResync(_) => {
                let (host, port) = up.link.primary();
                self.received.answered(format!("{host}:{port}"));
                up.payload_total = 0;
                up.payload_read = 0;
            }
            LinkAction::PayloadBegins(length) => {
                up.payload_total = length.unwrap_or(0);
                self.received.transfer_begins();
            }
            LinkAction::Payload(bytes) => {
                up.payload_read += bytes.len() as u64;
                self.received.received(bytes.len() as u64);
            }
            LinkAction::PayloadEnds => self.received.transfer_ends(),
            // A link that closes in the middle of a sync ends it; one that is up has ended it well.
            LinkAction::Disconnect => {
                up.collected = 0;
                self.received.failed();
            }
            LinkAction::Collect(bytes) => {
                up.collected += bytes.len();
                up.collected_peak = up.collected_peak.max(up.collected);
            }
            LinkAction::Stream(bytes) => up.unprocessed += bytes.len(),
            LinkAction::Lost(whole) => {
                let at = self.history.position();
                up.cached = whole.then_some((at, up.db));
                up.unprocessed = 0;
                up.down_since_ms = Some(now_ms);
            }
            LinkAction::Continue(id) => {
                self.end_failover();
                let Some(up) = &mut self.upstream else { return };
                let cached = up.cached.take();
                up.db = cached.map_or(StreamDb::default(), |(_, db)| db);
                up.unprocessed = 0;
                let created = self.history.backlog().is_none();
                self.history.create_backlog();
                if created {
                    self.refresh();
                }
                if let Some(id) = id {
                    self.history.adopt(*id);
                    // Our replicas receive the new id when they reconnect.
                    self.with_primary(|primary, env| primary.disconnect_all(env));
                }
            }
            LinkAction::Established(at) => {
                self.received.online();
                let at = *at;
                up.cached = None;
                up.unprocessed = 0;
                self.restart_history(at);
            }
            _ => {}
        }
    }

    /// A full sync is about to replace the data: this server's own replicas have nothing to follow, and its place in
    /// the history is lost.
    pub fn before_flush(&mut self) {
        self.log(
            LogLevel::Notice,
            "Discarding previously cached master state.",
        );
        if let Some(up) = &mut self.upstream {
            up.cached = None;
        }
        self.with_primary(|primary, env| primary.disconnect_all(env));
        self.history.free_backlog();
        self.refresh();
    }

    /// The dataset is our primary's now: so are id and offset.
    fn restart_history(&mut self, at: Option<Position>) {
        self.with_primary(|primary, env| primary.disconnect_all(env));
        let at = at.unwrap_or_else(|| {
            // After SYNC the history has no name that anybody could ask for, and no known offset.
            self.history.rename(&mut self.secrets);
            Position {
                id: self.history.id(),
                offset: ReplOffset::UNKNOWN,
            }
        });
        self.history.restart_at(at);
        // What was durable was another dataset.
        self.durable = self.durable.map(|_| ReplOffset::ZERO);
        self.ack_when_durable = None;
        self.refresh();
    }

    /// What is durable here of the stream that has been processed.
    fn durable(&self) -> Option<ReplOffset> {
        self.durable.map(|at| at.min(self.history.offset()))
    }

    /// The database that the payload's metadata says the stream has selected.
    pub fn set_stream_db(&mut self, db: StreamDb) {
        if let Some(up) = &mut self.upstream {
            up.db = db;
        }
    }

    /// So many bytes that were collected are in memory; the others are on disk.
    pub fn set_collected_memory(&mut self, bytes: usize) {
        if let Some(up) = &mut self.upstream {
            up.collected_memory = bytes;
        }
    }

    /// So many bytes that were collected are about to be run.
    pub fn on_collected(&mut self, bytes: usize) {
        if let Some(up) = &mut self.upstream {
            up.collected = up.collected.saturating_sub(bytes);
            up.unprocessed += bytes;
        }
    }

    /// Whole commands of the primary's stream were run, and exactly their bytes become part of this server's stream.
    /// `needs` is what its replicas must understand for that.
    pub fn on_processed(&mut self, bytes: &[u8], needs: Reads) {
        self.require(needs);
        self.history.append_processed(bytes);
        self.history.note_needs(needs);
        if let Some(up) = &mut self.upstream {
            up.unprocessed = up.unprocessed.saturating_sub(bytes.len());
        }
    }

    /// `REPLCONF GETACK` of our primary: the answer has the offset before that command.
    pub fn answer_getack(&mut self) {
        let (offset, durable) = (self.history.offset(), self.durable());
        // A client of the primary may be waiting for the full offset, so another ACK is sent once it is durable.
        self.ack_when_durable = durable.filter(|at| *at < offset).map(|_| offset);
        let bytes = ack(offset, durable);
        self.actions.push(Action::SendUpstream(bytes));
    }
}
