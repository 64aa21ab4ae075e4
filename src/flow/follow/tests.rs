//! What a payload does to the existing dataset and dump, in each mode and for each way to fail.

use super::*;
use crate::testing::{DUMP, Hands, Taken, Takes, config, lines, loaded};
use commands::testing::Bench;
use config::Config;
use config::choices::DisklessLoad;
use disk::Disk;
use disk::fake::FakeDisk;
use engine::Loading;
use engine::host::SaveOptions;
use std::cell::Cell;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub(super) const ID: &str = "0123456789abcdef0123456789abcdef01234567";
pub(super) const MARK: &str = "fedcba9876543210fedcba987654321001234567";
/// What a payload holds here: the fake hands look at nothing.
pub(super) const PAYLOAD: &[u8] = b"REDIS0011-any-bytes";

pub(super) struct Replica {
    pub bench: Bench,
    pub follower: Follower<Hands>,
    pub saves: Saves<Hands>,
    pub hands: Hands,
    pub asks: Vec<Ask>,
    pub log: Vec<String>,
}

impl Replica {
    /// A replica that holds one key and a dump, and has not connected yet.
    pub fn new(config: Config) -> Replica {
        let hands = Hands::new(FakeDisk::with([(DUMP, b"old dump".as_slice())]));
        let saves = Saves::new(hands.clone());
        let mut bench = Bench::with(config);
        bench.run("SET old value");
        saves.start_empty();
        bench.engine.repl.start_as_replica("primary", 7000, None);
        let follower = Follower::new(saves.clone());
        Replica {
            bench,
            follower,
            saves,
            hands,
            // The first attempt begins with the link.
            asks: vec![Ask::Connect],
            log: Vec::new(),
        }
    }

    pub fn with_load(load: DisklessLoad) -> Replica {
        Replica::new(Config {
            repl_diskless_load: load,
            ..config()
        })
    }

    pub fn input(&mut self, input: Input<'_, Hands>) {
        let engine = &mut self.bench.engine;
        let mut turns = self.follower.begin(input, engine);
        while !turns.is_empty() {
            self.asks.extend(self.follower.turn(&mut turns, engine));
            self.log.extend(lines(engine));
        }
    }

    pub fn bytes(&mut self, bytes: impl AsRef<[u8]>) {
        self.input(Input::Bytes(bytes.as_ref()));
    }

    /// What was said to the primary.
    pub fn said(&mut self) -> String {
        let out = self.follower.out().to_vec();
        self.follower.wrote(out.len(), &mut self.bench.engine);
        String::from_utf8(out).expect("requests are text")
    }

    pub fn after(&mut self, ms: i64) {
        self.bench.advance(ms);
        self.input(Input::Tick);
    }

    pub fn connect(&mut self) {
        self.input(Input::Tick);
        assert_eq!(self.asks.pop(), Some(Ask::Connect));
        self.input(Input::Connected {
            peer: "10.0.0.1:7000".to_owned(),
            local: "10.0.0.2:1".to_owned(),
        });
        assert_eq!(self.said(), "*1\r\n$4\r\nPING\r\n");
    }

    /// Up to PSYNC.
    pub fn shake_hands(&mut self) {
        self.connect();
        self.bytes("+PONG\r\n");
        let asked = self.said().matches("REPLCONF").count();
        self.bytes("+OK\r\n".repeat(asked));
        assert!(self.said().contains("PSYNC"));
    }

    /// A full sync whose payload is announced like this.
    pub fn sync(&mut self, announced: &str) {
        self.shake_hands();
        self.bytes(format!("+FULLRESYNC {ID} 100\r\n{announced}\r\n"));
    }

    pub fn has(&self, key: &str) -> bool {
        let db = self.bench.engine.keyspace.db(0);
        db.find(key.as_bytes()).is_some()
    }

    pub fn is_whole(&self) -> bool {
        self.saves.whole(&self.bench.engine).is_some()
    }

    pub fn dump(&self) -> Option<Vec<u8>> {
        self.hands.disk().read(Path::new(DUMP))
    }

    pub fn files(&self) -> usize {
        let listed = self.hands.disk().list(Path::new("/data"));
        listed.expect("it is there").len()
    }

    pub fn takes_file(&self) -> (IntoFile, Rc<Taken>) {
        match self.hands.taken() {
            Some(Takes::File(to, taken)) => (to, taken),
            _ => panic!("no file was asked for"),
        }
    }

