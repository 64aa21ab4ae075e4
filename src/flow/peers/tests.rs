//! What each action that replication asks for leads to.

use super::*;
use crate::Fate;
use crate::save::SaveError;
use crate::testing::{DUMP, Hands, config};
use commands::testing::Bench;
use config::Config;
use disk::fake::{FakeDisk, FakeFile};
use engine::host::SaveOptions;
use replication::ReplOffset;
use std::sync::atomic::{AtomicBool, Ordering};

/// Records what it is asked to do.
#[derive(Default)]
struct Notes {
    woken: RefCell<Vec<ClientId>>,
    links: RefCell<Vec<&'static str>>,
    told: RefCell<Vec<u8>>,
    looks: Cell<usize>,
    lines: RefCell<Vec<String>>,
    full: Cell<bool>,
    gone: Arc<AtomicBool>,
}

struct Way(Arc<AtomicBool>);

impl Sink<FakeFile> for Way {
    fn write(&mut self, _: &[u8]) -> Result<(), SaveError> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(SaveError::cancelled()),
            false => Ok(()),
        }
    }

    fn finish(self: Box<Self>, _: &Fate) -> Result<Option<FakeFile>, SaveError> {
        Ok(None)
    }
}

impl Transport for Notes {
    type Writers = Hands;
    type Source = ();

    fn connect(&self, mark: &[u8]) -> super::Way<Hands, ()> {
        let payload = Payload {
            head: mark.to_vec(),
            source: (),
        };
        (Box::new(Way(self.gone.clone())), payload)
    }

    fn file(&self, _: Arc<FakeFile>) -> io::Result<Payload<()>> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn wake(&self, id: ClientId) {
        self.woken.borrow_mut().push(id);
    }

    fn start_link(&self) {
        self.links.borrow_mut().push("start");
    }

    fn stop_link(&self) {
        self.links.borrow_mut().push("stop");
    }

    fn tell_primary(&self, bytes: &[u8]) {
        self.told.borrow_mut().extend_from_slice(bytes);
        self.looks.set(self.looks.get() + 1);
    }

    fn spill(&self, _: Spill) -> io::Result<()> {
        match self.full.get() {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => Ok(()),
        }
    }

    fn log(&self, _: &Engine, _: LogLevel, text: &str) {
        self.lines.borrow_mut().push(text.to_owned());
    }
}

struct Server {
    bench: Bench,
    hands: Hands,
    saves: Saves<Hands>,
    peers: Peers<Notes>,
}

impl Server {
    fn new(config: Config) -> Server {
        let hands = Hands::new(FakeDisk::with([(DUMP, b"dump".as_slice())]));
        let saves = Saves::new(hands.clone());
        saves.start_empty();
        Server {
            bench: Bench::with(config),
            peers: Peers::new(saves.clone(), Notes::default()),
            saves,
            hands,
        }
    }

    /// A server that sends snapshots directly to connections.
    fn diskless() -> Server {
        Server::new(Config {
            repl_diskless_sync: true,
            repl_diskless_sync_delay: 0,
            ..config()
        })
    }

    /// A replica that asks for a full sync.
    fn replica(&mut self) -> ClientId {
        let id = self.bench.connect();
        self.bench.run_as(id, "REPLCONF capa eof capa psync2");
        self.bench.run_as(id, "PSYNC ? -1");
        self.turn();
        id
    }

    fn turn(&mut self) {
        let engine = &mut self.bench.engine;
        self.peers.act(engine);
        self.bench.advance(100);
        let engine = &mut self.bench.engine;
        self.peers.tick(engine);
        self.peers.act(engine);
    }

    /// What waits for a connection, and whether a payload is among it.
    fn waits(&self, id: ClientId) -> (String, bool) {
        let mut out = Vec::new();
        let payload = self.peers.outbox(id).take_into(&mut out);
        let text = String::from_utf8_lossy(&out);
        // Signs of life for one who waits.
        let text = text.trim_start_matches('\n').to_owned();
        (text, payload.is_some())
    }

    fn perform(&mut self, action: Action) {
        self.peers.perform(action, &mut self.bench.engine);
    }

    fn notes(&self) -> &Notes {
        self.peers.transport()
    }
}

#[test]
fn who_asks_for_a_full_sync_gets_the_line_and_then_a_payload_of_a_new_snapshot() {
    let mut server = Server::diskless();
    let id = server.replica();
    let (text, payload) = server.waits(id);
    assert!(text.starts_with("+FULLRESYNC "), "{text}");
    assert!(payload);
    assert_eq!(server.hands.saves(), 1);
    assert!(server.notes().woken.borrow().contains(&id));
    // The next one waits for its end.
    let late = server.replica();
    assert_eq!(server.waits(late), (String::new(), false));
    assert_eq!(server.hands.saves(), 1);
    assert!(server.hands.save().write(b"bytes"));
    server.notes().gone.store(true, Ordering::Relaxed);
    assert!(!server.hands.save().write(b"bytes"));
}

#[test]
fn no_payload_is_made_of_data_that_is_not_whole_or_while_another_save_runs() {
    let mut server = Server::diskless();
    server.saves.goes_on_loading();
    let id = server.replica();
    assert_eq!(server.waits(id), (String::new(), false));
    assert_eq!(server.hands.saves(), 0);
    server.saves.start_empty();
    let saved = server
        .saves
        .bgsave(&mut server.bench.engine, &SaveOptions::default());
    saved.expect("the data is whole");
    server.turn();
    assert_eq!(server.waits(id), (String::new(), false));
    // An end of that save, and the replica gets its own.
    server.saves.give_up(&mut server.bench.engine, Which::Any);
    server.turn();
    let (text, payload) = server.waits(id);
    assert!(text.starts_with("+FULLRESYNC ") && payload, "{text}");
    assert_eq!(server.hands.saves(), 2);
}

