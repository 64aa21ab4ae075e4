//! Large arguments: in memory once for those who keep them as they came, and never more often than in a real server.

use crate::support::{Builder, Client, Server};
use std::fs;

const MB: usize = 1 << 20;
/// What is sent, MB.
const SENT: usize = 24;

/// Memory that the process holds now and has held at most since [`forget_peak`], MB.
fn resident(server: &Server) -> (usize, usize) {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid()));
    let status = status.expect("the process runs");
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let kb = line.and_then(|line| line.split_whitespace().nth(1));
        kb.and_then(|kb| kb.parse::<usize>().ok())
            .expect("a number")
            / 1024
    };
    (field("VmRSS"), field("VmHWM"))
}

fn forget_peak(server: &Server) {
    let file = format!("/proc/{}/clear_refs", server.pid());
    fs::write(file, "5").expect("its owner may");
}

/// The text that is sent, which no compression makes short.
fn text() -> Vec<u8> {
    let mut x = 1u64;
    let mut next = || {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (x >> 33) as u32
    };
    (0..SENT * MB / 4)
        .flat_map(|_| next().to_le_bytes())
        .collect()
}

fn run(client: &mut Client, request: &[&[u8]]) {
    let reply = client.cmd(request);
    assert!(!reply.is_error(), "{reply:?}");
}

#[test]
fn no_command_holds_its_large_argument_more_often_than_needed() {
    let server = Builder::forebay().config("rdbcompression no").start();
    let mut client = server.client();
    let text = text();
    run(&mut client, &[b"SET", b"k", &text]);
    let dump = client.cmd(&["DUMP", "k"]);
    let dump = dump.bytes().expect("a payload");
    client.ok("DEL k");
    client.ok("RPUSH k x");
    let set = b"return redis.call('SET', KEYS[1], ARGV[1])";
    // How often all that is sent and all that is there before may be in memory, in quarters.
    let v = &text[..];
    let cases: &[(&[&[&[u8]]], usize)] = &[
        (&[&[b"SET", b"k", v]], 4),
        (&[&[b"SET", b"k", v], &[b"SET", b"k", v]], 8),
        (&[&[b"MSET", b"a", v, b"b", v]], 8),
        (&[&[b"APPEND", b"k", v]], 4),
        (&[&[b"APPEND", b"k", v], &[b"APPEND", b"k", v]], 8),
        (&[&[b"SETRANGE", b"k", b"0", v]], 4),
        (
            &[&[b"SETRANGE", b"k", b"0", v], &[b"SETRANGE", b"k", b"3", v]],
            9,
        ),
        (&[&[b"SET", b"k", v], &[b"GETSET", b"k", v]], 8),
        (&[&[b"HSET", b"k", b"f", v]], 8),
        (&[&[b"HSET", b"k", b"f", v], &[b"HSET", b"k", b"f", v]], 8),
        (&[&[b"RPUSH", b"k", v]], 8),
        (&[&[b"LPUSH", b"k", v], &[b"LSET", b"k", b"0", v]], 8),
        (&[&[b"SADD", b"k", v]], 8),
        (&[&[b"MULTI"], &[b"SET", b"k", v], &[b"EXEC"]], 4),
        (&[&[b"EVAL", set, b"1", b"k", v]], 12),
        (&[&[b"RESTORE", b"k", b"0", dump]], 4),
    ];
    for (requests, quarters) in cases {
        client.ok("FLUSHALL");
        client.ok("SCRIPT FLUSH");
        client.ok("MEMORY PURGE");
        forget_peak(&server);
        let (before, _) = resident(&server);
        for request in *requests {
            run(&mut client, request);
        }
        let (_, peak) = resident(&server);
        let most = before + SENT * quarters / 4 + 10;
        let name = String::from_utf8_lossy(requests[requests.len() - 1][0]);
        assert!(peak <= most, "{name}: {before} -> {peak} MB of {most}");
    }
}

#[test]
fn a_large_value_is_what_was_sent_whatever_becomes_of_it() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    let text = text();
    let mut expected = text.clone();
    run(&mut client, &[b"SET", b"k", &text]);
    client.ok("COPY k copy");
    run(&mut client, &[b"SETRANGE", b"k", b"70000", b"changed"]);
    expected[70_000..70_007].copy_from_slice(b"changed");
    run(&mut client, &[b"APPEND", b"k", b"tail"]);
    expected.extend_from_slice(b"tail");
    run(&mut client, &[b"APPEND", b"k", &text]);
    expected.extend_from_slice(&text);
    // The argument is read again after the value that was made of it has been given up.
    run(&mut client, &[b"SET", b"gone", &text, b"PXAT", b"1"]);
    run(&mut client, &[b"SET", b"copy2", &text]);
    client.ok("DEL copy2");
    assert!(client.cmd(&["GET", "k"]).bytes() == Some(&expected[..]));
    assert!(client.cmd(&["GET", "copy"]).bytes() == Some(&text[..]));
    assert_eq!(client.int("EXISTS gone copy2"), 0);
    client.ok("DEBUG RELOAD");
    assert!(client.cmd(&["GET", "k"]).bytes() == Some(&expected[..]));
}

