//! This server's role: primary or replica.
//!
//!  * The role changes before anything else does, so that log lines already carry it.
//!  * A replica adds nothing to the stream: the stream holds exactly what its primary sent.
//!  * Offsets are never reset by a change of role.

use super::action::Action;
use super::divergence::Divergence;
use super::failover::Failover;
use super::history::History;
use super::log::{Chunk, Place};
use super::position::{Position, ReplId, ReplOffset, StreamDb};
use super::primary::{Admission, Env, Peer, Primary, Request};
use super::reads::Reads;
use super::replconf::Replconf;
use super::replica::{Link, LinkInput};
use super::report::ReceivedSyncs;
use super::settings::Settings;
use crate::effects::Effects;
use base::Rng;
use base::secret::Secrets;
use base::{ClientId, LogLevel};
use config::Config;

/// Both sides of replication of this server.
pub struct Replication {
    pub(super) history: History,
    pub(super) primary: Primary,
    pub(super) upstream: Option<Upstream>,
    pub(super) settings: Settings,
    /// For ids and marks.
    pub(super) secrets: Secrets,
    /// For jitter.
    pub(super) rng: Rng,
    pub(super) actions: Vec<Action>,
    pub(super) now_ms: u64,
    pub(super) failover: Option<Failover>,
    pub(super) received: ReceivedSyncs,
    /// What could not be run of the stream of the primary that is followed now, or was followed last.
    pub divergence: Divergence,
    /// Bytes of the stream that are durable here; `None` without an append-only file.
    pub(super) durable: Option<ReplOffset>,
    /// Our primary asked for an acknowledgement here, and not all was durable then.
    pub(super) ack_when_durable: Option<ReplOffset>,
    /// CLIENT PAUSE holds writes: see [`Env::paused`].
    paused: bool,
    /// Effects must be encoded. Kept, because it is asked for every write.
    listening: bool,
    /// See [`Replication::readers_are_old`].
    readers_are_old: bool,
}

/// A place in the stream, as a log needs it.
#[derive(Clone, Copy)]
pub struct StreamPlace<'a> {
    /// The ids and the offset.
    pub history: &'a History,
    /// This server writes the stream.
    pub ours: bool,
    /// The database that our own stream has selected; `None` if a SELECT comes first.
    pub selected: Option<usize>,
    /// The database that the stream has selected, whoever writes it.
    pub db: StreamDb,
    /// Our replicas.
    pub primary: &'a Primary,
}

/// Whom we follow and how far that got.
pub struct Upstream {
    /// The link.
    pub link: Link,
    /// The place from which a partial resync could continue, and the database that the stream had selected there.
    pub cached: Option<(Position, StreamDb)>,
    /// The stream's selected database, kept by the driver's session.
    pub db: StreamDb,
    /// Bytes that were read and not processed yet.
    pub unprocessed: usize,
    /// Bytes of the stream that were collected while the payload came over a second connection.
    pub collected: usize,
    /// How many of them are in memory.
    pub collected_memory: usize,
    /// The most of them that there were.
    pub collected_peak: usize,
    /// Payload bytes announced; 0 = unknown.
    pub payload_total: u64,
    /// Payload bytes received.
    pub payload_read: u64,
    /// Monotonic ms when an established link was lost; `None` = never was up.
    pub down_since_ms: Option<u64>,
}

impl Replication {
    /// A primary without replicas and backlog.
    pub fn new(config: &Config, secrets: &mut Secrets) -> Self {
        let mut secrets = secrets.another();
        let settings = Settings::from_config(config);
        let mut history = History::new(&mut secrets, settings.backlog_bytes);
        history.set_backlog_disk(settings.backlog_disk_bytes, settings.spill_above);
        Replication {
            history,
            primary: Primary::default(),
            upstream: None,
            settings,
            rng: Rng::new(secrets.number()),
            secrets,
            actions: Vec::new(),
            now_ms: 0,
            failover: None,
            received: ReceivedSyncs::default(),
            divergence: Divergence::default(),
            durable: None,
            ack_when_durable: None,
            paused: false,
            listening: false,
            readers_are_old: false,
        }
    }

    /// True if effects must be encoded: there is a backlog, and the stream is ours.
    pub fn listening(&self) -> bool {
        self.listening
    }

    /// True if every replica was found to be older than Redis 7.0: forms that only later servers know have no use.
    pub fn readers_are_old(&self) -> bool {
        self.readers_are_old
    }

