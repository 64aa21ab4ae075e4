//! One server of the simulation: an engine, and drivers as dull as the real ones.

use forebay::commands::{ClientFlags, ClientId, Engine};
use forebay::config::Config;
use forebay::keyspace::{Value, ValueRef};
use forebay::rdb::string::encode_string;
use forebay::rdb::version::RdbVersion;
use forebay::rdb::writer::{Attributes, Checksum, FileInfo, ReplicationInfo, Writer};
use forebay::replication::log::{Chunk, Place};
use forebay::replication::replica::Inbox;
use forebay::replication::{Action, LinkAction, LinkInput, ReplMeta, Settings, SnapshotTarget};
use forebay::resp::{Parser, RequestLimits};
use forebay::server::Shell;
use forebay::server::load::{self, LoadProgress, Loaded};
use forebay::server::persist::{Persistence, load_options};
use forebay::snapshot::{SnapshotOptions, Step};
use std::collections::BTreeMap;

/// What waits for a replica's connection.
#[derive(Default)]
pub struct Outbox {
    lines: Vec<u8>,
    payload: Option<(Vec<u8>, usize)>,
    pub close: bool,
}

/// How a replica takes a payload.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    File,
    Memory,
    Swap,
}

/// What the network is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Connect,
    Disconnect,
}

pub struct Node {
    pub engine: Engine,
    pub outboxes: BTreeMap<ClientId, Outbox>,
    /// Requests of replicas' connections that are half there.
    inputs: BTreeMap<ClientId, (Vec<u8>, Parser)>,
    pub wishes: Vec<Wish>,
    /// Bytes for the primary.
    pub upstream_out: Vec<u8>,
    payload: Vec<u8>,
    /// A complete payload, and when its load is done.
    loading: Option<(Result<Loaded, String>, u64)>,
    session: Option<ClientId>,
    inbox: Inbox,
    pub mode: Mode,
    snapshot_done_at: Option<u64>,
    persistence: Persistence,
    pub client: ClientId,
    pub log: Vec<String>,
    seed: u64,
    /// Stream blocks that went to disk.
    pub spilled: usize,
}

impl Node {
    pub fn new(seed: u64, config: Config, mode: Mode) -> Node {
        let persistence = Persistence::default();
        let shell = Shell::new(std::rc::Weak::new(), persistence.clone());
        let mut engine = Engine::new(config, seed, Box::new(shell));
        // So that it happens at all with the few bytes of a simulation.
        let settings = Settings {
            spill_above: 1 << 12,
            ..engine.repl.settings().clone()
        };
        engine.repl.configure(settings);
        let client = engine.connect("10.0.0.1:1".into(), "10.0.0.2:2".into());
        Node {
            engine,
            outboxes: BTreeMap::new(),
            inputs: BTreeMap::new(),
            wishes: Vec::new(),
            upstream_out: Vec::new(),
            payload: Vec::new(),
            loading: None,
            session: None,
            inbox: Inbox::default(),
            mode,
            snapshot_done_at: None,
            persistence,
            client,
            log: Vec::new(),
            seed,
            spilled: 0,
        }
    }

    pub fn set_now(&mut self, now_ms: u64) {
        self.engine.clock.unix_ms = 1_700_000_000_000 + now_ms as i64;
        self.engine.clock.unix_us = self.engine.clock.unix_ms * 1000;
        self.engine.clock.mono_us = now_ms * 1000;
        self.engine.sync_repl_clock();
    }

    /// Runs a client's command; the reply is not looked at.
    pub fn run(&mut self, words: &[&str]) {
        let argv: Vec<&[u8]> = words.iter().map(|w| w.as_bytes()).collect();
        self.engine.execute(self.client, &argv);
        if let Some(session) = self.engine.clients.get_mut(&self.client) {
            session.reply.buf_mut().clear();
        }
        self.act();
    }

