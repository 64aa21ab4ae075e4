//! Our replica's side of a link against a primary that is drawn from the input.
//!
//! What must hold: nothing panics; until a payload is whole and sound, the old data stays (in the modes that promise
//! it); the offset moves by the bytes of whole commands and by nothing else; whatever was said, the server can be
//! asked about itself afterwards.

use super::payload;
use super::{Draws, engine, keys, look_around, request, run as run_client, set_now};
use forebay::engine::{ClientId, Executor};
use forebay::config::choices::DisklessLoad;
use forebay::engine::inbox::Inbox;
use forebay::replication::{Action, LinkAction, LinkInput, ReplMeta, StreamDb};
use forebay::server::load::{self, LoadProgress};
use forebay::server::persist::{Persistence, Threads, load_options};

/// A payload that arrives.
struct Payload {
    bytes: Vec<u8>,
    complete: bool,
    /// Keys that were there before and may not change before it is loaded; `None` where they are given up.
    kept: Option<usize>,
}

struct Follower {
    engine: Executor,
    now_ms: u64,
    client: ClientId,
    session: Option<ClientId>,
    inbox: Inbox,
    payload: Option<Payload>,
    dialing: bool,
    /// A second connection is being made, for a payload.
    dialing_second: bool,
    /// The stream that came before its payload was loaded.
    collected: Vec<u8>,
    /// The offset at which the stream began, and the bytes that came since.
    stream: Option<(i64, usize)>,
}

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let mut draws = Draws(bytes);
    let mut engine = engine(&mut draws);
    let client = engine.connect("10.0.0.1:1".into(), "10.0.0.2:2".into());
    for n in 0..draws.below(4) {
        run_client(&mut engine, client, &[b"SET", &[b'o', n as u8], b"old"]);
    }
    let mut follower = Follower {
        engine,
        now_ms: 1_000,
        client,
        session: None,
        inbox: Inbox::default(),
        payload: None,
        dialing: false,
        dialing_second: false,
        collected: Vec::new(),
        stream: None,
    };
    follower.engine.repl.replicate_from("primary", 1);
    follower.act();
    follower.dialing = true;
    while !draws.is_over() {
        follower.event(&mut draws);
        follower.check();
    }
    look_around(&mut follower.engine, client);
}

impl Follower {
    /// Something happens on the link.
    fn event(&mut self, draws: &mut Draws<'_>) {
        match draws.below(32) {
            0 => self.tick(draws),
            1 => self.link(LinkInput::Closed("")),
            2 => self.load(),
            3 => self.change_role(draws),
            4 => {
                let reply = run_client(&mut self.engine, self.client, &[b"GET", b"a"]);
                assert!(!reply.is_empty());
            }
            _ if self.dialing => {
                self.dialing = false;
                self.link(LinkInput::Connected);
            }
            _ if self.dialing_second => {
                self.dialing_second = false;
                match draws.byte() % 8 {
                    0 => self.link(LinkInput::SecondClosed("refused")),
                    _ => self.link(LinkInput::SecondConnected),
                }
            }
            5 | 6 => self.say(b"+PONG\r\n", draws),
            7 | 8 => self.say(b"+OK\r\n", draws),
            9 => {
                let line = [b"-", draws.some(), b"\r\n"].concat();
                self.say(&line, draws);
            }
            10 => self.say(draws.some(), draws),
            11 => {
                let line = draws.of::<&[u8]>(&[
                    b"-ERR unknown command\r\n",
                    b"-NOAUTH Authentication required.\r\n",
                    b"-LOADING loading\r\n",
                    b"-NOMASTERLINK no link\r\n",
                    b"-BUSY busy\r\n",
                    b"\n",
                    b"\r\n",
                    b"+\r\n",
                    b"$-1\r\n",
                    b":1\r\n",
                    b"+RDBCHANNELSYNC 5\r\n",
                    b"+DUALCHANNELSYNC\r\n",
                ]);
                self.say(line, draws);
            }
            12..=14 => {
                let two = self.channels();
                let line = match two && draws.byte() % 2 == 0 {
                    true => format!("$ENDOFF:{} {} 0 7\r\n", offset(draws), id(draws)),
                    false => format!("+FULLRESYNC {} {}\r\n", id(draws), offset(draws)),
                };
                self.say(line.as_bytes(), draws);
            }
            15 | 16 => {
                let line = match draws.byte() % 3 {
                    0 => "+CONTINUE\r\n".to_owned(),
                    _ => format!("+CONTINUE {}\r\n", id(draws)),
                };
                self.say(line.as_bytes(), draws);
            }
            17..=20 => {
                let bytes = payload::framed(draws);
                self.say(&bytes, draws);
                self.load();
            }
            _ => {
                let bytes = command(draws);
                self.say(&bytes, draws);
            }
        }
        self.act();
    }

