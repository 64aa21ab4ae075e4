//! An engine with its clients, and a replica that follows what the engine sends.

use super::draw::{self, Context, Request};
use super::host::FuzzHost;
use super::image::{self, Image};
use super::input::Input;
use super::replies;
use forebay::engine::blocking::Blocked;
use forebay::engine::commit::{Commit, EffectLog, Replies};
use forebay::base::request::encode_request;
use forebay::engine::{Action, ClientFlags, ClientId, Engine, Executor, Session};
use forebay::config::Config;
use forebay::engine::inbox::Inbox;
use forebay::base::secret::Secrets;
use forebay::resp::output::Piece;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

const CLIENTS: usize = 4;
/// A dataset that has grown beyond this is emptied.
const BYTES_MAX: usize = 24 << 20;
/// Outputs that wait for their sockets.
const UNSENT: usize = 6;
/// Requests of one input.
const STEPS_MAX: usize = 2000;

/// Each reading is a microsecond after the one before.
static TIMER: AtomicU64 = AtomicU64::new(0);

fn engine(seed: u64) -> Engine {
    let mut config = Config::default();
    // The least that it can be: strings stay small.
    config.proto_max_bulk_len = 1 << 20;
    let mut engine = Engine::new(forebay::commands::FAMILIES, config, Secrets::predictable(seed), Rc::new(FuzzHost));
    engine.timer = || TIMER.fetch_add(1000, Ordering::Relaxed);
    engine
}

/// See the module.
pub struct World {
    engine: Executor,
    clients: Vec<ClientId>,
    context: Context,
    now_ms: i64,
    /// What the engine has sent and the replica has not run.
    stream: Rc<RefCell<Vec<u8>>>,
    replica: Replica,
    image: Option<Image>,
    /// What was written for clients, as it was then and as it is.
    unsent: VecDeque<(Vec<u8>, Vec<Piece>)>,
}

/// Encodes the effects as a primary's stream.
struct Stream {
    bytes: Rc<RefCell<Vec<u8>>>,
    selected: usize,
}

impl EffectLog for Stream {
    fn append(&mut self, commit: Commit<'_>) -> Replies {
        let effects = commit.effects;
        let out = &mut *self.bytes.borrow_mut();
        // The database is chosen outside of the transaction, where there is one.
        let mut open = false;
        for (db, parts) in effects.iter() {
            if db != self.selected {
                self.selected = db;
                encode_request(out, &[b"SELECT".to_vec(), db.to_string().into_bytes()]);
            }
            if effects.len() > 1 && !open {
                encode_request(out, &[b"MULTI"]);
                open = true;
            }
            parts.for_each(|part| out.extend_from_slice(part));
        }
        if open {
            encode_request(out, &[b"EXEC"]);
        }
        Replies::AtOnce
    }
}

struct Replica {
    engine: Executor,
    session: Session,
    inbox: Inbox,
}

