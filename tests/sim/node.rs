//! One server of the simulation: an engine, and drivers as dull as the real ones.

use super::appending::{SimAppenders, SimLog};
use super::collecting::CollectedFiles;
use super::disk::{DUMP, SimDisk};
use super::follower::{Watch, new_follower};
use super::host::SimHost;
use super::promises::{Left, Promises};
use super::receiving::Taker;
use super::saving::Hands;
use super::serving::Peer;
use super::transport::{LinkChange, SimTransport};
use forebay::base::secret::Secrets;
use forebay::config::Config;
use forebay::config::special::Address;
use forebay::disk::Disk;
use forebay::engine::clock::Clock;
use forebay::engine::host::ShutdownOptions;
use forebay::engine::pause::Reason;
use forebay::engine::{ClientId, Engine, Executor, Loading};
use forebay::flow::append::find::{Found, find};
use forebay::flow::append::{LoadedLog, Reading, log};
use forebay::flow::boot::{self, Boot, First, FoundLog, Restored};
use forebay::flow::expiry::Cycle;
use forebay::flow::follow::{Follower, Input};
use forebay::flow::load::{LoadProgress, options};
use forebay::flow::peers::Peers;
use forebay::flow::shutdown::Course;
use forebay::flow::{Saves, Shutdown, turn};
use forebay::keyspace::{ValueRef, digest};
use forebay::replication::Settings;
use forebay::server::{append_load, load};
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

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
    /// Both connections end.
    Disconnect,
    DisconnectFirst,
    ConnectSecond,
    DisconnectSecond,
}

/// How a node is made.
#[derive(Clone)]
pub struct Build {
    pub seed: u64,
    pub config: Config,
    /// Bytes of a snapshot made in one turn.
    pub walk_budget: usize,
    /// How many keys there is room for: more are evicted.
    pub room: Option<usize>,
}

pub struct Node {
    pub engine: Executor,
    pub disk: SimDisk,
    /// The connections of replicas, and of those who will be.
    pub(super) peers: BTreeMap<ClientId, Peer>,
    pub wishes: Vec<Wish>,
    pub(super) follower: Follower<Hands>,
    /// What the link collects.
    pub(super) collected: CollectedFiles,
    /// Links begun.
    pub(super) links: u64,
    pub watch: Watch,
    pub(super) saves: Saves<Hands>,
    pub(super) append: SimLog,
    pub(super) promises: Promises,
    host: Rc<SimHost>,
    pub(super) replication: Peers<SimTransport>,
    /// The process has saved what it will save, and ends.
    pub ends: bool,
    client: ClientId,
    pub log: Vec<String>,
    /// The databases are empty because a payload is being loaded for them.
    pub(super) loading: bool,
    /// What they held was given up, or was never loaded.
    pub(super) lost: bool,
    /// Something happened since connections were looked at.
    pub touched: bool,
    pub now_ms: u64,
}

