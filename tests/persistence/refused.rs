//! A server to which the system gives no more memory: commands that need some are refused, saves, syncs and loads fail
//! or end well, all else goes on, and everything works again once there is memory.

use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use crate::support::{Client, resp::Value};
use std::fs;
use std::process::Command;

const MB: usize = 1 << 20;
const OOM: &str = "OOM command not allowed when used memory > 'maxmemory'.";

/// Writes keys of so many bytes, many in a request, until one is refused; how many there are then.
fn fill(client: &mut Client, bytes: usize) -> i64 {
    let value = vec![b'x'; bytes];
    let many = (100_000 / bytes).clamp(1, 1000);
    for n in 0usize.. {
        let set = |i| {
            let pairs = (0..many).flat_map(|k| {
                [
                    format!("k:{}", (n * 50 + i) * many + k).into(),
                    value.clone(),
                ]
            });
            std::iter::once(b"MSET".to_vec())
                .chain(pairs)
                .collect::<Vec<_>>()
        };
        let sets: Vec<_> = (0..50).map(set).collect();
        let replies = client.pipeline(&sets);
        if let Some(refused) = replies.iter().find(|reply| reply.is_error()) {
            assert_eq!(refused.text(), Some(OOM));
            break;
        }
    }
    client.int("DBSIZE")
}

/// The server that a limit of addresses, or of memory, leaves so many bytes.
fn limit(server: &Server, addresses: bool, more: usize) {
    match addresses {
        true => server.limit_addresses(Some(more)),
        false => server.limit_memory(Some(more)),
    }
}

/// Makes requests until the last of them is refused, and says why: what was refused may have had some memory that there
/// is again afterwards, so more is filled in between.
fn refusal(client: &mut Client, bytes: usize, requests: &[&str]) -> String {
    for _ in 0..50 {
        let replies: Vec<_> = requests.iter().map(|request| client.run(request)).collect();
        let last = replies.last().expect("a request");
        if last.is_error() {
            return last.text().expect("an error").to_owned();
        }
        // A transaction that was not refused is left, or what fills would be queued; outside of one this is an error.
        client.run("DISCARD");
        fill(client, bytes);
    }
    panic!("{requests:?} is never refused");
}

fn writes(client: &mut Client, bytes: usize) -> bool {
    let value = vec![b'y'; bytes];
    let reply = client.cmd(&[b"SET".as_slice(), b"new", &value]);
    !reply.is_error()
}

#[test]
fn where_memory_ends_writes_are_refused_and_all_else_goes_on() {
    for (bytes, addresses) in [
        (100, false),
        (1000, false),
        (20_000, true),
        (64 << 10, true),
    ] {
        let server = Builder::forebay().start();
        let mut client = server.client();
        limit(&server, addresses, 2 * MB);
        let keys = fill(&mut client, bytes);
        server.wait_log("Out of memory: the system refused ");
        assert!(
            server
                .log()
                .contains("Cannot allocate memory (os error 12)")
        );
        assert_eq!(client.text("PING"), "PONG");
        assert_eq!(client.text("GET k:0").len(), bytes);
        assert_eq!(refusal(&mut client, bytes, &["RPUSH list x"]), OOM);
        let script = refusal(&mut client, bytes, &["EVAL 'return 1' 0"]);
        assert!(script.starts_with("ERR "), "{script}");
        let queued = refusal(&mut client, bytes, &["MULTI", "SET k:0 x"]);
        assert_eq!(queued, OOM);
        assert!(client.error("EXEC").starts_with("EXECABORT "));
        let first = (0..keys).find(|n| client.int(&format!("EXISTS k:{n}")) == 1);
        assert_eq!(client.int(&format!("DEL k:{}", first.expect("a key"))), 1);
        // What is deleted makes room again, and what has been filled once is filled again.
        for _ in 0..if bytes < 1000 { 1 } else { 3 } {
            client.ok("FLUSHALL");
            wait_until("it writes again", || writes(&mut client, bytes));
            assert!(fill(&mut client, bytes) > keys / 4, "there is as much room");
        }
        client.ok("FLUSHALL");
        limit(&server, addresses, 1 << 40);
        wait_until("it writes again", || writes(&mut client, bytes));
        assert_eq!(client.int("EVAL 'return 1' 0"), 1);
    }
}

#[test]
fn a_script_that_writes_on_and_on_ends_where_memory_ends() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    client.run("EVAL 'return 1' 0");
    server.limit_memory(Some(20 * MB));
    let script = "for i = 1, 1e7 do redis.call('SET', 'k:' .. i, ('x'):rep(20000)) end";
    // What remains is left in other pieces each time: blocks of the interpreter lie between those of the values.
    for _ in 0..4 {
        let reply = client.cmd(&["EVAL", script, "0"]);
        let error = reply.text().expect("an error");
        assert!(
            reply.is_error() && (error.contains("OOM") || error.contains("not enough memory")),
            "{error}"
        );
        assert_eq!(client.text("PING"), "PONG");
        client.ok("FLUSHALL");
        wait_until("it writes again", || writes(&mut client, 20_000));
    }
}