    /// Bytes arrive, in one or two pieces.
    fn say(&mut self, bytes: &[u8], draws: &mut Draws<'_>) {
        let cut = match draws.byte() {
            whole @ 0..=127 => usize::from(whole).max(bytes.len()),
            cut => usize::from(cut - 128),
        };
        let (first, second) = bytes.split_at(cut.min(bytes.len()));
        // Over either connection, if there are two.
        if self.channels() && draws.byte() % 4 != 0 {
            for piece in [first, second] {
                self.link(LinkInput::SecondBytes(piece));
            }
            return;
        }
        for piece in [first, second] {
            let up = self.engine.repl.upstream();
            if !piece.is_empty() && up.is_some_and(|up| up.link.wants_input()) {
                self.link(LinkInput::Bytes(piece));
            }
        }
    }

    fn channels(&self) -> bool {
        let up = self.engine.repl.upstream();
        up.is_some_and(|up| up.link.channels().is_some_and(|c| c.wants_payload()))
    }

    fn tick(&mut self, draws: &mut Draws<'_>) {
        self.now_ms += draws.of(&[10, 100, 1_100, 5_000, 70_000]);
        set_now(&mut self.engine, self.now_ms);
        self.engine.repl.on_tick();
        self.link(LinkInput::Tick);
    }

    fn change_role(&mut self, draws: &mut Draws<'_>) {
        if draws.byte() % 2 == 0 && self.engine.repl.is_replica() {
            self.engine.repl.become_primary();
        } else {
            let port = u16::from(draws.byte() % 2) + 1;
            self.engine.repl.replicate_from("primary", port);
        }
    }

    /// One event for the state machine, and all that it asks for.
    fn link(&mut self, input: LinkInput<'_>) {
        let actions = self.engine.repl.on_link(input);
        let mut broken = false;
        for action in actions {
            match action {
                LinkAction::Connect => self.dialing = true,
                LinkAction::Disconnect => {
                    (self.dialing, self.dialing_second) = (false, false);
                    self.collected.clear();
                }
                LinkAction::ConnectSecond => self.dialing_second = true,
                LinkAction::Collect(bytes) => self.collected.extend_from_slice(&bytes),
                LinkAction::SendSecond(_) | LinkAction::DisconnectSecond => {}
                LinkAction::DisconnectFirst => {}
                LinkAction::Continue(_) | LinkAction::Established(_) => self.begin_session(),
                LinkAction::FullResync(_) | LinkAction::Lost(_) => self.end_session(),
                LinkAction::PayloadBegins(_) => self.begin_payload(),
                LinkAction::Payload(bytes) => {
                    let payload = self.payload.as_mut().expect("one has begun");
                    assert!(!payload.complete, "bytes after the end");
                    payload.bytes.extend_from_slice(&bytes);
                }
                LinkAction::PayloadEnds => {
                    self.payload.as_mut().expect("one has begun").complete = true;
                }
                LinkAction::PayloadAborted => self.payload = None,
                LinkAction::Stream(bytes) => broken |= self.apply(&bytes),
                LinkAction::Send(_) | LinkAction::Log(..) | LinkAction::PromotionRefused => {}
            }
        }
        let up = self.engine.repl.upstream();
        if !self.collected.is_empty() && up.is_some_and(|up| up.link.is_up()) {
            let bytes = std::mem::take(&mut self.collected);
            self.engine.repl.on_collected(bytes.len());
            broken |= self.apply(&bytes);
        }
        if broken {
            self.link(LinkInput::ProtocolError);
        }
    }

