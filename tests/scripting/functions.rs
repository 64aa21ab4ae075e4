//! Libraries across restarts and full syncs.

use crate::support::client::Client;
use crate::support::fake_master::FakeMaster;
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;

const LIBRARY: &str = "#!lua name=lib\nredis.register_function('answer', function() return 42 end)\nredis.register_function{function_name='get', callback=function(keys) return redis.call('GET', keys[1]) end, flags={'no-writes'}}";

fn load(client: &mut Client) {
    let reply = client.cmd(&["FUNCTION", "LOAD", LIBRARY]);
    assert_eq!(reply.text(), Some("lib"));
}

fn wait_synced(replica: &Server) -> Client {
    let mut client = replica.client();
    wait_until("the link is up", || {
        client.info_field("replication", "master_link_status") == "up"
    });
    client
}

#[test]
fn libraries_are_there_after_a_restart() {
    let server = Builder::forebay().config("save 1000 1000").start();
    let mut client = server.client();
    load(&mut client);
    client.ok("SAVE");
    let server = server.restart();
    let mut client = server.client();
    assert_eq!(client.int("FCALL answer 0"), 42);
    assert_eq!(client.info_field("memory", "number_of_functions"), "2");
}

#[test]
fn libraries_go_through_full_syncs_to_and_from_real_servers() {
    for peer in ["redis-7.0", "redis-8.2"] {
        for mode in ["repl-diskless-load disabled", "repl-diskless-load swapdb"] {
            let Some(primary) = Builder::peer(peer) else {
                continue;
            };
            let primary = primary.start();
            load(&mut primary.client());
            let replica = Builder::forebay().config(mode).replica_of(&primary).start();
            let mut client = wait_synced(&replica);
            assert!(
                client.run("FCALL_RO get 1 nothing").is_null(),
                "{peer} {mode}"
            );
        }
        let primary = Builder::forebay().start();
        let mut client = primary.client();
        load(&mut client);
        let Some(replica) = Builder::peer(peer) else {
            continue;
        };
        let replica = replica.replica_of(&primary).start();
        let mut at_replica = wait_synced(&replica);
        let list = at_replica.run("FUNCTION LIST").to_string();
        assert!(list.contains("answer"), "{peer}: {list}");
        // What comes behind the full sync: by the stream.
        client.ok("FUNCTION DELETE lib");
        wait_until("the library is gone", || {
            !at_replica
                .run("FUNCTION LIST")
                .to_string()
                .contains("answer")
        });
    }
}

#[test]
fn payloads_of_real_servers_are_restored_and_ours_by_them() {
    for peer in ["redis-7.0", "redis-8.2"] {
        let Some(theirs) = Builder::peer(peer) else {
            continue;
        };
        let theirs = theirs.start();
        let ours = Builder::forebay().start();
        let (mut a, mut b) = (theirs.client(), ours.client());
        load(&mut a);
        let dump = a.run("FUNCTION DUMP");
        let payload = dump.bytes().expect("a bulk string").to_vec();
        let restored = b.cmd(&[&b"FUNCTION"[..], b"RESTORE", &payload]);
        assert!(!restored.is_error(), "{peer}: {restored}");
        assert_eq!(b.int("FCALL answer 0"), 42);
        let dump = b.run("FUNCTION DUMP");
        let payload = dump.bytes().expect("a bulk string").to_vec();
        let restored = a.cmd(&[&b"FUNCTION"[..], b"RESTORE", &payload, b"FLUSH"]);
        assert!(!restored.is_error(), "{peer}: {restored}");
        assert_eq!(a.int("FCALL answer 0"), 42);
    }
}

/// Libraries out of a dump that no server takes, together with what it says of them.
fn unsound() -> Vec<(Vec<&'static str>, &'static str)> {
    const GOOD: &str = "#!lua name=good\nredis.register_function('f', function() return 1 end)";
    vec![
        (
            vec![GOOD, "#!lua name=a\nredis.register_function('x', functio"],
            "Error compiling function",
        ),
        (
            vec!["#!lua name=a\nlocal x = 'register_function'"],
            "No functions registered",
        ),
        (
            vec!["#!lua name=a\nlocal x = 'boom' .. nil"],
            "attempt to concatenate a nil value",
        ),
        (
            vec!["#!js name=a\nredis.register_function('x', function() end)"],
            "Engine 'js' not found",
        ),
        (
            vec!["#!lua\nredis.register_function('x', function() end)"],
            "Library name was not given",
        ),
        (
            vec!["redis.register_function('x', function() end)"],
            "Missing library metadata",
        ),
        (
            vec![
                GOOD,
                "#!lua name=b\nredis.register_function('F', function() end)",
            ],
            "already exists",
        ),
        (vec![GOOD, GOOD], "already exists"),
        (
            vec!["#!lua name=a\nredis.call('PING')"],
            "attempted to access nonexistent",
        ),
        (vec!["#!lua name=a\nwhile true do end"], "timeout"),
    ]
}

