//! Loading and saving real dumps in one process.

use super::*;
use crate::Server;
use crate::load::{self, LoadError, LoadProgress, Loaded};
use crate::threads;
use config::Config;
use engine::host::{ReloadOptions, SaveOptions};
use flow::save::{Advance, Awaited, SaveError, Sink, SnapshotRequest, Target};
use flow::{Fate, Which};
use keyspace::Value;
use keyspace::digest::{self, Fingerprint, Manner};
use keyspace::value::Hash;
use rdb::ErrorKind;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// A server whose dump is in a separate directory.
fn server(dir: &Path) -> Rc<Server> {
    let config = Config {
        dbfilename: dir.join("dump.rdb").to_str().unwrap().to_owned(),
        save: Vec::new(),
        // Equal bytes are compared: what is raw stays raw.
        rdbcompression: false,
        ..Config::default()
    };
    let server = Server::new(config, base::secret::Secrets::predictable(7));
    server.persistence.start_empty();
    server
}

fn load(server: &Server, bytes: &[u8]) -> Result<Loaded, LoadError> {
    let mut engine = server.engine.borrow_mut();
    let options = load::LoadOptions {
        keep_expired: true,
        ..load_options(&mut engine)
    };
    load::load(bytes, &options, &LoadProgress::default()).map(|(loaded, ..)| loaded)
}

type Dataset = BTreeMap<(usize, Vec<u8>), (String, Option<i64>)>;

/// Every key with the digest of its value.
fn dataset(engine: &Engine) -> Dataset {
    let mut all = BTreeMap::new();
    for number in 0..engine.keyspace.count() {
        let db = engine.keyspace.db(number);
        db.scan(0, usize::MAX, |loc| {
            let mut value = Fingerprint::default();
            digest::entry(&mut value, db, loc, Manner::REDIS_7_2);
            let key = (number, db.key(loc).to_vec());
            all.insert(key, (value.to_hex(), db.expire(loc)));
        });
    }
    all
}

fn good_dumps() -> Vec<PathBuf> {
    let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("testdata/rdb/good");
    let files = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path());
    let mut dumps: Vec<_> = files
        .filter(|f| f.extension().is_some_and(|e| e == "rdb"))
        .collect();
    dumps.sort();
    assert!(dumps.len() > 50);
    dumps
}

#[test]
fn what_is_loaded_from_a_real_dump_is_saved_and_loaded_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut loaded_ones = 0;
    for path in good_dumps() {
        let server = server(dir.path());
        let bytes = std::fs::read(&path).unwrap();
        let loaded = match load(&server, &bytes) {
            Ok(loaded) => loaded,
            // Values of modules, arrays: refused by default.
            Err(LoadError::Rdb(e))
                if matches!(
                    e.kind,
                    ErrorKind::Module(_) | ErrorKind::Unheld(_) | ErrorKind::UnreadableType(_)
                ) =>
            {
                assert!(e.offset > 0, "{e}");
                continue;
            }
            Err(e) => panic!("{}: {e}", path.display()),
        };
        let functions = loaded.functions.clone();
        let before = server.with_engine(|engine| {
            server
                .persistence
                .install(engine, loaded)
                .expect("libraries that load");
            let before = dataset(engine);
            let saved = server.persistence.save(engine, &SaveOptions::default());
            if let Err(e) = saved {
                panic!("{}: {e}", path.display());
            }
            assert!(
                dataset(engine) == before,
                "{}: saving changes nothing",
                path.display()
            );
            before
        });
        let again = std::fs::read(dir.path().join("dump.rdb")).unwrap();
        let loaded = load(&server, &again).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(loaded.functions, functions);
        server.with_engine(|engine| {
            server
                .persistence
                .install(engine, loaded)
                .expect("libraries that load");
            let now = dataset(engine);
            for (key, value) in &now {
                assert_eq!(
                    Some(value),
                    before.get(key),
                    "{}: {:?}",
                    path.display(),
                    key.1.escape_ascii().to_string()
                );
            }
            assert_eq!(now.len(), before.len(), "{}", path.display());
        });
        loaded_ones += 1;
    }
    assert!(loaded_ones > 50, "{loaded_ones}");
}

