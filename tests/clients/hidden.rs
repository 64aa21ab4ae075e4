//! `hide-user-data-from-log yes`: no line of the log says what clients chose or sent.

use crate::support::Builder;

/// What must not be in the log is part of each name and value.
const SECRET: &str = "s3cret";

#[test]
fn the_log_shows_no_user_data_if_they_are_to_be_hidden() {
    let server = Builder::forebay()
        .config("hide-user-data-from-log yes\nmaxmemory-clients 100kb\nrdb-save-target redis-7.0\nrdb-save-loss refuse")
        .start();
    let mut client = server.client();
    client.ok("CLIENT NO-EVICT ON");

    // A save names the key that the target cannot hold.
    client.run(&format!("HSET {SECRET} field value"));
    client.run(&format!("HEXPIRE {SECRET} 1000 FIELDS 1 field"));
    client.error("SAVE");
    server.wait_log("a dump for");
    client.run(&format!("DEL {SECRET}"));

    // A client that is evicted is shown as CLIENT LIST shows it.
    let mut evicted = server.client();
    evicted.ok(&format!("CLIENT SETNAME {SECRET}"));
    evicted.ok(&format!("CLIENT SETINFO lib-name {SECRET}"));
    evicted.ok("MULTI");
    let _ = evicted.try_cmd(&["SET", SECRET, &"v".repeat(200_000)]);
    server.wait_log("Evicting client");

    let log = server.log();
    assert!(log.contains("name=*redacted*"), "{log}");
    assert!(!log.contains(SECRET), "{log}");

    // At run time too.
    client.ok("CONFIG SET hide-user-data-from-log no");
    let mut evicted = server.client();
    evicted.ok(&format!("CLIENT SETNAME {SECRET}"));
    evicted.ok("MULTI");
    let _ = evicted.try_cmd(&["SET", "k", &"v".repeat(200_000)]);
    server.wait_log(&format!("name={SECRET}"));
}
