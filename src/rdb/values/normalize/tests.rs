//! Old, foreign and irregular encodings become the canonical ones, with the same elements.

use super::*;
use crate::tags::rdb_type::RdbType;
use crate::tags::version::RdbVersion;
use crate::values::check::check_value;
use base::testing::Rng;

fn normalized(version: RdbVersion, rdb_type: RdbType, bytes: &[u8]) -> (RdbType, Vec<u8>) {
    let mut scratch = Scratch::new(base::secret::HashKey::fixed([3, 0]));
    let context = Context::new(version);
    let info = check_value(&context, rdb_type, bytes, &mut scratch).expect("sound");
    let mut out = Vec::new();
    let held = normalize(&context, rdb_type, bytes, &info, &mut scratch, &mut out).expect("sound");
    let again = check_value(&Context::held(), held, &out, &mut scratch).expect("sound");
    assert!(
        again.as_is && again.elements == info.elements && again.min_expire_ms == info.min_expire_ms
    );
    (held, out)
}

fn fields(rdb_type: RdbType, bytes: &[u8]) -> Vec<(String, String, Option<i64>)> {
    let mut out = Vec::new();
    walk::hash(
        &Context::held(),
        rdb_type,
        bytes,
        &mut Bufs::new(),
        |f, v, t| {
            let text = |i: Item<'_>| String::from_utf8(i.to_vec()).expect("text");
            out.push((text(f), text(v), t));
            Ok::<(), RdbError>(())
        },
    )
    .expect("sound");
    out
}

fn elements(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    walk::list(RdbType::Quicklist2, bytes, &mut Bufs::new(), |item| {
        out.push(item.to_vec());
        Ok::<(), RdbError>(())
    })
    .expect("sound");
    out
}

#[test]
fn the_dump_bodies_of_6_2_become_those_of_7_0() {
    let v9 = RdbVersion::redis(9);
    let list = b"\x01\x17\x17\0\0\0\x12\0\0\0\x04\0\0\x01a\x03\xf6\x02\xfe\xff\x03\xc0\x2c\x01\xff";
    let held = b"\x01\x02\x12\x12\0\0\0\x04\0\x81a\x02\x05\x01\xdf\xff\x02\xc1\x2c\x02\xff";
    assert_eq!(
        normalized(v9, RdbType::Quicklist, list),
        (RdbType::Quicklist2, held.to_vec())
    );
    let zset = b"\x18\x18\0\0\0\x12\0\0\0\x04\0\0\x01a\x03\xf2\x02\x01b\x03\x032.5\xff";
    let held = b"\x14\x14\0\0\0\x04\0\x81a\x02\x01\x01\x81b\x02\x832.5\x04\xff";
    assert_eq!(
        normalized(v9, RdbType::ZsetZiplist, zset),
        (RdbType::ZsetListpack, held.to_vec())
    );
    let hash = b"\x16\x16\0\0\0\x13\0\0\0\x04\0\0\x01f\x03\x01v\x03\x01n\x03\xfd\xff";
    let held = b"\x12\x12\0\0\0\x04\0\x81f\x02\x81v\x02\x81n\x02\x0c\x01\xff";
    assert_eq!(
        normalized(v9, RdbType::HashZiplist, hash),
        (RdbType::HashListpack, held.to_vec())
    );
}

#[test]
fn hashes_with_field_ttls_of_both_families_meet_in_one_form() {
    let valkey = b"\x02\x01f\x01v\xff\xff\xff\xff\xff\xff\xff\xff\x01n\xc0\x0c\x00\xd8\xc3\x2c\xbb\x03\x00\x00";
    let redis = b"\x00\xd8\xc3\x2c\xbb\x03\x00\x00\x1e\x1e\x00\x00\x00\x06\x00\x81n\x02\x0c\x01\xf4\x00\xd8\xc3\x2c\xbb\x03\x00\x00\x09\x81f\x02\x81v\x02\x00\x01\xff";
    let expected = (RdbType::HashListpackTtl, redis.to_vec());
    assert_eq!(
        normalized(RdbVersion::VALKEY_80, RdbType::Hash2, valkey),
        expected
    );
    assert_eq!(
        normalized(RdbVersion::redis(12), RdbType::HashListpackTtl, redis),
        expected
    );
    // The release candidates of 7.4: absolute times, 0 for none.
    let rc = b"\x02\x00\x01f\x01v\x81\x00\x00\x03\xbb\x2c\xc3\xd8\x00\x01n\xc0\x0c";
    assert_eq!(
        normalized(RdbVersion::redis(12), RdbType::HashTtlRc, rc),
        expected
    );
    let rc_packed = &redis[8..];
    assert_eq!(
        normalized(RdbVersion::redis(12), RdbType::HashListpackTtlRc, rc_packed),
        expected
    );
}

