//! A real Sentinel that reaches everything by TLS, as a user that may do what it needs and no more.

use crate::certificates::Authority;
use crate::support::sentinel::Sentinel;
use crate::support::server::{Builder, Server};
use crate::support::wait::{LONG, wait_for, wait_until};

/// What the documentation of Redis gives to Sentinel's user.
const WATCHER: &str = "user watcher on >secret allchannels +multi +slaveof +ping +exec +subscribe +config|rewrite \
                       +role +publish +info +client|setname +client|kill +script|kill";

fn start(authority: &Authority) -> (Server, u16) {
    let (builder, port) = authority.equip(Builder::forebay());
    let server = builder
        .config("tls-replication yes")
        .config("user mover on >secret +psync +replconf +ping")
        .config("masteruser mover")
        .config("masterauth secret")
        .config(WATCHER)
        .start();
    (server, port)
}

#[test]
fn sentinel_fails_over_by_tls_as_a_user() {
    let authority = Authority::new("ours");
    let (mut primary, port) = start(&authority);
    let (replica, next) = start(&authority);
    replica.client().ok(&format!("REPLICAOF 127.0.0.1 {port}"));
    let own = authority.sign("sentinel");
    let lines = [
        "tls-replication yes".to_owned(),
        format!("tls-cert-file {}", own.certificate),
        format!("tls-key-file {}", own.key),
        format!("tls-ca-cert-file {}", authority.path("ca.crt")),
        "sentinel auth-user mymaster watcher".to_owned(),
        "sentinel auth-pass mymaster secret".to_owned(),
    ];
    let Some(sentinel) = Sentinel::start_with(port, 1, &lines) else {
        return;
    };
    wait_until("Sentinel knows the replica", || {
        sentinel.field("num-slaves") == "1" && sentinel.field("flags") == "master"
    });
    primary.kill();
    wait_for("the replica takes over", LONG, || {
        (sentinel.primary() == next).then_some(())
    });
    wait_until("it is a primary", || {
        replica.client().info("replication")["role"] == "master"
    });
    let denied = replica.client().run("ACL LOG");
    assert_eq!(denied.items().map(<[_]>::len), Some(0), "{denied}");
}
