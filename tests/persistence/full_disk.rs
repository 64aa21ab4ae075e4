//! Saves to a disk without room: they fail as in the reference, and leave everything as it was.

use crate::support::client::Client;
use crate::support::dataset::digest;
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use std::fs;

/// Less than any dump of these tests, more than their logs.
const ROOM: u64 = 50_000;

/// A server with a saved dump and more keys than its disk has room for; the dump's bytes.
fn full(config: &str) -> (Server, Vec<u8>) {
    let server = Builder::forebay().config(config).start();
    let mut client = server.client();
    client.ok("SET old dump");
    client.ok("SAVE");
    let dump = fs::read(server.dump_path()).unwrap();
    let set = |i| {
        vec![
            "SET".to_owned(),
            format!("key:{i}"),
            format!("a value that takes some room {i}"),
        ]
    };
    let keys: Vec<Vec<String>> = (0..3000).map(set).collect();
    client.pipeline(&keys);
    server.limit_files(Some(ROOM));
    (server, dump)
}

fn status(client: &mut Client) -> String {
    client.info_field("persistence", "rdb_last_bgsave_status")
}

fn fail_bgsave(client: &mut Client) {
    client.ok("BGSAVE");
    wait_until("the failure is told", || status(client) == "err");
    wait_over(client);
}

fn wait_over(client: &mut Client) {
    wait_until("no save runs", || {
        client.info_field("persistence", "rdb_bgsave_in_progress") == "0"
    });
}

fn assert_untouched(server: &Server, dump: &[u8]) {
    assert_eq!(fs::read(server.dump_path()).unwrap(), dump);
    assert_eq!(server.temporary_files(), Vec::<String>::new());
}

/// With room again, saving works, and what was saved is what is held.
fn assert_recovers(server: Server) {
    server.limit_files(None);
    let mut client = server.client();
    client.ok("BGSAVE");
    wait_over(&mut client);
    assert_eq!(status(&mut client), "ok");
    client.ok("SET written again");
    client.ok("SAVE");
    let held = digest(&mut client);
    let server = server.restart();
    assert_eq!(digest(&mut server.client()), held);
}

#[test]
fn save_fails_on_a_full_disk_and_leaves_the_old_dump() {
    let (server, dump) = full("save \"\"");
    let mut client = server.client();
    assert_eq!(client.error("SAVE"), "ERR");
    server.wait_log("Write error saving DB on disk(rdbSaveRio): File too large");
    assert_untouched(&server, &dump);
    // As in the reference, a failed SAVE is told to who asked, and stops nobody else.
    client.ok("CONFIG SET save \"1000 1000000\"");
    assert_eq!(status(&mut client), "ok");
    client.ok("SET key:1 other");
    assert_recovers(server);
}

#[test]
fn writes_stop_while_background_saves_fail_on_a_full_disk() {
    let (server, dump) = full("save 1000 1000000");
    let mut client = server.client();
    fail_bgsave(&mut client);
    server.wait_log("Background saving error");
    assert_untouched(&server, &dump);
    let refused = client.error("SET key:1 other");
    assert!(
        refused.starts_with("MISCONF Redis is configured to save RDB snapshots"),
        "{refused}"
    );
    assert_eq!(client.text("GET key:1"), "a value that takes some room 1");
    assert_recovers(server);
}

#[test]
fn writes_go_on_where_failing_saves_shall_not_stop_them() {
    let (server, dump) = full("stop-writes-on-bgsave-error no");
    let mut client = server.client();
    client.ok("CONFIG SET save \"1000 1000000\"");
    fail_bgsave(&mut client);
    client.ok("SET key:1 other");
    assert_untouched(&server, &dump);
    assert_recovers(server);
}

#[test]
fn a_shutdown_that_finds_the_disk_full_is_refused_and_nothing_is_lost() {
    let (mut server, dump) = full("save 1000 1000000");
    let mut client = server.client();
    for line in ["SHUTDOWN", "SHUTDOWN SAVE"] {
        assert_eq!(
            client.error(line),
            "ERR Errors trying to SHUTDOWN. Check logs."
        );
    }
    assert!(server.is_running());
    server.wait_log("Error trying to save the DB, can't exit.");
    assert_untouched(&server, &dump);
    // SIGTERM, too.
    let tries = server.log().matches("can't exit").count();
    server.signal(15);
    wait_until("the signal was tried and given up", || {
        server.log().matches("can't exit").count() > tries
    });
    assert!(server.is_running());
    assert_recovers(server);
}