    /// True while we follow a primary.
    pub fn is_replica(&self) -> bool {
        self.upstream.is_some()
    }

    /// `master_repl_offset`
    pub fn offset(&self) -> ReplOffset {
        self.history.offset()
    }

    /// Ids, offset, backlog.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The replicas.
    pub fn primary(&self) -> &Primary {
        &self.primary
    }

    /// Whom we follow.
    pub fn upstream(&self) -> Option<&Upstream> {
        self.upstream.as_ref()
    }

    /// The directives as replication sees them.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Directives changed.
    pub fn configure(&mut self, settings: Settings) {
        if settings.backlog_bytes != self.settings.backlog_bytes {
            self.history.resize_backlog(settings.backlog_bytes);
        }
        self.history
            .set_backlog_disk(settings.backlog_disk_bytes, settings.spill_above);
        self.settings = settings;
    }

    /// Appends the effects of one top-level command to the stream.
    pub fn feed(&mut self, effects: &Effects) {
        if self.listening {
            self.require(effects.needs());
            self.history.append_effects(effects);
            self.history.note_needs(effects.needs());
        }
    }

    /// The bytes that are about to be appended to the stream require `needs` of its readers; the links to replicas
    /// that lack it are closed.
    pub(super) fn require(&mut self, needs: Reads) {
        if !needs.is_empty() {
            self.with_primary(|primary, env| primary.require(needs, env));
        }
    }

    /// What the server must do, in order. Usually empty.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// A log line of ours.
    pub fn log(&mut self, level: LogLevel, text: impl Into<String>) {
        self.actions.push(Action::Log(level, text.into()));
    }

    /// Runs `f` on the primary's side.
    pub fn with_primary<R>(&mut self, f: impl FnOnce(&mut Primary, &mut Env<'_>) -> R) -> R {
        let mut env = Env {
            history: &mut self.history,
            settings: &self.settings,
            secrets: &mut self.secrets,
            now_ms: self.now_ms,
            top_level: self.upstream.is_none(),
            quiet: self.failover.is_some(),
            paused: self.paused && self.failover.is_none(),
            out: &mut self.actions,
        };
        let result = f(&mut self.primary, &mut env);
        self.refresh();
        result
    }

    pub(super) fn refresh(&mut self) {
        self.listening = self.upstream.is_none() && self.history.backlog().is_some();
        self.readers_are_old = self.primary.readers_are_old();
    }

    /// True if the end of a batch has anything to do for replication.
    pub fn needs_attention(&self) -> bool {
        !self.actions.is_empty() || !self.primary.is_idle()
    }

    /// Monotonic time, before anything else is called in a batch.
    pub fn set_now(&mut self, mono_us: u64) {
        self.now_ms = mono_us / 1000;
    }

    /// The wall clock, for reports only.
    pub fn set_wall(&mut self, unix_us: i64) {
        self.primary.syncs.set_now(unix_us);
        self.received.set_now(unix_us);
    }

    /// The report of the full sync from our primary, for what the driver sees of it.
    pub fn received(&mut self) -> &mut ReceivedSyncs {
        &mut self.received
    }

    /// Monotonic ms as last set.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Time passed: call about ten times a second.
    pub fn on_tick(&mut self) {
        self.with_primary(|primary, env| primary.on_tick(env));
        self.continue_failover();
    }

    /// CLIENT PAUSE began or ended, as far as replicas are concerned.
    pub fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// At the end of a batch.
    pub fn before_idle(&mut self) {
        // This must come before GETACK is written, because no replica can have acknowledged that yet.
        self.continue_failover();
        self.with_primary(|primary, env| primary.before_idle(env));
    }

    /// SYNC or PSYNC of a connection; the gates have been passed.
    pub fn on_sync(
        &mut self,
        id: ClientId,
        peer: Peer,
        conf: &Replconf,
        request: Request<'_>,
    ) -> Admission {
        self.with_primary(|primary, env| primary.on_sync(id, peer, conf, request, env))
    }

    /// A connection has ended because the other side closed it or it broke.
    pub fn on_peer_closed(&mut self, id: ClientId) {
        if self.primary.replica(id).is_some() {
            self.with_primary(|primary, env| primary.on_peer_closed(id, env));
        }
    }

    /// A connection has ended.
    pub fn on_disconnect(&mut self, id: ClientId) {
        if self.primary.replica(id).is_some() {
            self.with_primary(|primary, env| primary.on_disconnect(id, env));
        }
    }

    /// What a replica may be sent now.
    pub fn stream_for(&self, id: ClientId) -> Chunk<'_> {
        let log = self.history.backlog();
        let Some(log) = log.filter(|_| self.primary.streams_to(id)) else {
            return Chunk::Memory(&[]);
        };
        let Some(at) = log.position(id.0) else {
            return Chunk::Memory(&[]);
        };
        let most = usize::try_from(self.history.released() + 1 - at).unwrap_or(0);
        match log.chunk(id.0) {
            _ if most == 0 => Chunk::Memory(&[]),
            Chunk::Memory(bytes) => Chunk::Memory(&bytes[..bytes.len().min(most)]),
            Chunk::Disk(place, len) => Chunk::Disk(place, len.min(most)),
            Chunk::Archive(from, len) => Chunk::Archive(from, len.min(most)),
            Chunk::Gone => Chunk::Gone,
        }
    }