impl Node {
    /// A process that has not loaded its dump yet.
    pub fn begin(build: &Build, disk: SimDisk, now_ms: u64) -> Node {
        let hands = Hands::new(disk.clone(), build.walk_budget, build.seed, now_ms);
        let transport = SimTransport::new(hands.clone());
        let collected = CollectedFiles::new(hands.clone());
        let saves = Saves::new(hands.clone());
        let append = SimLog::new(SimAppenders::new(hands.clone()), saves.clone());
        hands.attach(Some(append.clone()));
        let host = Rc::new(SimHost {
            saves: saves.clone(),
            shutdown: Shutdown::default(),
            append: append.clone(),
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
        if let Some(room) = build.room {
            // What the allocator has would not be the same in each run.
            engine.used_memory = |engine| {
                let all = 0..engine.keyspace.count();
                all.map(|n| engine.keyspace.db(n).len()).sum()
            };
            engine.config.maxmemory = room as i64;
        }
        let client = engine.connect("10.0.0.1:1".into(), "10.0.0.2:2".into());
        let mut node = Node {
            engine: Executor::from(engine),
            disk,
            peers: BTreeMap::new(),
            wishes: Vec::new(),
            follower: new_follower(&saves),
            collected,
            links: 0,
            watch: Watch::default(),
            host,
            replication: Peers::new(saves.clone(), transport),
            saves,
            append,
            promises: Promises::default(),
            ends: false,
            client,
            log: Vec::new(),
            loading: false,
            lost: true,
            touched: true,
            now_ms,
        };
        node.set_now(now_ms);
        node
    }

    /// Loads what the disk holds, and serves; `follows` is its `replicaof`, and `left` what the last process has
    /// promised.
    ///
    /// A dump that is torn must be refused; the operator then removes it.
    pub fn start(&mut self, follows: Option<u16>, left: Option<&Left>) -> Result<(), String> {
        self.saves.clear_leftovers(&self.engine);
        self.disk.check_no_leftovers()?;
        self.engine.config.replicaof = follows.map(|port| Address {
            host: "sim".to_owned(),
            port,
        });
        let (loaded, without) = match boot::first(&self.disk, &self.engine) {
            First::Log(place) => match find(&self.disk, &place, |_, _| {})? {
                Some(found) => (Some(self.load_log(found)?), FoundLog::Missing),
                None => (None, FoundLog::Missing),
            },
            First::Dump => (None, FoundLog::Unwanted),
        };
        let (log, restored) = match loaded {
            Some((log, restored)) => (FoundLog::Loaded(Box::new(log)), restored),
            None => (without, self.load_dump()?),
        };
        if let Some(left) = left {
            self.check_promises(left)?;
        }
        self.lost = false;
        boot::begin(&mut self.engine, &self.append, restored, log)?;
        self.act();
        Ok(())
    }

    fn load_log(&mut self, found: Found) -> Result<(LoadedLog, Option<Restored>), String> {
        let (engine, progress) = (&mut self.engine, Arc::<LoadProgress>::default());
        self.saves
            .begin_loading(engine, Loading::Blocking, found.bytes(), progress);
        let kept = engine.repl.history().backlog_bytes_max();
        let reading = Reading::new(kept, log::archived(engine));
        let loaded = append_load::load_now(&self.saves, engine, &found, options, Some(reading));
        let loaded =
            loaded.map(|(reading, end)| (*reading.expect("it was given"), found.loaded(end)));
        boot::log_loaded(&self.saves, engine, loaded)
    }

    fn load_dump(&mut self) -> Result<Option<Restored>, String> {
        let Some((boot, dump)) = Boot::look(&self.saves, &mut self.engine)? else {
            return Ok(None);
        };
        let loaded = load::load(dump.file, &dump.options, &dump.progress);
        let loaded = loaded.map(|(loaded, ..)| loaded);
        match boot.loaded(&mut self.engine, loaded) {
            Ok(_) if self.disk.is_torn() => Err("a torn dump was loaded".to_owned()),
            Err(e) if !self.disk.is_torn() => Err(format!("a whole dump was refused: {e}")),
            Err(_) => {
                self.disk.remove(Path::new(DUMP)).expect("it is there");
                self.load_dump()
            }
            Ok(restored) => {
                self.check_loaded()?;
                Ok(restored)
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
        let reasons = [
            Reason::Failover,
            Reason::Shutdown,
            Reason::Snapshot,
            Reason::Log,
        ];
        reasons.iter().any(|why| self.engine.is_paused_by(*why))
    }

    /// A tenth of a second passed.
    pub fn tick(&mut self) {
        self.replication.tick(&mut self.engine);
        let (engine, saves) = (&mut self.engine, &mut self.saves);
        let turned = turn::turn(engine, saves, &self.append, &self.host.shutdown);
        self.follow(turned);
        self.act();
        let cycle = Cycle::of_turn(self.engine.config.active_expire_effort, 10);
        // No time passes meanwhile, so the cycle ends when nothing is left to expire.
        while !cycle.slice(&mut self.engine, || 0) {}
        while turn::tidy(&mut self.engine) {}
        self.link(Input::Tick);
        self.act();
    }

    /// True while there is work that time alone drives on.
    pub fn is_busy(&self) -> bool {
        self.saves.running()
            || self.follower.receives(Taker::is_busy)
            || self.replication.transport().spills()
            || self.has_collected()
            || self.reads_back()
    }

    /// How many saves that were given up came too late to take the place of the dump.
    pub fn refused_places(&self) -> u64 {
        self.saves.writers().refused_places()
    }

    /// Blocks of what replicas collected that went to disk.
    pub fn collected_on_disk(&self) -> u64 {
        self.collected.blocks
    }

    /// Stream blocks that went to disk.
    pub fn spilled(&self) -> usize {
        self.replication.transport().spilled.get()
    }

    /// Payloads that nobody took.
    pub fn untaken(&self) -> u64 {
        self.saves.writers().untaken()
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
        let (engine, append) = (&mut self.engine, &self.append);
        let shutdown = &self.host.shutdown;
        let course = match options {
            None => {
                let options = ShutdownOptions::default();
                shutdown.signal(engine, "SIGTERM", false, options, append)
            }
            Some(options) => shutdown.begin(engine, options, append).ok(),
        };
        self.follow(course);
        self.act();
    }

    fn follow(&mut self, course: Option<Course>) {
        if course == Some(Course::Ends) {
            self.append.finish(&mut self.engine);
            self.note_promises();
            self.ends = true;
        }
    }

    /// BGSAVE; refused while a snapshot runs.
    pub fn bgsave(&mut self) {
        self.run(&["BGSAVE"]);
    }

    /// Drives snapshots, files and loads on.
    pub fn work(&mut self) {
        let transport = self.replication.transport();
        transport.spill_on(&mut self.engine);
        self.saves.writers().place_late(false);
        if self.saves.running() {
            self.saves.go_on(&mut self.engine);
        }
        self.load_on();
        self.collect_on();
        self.append_on();
        self.act();
    }

    /// When the log has something to do.
    pub fn log_due_ms(&self) -> Option<u64> {
        self.append.appenders().due_ms()
    }

    /// Rewrites of the log that were begun.
    pub fn rewrites(&self) -> u64 {
        self.append.rewrites()
    }

    fn append_on(&mut self) {
        let outcomes = self.append.appenders().work_on();
        for then in outcomes {
            then(&mut self.engine);
        }
        if self.append.appenders().take_news() {
            self.append.take_news(&mut self.engine);
        }
    }

    /// Does what the state machines ask for.
    pub fn act(&mut self) {
        self.touched = true;
        loop {
            self.replication.act(&mut self.engine);
            self.after_actions();
            if !self.engine.is_unsettled() {
                break;
            }
            self.engine.settle();
        }
        self.append.hand_over(&mut self.engine);
        self.note_promises();
    }

    /// What the transport was asked for.
    fn after_actions(&mut self) {
        let transport = self.replication.transport();
        let (lines, links) = (transport.log.take(), transport.links.take());
        self.follower.send(&transport.upstream.take());
        for text in lines {
            let strange = ["Protocol error", "This server cannot run"];
            if strange.iter().any(|begin| text.starts_with(begin)) {
                self.fail(format!("the stream cannot be followed: {text}"));
            }
            self.log.push(format!("{} {text}", self.now_ms));
        }
        for change in links {
            self.lost &= self.engine.repl.is_replica();
            self.drop_link();
            self.wishes.push(Wish::Disconnect);
            if change == LinkChange::Start {
                self.wishes.push(Wish::Connect);
            }
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

/// Those who work beside it end with the process.
impl Drop for Node {
    fn drop(&mut self) {
        self.saves.writers().attach(None);
        self.append.appenders().end();
    }
}
