//! Clients by TLS, their users, and certificates that change while the server runs.

use crate::certificates::{Authority, TlsClient, shown};
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use std::fs;

fn stat(server: &Server, name: &str) -> u64 {
    let info = server.client().run("INFO stats");
    let info = info.text().expect("text");
    let line = info.lines().find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix(':')?;
        value.trim().parse().ok()
    });
    line.unwrap_or_else(|| panic!("{name} is not in {info}"))
}

#[test]
fn a_client_by_tls_is_a_client_as_any_other() {
    let authority = Authority::new("ours");
    let (builder, port) = authority.equip(Builder::forebay());
    let server = builder.start();
    let mut client = authority.client("someone", port);
    assert_eq!(client.text("SET k v"), "OK");
    assert_eq!(server.client().run("GET k").text(), Some("v"));
    // More than any buffer on the way, in one piece and in many.
    let large = vec![b'x'; 5 << 20];
    let set = client.cmd(&[b"SET".as_slice(), b"large", &large]);
    assert_eq!(set.expect("it is there").to_string(), "+OK");
    let got = client.cmd(&["GET", "large"]).expect("it is there");
    assert!(got.bytes() == Some(&large));
    for i in 0..2000 {
        client.send(&["INCRBY", "n", &i.to_string()]).expect("sent");
    }
    for _ in 0..2000 {
        client.read().expect("a reply");
    }
    assert_eq!(client.run("GET n").text(), Some("1999000"));
    let list = client.text("CLIENT LIST");
    assert!(list.contains(&format!("laddr=127.0.0.1:{port} ")), "{list}");
    let info = client.text("INFO server");
    let listener = format!("name=tls,bind=127.0.0.1,port={port}");
    assert!(info.contains(&listener), "{info}");
    // What others send reaches it, too.
    client.run("SUBSCRIBE news");
    assert_eq!(server.client().int("PUBLISH news today"), 1);
    assert!(client.read().expect("pushed").to_string().contains("today"));
    let id: i64 = {
        let list = shown(&server.client().run("CLIENT LIST TYPE pubsub"));
        let id = list.split("id=").nth(1).expect("a client");
        id.split(' ')
            .next()
            .unwrap_or_default()
            .parse()
            .expect("a number")
    };
    assert_eq!(server.client().int(&format!("CLIENT KILL ID {id}")), 1);
    assert!(client.read().is_err());
}

#[test]
fn who_has_no_certificate_of_ours_is_closed_counted_and_logged() {
    let (authority, other) = (Authority::new("ours"), Authority::new("theirs"));
    let (builder, port) = authority.equip(Builder::forebay());
    let server = builder.start();
    let nobody = authority.connecting(Default::default());
    assert!(TlsClient::connect(&nobody, port).is_err());
    server.wait_log(
        "Error accepting a client connection: peer did not return a certificate (addr=127.0.0.1:",
    );
    let stranger = authority.connecting(other.sign("stranger"));
    assert!(TlsClient::connect(&stranger, port).is_err());
    server.wait_log("Error accepting a client connection: certificate verify failed");
    assert_eq!(stat(&server, "tls_handshakes_failed"), 2);
    assert_eq!(stat(&server, "tls_handshakes"), 0);
    server.client().ok("CONFIG SET tls-auth-clients optional");
    TlsClient::connect(&nobody, port).expect("it is optional");
    assert!(TlsClient::connect(&stranger, port).is_err());
    server.client().ok("CONFIG SET tls-auth-clients no");
    TlsClient::connect(&stranger, port).expect("nobody is asked");
}

#[test]
fn a_handshake_is_resumed_until_certificates_change() {
    let authority = Authority::new("ours");
    let (builder, port) = authority.equip(Builder::forebay());
    let server = builder.start();
    let connecting = authority.connecting(authority.sign("someone"));
    for _ in 0..3 {
        TlsClient::connect(&connecting, port).expect("it is let in");
    }
    assert_eq!(stat(&server, "tls_handshakes_resumed"), 2);
    // The same name is read again.
    let own = authority.sign("server");
    server.client().ok(&format!(
        "CONFIG SET tls-cert-file {} tls-key-file {}",
        own.certificate, own.key
    ));
    TlsClient::connect(&connecting, port).expect("it is let in");
    assert_eq!(stat(&server, "tls_handshakes_resumed"), 2);
    server.client().ok("CONFIG SET tls-session-caching no");
    for _ in 0..3 {
        TlsClient::connect(&connecting, port).expect("it is let in");
    }
    assert_eq!(stat(&server, "tls_handshakes_resumed"), 2);
    assert_eq!(stat(&server, "tls_handshakes"), 7);
}