/// A dump with these libraries and one key; its checksum is off.
fn dump_with(libraries: &[&str]) -> Vec<u8> {
    let mut dump = b"REDIS0011".to_vec();
    for library in libraries {
        dump.extend_from_slice(&[0xf5, 0x80]);
        dump.extend_from_slice(&(library.len() as u32).to_be_bytes());
        dump.extend_from_slice(library.as_bytes());
    }
    dump.extend_from_slice(b"\xfe\x00\x00\x03new\x01v\xff\0\0\0\0\0\0\0\0");
    dump
}

#[test]
fn a_dump_with_a_library_that_does_not_load_is_refused_and_nothing_changes() {
    let server = Builder::forebay()
        .config("enable-debug-command yes")
        .start();
    let path = server.dir().join("dump.rdb");
    let mut client = server.client();
    std::fs::write(&path, dump_with(&[LIBRARY])).expect("a writable folder");
    // No script has run yet in this process.
    client.ok("DEBUG RELOAD NOSAVE");
    assert_eq!(client.int("FCALL answer 0"), 42);
    client.ok("FLUSHALL");
    client.ok("SET old 1");
    for (libraries, why) in unsound() {
        std::fs::write(&path, dump_with(&libraries)).expect("a writable folder");
        let error = client.error("DEBUG RELOAD NOSAVE");
        assert!(
            error.contains("Error trying to load the RDB dump"),
            "{error}"
        );
        assert!(
            server.log().contains(why),
            "{why} is not said of {libraries:?}"
        );
        assert_eq!(client.int("FCALL answer 0"), 42, "after {libraries:?}");
        assert_eq!(client.text("GET old"), "1", "after {libraries:?}");
        assert_eq!(client.int("EXISTS new"), 0, "after {libraries:?}");
    }
}

#[test]
fn a_start_with_a_library_that_does_not_load_fails_and_leaves_the_dump_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bad.rdb");
    for (libraries, why) in unsound().into_iter().take(3) {
        std::fs::write(&path, dump_with(&libraries)).expect("a writable folder");
        let (status, log) = Builder::forebay().dump(&path).start_failing();
        assert!(!status.success(), "{libraries:?}");
        assert!(
            log.contains("Failed loading library") && log.contains(why),
            "{log}"
        );
    }
    let whole = Builder::forebay()
        .config("rdb-load-salvage yes")
        .dump(&path)
        .start();
    assert_eq!(whole.client().text("GET new"), "v");
    assert!(whole.log().contains("Left out: a function library"));
}

#[test]
fn a_full_sync_with_a_library_that_does_not_load_leaves_the_libraries_that_are_there() {
    for mode in ["disabled", "swapdb"] {
        let master = FakeMaster::new();
        let replica = Builder::forebay()
            .config(format!("repl-diskless-load {mode}"))
            .start();
        let mut client = replica.client();
        load(&mut client);
        client.ok("SET old 1");
        client.ok(&format!("REPLICAOF 127.0.0.1 {}", master.port()));
        let (libraries, _) = unsound().swap_remove(0);
        let mut link = master.accept();
        link.handshake().expect("a replica that asks");
        link.full_resync(&"a".repeat(40), 0, &dump_with(&libraries))
            .expect("a replica that reads");
        replica.wait_log("Failed loading library");
        // It tries again, from the beginning.
        let mut again = master.accept();
        again.handshake().expect("a replica that asks");
        assert!(
            client.run("FUNCTION LIST").to_string().contains("answer"),
            "{mode}"
        );
        if mode == "swapdb" {
            assert_eq!(client.text("GET old"), "1");
        }
        again
            .full_resync(&"a".repeat(40), 0, &dump_with(&["#!lua name=n\nredis.register_function{function_name='n', callback=function() return 5 end, flags={'no-writes'}}"]))
            .expect("a replica that reads");
        wait_until("the link is up", || {
            client.info_field("replication", "master_link_status") == "up"
        });
        assert_eq!(client.int("FCALL n 0"), 5);
    }
}
