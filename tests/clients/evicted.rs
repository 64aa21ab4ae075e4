//! `maxmemory` as a client sees it: the limit holds after each command, and what eviction itself causes evicts nothing.

use crate::support::{Builder, Client, Server};

fn used(client: &mut Client) -> usize {
    let used = client.info_field("memory", "used_memory");
    used.parse().expect("a number")
}

fn server() -> Server {
    Builder::forebay().config("io-threads 1").start()
}

#[test]
fn a_small_limit_holds_after_each_command() {
    let server = server();
    let mut client = server.client();
    for policy in [
        "allkeys-random",
        "allkeys-lru",
        "volatile-lfu",
        "volatile-ttl",
    ] {
        client.ok("FLUSHALL SYNC");
        let limit = used(&mut client) + (100 << 10);
        client.ok(&format!(
            "CONFIG SET maxmemory {limit} maxmemory-policy {policy}"
        ));
        let before: usize = client.int("DBSIZE") as usize;
        assert_eq!(before, 0);
        let mut worst = 0;
        for i in 0..4_000 {
            client.ok(&format!("SETEX key:{i} 10000 x"));
            worst = worst.max(used(&mut client));
        }
        assert!(worst < limit + 4096, "{policy}: {} above it", worst - limit);
        assert!(client.int("DBSIZE") > 100, "{policy}");
        client.ok("CONFIG SET maxmemory 0");
    }
}

#[test]
fn telling_clients_of_evicted_keys_evicts_no_more_of_them() {
    let server = server();
    let mut client = server.client();
    client.ok("CONFIG SET maxmemory-policy allkeys-lru");
    let mut readers: Vec<Client> = (0..10).map(|_| server.client()).collect();
    for reader in &mut readers {
        reader.run("HELLO 3");
        reader.ok("CLIENT TRACKING ON");
    }
    for i in 0..600 {
        let key = format!("{i}{}", "x".repeat(1000));
        client.ok(&format!("SET {key} x"));
        for reader in &mut readers {
            assert_eq!(reader.text(&format!("GET {key}")), "x");
        }
    }
    let limit = used(&mut client) - 400_000;
    client.ok(&format!("CONFIG SET maxmemory {limit}"));
    client.ok("SET k v");
    let left = client.int("DBSIZE");
    assert!((200..600).contains(&left), "{left} keys are left");
    client.ok("SET l v");
    let still = client.int("DBSIZE");
    assert!((left - 20..=left + 1).contains(&still), "{left}, {still}");
}