/// The number of the certificate that the server shows.
fn certificate_of(authority: &Authority, port: u16) -> String {
    let connecting = authority.connecting(authority.sign("someone"));
    let mut client = TlsClient::connect(&connecting, port).expect("it is let in");
    client.blocking().peer().expect("a server shows one").serial
}

#[test]
fn wrong_certificates_are_refused_and_the_old_ones_stay() {
    let authority = Authority::new("ours");
    let (builder, port) = authority.equip(Builder::forebay());
    let server = builder.start();
    let before = certificate_of(&authority, port);
    let other = authority.sign("other");
    let mut client = server.client();
    for line in [
        "CONFIG SET tls-cert-file /none/such".to_owned(),
        format!("CONFIG SET tls-key-file {}", other.key),
        "CONFIG SET tls-ca-cert-file \"\"".to_owned(),
        "CONFIG SET tls-protocols SSLv3".to_owned(),
        "CONFIG SET tls-ciphers RC4-SHA".to_owned(),
    ] {
        let error = client.error(&line);
        let name = line.split(' ').nth(2).unwrap_or_default();
        assert_eq!(
            error,
            format!(
                "ERR CONFIG SET failed (possibly related to argument '{name}') - Unable to update TLS configuration. Check server logs."
            )
        );
    }
    server.wait_log("Failed to load certificate: /none/such: No such file or directory");
    server.wait_log("key values mismatch");
    server.wait_log("'RC4-SHA' is not built in");
    assert_eq!(certificate_of(&authority, port), before);
    client.ok(&format!(
        "CONFIG SET tls-cert-file {} tls-key-file {}",
        other.certificate, other.key
    ));
    assert_ne!(certificate_of(&authority, port), before);
    // Another port, and none.
    let next = crate::support::server::free_port();
    client.ok(&format!("CONFIG SET tls-port {next}"));
    certificate_of(&authority, next);
    client.ok("CONFIG SET tls-port 0");
    wait_until("nothing listens", || {
        std::net::TcpStream::connect(("127.0.0.1", next)).is_err()
    });
}

#[test]
fn files_that_change_are_read_again_by_themselves() {
    let authority = Authority::new("ours");
    let (builder, port) = authority.equip(Builder::forebay());
    let server = builder.config("tls-auto-reload-interval 1").start();
    let mut before = certificate_of(&authority, port);
    for _ in 0..2 {
        authority.sign("server");
        wait_until("the new certificate is shown", || {
            certificate_of(&authority, port) != before
        });
        before = certificate_of(&authority, port);
    }
    fs::write(authority.path("server.crt"), "nonsense").expect("written");
    server.wait_log("the changed files are invalid, so the previous ones stay in use");
    assert_eq!(certificate_of(&authority, port), before);
}

#[test]
fn a_certificate_names_its_user() {
    let authority = Authority::new("ours");
    let (builder, port) = authority.equip(Builder::forebay());
    let server = builder
        .config("tls-auth-clients-user CN")
        .config("user alice on >secret ~a* +@all")
        .config("user bob off >secret ~b* +@all")
        .config("user spiffe://here/carol on >secret ~c* +@all")
        .start();
    let mut alice = authority.client("alice", port);
    assert_eq!(alice.run("ACL WHOAMI").text(), Some("alice"));
    assert!(alice.text("GET b").contains("NOPERM"));
    // Who is off, or nobody, begins as any client does.
    for name in ["bob", "nobody"] {
        let mut client = authority.client(name, port);
        assert_eq!(client.run("ACL WHOAMI").text(), Some("default"));
    }
    assert_eq!(stat(&server, "acl_access_denied_tls_cert"), 2);
    let log = server.client().run("ACL LOG").to_string();
    assert!(log.contains("tls-cert") && log.contains("nobody"), "{log}");
    server.client().ok("CONFIG SET tls-auth-clients-user URI");
    let mut carol = authority.client("carol", port);
    assert_eq!(carol.run("ACL WHOAMI").text(), Some("spiffe://here/carol"));
    server.client().ok("CONFIG SET tls-auth-clients-user off");
    let mut alice = authority.client("alice", port);
    assert_eq!(alice.run("ACL WHOAMI").text(), Some("default"));
}

