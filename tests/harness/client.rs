//! Processes, the client and the comparison of datasets.

use crate::support::resp::{Reader, Value};
use crate::support::server::Builder;
use crate::support::{dataset, peers, words};

#[test]
fn every_kind_of_reply_is_read_to_the_byte() {
    let cases: [(&[u8], &str); 14] = [
        (b"+OK\r\n", "+OK"),
        (b"-ERR no\r\n", "-ERR no"),
        (b":-7\r\n", ":-7"),
        (b"$3\r\na\r\n\r\n", "\"a\\r\\n\""),
        (b"$-1\r\n", "(nil $-1)"),
        (b"*-1\r\n", "(nil *-1)"),
        (b"_\r\n", "(nil _)"),
        (b"*2\r\n:1\r\n$1\r\nx\r\n", "[:1, x]"),
        (b"%1\r\n$1\r\nk\r\n~1\r\n:2\r\n", "%[k => ~[:2]]"),
        (b">1\r\n+m\r\n", ">[+m]"),
        (b",1.50\r\n", ",1.50"),
        (b"#t\r\n", "#true"),
        (b"=5\r\ntxt:a\r\n", "=txt:a"),
        (
            b"|1\r\n+ttl\r\n:1\r\n(12345678901234567890\r\n",
            "(12345678901234567890",
        ),
    ];
    for (bytes, shown) in cases {
        let value = Reader::new(bytes).value().expect("a complete reply");
        assert_eq!(value.to_string(), shown);
    }
    assert!(
        Reader::new(&b"*2\r\n:1\r\n"[..]).value().is_err(),
        "an unfinished reply is no reply"
    );
    assert!(
        Reader::new(&b"?\r\n"[..]).value().is_err(),
        "an unknown kind is refused"
    );
}

#[test]
fn a_typed_line_splits_as_redis_cli_splits_it() {
    let cases: [(&str, &[&[u8]]); 6] = [
        ("SET k v", &[b"SET", b"k", b"v"]),
        ("  SET\tk  \"a b\\x00\\n\" ", &[b"SET", b"k", b"a b\0\n"]),
        ("GET ''", &[b"GET", b""]),
        ("SET k 'it\\'s'", &[b"SET", b"k", b"it's"]),
        ("SET k x{3*ab}y", &[b"SET", b"k", b"xabababy"]),
        ("EVAL {no", &[b"EVAL", b"{no"]),
    ];
    for (line, expected) in cases {
        assert_eq!(
            words::split(line).expect("balanced quotes"),
            expected,
            "{line}"
        );
    }
    assert_eq!(words::split("GET \"x"), None);
    assert_eq!(words::split("GET \"x\"y"), None);
    for word in [&b"plain"[..], b"", b"two words", b"\xff\"\\{3*x}"] {
        assert_eq!(
            words::split(&words::quoted(word)).expect("balanced"),
            [word]
        );
    }
}

#[test]
fn every_peer_starts_answers_and_restarts_with_its_dump() {
    for name in peers::ALL {
        let Some(builder) = Builder::peer(name) else {
            continue;
        };
        let server = builder.start();
        let mut client = server.client();
        client.ok("SET k v");
        client.ok("RPUSH l a b c");
        let before = client.info_field("server", "redis_version");
        assert!(!before.is_empty(), "{name} tells its version");
        client.ok("SAVE");
        let server = server.restart();
        assert_eq!(server.client().text("GET k"), "v", "{name}");
        assert_eq!(server.client().int("LLEN l"), 3, "{name}");
    }
}

#[test]
fn a_server_that_refuses_its_configuration_is_reported_with_its_log() {
    let Some(builder) = Builder::peer(peers::REFERENCE) else {
        return;
    };
    let (status, log) = builder.config("no-such-directive yes").start_failing();
    assert!(!status.success());
    assert!(log.contains("no-such-directive"), "{log}");
}

#[test]
fn equal_datasets_are_equal_and_each_difference_is_named() {
    let Some(builder) = Builder::peer(peers::REFERENCE) else {
        return;
    };
    let (one, two) = (builder.clone().start(), builder.start());
    let (mut a, mut b) = (one.client(), two.client());
    for client in [&mut a, &mut b] {
        client.ok("MSET s 1 t 2");
        client.ok("RPUSH l a b");
        client.ok("ZADD z 1 a 2 b");
        client.ok("XADD x 1-1 f v");
        client.ok("SELECT 3");
        client.ok("PEXPIREAT missing 1");
        client.ok("SET e v PXAT 99999999999999");
        client.ok("SELECT 0");
    }
    a.ok("SADD set x y");
    b.ok("SADD set y x");
    a.ok("HSET h f 1 g 2");
    b.ok("HSET h g 2 f 1");
    dataset::assert_same(&mut a, &mut b);
    dataset::wait_same(&mut a, &mut b);
    b.ok("LSET l 0 z");
    a.ok("SET only-here 1");
    b.ok("PEXPIREAT t 99999999999999");
    let lines = dataset::differences(&mut a, &mut b, 0);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].contains("key l:"), "{lines:?}");
    assert!(
        lines[1].contains("only-here only in the first"),
        "{lines:?}"
    );
    assert_ne!(dataset::digest(&mut a), dataset::digest(&mut b));
}

#[test]
fn resp3_replies_of_a_real_server_keep_their_types() {
    let Some(builder) = Builder::peer(peers::REFERENCE) else {
        return;
    };
    let server = builder.start();
    let mut client = server.client();
    assert!(matches!(client.run("HELLO 3"), Value::Map(_)));
    client.ok("HSET h f v");
    client.ok("ZADD z 1.5 m");
    assert_eq!(client.run("HGETALL h").to_string(), "%[f => v]");
    assert_eq!(client.run("ZSCORE z m").to_string(), ",1.5");
    assert_eq!(client.run("GET none"), Value::Null);
    assert_eq!(
        client.config("maxmemory-policy").as_deref(),
        Some("noeviction")
    );
    assert_eq!(
        client.error("INCR h"),
        "WRONGTYPE Operation against a key holding the wrong kind of value"
    );
}