    pub fn takes_memory(&self) -> Rc<Taken> {
        match self.hands.taken() {
            Some(Takes::Memory(options, taken)) => {
                assert!(options.keep_expired, "the primary deletes what expires");
                taken
            }
            _ => panic!("nobody was asked to take it to memory"),
        }
    }

    /// The payload was written to its file, and is good.
    pub fn receive_file(&mut self, to: IntoFile) {
        let disk = self.hands.disk().clone();
        let mut incoming = Incoming::create(&disk, to.temp, to.place).expect("it is free");
        incoming.write(PAYLOAD).expect("there is room");
        let file = incoming.finish(|_| Ok(())).expect("it is good");
        self.input(Input::Received(Ok(Received::File(file))));
    }

    pub fn load(&mut self, key: &str) {
        let hasher = self.bench.engine.keyspace.hasher();
        let loaded = Box::new(loaded(hasher, key, "value"));
        self.input(Input::Received(Ok(Received::Loaded(loaded))));
    }

    /// A script of a client takes long.
    pub fn park(&mut self) {
        thread_local! {
            static NOW: Cell<u64> = const { Cell::new(0) };
        }
        self.bench.engine.timer = || NOW.replace(NOW.get() + 2_000_000);
        self.bench.engine.config.busy_reply_threshold = 1;
        self.bench
            .run("EVAL \"local n = 0 for i = 1, 1000000 do n = n + 1 end return n\" 0");
        assert!(self.bench.engine.script_is_parked());
    }

    /// The link is up after a full sync to memory.
    pub fn follow(&mut self) {
        self.sync(&format!("${}", PAYLOAD.len()));
        self.bytes(PAYLOAD);
        self.load("new");
        assert!(self.bench.engine.repl.link_is_up());
        let ack = self.said();
        assert!(ack.contains("ACK\r\n$3\r\n100\r\n"), "{ack}");
    }
}

#[test]
fn a_payload_to_a_file_replaces_the_dump_when_it_is_checked_and_the_dataset_after_that() {
    let mut replica = Replica::with_load(DisklessLoad::Disabled);
    replica.sync(&format!("${}", PAYLOAD.len()));
    let (to, taken) = replica.takes_file();
    assert_eq!(to.temp.parent(), Some(Path::new("/data")));
    replica.bytes(&PAYLOAD[..7]);
    replica.bytes(&PAYLOAD[7..]);
    assert_eq!(*taken.bytes.borrow(), PAYLOAD);
    assert!(taken.complete.get());
    assert!(replica.has("old") && replica.is_whole());
    assert_eq!(replica.dump().as_deref(), Some(&b"old dump"[..]));
    assert_eq!(replica.bench.engine.loading, Loading::No);
    replica.receive_file(to);
    assert_eq!(replica.dump().as_deref(), Some(PAYLOAD));
    assert!(!replica.has("old") && !replica.is_whole(), "it is loaded");
    assert_eq!(replica.bench.engine.loading, Loading::Blocking);
    let Some(Takes::Load(mut file, options)) = replica.hands.taken() else {
        panic!("the file is not loaded");
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).expect("it is open");
    assert_eq!(bytes, PAYLOAD);
    assert!(options.keep_expired, "the primary deletes what expires");
    assert_eq!(options.total_bytes, Some(PAYLOAD.len() as u64));
    replica.load("new");
    assert!(replica.has("new") && replica.is_whole());
    assert_eq!(replica.bench.engine.loading, Loading::No);
    assert_eq!(replica.files(), 1);
    // The stream follows.
    replica.bytes("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$1\r\nv\r\n");
    assert!(replica.has("key"));
    let engine = &replica.bench.engine;
    assert_eq!(engine.repl.history().offset().get(), 100 + 29);
}

#[test]
fn a_save_that_runs_is_given_up_for_the_payload_and_never_replaces_it() {
    let mut replica = Replica::with_load(DisklessLoad::Disabled);
    replica.sync(&format!("${}", PAYLOAD.len()));
    let (to, _) = replica.takes_file();
    replica.bytes(PAYLOAD);
    let (saves, engine) = (replica.saves.clone(), &mut replica.bench.engine);
    saves
        .bgsave(engine, &SaveOptions::default())
        .expect("the old data is whole");
    let save = replica.hands.save();
    assert!(!save.given_up.get());
    replica.receive_file(to);
    assert!(save.given_up.get());
    let placed = save.fate.place(|| Ok::<_, crate::GivenUp>(()));
    assert_eq!(placed, Err(crate::GivenUp));
    assert_eq!(replica.dump().as_deref(), Some(PAYLOAD));
}

