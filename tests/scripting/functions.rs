//! Libraries across restarts and full syncs.

use crate::support::client::Client;
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
