//! Each rule of the check on small values; whole files are in tests/rdb.

use super::*;
use crate::bytes::string::{encode_raw, encode_string};
use crate::packed::listpack::Builder;
use crate::tags::rdb_type::RdbType;

fn check(version: RdbVersion, rdb_type: RdbType, bytes: &[u8]) -> Result<ValueInfo, ErrorKind> {
    let mut scratch = Scratch::new(base::secret::HashKey::fixed([77, 0]));
    check_value(&Context::new(version), rdb_type, bytes, &mut scratch).map_err(|e| e.kind)
}

fn v12(rdb_type: RdbType, bytes: &[u8]) -> Result<ValueInfo, ErrorKind> {
    check(RdbVersion::redis(12), rdb_type, bytes)
}

/// A string value that holds a listpack of these texts.
fn lp(items: &[&str]) -> Vec<u8> {
    let mut builder = Builder::new();
    items
        .iter()
        .for_each(|item| builder.push_bytes(item.as_bytes()));
    let mut out = Vec::new();
    encode_raw(builder.finish(), &mut out);
    out
}

/// A count and strings.
fn strings(count: u8, items: &[&str]) -> Vec<u8> {
    let mut out = vec![count];
    items
        .iter()
        .for_each(|item| encode_string(item.as_bytes(), None, &mut out));
    out
}

#[test]
fn duplicates_are_found_in_every_form_few_or_many() {
    for (rdb_type, twice, once) in [
        (
            RdbType::Set,
            strings(3, &["a", "b", "a"]),
            strings(3, &["a", "b", "c"]),
        ),
        (
            RdbType::Hash,
            strings(2, &["f", "1", "f", "2"]),
            strings(2, &["f", "1", "g", "1"]),
        ),
        (
            RdbType::SetListpack,
            lp(&["a", "7", "a"]),
            lp(&["a", "7", "b"]),
        ),
        (
            RdbType::HashListpack,
            lp(&["f", "1", "f", "1"]),
            lp(&["f", "1", "1", "f"]),
        ),
        (
            RdbType::ZsetListpack,
            lp(&["m", "1", "m", "2"]),
            lp(&["m", "1", "n", "1"]),
        ),
    ] {
        assert_eq!(
            v12(rdb_type, &twice),
            Err(ErrorKind::Duplicate),
            "type {rdb_type}"
        );
        assert!(v12(rdb_type, &once).is_ok(), "type {rdb_type}");
    }
    let many: Vec<String> = (0..5_000).map(|i| format!("member:{i}")).collect();
    for repeated in [0, 31, 32, 33, 4_999] {
        let mut items: Vec<&str> = many.iter().map(String::as_str).collect();
        items.push(&many[repeated]);
        assert_eq!(
            v12(RdbType::SetListpack, &lp(&items)),
            Err(ErrorKind::Duplicate)
        );
        items.pop();
        assert_eq!(
            v12(RdbType::SetListpack, &lp(&items)).unwrap().elements,
            5_000
        );
    }
}

#[test]
fn an_integer_and_its_text_are_one_member() {
    // "7" as an 8-bit integer and as a raw string.
    assert_eq!(
        v12(RdbType::Set, b"\x02\xc0\x07\x017"),
        Err(ErrorKind::Duplicate)
    );
    // "aaaa..." raw and packed.
    let raw = [&[21u8][..], &[b'a'; 21]].concat();
    let both = [b"\x02", &raw[..], b"\xc3\x06\x15\x01aa\xe0\x0a\x00"].concat();
    assert_eq!(v12(RdbType::Set, &both), Err(ErrorKind::Duplicate));
}

#[test]
fn collections_without_elements_are_empty_and_empty_streams_are_not() {
    for rdb_type in [
        RdbType::List,
        RdbType::Set,
        RdbType::Zset,
        RdbType::Hash,
        RdbType::Zset2,
        RdbType::Quicklist,
    ] {
        assert!(v12(rdb_type, b"\x00").unwrap().empty, "type {rdb_type}");
    }
    for rdb_type in [
        RdbType::HashListpack,
        RdbType::ZsetListpack,
        RdbType::SetListpack,
    ] {
        assert!(v12(rdb_type, &lp(&[])).unwrap().empty, "type {rdb_type}");
    }
    assert!(
        v12(RdbType::Quicklist2, &[&[1, 2][..], &lp(&[])].concat())
            .unwrap()
            .empty
    );
    let stream = v12(RdbType::Stream3, &[0; 10]).unwrap();
    assert!(!stream.empty && stream.elements == 0);
    assert!(matches!(
        v12(RdbType::SetIntset, b"\x08\x02\0\0\0\0\0\0\0"),
        Err(ErrorKind::Structure(_))
    ));
    assert!(matches!(
        v12(RdbType::HashZipmap, b"\x02\x00\xff"),
        Err(ErrorKind::Structure(_))
    ));
}

