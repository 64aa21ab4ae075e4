//! Servers, connections, time.

use super::disk::{DUMP, SimDisk};
use super::logs;
use super::net::Conn;
use super::node::{Build, Node};
use super::promises::Left;
use super::weather::{Climate, Event, pause};
use super::writer;
use forebay::base::Rng;
use forebay::config::Config;
use forebay::config::choices::{DisklessLoad, MaxmemoryPolicy};
use forebay::config::special::SavePoint;
use forebay::engine::stats::Stats;

/// Time passes for the state machines this often (ms), as in the server.
const TICK_MS: u64 = 100;
/// Work in slices goes on this often.
const SLICE_MS: u64 = 10;
/// Virtual time in which everybody must agree once nothing more goes wrong. The longest delay between two attempts is
/// 40 s, and chains have several.
const PATIENCE_MS: u64 = 200_000;
/// Servers have room for so many keys where there is little.
const ROOM: usize = 30;
/// The first server listens here.
const PORT: u16 = 7000;

/// One machine.
pub struct Server {
    build: Build,
    pub node: Option<Node>,
    /// A process that loads its dump, and until when.
    starting: Option<(Node, u64)>,
    /// While it is down.
    disk: Option<SimDisk>,
    /// Its `replicaof`, for the next start.
    follows: Option<u16>,
    up_at_ms: u64,
    /// Attempts to connect to it fail until then, by an answer or without one.
    pub unreachable: (u64, bool),
    /// The disk is good again.
    pub disk_heals_ms: u64,
    /// What its last process has promised.
    left: Option<Left>,
    /// Its process ends in the midst of something, at this time at the latest; with a power cut?
    pub ends_by: Option<(u64, bool)>,
}

impl Server {
    /// Whom it follows, by port, or will follow when it is back.
    pub fn follows(&self) -> Option<u16> {
        self.node.as_ref().map_or(self.follows, Node::follows)
    }
}

/// What happened.
#[derive(Default, Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    pub full: u64,
    pub partial: u64,
    /// Blocks of the stream that went to disk.
    pub spilled: u64,
    /// Payloads that memory had no room for.
    pub payload_files: u64,
    /// Payloads that were refused, for damage or a full disk.
    pub refused: u64,
    /// Payloads that nobody took.
    pub untaken: u64,
    /// Times that a server came back.
    pub restarts: u64,
    /// FAILOVERs that were carried out.
    pub failovers: u64,
    /// Processes that have ended by themselves.
    pub left: u64,
    /// Processes that were ended: all of them, in the midst of a start, of a save, without a complete dataset.
    pub ended: u64,
    pub ended_starting: u64,
    pub ended_saving: u64,
    pub ended_incomplete: u64,
    /// Files of saves that were given up, complete when it was too late for them.
    pub late_saves: u64,
    /// Second connections that were made, and those that ended before their payload was whole.
    pub second: u64,
    pub second_ended: u64,
    /// Blocks that were collected beside a payload and went to disk.
    pub collected: u64,
    /// Keys that were evicted.
    pub evicted: u64,
    /// Rewrites of logs that were begun.
    pub rewrites: u64,
    /// Starts after which what was loaded was compared with what had been promised.
    pub compared: u64,
    /// Processes that have ended between two operations on their disk.
    pub between: u64,
    /// Operations of disks that have failed.
    pub faults: u64,
}

impl Tally {
    /// Takes another's figures in.
    pub fn add(&mut self, other: Tally) {
        self.full += other.full;
        self.partial += other.partial;
        self.spilled += other.spilled;
        self.payload_files += other.payload_files;
        self.refused += other.refused;
        self.untaken += other.untaken;
        self.restarts += other.restarts;
        self.failovers += other.failovers;
        self.left += other.left;
        self.ended += other.ended;
        self.ended_starting += other.ended_starting;
        self.ended_saving += other.ended_saving;
        self.ended_incomplete += other.ended_incomplete;
        self.late_saves += other.late_saves;
        self.second += other.second;
        self.second_ended += other.second_ended;
        self.collected += other.collected;
        self.evicted += other.evicted;
        self.rewrites += other.rewrites;
        self.compared += other.compared;
        self.between += other.between;
        self.faults += other.faults;
    }
}

pub struct World {
    pub servers: Vec<Server>,
    pub conns: Vec<Conn>,
    pub now_ms: u64,
    pub rng: Rng,
    pub top: usize,
    pub climate: Climate,
    /// Values are large: more is written than memory keeps for slow replicas.
    large: bool,
    /// How many keys servers have room for.
    room: Option<usize>,
    next_write_ms: u64,
    next_event_ms: u64,
    /// Nothing goes wrong and nobody writes any more.
    calm: bool,
    /// The next payload on its way is damaged.
    pub damage_due: bool,
    pub tokens: u64,
    pub tally: Tally,
}

