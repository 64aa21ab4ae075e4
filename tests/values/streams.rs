//! Streams: the same entries, groups and nodes as a real server after the same commands, and each reads
//! the other's bytes.

use crate::{Bench, Rng};
use forebay::keyspace::value::stream::{Bound, Group, References, Stream, Trim};
use forebay::keyspace::{Limits, Value, ValueRef};
use forebay::rdb::dump::{self, Checksums};
use forebay::rdb::stream::StreamId;

/// All that XINFO STREAM FULL tells, but for times and read counters.
fn told(stream: &Stream) -> String {
    let mut out = format!(
        "{} {} {} {} {} {} {}",
        stream.len(),
        stream.node_count(),
        stream.radix_nodes(),
        stream.last_id(),
        stream.max_deleted_id(),
        stream.entries_added(),
        stream.first_id()
    );
    for entry in stream.iter() {
        out += &format!(" {}", entry.id);
    }
    for (name, group) in stream.groups() {
        let name = String::from_utf8_lossy(name);
        out += &format!(" [{name} {}", group.last_id);
        for (id, pending) in group.pending_from(StreamId::ZERO) {
            let owner = pending.owner.as_deref().map(String::from_utf8_lossy);
            out += &format!(" {id}:{}:{}", owner.unwrap_or_default(), pending.deliveries);
        }
        out += "]";
    }
    out
}

fn id_text(id: StreamId) -> Vec<u8> {
    id.to_string().into_bytes()
}

/// One command on the server's key `k`, and the same on ours.
fn step(bench: &mut Bench, rng: &mut Rng, stream: &mut Stream, limits: &Limits, groups: bool) {
    let last = stream.last_id();
    let some = StreamId {
        ms: rng.below(last.ms as usize + 1) as u64,
        seq: rng.below(3) as u64,
    };
    match rng.below(if groups { 20 } else { 15 }) {
        0..=9 => {
            let id = StreamId {
                ms: last.ms + [0, 1, 300][rng.below(3)],
                seq: last.seq + 1,
            };
            let (name, value) = (["f", "g", "12"][rng.below(3)].as_bytes(), rng.text(500));
            let args: [&[u8]; 5] = [b"XADD", b"k", &id_text(id), name, &value];
            assert_eq!(bench.cmd(&args).bytes(), Some(&id_text(id)[..]));
            assert!(stream.append(id, &[name, &value], limits).is_ok());
        }
        10..=12 => {
            let gone = bench.cmd(&[b"XDEL", b"k", &id_text(some)]);
            assert_eq!(gone.int(), Some(i64::from(stream.delete(some))));
        }
        13 => {
            let most = rng.below(200);
            let approximate = rng.below(2) == 0;
            let sign: &[u8] = if approximate { b"~" } else { b"=" };
            let most_text = most.to_string();
            let gone = bench.cmd(&[b"XTRIM", b"k", b"MAXLEN", sign, most_text.as_bytes()]);
            let trim = Trim {
                bound: Bound::MaxLen(most as u64),
                approximate,
                limit: 0,
                references: References::Keep,
            };
            assert_eq!(gone.int(), Some(stream.trim(&trim) as i64));
        }
        14 => {
            let gone = bench.cmd(&[b"XTRIM", b"k", b"MINID", b"~", &id_text(some)]);
            let trim = Trim {
                bound: Bound::MinId(some),
                approximate: true,
                limit: 0,
                references: References::Keep,
            };
            assert_eq!(gone.int(), Some(stream.trim(&trim) as i64));
        }
        n => group_step(bench, rng, stream, n),
    }
}

