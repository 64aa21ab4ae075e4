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
