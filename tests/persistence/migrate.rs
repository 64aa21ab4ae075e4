//! MIGRATE between Forebay and a real server, in both directions.

use crate::support::dataset;
use crate::support::server::{Builder, Server, free_port};

const PEER: &str = "redis-7.0";

fn fill(server: &Server) {
    let mut client = server.client();
    client.ok("SET string value");
    client.ok("SET later value PX 10000000");
    client.ok("RPUSH list a b c");
    client.ok("SADD set a b 3");
    client.ok("ZADD zset 1 a 2.5 b");
    client.ok("HSET hash f v");
    client.ok("XADD stream 1-1 f v");
}

#[test]
fn keys_go_to_the_other_server_and_from_here() {
    for (from, to) in [("forebay", PEER), (PEER, "forebay"), ("forebay", "forebay")] {
        let (Some(from), Some(to)) = (Builder::named(from), Builder::named(to)) else {
            return;
        };
        let (from, to) = (from.start(), to.start());
        if (from.name(), to.name()) == ("forebay", PEER) {
            // Streams are dumped for 7.2 otherwise, as that dumps them.
            from.client().ok("CONFIG SET rdb-save-target redis-7.0");
        }
        fill(&from);
        let mut there = to.client();
        let before = dataset::digest(&mut from.client());
        let mut here = from.client();
        let all = "string later list set zset hash stream";
        let line = format!(
            "MIGRATE 127.0.0.1 {} \"\" 0 5000 KEYS {all} gone",
            to.port()
        );
        here.ok(&line);
        assert_eq!(here.int("DBSIZE"), 0);
        assert_eq!(there.int("DBSIZE"), 7);
        assert_eq!(dataset::digest(&mut there), before);
        assert!(there.int("PTTL later") > 9_000_000);
        assert_eq!(here.text(&line), "NOKEY");
    }
}

#[test]
fn the_connection_comes_from_the_address_that_is_configured() {
    let from = Builder::forebay()
        .config("bind-source-addr 127.0.0.2")
        .start();
    let to = Builder::forebay().start();
    let mut here = from.client();
    here.ok("SET k v");
    here.ok(&format!("MIGRATE 127.0.0.1 {} k 0 5000", to.port()));
    let clients = to.client().text("CLIENT LIST");
    assert!(clients.contains(" addr=127.0.0.2:"), "{clients}");
}

#[test]
fn what_the_other_server_refuses_stays_here() {
    let Some(peer) = Builder::peer(PEER) else {
        return;
    };
    let (from, to) = (Builder::forebay().start(), peer.start());
    let (mut here, mut there) = (from.client(), to.client());
    here.ok("SET k ours");
    there.ok("SET k theirs");
    let migrate = |options: &str| format!("MIGRATE 127.0.0.1 {} k 0 5000 {options}", to.port());
    assert_eq!(
        here.error(&migrate("")),
        "ERR Target instance replied with error: BUSYKEY Target key name already exists."
    );
    assert_eq!(here.text("GET k"), "ours");
    here.ok(&migrate("COPY REPLACE"));
    assert_eq!(here.text("GET k"), "ours");
    assert_eq!(there.text("GET k"), "ours");
    assert_eq!(
        from.client().info_field("stats", "migrate_cached_sockets"),
        "1"
    );
    there.ok("CONFIG SET requirepass secret");
    assert_eq!(
        here.error(&migrate("REPLACE AUTH wrong")),
        "ERR Target instance replied with error: WRONGPASS invalid username-password pair or user is disabled."
    );
    here.ok(&migrate("REPLACE AUTH2 default secret"));
    assert_eq!(here.int("EXISTS k"), 0);
    here.ok("SET k again");
    let nobody = format!("MIGRATE 127.0.0.1 {} k 0 500", free_port());
    assert!(here.error(&nobody).starts_with("IOERR error or timeout "));
    assert_eq!(here.text("GET k"), "again");
}