#[test]
fn a_dump_that_only_served_the_sync_is_removed_when_it_is_in_memory() {
    for (removes, saves) in [(true, false), (true, true), (false, false)] {
        let save = match saves {
            true => Config::default().save,
            false => Vec::new(),
        };
        let mut replica = Replica::new(Config {
            repl_diskless_load: DisklessLoad::Disabled,
            rdb_del_sync_files: removes,
            save,
            ..config()
        });
        replica.sync(&format!("${}", PAYLOAD.len()));
        let (to, _) = replica.takes_file();
        replica.bytes(PAYLOAD);
        replica.receive_file(to);
        assert_eq!(replica.dump().as_deref(), Some(PAYLOAD));
        replica.load("new");
        assert_eq!(replica.dump().is_none(), removes && !saves);
    }
}

#[test]
fn a_file_that_is_no_dump_or_cannot_take_its_place_changes_nothing() {
    let failures: [fn(&mut Replica, IntoFile); 2] = [
        |replica, _| replica.input(Input::Received(Err("it is no dump".to_owned()))),
        |replica, to| {
            let disk = replica.hands.disk().clone();
            // Created, written, synced; the rename fails.
            disk.fail_at(disk.operations() + 3);
            replica.receive_file(to);
            assert!(replica.log.iter().any(|l| l.contains("rename the temp DB")));
        },
    ];
    for fail in failures {
        let mut replica = Replica::with_load(DisklessLoad::Disabled);
        replica.sync(&format!("${}", PAYLOAD.len()));
        let (to, _) = replica.takes_file();
        replica.bytes(PAYLOAD);
        fail(&mut replica, to);
        assert!(replica.has("old") && replica.is_whole());
        assert_eq!(replica.dump().as_deref(), Some(&b"old dump"[..]));
        assert_eq!(replica.asks.pop(), Some(Ask::Disconnect));
        assert_eq!((replica.files(), replica.hands.other_datasets()), (1, 0));
        // Another attempt, not at once.
        replica.after(100);
        assert_eq!(replica.asks.pop(), None);
        replica.after(60_000);
        assert_eq!(replica.asks.pop(), Some(Ask::Connect));
    }
}

/// How a payload in memory fails.
const FAILURES: [fn(&mut Replica); 4] = [
    |replica| replica.input(Input::Closed("")),
    |replica| replica.after(61_000),
    |replica| replica.input(Input::Received(Err("it is no dump".to_owned()))),
    |replica| {
        replica.bytes(PAYLOAD);
        replica.input(Input::Received(Err("it ends too late".to_owned())));
    },
];

#[test]
fn a_payload_beside_the_old_data_that_fails_leaves_it_whole() {
    for (n, fail) in FAILURES.into_iter().enumerate() {
        let mut replica = Replica::with_load(DisklessLoad::Swapdb);
        replica.sync(&format!("${}", PAYLOAD.len() + 1));
        replica.takes_memory();
        replica.bytes(&PAYLOAD[..5]);
        assert_ne!(replica.bench.engine.loading, Loading::No);
        fail(&mut replica);
        assert!(replica.has("old") && replica.is_whole(), "failure {n}");
        assert_eq!(replica.bench.engine.loading, Loading::No, "failure {n}");
        assert_eq!(replica.asks, [Ask::Disconnect], "failure {n}");
        assert_eq!(replica.dump().as_deref(), Some(&b"old dump"[..]));
        assert_eq!(replica.follower.mode(), None);
    }
}

#[test]
fn a_payload_for_which_the_old_data_was_given_up_leaves_nothing_that_is_saved_when_it_fails() {
    for (n, fail) in FAILURES.into_iter().enumerate() {
        let mut replica = Replica::with_load(DisklessLoad::FlushBeforeLoad);
        replica.sync(&format!("${}", PAYLOAD.len() + 1));
        replica.takes_memory();
        assert!(!replica.has("old") && !replica.is_whole());
        replica.bytes(&PAYLOAD[..5]);
        fail(&mut replica);
        assert!(!replica.is_whole(), "failure {n}");
        let (saves, engine) = (replica.saves.clone(), &mut replica.bench.engine);
        assert!(saves.save(engine, &SaveOptions::default()).is_err());
        assert_eq!(replica.dump().as_deref(), Some(&b"old dump"[..]));
        // As a primary it keeps what it has.
        replica.bench.run("REPLICAOF NO ONE");
        let engine = &mut replica.bench.engine;
        std::mem::replace(&mut replica.follower, Follower::new(replica.saves.clone())).end(engine);
        assert!(replica.is_whole(), "failure {n}");
    }
}