#[test]
fn a_damaged_dump_is_refused_with_its_offset_whatever_the_damage() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let corrupt =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("testdata/rdb/corrupt");
    let (mut refused, mut total) = (0, 0);
    for file in std::fs::read_dir(corrupt)
        .unwrap()
        .map(|f| f.unwrap().path())
    {
        if file.extension().is_none_or(|e| e != "rdb") {
            continue;
        }
        total += 1;
        let bytes = std::fs::read(&file).unwrap();
        if let Err(e) = load(&server, &bytes) {
            refused += 1;
            let end = bytes.len() as u64 + 4096;
            assert!(e.offset() <= end, "{}: {e}", file.display());
        }
    }
    assert!(refused * 3 > total, "{refused} of {total}");
}

#[test]
fn a_dump_cut_anywhere_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let good = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("testdata/rdb/good/redis-7.0-small.rdb");
    let bytes = std::fs::read(good).unwrap();
    for end in 0..bytes.len() {
        assert!(load(&server, &bytes[..end]).is_err(), "cut at {end}");
    }
    load(&server, &bytes).unwrap();
}

#[test]
fn a_failed_save_leaves_the_old_dump_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(&dir.path().join("missing"));
    server.with_engine(|engine| {
        let error = server
            .persistence
            .save(engine, &SaveOptions::default())
            .unwrap_err();
        assert!(error.contains("missing"), "{error}");
        assert!(
            server.persistence.last_failure().is_none(),
            "nobody else is told"
        );
        assert!(!engine.keyspace.snapshot_running());
    });
}

/// A disk that accepts nothing until it is released.
struct HungDisk(std::sync::mpsc::Receiver<()>);

impl Sink<File> for HungDisk {
    fn write(&mut self, _: &[u8]) -> Result<(), SaveError> {
        // An error means that the test is over, and this disk continues then, too.
        let _ = self.0.recv();
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Fate) -> Result<Option<File>, SaveError> {
        Ok(None)
    }
}

#[test]
fn a_disk_that_hangs_fails_the_save_and_nobody_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    runtime.block_on(async {
        let (go_on, hangs) = std::sync::mpsc::channel();
        let (tell, told) = tokio::sync::oneshot::channel();
        server.persistence.writers().attach(&server);
        server.with_engine(|engine| {
            engine.config.snapshot_stall_timeout = 1;
            let request = SnapshotRequest {
                target: Target::Sinks(vec![Box::new(HungDisk(hangs))]),
                form: None,
                only_functions: false,
                on_end: Some(Box::new(move |_, result| {
                    let _ = tell.send(result.map(drop).map_err(ToString::to_string));
                })),
            };
            let whole = server.persistence.whole(engine).unwrap();
            let started = server.persistence.start(engine, &whole, request);
            started.unwrap();
        });
        let told = tokio::time::timeout(std::time::Duration::from_secs(60), told).await;
        let error = told.expect("in time").expect("it ends").unwrap_err();
        assert_eq!(error, "nothing could be written for 1 seconds");
        server.with_engine(|engine| {
            assert!(!engine.keyspace.snapshot_running() && !server.persistence.running());
            // That thread still hangs. The next save has another one.
            server
                .persistence
                .save(engine, &SaveOptions::default())
                .unwrap();
        });
        drop(go_on);
    });
}

#[test]
fn without_a_thread_a_save_is_written_by_who_waits_for_it_and_none_in_the_background() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    server.with_engine(|engine| {
        engine.keyspace.db_mut(0).insert_str(b"key", b"v", None);
        let guard = threads::refuse();
        let options = SaveOptions::default();
        for i in 0..20_000 {
            let db = engine.keyspace.db_mut(0);
            db.insert_str(format!("key:{i}").as_bytes(), &[b'v'; 200], None);
        }
        let saved = server.persistence.save(engine, &options);
        saved.expect("the caller writes");
        assert!(!server.persistence.running() && !engine.keyspace.snapshot_running());
        let dump = std::fs::read(dir.path().join("dump.rdb")).unwrap();
        let load = boot::load_options(engine);
        let (done, ..) = load::load(&dump[..], &load, &LoadProgress::default()).expect("sound");
        assert_eq!(done.keys_loaded, 20_001);
        assert!(server.persistence.bgsave(engine, &options).is_err());
        assert!(engine.save_failed && !server.persistence.running());
        assert!(server.persistence.last_failure().is_some());
        server.persistence.after_flushall(engine);
        // A failing disk is reported, as it is by a thread.
        let name = std::mem::replace(&mut engine.config.dbfilename, "missing/dump.rdb".into());
        let error = server.persistence.save(engine, &options).unwrap_err();
        assert!(error.contains("No such file"), "{error}");
        assert!(!server.persistence.running() && !engine.keyspace.snapshot_running());
        engine.config.dbfilename = name;
        drop(guard);
        // No snapshot was left behind.
        engine.keyspace.db_mut(0).insert_str(b"key", b"w", None);
        server
            .persistence
            .save(engine, &options)
            .expect("there are threads again");
        assert!(!engine.save_failed);
    });
    assert!(dir.path().join("dump.rdb").exists());
}