#[test]
fn what_is_wrong_with_files_keeps_the_server_from_starting() {
    let authority = Authority::new("ours");
    let own = authority.sign("server");
    let ca = format!("tls-ca-cert-file {}", authority.path("ca.crt"));
    let cert = format!("tls-cert-file {}", own.certificate);
    let key = format!("tls-key-file {}", own.key);
    for (lines, reason) in [
        (vec![], "No tls-cert-file configured!"),
        (vec![&cert], "No tls-key-file configured!"),
        (
            vec![&cert, &key],
            "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or tls-auth-clients are enabled!",
        ),
        (
            vec![&cert, &key, &ca, &"tls-protocols TLSv1.1".to_owned()],
            "'tlsv1.1' is broken and not built in",
        ),
    ] {
        let builder = Builder::forebay().config("tls-port 1");
        let builder = lines.into_iter().fold(builder, |b, line| b.config(line));
        let (status, log) = builder.start_failing();
        assert_eq!(status.code(), Some(1), "{log}");
        assert!(log.contains(reason), "{log}");
        assert!(
            log.contains("Failed to configure TLS. Check logs for more info."),
            "{log}"
        );
    }
}

/// Whether a server answers there in plain text.
fn answers(address: &str, port: u16) -> bool {
    let client = crate::support::client::Client::connect((address, port));
    client.is_ok_and(|mut client| client.try_cmd(&["PING"]).is_ok())
}

#[test]
fn addresses_and_ports_that_are_in_use_by_the_server_itself_can_be_asked_for_again() {
    let authority = Authority::new("ours");
    let (builder, tls_port) = authority.equip(Builder::forebay());
    let server = builder.start();
    let port = server.port();
    let mut control = server.client();
    let bound = control.config("bind").expect("it is known");
    control.ok(&format!("CONFIG SET bind \"{bound}\""));
    control.ok(&format!("CONFIG SET port {port}"));
    // Others, of which the server has one already.
    control.ok("CONFIG SET bind \"127.0.0.1 127.0.0.2\"");
    assert!(answers("127.0.0.1", port) && answers("127.0.0.2", port));
    control.ok("CONFIG SET bind 127.0.0.2");
    assert!(answers("127.0.0.2", port) && !answers("127.0.0.1", port));
    control.ok("CONFIG SET bind *");
    assert!(answers("127.0.0.1", port) && answers("127.0.0.2", port));
    authority.client("someone", tls_port);
    // What cannot be had changes nothing.
    let error = control.error("CONFIG SET bind \"127.0.0.1 192.0.2.1\"");
    assert!(
        error.contains("Failed to bind to specified addresses"),
        "{error}"
    );
    assert!(answers("127.0.0.1", port) && answers("127.0.0.2", port));
    authority.client("someone", tls_port);
    let other = Builder::forebay().start();
    let error = control.error(&format!("CONFIG SET port {}", other.port()));
    assert!(error.contains("Unable to listen on this port"), "{error}");
    assert!(answers("127.0.0.1", port) && answers("127.0.0.1", other.port()));
    // From TLS to plain text and back, in one go.
    let lines = [
        "CONFIG SET tls-port 0".to_owned(),
        format!("CONFIG SET port {tls_port}"),
        "CONFIG SET port 0".to_owned(),
        format!("CONFIG SET tls-port {tls_port}"),
    ];
    let lines: Vec<Vec<&str>> = lines.iter().map(|line| line.split(' ').collect()).collect();
    for reply in control.pipeline(&lines) {
        assert_eq!(shown(&reply), "OK");
    }
    authority.client("someone", tls_port);
    assert!(!answers("127.0.0.1", port));
}