#[test]
fn without_anybody_to_take_it_nothing_is_given_up() {
    for load in [
        DisklessLoad::Disabled,
        DisklessLoad::FlushBeforeLoad,
        DisklessLoad::Swapdb,
    ] {
        let mut replica = Replica::with_load(load);
        replica.hands.refuse(true);
        replica.sync(&format!("${}", PAYLOAD.len()));
        assert!(replica.has("old") && replica.is_whole(), "{load:?}");
        assert_eq!(replica.asks, [Ask::Disconnect]);
        assert_eq!(replica.bench.engine.loading, Loading::No);
        assert_eq!(replica.hands.other_datasets(), 0);
    }
}

#[test]
fn a_payload_with_a_mark_ends_there_wherever_it_is_cut() {
    let wire = [PAYLOAD, MARK.as_bytes(), b"*1\r\n$4\r\nPING\r\n"].concat();
    for piece in [1, 2, 7, 39, 40, 41, wire.len()] {
        let mut replica = Replica::with_load(DisklessLoad::Swapdb);
        replica.sync(&format!("$EOF:{MARK}"));
        let taken = replica.takes_memory();
        for bytes in wire.chunks(piece) {
            match replica.follower.wants_input(&replica.bench.engine) {
                true => replica.bytes(bytes),
                // The rest stays with the primary until the payload is loaded.
                false => break,
            }
        }
        assert_eq!(*taken.bytes.borrow(), PAYLOAD, "{piece}");
        assert!(taken.complete.get(), "{piece}");
    }
    // Another mark is a part of the payload, and the end of the connection is none.
    let mut replica = Replica::with_load(DisklessLoad::Swapdb);
    replica.sync(&format!("$EOF:{MARK}"));
    let taken = replica.takes_memory();
    replica.bytes([PAYLOAD, ID.as_bytes(), &[b'x'; 40]].concat());
    assert!(!taken.complete.get());
    replica.input(Input::Closed(""));
    assert!(!taken.complete.get() && replica.has("old") && replica.is_whole());
}

#[test]
fn what_is_no_announcement_begins_no_payload() {
    let long = "x".repeat(5000);
    for bad in [
        "$-1\r\n",
        "$99999999999999999999\r\n",
        "$18446744073709551615\r\n",
        "$EOF:short\r\n",
        "-ERR no\r\n",
        "garbage\r\n",
        long.as_str(),
    ] {
        let mut replica = Replica::with_load(DisklessLoad::FlushBeforeLoad);
        replica.shake_hands();
        replica.bytes(format!("+FULLRESYNC {ID} 100\r\n"));
        replica.bytes(bad);
        assert!(replica.has("old") && replica.is_whole(), "{bad}");
        assert!(replica.hands.taken().is_none(), "{bad}");
        assert_eq!(replica.asks, [Ask::Disconnect], "{bad}");
    }
}

#[test]
fn a_primary_that_falls_silent_is_left_after_the_timeout_and_not_before() {
    let stages: [fn(&mut Replica); 5] = [
        |replica| {
            replica.input(Input::Tick);
            replica.asks.clear();
        },
        Replica::connect,
        Replica::shake_hands,
        |replica| {
            replica.shake_hands();
            replica.bytes(format!("+FULLRESYNC {ID} 100\r\n"));
        },
        |replica| {
            replica.sync(&format!("${}", PAYLOAD.len()));
            replica.bytes(&PAYLOAD[..1]);
        },
    ];
    for (n, stage) in stages.into_iter().enumerate() {
        let mut replica = Replica::with_load(DisklessLoad::Disabled);
        stage(&mut replica);
        assert_eq!(replica.asks, [], "stage {n}");
        replica.after(60_000);
        assert_eq!(replica.asks, [], "stage {n}");
        replica.after(1);
        assert_eq!(replica.asks.first(), Some(&Ask::Disconnect), "stage {n}");
        assert!(replica.has("old") && replica.is_whole());
        assert!(replica.said().is_empty(), "it is said to nobody");
    }
}

#[test]
fn old_and_new_data_that_take_too_much_memory_make_the_next_payload_go_to_disk() {
    let mut replica = Replica::new(Config {
        repl_diskless_load: DisklessLoad::Swapdb,
        repl_swapdb_memory_limit: 1000,
        ..config()
    });
    replica.bench.engine.used_memory = |_| 100;
    replica.sync(&format!("${}", PAYLOAD.len()));
    replica.takes_memory();
    replica.bytes(&PAYLOAD[..3]);
    replica.after(100);
    assert_eq!(replica.asks, []);
    replica.bench.engine.used_memory = |_| 1001;
    replica.after(100);
    assert_eq!(replica.asks.pop(), Some(Ask::Disconnect));
    assert!(replica.has("old") && replica.is_whole());
    replica.bench.engine.used_memory = |_| 100;
    replica.bench.advance(60_000);
    replica.sync(&format!("${}", PAYLOAD.len()));
    replica.takes_file();
}

