//! The order in which bytes are sent to a replica, and what its own bytes cause.

use super::*;
use crate::scratch_for_tests::{MemoryDisk, MemoryFile};
use crate::spill::{Closer, SpillWriter, read};
use commands::testing::Bench;
use config::Config;
use replication::position::{Position, ReplId};
use replication::{Action, ReplMeta, ReplOffset, Settings, StreamDb};
use std::path::PathBuf;
use std::sync::Arc;

const ID: &[u8] = b"0123456789abcdef0123456789abcdef01234567";

struct Connection {
    bench: Bench,
    id: ClientId,
    outbox: Rc<Outbox<Vec<&'static str>>>,
    feed: Feed<Vec<&'static str>>,
    /// Blocks of the stream that have to go to disk.
    spills: Vec<replication::log::Spill>,
    /// What of the stream has to be read back from disk.
    read_back: Option<(Place, usize)>,
}

impl Connection {
    /// A replica that follows the stream; `unread` arrived after its PSYNC, and `unsent` was not sent before.
    fn new(config: Config, unread: &[u8], unsent: &[u8]) -> Connection {
        let mut bench = Bench::with(config);
        bench.engine.sync_repl_clock();
        let at = Position {
            id: ReplId::parse(ID).expect("40 characters"),
            offset: ReplOffset::claimed(100),
        };
        let stream_db = StreamDb::ours(0);
        let meta = ReplMeta { stream_db, at };
        bench.engine.repl.restore_as_primary(meta, Some(&[]), false);
        let id = bench.connect();
        bench.run_as(id, "REPLCONF capa eof capa psync2");
        let psync = format!("PSYNC {} 101", ID.escape_ascii());
        bench.run_as(id, &psync);
        let outbox = Rc::<Outbox<Vec<&str>>>::default();
        let feed = Feed::new(id, outbox.clone(), unread.to_vec(), unsent.to_vec());
        let mut connection = Connection {
            bench,
            id,
            outbox,
            feed,
            spills: Vec::new(),
            read_back: None,
        };
        connection.act();
        assert!(connection.bench.engine.repl.primary().streams_to(id));
        connection
    }

    fn online() -> Connection {
        let mut connection = Connection::new(Config::default(), b"", b"");
        let answer = connection.drain(usize::MAX);
        assert!(answer.starts_with(b"+CONTINUE "));
        connection
    }

    /// Carries out the actions of replication.
    fn act(&mut self) {
        let engine = &mut self.bench.engine;
        engine.sync_repl_clock();
        engine.repl.before_idle();
        for action in engine.repl.take_actions() {
            match action {
                Action::Send(id, bytes) if id == self.id => self.outbox.send(&bytes),
                Action::Spill(spill) => self.spills.push(spill),
                _ => {}
            }
        }
    }

    /// Everything that can be written now, to a socket that takes this many bytes at once.
    fn drain(&mut self, at_once: usize) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let engine = &mut self.bench.engine;
            match self.feed.next(engine) {
                Next::Bytes(bytes) => {
                    let n = at_once.min(bytes.len());
                    all.extend_from_slice(&bytes[..n]);
                    self.feed.wrote(n, engine, || (1, 1));
                }
                Next::Stream(bytes) => {
                    let n = at_once.min(bytes.len());
                    all.extend_from_slice(&bytes[..n]);
                    self.feed.streamed(n, engine);
                }
                Next::Payload => {
                    let source = self.feed.payload().expect("it was asked for");
                    match source.pop() {
                        Some(bytes) => self.feed.chunk(bytes.into()),
                        None => self.feed.payload_ends(true, engine),
                    }
                }
                Next::ReadBack(place, len) => {
                    self.read_back = Some((place, len));
                    return all;
                }
                Next::ReadArchive(..) => panic!("there is no append-only file"),
                Next::Reading | Next::Nothing | Next::Close => return all,
            }
        }
    }

    /// The replica sends these bytes.
    fn sends(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.feed.take(bytes, &mut self.bench.engine)?;
        match self.feed.has_input() {
            true => self.feed.run_requests(&mut self.bench.engine),
            false => Ok(()),
        }
    }

    fn acked(&self) -> i64 {
        let primary = self.bench.engine.repl.primary();
        primary.replica(self.id).expect("it is there").ack.get()
    }
}

