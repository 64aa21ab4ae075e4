//! What a crash at any moment leaves of the files that the server replaces.
//!
//! The server's own code runs on the fake disk. Durability ends after each of its operations in turn; then every state
//! that the disk could be in is built, and the server reads it again. It must find the old file or the new one, whole,
//! and, once success was reported, the new one.

use crate::Server;
use crate::load::{self, CheckOptions, LoadProgress};
use crate::persist::load_options;
use crate::repl::receive;
use crate::rewrite_file::replace_on;
use config::Config;
use disk::Disk;
use disk::fake::{After, FakeDisk};
use flow::append::copy;
use flow::follow::IntoFile;
use flow::save::{FileSink, SaveError, Sink, SnapshotRequest, Target};
use flow::{DumpFile, Fate};
use keyspace::digest::{self, Fingerprint, Manner};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::rc::Rc;

const DUMP: &str = "/data/dump.rdb";
const CONF: &str = "/data/forebay.conf";

/// A sink on the fake disk.
struct OnFake(FileSink<FakeDisk>);

impl Sink<File> for OnFake {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SaveError> {
        self.0.append(bytes)
    }

    fn finish(self: Box<Self>, fate: &Fate) -> Result<Option<File>, SaveError> {
        self.0.commit(fate).map(|_| None)
    }
}

fn config() -> Config {
    Config {
        dbfilename: DUMP.to_owned(),
        ..Config::default()
    }
}

/// A server with enough keys of this value for a save to write more than once.
fn server(value: &str) -> Rc<Server> {
    let server = Server::new(config(), base::secret::Secrets::predictable(7));
    server.persistence.start_empty();
    server.with_engine(|engine| {
        for i in 0..3_000 {
            let (key, value) = (format!("key:{i}"), format!("{value}:{i}").repeat(50));
            let db = engine.keyspace.db_mut(i % 2);
            db.insert_str(key.as_bytes(), value.as_bytes(), None);
        }
    });
    server
}

fn save(server: &Server, disk: &FakeDisk) -> Result<(), SaveError> {
    server.with_engine(|engine| {
        let whole = server.persistence.whole(engine).expect("it is complete");
        let place = DumpFile::configured(disk, &engine.config).to_replace(&whole);
        let sink = FileSink::create(disk, place, true, &Fate::default())?;
        let request = SnapshotRequest {
            target: Target::Sinks(vec![Box::new(OnFake(sink))]),
            form: None,
            only_functions: false,
            on_end: None,
        };
        server.persistence.run_to_end(engine, &whole, request)
    })
}

/// Receives a payload to disk and puts it in the place of the dump.
fn receive(server: &Server, disk: &FakeDisk, payload: &[u8]) -> Result<(), String> {
    let place = DumpFile::configured(disk, &config());
    let check = server.with_engine(|engine| CheckOptions {
        databases: 16,
        verify_checksum: true,
        unknown: flow::load::Unknown {
            keeps: true,
            skips: false,
            reads_later: false,
        },
        key: engine.secrets.hash_key(),
    });
    let temp = place.directory().join("temp-1.2.rdb");
    let to = IntoFile { place, temp, check };
    let received = receive::take_file(disk, to, payload)?;
    received.put_in_place().map_err(|e| e.to_string())?;
    Ok(())
}

/// The digest of what the server loads from a dump.
fn loaded(server: &Server, dump: &[u8]) -> String {
    let options = server.with_engine(load_options);
    let (loaded, ..) =
        load::load(dump, &options, &LoadProgress::default()).expect("what a crash leaves is whole");
    let mut print = Fingerprint::default();
    for (number, db) in &loaded.dbs {
        digest::database(&mut print, *number, db, Manner::REDIS_7_2);
    }
    print.to_hex()
}

fn dump_of(server: &Server) -> Vec<u8> {
    let disk = FakeDisk::default();
    save(server, &disk).expect("nothing fails");
    disk.read(Path::new(DUMP)).expect("it is there")
}

