//! Every way of a full sync, with writers at work.

use crate::pair::{PEER, Writers, assert_in_step, builder, number, seed_data};

/// Primary, replica, `repl-diskless-sync`, `repl-diskless-load`.
fn check(primary: &str, replica: &str, diskless: &str, load: &str) {
    let (Some(primary), Some(replica)) = (builder(primary), builder(replica)) else {
        return;
    };
    let primary = primary
        .config(format!("repl-diskless-sync {diskless}"))
        .start();
    seed_data(&primary);
    let writers = Writers::start(&primary, 2);
    let replica = replica.config(format!("repl-diskless-load {load}")).start();
    replica.client().ok("SET stale data");
    let line = format!("REPLICAOF 127.0.0.1 {}", primary.port());
    replica.client().ok(&line);
    crate::pair::wait_link(&replica);
    writers.wait_more(500);
    writers.stop();
    assert_in_step(&primary, &replica);
    assert_eq!(
        replica.client().run("GET stale").text(),
        None,
        "{diskless} {load}"
    );
    assert_eq!(
        number(&primary, "stats", "sync_full"),
        1,
        "{}",
        primary.log()
    );
}

macro_rules! modes {
    ($($name:ident: $primary:expr, $replica:expr, $diskless:literal, $load:literal;)*) => {
        $(#[test]
        fn $name() {
            check($primary, $replica, $diskless, $load);
        })*
    };
}

modes! {
    a_real_replica_loads_our_file_from_its_file: "forebay", PEER, "no", "disabled";
    a_real_replica_loads_our_file_into_memory: "forebay", PEER, "no", "on-empty-db";
    a_real_replica_swaps_our_file_in: "forebay", PEER, "no", "swapdb";
    a_real_replica_loads_our_stream_from_its_file: "forebay", PEER, "yes", "disabled";
    a_real_replica_loads_our_stream_into_memory: "forebay", PEER, "yes", "on-empty-db";
    a_real_replica_swaps_our_stream_in: "forebay", PEER, "yes", "swapdb";
    we_load_a_real_primarys_file_from_our_file: PEER, "forebay", "no", "disabled";
    we_load_a_real_primarys_file_into_memory: PEER, "forebay", "no", "on-empty-db";
    we_swap_a_real_primarys_file_in: PEER, "forebay", "no", "swapdb";
    we_load_a_real_primarys_stream_from_our_file: PEER, "forebay", "yes", "disabled";
    we_load_a_real_primarys_stream_into_memory: PEER, "forebay", "yes", "on-empty-db";
    we_swap_a_real_primarys_stream_in: PEER, "forebay", "yes", "swapdb";
    forebay_follows_forebay_by_file: "forebay", "forebay", "no", "disabled";
    forebay_follows_forebay_by_memory: "forebay", "forebay", "yes", "on-empty-db";
    forebay_follows_forebay_by_swap: "forebay", "forebay", "yes", "swapdb";
}

#[test]
fn replicas_that_come_together_share_one_snapshot() {
    let Some(peer) = builder(PEER) else { return };
    let primary = builder("forebay")
        .expect("it is built")
        .config("repl-diskless-sync-delay 2")
        .start();
    seed_data(&primary);
    let replicas: Vec<_> = (0..3)
        .map(|_| peer.clone().replica_of(&primary).start())
        .collect();
    for replica in &replicas {
        assert_in_step(&primary, replica);
    }
    let started = primary.log().matches("Starting BGSAVE for SYNC").count();
    assert!(started <= 2, "{started} snapshots for three replicas");
}