impl World {
    pub fn new(seed: u64, climate: Climate) -> World {
        let mut rng = Rng::new(seed ^ ((climate as u64) << 56));
        let count = 2 + rng.below(4) as usize;
        let mut world = World {
            servers: Vec::new(),
            conns: Vec::new(),
            now_ms: 0,
            top: 0,
            climate,
            large: rng.below(4) == 0,
            // Where there are logs it is compared what each single commit has done.
            room: (seed % 6 == 5 && climate != Climate::Logs).then_some(ROOM),
            next_write_ms: 0,
            next_event_ms: 500,
            calm: false,
            damage_due: false,
            tokens: 0,
            tally: Tally::default(),
            rng,
        };
        for i in 0..count {
            let build = world.build(i);
            // Of the root, or of another replica: a chain.
            let follows = (i > 0).then(|| PORT + world.rng.below(i as u64) as u16);
            let disk = SimDisk::new(seed << 8 | i as u64);
            let mut node = Node::begin(&build, disk, 0);
            node.start(follows, None).expect("an empty disk");
            world.servers.push(Server {
                build,
                node: Some(node),
                starting: None,
                disk: None,
                follows,
                up_at_ms: 0,
                unreachable: (0, false),
                disk_heals_ms: 0,
                left: None,
                ends_by: None,
            });
        }
        world
    }

    fn build(&mut self, i: usize) -> Build {
        let rng = &mut self.rng;
        let loads = [
            DisklessLoad::Disabled,
            DisklessLoad::OnEmptyDb,
            DisklessLoad::Swapdb,
        ];
        let config = Config {
            repl_diskless_sync: rng.below(2) == 0,
            repl_diskless_sync_delay: rng.below(2) as i64,
            repl_diskless_load: match rng.below(8) {
                0 => DisklessLoad::FlushBeforeLoad,
                n => loads[n as usize % 3],
            },
            repl_backlog_size: 1 << (14 + rng.below(6)),
            repl_backlog_disk_size: [0, 1 << 16, 1 << 30][rng.below(3) as usize],
            repl_max_concurrent_full_syncs: [0, 0, 1, 2][rng.below(4) as usize],
            repl_timeout: 2 + rng.below(3) as i64,
            repl_ping_replica_period: 1,
            shutdown_timeout: rng.below(3) as i64,
            dbfilename: DUMP.to_owned(),
            save: match rng.below(4) {
                0 => vec![SavePoint {
                    seconds: 1,
                    changes: 10,
                }],
                _ => Config::default().save,
            },
            port: (PORT + i as u16) as i64,
            maxmemory_policy: match i % 2 {
                0 => MaxmemoryPolicy::AllkeysLru,
                _ => MaxmemoryPolicy::AllkeysRandom,
            },
            ..Config::default()
        };
        let config = match self.climate {
            Climate::Channels => Config {
                repl_diskless_sync: rng.below(8) > 0,
                repl_rdb_channel: rng.below(4) > 0,
                dual_channel_replication_enabled: rng.below(4) > 0,
                replica_full_sync_buffer_limit: [0, 0, 3_000, 60_000][rng.below(4) as usize],
                ..config
            },
            Climate::Logs => logs::configure(rng, config),
            _ => config,
        };
        Build {
            seed: rng.next_u64(),
            config,
            walk_budget: [200, 2_000, 1 << 20][rng.below(3) as usize],
            room: self.room,
        }
    }

    /// Runs rounds of writes and trouble, each until everybody agrees again.
    pub fn run(&mut self) -> Result<Tally, String> {
        for _ in 0..1 + self.rng.below(2) {
            self.calm = false;
            let until = self.now_ms + 1_500 + self.rng.below(4_500);
            self.next_event_ms = self.now_ms + self.rng.below(2_000);
            while self.now_ms < until {
                self.step()?;
            }
            self.settle()?;
        }
        if self.climate == Climate::Logs {
            // Everybody at once, and nobody may have forgotten what was durable.
            for i in 0..self.servers.len() {
                self.down(i, true, true);
            }
            self.settle()?;
        }
        for server in &mut self.servers {
            if let Some(node) = &server.node {
                count(&mut self.tally, node);
            }
        }
        Ok(self.tally)
    }

    fn settle(&mut self) -> Result<(), String> {
        self.calm = true;
        let deadline = self.now_ms + PATIENCE_MS;
        for server in &mut self.servers {
            server.unreachable.0 = 0;
            server.up_at_ms = server.up_at_ms.min(self.now_ms);
            server.disk_heals_ms = self.now_ms;
            server.ends_by = None;
            if let Some(node) = &server.node {
                node.disk.put_out_fuse();
            }
        }
        let mut repair_ms = self.now_ms;
        while self.now_ms < deadline {
            if self.agreed() {
                return self.compare();
            }
            // Sentinels look again and again.
            if self.now_ms >= repair_ms {
                repair_ms = self.now_ms + 2_000;
                self.repair();
            }
            self.step()?;
        }
        let states: Vec<String> = self.servers.iter().map(describe).collect();
        let states = states.join("\n");
        Err(format!("no agreement after {PATIENCE_MS} ms:\n{states}"))
    }

