//! One server of the simulation: an engine, and drivers as dull as the real ones.

use super::disk::Disk;
use super::follower::Follower;
use super::saving::{Purpose, Saving};
use forebay::base::secret::Secrets;
use forebay::config::Config;
use forebay::engine::pause::{Held, Reason};
use forebay::engine::{ClientId, Engine, Executor};
use forebay::flow::expiry::Cycle;
use forebay::keyspace::{ValueRef, digest};
use forebay::replication::log::{Place, Spill};
use forebay::replication::{Action, LinkInput, ReplMeta, Settings, SnapshotTarget};
use forebay::resp::Parser;
use forebay::server::Shell;
use forebay::server::load::{self, LoadProgress};
use forebay::server::persist::{Persistence, load_options};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The unix time at which the simulation begins, ms.
const EPOCH_MS: i64 = 1_700_000_000_000;

/// What waits for a replica's connection.
#[derive(Default)]
pub struct Outbox {
    pub lines: Vec<u8>,
    pub payload: Option<Payload>,
    pub close: bool,
}

/// A payload that is being sent.
pub enum Payload {
    /// Bytes that the snapshot has made and the connection has not taken; `complete` with the mark.
    Pipe { bytes: Vec<u8>, complete: bool },
    /// An open file.
    File { file: Rc<Vec<u8>>, at: usize },
}

/// What the network is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Connect,
    Disconnect,
}

/// How a node is made.
#[derive(Clone)]
pub struct Build {
    pub seed: u64,
    pub config: Config,
    /// Bytes of a snapshot made in one turn.
    pub walk_budget: usize,
}

/// What a dump says about replication, and which of its keys had expired.
type Dumped = (ReplMeta, Option<Vec<(u32, Vec<u8>)>>);

pub struct Node {
    pub engine: Executor,
    pub disk: Disk,
    pub outboxes: BTreeMap<ClientId, Outbox>,
    /// Requests of replicas' connections that are half there.
    pub(super) inputs: BTreeMap<ClientId, (Vec<u8>, Parser)>,
    pub wishes: Vec<Wish>,
    pub follower: Follower,
    pub(super) saving: Option<Saving>,
    /// Saves that were given up while the disk was still writing them.
    pub(super) given_up: Vec<Saving>,
    /// How many of them came too late to take the place of the dump.
    pub refused_places: u64,
    /// Blocks of the stream that go to disk, and when they stand.
    spilling: Vec<(u64, Spill)>,
    pub(super) persistence: Persistence,
    client: ClientId,
    pub log: Vec<String>,
    pub(super) walk_budget: usize,
    /// The databases are empty because a payload is being loaded for them.
    pub(super) loading: bool,
    /// What they held was given up, or was never loaded.
    pub(super) lost: bool,
    /// Stream blocks that went to disk.
    pub spilled: usize,
    /// Something happened since connections were looked at.
    pub touched: bool,
    pub now_ms: u64,
}

impl Node {
    /// A process that has not loaded its dump yet.
    pub fn begin(build: &Build, disk: Disk, now_ms: u64) -> Node {
        let persistence = Persistence::default();
        let shell = Shell::new(std::rc::Weak::new(), persistence.clone());
        let mut engine = Engine::new(
            forebay::commands::FAMILIES,
            build.config.clone(),
            Secrets::predictable(build.seed),
            Rc::new(shell),
        );
        // So that it happens at all with the few bytes of a simulation.
        let settings = Settings {
            spill_above: 1 << 12,
            ..engine.repl.settings().clone()
        };
        engine.repl.configure(settings);
        let client = engine.connect("10.0.0.1:1".into(), "10.0.0.2:2".into());
        let mut node = Node {
            engine: Executor::from(engine),
            disk,
            outboxes: BTreeMap::new(),
            inputs: BTreeMap::new(),
            wishes: Vec::new(),
            follower: Follower::default(),
            saving: None,
            given_up: Vec::new(),
            refused_places: 0,
            spilling: Vec::new(),
            persistence,
            client,
            log: Vec::new(),
            walk_budget: build.walk_budget,
            loading: false,
            lost: true,
            spilled: 0,
            touched: true,
            now_ms,
        };
        node.set_now(now_ms);
        node
    }