#[test]
fn a_hash_of_which_nothing_is_left_is_loaded_by_replicas_only() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    server.with_engine(|engine| {
        let past = engine.clock.unix_ms - 1000;
        for (key, fields, lasting) in [
            ("packed", 3, 0),
            ("packed, in part", 3, 1),
            ("table", 600, 0),
            ("table, in part", 600, 1),
        ] {
            let mut hash = Hash::new();
            for n in 0..fields + lasting {
                let field = format!("field:{n}");
                hash.set(field.as_bytes(), b"v", &engine.limits);
                if n < fields {
                    hash.set_expire(field.as_bytes(), Some(past), &engine.limits);
                }
            }
            let db = engine.keyspace.db_mut(0);
            db.insert(key.as_bytes(), Value::Hash(hash), None);
        }
        let saved = server.persistence.save(engine, &SaveOptions::default());
        saved.expect("saved");
    });
    let dump = std::fs::read(dir.path().join("dump.rdb")).unwrap();
    for (keep_expired, loaded, expired) in [(true, 4, 0), (false, 2, 2)] {
        let options = load::LoadOptions {
            keep_expired,
            ..boot::load_options(&mut server.engine.borrow_mut())
        };
        let (done, ..) = load::load(&dump[..], &options, &LoadProgress::default()).expect("sound");
        assert_eq!((done.keys_loaded, done.keys_expired), (loaded, expired));
    }
}

#[test]
fn a_load_without_threads_is_done_by_who_asked() {
    let path = &good_dumps()[0];
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let bytes = std::fs::read(path).unwrap();
    let load_with = |threads| {
        let options = load::LoadOptions {
            threads,
            ..boot::load_options(&mut server.engine.borrow_mut())
        };
        let loaded = load::load(&bytes[..], &options, &LoadProgress::default());
        loaded.expect("a good dump").0.keys_loaded
    };
    let with = load_with(4);
    let _guard = threads::refuse();
    assert_eq!(load_with(4), with);
}

#[test]
fn a_dump_is_the_same_however_many_threads_compress() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    server.with_engine(|engine| {
        engine.config.rdbcompression = true;
        for i in 0..60_000 {
            let value = format!("{i}").repeat(1 + i % 60);
            let db = engine.keyspace.db_mut(i % 3);
            db.insert_str(format!("key:{i}").as_bytes(), value.as_bytes(), None);
        }
        // A value that leaves the keyspace in parts, between blocks that others encode.
        let long = "value ".repeat(100_000);
        engine
            .keyspace
            .db_mut(1)
            .insert_str(b"long", long.as_bytes(), None);
        let mut dumps = Vec::new();
        for threads in [1, 2, 3, 8] {
            engine.config.threads = threads;
            let saved = server.persistence.save(engine, &SaveOptions::default());
            saved.expect("it is saved");
            let dump = std::fs::read(dir.path().join("dump.rdb")).unwrap();
            let load = boot::load_options(engine);
            let (done, ..) = load::load(&dump[..], &load, &LoadProgress::default()).expect("sound");
            assert_eq!(done.keys_loaded, 60_001);
            // What comes before the keys tells the time, and what comes after them is a checksum of all.
            let keys = dump
                .windows(3)
                .position(|w| w == [0xfe, 0, 0xfb])
                .expect("a database");
            dumps.push(dump[keys..dump.len() - 8].to_vec());
        }
        assert!(dumps[0].len() < 4_000_000, "it is compressed");
        assert!(dumps.windows(2).all(|two| two[0] == two[1]));
    });
}