    /// One moment: the next at which anything can happen.
    fn step(&mut self) -> Result<(), String> {
        let before = self.now_ms;
        self.now_ms = self.next_moment();
        let ticks = self.now_ms / TICK_MS != before / TICK_MS;
        for i in 0..self.servers.len() {
            self.wake(i)?;
            let now_ms = self.now_ms;
            let Some(node) = &mut self.servers[i].node else {
                continue;
            };
            node.set_now(now_ms);
            if node.is_busy() || node.log_due_ms().is_some_and(|at| at <= now_ms) {
                node.work();
            }
            if ticks {
                node.tick();
            }
            self.fulfil(i);
            self.leave(i)?;
            self.fall(i);
        }
        if !self.calm {
            self.trouble()?;
            self.clients();
        }
        if self.damage_due && !self.calm {
            self.damage();
        }
        self.carry();
        if ticks {
            self.find_top();
            if self.rng.below(4) == 0 {
                self.check_always()?;
            }
            if self.rng.below(150) == 0 {
                self.check_equals()?;
            }
        }
        Ok(())
    }

    fn next_moment(&self) -> u64 {
        let mut at = (self.now_ms / TICK_MS + 1) * TICK_MS;
        if !self.calm {
            at = at.min(self.next_write_ms).min(self.next_event_ms);
        }
        let nodes = self.servers.iter().filter_map(|s| s.node.as_ref());
        for due in nodes.filter_map(Node::log_due_ms) {
            at = at.min(due);
        }
        for conn in &self.conns {
            let wants = match conn.second {
                true => Node::wants_payload,
                false => Node::wants_input,
            };
            let reads = self.servers[conn.replica].node.as_ref().is_some_and(wants);
            at = at.min(conn.due(reads).unwrap_or(u64::MAX));
        }
        if self
            .servers
            .iter()
            .any(|s| s.node.as_ref().is_some_and(Node::is_busy))
        {
            at = at.min(self.now_ms + SLICE_MS);
        }
        at.max(self.now_ms + 1)
    }

    /// A server that was down comes back; a disk is good again.
    fn wake(&mut self, i: usize) -> Result<(), String> {
        let now_ms = self.now_ms;
        let server = &mut self.servers[i];
        let disk = match &server.node {
            Some(node) => Some(&node.disk),
            None => server.disk.as_ref(),
        };
        if server.disk_heals_ms <= now_ms
            && let Some(disk) = disk
        {
            disk.set_full(false);
            disk.set_delay_ms(0);
            disk.set_faulty(None);
        }
        if server.node.is_none() && server.starting.is_none() && server.up_at_ms <= now_ms {
            server.build.seed = self.rng.next_u64();
            let disk = server.disk.take().unwrap_or_default();
            let node = Node::begin(&server.build, disk, now_ms);
            if self.climate == Climate::Logs && !self.calm && self.rng.below(4) == 0 {
                node.disk.light_fuse(self.rng.below(30));
                server.ends_by = Some((u64::MAX, self.rng.below(2) == 0));
            }
            server.starting = Some((node, now_ms + self.rng.below(300)));
        }
        if let Some((mut node, _)) = server.starting.take_if(|(_, until)| *until <= now_ms) {
            node.set_now(now_ms);
            let faults = node.disk.faults();
            let started = node.start(server.follows, server.left.as_ref());
            let failed = started.is_err() && (node.disk.is_full() || node.disk.faults() > faults);
            if node.disk.has_ended() || failed {
                // What the last process has promised is still promised.
                server.disk = Some(left_on(&mut node, server.ends_by));
                server.ends_by = None;
                server.up_at_ms = now_ms + self.rng.below(3_000);
                self.tally.between += u64::from(!failed);
                return Ok(());
            }
            started.map_err(|why| format!("server {i}: {why}"))?;
            node.disk.put_out_fuse();
            server.ends_by = None;
            server.node = Some(node);
            self.tally.restarts += 1;
            self.tally.compared += u64::from(server.left.is_some());
            self.fulfil(i);
        }
        Ok(())
    }

    /// A server whose process has decided to end is down for a while.
    pub fn leave(&mut self, i: usize) -> Result<(), String> {
        let Some(node) = self.servers[i].node.as_ref().filter(|node| node.ends) else {
            return Ok(());
        };
        node.check_left()
            .map_err(|why| format!("server {i}: {why}"))?;
        self.tally.left += 1;
        self.down(i, false, false);
        Ok(())
    }