/// Runs `replace` on a disk that holds `old` at `path`, stops durability after each operation, and reads what is found
/// at `path`. Then each operation fails in turn. Whatever happens, that is what `old` or `new` reads as.
fn crash_everywhere<E: std::fmt::Debug>(
    path: &str,
    old: Option<&[u8]>,
    new: &[u8],
    read: impl Fn(&[u8]) -> String,
    replace: impl Fn(&FakeDisk) -> Result<(), E>,
) {
    let begin = || FakeDisk::with(old.map(|bytes| (path, bytes)));
    let (was, becomes) = (old.map(&read), Some(read(new)));
    let after = |disk: &FakeDisk, k| {
        let images = disk.crashes_after(k).into_iter();
        let left: BTreeSet<_> = images
            .map(|After(mut files)| files.remove(Path::new(path)))
            .collect();
        let read = |file: Option<Vec<u8>>| file.map(|bytes| read(&bytes));
        left.into_iter().map(read).collect::<BTreeSet<_>>()
    };
    let either = BTreeSet::from([was.clone(), becomes.clone()]);
    let disk = begin();
    replace(&disk).expect("nothing fails");
    let count = disk.operations();
    assert!(
        count >= 5,
        "create, write, sync, rename, sync the directory"
    );
    let found: BTreeSet<_> = (0..=count).flat_map(|k| after(&disk, k)).collect();
    assert_eq!(found, either);
    let at_the_end = after(&disk, count);
    assert_eq!(at_the_end, BTreeSet::from([becomes]), "it was reported");
    for failing in 0..count {
        let disk = begin();
        disk.fail_at(failing);
        replace(&disk).expect_err("an operation has failed");
        let there = disk.read(Path::new(path));
        let names = disk.list(Path::new("/data")).expect("listed");
        assert_eq!(names.len(), usize::from(there.is_some()), "{names:?}");
        for k in 0..=disk.operations() {
            let found = after(&disk, k);
            assert!(
                found.is_subset(&either),
                "{found:?} after failure {failing}"
            );
        }
    }
}

#[test]
fn a_crash_during_a_save_leaves_the_old_dump_or_the_new_one() {
    let (old, new) = (server("old"), server("new"));
    let (before, after) = (dump_of(&old), dump_of(&new));
    let read = |dump: &[u8]| loaded(&old, dump);
    crash_everywhere(DUMP, Some(&before), &after, read, |disk| save(&new, disk));
}

#[test]
fn a_crash_during_the_first_save_leaves_no_dump_or_a_whole_one() {
    let new = server("new");
    let read = |dump: &[u8]| loaded(&new, dump);
    crash_everywhere(DUMP, None, &dump_of(&new), read, |disk| save(&new, disk));
}

#[test]
fn a_crash_during_a_full_sync_to_disk_leaves_the_old_dump_or_the_received_one() {
    let (old, new) = (server("old"), server("new"));
    let (before, after) = (dump_of(&old), dump_of(&new));
    let read = |dump: &[u8]| loaded(&old, dump);
    let sync = |disk: &FakeDisk| receive(&old, disk, &after);
    crash_everywhere(DUMP, Some(&before), &after, read, sync);
}

#[test]
fn a_damaged_payload_never_reaches_the_place_of_the_dump() {
    let (old, new) = (server("old"), server("new"));
    let (before, mut damaged) = (dump_of(&old), dump_of(&new));
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let disk = FakeDisk::with([(DUMP, before.as_slice())]);
    receive(&old, &disk, &damaged).expect_err("its checksum is wrong");
    for k in 0..=disk.operations() {
        for After(files) in disk.crashes_after(k) {
            assert_eq!(files.get(Path::new(DUMP)), Some(&before), "{k}");
        }
    }
    assert_eq!(disk.list(Path::new("/data")).expect("listed"), ["dump.rdb"]);
}

#[test]
fn a_crash_during_config_rewrite_leaves_the_old_file_or_the_new_one() {
    let old = "# mine\nhz 10\n";
    let running = Config { hz: 20, ..config() };
    let rewrite = |disk: &FakeDisk| {
        replace_on(disk, Path::new(CONF), |old| {
            let old = String::from_utf8(old).expect("UTF-8");
            Ok(config::rewrite::rewrite(&old, &running, &[]).into_bytes())
        })
    };
    let whole = FakeDisk::with([(CONF, old.as_bytes())]);
    rewrite(&whole).expect("nothing fails");
    let new = whole.read(Path::new(CONF)).expect("it is there");
    let text = String::from_utf8_lossy(&new);
    assert!(text.contains("hz 20") && text.ends_with('\n'), "{text}");
    let read = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    crash_everywhere(CONF, Some(old.as_bytes()), &new, read, rewrite);
}

#[test]
fn a_crash_during_acl_save_leaves_the_old_users_or_the_new_ones() {
    let (old, new) = (
        "user default on nopass ~* &* +@all\n",
        "user default off\nuser a on\n",
    );
    let read = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    for old in [None, Some(old.as_bytes())] {
        let save = |disk: &FakeDisk| {
            let text = new.as_bytes().to_vec();
            replace_on(disk, Path::new(CONF), |_| Ok(text))
        };
        crash_everywhere(CONF, old, new.as_bytes(), read, save);
    }
}

#[test]
fn a_crash_while_a_received_dump_becomes_a_base_leaves_none_or_a_whole_one() {
    const BASE: &str = "/data/appendonly.aof.2.base.rdb";
    let new = server("new");
    let dump = dump_of(&new);
    let read = |dump: &[u8]| loaded(&new, dump);
    crash_everywhere(BASE, None, &dump, read, |disk| {
        copy(disk, dump.as_slice(), Path::new(BASE))
    });
}
