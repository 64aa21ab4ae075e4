//! The executor's side, with a writer whose turns come when the test says so.

use super::super::LoadedLog;
use super::super::appenders::{Appenders, Then, Work};
use super::super::queue::{Exchange, Queue};
use super::super::task::Task;
use super::super::testing::{Shared, Still};
use super::AppendOnly;
use crate::Saves;
use crate::testing::{Hands, config};
use aof::names::{self, BaseForm};
use aof::{Manifest, manifest};
use commands::testing::Bench;
use config::choices::AppendFsync;
use disk::Disk;
use disk::fake::{FakeDisk, Refuses};
use engine::CommitPosition;
use std::cell::RefCell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

const DIRECTORY: &str = "/data/log";
const NAME: &str = "appendonly.aof";

#[derive(Clone, Default)]
struct Desk(Rc<Inner>);

#[derive(Default)]
struct Inner {
    shared: Shared,
    task: RefCell<Option<Task<FakeDisk>>>,
    jobs: RefCell<Vec<(Work, Then)>>,
}

impl Appenders for Desk {
    type Writers = Hands;
    type Exchange = Shared;
    type Handle = ();

    fn exchange(&self) -> &Shared {
        &self.0.shared
    }

    fn begin(&self, task: Task<FakeDisk>) -> io::Result<()> {
        *self.0.task.borrow_mut() = Some(task);
        Ok(())
    }

    fn work(&self, work: Work, then: Then) -> io::Result<()> {
        self.0.jobs.borrow_mut().push((work, then));
        Ok(())
    }

    fn join(&self, (): ()) -> bool {
        let mut task = self.0.task.take().expect("it writes");
        let orders = self.0.shared.with(Queue::take);
        task.turn(orders, &Still, &self.0.shared);
        task.end(&Still, &self.0.shared);
        true
    }

    fn look_at_link(&self) {}
}

struct Play {
    disk: FakeDisk,
    bench: Bench,
    append: AppendOnly<Desk>,
    desk: Desk,
}

/// A server that goes on in a log with a base and an increment.
fn play(fsync: AppendFsync) -> Play {
    let base = names::base(NAME, 1, BaseForm::Dump);
    let increment = names::increment(NAME, 1);
    let entry = |name: &str, kind| manifest::File {
        name: name.as_bytes().to_vec(),
        seq: 1,
        kind,
        start: None,
        end: None,
    };
    let manifest = Manifest {
        base: Some(entry(&base, manifest::Kind::Base)),
        history: Vec::new(),
        increments: vec![entry(&increment, manifest::Kind::Increment)],
    };
    let text = manifest.print().expect("plain names");
    let place = |name: &str| format!("{DIRECTORY}/{name}");
    let named = names::manifest(NAME);
    let files = [
        (place(&base), b"".as_slice()),
        (place(&increment), b"".as_slice()),
        (place(&named), text.as_slice()),
    ];
    let files = files.iter().map(|(path, bytes)| (path.as_str(), *bytes));
    let disk = FakeDisk::with(files);
    let saves = Saves::new(Hands::new(disk.clone()));
    let desk = Desk::default();
    let append = AppendOnly::new(desk.clone(), saves);
    let config = config::Config {
        appendonly: true,
        appendfsync: fsync,
        appenddirname: DIRECTORY.to_owned(),
        ..config()
    };
    let mut bench = Bench::with(config);
    let loaded = LoadedLog::found(&disk, &bench.engine).expect("a manifest");
    let started = append.start(&mut bench.engine, Some(loaded));
    started.expect("nothing fails");
    Play {
        disk,
        bench,
        append,
        desk,
    }
}

impl Play {
    /// Writes something. Gives the commit that its reply waits for.
    fn write(&mut self, key: &str) -> CommitPosition {
        let reply = self.bench.run(&format!("SET {key} x"));
        assert!(!reply.starts_with('-'), "{reply}");
        self.bench.engine.commits.seal()
    }

    /// The writer has a turn, and the executor hears of it.
    fn turn(&mut self) {
        self.append.hand_over(&mut self.bench.engine);
        let shared = &self.desk.0.shared;
        let orders = shared.with(Queue::take);
        let mut task = self.desk.0.task.borrow_mut();
        let task = task.as_mut().expect("it writes");
        task.turn(orders, &Still, shared);
        self.append.take_news(&mut self.bench.engine);
    }

