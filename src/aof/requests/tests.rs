//! The requests of each type, and values that no request can express.

use super::*;
use crate::{Item as Word, Reader, Step};

/// The requests, their arguments joined by spaces.
fn lines(bytes: &[u8]) -> Vec<String> {
    let (mut reader, mut at, mut lines) = (Reader::at(0), 0, Vec::new());
    while at < bytes.len() {
        let Ok(Step::Item {
            item: Word::Request(request),
            consumed,
        }) = reader.next(&bytes[at..])
        else {
            panic!("no request at {at}")
        };
        let args: Vec<_> = request
            .args()
            .map(|arg| arg.escape_ascii().to_string())
            .collect();
        lines.push(args.join(" "));
        at += consumed;
    }
    lines
}

fn key(expire_ms: Option<i64>, rdb_type: RdbType, value: &[u8]) -> Vec<String> {
    let mut out = Vec::new();
    let done = Requests::default().key(b"k", expire_ms, rdb_type, value, &mut out);
    done.expect("the value is sound");
    lines(&out)
}

#[test]
fn keys_become_the_requests_that_make_them() {
    assert_eq!(key(None, RdbType::String, b"\x01v"), ["SET k v"]);
    assert_eq!(
        key(Some(77), RdbType::String, b"\xc0\x05"),
        ["SET k 5", "PEXPIREAT k 77"]
    );
    assert_eq!(key(None, RdbType::List, b"\x02\x01a\x01b"), ["RPUSH k a b"]);
    assert_eq!(key(None, RdbType::Set, b"\x01\x01a"), ["SADD k a"]);
    let zset = [&b"\x01\x01a"[..], &(-1.5f64).to_le_bytes()].concat();
    assert_eq!(key(None, RdbType::Zset2, &zset), ["ZADD k -1.5 a"]);
    assert_eq!(key(None, RdbType::Hash, b"\x01\x01f\x01v"), ["HMSET k f v"]);
    let never = (-1i64).to_le_bytes();
    let at = 5000i64.to_le_bytes();
    let hash = [&b"\x02\x01f\x01v"[..], &never, b"\x01g\x01w", &at].concat();
    assert_eq!(
        key(None, RdbType::Hash2, &hash),
        ["HMSET k f v g w", "HPEXPIREAT k 5000 FIELDS 1 g"]
    );
}

#[test]
fn long_rows_are_several_requests() {
    let mut value = vec![0x40, 130];
    for n in 0..130u8 {
        value.extend_from_slice(&[1, b'a' + n % 26]);
    }
    let lines = key(None, RdbType::List, &value);
    let counts = lines.iter().map(|line| line.split(' ').count());
    assert_eq!(counts.collect::<Vec<_>>(), [66, 66, 4]);
    assert!(lines[2].ends_with(" y z"));
}

fn stream_value(stream: &Stream<'_>, rdb_type: RdbType) -> Vec<u8> {
    let mut value = Vec::new();
    stream.encode(rdb_type, &mut value);
    value
}

fn with_group() -> Stream<'static> {
    let consumer = |name: &'static [u8]| rdb::stream::Consumer {
        name: name.into(),
        seen_ms: 3,
        active_ms: Some(4),
        owned: u32::from(name == b"c"),
    };
    Stream {
        last_id: StreamId { ms: 7, seq: 1 },
        head: Some(rdb::stream::Head {
            entries_added: 3,
            max_deleted_id: StreamId { ms: 7, seq: 1 },
            ..Default::default()
        }),
        groups: vec![Group {
            name: b"g"[..].into(),
            last_id: StreamId { ms: 7, seq: 0 },
            entries_read: None,
            pending: vec![Pending {
                id: StreamId { ms: 6, seq: 0 },
                delivered_ms: 99,
                deliveries: 2,
                owner: Some(1),
            }],
            consumers: vec![consumer(b"b"), consumer(b"c")],
            nacked: Vec::new(),
        }],
        ..Stream::default()
    }
}

#[test]
fn streams_keep_their_ids_counts_and_groups() {
    let value = stream_value(&with_group(), RdbType::Stream3);
    assert_eq!(
        key(None, RdbType::Stream3, &value),
        [
            "XADD k MAXLEN 0 7-1 x y",
            "XSETID k 7-1 ENTRIESADDED 3 MAXDELETEDID 7-1",
            "XGROUP CREATE k g 7-0 ENTRIESREAD -1",
            "XGROUP CREATECONSUMER k g b",
            "XGROUP CREATECONSUMER k g c",
            "XCLAIM k g c 0 6-0 TIME 99 RETRYCOUNT 2 JUSTID FORCE",
        ]
    );
}

#[test]
fn what_no_request_says_is_restored() {
    let mut stream = with_group();
    stream.groups[0].nacked = vec![StreamId { ms: 6, seq: 0 }];
    stream.groups[0].pending[0].owner = None;
    stream.groups[0].consumers[1].owned = 0;
    let value = stream_value(&stream, RdbType::Stream5);
    let lines = key(None, RdbType::Stream5, &value);
    assert!(lines[0].starts_with("RESTORE k 0 \\x1b"), "{lines:?}");
    let lines = key(Some(9), RdbType::Array, b"\x00\x00");
    assert!(lines[0].starts_with("RESTORE k 0 \\x1c"), "{lines:?}");
    assert_eq!(lines[1], "PEXPIREAT k 9");
}

#[test]
fn no_bytes_of_a_value_make_it_panic() {
    let value = stream_value(&with_group(), RdbType::Stream3);
    for end in 0..value.len() {
        let mut out = Vec::new();
        let cut = &value[..end];
        let done = Requests::default().key(b"k", None, RdbType::Stream3, cut, &mut out);
        assert!(done.is_err(), "cut at {end}");
    }
}
