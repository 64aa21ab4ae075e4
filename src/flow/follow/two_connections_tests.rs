//! What becomes of the stream that comes while its payload comes over a second connection.

use super::collected::Source;
use super::tests::{ID, MARK, PAYLOAD, Replica};
use super::*;
use crate::scratch_for_tests::{MemoryDisk, MemoryFile};
use crate::spill::{self, SpillWriter};
use crate::testing::{Takes, config};
use config::Config;
use config::choices::DisklessLoad;
use std::path::Path;
use std::sync::Arc;

fn set(key: &str, value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    base::request::encode_request(&mut out, &["SET", key, value]);
    out
}

fn replica(load: DisklessLoad, limit: i64) -> Replica {
    let mut r = Replica::new(Config {
        repl_diskless_load: load,
        repl_rdb_channel: true,
        replica_full_sync_buffer_limit: limit,
        ..config()
    });
    r.shake_hands();
    r.bytes("+RDBCHANNELSYNC 5\r\n");
    assert_eq!(r.asks.pop(), Some(Ask::ConnectSecond));
    r.input(Input::SecondConnected);
    second(&mut r, "+OK\r\n");
    second(&mut r, format!("+FULLRESYNC {ID} 100\r\n$EOF:{MARK}\r\n"));
    r
}

fn second(r: &mut Replica, bytes: impl AsRef<[u8]>) {
    r.input(Input::SecondBytes(bytes.as_ref()));
}

fn complete(r: &mut Replica) {
    second(r, [PAYLOAD, MARK.as_bytes()].concat());
    assert_eq!(r.asks.pop(), Some(Ask::DisconnectSecond));
}

fn load(r: &mut Replica) {
    r.takes_memory();
    r.load("new");
}

/// Applies all that was collected, as the server does.
fn drain(r: &mut Replica) {
    while let Some(source) = r.follower.next_collected(&r.bench.engine) {
        match source {
            Source::Memory => r.input(Input::Collected),
            Source::Disk(place, len) => {
                r.follower.reads_back();
                assert!(r.follower.next_collected(&r.bench.engine).is_none());
                let read = spill::read::<MemoryFile>(&place, len);
                r.input(Input::ReadBack(read.map_err(|e| e.to_string())));
            }
        }
    }
}

fn wants_input(r: &Replica) -> bool {
    r.follower.wants_input(&r.bench.engine)
}

fn is_up(r: &Replica) -> bool {
    r.bench.engine.repl.link_is_up()
}

#[test]
fn what_was_collected_is_applied_before_anything_more_is_read() {
    let mut r = replica(DisklessLoad::Swapdb, 0);
    let stream = [set("a", "1"), set("b", "2")].concat();
    // Cut within a command: the rest comes later.
    let (now, later) = stream.split_at(stream.len() - 5);
    r.bytes(now);
    assert!(wants_input(&r) && r.follower.wants_payload(&r.bench.engine));
    complete(&mut r);
    r.bytes(&later[..2]);
    assert!(!r.has("a"));
    load(&mut r);
    assert!(is_up(&r) && r.has("new") && !r.has("a"));
    assert!(!wants_input(&r));
    drain(&mut r);
    assert!(wants_input(&r) && r.has("a") && !r.has("b"));
    r.bytes(&later[2..]);
    assert!(r.has("b"));
    let offset = 100 + stream.len() as i64;
    assert_eq!(r.bench.engine.repl.offset().get(), offset);
}

#[test]
fn at_the_limit_nothing_more_of_the_stream_is_read_and_the_payload_goes_on() {
    let mut r = replica(DisklessLoad::Swapdb, 1000);
    r.bytes(set("a", &"x".repeat(990)));
    assert!(!wants_input(&r) && r.follower.wants_payload(&r.bench.engine));
    complete(&mut r);
    load(&mut r);
    drain(&mut r);
    assert!(wants_input(&r) && r.has("a"));
}

