//! Starting with no dump, a good one and a bad one, and the role that the server takes up.

use super::*;
use crate::testing::{DUMP, Hands, config, lines, loaded};
use commands::testing::Bench;
use config::Config;
use config::special::Address;
use disk::fake::FakeDisk;
use engine::host::SaveOptions;
use replication::position::{Position, ReplId};
use replication::{ReplOffset, StreamDb};

const ID: &str = "0123456789abcdef0123456789abcdef01234567";

fn start(dump: Option<&[u8]>, config: Config) -> (Bench, Saves<Hands>) {
    let disk = FakeDisk::with(dump.map(|bytes| (DUMP, bytes)));
    (Bench::with(config), Saves::new(Hands::new(disk)))
}

fn restored(expired: Option<Vec<(u32, Vec<u8>)>>) -> Restored {
    let at = Position {
        id: ReplId::parse(ID.as_bytes()).expect("40 characters"),
        offset: ReplOffset::claimed(100),
    };
    let stream_db = StreamDb::ours(0);
    Restored {
        meta: ReplMeta { stream_db, at },
        expired,
        past: None,
    }
}

#[test]
fn without_a_dump_the_dataset_is_empty_and_complete() {
    let (mut bench, saves) = start(None, config());
    let found = Boot::look(&saves, &mut bench.engine).expect("there is none");
    assert!(found.is_none());
    assert_eq!(bench.engine.loading, Loading::No);
    assert!(saves.whole(&bench.engine).is_some());
}

#[test]
fn a_dump_is_loaded_before_anything_is_saved_and_says_where_it_was_cut() {
    let aux = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    for (place, told) in [(true, true), (false, false)] {
        let (mut bench, saves) = start(Some(b"12345"), config());
        let engine = &mut bench.engine;
        let found = Boot::look(&saves, engine).expect("it can be opened");
        let (boot, dump) = found.expect("there is one");
        assert_eq!(dump.options.total_bytes, Some(5));
        assert_eq!(engine.loading, Loading::Blocking);
        let refused = saves.save(engine, &SaveOptions::default());
        assert!(
            refused.is_err(),
            "nothing replaces a dump that is not in memory"
        );
        let mut loaded = loaded(engine.keyspace.hasher(), "k", "v");
        if place {
            loaded.aux = vec![
                aux("repl-stream-db", "0"),
                aux("repl-id", ID),
                aux("repl-offset", "100"),
            ];
        }
        let restored = boot.loaded(engine, Ok(loaded)).expect("it is sound");
        assert_eq!(restored.is_some(), told);
        assert_eq!(engine.loading, Loading::No);
        assert!(saves.whole(engine).is_some());
        assert_eq!(bench.run("GET k"), "\"v\"");
    }
}

#[test]
fn a_dump_that_cannot_be_loaded_ends_the_start_and_leaves_nothing_to_save() {
    let (mut bench, saves) = start(Some(b"12345"), config());
    let engine = &mut bench.engine;
    let found = Boot::look(&saves, engine).expect("it can be opened");
    let (boot, _) = found.expect("there is one");
    let told = boot.loaded(engine, Err(LoadError::Cancelled));
    let told = told.expect_err("it was not loaded");
    assert!(
        told.starts_with("Fatal error loading the DB /data/dump.rdb: "),
        "{told}"
    );
    assert!(told.ends_with("The file was left as it is. Exiting."));
    assert_eq!(engine.loading, Loading::No);
    assert!(saves.whole(engine).is_none());
    assert_eq!(
        saves.writers().disk().read(Path::new(DUMP)).as_deref(),
        Some(&b"12345"[..])
    );
}

#[test]
fn of_a_library_that_does_not_load_only_salvage_makes_no_end() {
    for salvages in [false, true] {
        let (mut bench, saves) = start(
            Some(b"12345"),
            Config {
                rdb_load_salvage: salvages,
                ..config()
            },
        );
        let engine = &mut bench.engine;
        let found = Boot::look(&saves, engine).expect("it can be opened");
        let (boot, _) = found.expect("there is one");
        let mut loaded = loaded(engine.keyspace.hasher(), "k", "v");
        loaded.functions = vec![b"#!lua name=bad\nthis is no Lua".to_vec()];
        assert_eq!(boot.loaded(engine, Ok(loaded)).is_ok(), salvages);
        assert_eq!(engine.keyspace.is_empty(), !salvages);
    }
}

#[test]
fn a_primary_goes_on_with_its_history_under_a_new_name_and_tells_what_had_expired() {
    let (mut bench, _) = start(None, config());
    let engine = &mut bench.engine;
    take_part(engine, Some(restored(Some(vec![(0, b"gone".to_vec())]))));
    assert!(!engine.repl.is_replica());
    let history = engine.repl.history();
    assert!(
        !history.id().is(ID.as_bytes()),
        "nobody knows who else has more"
    );
    let (select, del) = (
        "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n",
        "*2\r\n$3\r\nDEL\r\n$4\r\ngone\r\n",
    );
    assert_eq!(
        history.offset().get(),
        100 + (select.len() + del.len()) as i64
    );
    // Replicas that had everything up to the cut continue from there.
    let id = bench.connect();
    bench.run_as(id, "REPLCONF capa psync2");
    bench.run_as(id, &format!("PSYNC {ID} 101"));
    assert_eq!(bench.engine.stats.sync_partial_ok, 1);
}

#[test]
fn expired_keys_that_cannot_be_told_end_the_history() {
    let (mut bench, _) = start(None, config());
    take_part(&mut bench.engine, Some(restored(None)));
    assert_eq!(bench.engine.repl.history().offset().get(), 0);
    let told = lines(&mut bench.engine);
    assert!(told[0].contains("full resync"), "{told:?}");
}

#[test]
fn a_replica_asks_for_what_follows_its_dump_and_tells_nothing_itself() {
    for (has_dump, asked) in [(true, 100), (false, 0)] {
        let (mut bench, _) = start(
            None,
            Config {
                replicaof: Some(Address {
                    host: "other".to_owned(),
                    port: 7000,
                }),
                ..config()
            },
        );
        let dump = has_dump.then(|| restored(Some(vec![(0, b"gone".to_vec())])));
        take_part(&mut bench.engine, dump);
        let repl = &bench.engine.repl;
        let up = repl.upstream().expect("it follows");
        assert_eq!(up.link.primary(), ("other", 7000));
        assert_eq!(up.cached.is_some(), has_dump);
        assert_eq!(repl.history().offset().get(), asked);
    }
}

#[test]
fn without_dump_and_primary_a_server_begins_without_a_history() {
    let (mut bench, _) = start(None, config());
    take_part(&mut bench.engine, None);
    let repl = &bench.engine.repl;
    assert!(!repl.is_replica() && repl.history().backlog().is_none());
}
