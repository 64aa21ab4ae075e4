//! Our primary's side of links against replicas that are drawn from the input.
//!
//! What must hold: nothing panics; every replica that gets the stream gets the same bytes at the same offsets;
//! whatever was said, the server can be asked about itself afterwards.

use super::{Draws, engine, look_around, request, run as run_client, set_now};
use forebay::engine::{ClientFlags, ClientId, Executor};
use forebay::replication::log::{Chunk, Place, Spill};
use forebay::replication::{Action, SnapshotOrder};
use forebay::resp::{Parser, RequestLimits};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a connection may have sent without a whole request in it.
const INPUT_MAX: usize = 1 << 20;

/// A connection that is, or may become, a replica.
struct Conn {
    id: ClientId,
    input: Vec<u8>,
    parser: Parser,
}

struct Primary {
    engine: Executor,
    now_ms: u64,
    client: ClientId,
    conns: Vec<Conn>,
    snapshot: Option<SnapshotOrder>,
    spills: Vec<Spill>,
    /// The stream's bytes that some replica was sent.
    sent: BTreeMap<i64, u8>,
}

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let mut draws = Draws(bytes);
    let mut engine = engine(&mut draws);
    let client = engine.connect("10.0.0.1:1".into(), "10.0.0.2:2".into());
    let mut primary = Primary {
        engine,
        now_ms: 1_000,
        client,
        conns: Vec::new(),
        snapshot: None,
        spills: Vec::new(),
        sent: BTreeMap::new(),
    };
    let settings = forebay::replication::Settings {
        // So that little is much.
        spill_above: 1 << 12,
        ..primary.engine.repl.settings().clone()
    };
    primary.engine.repl.configure(settings);
    while !draws.is_over() {
        primary.event(&mut draws);
        primary.act();
    }
    look_around(&mut primary.engine, client);
}

