//! What is taken for a log that is not there: only what the disk says is not there.

use super::find::{Found, Place, find};
use base::LogLevel;
use disk::fake::{FakeDisk, Refuses};
use std::path::{Path, PathBuf};

/// The system's numbers.
const EACCES: i32 = 13;
const EIO: i32 = 5;

const MANIFEST: &str = "/data/log/a.aof.manifest";
const SINGLE: &str = "/data/a.aof";

fn quiet(_: LogLevel, _: &str) {}

fn place() -> Place {
    Place {
        dir: PathBuf::from("/data"),
        directory: PathBuf::from("/data/log"),
        filename: "a.aof".to_owned(),
    }
}

fn look(disk: &FakeDisk) -> Result<Option<Found>, String> {
    find(disk, &place(), quiet)
}

/// Why a start is refused where this file cannot be looked at.
fn refusal(disk: &FakeDisk, path: &str, what: Refuses, errno: i32) -> String {
    let before = disk.operations();
    disk.refuse(Path::new(path), what, errno);
    let refused = look(disk).expect_err("it may be there");
    assert_eq!(disk.operations(), before, "nothing is changed");
    refused
}

fn manifest() -> FakeDisk {
    let lines = b"file a.aof.2.base.rdb seq 2 type b\n\
        file a.aof.1.base.rdb seq 1 type h\n\
        file a.aof.1.incr.aof seq 1 type i\n";
    FakeDisk::with([
        (MANIFEST, lines.as_slice()),
        ("/data/log/a.aof.1.base.rdb", b"REDIS0011"),
        ("/data/log/a.aof.2.base.rdb", b"REDIS0011"),
        ("/data/log/a.aof.1.incr.aof", b"#FOREBAY:1 "),
    ])
}

#[test]
fn without_a_manifest_and_a_single_file_there_is_no_log() {
    let found = look(&FakeDisk::default()).expect("nothing fails");
    assert!(found.is_none());
}

#[test]
fn a_manifest_that_cannot_be_read_is_not_a_missing_one() {
    for (what, errno, why) in [
        (Refuses::Everything, EACCES, "Permission denied"),
        (Refuses::Bytes, EIO, "Input/output error"),
    ] {
        let refused = refusal(&manifest(), MANIFEST, what, errno);
        assert!(refused.contains("a.aof.manifest"), "{refused}");
        assert!(refused.ends_with(why), "{refused}");
    }
}

#[test]
fn a_single_file_that_cannot_be_looked_at_is_not_a_missing_one() {
    let disk = FakeDisk::with([(SINGLE, b"*1\r\n".as_slice())]);
    let refused = refusal(&disk, SINGLE, Refuses::Everything, EACCES);
    let text = "can't tell whether the append log file a.aof is there: Permission denied";
    assert!(refused.contains(text), "{refused}");
}

#[test]
fn a_base_that_cannot_be_looked_at_is_not_replaced_by_the_one_before_it() {
    // This directory is what a copy beside a rewrite may look like: without the new base, the old one would be loaded.
    let missing = "/data/log/a.aof.2.base.rdb";
    let disk = manifest();
    let refused = refusal(&disk, missing, Refuses::Everything, EIO);
    assert!(refused.contains("a.aof.2.base.rdb"), "{refused}");
    let refused = refusal(&manifest(), missing, Refuses::Bytes, EIO);
    assert!(refused.contains("a.aof.2.base.rdb"), "{refused}");
}

#[test]
fn an_increment_that_cannot_be_read_does_not_say_what_a_copy_is() {
    let disk = manifest();
    disk::Disk::remove(&disk, Path::new("/data/log/a.aof.2.base.rdb")).expect("it is there");
    let found = look(&disk).expect("nothing fails").expect("it is there");
    assert!(found.copied);
    let increment = "/data/log/a.aof.1.incr.aof";
    let refused = refusal(&disk, increment, Refuses::Bytes, EIO);
    assert!(refused.ends_with("Input/output error"), "{refused}");
}

#[test]
fn a_copy_lacks_what_came_last_and_nothing_before_something_that_is_there() {
    let lines = b"file a.aof.1.base.rdb seq 1 type b\n\
        file a.aof.1.incr.aof seq 1 type i\n\
        file a.aof.2.incr.aof seq 2 type i\n\
        file a.aof.3.incr.aof seq 3 type i\n";
    for (missing, parts) in [
        (&[][..], Some(4)),
        (&[3][..], Some(3)),
        (&[2, 3][..], Some(2)),
        (&[2][..], None),
        (&[1][..], None),
        (&[1, 2][..], None),
        (&[1, 2, 3][..], None),
    ] {
        let disk = FakeDisk::with([
            (MANIFEST, lines.as_slice()),
            ("/data/log/a.aof.1.base.rdb", b"REDIS0011"),
            ("/data/log/a.aof.1.incr.aof", b"#FOREBAY:1 "),
            ("/data/log/a.aof.2.incr.aof", b"#FOREBAY:1 "),
            ("/data/log/a.aof.3.incr.aof", b"#FOREBAY:1 "),
        ]);
        for n in missing {
            let path = format!("/data/log/a.aof.{n}.incr.aof");
            disk::Disk::remove(&disk, Path::new(&path)).expect("it is there");
        }
        let before = disk.operations();
        match (look(&disk), parts) {
            (Ok(Some(found)), Some(parts)) => assert_eq!(found.parts.len(), parts),
            (Err(refused), None) => {
                let first = format!("a.aof.{}.incr.aof", missing[0]);
                assert!(refused.contains(&first), "{refused}");
            }
            (found, _) => panic!("{missing:?}: {:?}", found.map(|found| found.is_some())),
        }
        assert_eq!(disk.operations(), before, "nothing is changed");
    }
}
