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

/// Everybody was locked out, including a client that wanted to raise the limit again.
#[test]
fn the_least_limit_leaves_room_for_a_few_small_clients() {
    let mut bench = Bench::new();
    let id = connect(&mut bench, 20_000);
    for (limit, maxmemory) in [(1, 0), (-1, 100), (-100, 1)] {
        bench.engine.config.maxmemory_clients = limit;
        bench.engine.config.maxmemory = maxmemory;
        bench.engine.count_clients();
        bench.engine.evict_clients();
        assert_eq!(bench.engine.actions, [], "{limit} of {maxmemory}");
    }
    let large = connect(&mut bench, 200_000);
    bench.engine.count_clients();
    bench.engine.evict_clients();
    assert_eq!(bench.engine.actions, [Action::Close(large)]);
    assert!(bench.engine.clients.contains_key(&id));
}

#[test]
fn of_small_clients_the_one_that_was_silent_longest_is_closed_first() {
    let mut bench = Bench::new();
    let silent: Vec<ClientId> = (0..20).map(|_| connect(&mut bench, 10_000)).collect();
    bench.advance(1000);
    let speaks = connect(&mut bench, 20_000);
    bench.engine.config.maxmemory_clients = 128 << 10;
    bench.engine.count_clients();
    bench.engine.evict_clients();
    let closed = bench.engine.actions.len();
    assert!((8..20).contains(&closed), "{closed}");
    let oldest = [bench.id].into_iter().chain(silent).take(closed);
    assert_eq!(
        bench.engine.actions,
        oldest.map(Action::Close).collect::<Vec<_>>()
    );
    assert!(bench.engine.clients.contains_key(&speaks));
}
