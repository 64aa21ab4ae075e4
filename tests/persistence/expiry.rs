//! Keys and fields whose time has come, on a primary, in its dump and on its replica.

use crate::support::client::Client;
use crate::support::server::Builder;
use crate::support::wait::wait_until;

fn wait_linked(replica: &mut Client) {
    wait_until("the replica follows", || {
        replica.info_field("replication", "master_link_status") == "up"
    });
}

#[test]
fn hashes_without_a_live_field_go_from_the_primary_its_dump_and_its_replica() {
    let primary = Builder::forebay()
        .config("repl-diskless-sync-delay 0")
        .config("enable-debug-command yes")
        .start();
    let mut client = primary.client();
    let replica = Builder::forebay().replica_of(&primary).start();
    let mut follower = replica.client();
    wait_linked(&mut follower);
    client.ok("DEBUG SET-ACTIVE-EXPIRE 0");
    for i in 0..50 {
        client.int(&format!("HSET all:{i} a 1 b 2"));
        client.run(&format!("HPEXPIRE all:{i} 1 FIELDS 2 a b"));
        client.int(&format!("HSET part:{i} a 1 b 2"));
        client.run(&format!("HPEXPIRE part:{i} 1 FIELDS 1 a"));
    }
    wait_until("the replica has all of them", || {
        follower.int("DBSIZE") == 100
    });
    wait_until("their time has come", || {
        client.run("HTTL all:49 FIELDS 1 a") == follower.run("HTTL nothing FIELDS 1 a")
    });
    assert_eq!(follower.int("DBSIZE"), 100, "a replica waits to be told");
    assert_eq!(follower.int("HLEN all:7"), 2);
    client.ok("SAVE");
    client.ok("DEBUG SET-ACTIVE-EXPIRE 1");
    wait_until("they are gone on both sides", || {
        (client.int("DBSIZE"), follower.int("DBSIZE")) == (50, 50)
    });
    for server in [&mut client, &mut follower] {
        assert_eq!(server.int("HLEN part:7"), 1);
    }
    drop((client, follower, replica));
    // The dump still has them: it is older.
    let primary = primary.restart();
    let mut client = primary.client();
    assert_eq!(client.int("DBSIZE"), 50);
    wait_until("the fields of the others go", || {
        (0..50).all(|i| client.int(&format!("HLEN part:{i}")) == 1)
    });
}

#[test]
fn a_writable_replica_deletes_its_own_keys_and_waits_for_those_of_its_primary() {
    let primary = Builder::forebay()
        .config("repl-diskless-sync-delay 0")
        .config("enable-debug-command yes")
        .start();
    let mut client = primary.client();
    let replica = Builder::forebay()
        .config("replica-read-only no")
        .replica_of(&primary)
        .start();
    let mut follower = replica.client();
    wait_linked(&mut follower);
    client.ok("DEBUG SET-ACTIVE-EXPIRE 0");
    client.ok("SET theirs v PX 1");
    wait_until("it is there", || follower.int("DBSIZE") == 1);
    for i in 0..100 {
        follower.ok(&format!("SET own:{i} v PX 50"));
    }
    wait_until("its own are gone", || {
        follower.info_field("stats", "expired_keys") == "100"
    });
    assert_eq!(follower.int("DBSIZE"), 1);
    assert_eq!(
        follower.info_field("stats", "slave_expires_tracked_keys"),
        "0"
    );
}