    pub fn tick(&mut self, now_ms: u64) {
        self.engine.repl.on_tick();
        self.link(LinkInput::Tick);
        if self.snapshot_done_at.is_some_and(|at| at <= now_ms) {
            self.snapshot_done_at = None;
            let repl = &mut self.engine.repl;
            repl.with_primary(|primary, env| primary.on_snapshot_finished(Ok(()), env));
        }
        if self.loading.as_ref().is_some_and(|(_, at)| *at <= now_ms) {
            let (result, _) = self.loading.take().expect("just seen");
            let result = result.map(|loaded| {
                let meta = ReplMeta::from_aux(|name| loaded.aux(name));
                self.engine
                    .repl
                    .set_stream_db(meta.map_or(0, |m| m.stream_db));
                self.persistence.install(&mut self.engine, loaded);
            });
            self.link(LinkInput::Loaded(result));
        }
        self.act();
    }

    /// Does what the state machines ask for.
    pub fn act(&mut self) {
        self.engine.repl.before_idle();
        loop {
            let actions = self.engine.repl.take_actions();
            if actions.is_empty() {
                return;
            }
            for action in actions {
                self.perform(action);
            }
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Log(_, text) => self.log.push(text),
            Action::Send(id, bytes) => self.outbox(id).lines.extend(bytes),
            Action::StartSnapshot(order) => {
                let mut image = image(&mut self.engine);
                let head = match order.target {
                    SnapshotTarget::Sockets { mark } => {
                        image.extend(mark);
                        [b"$EOF:", mark.as_slice(), b"\r\n"].concat()
                    }
                    SnapshotTarget::Disk => format!("${}\r\n", image.len()).into_bytes(),
                };
                let repl = &mut self.engine.repl;
                repl.with_primary(|p, env| p.on_snapshot_started(&order.members, env));
                for id in &order.members {
                    self.outbox(*id).payload = Some(([head.clone(), image.clone()].concat(), 0));
                }
                self.snapshot_done_at = Some(self.engine.repl.now_ms() + 50);
            }
            // The payload was given when the snapshot began; a file's is the same.
            Action::SendFile(_) | Action::CancelSnapshot => {}
            Action::Close(id) | Action::CloseAfterSent(id) | Action::CloseOverLimit(id) => {
                self.outbox(id).close = true;
            }
            Action::SendUpstream(bytes) => self.upstream_out.extend(bytes),
            Action::StartLink => {
                self.drop_link();
                self.wishes.push(Wish::Disconnect);
                self.wishes.push(Wish::Connect);
            }
            Action::StopLink => {
                self.drop_link();
                self.wishes.push(Wish::Disconnect);
            }
            Action::Spill(block) => {
                // One disk in eight is full.
                let place = match self.seed % 8 {
                    0 => Err("No space left on device".to_owned()),
                    _ => Ok(Place {
                        file: block.bytes,
                        at: 0,
                    }),
                };
                self.spilled += place.is_ok() as usize;
                self.engine.repl.on_spilled(block.start, place);
            }
            Action::RoleChanged | Action::HoldWrites(_) => {}
        }
    }

    fn outbox(&mut self, id: ClientId) -> &mut Outbox {
        self.outboxes.entry(id).or_default()
    }

    fn drop_link(&mut self) {
        self.loading = None;
        self.payload.clear();
        self.upstream_out.clear();
        self.end_session();
    }

    fn end_session(&mut self) {
        self.inbox = Inbox::default();
        if let Some(id) = self.session.take() {
            self.engine.disconnect(id);
        }
    }

    /// Accepts a replica's connection.
    pub fn accept(&mut self) -> ClientId {
        let id = self
            .engine
            .connect("10.0.0.9:9".into(), "10.0.0.2:2".into());
        self.inputs.insert(id, Default::default());
        id
    }

    pub fn lost_replica(&mut self, id: ClientId) {
        self.inputs.remove(&id);
        self.outboxes.remove(&id);
        self.engine.disconnect(id);
        self.engine.repl.on_disconnect(id);
        self.act();
    }