#[test]
fn replies_lines_payload_and_stream_leave_in_this_order_however_little_is_taken_at_once() {
    for at_once in [1, 3, 7, usize::MAX] {
        let mut connection = Connection::new(Config::default(), b"", b"+OK\r\n");
        connection.outbox.send(b"lines\r\n");
        connection.outbox.give(Payload {
            head: b"$8\r\n".to_vec(),
            source: vec!["load", "", "pay"],
        });
        connection.bench.run("SET k v");
        let sent = connection.drain(at_once);
        let text = String::from_utf8(sent).expect("it is text");
        let rest = text.strip_prefix("+OK\r\n+CONTINUE ").expect("in order");
        let (_, rest) = rest.split_once("\r\n").expect("a line");
        let set = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";
        assert!(rest.starts_with("lines\r\n$8\r\npayload"), "{rest}");
        assert!(rest.ends_with(set), "{rest}");
        assert_eq!(
            connection.bench.engine.stats.net_repl_output,
            text.len() as u64
        );
        // Lines of later go between two commands of the stream.
        connection.outbox.send(b"later\r\n");
        connection.bench.run("SET k w");
        let sent = connection.drain(at_once);
        assert!(sent.starts_with(b"later\r\n*3\r\n"));
    }
}

#[test]
fn acknowledgements_count_wherever_they_are_cut() {
    let mut connection = Connection::new(
        Config::default(),
        b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$2\r\n",
        b"",
    );
    assert!(connection.feed.has_input(), "what came behind PSYNC");
    assert_eq!(connection.sends(b"7"), Ok(()));
    connection
        .sends(b"7\r\n*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$3\r\n10")
        .expect("it is sound");
    assert_eq!(connection.acked(), 77);
    connection.sends(b"1\r\n").expect("it is sound");
    assert_eq!(connection.acked(), 101);
    // A sign of life, without a request.
    assert_eq!(connection.sends(b"\n"), Ok(()));
}

#[test]
fn a_replica_that_causes_an_answer_or_breaks_the_protocol_is_closed() {
    for bytes in [
        "*1\r\n$4\r\nPING\r\n",
        "*1\r\n$7\r\nFOREIGN\r\n",
        "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
        "*1\r\n$-5\r\n",
        "*1\r\n$99999999999\r\n",
        "*99999999999\r\n",
        "*1\r\nPING\r\n",
    ] {
        let mut connection = Connection::online();
        assert_eq!(
            connection.sends(bytes.as_bytes()),
            Err(End::Closed),
            "{bytes}"
        );
    }
}

#[test]
fn what_holds_no_request_may_take_a_megabyte_and_no_more() {
    let mut connection = Connection::online();
    let header = b"*2\r\n$8\r\nREPLCONF\r\n$1048576\r\n";
    connection.sends(header).expect("it has only begun");
    let engine = &mut connection.bench.engine;
    let rest = vec![b'x'; (1 << 20) - header.len()];
    assert_eq!(connection.feed.take(&rest, engine), Ok(()));
    assert_eq!(connection.feed.take(b"x", engine), Err(End::Closed));
    let longer = b"*2\r\n$8\r\nREPLCONF\r\n$1048577\r\n";
    assert_eq!(Connection::online().sends(longer), Err(End::Closed));
}

#[test]
fn a_reset_is_refused_in_words_where_they_are_no_part_of_the_stream() {
    let reset = b"*1\r\n$5\r\nRESET\r\n";
    let mut connection = Connection::online();
    assert_eq!(connection.sends(reset), Ok(()));
    let words = connection.drain(usize::MAX);
    assert!(words.starts_with(b"-ERR"), "{}", words.escape_ascii());
    let next = connection.feed.next(&connection.bench.engine);
    assert!(matches!(next, Next::Close));
    // No request that it sends after that is run.
    assert_eq!(connection.sends(reset), Ok(()));
    // An error reply cannot be sent in the middle of the stream.
    let mut connection = Connection::online();
    connection.bench.run("SET k v");
    assert_eq!(connection.sends(reset), Err(End::Closed));
}