    /// A process that was to end between two operations on its disk has done so.
    pub fn fall(&mut self, i: usize) {
        let server = &self.servers[i];
        let ended = server.node.as_ref().is_some_and(|n| n.disk.has_ended());
        if let Some((by_ms, power)) = server.ends_by
            && server.node.is_some()
            && (ended || by_ms <= self.now_ms)
        {
            self.tally.between += u64::from(ended);
            self.down(i, power, power);
        }
    }

    /// Takes a server down for a while. `silent`: its connections are not closed; `power`: what is not durable is lost.
    pub fn down(&mut self, i: usize, silent: bool, power: bool) {
        let server = &mut self.servers[i];
        let starting = server.starting.take();
        self.tally.ended_starting += starting.is_some() as u64;
        let node = match starting {
            Some((node, _)) => Some(node),
            None => server.node.take().inspect(|node| {
                server.follows = node.follows();
                server.left = node.promised();
                let config = &node.engine.config;
                server.build.config.appendonly = config.appendonly;
                server.build.config.appendfsync = config.appendfsync;
                count(&mut self.tally, node);
            }),
        };
        let Some(mut node) = node else {
            return;
        };
        self.tally.ended += 1;
        self.tally.ended_incomplete += (node.loading || node.lost) as u64;
        self.tally.ended_saving += node.is_saving() as u64;
        server.disk = Some(left_on(&mut node, Some((0, power))));
        server.ends_by = None;
        server.up_at_ms = self.now_ms + self.rng.below(3_000);
        for conn in &mut self.conns {
            if conn.replica == i || conn.primary == i {
                conn.cut(&mut self.rng, self.now_ms);
                conn.dead |= silent;
            }
            if conn.replica == i {
                conn.held = false;
            }
            if conn.primary == i {
                conn.client = None;
            }
        }
    }

    fn clients(&mut self) {
        if self.now_ms < self.next_write_ms {
            return;
        }
        self.next_write_ms = self.now_ms + 5 + self.rng.below(60);
        let Some(node) = &mut self.servers[self.top].node else {
            return;
        };
        // Sometimes many at once.
        let burst = if self.rng.below(30) == 0 { 20 } else { 1 };
        for _ in 0..burst {
            if node.holds_writes() {
                return;
            }
            self.tokens += 1;
            writer::write(node, &mut self.rng, self.tokens, self.large);
        }
    }

    fn trouble(&mut self) -> Result<(), String> {
        if self.now_ms < self.next_event_ms {
            return Ok(());
        }
        self.next_event_ms = self.now_ms + pause(&mut self.rng);
        let events = Event::of(self.climate);
        let event = events[self.rng.below(events.len() as u64) as usize];
        self.happen(event)
    }

    /// The FAILOVER's target took the part: clients go there.
    fn find_top(&mut self) {
        let follows = self.servers[self.top].node.as_ref().and_then(Node::follows);
        let Some(next) = follows.map(index) else {
            return;
        };
        let taken = self.servers[next]
            .node
            .as_ref()
            .is_some_and(|n| n.follows().is_none());
        if taken {
            self.top = next;
            self.tally.failovers += 1;
        }
    }
}

/// The server that listens on this port.
pub fn index(port: u16) -> usize {
    usize::from(port - PORT)
}

/// Where this server listens.
pub fn port(i: usize) -> u16 {
    PORT + i as u16
}

/// The disk that a process leaves.
fn left_on(node: &mut Node, how: Option<(u64, bool)>) -> SimDisk {
    let disk = node.disk.survive();
    if how.is_some_and(|(_, power)| power) {
        disk.lose_power();
    }
    disk
}

fn count(tally: &mut Tally, node: &Node) {
    let stats: &Stats = &node.engine.stats;
    tally.full += stats.sync_full;
    tally.partial += stats.sync_partial_ok;
    tally.spilled += node.spilled() as u64;
    tally.payload_files += node.disk.take_payload_files();
    tally.refused += node.watch.refused;
    tally.untaken += node.untaken();
    tally.late_saves += node.refused_places();
    tally.collected += node.collected_on_disk();
    tally.evicted += stats.evicted_keys;
    tally.rewrites += node.rewrites();
    tally.faults += node.disk.faults();
}

fn describe(server: &Server) -> String {
    let Some(node) = &server.node else {
        return "down".to_owned();
    };
    let mut text = String::new();
    node.engine.repl.info(&mut text);
    let state = node.engine.repl.upstream().map(|up| up.link.role_word());
    let skip = node.log.len().saturating_sub(8);
    let last = node.log[skip..].join(" | ");
    format!("{state:?} {}\n  {last}", text.replace("\r\n", " "))
}