    /// Bytes of a replica's connection. False if it must be closed.
    pub fn receive(&mut self, id: ClientId, bytes: &[u8]) -> bool {
        let Some((mut buf, mut parser)) = self.inputs.remove(&id) else {
            return false;
        };
        buf.extend_from_slice(bytes);
        let limits = RequestLimits {
            bulk: 1 << 20,
            unauthenticated: false,
        };
        parser
            .parse(&buf, limits, usize::MAX)
            .expect("replicas speak the protocol");
        let n = parser.len();
        for i in 0..n {
            let argv: Vec<&[u8]> = parser.request(i, &buf).collect();
            self.engine.execute(id, &argv);
            // The real connection writes the reply before it runs the next request's answer.
            let Some(session) = self.engine.clients.get_mut(&id) else {
                return false;
            };
            let reply = std::mem::take(session.reply.buf_mut());
            let replica = session.flags.contains(ClientFlags::REPLICA);
            assert!(!replica || reply.is_empty(), "a replica was answered");
            self.outbox(id).lines.extend(reply);
        }
        let done = parser.consume(n);
        buf.drain(..done);
        self.inputs.insert(id, (buf, parser));
        self.act();
        true
    }

    /// Up to `max` bytes for a replica's connection.
    pub fn send(&mut self, id: ClientId, max: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while out.len() < max {
            let room = max - out.len();
            let outbox = self.outboxes.entry(id).or_default();
            if !outbox.lines.is_empty() {
                let n = room.min(outbox.lines.len());
                out.extend(outbox.lines.drain(..n));
                continue;
            }
            let disk_waits = self.engine.repl.primary().replica(id).is_some_and(|r| {
                use forebay::replication::primary::State;
                matches!(r.state, State::WaitEnd { sockets: false, .. })
            });
            if let Some((bytes, at)) = outbox.payload.as_mut().filter(|_| !disk_waits) {
                let n = room.min(bytes.len() - *at);
                out.extend(&bytes[*at..*at + n]);
                *at += n;
                if *at == bytes.len() {
                    outbox.payload = None;
                    let repl = &mut self.engine.repl;
                    repl.with_primary(|p, env| p.on_payload_sent(id, env));
                }
                continue;
            }
            let before = out.len();
            match self.engine.repl.stream_for(id) {
                _ if disk_waits => break,
                Chunk::Memory(bytes) => out.extend(&bytes[..room.min(bytes.len())]),
                Chunk::Disk(place, len) => {
                    let file = place.file.downcast::<Vec<u8>>().expect("as given");
                    out.extend(&file[place.at as usize..][..room.min(len)]);
                }
            }
            let n = out.len() - before;
            if n == 0 {
                break;
            }
            self.engine.repl.on_stream_sent(id, n);
        }
        self.act();
        out
    }

    pub fn wants_input(&self) -> bool {
        let up = self.engine.repl.upstream();
        up.is_some_and(|up| up.link.wants_input())
    }

    /// One event of the link to the primary.
    pub fn link(&mut self, input: LinkInput<'_>) {
        let actions = self.engine.repl.on_link(input);
        for action in actions {
            match action {
                LinkAction::Connect => self.wishes.push(Wish::Connect),
                LinkAction::Disconnect => {
                    self.upstream_out.clear();
                    self.wishes.push(Wish::Disconnect);
                }
                LinkAction::Send(bytes) => self.upstream_out.extend_from_slice(&bytes),
                LinkAction::Continue(_) | LinkAction::Established(_) => self.begin_session(),
                LinkAction::FullResync(_) | LinkAction::Lost(_) => self.end_session(),
                LinkAction::PayloadBegins(_) => {
                    self.payload.clear();
                    if self.mode == Mode::Memory {
                        self.empty();
                    }
                }
                LinkAction::Payload(bytes) => self.payload.extend_from_slice(&bytes),
                LinkAction::PayloadEnds => {
                    if self.mode == Mode::File {
                        self.empty();
                    }
                    let options = load_options(&self.engine);
                    let source = std::io::Cursor::new(std::mem::take(&mut self.payload));
                    let loaded = load::load(source, &options, &LoadProgress::default());
                    let loaded = loaded.map(|l| l.0).map_err(|e| e.to_string());
                    let takes = self.engine.rng.below(300);
                    self.loading = Some((loaded, self.engine.repl.now_ms() + takes));
                }
                LinkAction::PayloadAborted => self.payload.clear(),
                LinkAction::Stream(bytes) => {
                    let id = self.session.expect("a stream needs a session");
                    let mut session = self.engine.clients.remove(&id).expect("connected");
                    let result = self.inbox.apply(&bytes, &mut self.engine, &mut session);
                    result.expect("primaries speak the protocol");
                    self.engine.repl.set_stream_db(session.db);
                    self.engine.clients.insert(id, session);
                }
                LinkAction::Log(_, text) => self.log.push(text),
                LinkAction::PromotionRefused => {}
            }
        }
        self.act();
    }

