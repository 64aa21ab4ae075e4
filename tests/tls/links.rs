//! Links between servers by TLS, with a user, in chains and with real servers on either side.

use crate::certificates::{Authority, shown};
use crate::support::client::Client;
use crate::support::dataset;
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;

/// A server that has a user for replicas, follows by TLS, and has the data of nobody yet.
fn start(name: &str, authority: &Authority) -> Option<(Server, u16)> {
    let (builder, port) = authority.equip(Builder::named(name)?);
    let server = builder
        .config("tls-replication yes")
        .config("masteruser mover")
        .config("masterauth secret")
        .config("user mover on >secret +psync +replconf +ping")
        .start();
    Some((server, port))
}

fn follow(replica: &Server, port: u16) {
    replica.client().ok(&format!("REPLICAOF 127.0.0.1 {port}"));
    wait_until("the link is up", || {
        let info = shown(&replica.client().run("INFO replication"));
        info.contains("master_link_status:up")
    });
}

fn in_step(one: &mut Client, other: &mut Client) -> bool {
    one.run("DBSIZE").to_string() == other.run("DBSIZE").to_string()
        && one.run("GET last").text() == other.run("GET last").text()
}

/// Three servers in a chain; data of all types goes from the first to the last, by full sync and by stream.
fn chain(names: [&str; 3], diskless: &str) {
    let authority = Authority::new("ours");
    let started = names.map(|name| start(name, &authority));
    let [Some((first, port)), Some((second, next)), Some((third, _))] = started else {
        return;
    };
    for server in [&first, &second] {
        server
            .client()
            .ok(&format!("CONFIG SET repl-diskless-sync {diskless}"));
    }
    let mut control = first.client();
    let large = vec![b'l'; 3 << 20];
    control.cmd(&[b"SET".as_slice(), b"large", &large]);
    for i in 0..3000 {
        control.ok(&format!("SET key:{i} {i}"));
    }
    follow(&second, port);
    follow(&third, next);
    for i in 0..3000 {
        control.ok(&format!("RPUSH list:{} {i}", i % 10));
    }
    control.cmd(&[b"SET".as_slice(), b"large:2", &large]);
    control.ok("SET last one");
    for server in [&second, &third] {
        let mut client = server.client();
        wait_until("the replica has it all", || {
            in_step(&mut control, &mut client)
        });
        dataset::assert_same(&mut control, &mut client);
    }
    // The replica is known by its port for TLS, and shows it.
    let info = shown(&control.run("INFO replication"));
    assert!(
        info.contains(&format!("port={next},state=online")),
        "{info}"
    );
}

#[test]
fn we_follow_ourselves_by_tls() {
    chain(["forebay", "forebay", "forebay"], "yes");
}

#[test]
fn we_follow_ourselves_by_tls_and_files() {
    chain(["forebay", "forebay", "forebay"], "no");
}

#[test]
fn real_servers_follow_us_and_we_them_by_tls() {
    chain(["forebay", "redis-7.0", "forebay"], "yes");
}

#[test]
fn we_are_between_real_servers_by_tls() {
    chain(["redis-7.0", "forebay", "redis-7.0"], "no");
}

#[test]
fn servers_of_redis_8_follow_us_and_we_them_by_tls() {
    chain(["forebay", "redis-8.0", "forebay"], "yes");
    chain(["redis-8.0", "forebay", "redis-8.0"], "yes");
}

#[test]
fn servers_of_valkey_8_and_redis_7_4_follow_us_and_we_them_by_tls() {
    chain(["forebay", "valkey-8.1-tls", "forebay"], "yes");
    chain(["redis-7.4", "forebay", "valkey-8.1-tls"], "no");
}

#[test]
fn a_primary_without_the_name_that_is_expected_is_not_followed() {
    let authority = Authority::new("ours");
    let (Some((primary, port)), Some((replica, _))) =
        (start("forebay", &authority), start("forebay", &authority))
    else {
        return;
    };
    let mut control = replica.client();
    let error = control.error("CONFIG SET tls-expected-peer-name \"  \"");
    assert!(error.contains("no usable name"), "{error}");
    control.ok("CONFIG SET tls-expected-peer-name \"wrong.example.com\"");
    control.ok(&format!("REPLICAOF 127.0.0.1 {port}"));
    replica.wait_log("certificate verify failed");
    let info = shown(&control.run("INFO replication"));
    assert!(info.contains("master_link_status:down"), "{info}");
    // The certificate's common name is `server`. It counts from the next attempt on.
    control.ok("CONFIG SET tls-expected-peer-name \"wrong.example.com server\"");
    wait_until("the link is up", || {
        shown(&control.run("INFO replication")).contains("master_link_status:up")
    });
    // MIGRATE asks for the same.
    let mut from = primary.client();
    from.ok("SET key value");
    from.ok("CONFIG SET tls-expected-peer-name wrong.example.com");
    let other = start("forebay", &authority).expect("ours");
    let migrate = format!("MIGRATE 127.0.0.1 {} key 0 5000", other.1);
    assert!(from.error(&migrate).starts_with("IOERR"));
    from.ok("CONFIG SET tls-expected-peer-name server");
    from.ok(&migrate);
    assert_eq!(other.0.client().int("EXISTS key"), 1);
}

#[test]
fn a_primary_that_nobody_signed_for_is_not_followed() {
    let (authority, other) = (Authority::new("ours"), Authority::new("theirs"));
    let (Some((primary, port)), Some((replica, _))) =
        (start("forebay", &other), start("forebay", &authority))
    else {
        return;
    };
    replica.client().ok(&format!("REPLICAOF 127.0.0.1 {port}"));
    replica.wait_log("certificate verify failed");
    primary.wait_log("Error accepting a client connection: alert unknown ca");
    let info = shown(&replica.client().run("INFO replication"));
    assert!(info.contains("master_link_status:down"), "{info}");
}

#[test]
fn keys_migrate_by_tls() {
    let authority = Authority::new("ours");
    for target in ["forebay", "redis-7.0"] {
        let (Some((from, _)), Some((to, port))) =
            (start("forebay", &authority), start(target, &authority))
        else {
            return;
        };
        let mut client = from.client();
        for i in 0..3 {
            client.ok(&format!("SET key:{i} value"));
            client.ok(&format!("MIGRATE 127.0.0.1 {port} key:{i} 0 5000"));
        }
        assert_eq!(to.client().int("DBSIZE"), 3);
        assert_eq!(client.int("DBSIZE"), 0);
        // A target that does not talk TLS is an error, and the key stays.
        client.ok("SET key value");
        let error = client.error(&format!("MIGRATE 127.0.0.1 {} key 0 2000", to.port()));
        assert!(error.starts_with("IOERR"), "{error}");
        assert_eq!(client.int("EXISTS key"), 1);
    }
}
