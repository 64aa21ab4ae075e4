//! The writer's side on a disk that fails.

use super::queue::{Exchange, Order, Queue};
use super::testing::{Shared, Still};
use super::{Batch, Fsync, Mark, Policy, Task, Writer};
use aof::Manifest;
use aof::names::{self, BaseForm};
use disk::Disk;
use disk::fake::FakeDisk;
use engine::CommitPosition;
use std::io::Write;
use std::path::{Path, PathBuf};

const NAME: &str = "a.aof";

fn place(name: &str) -> PathBuf {
    Path::new("/log").join(name)
}

fn mark(n: u64) -> Mark {
    Mark {
        at: CommitPosition::nth(n),
        id: [b'a'; 40],
        offset: n,
        ms: n,
        holds: None,
    }
}

/// A log with a base and an increment, which the manifest names.
fn begun() -> (FakeDisk, Writer<FakeDisk>) {
    let disk = FakeDisk::default();
    let manifest = Manifest::default();
    let mut writer = Writer::new(disk.clone(), "/log".into(), NAME.into(), manifest, mark(0));
    let base = names::base(NAME, 1, BaseForm::Requests);
    let mut file = disk.create(&place(&base), 0o644).expect("created");
    file.write_all(b"").expect("written");
    writer.begin_increment(false).expect("nothing fails");
    let installed = writer.install_base(1, BaseForm::Requests);
    installed.expect("nothing fails");
    (disk, writer)
}

/// The bytes of all files that the manifest names.
fn in_the_log(disk: &FakeDisk) -> Vec<u8> {
    let manifest = disk.read(&place(&names::manifest(NAME)));
    let manifest = Manifest::parse(&manifest.expect("there is one")).expect("a manifest");
    let bytes = manifest.files().map(|file| {
        let name = String::from_utf8_lossy(&file.name).into_owned();
        disk.read(&place(&name)).expect("it is there")
    });
    bytes.collect::<Vec<_>>().concat()
}

#[test]
fn what_follows_a_replaced_dataset_is_never_behind_the_old_one() {
    let mut failed = 0;
    for number in 0..8 {
        let (disk, writer) = begun();
        let shared = Shared::default();
        let order = |order| shared.with(|queue| queue.order(order));
        order(Order::Cut {
            listed: false,
            rewrite: 1,
        });
        order(Order::Batch(Batch {
            bytes: b"*1\r\n$3\r\nnew\r\n".to_vec(),
            db: Some(0),
            end: mark(1),
            joins: true,
        }));
        order(Order::Stop);
        let before = disk.operations();
        disk.fail_at(before + number);
        let mut task = Task::new(writer, Policy::new(Fsync::EverySecond), 0, |_, _| {});
        task.turn(shared.with(Queue::take), &Still, &shared);
        assert!(task.stops());
        task.end(&Still, &shared);
        failed += usize::from(shared.with(|queue| queue.read()).rewrite.is_some());
        let log = in_the_log(&disk);
        let found = log.windows(3).any(|bytes| bytes == b"new");
        assert!(!found, "operation {number} failed");
    }
    assert!(failed > 2, "{failed} of the cuts failed");
}

#[test]
fn a_log_that_could_not_begin_refuses_writes_and_begins_when_the_disk_takes_it() {
    let manifest = Manifest::default();
    let probe = FakeDisk::default();
    let new = |disk: &FakeDisk| {
        let manifest = manifest.clone();
        Writer::new(disk.clone(), "/log".into(), NAME.into(), manifest, mark(0))
    };
    new(&probe).begin_increment(true).expect("nothing fails");
    for number in 0..probe.operations() {
        let disk = FakeDisk::default();
        let mut writer = new(&disk);
        disk.fail_at(number);
        writer.begin_increment(true).expect_err("the disk is full");
        writer.begin_later();
        let shared = Shared::default();
        let mut task = Task::new(writer, Policy::new(Fsync::EverySecond), 0, |_, _| {});
        assert!(task.wait(&Still).is_some(), "it tries by itself");
        disk.fail_at(disk.operations());
        task.turn(shared.with(Queue::take), &Still, &shared);
        assert!(shared.with(|queue| queue.read()).failure.is_some());
        shared.with(|queue| {
            queue.order(Order::Batch(Batch {
                bytes: b"*1\r\n$3\r\nnew\r\n".to_vec(),
                db: Some(0),
                end: mark(1),
                joins: true,
            }));
        });
        task.turn(shared.with(Queue::take), &Still, &shared);
        task.end(&Still, &shared);
        let report = shared.with(|queue| queue.read());
        assert_eq!((report.failure, report.durable), (None, mark(1).at));
        let log = in_the_log(&disk);
        assert!(log.windows(3).any(|bytes| bytes == b"new"), "{number}");
    }
}

#[test]
fn the_disk_begins_to_write_before_the_sync_of_a_second_and_misses_nothing() {
    for (fsync, begins) in [
        (Fsync::EverySecond, true),
        (Fsync::Always, false),
        (Fsync::No, false),
    ] {
        let (disk, writer) = begun();
        let shared = Shared::default();
        let mut task = Task::new(writer, Policy::new(fsync), 0, |_, _| {});
        for n in 1..=7 {
            let batch = Batch {
                bytes: vec![b'x'; 200 << 10],
                db: Some(0),
                end: mark(n),
                joins: true,
            };
            shared.with(|queue| queue.order(Order::Batch(batch)));
            task.turn(shared.with(Queue::take), &Still, &shared);
        }
        let ranges = disk.written_back();
        assert_eq!(ranges.len(), if begins { 2 } else { 0 }, "{fsync:?}");
        let mut at = 0;
        for (offset, len) in ranges {
            assert_eq!(offset, at, "nothing is left out");
            at += len;
        }
        assert!(!begins || at > 1200 << 10, "{at} bytes");
    }
}

/// A WAITAOF that waited for a replica with `appendfsync no` never returned after a full sync.
#[test]
fn the_place_of_a_replaced_dataset_becomes_durable_whatever_the_policy() {
    for early in [true, false] {
        let (disk, writer) = begun();
        let shared = Shared::default();
        let order = |order| shared.with(|queue| queue.order(order));
        // The first one tells the place, and has no commit.
        let batch = |offset| {
            Order::Batch(Batch {
                bytes: b"#place\r\n".to_vec(),
                db: Some(0),
                end: Mark {
                    at: CommitPosition::nth(0),
                    ..mark(offset)
                },
                joins: true,
            })
        };
        let mut task = Task::new(writer, Policy::new(Fsync::No), 0, |_, _| {});
        let durable = || {
            let end = shared.with(|queue| queue.read()).durable_end;
            end.expect("it was told").offset
        };
        order(Order::Cut {
            listed: false,
            rewrite: 1,
        });
        if early {
            order(batch(1));
        }
        task.turn(shared.with(Queue::take), &Still, &shared);
        assert_eq!(durable(), 0);
        let base = place(&names::base(NAME, 2, BaseForm::Requests));
        disk.create(&base, 0o644).expect("created");
        order(Order::Base {
            seq: 2,
            form: BaseForm::Requests,
            rewrite: 1,
        });
        if !early {
            order(batch(1));
        }
        task.turn(shared.with(Queue::take), &Still, &shared);
        assert_eq!(durable(), 1, "early: {early}");
        // What follows is not synced.
        order(batch(2));
        task.turn(shared.with(Queue::take), &Still, &shared);
        assert_eq!(durable(), 1, "early: {early}");
    }
}