fn group_step(bench: &mut Bench, rng: &mut Rng, stream: &mut Stream, n: usize) {
    let name = format!("g{}", rng.below(3)).into_bytes();
    let consumer = format!("c{}", rng.below(3)).into_bytes();
    if stream.group(&name).is_none() {
        bench.cmd(&[b"XGROUP", b"CREATE", b"k", &name, b"0", b"MKSTREAM"]);
        assert!(stream.add_group(&name, Group::new(StreamId::ZERO, None)));
        return;
    }
    let pending = stream.group(&name).and_then(|group| group.pending_bounds());
    match (n, pending) {
        (15 | 16, Some((first, _))) => {
            bench.cmd(&[b"XACK", b"k", &name, &id_text(first)]);
            stream.edit_group(&name, |group| group.acknowledge(first));
        }
        (17, Some((_, last))) => {
            let args: [&[u8]; 10] = [
                b"XCLAIM",
                b"k",
                &name,
                &consumer,
                b"0",
                &id_text(last),
                b"RETRYCOUNT",
                b"9",
                b"FORCE",
                b"JUSTID",
            ];
            bench.cmd(&args);
            let there = stream.get(last).is_some();
            stream.edit_group(&name, |group| {
                group.add_consumer(&consumer, 1);
                match there {
                    true => group.claim(std::iter::once((last, 9)), &consumer, 1, 1),
                    false => _ = group.acknowledge(last),
                }
            });
        }
        _ => {
            let from = stream.group(&name).and_then(|group| group.last_id.next());
            let ids = stream.range(from.unwrap_or(StreamId::MAX), StreamId::MAX);
            let ids: Vec<_> = ids.map(|entry| entry.id).take(40).collect();
            let args: [&[u8]; 9] = [
                b"XREADGROUP",
                b"GROUP",
                &name,
                &consumer,
                b"COUNT",
                b"40",
                b"STREAMS",
                b"k",
                b">",
            ];
            bench.cmd(&args);
            stream.edit_group(&name, |group| {
                group.add_consumer(&consumer, 1);
                group.deliver(&ids, &consumer, 1);
                group.last_id = ids.last().copied().unwrap_or(group.last_id);
            });
        }
    }
}

/// The server's dump, and ours after it was there and back.
fn exchange(bench: &mut Bench, stream: &Stream, limits: &Limits) {
    let value = Value::Stream(stream.clone());
    let mut body = Vec::new();
    let rdb_type = value.to_rdb(&mut |piece| body.extend_from_slice(piece), None);
    let mut payload = Vec::new();
    dump::encode(rdb_type, &body, &mut payload);
    let restored = bench.cmd(&[b"RESTORE", b"ours", b"0", &payload, b"REPLACE"]);
    assert_eq!(restored.to_string(), "+OK");
    let digests = bench.cmd(&[b"DEBUG", b"DIGEST-VALUE", b"k", b"ours"]);
    let digests = digests.items().expect("two digests");
    assert_eq!(digests[0], digests[1]);
    for key in [b"k".as_slice(), b"ours"] {
        let dumped = bench.cmd(&[b"DUMP", key]);
        let dumped = dumped.bytes().expect("a payload").to_vec();
        let payload = dump::decode(&dumped, Checksums::Computed, &mut bench.scratch)
            .expect("a sound payload");
        let read = Value::load(payload.rdb_type, payload.value, limits);
        let ValueRef::Stream(read) = read.as_ref() else {
            panic!("a stream stays one")
        };
        assert_eq!(told(&read), told(stream));
    }
}

#[test]
fn streams_have_the_nodes_and_groups_of_a_real_server() {
    for peer in ["redis-8.2", "valkey-8.1"] {
        let Some(mut bench) = Bench::start(peer) else {
            continue;
        };
        for seed in 0..12 {
            let mut rng = Rng(seed);
            let limits = Limits {
                stream_node_max_bytes: [0, 200, 4096][rng.below(3)],
                stream_node_max_entries: [0, 1, 7, 100][rng.below(4)],
                ..Limits::default()
            };
            bench.limit("stream-node-max-bytes", limits.stream_node_max_bytes as i64);
            bench.limit(
                "stream-node-max-entries",
                limits.stream_node_max_entries as i64,
            );
            bench.cmd(&[b"DEL", b"k"]);
            let mut stream = Stream::new();
            let groups = seed % 2 == 1;
            for round in 0..300 {
                step(&mut bench, &mut rng, &mut stream, &limits, groups);
                if round % 60 == 59 {
                    exchange(&mut bench, &stream, &limits);
                }
            }
        }
    }
}
