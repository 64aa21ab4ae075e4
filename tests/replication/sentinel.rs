//! Three real Sentinels watch a primary and two replicas of ours: the primary is killed under writes, a
//! replica takes over, and the old primary comes back as a replica.

use crate::pair::{builder, wait_link};
use crate::support::Value;
use crate::support::client::Client;
use crate::support::sentinel::{Counter, watch};
use crate::support::server::Server;
use crate::support::wait::{LONG, wait_for, wait_until};

/// True for a replica, of the server on that port, whose link is up. Sentinels close all connections of a
/// server that they turn into a replica, so this one may end at any moment.
fn follows(replica: &Server, primary: Option<u16>) -> bool {
    let client = Client::connect(("127.0.0.1", replica.port()));
    let Ok(info) = client.and_then(|mut client| client.try_info("replication")) else {
        return false;
    };
    let is = |name: &str, value: &str| info.get(name).is_some_and(|v| v == value);
    let of_that = primary.is_none_or(|port| is("master_port", &port.to_string()));
    is("role", "slave") && is("master_link_status", "up") && of_that
}

/// Digest and offset, unless the connection was closed, as by [`follows`].
fn state(server: &Server) -> Option<(Value, String)> {
    let mut client = Client::connect(("127.0.0.1", server.port())).ok()?;
    let digest = client.try_cmd(&["DEBUG", "DIGEST"]).ok()?;
    let offset = client.try_info("replication").ok()?;
    Some((digest, offset.get("master_repl_offset")?.clone()))
}

#[test]
fn sentinels_fail_over_under_writes_and_the_old_primary_comes_back_as_replica() {
    let ours = || builder("forebay").expect("it is built");
    let mut primary = ours().config("repl-timeout 5").start();
    let replicas = [(); 2].map(|()| ours().replica_of(&primary).start());
    for replica in &replicas {
        wait_link(replica);
    }
    let Some(sentinels) = watch(&primary, replicas.len()) else {
        return;
    };
    let counter = Counter::start(&sentinels[0]);
    counter.wait_more(500);
    let old = primary.port();
    primary.kill();
    let new = wait_for("another server is the primary for all", LONG, || {
        let named: Vec<u16> = sentinels.iter().map(|s| s.primary()).collect();
        (named[0] != old && named.iter().all(|p| *p == named[0])).then_some(named[0])
    });
    counter.wait_more(500);
    let (winner, other) = match replicas[0].port() == new {
        true => (&replicas[0], &replicas[1]),
        false => (&replicas[1], &replicas[0]),
    };
    assert_eq!(winner.port(), new);
    wait_until("the other replica follows the new primary", || {
        follows(other, Some(new))
    });
    // Both were fed by the same stream: it goes on without a full sync.
    let syncs = wait_for("the new primary answers", LONG, || {
        let mut client = Client::connect(("127.0.0.1", winner.port())).ok()?;
        client.try_info("stats").ok()?.remove("sync_full")
    });
    assert_eq!(syncs, "0", "{}", winner.log());
    let primary = primary.restart();
    wait_until("the old primary follows the new one", || {
        follows(&primary, None)
    });
    counter.wait_more(100);
    drop(counter);
    for replica in [&primary, other] {
        wait_until("both hold the same data at the same offset", || {
            let there = state(winner);
            there.is_some() && there == state(replica)
        });
    }
}