#[test]
fn values_that_a_target_cannot_hold_fail_the_save_and_name_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let good = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("testdata/rdb/good/redis-8.2-field-ttls.rdb");
    let loaded = load(&server, &std::fs::read(good).unwrap()).unwrap();
    server.with_engine(|engine| {
        server
            .persistence
            .install(engine, loaded)
            .expect("libraries that load");
        let options = SaveOptions {
            target: Some("redis-7.0".into()),
            ..SaveOptions::default()
        };
        let error = server.persistence.save(engine, &options).unwrap_err();
        assert!(
            error.contains("redis-7.0") && error.contains("key '"),
            "{error}"
        );
        server
            .persistence
            .save(engine, &SaveOptions::default())
            .unwrap();
    });
}

/// Each way in which a dataset can become incomplete, and whether it still is afterwards.
#[test]
fn nothing_is_saved_from_the_moment_that_a_load_gives_the_dataset_up_until_it_is_complete() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let dump = dir.path().join("dump.rdb");
    let good = "testdata/rdb/good/redis-8.2-field-ttls.rdb";
    let bytes =
        std::fs::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(good)).unwrap();
    let [first, second] = [(); 2].map(|()| load(&server, &bytes).unwrap());
    server.with_engine(|engine| {
        let persistence = &server.persistence;
        let options = SaveOptions::default();
        persistence
            .install(engine, first)
            .expect("libraries that load");
        persistence.save(engine, &options).unwrap();
        let before = std::fs::read(&dump).unwrap();
        engine.config.save = vec![config::special::SavePoint {
            seconds: 0,
            changes: 1,
        }];
        engine.dirty = 10;
        engine.clock.steady_ms += 100_000;
        persistence.empty_for_load(engine);
        let progress = Arc::<LoadProgress>::default();
        persistence.begin_loading(engine, engine::Loading::Blocking, 0, progress);
        let refused = |engine: &mut Engine| {
            assert!(persistence.save(engine, &options).is_err());
            assert!(persistence.bgsave(engine, &options).is_err());
            persistence.cron(engine);
            let reload = reload(persistence, engine, ReloadOptions::default());
            assert!(reload.is_err());
            assert!(!persistence.running());
            assert_eq!(std::fs::read(&dump).unwrap(), before);
        };
        refused(engine);
        persistence.end_loading(engine);
        refused(engine);
        persistence
            .install(engine, second)
            .expect("libraries that load");
        persistence.save(engine, &options).unwrap();
        persistence.empty_for_load(engine);
        persistence.end_loading(engine);
        persistence.after_flushall(engine);
        assert!(std::fs::metadata(&dump).unwrap().len() < before.len() as u64);
    });
}

/// A disk whose sync takes long, and which then reports whether the dump could still be renamed.
struct SlowDisk {
    begins: std::sync::mpsc::Sender<()>,
    synced: std::sync::mpsc::Receiver<()>,
    placed: std::sync::mpsc::Sender<bool>,
}

impl Sink<File> for SlowDisk {
    fn write(&mut self, _: &[u8]) -> Result<(), SaveError> {
        Ok(())
    }

    fn finish(self: Box<Self>, fate: &Fate) -> Result<Option<File>, SaveError> {
        self.begins.send(()).expect("the test waits for it");
        // An error means that it is synced.
        let _ = self.synced.recv();
        let placed = fate.place(|| Ok(None));
        self.placed.send(placed.is_ok()).expect("so it does");
        placed
    }
}

#[test]
fn a_save_that_was_given_up_while_the_disk_synced_it_is_not_put_over_the_next_one() {
    for given_up in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let server = server(dir.path());
        let persistence = &server.persistence;
        let (begins, begun) = std::sync::mpsc::channel();
        let (go_on, synced) = std::sync::mpsc::channel();
        let (placed, told) = std::sync::mpsc::channel();
        let disk = SlowDisk {
            begins,
            synced,
            placed,
        };
        server.with_engine(|engine| {
            let request = SnapshotRequest {
                target: Target::Sinks(vec![Box::new(disk)]),
                form: None,
                only_functions: false,
                on_end: None,
            };
            let whole = persistence.whole(engine).unwrap();
            persistence
                .begin(engine, &whole, request, Awaited::ByExecutor)
                .unwrap();
            drop(whole);
            while let Advance::Again = persistence.step(engine) {}
            begun.recv().expect("it comes to its end");
            if given_up {
                assert!(persistence.give_up(engine, Which::Any));
                persistence.save(engine, &SaveOptions::default()).unwrap();
                drop(go_on);
            } else {
                drop(go_on);
                persistence.finish(engine).unwrap();
            }
        });
        assert_eq!(told.recv(), Ok(!given_up));
    }
}