    /// A log of this server follows the stream: what is appended other than effects is kept for
    /// [`Replication::take_beside`], and what is appended is sent when [`Replication::release`] says so. Or neither,
    /// from now on.
    pub fn follow_by_log(&mut self, follow: bool) {
        self.durable = None;
        self.ack_when_durable = None;
        self.history.keep_beside(follow);
        let offset = self.history.offset();
        self.history.release(follow.then_some(offset));
    }

    /// See [`History::set_archived`].
    pub fn set_archived(&mut self, held: Option<(ReplId, ReplOffset, ReplOffset)>) {
        self.history.set_archived(held);
    }

    /// What was appended to the stream other than effects since the last call.
    pub fn take_beside(&mut self) -> Vec<u8> {
        self.history.take_beside()
    }

    /// The stream may be sent up to this byte; `None`: as far as there is any.
    pub fn release(&mut self, up_to: Option<ReplOffset>) {
        self.history.release(up_to);
    }

    /// The append-only file of this server holds the stream durably up to this byte.
    pub fn durable_here(&mut self, offset: ReplOffset) {
        self.durable = Some(offset);
        let asked = self.ack_when_durable.filter(|asked| *asked <= offset);
        if asked.is_some() && self.link_is_up() && self.is_replica() {
            self.answer_getack();
        }
    }

    /// Up to which byte the append-only file of this server holds the stream durably, as our primary is told.
    pub fn durable_offset(&self) -> Option<ReplOffset> {
        self.durable
    }

    /// The last byte of the stream that may be sent to replicas.
    pub fn sendable(&self) -> ReplOffset {
        self.history.released()
    }