#[test]
fn a_connection_is_closed_at_once_or_behind_all_that_waits_for_it() {
    let mut connection = Connection::online();
    connection.outbox.send(b"last words");
    connection.outbox.close_after_sent();
    connection.bench.run("SET k v");
    assert_eq!(connection.drain(3), b"last words", "and none of the stream");
    let next = connection.feed.next(&connection.bench.engine);
    assert!(matches!(next, Next::Close));
    assert!(!connection.feed.must_close());
    connection.outbox.close();
    assert!(connection.feed.must_close());
}

#[test]
fn the_stream_goes_on_from_disk_where_it_was_put() {
    let config = Config {
        repl_backlog_size: 16 << 10,
        repl_backlog_disk_size: 1 << 30,
        ..Config::default()
    };
    for gives in [true, false] {
        let mut connection = Connection::new(config.clone(), b"", b"");
        let settings = Settings {
            spill_above: 1 << 10,
            ..connection.bench.engine.repl.settings().clone()
        };
        connection.bench.engine.repl.configure(settings);
        connection.drain(usize::MAX);
        let close: Closer<MemoryFile> = Arc::new(drop);
        let mut writer = SpillWriter::new(MemoryDisk::default(), PathBuf::new(), 1 << 16, close);
        let mut wanted = Vec::new();
        for n in 0..300 {
            let value = format!("{n}:{}", "v".repeat(1000));
            let set = format!(
                "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{value}\r\n",
                value.len()
            );
            wanted.extend(set.into_bytes());
            connection.bench.run(&format!("SET k {value}"));
            connection.act();
            for spill in std::mem::take(&mut connection.spills) {
                let (start, place) = writer.write(&spill);
                connection.bench.engine.repl.on_spilled(start, place);
            }
        }
        let (mut sent, mut reads) = (connection.drain(999), 0);
        while let Some((place, len)) = connection.read_back.take() {
            let engine = &mut connection.bench.engine;
            let next = connection.feed.next(engine);
            assert!(matches!(next, Next::Reading), "it is asked for once");
            reads += 1;
            let bytes = match gives {
                true => read::<MemoryFile>(&place, len).map_err(|e| e.to_string()),
                false => Err("the disk is broken".to_owned()),
            };
            let told = connection.feed.read_back(bytes, engine);
            assert_eq!(told.is_ok(), gives);
            if told.is_err() {
                break;
            }
            sent.extend(connection.drain(999));
        }
        if !gives {
            assert_eq!(reads, 1, "the connection is closed");
            continue;
        }
        assert!(reads > 3, "{reads}");
        let at = sent
            .windows(3)
            .position(|w| w == b"*3\r")
            .expect("it has requests");
        assert!(sent[at..] == wanted);
    }
}

#[test]
fn whoever_ends_a_connection_its_replica_is_gone() {
    for end in [End::Broken, End::Closed] {
        let mut connection = Connection::online();
        let Connection { bench, feed, .. } = &mut connection;
        assert_eq!(bench.engine.repl.primary().count(), 1);
        let other = Feed::new(feed.id, Rc::default(), Vec::new(), Vec::new());
        std::mem::replace(feed, other).end(end, &mut bench.engine);
        assert_eq!(bench.engine.repl.primary().count(), 0);
    }
}

#[test]
fn a_payload_that_fails_is_told_of_and_nothing_is_sent_behind_it() {
    let mut connection = Connection::new(Config::default(), b"", b"");
    connection.outbox.give(Payload {
        head: b"$EOF:\r\n".to_vec(),
        source: vec!["part"],
    });
    loop {
        let engine = &mut connection.bench.engine;
        match connection.feed.next(engine) {
            Next::Bytes(bytes) => {
                let n = bytes.len();
                connection.feed.wrote(n, engine, || (1, 1));
            }
            Next::Payload => match connection.feed.payload().and_then(Vec::pop) {
                Some(bytes) => connection.feed.chunk(bytes.into()),
                None => break connection.feed.payload_ends(false, engine),
            },
            _ => panic!("the payload comes first"),
        }
    }
    assert!(connection.feed.payload().is_none());
}
