//! Peers that are no clients: closed, counted, logged, and bounded in number and time.

use crate::certificates::{Authority, TlsClient, shown};
use crate::support::server::Builder;
use crate::support::wait::wait_until;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Reads until the other end closes; what it said.
fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

#[test]
fn what_is_no_handshake_is_closed_and_answered_with_an_alert_if_it_was_tls() {
    let authority = Authority::new("ours");
    let (builder, port) = authority.equip(Builder::forebay());
    let server = builder.start();
    let head = |len: u16| [&[22, 3, 1], len.to_be_bytes().as_slice()].concat();
    for (bytes, alert) in [
        // Who speaks no TLS would take an alert for a reply.
        (b"PING\r\nPING\r\n".to_vec(), false),
        (b"*1\r\n$4\r\nPING\r\n".to_vec(), false),
        // A record that is longer than any may be, and one that is no ClientHello.
        ([head(0xffff), vec![1; 100]].concat(), true),
        ([head(100), vec![0; 100]].concat(), true),
        // A ClientHello that says that it is long: its rest is waited for until its time is up.
        (
            [head(100), vec![1, 0xff, 0xff, 0xff], vec![0; 96]].concat(),
            false,
        ),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.write_all(&bytes).expect("sent");
        let said = rest(stream);
        assert_eq!(said.first() == Some(&21), alert, "{bytes:?}: {said:?}");
    }
    server.wait_log("Error accepting a client connection: wrong version number (addr=");
    let mut control = server.client();
    wait_until("they are gone", || {
        control.int("CLIENT ID") > 0 && {
            let list = shown(&control.run("CLIENT LIST"));
            list.matches("id=").count() == 1
        }
    });
}

#[test]
fn a_handshake_that_stalls_has_its_place_and_its_end() {
    let authority = Authority::new("ours");
    let (builder, port) = authority.equip(Builder::forebay());
    let server = builder.config("maxclients 3").start();
    let mut control = server.client();
    // With I/O threads, the client of the start may be there a little longer.
    wait_until("the client of the start is gone", || {
        shown(&control.run("CLIENT LIST")).matches("id=").count() == 1
    });
    let mut stalled: Vec<TcpStream> = (0..2)
        .map(|_| TcpStream::connect(("127.0.0.1", port)).expect("it listens"))
        .collect();
    // One of them trickles.
    stalled[1].write_all(&[22, 3]).expect("sent");
    let addresses: Vec<_> = stalled
        .iter()
        .map(|s| format!("addr={} ", s.local_addr().expect("connected")))
        .collect();
    wait_until("they are clients", || {
        let list = shown(&control.run("CLIENT LIST"));
        list.matches("id=").count() == 3 && addresses.iter().all(|of| list.contains(of))
    });
    let connecting = authority.connecting(authority.sign("someone"));
    assert!(
        TlsClient::connect(&connecting, port).is_err(),
        "there is no place"
    );
    // One is killed as any client; the other's time ends.
    let list = shown(&control.run("CLIENT LIST"));
    let line = list
        .split("id=")
        .find(|line| line.contains(&addresses[0]))
        .expect("it is there");
    let id: i64 = line
        .split(' ')
        .next()
        .unwrap_or_default()
        .parse()
        .expect("a number");
    assert_eq!(control.int(&format!("CLIENT KILL ID {id}")), 1);
    assert_eq!(rest(stalled.remove(0)), []);
    // With I/O threads, the socket is closed before the place is given back.
    wait_until("its place is free", || {
        shown(&control.run("CLIENT LIST")).matches("id=").count() == 2
    });
    TlsClient::connect(&connecting, port).expect("there is a place");
    assert_eq!(rest(stalled.remove(0)), []);
    server.wait_log("the handshake takes too long");
}

#[test]
fn many_failures_are_few_lines() {
    let authority = Authority::new("ours");
    let (builder, port) = authority.equip(Builder::forebay());
    let server = builder.start();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.write_all(b"PING\r\n").expect("sent");
    }
    let mut control = server.client();
    wait_until("all have failed", || {
        shown(&control.run("INFO stats")).contains("tls_handshakes_failed:300")
    });
    let lines = server.log().matches("Error accepting").count();
    assert!((1..300).contains(&lines), "{lines}");
}