#[test]
fn the_session_of_the_stream_ends_with_it_and_a_partial_sync_goes_on() {
    let mut replica = Replica::with_load(DisklessLoad::FlushBeforeLoad);
    let clients = replica.bench.engine.clients.len();
    replica.follow();
    assert_eq!(replica.bench.engine.clients.len(), clients + 1);
    // Half a request is not lost: it is asked for again.
    replica.bytes("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*3\r\n$3\r\nSET\r\n$1\r\nb");
    assert!(replica.has("a") && !replica.has("b"));
    replica.input(Input::Closed(""));
    assert_eq!(replica.bench.engine.clients.len(), clients);
    replica.bench.advance(2000);
    replica.connect();
    replica.bytes("+PONG\r\n+OK\r\n+OK\r\n+OK\r\n");
    let psync = replica.said();
    assert!(
        psync.ends_with(&format!("{ID}\r\n$3\r\n128\r\n")),
        "{psync}"
    );
    replica.bytes("+CONTINUE\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n1\r\n");
    assert!(replica.has("a") && replica.has("b"));
    assert_eq!(replica.bench.engine.clients.len(), clients + 1);
}

#[test]
fn a_client_kill_of_the_link_ends_it() {
    let mut replica = Replica::with_load(DisklessLoad::FlushBeforeLoad);
    replica.follow();
    replica.asks.clear();
    replica.after(100);
    assert_eq!(replica.asks, []);
    assert_eq!(replica.bench.run("CLIENT KILL TYPE master"), ":1");
    replica.after(100);
    assert_eq!(replica.asks.first(), Some(&Ask::Disconnect));
    assert!(!replica.bench.engine.repl.link_is_up());
}

#[test]
fn a_stream_that_is_none_or_cannot_be_run_is_not_continued() {
    let foreign = "*2\r\n$7\r\nFOREIGN\r\n$1\r\nx\r\n";
    for broken in [
        "*1\r\n$-5\r\nx",
        "*1\r\n$99999999999999999999\r\n",
        "*x\r\n",
        foreign,
    ] {
        let mut replica = Replica::with_load(DisklessLoad::FlushBeforeLoad);
        replica.follow();
        replica.asks.clear();
        replica.bytes(broken);
        assert_eq!(replica.asks.first(), Some(&Ask::Disconnect), "{broken}");
        replica.bench.advance(10_000);
        replica.asks.clear();
        replica.connect();
        replica.bytes("+PONG\r\n+OK\r\n+OK\r\n+OK\r\n");
        let psync = replica.said();
        assert!(
            psync.contains("$1\r\n?\r\n$2\r\n-1\r\n"),
            "{broken}: {psync}"
        );
    }
}

#[test]
fn while_a_script_is_parked_the_outcome_of_a_payload_is_held_back() {
    let mut replica = Replica::with_load(DisklessLoad::Disabled);
    replica.sync(&format!("${}", PAYLOAD.len()));
    let (to, _) = replica.takes_file();
    replica.bytes(PAYLOAD);
    assert!(replica.follower.receiving().is_some());
    replica.park();
    assert!(!replica.follower.wants_input(&replica.bench.engine));
    replica.receive_file(to);
    assert!(replica.follower.receiving().is_none(), "it is known");
    replica.after(100);
    assert!(replica.has("old"));
    assert_eq!(replica.dump().as_deref(), Some(&b"old dump"[..]));
    while replica.bench.engine.continue_script(1_000_000_000) {}
    replica.after(100);
    assert!(!replica.has("old"));
    assert_eq!(replica.dump().as_deref(), Some(PAYLOAD));
}

#[test]
fn a_payload_goes_where_dumps_were_saved_when_it_began() {
    let mut replica = Replica::with_load(DisklessLoad::Disabled);
    replica.sync(&format!("${}", PAYLOAD.len()));
    let (to, _) = replica.takes_file();
    replica.bytes(PAYLOAD);
    let elsewhere = PathBuf::from("/data/other.rdb");
    replica.bench.engine.config.dbfilename = elsewhere.display().to_string();
    replica.receive_file(to);
    assert_eq!(replica.dump().as_deref(), Some(PAYLOAD));
    assert!(replica.hands.disk().read(&elsewhere).is_none());
}
