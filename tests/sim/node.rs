//! One server of the simulation: an engine, and drivers as dull as the real ones.

use super::disk::{DUMP, FULL, SimDisk};
use super::follower::Watch;
use super::host::SimHost;
use super::receiving::Taker;
use super::saving::Hands;
use super::serving::{self, Peer, Source};
use forebay::base::secret::Secrets;
use forebay::config::Config;
use forebay::disk::Disk;
use forebay::engine::engine::Clock;
use forebay::engine::host::ShutdownOptions;
use forebay::engine::pause::{Held, Reason};
use forebay::engine::{ClientId, Engine, Executor};
use forebay::flow::expiry::Cycle;
use forebay::flow::feed::Outbox;
use forebay::flow::follow::{Follower, Input};
use forebay::flow::load::options;
use forebay::flow::serve::Payloads;
use forebay::flow::shutdown::Course;
use forebay::flow::{Saves, Shutdown, Which};
use forebay::keyspace::{ValueRef, digest};
use forebay::replication::log::{Place, Spill};
use forebay::replication::{Action, ReplMeta, Settings};
use forebay::server::load::{self, LoadProgress};
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

/// The unix time at which the simulation begins, ms.
const EPOCH_MS: i64 = 1_700_000_000_000;

/// The clocks of every server at a moment of virtual time.
pub fn clock_at(now_ms: u64) -> Clock {
    let unix_ms = EPOCH_MS + now_ms as i64;
    Clock {
        unix_ms,
        unix_us: unix_ms * 1000,
        script_us: 0,
        steady_ms: unix_ms,
        mono_us: now_ms * 1000,
    }
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
    pub disk: SimDisk,
    pub(super) outboxes: BTreeMap<ClientId, Rc<Outbox<Source>>>,
    /// The connections of replicas, and of those who will be.
    pub(super) peers: BTreeMap<ClientId, Peer>,
    pub wishes: Vec<Wish>,
    pub(super) follower: Follower<Hands>,
    /// Links begun.
    pub(super) links: u64,
    pub watch: Watch,
    pub(super) saves: Saves<Hands>,
    host: Rc<SimHost>,
    payloads: Payloads<Hands>,
    /// The process has saved what it will save, and ends.
    pub ends: bool,
    /// Blocks of the stream that go to disk, and when they stand.
    spilling: Vec<(u64, Spill)>,
    client: ClientId,
    pub log: Vec<String>,
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
    pub fn begin(build: &Build, disk: SimDisk, now_ms: u64) -> Node {
        let hands = Hands::new(disk.clone(), build.walk_budget, build.seed, now_ms);
        let saves = Saves::new(hands);
        let host = Rc::new(SimHost {
            saves: saves.clone(),
            shutdown: Shutdown::default(),
        });
        let mut engine = Engine::new(
            forebay::commands::FAMILIES,
            build.config.clone(),
            Secrets::predictable(build.seed),
            host.clone(),
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
            peers: BTreeMap::new(),
            wishes: Vec::new(),
            follower: Follower::new(saves.clone()),
            links: 0,
            watch: Watch::default(),
            host,
            payloads: Payloads::new(saves.clone()),
            saves,
            ends: false,
            spilling: Vec::new(),
            client,
            log: Vec::new(),
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
        self.saves.clear_leftovers(&self.engine);
        self.disk.check_no_leftovers()?;
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
        let Ok(dump) = self.disk.open(Path::new(DUMP)) else {
            self.saves.start_empty();
            return Ok(None);
        };
        let mut options = options(&mut self.engine);
        options.keep_expired = as_replica;
        options.expired_bytes_max = self.engine.repl.history().backlog_bytes_max();
        let loaded = load::load(dump, &options, &LoadProgress::default());
        match loaded {
            Ok(_) if self.disk.is_torn() => Err("a torn dump was loaded".to_owned()),
            Err(e) if !self.disk.is_torn() => Err(format!("a whole dump was refused: {e}")),
            Err(_) => {
                self.disk.remove(Path::new(DUMP)).expect("it is there");
                self.saves.start_empty();
                Ok(None)
            }
            Ok((mut loaded, ..)) => {
                let expired = loaded.expired.take();
                let meta = ReplMeta::from_aux(|name| loaded.aux(name));
                let installed = self.saves.install(&mut self.engine, loaded);
                installed.map_err(|e| e.to_string())?;
                self.check_loaded()?;
                Ok(meta.map(|meta| (meta, expired)))
            }
        }
    }

    pub fn set_now(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        self.engine.clock = clock_at(now_ms);
        self.saves.writers().set_now(now_ms);
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

    /// Writers are held back: a failover is under way, or the end.
    pub fn holds_writes(&self) -> bool {
        let reasons = [Reason::Failover, Reason::Shutdown, Reason::Snapshot];
        reasons.iter().any(|why| self.engine.is_paused_by(*why))
    }

    /// A tenth of a second passed.
    pub fn tick(&mut self) {
        self.payloads.tick(&mut self.engine);
        self.engine.on_tick();
        self.saves.cron(&mut self.engine);
        let turned = self.host.shutdown.turn(&mut self.engine, &mut self.saves);
        self.follow(turned);
        let cycle = Cycle::of_turn(self.engine.config.active_expire_effort, 10);
        // No time passes meanwhile, so the cycle ends when nothing is left to expire.
        while !cycle.slice(&mut self.engine, || 0) {}
        self.link(Input::Tick);
        self.act();
    }

    /// True while there is work that time alone drives on.
    pub fn is_busy(&self) -> bool {
        self.saves.running()
            || self.follower.receives(Taker::is_busy)
            || !self.spilling.is_empty()
            || self.reads_back()
    }

    /// How many saves that were given up came too late to take the place of the dump.
    pub fn refused_places(&self) -> u64 {
        self.saves.writers().refused_places()
    }

    /// The last save to disk has failed.
    pub fn has_failed_save(&self) -> bool {
        self.saves.last_failure().is_some()
    }

    /// A dump or a payload is being written.
    pub fn is_saving(&self) -> bool {
        self.saves.running()
    }

    /// SIGTERM, or SHUTDOWN with these options.
    pub fn shut_down(&mut self, options: Option<ShutdownOptions>) {
        let (engine, saves) = (&mut self.engine, &mut self.saves);
        let shutdown = &self.host.shutdown;
        let course = match options {
            None => {
                let options = ShutdownOptions::default();
                shutdown.signal(engine, "SIGTERM", false, options, saves)
            }
            Some(options) => shutdown.begin(engine, options, saves).ok(),
        };
        self.follow(course);
        self.act();
    }

    fn follow(&mut self, course: Option<Course>) {
        self.ends |= course == Some(Course::Ends);
    }

    /// BGSAVE; refused while a snapshot runs.
    pub fn bgsave(&mut self) {
        self.run(&["BGSAVE"]);
    }

    /// Drives snapshots, files and loads on.
    pub fn work(&mut self) {
        self.spill_on();
        self.saves.writers().place_late(false);
        if self.saves.running() {
            self.saves.go_on(&mut self.engine);
        }
        self.load_on();
        self.act();
    }

    fn spill_on(&mut self) {
        for (at, block) in std::mem::take(&mut self.spilling) {
            if at > self.now_ms {
                self.spilling.push((at, block));
                continue;
            }
            let place = match self.disk.is_full() {
                true => Err(FULL.to_owned()),
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
            Action::Log(_, text) => {
                if text.starts_with("Protocol error") {
                    self.fail(format!("a primary does not speak the protocol: {text}"));
                }
                self.log.push(format!("{} {text}", self.now_ms));
            }
            Action::Send(id, bytes) => self.outbox(id).send(&bytes),
            Action::StartSnapshot(order) => {
                let mut pipes = Vec::new();
                let begun = self.payloads.start(&order, &mut self.engine, |id, mark| {
                    let (sink, payload) = serving::connect(mark);
                    pipes.push((id, payload));
                    sink
                });
                for (id, payload) in pipes.into_iter().filter(|_| begun) {
                    self.outbox(id).give(payload);
                }
            }
            Action::SendFile(id) => match self.payloads.file() {
                Some(file) => self.outbox(id).give(serving::file_payload(file)),
                None => self.outbox(id).close(),
            },
            Action::CancelSnapshot => {
                self.saves.give_up(&mut self.engine, Which::Disk);
            }
            Action::Close(id) | Action::CloseOverLimit(id) => self.outbox(id).close(),
            Action::CloseAfterSent(id) => self.outbox(id).close_after_sent(),
            Action::SendUpstream(bytes) => self.follower.send(&bytes),
            Action::StartLink => {
                self.drop_link();
                self.wishes.push(Wish::Disconnect);
                self.wishes.push(Wish::Connect);
            }
            Action::StopLink => {
                if !self.engine.repl.is_replica() {
                    self.saves.promoted();
                    self.lost = false;
                }
                self.drop_link();
                self.wishes.push(Wish::Disconnect);
            }
            Action::Spill(block) => {
                let at = self.now_ms + self.disk.delay_ms();
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