#[test]
fn a_link_that_ends_during_the_load_is_missed_when_all_is_applied() {
    let mut r = replica(DisklessLoad::Swapdb, 0);
    r.bytes(set("a", "1"));
    complete(&mut r);
    r.input(Input::Closed("reset"));
    assert!(!wants_input(&r));
    r.after(1000);
    assert_eq!(r.said(), "", "nobody is there to hear it");
    load(&mut r);
    r.after(0);
    assert!(is_up(&r), "what was collected counts first");
    drain(&mut r);
    assert!(r.has("a") && !is_up(&r));
    // What was applied need not come again.
    r.after(2000);
    r.connect();
    r.bytes("+PONG\r\n");
    let asked = r.said().matches("REPLCONF").count();
    r.bytes("+OK\r\n".repeat(asked));
    let from = 100 + set("a", "1").len() + 1;
    assert!(r.said().contains(&format!("{ID}\r\n$3\r\n{from}\r\n")));
}

#[test]
fn what_was_collected_is_forgotten_with_its_payload() {
    let mut r = replica(DisklessLoad::Swapdb, 0);
    r.bytes(set("a", "1"));
    r.input(Input::SecondClosed("reset"));
    assert_eq!(r.asks.pop(), Some(Ask::Disconnect));
    assert!(r.has("old") && !r.has("a"));
    assert!(r.follower.next_collected(&r.bench.engine).is_none());
    let upstream = r.bench.engine.repl.upstream();
    assert_eq!(upstream.map(|up| up.collected), Some(0));
    assert_eq!(upstream.map(|up| up.collected_memory), Some(0));
}

#[test]
fn what_memory_has_no_room_for_goes_to_disk_and_comes_back_in_order() {
    let disk = MemoryDisk::default();
    let directory = Path::new("/data").to_owned();
    let mut writer = SpillWriter::new(disk, directory, 100_000, Arc::new(drop));
    let mut r = replica(DisklessLoad::Swapdb, 0);
    r.follower.collect_above(30_000);
    let mut blocks = 0;
    let mut all = 0;
    for n in 0..300 {
        let bytes = set(&format!("k{n}"), &format!("{n}{}", "v".repeat(1000)));
        all += bytes.len() as i64;
        r.bytes(&bytes);
        while let Some(block) = r.follower.spill() {
            let spilled = match n {
                // The disk is full for a while: the block stays where it is.
                150 => (block.start, Err("full".to_owned())),
                _ => writer.write(&block),
            };
            blocks += 1;
            r.follower.spilled(spilled, &mut r.bench.engine);
        }
    }
    assert!(blocks > 5, "{blocks}");
    let in_memory = |r: &Replica| r.bench.engine.repl.upstream().map(|up| up.collected_memory);
    let held = in_memory(&r).expect("a replica");
    assert!(held > 0 && (held as i64) < all, "{held} of {all}");
    complete(&mut r);
    load(&mut r);
    drain(&mut r);
    for n in 0..300 {
        assert!(r.has(&format!("k{n}")), "{n}");
    }
    assert_eq!(r.bench.engine.repl.offset().get(), 100 + all);
    assert_eq!(in_memory(&r), Some(0));
}

#[test]
fn what_cannot_be_read_back_is_asked_for_again() {
    let mut r = replica(DisklessLoad::Swapdb, 0);
    r.bytes(set("a", "1"));
    complete(&mut r);
    load(&mut r);
    r.follower.reads_back();
    r.input(Input::ReadBack(Err("bad sector".to_owned())));
    assert!(!is_up(&r) && r.has("new"));
    assert_eq!(r.asks.pop(), Some(Ask::Disconnect));
}

#[test]
fn a_payload_to_disk_is_placed_and_loaded_as_with_one_connection() {
    let mut r = replica(DisklessLoad::Disabled, 0);
    r.bytes(set("a", "1"));
    complete(&mut r);
    let Some(Takes::File(..)) = r.hands.taken() else {
        panic!("it goes to a file");
    };
    assert!(r.has("old"));
}
