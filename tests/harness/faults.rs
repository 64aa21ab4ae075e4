//! The fault proxy between a client and a real server.

use std::time::{Duration, Instant};

use crate::support::client::Client;
use crate::support::peers;
use crate::support::proxy::{Direction, FaultProxy, Faults};
use crate::support::server::Builder;

fn through(proxy: &FaultProxy) -> Client {
    Client::connect(("127.0.0.1", proxy.port())).expect("the proxy listens")
}

#[test]
fn bytes_pass_unchanged_and_are_counted_until_a_fault_is_set() {
    let Some(builder) = Builder::peer(peers::REFERENCE) else {
        return;
    };
    let server = builder.start();
    let proxy = FaultProxy::to(&server.address());
    let mut client = through(&proxy);
    client.ok("SET k v");
    assert_eq!(client.text("GET k"), "v");
    assert_eq!(proxy.passed(Direction::FromTarget), 5 + 7);

    proxy.cut();
    assert!(client.try_cmd(&["PING"]).is_err(), "the connection was cut");
    assert_eq!(through(&proxy).text("PING"), "PONG");
    proxy.refuse();
    assert!(
        through(&proxy).try_cmd(&["PING"]).is_err(),
        "new connections are refused"
    );
    proxy.heal();
    assert_eq!(through(&proxy).text("PING"), "PONG");
}

#[test]
fn a_cut_a_corrupt_byte_and_a_stall_come_at_their_position() {
    let Some(builder) = Builder::peer(peers::REFERENCE) else {
        return;
    };
    let server = builder.start();
    server.client().ok("SET k 0123456789");
    let proxy = FaultProxy::to(&server.address());

    proxy.set(
        Direction::FromTarget,
        Faults {
            corrupt_at: Some(5),
            ..Default::default()
        },
    );
    let reply = through(&proxy).run("GET k"); // "$10\r\n" is five bytes
    assert_eq!(reply.bytes(), Some(&b"\xcf123456789"[..]));

    proxy.set(
        Direction::FromTarget,
        Faults {
            cut_at: Some(7),
            ..Default::default()
        },
    );
    let mut client = through(&proxy);
    client.send_raw(b"GET k\r\n").expect("the request is sent");
    assert!(client.read().is_err(), "the reply was cut");

    proxy.set(
        Direction::FromTarget,
        Faults {
            stall_at: Some(7),
            ..Default::default()
        },
    );
    let mut client = through(&proxy);
    client.set_reply_limit(Some(Duration::from_millis(100)));
    client.send_raw(b"GET k\r\n").expect("the request is sent");
    assert!(client.read().is_err(), "the reply is held back");
    proxy.heal();
    client.set_reply_limit(Some(Duration::from_secs(30)));
    assert_eq!(
        client.read().expect("it goes on").bytes(),
        Some(&b"0123456789"[..])
    );
}

#[test]
fn a_slow_link_passes_no_more_than_its_rate() {
    let Some(builder) = Builder::peer(peers::REFERENCE) else {
        return;
    };
    let server = builder.start();
    server.client().ok("SET k {20000*x}");
    let proxy = FaultProxy::to(&server.address());
    proxy.set(
        Direction::FromTarget,
        Faults {
            bytes_per_second: Some(100_000),
            ..Default::default()
        },
    );
    let start = Instant::now();
    assert_eq!(through(&proxy).text("GET k").len(), 20_000);
    assert!(
        start.elapsed() >= Duration::from_millis(150),
        "{:?}",
        start.elapsed()
    );
}