fn bytes_of(pieces: &[Piece]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in pieces {
        let mut at = 0;
        while at < piece.len() {
            let part = piece.from(at);
            bytes.extend_from_slice(part);
            at += part.len();
        }
    }
    bytes
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// Nothing but clients.
    pub fn new() -> World {
        TIMER.store(0, Ordering::Relaxed);
        let mut engine = engine(1);
        let stream = Rc::new(RefCell::new(Vec::new()));
        engine.commits.add_log(Box::new(Stream {
            bytes: Rc::clone(&stream),
            selected: usize::MAX,
        }));
        let mut follower = self::engine(2);
        follower.repl.start_as_replica("primary", 1, None);
        let mut session = Session::new(ClientId(9), "1:1".into(), "1:1".into(), 0);
        session.flags.insert(ClientFlags::MASTER);
        session.authenticated = true;
        let replica = Replica { engine: follower.into(), session, inbox: Inbox::default() };
        let mut world = World {
            engine: engine.into(),
            clients: Vec::new(),
            context: Context::default(),
            now_ms: 0,
            stream,
            replica,
            image: None,
            unsent: VecDeque::new(),
        };
        world.pass(1_700_000_000_000);
        world.clients = (0..CLIENTS).map(|_| world.connect()).collect();
        world
    }

    fn connect(&mut self) -> ClientId {
        let id = self.engine.connect("127.0.0.1:1".into(), "127.0.0.1:6379".into());
        let client = self.engine.clients.get_mut(&id).expect("just connected");
        client.reply.output_mut().divide();
        id
    }

    fn pass(&mut self, ms: i64) {
        self.now_ms += ms;
        self.context.now_ms = self.now_ms;
        for engine in [&mut self.engine, &mut self.replica.engine] {
            engine.clock.unix_ms = self.now_ms;
            engine.clock.unix_us = self.now_ms * 1000;
            engine.clock.mono_us += ms as u64 * 1000;
            engine.sync_repl_clock();
        }
    }

    /// Lives through an input.
    pub fn run(mut self, bytes: &[u8]) {
        let mut input = Input(bytes);
        for _ in 0..STEPS_MAX {
            if input.is_empty() {
                break;
            }
            self.step(&mut input);
            self.settle();
        }
        self.end();
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let at = input.below(CLIENTS);
        match input.below(64) {
            0..=43 => {
                let request = draw::request(input, &self.context);
                self.execute(at, &request);
            }
            44..=47 => {
                // Again and again, with another last argument each time: collections grow, or are emptied.
                let mut request = draw::request(input, &self.context);
                for n in 0..1 + input.below(160) {
                    if n % 2 == 1 {
                        *request.last_mut().expect("a name") = format!("m{n}").into_bytes();
                    }
                    self.execute(at, &request);
                    self.after();
                }
            }
            48..=49 => {
                let request = draw::script(input, &self.context);
                self.execute(at, &request);
            }
            50 => {
                let request = draw::function(input, &self.context);
                self.execute(at, &request);
            }
            51 => {
                let request = draw::debug(input);
                self.execute(at, &request);
            }
            52 => {
                let request = draw::config(input);
                self.execute(at, &request);
            }
            53 => {
                let request: &[&[u8]] = &[b"HELLO", input.pick(&[b"2", b"3"])];
                self.execute(at, &request.iter().map(|arg| arg.to_vec()).collect());
            }
            54 => self.dump(input),
            55..=57 => self.pass(input.pick(&[1, 10, 100, 1000, 100_000])),
            58 => self.turn(),
            59 => self.leave(at),
            60 if self.image.is_none() => self.image = Image::begin(&mut self.engine),
            60..=61 => self.walk(1 << input.below(18)),
            62 => self.compare(),
            _ => {
                let name = input.pick(&[&b"MULTI"[..], b"EXEC", b"DISCARD", b"UNWATCH", b"RESET"]);
                self.execute(at, &vec![name.to_vec()]);
            }
        }
    }

    /// A request of a client that is not waiting for the answer to another one.
    fn execute(&mut self, at: usize, request: &Request) {
        let id = self.clients[at];
        let waits = |blocked: &Option<Box<Blocked>>| blocked.is_some();
        if self.engine.clients.get_mut(&id).is_none_or(|client| waits(&client.blocked)) {
            return;
        }
        let argv: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        self.engine.execute(id, &argv);
    }

    /// DUMP of some key, for RESTORE to use.
    fn dump(&mut self, input: &mut Input<'_>) {
        let key = draw::key(input, forebay::engine::spec::Group::Generic);
        let id = self.connect();
        self.engine.execute(id, &[&b"DUMP"[..], &key]);
        let client = self.engine.clients.get_mut(&id).expect("just connected");
        let mut pieces = Vec::new();
        client.reply.output_mut().take_pieces(&mut pieces);
        let reply = bytes_of(&pieces);
        if let Some(at) = reply.windows(2).position(|w| w == b"\r\n").filter(|at| reply.len() > at + 4) {
            self.context.payload = reply[at + 2..reply.len() - 2].to_vec();
        }
        self.engine.disconnect(id);
    }

    /// What the server does some times a second.
    fn turn(&mut self) {
        self.pass(100);
        self.engine.on_tick();
        if self.engine.may_expire() {
            self.engine.expire_slice(1000);
        }
        let now = self.engine.clock.mono_us / 1000;
        for _ in 0..20 {
            if !self.engine.keyspace.tidy(now) {
                break;
            }
        }
    }

    fn leave(&mut self, at: usize) {
        self.engine.disconnect(self.clients[at]);
        self.clients[at] = self.connect();
    }

    fn walk(&mut self, budget: usize) {
        if let Some(image) = self.image.take() {
            self.image = image.more(&mut self.engine, budget).ok();
            if self.image.is_none() {
                assert_eq!(self.engine.keyspace.preserved_bytes(), 0);
            }
        }
    }

    /// What comes after a request, and must hold then.
    fn after(&mut self) {
        let engine = &mut self.engine;
        engine.expire_blocked(self.now_ms);
        engine.settle();
        while engine.script_is_parked() && engine.continue_script(1 << 30) {}
        forebay::engine::tracking::at_the_end_of_a_batch(engine);
        let actions = std::mem::take(&mut engine.actions);
        let closed = |id: &ClientId| actions.contains(&Action::Close(*id));
        for at in 0..self.clients.len() {
            let id = self.clients[at];
            let ends = ClientFlags::CLOSE_ASAP | ClientFlags::CLOSE_AFTER_REPLY;
            let gone = match self.engine.clients.get_mut(&id) {
                None => true,
                Some(client) => {
                    let mut pieces = Vec::new();
                    client.reply.output_mut().take_pieces(&mut pieces);
                    if !pieces.is_empty() {
                        self.unsent.push_back((bytes_of(&pieces), pieces));
                    }
                    client.flags.intersects(ends) || closed(&id)
                }
            };
            if gone {
                self.leave(at);
            }
        }
        drop(self.engine.repl.take_actions());
        // Output waits for its socket; what it refers to must not change meanwhile.
        while self.unsent.len() > UNSENT {
            let (bytes, pieces) = self.unsent.pop_front().expect("some are there");
            replies::check(&bytes);
            assert!(bytes_of(&pieces) == bytes, "output changed while it waited");
        }
    }

    fn settle(&mut self) {
        self.after();
        let stream = std::mem::take(&mut *self.stream.borrow_mut());
        let Replica { engine, session, inbox } = &mut self.replica;
        inbox.apply(&stream, engine, session).expect("the engine speaks the protocol");
        assert_eq!(engine.stats.unexpected_errors, 0, "the replica refused: {}", stream.escape_ascii());
        drop(engine.repl.take_actions());
        self.count();
        if self.engine.keyspace.used_bytes() > BYTES_MAX {
            self.leave(0);
            self.execute(0, &vec![b"FLUSHALL".to_vec()]);
        }
    }

    /// What each database says of itself is true.
    fn count(&self) {
        for engine in [&self.engine, &self.replica.engine] {
            for number in 0..engine.keyspace.count() {
                let db = engine.keyspace.db(number);
                let (mut keys, mut volatile) = (0, 0);
                db.scan(0, usize::MAX, |loc| {
                    keys += 1;
                    volatile += db.expire(loc).is_some() as usize;
                    assert!(!db.clone_value(loc).is_empty_collection(), "an empty collection stayed");
                });
                assert_eq!((db.len(), db.expires()), (keys, volatile));
                assert_eq!(db.types().total(), keys as u64);
            }
        }
    }

    /// The replica holds what the engine holds.
    fn compare(&mut self) {
        self.settle();
        let ours = image::of_keyspace(&self.engine.keyspace);
        let theirs = image::of_keyspace(&self.replica.engine.keyspace);
        if ours != theirs {
            self.explain();
        }
    }

    fn explain(&self) -> ! {
        let list = |engine: &Engine| {
            let mut all = std::collections::BTreeMap::new();
            for number in 0..engine.keyspace.count() {
                let db = engine.keyspace.db(number);
                db.scan(0, usize::MAX, |loc| {
                    let name = format!("{number}:{:.40}", db.key(loc).escape_ascii());
                    let value = format!("{:?}", db.value(loc));
                    all.insert(name, format!("{:?} {:.300}", db.expire(loc), value));
                });
            }
            all
        };
        let (ours, theirs) = (list(&self.engine), list(&self.replica.engine));
        for (key, value) in &ours {
            if theirs.get(key) != Some(value) {
                eprintln!("{key}\n  engine  {value}\n  replica {:?}", theirs.get(key));
            }
        }
        for key in theirs.keys().filter(|key| !ours.contains_key(*key)) {
            eprintln!("{key}: only the replica has it");
        }
        panic!("the replica differs");
    }

    /// Everybody leaves, and nothing stays.
    fn end(mut self) {
        self.compare();
        while self.image.is_some() {
            self.walk(1 << 20);
        }
        for id in std::mem::take(&mut self.clients) {
            self.engine.disconnect(id);
        }
        self.engine.settle();
        let blocking = &self.engine.blocking;
        assert_eq!((blocking.clients(), blocking.keys(), blocking.with_deadline()), (0, 0, 0));
        assert!(self.engine.watched.is_empty());
        for number in 0..self.engine.keyspace.count() {
            drop(self.engine.keyspace.db_mut(number).clear());
        }
        assert!(self.engine.keyspace.is_empty());
        assert!(self.engine.keyspace.used_bytes() < 1 << 20, "{}", self.engine.keyspace.used_bytes());
    }
}