    /// Loads what the disk holds, and serves; `follows` is its `replicaof`.
    ///
    /// A dump that is torn must be refused; the operator then removes it.
    pub fn start(&mut self, follows: Option<u16>) -> Result<(), String> {
        let dumped = self.load_dump(follows.is_some())?;
        self.lost = false;
        let repl = &mut self.engine.repl;
        match (follows, dumped) {
            (Some(port), dump) => {
                let cached = dump.map(|(m, _)| (m.at, m.stream_db));
                repl.start_as_replica("sim", port, cached);
            }
            (None, Some((meta, expired))) => {
                repl.restore_as_primary(meta, expired.as_deref(), false);
            }
            (None, None) => {}
        }
        self.act();
        Ok(())
    }

    fn load_dump(&mut self, as_replica: bool) -> Result<Option<Dumped>, String> {
        let Some(dump) = self.disk.dump() else {
            self.persistence.start_empty();
            return Ok(None);
        };
        let mut options = load_options(&mut self.engine);
        options.keep_expired = as_replica;
        options.expired_bytes_max = self.engine.repl.history().backlog_bytes_max();
        options.threads = 1;
        let loaded = load::load(&dump[..], &options, &LoadProgress::default());
        match loaded {
            Ok(_) if self.disk.torn => {
                Err(format!("a dump torn at {} bytes was loaded", dump.len()))
            }
            Err(e) if !self.disk.torn => Err(format!("a whole dump was refused: {e}")),
            Err(_) => {
                self.disk.remove();
                self.persistence.start_empty();
                Ok(None)
            }
            Ok((mut loaded, ..)) => {
                let expired = loaded.expired.take();
                let meta = ReplMeta::from_aux(|name| loaded.aux(name));
                let installed = self.persistence.install(&mut self.engine, loaded);
                installed.map_err(|e| e.to_string())?;
                self.check_loaded()?;
                Ok(meta.map(|meta| (meta, expired)))
            }
        }
    }

    pub fn set_now(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        self.engine.clock.unix_ms = EPOCH_MS + now_ms as i64;
        self.engine.clock.unix_us = self.engine.clock.unix_ms * 1000;
        self.engine.clock.steady_ms = self.engine.clock.unix_ms;
        self.engine.clock.mono_us = now_ms * 1000;
        self.engine.sync_repl_clock();
    }

    /// Whom this server follows, by port.
    pub fn follows(&self) -> Option<u16> {
        self.engine.repl.upstream().map(|up| up.link.primary().1)
    }

    /// Runs a client's command; gives its reply.
    pub fn run(&mut self, words: &[&str]) -> String {
        let argv: Vec<&[u8]> = words.iter().map(|w| w.as_bytes()).collect();
        self.engine.execute(self.client, &argv);
        let session = self.engine.clients.get_mut(&self.client);
        let session = session.expect("nobody disconnects it");
        let reply = session.reply.take();
        self.act();
        String::from_utf8_lossy(&reply).into_owned()
    }

    /// Writers are held back: a failover is under way.
    pub fn holds_writes(&self) -> bool {
        self.engine.is_paused_by(Reason::Failover)
    }

    /// A tenth of a second passed.
    pub fn tick(&mut self) {
        let saving = self.saving.is_some();
        let repl = &mut self.engine.repl;
        repl.with_primary(|primary, env| primary.on_save_running(saving, env));
        repl.on_tick();
        let cycle = Cycle::of_turn(self.engine.config.active_expire_effort, 10);
        // No time passes meanwhile, so the cycle ends when nothing is left to expire.
        while !cycle.slice(&mut self.engine, || 0) {}
        self.link(LinkInput::Tick);
        self.act();
    }

    /// True while there is work that time alone drives on.
    pub fn is_busy(&self) -> bool {
        self.saving.is_some() || self.follower.is_busy() || !self.spilling.is_empty()
    }

    /// A dump or a payload is being written.
    pub fn is_saving(&self) -> bool {
        self.saving.is_some()
    }

    /// Drives snapshots, files and loads on.
    pub fn work(&mut self) {
        self.spill_on();
        self.save_on();
        self.load_on();
        self.act();
    }

    fn spill_on(&mut self) {
        for (at, block) in std::mem::take(&mut self.spilling) {
            if at > self.now_ms {
                self.spilling.push((at, block));
                continue;
            }
            let place = match self.disk.full {
                true => Err(super::disk::FULL.to_owned()),
                false => Ok(Place {
                    file: block.bytes,
                    at: 0,
                }),
            };
            self.spilled += place.is_ok() as usize;
            self.engine.repl.on_spilled(block.start, place);
        }
    }

