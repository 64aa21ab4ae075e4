//! Two processes share no secret: what a client can see of one says nothing of another.

use std::collections::BTreeSet;

use crate::support::{Builder, Client, Value};

const MEMBERS: usize = 5000;

fn strings(reply: &Value) -> Vec<Vec<u8>> {
    let items = reply.items().expect("an array");
    let items = items.iter().map(|item| item.bytes().expect("a string"));
    items.map(<[u8]>::to_vec).collect()
}

/// The order in which each command that walks a large table shows its elements.
fn orders(client: &mut Client) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let names: Vec<String> = (0..MEMBERS).map(|i| format!("member:{i}")).collect();
    let mut sadd = vec!["SADD", "set"];
    let (mut hset, mut zadd) = (vec!["HSET", "hash"], vec!["ZADD", "zset"]);
    for name in &names {
        sadd.push(name);
        hset.extend([name, "v"]);
        zadd.extend(["0", name]);
    }
    for command in [&sadd, &hset, &zadd] {
        client.cmd(command);
    }
    let keys = names.iter().map(|name| vec!["SET", name, "v"]);
    client.pipeline(&keys.collect::<Vec<_>>());
    let all = (2 * MEMBERS).to_string();
    let mut scan = |line: &[&str]| {
        let reply = client.cmd(line);
        strings(&reply.items().expect("cursor and elements")[1])
    };
    let scans = vec![
        ("SCAN", scan(&["SCAN", "0", "COUNT", &all])),
        ("SSCAN", scan(&["SSCAN", "set", "0", "COUNT", &all])),
        ("HSCAN", scan(&["HSCAN", "hash", "0", "COUNT", &all])),
        ("ZSCAN", scan(&["ZSCAN", "zset", "0", "COUNT", &all])),
    ];
    let mut orders = scans;
    orders.push(("KEYS", strings(&client.run("KEYS member:*"))));
    orders.push(("SMEMBERS", strings(&client.run("SMEMBERS set"))));
    orders.push(("HGETALL", strings(&client.run("HGETALL hash"))));
    orders
}

#[test]
fn the_order_of_keys_and_members_is_a_secret_of_the_process() {
    let servers = [(); 2].map(|()| Builder::forebay().start());
    let [one, other] = servers
        .each_ref()
        .map(|server| orders(&mut server.client()));
    for ((command, one), (_, other)) in one.iter().zip(&other) {
        assert!(one.len() >= MEMBERS, "{command} shows all");
        let same = one.iter().zip(other).filter(|(a, b)| a == b).count();
        // HGETALL has the same value at every second place.
        let alike = if one.len() > MEMBERS {
            one.len() / 2
        } else {
            0
        };
        assert!(same < alike + MEMBERS / 20, "{command}: {same} places");
        let sorted = |order: &[Vec<u8>]| order.iter().cloned().collect::<BTreeSet<_>>();
        assert!(
            sorted(one) == sorted(other),
            "{command} shows the same elements"
        );
    }
}

#[test]
fn names_and_passwords_never_repeat_within_a_process_nor_between_two() {
    let servers = [(); 2].map(|()| Builder::forebay().start());
    let mut seen = BTreeSet::new();
    for server in &servers {
        let mut client = server.client();
        let mut names = vec![
            client.info_field("server", "run_id"),
            client.info_field("replication", "master_replid"),
            client.text("ACL GENPASS"),
            client.text("ACL GENPASS"),
        ];
        client.ok("DEBUG CHANGE-REPL-ID");
        names.push(client.info_field("replication", "master_replid"));
        for name in names {
            assert!(name.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
            assert!(name.len() >= 40, "{name}");
            // What parts of them share would show a common origin.
            for at in [0, 16, 24] {
                assert!(seen.insert(name[at..at + 16].to_owned()), "{name}");
            }
        }
    }
}