    /// What was begun beside the executor is done.
    fn work(&mut self) {
        for (work, then) in self.desk.0.jobs.take() {
            then(&mut self.bench.engine, work());
        }
    }

    fn durable(&self) -> CommitPosition {
        self.bench.engine.commits.durable()
    }

    fn manifest(&self) -> String {
        let path = Path::new(DIRECTORY).join(names::manifest(NAME));
        String::from_utf8(self.disk.read(&path).expect("it is there")).expect("text")
    }

    /// A payload that has been received.
    fn payload(&self) -> disk::fake::FakeFile {
        let path = PathBuf::from("/data/dump.rdb");
        let mut file = self.disk.create(&path, 0o644).expect("created");
        file.write_all(b"a dump").expect("written");
        self.disk.open(&path).expect("it is there")
    }
}

#[test]
fn what_is_written_after_a_full_sync_is_durable_when_the_manifest_names_it() {
    let mut play = play(AppendFsync::Always);
    let before = play.write("before");
    play.turn();
    assert_eq!(play.durable(), before);
    let file = play.payload();
    play.append.dataset_replaced(&mut play.bench.engine);
    play.append.take_base(&mut play.bench.engine, &file);
    let after = play.write("after");
    assert!(after > before);
    play.turn();
    assert_eq!(play.durable(), before, "the manifest names the old dataset");
    assert!(play.manifest().contains(".1.base"), "{}", play.manifest());
    play.work();
    play.turn();
    assert!(play.manifest().contains(".2.base"), "{}", play.manifest());
    // What it replaces is still there for those who copy the directory, and nobody waits for its end.
    assert_eq!(play.durable(), after);
}

#[test]
fn a_base_that_cannot_be_written_is_why_writes_are_refused_and_replies_wait() {
    let mut play = play(AppendFsync::Always);
    let file = play.payload();
    play.append.dataset_replaced(&mut play.bench.engine);
    play.append.take_base(&mut play.bench.engine, &file);
    let after = play.write("after");
    play.turn();
    play.disk.fail_at(play.disk.operations());
    play.work();
    play.turn();
    assert!(play.durable() < after);
    let refusal = play.bench.engine.append_failed.clone();
    let refusal = refusal.map(|error| String::from_utf8_lossy(error.bytes()).into_owned());
    assert!(
        refusal
            .as_ref()
            .is_some_and(|text| text.contains("the base of another dataset")),
        "{refusal:?}"
    );
}

#[test]
fn a_log_that_begins_promises_nothing_and_nobody_waits_for_its_base() {
    let mut play = play(AppendFsync::Always);
    play.append.disable(&mut play.bench.engine);
    play.append
        .enable(&mut play.bench.engine)
        .expect("nothing fails");
    let durable = play.durable();
    let seal = play.write("meanwhile");
    assert!(seal <= durable, "its reply leaves at once");
    play.turn();
    assert_eq!(play.durable(), durable, "WAITAOF waits for the base");
}

#[test]
fn a_log_whose_manifest_cannot_be_read_is_neither_begun_anew_nor_replaced() {
    const EIO: i32 = 5;
    let mut play = play(AppendFsync::Always);
    play.append.disable(&mut play.bench.engine);
    let manifest = Path::new(DIRECTORY).join(names::manifest(NAME));
    play.disk.refuse(&manifest, Refuses::Bytes, EIO);
    let before = (play.manifest(), play.disk.operations());
    let refused = play.append.enable(&mut play.bench.engine);
    let why = refused.expect_err("what the manifest names is not known");
    assert!(why.ends_with("Input/output error"), "{why}");
    assert!(!play.append.is_on());
    let engine = &mut play.bench.engine;
    // BGREWRITEAOF without a log would end in another manifest, too.
    play.append.rewrite(engine, false).expect("it is answered");
    assert_eq!(play.append.rewrites(), 0);
    let resumed = play.append.resume(engine, None);
    resumed.expect_err("it does not go on after what is not known");
    assert_eq!((play.manifest(), play.disk.operations()), before);
}