#[test]
fn large_values_are_in_used_memory_as_long_as_they_are_there() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    let used = |client: &mut Client| -> usize {
        let field = client.info_field("memory", "used_memory");
        field.parse::<usize>().expect("a number") / MB
    };
    let before = used(&mut client);
    run(&mut client, &[b"SET", b"k", &text()]);
    let with = used(&mut client);
    assert!(
        (before + SENT..before + SENT + 4).contains(&with),
        "{before} -> {with}"
    );
    let usage = client.int("MEMORY USAGE k") as usize / MB;
    assert!((SENT..SENT + 2).contains(&usage), "{usage}");
    client.ok("DEL k");
    assert!(used(&mut client) <= before + 2);
    run(&mut client, &[b"SET", b"k", &text()]);
    client.ok("CONFIG SET maxmemory-policy allkeys-lru");
    client.ok("CONFIG SET maxmemory 20mb");
    client.ok("SET other x");
    assert_eq!(client.int("EXISTS k"), 0);
}

#[test]
fn a_replica_and_a_slow_request_get_large_arguments_whole() {
    let primary = Builder::forebay().start();
    let replica = Builder::forebay().replica_of(&primary).start();
    let mut client = primary.client();
    let mut other = replica.client();
    crate::support::wait::wait_until("the link is up", || {
        other.info_field("replication", "master_link_status") == "up"
    });
    let text = text();
    client.ok("MULTI");
    run(&mut client, &[b"SET", b"a", &text]);
    run(&mut client, &[b"MSET", b"b", &text, b"c", b"small"]);
    run(&mut client, &[b"EXEC"]);
    run(&mut client, &[b"RPUSH", b"list", &text, b"small"]);
    client.ok("CLIENT PAUSE 100 WRITE");
    run(&mut client, &[b"SET", b"d", &text]);
    assert_eq!(client.int("WAIT 1 60000"), 1);
    for key in ["a", "b", "d"] {
        assert!(other.cmd(&["GET", key]).bytes() == Some(&text[..]), "{key}");
    }
    assert!(other.cmd(&["LINDEX", "list", "0"]).bytes() == Some(&text[..]));
    assert_eq!(other.text("LINDEX list 1"), "small");
    let offsets =
        [&mut client, &mut other].map(|c| c.info_field("replication", "master_repl_offset"));
    assert_eq!(offsets[0], offsets[1]);
}

#[test]
fn an_announced_length_takes_no_memory() {
    let server = Builder::forebay().start();
    let (before, _) = resident(&server);
    let mut clients: Vec<Client> = (0..50).map(|_| server.client()).collect();
    for client in &mut clients {
        let head = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\nfirst bytes";
        client.send_raw(head).expect("it is sent");
    }
    let mut admin = server.client();
    crate::support::wait::wait_until("all have come", || {
        let list = admin.text("CLIENT LIST TYPE normal");
        list.lines()
            .filter(|line| line.contains("qbuf=") && !line.contains("qbuf=0 "))
            .count()
            >= 50
    });
    let (after, _) = resident(&server);
    assert!(after <= before + 10, "{before} -> {after} MB");
    let address = fs::read_to_string(format!("/proc/{}/statm", server.pid()));
    let pages: usize = address
        .expect("the process runs")
        .split(' ')
        .next()
        .and_then(|n| n.parse().ok())
        .expect("a number");
    assert!(pages * 4096 / MB < 5_000, "{pages} pages of addresses");
}

#[test]
fn a_large_argument_that_there_is_no_memory_for_fails_its_request_alone() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    client.ok("SET k old");
    server.limit_addresses(Some(100 * MB));
    let text = vec![b'x'; 300 * MB];
    let refused = client.cmd(&[b"SET".as_slice(), b"k", &text]);
    let error = refused.text().expect("an error");
    assert!(error.starts_with("OOM "), "{error}");
    assert_eq!(client.text("GET k"), "old");
    client.ok("MULTI");
    assert!(client.cmd(&[b"SET".as_slice(), b"k", &text]).is_error());
    assert!(client.error("EXEC").starts_with("EXECABORT "));
    server.limit_addresses(None);
    run(&mut client, &[b"SET", b"k", &text]);
    assert_eq!(client.int("STRLEN k"), text.len() as i64);
}

/// BITCOUNT and BITPOS copied the whole value, also where the first byte was the answer.
#[test]
fn no_command_copies_a_large_value_to_look_at_it() {
    let server = Builder::forebay().config("rdbcompression no").start();
    let mut client = server.client();
    let text = text();
    run(&mut client, &[b"SET", b"k", &text]);
    for line in [
        "BITCOUNT k",
        "BITCOUNT k 3 -3 BIT",
        "BITPOS k 1",
        "BITPOS k 0 1000 -1",
        "STRLEN k",
        "GETBIT k 190000000",
        "GETRANGE k 20000000 20000010",
    ] {
        let (before, _) = resident(&server);
        forget_peak(&server);
        client.run(line);
        let (_, peak) = resident(&server);
        assert!(peak < before + SENT / 2, "{line}: {before} MB, {peak} MB");
    }
}