#[test]
fn a_score_must_be_a_number_and_odd_text_is_normalised() {
    let nan = [&b"\x01\x01m"[..], &f64::NAN.to_le_bytes()].concat();
    assert_eq!(v12(RdbType::Zset2, &nan), Err(ErrorKind::ScoreNotANumber));
    assert_eq!(
        v12(RdbType::Zset, b"\x01\x01m\xfd"),
        Err(ErrorKind::ScoreNotANumber)
    );
    assert_eq!(
        v12(RdbType::Zset, b"\x01\x01m\x03abc"),
        Err(ErrorKind::ScoreNotANumber)
    );
    assert!(v12(RdbType::Zset, b"\x01\x01m\xfe").is_ok());
    assert_eq!(
        v12(RdbType::ZsetListpack, &lp(&["m", "nan"])),
        Err(ErrorKind::ScoreNotANumber)
    );
    assert!(
        !v12(RdbType::ZsetListpack, &lp(&["m", "one"]))
            .unwrap()
            .as_is
    );
    assert!(
        v12(RdbType::ZsetListpack, &lp(&["m", "-inf", "n", "2.5"]))
            .unwrap()
            .as_is
    );
}

#[test]
fn packed_sorted_sets_out_of_order_are_normalised() {
    assert!(
        v12(RdbType::ZsetListpack, &lp(&["a", "1", "b", "1", "c", "2"]))
            .unwrap()
            .as_is
    );
    assert!(
        !v12(RdbType::ZsetListpack, &lp(&["b", "1", "a", "1"]))
            .unwrap()
            .as_is
    );
    assert!(
        !v12(RdbType::ZsetListpack, &lp(&["a", "2", "b", "1"]))
            .unwrap()
            .as_is
    );
}

#[test]
fn partners_must_be_complete() {
    for (rdb_type, items) in [
        (RdbType::HashListpack, &["f"][..]),
        (RdbType::ZsetListpack, &["m", "1", "n"]),
        (RdbType::HashListpackTtl, &["f", "v", "0", "g"]),
    ] {
        let head: &[u8] = if rdb_type == RdbType::HashListpackTtl {
            &[0; 8]
        } else {
            &[]
        };
        let result = v12(rdb_type, &[head, &lp(items)].concat());
        assert!(
            matches!(result, Err(ErrorKind::Structure(_))),
            "type {rdb_type}"
        );
    }
}