#[test]
fn large_valkey_hashes_count_from_their_earliest_expiry() {
    let long = "x".repeat(100);
    let mut value = vec![3];
    for (field, time) in [("a", 5_000i64), ("b", -1), ("c", 0)] {
        encode_item(Item::Bytes(field.as_bytes()), None, &mut value);
        encode_item(Item::Bytes(long.as_bytes()), None, &mut value);
        value.extend_from_slice(&time.to_le_bytes());
    }
    let (held, out) = normalized(RdbVersion::VALKEY_80, RdbType::Hash2, &value);
    assert_eq!(held, RdbType::HashTtl);
    let times: Vec<_> = fields(held, &out)
        .into_iter()
        .map(|(f, _, t)| (f, t))
        .collect();
    assert_eq!(
        times,
        [
            ("a".into(), Some(5_000)),
            ("b".into(), None),
            ("c".into(), Some(0))
        ]
    );
}

#[test]
fn lists_are_split_into_nodes_and_large_elements_stand_alone() {
    let mut rng = Rng::new(2);
    let wanted: Vec<Vec<u8>> = (0..3_000)
        .map(|i| {
            let len = if i % 500 == 0 {
                16_378 + i
            } else {
                rng.below(60)
            };
            rng.bytes(len)
        })
        .collect();
    let mut value = Vec::new();
    encode_length(wanted.len() as u64, &mut value);
    wanted
        .iter()
        .for_each(|e| encode_item(Item::of(e), None, &mut value));
    let (held, out) = normalized(RdbVersion::redis(6), RdbType::List, &value);
    assert_eq!(held, RdbType::Quicklist2);
    assert_eq!(elements(&out), wanted);
}

#[test]
fn sorted_sets_are_sorted_and_odd_scores_become_numbers() {
    let mut lp = Builder::new();
    for (member, score) in [("c", "2"), ("b", "one"), ("a", "2"), ("d", "-inf")] {
        lp.push_bytes(member.as_bytes());
        lp.push_bytes(score.as_bytes());
    }
    let mut value = Vec::new();
    encode_raw(lp.finish(), &mut value);
    let (held, out) = normalized(RdbVersion::redis(10), RdbType::ZsetListpack, &value);
    let mut got = Vec::new();
    walk::zset(held, &out, &mut Bufs::new(), |m, score| {
        got.push((String::from_utf8(m.to_vec()).expect("text"), score));
        Ok::<(), RdbError>(())
    })
    .expect("sound");
    let wanted = [("d", f64::NEG_INFINITY), ("b", 0.0), ("a", 2.0), ("c", 2.0)];
    assert_eq!(got, wanted.map(|(m, s)| (m.to_owned(), s)));
}

#[test]
fn zipmaps_and_template_hashes_become_packed_hashes() {
    let zipmap = b"\x10\x02\x03foo\x03\x00bar\x01n\x01\x001\xff";
    let (held, out) = normalized(RdbVersion::redis(2), RdbType::HashZipmap, zipmap);
    assert_eq!(held, RdbType::HashListpack);
    assert_eq!(
        fields(held, &out),
        [
            ("foo".into(), "bar".into(), None),
            ("n".into(), "1".into(), None)
        ]
    );
    let (held, out) = normalized(
        RdbVersion::redis(15),
        RdbType::HashTemplateDump,
        b"\x01\x02\x01a\x01b\x011\x012",
    );
    assert_eq!(
        fields(held, &out),
        [
            ("a".into(), "1".into(), None),
            ("b".into(), "2".into(), None)
        ]
    );
}

#[test]
fn what_an_old_stream_does_not_say_is_assumed_as_real_servers_do() {
    let head = Head {
        first_id: StreamId { ms: 5, seq: 0 },
        max_deleted_id: StreamId::ZERO,
        entries_added: 3,
    };
    let id = |ms| StreamId { ms, seq: 0 };
    let read = |at, length| derived_entries_read(id(at), id(9), length, head);
    assert_eq!(read(9, 3), Some(3), "at the end");
    assert_eq!(read(10, 3), None, "beyond it");
    assert_eq!(read(4, 3), Some(0), "before the first");
    assert_eq!(read(5, 3), Some(1), "at the first");
    assert_eq!(read(7, 3), None, "in between");
    assert_eq!(
        derived_entries_read(
            id(0),
            id(0),
            0,
            Head {
                entries_added: 0,
                ..head
            }
        ),
        Some(0),
        "never used"
    );
}

#[test]
fn stream_nodes_out_of_order_are_sorted() {
    let node = |ms: u8| {
        let mut lp = Builder::new();
        [1, 0, 1].iter().for_each(|&n| lp.push(Item::Int(n)));
        lp.push_bytes(b"f");
        [0, 2, 0, 0].iter().for_each(|&n| lp.push(Item::Int(n)));
        lp.push_bytes(b"v");
        lp.push(Item::Int(4));
        let mut out = Vec::new();
        encode_raw(
            &StreamId {
                ms: u64::from(ms),
                seq: 0,
            }
            .to_bytes(),
            &mut out,
        );
        encode_raw(lp.finish(), &mut out);
        out
    };
    let value = [&b"\x02"[..], &node(9), &node(1), b"\x02\x09\x00\x00"].concat();
    let (held, out) = normalized(RdbVersion::redis(9), RdbType::Stream, &value);
    let stream = Stream::parse(held, &out).expect("sound");
    assert_eq!(held, RdbType::Stream3);
    assert!(stream.nodes_in_order());
    assert_eq!(stream.head.map(|h| h.entries_added), Some(2));
}