    /// Runs stream bytes; true when they are no stream.
    fn apply(&mut self, bytes: &[u8]) -> bool {
        let id = self.session.expect("a stream needs a session");
        let inbox = &mut self.inbox;
        let applied = self.engine.with_client(id, |engine, session| {
            let result = inbox.apply(bytes, engine, session);
            engine.repl.set_stream_db(session.stream_db());
            result
        });
        let result = applied.expect("connected");
        if let Some((_, came)) = &mut self.stream {
            *came += bytes.len();
        }
        result.is_err()
    }

    fn begin_payload(&mut self) {
        let empty = self.engine.keyspace.is_empty();
        let gives_up = match self.engine.repl.settings().diskless_load {
            DisklessLoad::FlushBeforeLoad => true,
            DisklessLoad::OnEmptyDb => empty,
            DisklessLoad::Disabled | DisklessLoad::Swapdb => false,
        };
        if gives_up {
            self.empty();
        }
        self.payload = Some(Payload {
            bytes: Vec::new(),
            complete: false,
            kept: (!gives_up).then(|| keys(&self.engine)),
        });
    }

    fn empty(&mut self) {
        self.engine.repl.before_flush();
        for db in 0..self.engine.keyspace.count() {
            drop(self.engine.keyspace.db_mut(db).clear());
        }
    }

    /// The thread that loads has come to an end.
    fn load(&mut self) {
        let Some(payload) = self.payload.take_if(|p| p.complete) else {
            return;
        };
        let mut options = load_options(&mut self.engine);
        options.threads = 1;
        let loaded = load::load(&payload.bytes[..], &options, &LoadProgress::default());
        let result = match loaded {
            Ok((_, rest, source)) if !rest.is_empty() || !source.is_empty() => {
                Err("bytes follow the dump".to_owned())
            }
            Ok((loaded, ..)) => {
                if payload.kept.is_some() {
                    self.engine.repl.before_flush();
                }
                let meta = ReplMeta::from_aux(|name| loaded.aux(name));
                self.engine
                    .repl
                    .set_stream_db(meta.map_or(StreamDb::default(), |m| m.stream_db));
                let installed = Persistence::new(Threads::default()).install(&mut self.engine, loaded);
                installed.map_err(|e| e.to_string())
            }
            Err(e) => Err(e.to_string()),
        };
        self.link(LinkInput::Loaded(result));
    }

    fn begin_session(&mut self) {
        self.end_session();
        let address = || "10.0.0.9:9".to_owned();
        let id = self.engine.connect(address(), address());
        let upstream = self.engine.repl.upstream();
        let db = upstream.map_or(StreamDb::default(), |up| up.db);
        let databases = self.engine.keyspace.count();
        let session = self.engine.clients.get_mut(&id).expect("just connected");
        session.follow(db, databases);
        self.session = Some(id);
        self.stream = Some((self.engine.repl.offset().get(), 0));
    }

    fn end_session(&mut self) {
        self.inbox = Inbox::default();
        self.stream = None;
        if let Some(id) = self.session.take() {
            self.engine.disconnect(id);
        }
    }

    /// Does what the state machines ask of the server.
    fn act(&mut self) {
        self.engine.repl.before_idle();
        loop {
            let actions = self.engine.repl.take_actions();
            if actions.is_empty() {
                return;
            }
            for action in actions {
                match action {
                    Action::StartLink => {
                        self.stop_link();
                        self.dialing = true;
                    }
                    Action::StopLink => self.stop_link(),
                    Action::RoleChanged => self.engine.unblock_for_role_change(),
                    _ => {}
                }
            }
        }
    }

