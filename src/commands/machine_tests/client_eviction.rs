//! `engine::client_eviction` with the commands of all families.

use crate::testing::Bench;
use engine::{Action, ClientFlags, ClientId};

fn connect(bench: &mut Bench, pending: usize) -> ClientId {
    let id = bench.engine.connect("a:1".into(), "b:2".into());
    bench
        .engine
        .clients
        .get_mut(&id)
        .expect("just connected")
        .query_buffer = pending;
    id
}

#[test]
fn the_largest_clients_are_closed_until_the_rest_fits() {
    let mut bench = Bench::new();
    let [small, large, larger] = [10_000, 400_000, 500_000].map(|n| connect(&mut bench, n));
    bench.engine.config.maxmemory_clients = 450_000;
    bench.engine.count_clients();
    bench.engine.evict_clients();
    assert_eq!(bench.engine.actions, [Action::Close(larger)]);
    assert_eq!(bench.engine.stats.evicted_clients, 1);
    bench.engine.config.maxmemory_clients = -10;
    bench.engine.config.maxmemory = 1_000_000;
    bench.engine.evict_clients();
    assert_eq!(bench.engine.actions.last(), Some(&Action::Close(large)));
    let small = &bench.engine.clients[&small];
    assert!(!small.flags.contains(ClientFlags::CLOSE_ASAP));
}

#[test]
fn a_client_that_must_not_be_evicted_counts_but_stays() {
    let mut bench = Bench::new();
    let large = connect(&mut bench, 900_000);
    let client = bench
        .engine
        .clients
        .get_mut(&large)
        .expect("just connected");
    client.flags.insert(ClientFlags::NO_EVICT);
    let small = connect(&mut bench, 1000);
    bench.engine.config.maxmemory_clients = 100_000;
    bench.engine.count_clients();
    bench.engine.evict_clients();
    assert!(!bench.engine.actions.contains(&Action::Close(large)));
    assert!(bench.engine.actions.contains(&Action::Close(small)));
}