    /// Where the stream is, if its bytes are counted, and the dataset is that of this place.
    pub fn place(&self) -> Option<StreamPlace<'_>> {
        let (selected, db) = match &self.upstream {
            None => {
                self.history.backlog()?;
                let selected = self.history.feed.selected();
                (selected, StreamDb::ours(selected.unwrap_or(0)))
            }
            Some(up) if up.link.is_up() || up.cached.is_some() => (None, up.db),
            Some(_) => return None,
        };
        Some(StreamPlace {
            history: &self.history,
            ours: self.upstream.is_none(),
            selected,
            db,
            primary: &self.primary,
        })
    }

    /// The answer to [`Action::Spill`]: the place of the block, or why it could not be written.
    pub fn on_spilled(&mut self, start: ReplOffset, place: Result<Place, String>) {
        if let Err(why) = &place {
            self.log(
                LogLevel::Warning,
                format!(
                    "Can't write the stream for slow replicas to disk, so it stays in memory: {why}"
                ),
            );
        }
        if let Some(log) = self.history.backlog_mut() {
            log.on_spilled(start, place.ok());
        }
        self.with_primary(|primary, env| primary.spill(env));
    }

    /// `n` bytes of [`Replication::stream_for`] were sent.
    pub fn on_stream_sent(&mut self, id: ClientId, n: usize) {
        if let Some(log) = self.history.backlog_mut() {
            log.advance(id.0, n);
        }
    }

    /// Follows `host:port` from now on. True if that changed something; false if we do already.
    pub fn replicate_from(&mut self, host: &str, port: u16) -> bool {
        if let Some(up) = &self.upstream {
            let (h, p) = up.link.primary();
            if h.eq_ignore_ascii_case(host) && p == port {
                return false;
            }
        }
        let cached = match self.upstream.take() {
            Some(up) if up.link.is_up() => Some((self.history.position(), up.db)),
            Some(up) => up.cached,
            None => {
                self.log(
                    LogLevel::Notice,
                    "Before turning into a replica, using my own master parameters to synthesize a \
                     cached master: I may be able to synchronize with the new master with just a \
                     partial transfer.",
                );
                self.history.create_backlog();
                Some((
                    self.history.position(),
                    StreamDb::ours(self.history.feed.selected().unwrap_or(0)),
                ))
            }
        };
        self.follow(host, port, cached);
        // A handover may still be refused, and then nothing has changed for those who wait here.
        if self.failover.is_none() {
            self.actions.push(Action::RoleChanged);
        }
        true
    }

    /// Start-up with `replicaof`: `cached` is what the dump said.
    pub fn start_as_replica(
        &mut self,
        host: &str,
        port: u16,
        cached: Option<(Position, StreamDb)>,
    ) {
        if let Some((at, _)) = cached {
            self.history.resume(at);
        }
        self.follow(host, port, cached);
    }

    fn follow(&mut self, host: &str, port: u16, cached: Option<(Position, StreamDb)>) {
        self.received.failed();
        self.divergence = Divergence::default();
        self.upstream = Some(Upstream {
            link: Link::new(host.to_owned(), port, self.now_ms),
            db: cached.map_or(StreamDb::default(), |(_, db)| db),
            cached,
            unprocessed: 0,
            collected: 0,
            collected_memory: 0,
            collected_peak: 0,
            payload_total: 0,
            payload_read: 0,
            down_since_ms: None,
        });
        self.refresh();
        if let (Some(up), Some(_)) = (&mut self.upstream, &self.failover) {
            up.link.ask_for_promotion();
        }
        // The first attempt begins now; `StartLink` takes the place of its `Connect`.
        self.on_link(LinkInput::Tick);
        self.actions.push(Action::StartLink);
    }

    /// Promotion. False if we are a primary already. Clients that wait here go on waiting, as on real servers: what they
    /// wait for may be written here from now on.
    pub fn become_primary(&mut self) -> bool {
        let Some(up) = self.upstream.take() else {
            return false;
        };
        self.received.failed();
        if up.link.is_up() {
            self.log(LogLevel::Notice, "Connection with master lost.");
            self.log(LogLevel::Notice, "Caching the disconnected master state.");
        }
        if up.link.is_up() || up.cached.is_some() {
            self.log(
                LogLevel::Notice,
                "Discarding previously cached master state.",
            );
        }
        self.actions.push(Action::StopLink);
        let old = self.history.id();
        self.history.shift(&mut self.secrets);
        let (id, up_to) = (self.history.id(), self.history.offset() + 1);
        self.log(
            LogLevel::Notice,
            format!(
                "Setting secondary replication ID to {old}, valid up to offset: {up_to}. New \
                 replication ID is {id}"
            ),
        );
        let now_ms = self.now_ms;
        self.with_primary(|primary, env| {
            primary.disconnect_all(env);
            primary.restart_ttl(now_ms);
        });
        true
    }

    /// Forces a full sync of every replica that reconnects (DEBUG CHANGE-REPL-ID).
    pub fn change_id(&mut self) {
        self.history.rename(&mut self.secrets);
    }

    /// Appends raw bytes to the stream (DEBUG REPLICATE).
    pub fn append_raw(&mut self, bytes: &[u8]) {
        if self.listening {
            self.history.append(bytes);
        }
    }

    /// WAIT asks for acknowledgements: GETACK is sent at the end of this batch.
    pub fn want_ack(&mut self) {
        self.primary.want_ack();
    }

    /// WAIT: replicas that have processed everything up to `offset`.
    pub fn count_acked(&self, offset: ReplOffset) -> usize {
        self.primary.count_acked(offset)
    }

    /// `min-replicas-to-write` is met, or off.
    #[inline]
    pub fn enough_replicas(&self) -> bool {
        let s = &self.settings;
        if s.min_replicas == 0 {
            return true;
        }
        let active = s.min_replicas_lag_ms > 0 && !self.is_replica();
        !active || self.primary.good() >= s.min_replicas
    }

    /// The link to our primary is established (or we have none).
    pub fn link_is_up(&self) -> bool {
        self.upstream.as_ref().is_none_or(|up| up.link.is_up())
    }
}