    /// Does what the state machines ask for.
    pub fn act(&mut self) {
        self.touched = true;
        self.engine.repl.before_idle();
        loop {
            let actions = self.engine.repl.take_actions();
            if actions.is_empty() && !self.engine.is_unsettled() {
                return;
            }
            self.engine.settle();
            for action in actions {
                self.perform(action);
            }
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Log(_, text) => self.log.push(format!("{} {text}", self.now_ms)),
            Action::Send(id, bytes) => self.outbox(id).lines.extend(bytes),
            Action::StartSnapshot(order) if self.saving.is_some() => {
                drop(order);
                self.engine
                    .repl
                    .with_primary(|primary, _| primary.on_snapshot_busy());
            }
            Action::StartSnapshot(order) => {
                let purpose = match order.target {
                    SnapshotTarget::Disk => Purpose::Disk,
                    SnapshotTarget::Sockets { mark } => Purpose::Sockets {
                        members: order.members.clone(),
                        mark: mark.to_vec(),
                    },
                };
                let persistence = self.persistence.clone();
                let Some(whole) = persistence.whole(&self.engine) else {
                    let repl = &mut self.engine.repl;
                    return repl.with_primary(|primary, _| primary.on_snapshot_busy());
                };
                self.begin_saving(purpose, &whole);
                let repl = &mut self.engine.repl;
                repl.with_primary(|p, env| p.on_snapshot_started(&order.members, env));
                if let SnapshotTarget::Sockets { mark } = order.target {
                    for id in &order.members {
                        self.outbox(*id).payload = Some(Payload::Pipe {
                            bytes: [b"$EOF:", mark.as_slice(), b"\r\n"].concat(),
                            complete: false,
                        });
                    }
                }
            }
            Action::SendFile(id) => match self.disk.dump() {
                Some(dump) => {
                    self.outbox(id)
                        .lines
                        .extend(format!("${}\r\n", dump.len()).bytes());
                    self.outbox(id).payload = Some(Payload::File { file: dump, at: 0 });
                }
                None => self.outbox(id).close = true,
            },
            // Noticed at the next turn, as by the real one's thread.
            Action::CancelSnapshot => {
                if let Some(saving) = &mut self.saving {
                    saving.cancelled = true;
                }
            }
            Action::Close(id) | Action::CloseAfterSent(id) | Action::CloseOverLimit(id) => {
                self.outbox(id).close = true;
            }
            Action::SendUpstream(bytes) => self.follower.out.extend(bytes),
            Action::StartLink => {
                self.drop_link();
                self.wishes.push(Wish::Disconnect);
                self.wishes.push(Wish::Connect);
            }
            Action::StopLink => {
                self.drop_link();
                if !self.engine.repl.is_replica() {
                    self.persistence.promoted();
                    self.lost = false;
                }
                self.wishes.push(Wish::Disconnect);
            }
            Action::Spill(block) => {
                let at = self.now_ms + self.disk.delay_ms;
                self.spilling.push((at, block));
            }
            Action::HoldWrites(true) => self.engine.pause(Reason::Failover, Held::Writes, i64::MAX),
            Action::HoldWrites(false) => self.engine.unpause(Reason::Failover),
            Action::RoleChanged => {}
        }
    }

    /// The dataset's digest; expiry times count.
    pub fn digest(&self) -> [u8; 20] {
        let mut all = digest::Fingerprint::default();
        for n in 0..self.engine.keyspace.count() {
            let db = self.engine.keyspace.db(n);
            digest::database(&mut all, n as u32, db, digest::Manner::REDIS_7_0);
            db.scan(0, usize::MAX, |loc| {
                if let Some(at) = db.expire(loc) {
                    all.xor(&[db.key(loc), &at.to_be_bytes()].concat());
                }
            });
        }
        all.bytes()
    }

    /// Every key with its value, as text; what has no order, as its digest.
    pub fn dataset(&self) -> BTreeMap<(usize, String), String> {
        let mut all = BTreeMap::new();
        for n in 0..self.engine.keyspace.count() {
            let db = self.engine.keyspace.db(n);
            db.scan(0, usize::MAX, |loc| {
                let key = String::from_utf8_lossy(db.key(loc)).into_owned();
                let mut print = digest::Fingerprint::default();
                digest::entry(&mut print, db, loc, digest::Manner::REDIS_7_0);
                let value = match db.value(loc) {
                    ValueRef::Str(text) => text.bytes().escape_ascii().to_string(),
                    _ => print.to_hex(),
                };
                let text = format!("{value} {:?}", db.expire(loc));
                all.insert((n, key), text);
            });
        }
        all
    }
}