    fn empty(&mut self) {
        self.engine.repl.before_flush();
        for db in 0..self.engine.keyspace.count() {
            drop(self.engine.keyspace.db_mut(db).clear());
        }
    }

    fn begin_session(&mut self) {
        self.inbox = Inbox::default();
        let id = self
            .engine
            .connect("10.0.0.2:2".into(), "10.0.0.9:9".into());
        let db = self.engine.repl.upstream().map_or(0, |up| up.db);
        let session = self.engine.clients.get_mut(&id).expect("just connected");
        session.flags.insert(ClientFlags::MASTER);
        session.authenticated = true;
        session.db = db;
        self.session = Some(id);
    }

    /// Every key with its value, as text.
    pub fn dataset(&self) -> BTreeMap<(usize, String), String> {
        let mut all = BTreeMap::new();
        for n in 0..self.engine.keyspace.count() {
            let db = self.engine.keyspace.db(n);
            let mut cursor = 0;
            loop {
                cursor = db.scan(cursor, 1000, |loc| {
                    let key = String::from_utf8_lossy(db.key(loc)).into_owned();
                    let mut bytes = Vec::new();
                    let value = db.clone_value(loc);
                    record(&value, &mut bytes);
                    let text = format!("{} {:?}", bytes.escape_ascii(), db.expire(loc));
                    all.insert((n, key), text);
                });
                if cursor == 0 {
                    break;
                }
            }
        }
        all
    }
}

/// The dataset as a dump, taken at once.
fn image(engine: &mut Engine) -> Vec<u8> {
    let cut = engine
        .keyspace
        .begin_snapshot(SnapshotOptions { heats: false });
    cut.expect("no other snapshot runs");
    let Ok(mut writer) = Writer::new(Vec::new(), RdbVersion::REDIS_11, Checksum::Computed);
    let meta = engine.repl.meta().expect("there is a replica");
    let id = meta.at.id.to_string();
    let Ok(()) = writer.file_info(&FileInfo {
        server_version: "7.4.0",
        created_s: 0,
        used_memory: 0,
        replication: Some(ReplicationInfo {
            stream_db: meta.stream_db as u32,
            id: id.as_bytes(),
            offset: meta.at.offset.0 as u64,
        }),
        aof_base: false,
    });
    let mut selected = None;
    loop {
        match engine.keyspace.walk_step(1 << 20).expect("counts agree") {
            Step::Done => break,
            Step::Pending => {}
            Step::Block(block) => {
                if selected != Some(block.db) {
                    selected = Some(block.db);
                    let Ok(()) = writer.select_db(block.db);
                }
                let Ok(()) = writer.raw(&block.bytes);
                for large in &block.values {
                    let mut bytes = Vec::new();
                    let rdb_type = record(&large.value, &mut bytes);
                    let attributes = Attributes {
                        expire_ms: large.expire,
                        ..Attributes::default()
                    };
                    let Ok(()) = writer.key(&attributes, rdb_type, &large.key, &bytes);
                }
            }
        }
    }
    let Ok((bytes, _)) = writer.finish();
    bytes
}

/// A value's bytes as a dump holds them; the simulation writes strings only where values are large.
fn record(value: &Value, out: &mut Vec<u8>) -> u8 {
    match value.as_ref() {
        ValueRef::Str(text) => {
            encode_string(&text.bytes(), None, out);
            0
        }
        _ => value.to_record(out).expect("small collections"),
    }
}