impl Primary {
    /// Something happens.
    fn event(&mut self, draws: &mut Draws<'_>) {
        match draws.below(24) {
            0 => self.tick(draws),
            1 => self.connect(),
            2 => self.disconnect(draws),
            3 => self.snapshot_ends(draws),
            4 => self.spill_ends(draws),
            5 | 6 => self.stream(draws),
            7..=9 => self.write(draws),
            10 => self.manage(draws),
            11 => self.payload_goes(draws),
            12 => self.hear(draws.some(), draws),
            13 => self.hear(b"\n", draws),
            14..=16 => {
                let words = self.sync(draws);
                let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
                self.hear(&request(&words), draws);
            }
            17 | 18 => {
                let offset = self.offset(draws);
                let fack = self.offset(draws);
                let words: &[&[u8]] = match draws.byte() % 3 {
                    0 => &[b"REPLCONF", b"ACK", &offset, b"FACK", &fack],
                    _ => &[b"REPLCONF", b"ACK", &offset],
                };
                self.hear(&request(words), draws);
            }
            _ => {
                let number = draws.number().to_string();
                let some = draws.some();
                let words: &[&[u8]] = match draws.below(14) {
                    0 => &[b"REPLCONF", b"listening-port", number.as_bytes()],
                    1 => &[b"REPLCONF", b"ip-address", some],
                    2 | 3 => &[b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"],
                    4 => &[b"REPLCONF", b"capa", b"eof"],
                    5 => &[b"REPLCONF", b"capa", b"forebay"],
                    6 => &[b"REPLCONF", b"rdb-only", number.as_bytes()],
                    7 => &[b"REPLCONF", b"rdb-filter-only", some],
                    8 => &[b"REPLCONF", b"version", b"9.1.0"],
                    9 => &[b"REPLCONF", b"version", some],
                    10 => &[b"REPLCONF", b"GETACK", some],
                    11 => &[b"REPLCONF", some, number.as_bytes()],
                    12 => &[b"PING"],
                    _ => &[b"REPLCONF", some],
                };
                self.hear(&request(words), draws);
            }
        }
    }

    fn tick(&mut self, draws: &mut Draws<'_>) {
        self.now_ms += draws.of(&[10, 100, 1_100, 11_000, 70_000]);
        set_now(&mut self.engine, self.now_ms);
        let running = self.snapshot.is_some();
        let repl = &mut self.engine.repl;
        repl.with_primary(|primary, env| primary.on_save_running(running, env));
        repl.on_tick();
    }

    fn connect(&mut self) {
        if self.conns.len() < 4 {
            let id = self
                .engine
                .connect("10.0.0.3:3".into(), "10.0.0.2:2".into());
            self.conns.push(Conn {
                id,
                input: Vec::new(),
                parser: Parser::default(),
            });
        }
    }

    fn disconnect(&mut self, draws: &mut Draws<'_>) {
        if !self.conns.is_empty() {
            let conn = self.conns.remove(draws.below(self.conns.len()));
            self.close(conn.id, draws.byte() % 2 == 0);
        }
    }

    fn close(&mut self, id: ClientId, broken: bool) {
        match broken {
            true => self.engine.repl.on_peer_closed(id),
            false => self.engine.repl.on_disconnect(id),
        }
        self.engine.disconnect(id);
    }

    /// Bytes of a connection arrive.
    fn hear(&mut self, bytes: &[u8], draws: &mut Draws<'_>) {
        if self.conns.is_empty() {
            self.connect();
        }
        let nth = draws.below(self.conns.len());
        let mut conn = self.conns.remove(nth);
        conn.input.extend_from_slice(bytes);
        if conn.input.iter().all(|b| matches!(b, b'\r' | b'\n')) {
            let now_ms = self.now_ms;
            let repl = &mut self.engine.repl;
            repl.with_primary(|primary, _| primary.on_newline(conn.id, now_ms));
        }
        if self.requests(&mut conn) {
            self.conns.insert(nth, conn);
        } else {
            self.close(conn.id, true);
        }
    }

    /// Runs the whole requests among a connection's bytes. False when it must be closed.
    fn requests(&mut self, conn: &mut Conn) -> bool {
        let limits = RequestLimits {
            bulk: 1 << 20,
            unauthenticated: false,
        };
        let parsed = conn.parser.parse(&conn.input, limits, usize::MAX);
        let n = conn.parser.len();
        for i in 0..n {
            let argv: Vec<&[u8]> = conn.parser.request(i, &conn.input).collect();
            let replica = match self.engine.clients.get(&conn.id) {
                Some(session) => session.flags.contains(ClientFlags::REPLICA),
                None => return false,
            };
            // Before PSYNC it is a client like any other; those are another target's.
            let handshake: [&[u8]; 4] = [b"PING", b"REPLCONF", b"PSYNC", b"SYNC"];
            if !replica && !handshake.iter().any(|h| argv[0].eq_ignore_ascii_case(h)) {
                continue;
            }
            let reply = run_client(&mut self.engine, conn.id, &argv);
            // An answer would stand in the stream.
            if replica && !reply.is_empty() {
                return false;
            }
        }
        let used = conn.parser.consume(n);
        conn.input.drain(..used);
        parsed.is_ok() && conn.input.len() < INPUT_MAX
    }

    /// PSYNC or SYNC, with our own ids or others, and offsets around ours.
    fn sync(&self, draws: &mut Draws<'_>) -> Vec<Vec<u8>> {
        let history = self.engine.repl.history();
        let id = match draws.below(6) {
            0 => b"?".to_vec(),
            1 => draws.some().to_vec(),
            2 => match history.second() {
                Some((id, _)) => id.to_string().into_bytes(),
                None => vec![b'0'; 40],
            },
            3 => return vec![b"SYNC".to_vec()],
            _ => history.id().to_string().into_bytes(),
        };
        vec![b"PSYNC".to_vec(), id, self.offset(draws)]
    }

    fn offset(&self, draws: &mut Draws<'_>) -> Vec<u8> {
        let ours = self.engine.repl.offset().get();
        let n = match draws.below(4) {
            0 => draws.number(),
            1 => ours.wrapping_sub(i64::from(draws.byte())),
            2 => ours.wrapping_add(1),
            _ => ours,
        };
        n.to_string().into_bytes()
    }

    /// A client writes.
    fn write(&mut self, draws: &mut Draws<'_>) {
        let size = draws.of(&[1, 10, 200, 5_000, 20_000]);
        let value = vec![draws.byte(); size];
        let key = [draws.byte() % 8];
        let number = draws.number().to_string();
        let words: &[&[u8]] = match draws.below(8) {
            0 => &[b"DEL", &key],
            1 => &[b"SELECT", number.as_bytes()],
            2 => &[b"PEXPIREAT", &key, number.as_bytes()],
            3 => &[b"FLUSHALL"],
            4 => &[b"APPEND", &key, &value],
            5 => &[b"WAIT", b"0", b"1"],
            _ => &[b"SET", &key, &value],
        };
        run_client(&mut self.engine, self.client, words);
    }

    /// An operator does something.
    fn manage(&mut self, draws: &mut Draws<'_>) {
        match draws.below(10) {
            0 => drop(self.engine.repl.become_primary()),
            1 => drop(self.engine.repl.replicate_from("primary", 1)),
            2 => self.engine.repl.change_id(),
            3 => self.configure(draws),
            4 => self.engine.repl.set_paused(draws.byte() % 2 == 0),
            _ => {
                let words: &[&[u8]] = match draws.below(4) {
                    0 => &[b"FAILOVER"],
                    1 => &[b"FAILOVER", b"ABORT"],
                    2 => &[
                        b"FAILOVER",
                        b"TO",
                        b"10.0.0.3",
                        b"7",
                        b"FORCE",
                        b"TIMEOUT",
                        b"50",
                    ],
                    _ => &[b"CLIENT", b"KILL", b"TYPE", b"replica"],
                };
                run_client(&mut self.engine, self.client, words);
            }
        }
    }

    fn configure(&mut self, draws: &mut Draws<'_>) {
        let settings = forebay::replication::Settings {
            backlog_bytes: draws.of(&[16 << 10, 64 << 10, 1 << 20]),
            diskless_sync: draws.byte() % 2 == 0,
            diskless_delay_ms: draws.of(&[0, 5_000]),
            full_syncs_max: draws.below(3),
            ..self.engine.repl.settings().clone()
        };
        self.engine.repl.configure(settings);
    }

    fn snapshot_ends(&mut self, draws: &mut Draws<'_>) {
        if self.snapshot.take().is_some() {
            let result = match draws.byte() % 3 {
                0 => Err("the disk is full".to_owned()),
                _ => Ok(()),
            };
            let repl = &mut self.engine.repl;
            repl.with_primary(|primary, env| primary.on_snapshot_finished(result, env));
        }
    }

    fn payload_goes(&mut self, draws: &mut Draws<'_>) {
        if let Some(conn) = self.conns.get(draws.below(4)) {
            let (id, now_ms) = (conn.id, self.now_ms);
            let whole = draws.byte() % 2 == 0;
            self.engine.repl.with_primary(|primary, env| {
                primary.on_progress(id, now_ms);
                if whole {
                    primary.on_payload_sent(id, env);
                }
            });
        }
    }

    fn spill_ends(&mut self, draws: &mut Draws<'_>) {
        for block in std::mem::take(&mut self.spills) {
            let place = match draws.byte() % 3 {
                0 => Err("the disk is full".to_owned()),
                _ => Ok(Place {
                    file: Arc::new(block.bytes.clone()),
                    at: 0,
                }),
            };
            self.engine.repl.on_spilled(block.start, place);
        }
    }

    /// A replica takes some of the stream.
    fn stream(&mut self, draws: &mut Draws<'_>) {
        let Some(conn) = self.conns.get(draws.below(4)) else {
            return;
        };
        let room = draws.of(&[1, 100, 5_000, 100_000]);
        let (id, history) = (conn.id, self.engine.repl.history());
        let first = history.backlog().and_then(|log| log.position(id.0));
        let bytes = match self.engine.repl.stream_for(id) {
            Chunk::Memory(bytes) => bytes[..room.min(bytes.len())].to_vec(),
            Chunk::Disk(place, len) => {
                let file = place.file.downcast_ref::<Arc<Vec<u8>>>();
                let file = file.expect("as it was given");
                file[place.at as usize..][..room.min(len)].to_vec()
            }
            Chunk::Archive(..) | Chunk::Gone => panic!("there is no append-only file here"),
        };
        if bytes.is_empty() {
            return;
        }
        let first = first.expect("who gets the stream reads the log").get();
        for (at, byte) in (first..).zip(&bytes) {
            let known = *self.sent.entry(at).or_insert(*byte);
            assert_eq!(known, *byte, "two replicas differ at {at}");
        }
        self.engine.repl.on_stream_sent(id, bytes.len());
    }

    /// Does what the state machines ask for.
    fn act(&mut self) {
        self.engine.repl.before_idle();
        for _ in 0..100 {
            let actions = self.engine.repl.take_actions();
            if actions.is_empty() {
                return;
            }
            for action in actions {
                self.perform(action);
            }
        }
        panic!("the actions have no end");
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::StartSnapshot(_) if self.snapshot.is_some() => {
                let repl = &mut self.engine.repl;
                repl.with_primary(|primary, _| primary.on_snapshot_busy());
            }
            Action::StartSnapshot(order) => {
                let repl = &mut self.engine.repl;
                repl.with_primary(|p, env| p.on_snapshot_started(&order.members, env));
                self.snapshot = Some(order);
            }
            Action::CancelSnapshot { .. } => {
                if self.snapshot.take().is_some() {
                    let result = Err("cancelled".to_owned());
                    let repl = &mut self.engine.repl;
                    repl.with_primary(|primary, env| primary.on_snapshot_finished(result, env));
                }
            }
            Action::Close(id) | Action::CloseAfterSent(id) | Action::CloseOverLimit(id) => {
                if let Some(nth) = self.conns.iter().position(|c| c.id == id) {
                    self.conns.remove(nth);
                    self.close(id, false);
                }
            }
            Action::Spill(block) => self.spills.push(block),
            Action::RoleChanged => self.engine.unblock_for_role_change(),
            _ => {}
        }
    }
}