#[test]
fn field_expiries_are_counted_bounded_and_in_order() {
    let said = |earliest: i64, items: &[&str]| {
        v12(
            RdbType::HashListpackTtl,
            &[&earliest.to_le_bytes(), &lp(items)[..]].concat(),
        )
    };
    let packed = |items: &[&str]| said(0, items);
    // The time before the fields is read later instead of theirs: one that is stale is not kept.
    for (earliest, as_is) in [(500, true), (0, false), (700, false)] {
        let items = ["a", "1", "500", "b", "2", "700", "c", "3", "0"];
        let info = said(earliest, &items).unwrap();
        assert_eq!(
            (info.elements, info.expiring, info.min_expire_ms, info.as_is),
            (3, 2, Some(500), as_is)
        );
        assert_eq!(info.ends_ms, None);
    }
    let info = packed(&["a", "1", "0"]).unwrap();
    assert_eq!((info.expiring, info.ends_ms, info.as_is), (0, None, true));
    let info = said(5, &["a", "1", "5", "b", "2", "9"]).unwrap();
    assert_eq!((info.ends_ms, info.as_is), (Some(9), true));
    assert!(matches!(
        packed(&["a", "1", "700", "b", "2", "500"]),
        Err(ErrorKind::Structure(_))
    ));
    assert!(matches!(
        packed(&["a", "1", "0", "b", "2", "500"]),
        Err(ErrorKind::Structure(_))
    ));
    assert!(matches!(
        packed(&["a", "1", "soon"]),
        Err(ErrorKind::Structure(_))
    ));
    assert_eq!(packed(&["a", "1", "-7"]), Err(ErrorKind::BadExpiry(-7)));
    assert_eq!(
        packed(&["a", "1", "281474976710656"]),
        Err(ErrorKind::BadExpiry(1 << 48))
    );

    // Type 24 counts from one below the earliest, modulo 2^64.
    let plain = |min: i64, body: &[u8]| v12(RdbType::HashTtl, &[&min.to_le_bytes(), body].concat());
    assert_eq!(
        plain(1000, b"\x02\x01\x01a\x011\x00\x01b\x012")
            .unwrap()
            .min_expire_ms,
        Some(1000)
    );
    assert_eq!(
        plain(1000, b"\x01\x81\xff\xff\xff\xff\xff\xff\xff\xfe\x01a\x011")
            .unwrap()
            .min_expire_ms,
        Some(997)
    );
    assert_eq!(
        plain(-1, b"\x01\x01\x01a\x011"),
        Err(ErrorKind::BadExpiry(-1))
    );
    assert_eq!(
        plain(0, b"\x01\x81\xff\xff\xff\xff\xff\xff\xff\xfe\x01a\x011"),
        Err(ErrorKind::BadExpiry(-3))
    );

    // Valkey's form: -1 is none, and times beyond the Redis dialect's range become its last one.
    let valkey = |t: i64| {
        check(
            RdbVersion::VALKEY_80,
            RdbType::Hash2,
            &[b"\x01\x01a\x011", &t.to_le_bytes()[..]].concat(),
        )
    };
    assert_eq!(valkey(-1).unwrap().expiring, 0);
    assert_eq!(valkey(-5), Err(ErrorKind::BadExpiry(-5)));
    let times = [1 << 40, i64::MAX].map(|t| valkey(t).unwrap());
    assert!(times.iter().all(|info| !info.as_is));
    let latest = times.map(|info| (info.min_expire_ms, info.ends_ms));
    let last = Some((1 << 48) - 1);
    assert_eq!(latest, [(Some(1 << 40), Some(1 << 40)), (last, last)]);
}

#[test]
fn lists_with_empty_or_two_form_nodes_are_normalised() {
    let node = |container: u8, blob: &[u8]| [&[1, container][..], blob].concat();
    assert!(
        v12(RdbType::Quicklist2, &node(2, &lp(&["a"])))
            .unwrap()
            .as_is
    );
    assert!(v12(RdbType::Quicklist2, &node(1, b"\x01a")).unwrap().as_is);
    assert!(matches!(
        v12(RdbType::Quicklist2, &node(1, b"\x00")),
        Err(ErrorKind::Structure(_))
    ));
    assert_eq!(
        v12(RdbType::Quicklist2, &node(3, b"\x01a")),
        Err(ErrorKind::BadCount(3))
    );
    let trapped = "x".repeat(16_378);
    assert!(
        !v12(RdbType::Quicklist2, &node(2, &lp(&[&trapped])))
            .unwrap()
            .as_is
    );
    let with_empty = [&[2u8, 2][..], &lp(&[]), &[2], &lp(&["a"])].concat();
    let info = v12(RdbType::Quicklist2, &with_empty).unwrap();
    assert!(!info.as_is && info.elements == 1);
}

#[test]
fn packed_strings_are_checked_without_being_unpacked() {
    let good = b"\xc3\x06\x15\x01aa\xe0\x0a\x00";
    let bad = b"\xc3\x06\x16\x01aa\xe0\x0a\x00";
    assert_eq!(v12(RdbType::String, good).unwrap().elements, 21);
    assert_eq!(v12(RdbType::String, bad), Err(ErrorKind::BadLzf));
    for (rdb_type, head, tail) in [
        (RdbType::List, &b"\x01"[..], &b""[..]),
        (RdbType::Hash, b"\x01\x01f", b""),
        (RdbType::Set, b"\x01", b""),
        (RdbType::Zset2, b"\x01", b"\0\0\0\0\0\0\0\0"),
    ] {
        assert!(
            v12(rdb_type, &[head, good, tail].concat()).is_ok(),
            "type {rdb_type}"
        );
        assert_eq!(
            v12(rdb_type, &[head, bad, tail].concat()),
            Err(ErrorKind::BadLzf),
            "type {rdb_type}"
        );
    }
    assert!(
        !v12(RdbType::String, b"\xc3\x05\x00\x00a\xe0\xff\x00")
            .unwrap()
            .as_is,
        "packed bytes for nothing"
    );
}