    fn stop_link(&mut self) {
        self.end_session();
        (self.payload, self.dialing) = (None, false);
        self.dialing_second = false;
        self.collected.clear();
    }

    fn check(&self) {
        if let Some(kept) = self.payload.as_ref().and_then(|p| p.kept) {
            assert_eq!(keys(&self.engine), kept, "the old data is gone too early");
        }
        let up = self
            .engine
            .repl
            .upstream()
            .is_some_and(|up| up.link.is_up());
        if let (true, Some((first, came))) = (up, self.stream) {
            let processed = came - self.inbox.unprocessed();
            let expected = first.checked_add(processed as i64);
            assert!(
                expected.is_none_or(|e| e == self.engine.repl.offset().get()),
                "{processed} bytes since {first} are processed, not {}",
                self.engine.repl.offset()
            );
        }
    }
}

fn id(draws: &mut Draws<'_>) -> String {
    match draws.byte() % 4 {
        0 => String::from_utf8_lossy(draws.some()).into_owned(),
        _ => "0123456789abcdef0123456789abcdef01234567".to_owned(),
    }
}

fn offset(draws: &mut Draws<'_>) -> String {
    match draws.byte() % 8 {
        0 => String::from_utf8_lossy(draws.some()).into_owned(),
        1 => "9223372036854775808".to_owned(),
        _ => draws.number().to_string(),
    }
}

/// A command of a primary's stream, perhaps with arguments that no primary gives.
fn command(draws: &mut Draws<'_>) -> Vec<u8> {
    let number = draws.number().to_string();
    let (number, some) = (number.as_bytes(), draws.some());
    let key = draws.of::<&[u8]>(&[b"a", b"b", b"c", b""]);
    let words: &[&[u8]] = match draws.below(32) {
        0 => &[b"SELECT", number],
        1 => &[b"PING"],
        2 => &[b"REPLCONF", b"GETACK", b"*"],
        3 => &[b"MULTI"],
        4 => &[b"EXEC"],
        5 => &[b"SET", key, some],
        6 => &[b"APPEND", key, some],
        7 => &[
            b"SETRANGE",
            key,
            if some.len() < 9 { number } else { b"9000" },
            b"x",
        ],
        8 => &[b"DEL", key],
        9 => &[b"RPUSH", key, some, b"x"],
        10 => &[b"LTRIM", key, number, b"-2"],
        11 => &[b"HSET", key, some, b"v"],
        12 => &[b"ZADD", key, number, some],
        13 => &[b"SADD", key, some, number],
        14 => &[b"XADD", key, b"1-1", b"f", some],
        15 => &[b"PEXPIREAT", key, number],
        16 => &[b"FLUSHALL"],
        17 => &[b"SWAPDB", b"0", number],
        18 => &[b"MOVE", key, number],
        19 => &[b"INCRBY", key, number],
        20 => &[b"RENAME", key, b"b"],
        21 => &[b"SETBIT", key, b"70000", b"1"],
        22 => &[b"REPLCONF", some, number],
        23 => &[b"PUBLISH", key, some],
        24 => &[b"RESTORE", key, number, some],
        25 => &[b"XTRIM", key, b"MAXLEN", number],
        26 => &[b"PFADD", key, some],
        27 => &[b"HPEXPIREAT", key, number, b"FIELDS", b"1", some],
        28 => &[b"FUNCTION", b"LOAD", some],
        29 => &[b"FLUSHDB", b"ASYNC"],
        30 => &[b"GETACK", number],
        _ => &[some, key, number],
    };
    let mut bytes = request(words);
    match draws.byte() {
        // A length that is none.
        0..=7 => {
            let line = format!("*{}\r\n", draws.number());
            bytes.splice(..4, line.bytes());
        }
        8..=15 => bytes.truncate(bytes.len() - 1),
        16..=23 => {
            let at = usize::from(draws.byte()) % bytes.len();
            bytes[at] = draws.byte();
        }
        _ => {}
    }
    bytes
}
