//! Values that no command reads: operations that do not look inside them.

use super::testing::Bench;
use rdb::RdbType;

/// A value of the module type `hellotype`: a count of one, and a number.
const MODULE: &[u8] = b"\x81\x85\xe9\x65\x96\xdc\xb2\x9e\x00\x02\x01\x02\x07\x00";
/// An array with `x` at 0.
const ARRAY: &[u8] = b"\x01\x00\x00\x03\x01x";

fn quoted(bytes: &[u8]) -> String {
    let escaped = bytes.iter().map(|b| format!("\\x{b:02x}"));
    format!("\"{}\"", escaped.collect::<String>())
}

fn payload(rdb_type: RdbType, value: &[u8]) -> String {
    let mut out = Vec::new();
    rdb::dump::encode(rdb_type, value, &mut out);
    quoted(&out)
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    let (module, array) = (
        payload(RdbType::Module2, MODULE),
        payload(RdbType::Array, ARRAY),
    );
    bench.check(&[
        (&format!("RESTORE module 0 {module}"), "+OK"),
        (&format!("RESTORE array 0 {array}"), "+OK"),
    ]);
    bench
}

#[test]
fn they_are_named_counted_renamed_copied_expired_and_deleted() {
    let mut bench = bench();
    let name = bench.run("TYPE module");
    assert_eq!(name.len(), 1 + 9, "{name}");
    bench.check(&[
        ("TYPE array", "+array"),
        ("DBSIZE", ":2"),
        (
            &format!("SCAN 0 TYPE {}", name[1..].to_lowercase()),
            "[\"0\", [\"module\"]]",
        ),
        ("OBJECT ENCODING module", "\"raw\""),
        ("RENAME module m", "+OK"),
        ("COPY m copy", ":1"),
        ("COPY array elsewhere DB 3", ":1"),
        ("PEXPIRE copy 100000", ":1"),
    ]);
    let info = bench.run("INFO keyspace");
    assert!(info.contains("subexpiry=0,opaque=2"), "{info}");
    bench.check(&[
        ("DEL copy", ":1"),
        ("UNLINK m array", ":2"),
        ("DBSIZE", ":0"),
        ("SELECT 3", "+OK"),
        ("TYPE elsewhere", "+array"),
    ]);
}

#[test]
fn they_are_dumped_as_they_came() {
    let mut bench = bench();
    for (key, rdb_type, value) in [
        ("module", RdbType::Module2, MODULE),
        ("array", RdbType::Array, ARRAY),
    ] {
        let dumped = bench.run(&format!("DUMP {key}"));
        let again = format!("RESTORE again 0 {} REPLACE", payload(rdb_type, value));
        bench.check(&[(&again, "+OK")]);
        assert_eq!(bench.run("DUMP again"), dumped);
        assert_eq!(
            bench.run(&format!("DEBUG DIGEST-VALUE {key}")),
            bench.run("DEBUG DIGEST-VALUE again")
        );
    }
}

#[test]
fn commands_on_them_answer_wrongtype() {
    let mut bench = bench();
    for key in ["module", "array"] {
        for command in [
            "GET k",
            "APPEND k x",
            "LPUSH k x",
            "LLEN k",
            "SADD k x",
            "SMEMBERS k",
            "ZADD k 1 x",
            "ZRANGE k 0 -1",
            "HSET k f v",
            "HGETALL k",
            "XADD k * f v",
            "XLEN k",
            "INCR k",
            "PFADD k x",
            "SORT k",
            "GETRANGE k 0 1",
            "SETBIT k 1 1",
            "BITCOUNT k",
        ] {
            let command = command.replacen(" k", &format!(" {key}"), 1);
            let reply = bench.run(&command);
            assert!(reply.starts_with("-WRONGTYPE"), "{command}: {reply}");
        }
    }
    bench.check(&[("SET module x", "+OK"), ("TYPE module", "+string")]);
}

#[test]
fn a_copy_is_sent_to_replicas_as_the_value() {
    let mut bench = bench();
    bench.effects();
    bench.run("PEXPIREAT module 2000000");
    bench.effects();
    bench.run("COPY module copy");
    let effect = bench.effects();
    assert!(effect.starts_with("RESTORE copy 2000000 "), "{effect}");
    assert!(effect.ends_with(" REPLACE ABSTTL"), "{effect}");
}

#[test]
fn they_are_refused_where_the_configuration_says_so() {
    for policy in ["refuse", "skip"] {
        let mut bench = Bench::new();
        bench.run(&format!("CONFIG SET rdb-unknown-values {policy}"));
        let restore = format!("RESTORE k 0 {}", payload(RdbType::Module2, MODULE));
        bench.check(&[(&restore, "-ERR Bad data format"), ("DBSIZE", ":0")]);
    }
}