#[test]
fn errors_in_blobs_tell_the_byte() {
    let mut value = lp(&["f", "v"]);
    value[1 + 6 + 2] = 9; // the first back length
    let mut scratch = Scratch::new(base::secret::HashKey::fixed([1, 0]));
    let context = Context::new(RdbVersion::redis(10));
    let error = check_value(&context, RdbType::HashListpack, &value, &mut scratch).unwrap_err();
    assert_eq!((error.offset, error.inside), (9, None));
    // Packed: the place of the string, and the byte inside.
    let mut packed = vec![0xc3, 14, 13, 12];
    packed.extend_from_slice(&value[1..]);
    let error = check_value(&context, RdbType::HashListpack, &packed, &mut scratch).unwrap_err();
    assert_eq!((error.offset, error.inside), (0, Some(8)));
}

#[test]
fn template_hashes_need_their_names() {
    let v15 = |rdb_type, bytes: &[u8]| check(RdbVersion::redis(15), rdb_type, bytes);
    assert_eq!(
        v15(RdbType::HashTemplateDump, b"\x01\x02\x01a\x01b\x011\x012")
            .unwrap()
            .elements,
        2
    );
    assert!(matches!(
        v15(RdbType::HashTemplateDump, b"\x01\x02\x01b\x01a\x011\x012"),
        Err(ErrorKind::Structure(_))
    ));
    assert!(matches!(
        v15(RdbType::HashTemplateDump, b"\x01\x00"),
        Err(ErrorKind::Structure(_))
    ));
    assert_eq!(
        v15(RdbType::HashTemplateDump, b"\x02\x00"),
        Err(ErrorKind::BadCount(2))
    );
    assert!(matches!(
        v15(RdbType::HashTemplatePlain, b"\x05\x011"),
        Err(ErrorKind::Structure(_))
    ));
    let names = [&b"\x00"[..], &lp(&["a", "b"]), &lp(&["0", "1", "2"])].concat();
    assert_eq!(
        v15(RdbType::HashTemplateListpackDump, &names)
            .unwrap()
            .elements,
        2
    );
    let few = [&b"\x00"[..], &lp(&["a", "b"]), &lp(&["0", "1"])].concat();
    assert!(matches!(
        v15(RdbType::HashTemplateListpackDump, &few),
        Err(ErrorKind::Structure(_))
    ));
}

#[test]
fn module_values_are_sound_if_their_items_are() {
    let id = b"\x81\xbd\xe7\x2d\xa2\xbb\x1e\xb4\x00";
    let info = v12(
        RdbType::Module2,
        &[id, &b"\x02\x07\x05\x01x\x00"[..]].concat(),
    )
    .unwrap();
    assert!(matches!(info.kind, Kind::Module(id) if id.name().as_str() == "vectorset"));
    assert!(matches!(
        v12(RdbType::Module2, &[id, &b"\x06\x00"[..]].concat()),
        Err(ErrorKind::Structure(_))
    ));
    assert_eq!(
        v12(RdbType::Module2, &[id, &b"\x02\x07"[..]].concat()),
        Err(ErrorKind::Truncated)
    );
}

#[test]
fn arrays_ascend() {
    let sound = b"\x03\x00\x00\x03\x01x\x05\x01\x09\0\0\0\0\0\0\0\x07\x02\0\0\0\0\0\0\xf8\x3f";
    let v14 = |bytes: &[u8]| check(RdbVersion::redis(14), RdbType::Array, bytes);
    assert_eq!(v14(sound).unwrap().elements, 3);
    assert!(matches!(
        v14(b"\x02\x00\x05\x03\x01x\x05\x03\x01y"),
        Err(ErrorKind::Structure(_))
    ));
    assert!(matches!(
        v14(b"\x01\x00\x05\x03\x0812345678"),
        Err(ErrorKind::Structure(_))
    ));
    assert_eq!(v14(b"\x01\x00\x05\x04"), Err(ErrorKind::BadCount(4)));
    assert_eq!(v14(b"\x01\x02"), Err(ErrorKind::BadCount(2)));
}