#[test]
fn an_interpreter_without_memory_is_an_error_of_who_asked() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    server.limit_addresses(Some(2 * MB));
    let text = "no memory for an interpreter: Cannot allocate memory (os error 12)";
    let library = "#!lua name=lib\nredis.register_function('f', function() return 7 end)";
    assert!(client.error("EVAL 'return1' 0").ends_with(text));
    assert!(client.error("SCRIPT LOAD return1").ends_with(text));
    let load = ["FUNCTION", "LOAD", library];
    let refused = client.cmd(&load);
    assert!(refused.text().expect("an error").ends_with(text));
    server.limit_addresses(None);
    assert!(!client.cmd(&load).is_error());
    assert_eq!(client.int("FCALL f 0"), 7);
    client.ok("BGSAVE");
    wait_until("it is saved", || {
        client.info_field("persistence", "rdb_bgsave_in_progress") == "0"
    });
    let dump = client.cmd(&["FUNCTION", "DUMP"]);
    let other = Builder::forebay().start();
    let mut client = other.client();
    other.limit_addresses(Some(2 * MB));
    let restore = [
        b"FUNCTION",
        b"RESTORE".as_slice(),
        dump.bytes().expect("libraries"),
    ];
    assert!(
        client
            .cmd(&restore)
            .text()
            .expect("an error")
            .ends_with(text)
    );
    other.limit_addresses(None);
    assert!(!client.cmd(&restore).is_error());
    assert_eq!(client.int("FCALL f 0"), 7);
}

#[test]
fn a_save_without_memory_ends_one_way_or_the_other() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    client.ok("SET first value");
    server.limit_memory(Some(20 * MB));
    fill(&mut client, 20_000);
    client.run("BGSAVE");
    wait_until("the save is over", || {
        client.info_field("persistence", "rdb_bgsave_in_progress") == "0"
    });
    assert_eq!(client.text("GET first"), "value");
    server.limit_memory(None);
    let keys = client.int("DBSIZE");
    client.ok("SAVE");
    assert_eq!(server.restart().client().int("DBSIZE"), keys);
}

/// Four thousand keys of 20 KB, which no compression makes short.
fn populate(client: &mut Client) {
    let mut x = 1u64;
    let mut next = || {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (x >> 33) as u32
    };
    let value: Vec<u8> = (0..5000).flat_map(|_| next().to_le_bytes()).collect();
    for n in 0..20 {
        let set = |i| {
            vec![
                b"SET".to_vec(),
                format!("k:{}", n * 200 + i).into(),
                value.clone(),
            ]
        };
        let sets: Vec<_> = (0..200).map(set).collect();
        assert!(client.pipeline(&sets).iter().all(|reply| !reply.is_error()));
    }
}

#[test]
fn a_replica_without_memory_for_the_dataset_keeps_the_old_one() {
    for (load, more) in [("disabled", 60), ("swapdb", 20)] {
        let primary = Builder::forebay().start();
        populate(&mut primary.client());
        let replica = Builder::forebay()
            .config(format!("repl-diskless-load {load}"))
            .start();
        let mut client = replica.client();
        client.ok("SET old value");
        replica.limit_memory(Some(more * MB));
        client.ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
        replica.wait_log("out of memory at offset ");
        if load == "swapdb" {
            assert_eq!(client.text("GET old"), "value");
        }
        replica.limit_memory(None);
        wait_until("the link is up", || {
            client.info_field("replication", "master_link_status") == "up"
        });
        assert_eq!(client.int("DBSIZE"), 4000);
    }
}

#[test]
fn a_replica_without_memory_for_the_stream_waits_for_it() {
    let primary = Builder::forebay().start();
    let replica = Builder::forebay().replica_of(&primary).start();
    let mut client = replica.client();
    wait_until("the link is up", || {
        client.info_field("replication", "master_link_status") == "up"
    });
    replica.limit_memory(Some(20 * MB));
    let mut writer = primary.client();
    let value = vec![b'x'; 20_000];
    let set = |i| vec![b"SET".to_vec(), format!("k:{i}").into(), value.clone()];
    let sets: Vec<_> = (0..6000).map(set).collect();
    assert!(
        writer
            .pipeline(&sets)
            .iter()
            .all(|reply: &Value| !reply.is_error())
    );
    replica.wait_log("no memory for what the primary sends");
    assert_eq!(client.text("PING"), "PONG");
    replica.limit_memory(None);
    wait_until("all is there", || client.run("DBSIZE") == Value::Int(6000));
}

#[test]
fn a_start_without_memory_for_the_dataset_says_why_and_leaves_the_dump() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    let few = server.memory() + 60 * MB;
    populate(&mut client);
    client.ok("SAVE");
    let dump = fs::read(server.dump_path()).expect("a dump");
    let started = Command::new("prlimit")
        .arg(format!("--data={few}"))
        .arg(env!("CARGO_BIN_EXE_forebay-server"))
        .args(["--port", "0", "--unixsocket", "s", "--dir"])
        .arg(server.dir())
        .arg("--dbfilename")
        .arg(server.dump_path().file_name().expect("a name"))
        .output()
        .expect("prlimit (util-linux) can be run");
    let told = String::from_utf8_lossy(&started.stdout);
    assert_eq!(started.status.code(), Some(1), "{told}");
    assert!(told.contains("out of memory at offset "), "{told}");
    assert!(told.contains("Cannot allocate memory"), "{told}");
    assert!(fs::read(server.dump_path()).expect("a dump") == dump);
}