#[test]
fn a_replica_for_whom_nobody_can_write_a_snapshot_is_closed() {
    let mut server = Server::diskless();
    server.hands.refuse(true);
    let id = server.replica();
    server.turn();
    assert!(!server.waits(id).1);
    let outbox = server.peers.outbox(id);
    assert!(outbox.must_close() || outbox.closes_after_sent());
}

#[test]
fn a_dump_that_cannot_be_sent_closes_the_connection_and_says_why() {
    let mut server = Server::diskless();
    let id = server.bench.connect();
    server.perform(Action::SendFile(id));
    assert!(server.peers.outbox(id).must_close());
    let lines = server.notes().lines.borrow();
    assert!(lines[0].starts_with("SYNC failed. Can't open/stat DB after BGSAVE: "));
}

#[test]
fn what_waits_for_a_connection_is_kept_for_it_and_its_task_is_woken() {
    let mut server = Server::diskless();
    let [a, b, c, d] = [(); 4].map(|()| server.bench.connect());
    server.perform(Action::Send(a, b"one ".to_vec()));
    server.perform(Action::Send(a, b"two".to_vec()));
    server.perform(Action::Close(b));
    server.perform(Action::CloseAfterSent(c));
    server.perform(Action::CloseOverLimit(d));
    assert_eq!(server.waits(a), ("one two".to_owned(), false));
    let (b_box, c_box) = (server.peers.outbox(b), server.peers.outbox(c));
    assert!(b_box.must_close() && !b_box.closes_after_sent());
    assert!(!c_box.must_close() && c_box.closes_after_sent());
    assert!(server.peers.outbox(d).must_close());
    assert_eq!(*server.notes().woken.borrow(), [a, a, b, c, d]);
    let lines = server.notes().lines.borrow();
    assert!(lines[0].contains("overcoming of output buffer limits"));
    // CLIENT KILL reaches those who are served, and nobody who is forgotten.
    server.peers.close(a);
    assert!(server.peers.outbox(a).must_close());
    server.peers.forget(a);
    assert!(!server.peers.outbox(a).must_close(), "it is another one");
}

#[test]
fn the_link_begins_and_ends_and_its_primary_is_told() {
    let mut server = Server::diskless();
    server.perform(Action::StartLink);
    server.perform(Action::SendUpstream(b"ack".to_vec()));
    server.perform(Action::StopLink);
    assert_eq!(*server.notes().links.borrow(), ["start", "stop"]);
    assert_eq!(*server.notes().told.borrow(), b"ack");
}

#[test]
fn a_promotion_keeps_the_data_that_a_failed_sync_has_left() {
    for replica in [true, false] {
        let mut server = Server::diskless();
        server.bench.run("SET k v");
        if replica {
            server.bench.engine.repl.start_as_replica("other", 1, None);
        }
        server.saves.empty_for_load(&mut server.bench.engine);
        server.saves.end_loading(&mut server.bench.engine);
        assert!(server.saves.whole(&server.bench.engine).is_none());
        server.perform(Action::StopLink);
        let whole = server.saves.whole(&server.bench.engine).is_some();
        assert_eq!(whole, !replica, "who still follows somebody waits for data");
    }
}

#[test]
fn writes_are_held_for_a_failover_until_it_ends() {
    let mut server = Server::diskless();
    assert!(!server.bench.engine.is_paused_by(Reason::Failover));
    server.perform(Action::HoldWrites(true));
    assert!(server.bench.engine.is_paused_by(Reason::Failover));
    server.bench.advance(1 << 40);
    assert!(server.bench.engine.is_paused_by(Reason::Failover));
    assert!(!server.bench.engine.is_paused_by(Reason::Client));
    server.perform(Action::HoldWrites(false));
    assert!(!server.bench.engine.is_paused_by(Reason::Failover));
}

#[test]
fn a_block_that_nobody_can_put_on_disk_stays_in_memory_and_is_told_of() {
    for full in [true, false] {
        let mut server = Server::diskless();
        server.notes().full.set(full);
        server.perform(Action::Spill(Spill {
            start: ReplOffset::claimed(1),
            bytes: Arc::default(),
        }));
        let told = crate::testing::lines(&mut server.bench.engine);
        let text = "Can't write the stream for slow replicas to disk";
        assert_eq!(told.iter().any(|line| line.starts_with(text)), full);
    }
}

#[test]
fn replication_cancels_the_kind_of_snapshot_that_it_means() {
    let mut server = Server::new(config());
    let saved = server
        .saves
        .bgsave(&mut server.bench.engine, &SaveOptions::default());
    saved.expect("the data is whole");
    server.perform(Action::CancelSnapshot { sockets: true });
    assert!(!server.hands.save().given_up.get());
    server.perform(Action::CancelSnapshot { sockets: false });
    assert!(server.hands.save().given_up.get());
    let mut server = Server::diskless();
    server.replica();
    server.perform(Action::CancelSnapshot { sockets: false });
    assert!(!server.hands.save().given_up.get());
    server.perform(Action::CancelSnapshot { sockets: true });
    assert!(server.hands.save().given_up.get());
}

/// The session of our primary has no outbox: nothing woke the link before its next tick.
#[test]
fn the_link_looks_whether_a_closed_client_was_its_session() {
    let mut server = Server::diskless();
    let replica = server.replica();
    let other = server.bench.connect();
    let looks = |server: &Server| server.peers.transport().looks.get();
    let before = looks(&server);
    server.peers.close(replica);
    assert_eq!(looks(&server), before);
    server.peers.close(other);
    assert_eq!(looks(&server), before + 1);
}
