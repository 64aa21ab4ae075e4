//! What the hardened units of distributions allow a service.

use crate::support::client::Client;
use crate::support::filter::Forbidden;
use crate::support::server::Builder;
use crate::support::wait::wait_until;

fn persistence(client: &mut Client, field: &str) -> String {
    client.info_field("persistence", field)
}

/// The first call to the scheduler ended the process.
#[test]
fn no_system_call_is_made_that_a_hardened_unit_forbids() {
    for forbidden in [Forbidden::Kills, Forbidden::Fails] {
        let unit = || Builder::forebay().filtered(forbidden);
        let mut primary = unit()
            .config("appendonly yes")
            .config("unixsocket socket")
            .config("unixsocketperm 770")
            .config("pidfile server.pid")
            .start();
        assert!(primary.log().contains("System calls are filtered"));
        let mut client = primary.client();
        client.ok("SET key value");
        client.ok("DEBUG POPULATE 10000 k 100");
        client.ok("EVAL 'return redis.call(\"SET\", KEYS[1], 1)' 1 counter");
        let large = "x".repeat(3 << 20);
        assert!(!client.cmd(&["SET", "large", &large]).is_error());
        client.run("BGSAVE");
        wait_until("it has saved", || {
            persistence(&mut client, "rdb_bgsave_in_progress") == "0"
                && persistence(&mut client, "rdb_last_bgsave_status") == "ok"
        });
        client.run("BGREWRITEAOF");
        wait_until("it has rewritten", || {
            persistence(&mut client, "aof_rewrite_in_progress") == "0"
                && persistence(&mut client, "aof_rewrite_scheduled") == "0"
        });
        for (diskless, load) in [("yes", "disabled"), ("no", "swapdb")] {
            client.ok(&format!("CONFIG SET repl-diskless-sync {diskless}"));
            let load = format!("repl-diskless-load {load}");
            let mut replica = unit().config(load).replica_of(&primary).start();
            let mut other = replica.client();
            wait_until("the link is up", || {
                other.info_field("replication", "master_link_status") == "up"
            });
            assert_eq!(other.int("DBSIZE"), 10003);
            replica.signal(15);
            assert_eq!(replica.wait_exit().code(), Some(0));
        }
        client.ok("DEBUG RELOAD");
        client.ok("FLUSHALL ASYNC");
        client.ok("SET key value");
        client.send(&["SHUTDOWN", "SAVE"]).expect("it reads");
        assert_eq!(primary.wait_exit().code(), Some(0));
        let again = primary.restart();
        assert_eq!(again.client().text("GET key"), "value");
    }
}
