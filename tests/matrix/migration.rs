//! Servers change roles while clients write: a rolling migration from one family to the other and back, and every server
//! with Forebay, restarts included. No write is lost, and nobody needs a full sync twice, so that the way back is open.
//!
//! `FOREBAY_MIGRATION_RATE` (writes a second) and `FOREBAY_MIGRATION_WRITES` (before, between and after promotions) make
//! the migration a measurement: `cargo test --release --test matrix -- migration --nocapture`.

use crate::pair::{builder, number, seed_data, wait_link};
use crate::support::numbered::{Load, Numbered, Words};
use crate::support::server::{Builder, Server};
use crate::support::{dataset, peers};
use crate::table::{self, Section};
use crate::writes::assert_same_digest;

/// What an unoptimised build can follow on a busy machine.
const RATE: u64 = 1_000;

/// Writes between two promotions.
const WRITES: u64 = 2_000;

fn from_environment(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}: {text:?}")),
        Err(_) => otherwise,
    }
}

/// A server that keeps enough of the stream for one that restarts.
fn keeper(name: &str) -> Option<Builder> {
    Some(builder(name)?.config("repl-backlog-size 64mb"))
}

/// `to`, which follows `from`, becomes the primary, and `from` follows it without a full sync.
fn hand_over(writers: &Numbered, from: &Server, to: &Server) {
    let syncs = number(to, "stats", "sync_full");
    let waited = writers.downtime(to.port(), || {
        let line = format!("FAILOVER TO 127.0.0.1 {} TIMEOUT 60000", to.port());
        from.client().ok(&line);
    });
    wait_link(from);
    let more = number(to, "stats", "sync_full") - syncs;
    assert_eq!(more, 0, "{} goes on where it is", from.name());
    println!(
        "{} -> {}: {:.1} ms without an answer",
        from.name(),
        to.name(),
        waited.as_secs_f64() * 1e3
    );
}

/// A replica ends and starts again on its own dump; it goes on where that was saved.
fn restart(replica: Server, primary: &Server) -> Server {
    let syncs = number(primary, "stats", "sync_full");
    // The reply is the end of the connection.
    let _ = replica.client().try_cmd(&["SHUTDOWN", "SAVE"]);
    let mut replica = replica;
    replica.wait_exit();
    let replica = replica.restart_with(|builder| builder.replica_of(primary));
    wait_link(&replica);
    let more = number(primary, "stats", "sync_full") - syncs;
    assert_eq!(more, 0, "{} goes on where it was", replica.name());
    replica
}

/// `old` -> Forebay -> `new`, and back the same way.
fn migrate(old: &str, new: &str) {
    let (Some(old), Some(new)) = (keeper(old), keeper(new)) else {
        return;
    };
    let forebay = keeper("forebay").expect("it is built");
    let old = old.start();
    seed_data(&old);
    let forebay = forebay.replica_of(&old).start();
    let new = new.replica_of(&forebay).start();
    let servers = [&old, &forebay, &new];
    let load = Load {
        writers: 4,
        rate: from_environment("FOREBAY_MIGRATION_RATE", RATE),
        words: Words::FieldExpiry,
    };
    let between = from_environment("FOREBAY_MIGRATION_WRITES", WRITES);
    let writers = Numbered::start(&servers.map(Server::port), load);
    wait_link(&forebay);
    wait_link(&new);
    let way = [
        (&old, &forebay),
        (&forebay, &new),
        (&new, &forebay),
        (&forebay, &old),
    ];
    for (from, to) in way {
        writers.wait_more(between);
        hand_over(&writers, from, to);
    }
    writers.wait_more(between);
    let ledger = writers.stop();
    for [primary, replica] in [[&old, &forebay], [&forebay, &new]] {
        dataset::wait_caught_up(&mut primary.client(), &mut replica.client());
        assert_same_digest(primary, replica);
    }
    for server in servers {
        ledger.assert_held_by(&mut server.client(), load.words);
    }
}

#[test]
fn a_migration_from_redis_to_valkey_and_back_loses_no_write() {
    migrate("redis-8.10", "valkey-9.1");
}

#[test]
fn a_migration_from_valkey_to_redis_and_back_loses_no_write() {
    migrate("valkey-9.1", "redis-8.10");
}

/// Forebay follows a server, restarts and takes over; the other one restarts and takes back.
fn there_and_back(name: &str) -> Option<()> {
    let (peer, forebay) = (keeper(name)?, keeper("forebay")?);
    let peer = peer.start();
    seed_data(&peer);
    let forebay = forebay.replica_of(&peer).start();
    let words = match name {
        "redis-6.2" | "redis-7.0" | "redis-7.2" | "redis-stack-7.2" | "valkey-8.1" => Words::Plain,
        // As a replica it cannot be told from 7.0, so that the expiry of fields in the backlog costs it a full sync.
        "redis-7.4" | "redis-stack-7.4" => Words::Plain,
        _ => Words::FieldExpiry,
    };
    let load = Load {
        writers: 2,
        rate: RATE / 2,
        words,
    };
    let writers = Numbered::start(&[peer.port(), forebay.port()], load);
    wait_link(&forebay);
    writers.wait_more(200);
    let forebay = restart(forebay, &peer);
    writers.wait_more(200);
    hand_over(&writers, &peer, &forebay);
    writers.wait_more(200);
    let peer = restart(peer, &forebay);
    writers.wait_more(200);
    hand_over(&writers, &forebay, &peer);
    writers.wait_more(200);
    let ledger = writers.stop();
    dataset::wait_caught_up(&mut peer.client(), &mut forebay.client());
    assert_same_digest(&peer, &forebay);
    for server in [&peer, &forebay] {
        ledger.assert_held_by(&mut server.client(), words);
    }
    Some(())
}

/// Those of every run; `FOREBAY_MATRIX` chooses as for the cells.
const ALWAYS: [&str; 4] = ["redis-6.2", "redis-7.4", "redis-8.6", "valkey-9.0"];

#[test]
fn every_server_hands_over_to_forebay_and_takes_back() {
    let wanted = std::env::var("FOREBAY_MATRIX").unwrap_or_default();
    let of_run = |peer: &&str| match wanted.as_str() {
        "" => ALWAYS.contains(peer),
        "all" => true,
        name => name == *peer,
    };
    let mut results = Vec::new();
    for peer in peers::EVERY.into_iter().filter(of_run) {
        match std::panic::catch_unwind(|| there_and_back(peer)) {
            Ok(Some(())) => results.push((vec![peer.to_owned()], vec![Some(true)])),
            Ok(None) => {}
            Err(_) => results.push((vec![peer.to_owned()], vec![Some(false)])),
        }
    }
    if wanted == "all" {
        table::write(Section::Promotions, &results);
    }
    let failed: Vec<_> = results
        .iter()
        .filter(|(_, held)| held[0] != Some(true))
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}
