//! Logs with scripts that take long: the server answers that it is loading, and what follows a script runs after it.

use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use crate::{digest, log_directory};
use std::fs;

/// Runs for a second and a half, by the clock that a script sees once it has taken long.
const SLOW: &str = "
    local begun = redis.call('TIME')
    redis.call('INCR', KEYS[1])
    repeat
        local now = redis.call('TIME')
    until (now[1] - begun[1]) * 1000000 + now[2] - begun[2] > 1500000
    return redis.call('INCR', KEYS[1])";

/// A log whose requests need the script before them.
fn log() -> Vec<u8> {
    let mut bytes = Vec::new();
    let requests: [&[&str]; 9] = [
        &["SELECT", "3"],
        &["SET", "n", "10"],
        &["EVAL", SLOW, "1", "n"],
        &["INCR", "n"],
        &["MULTI"],
        &["SET", "m", "20"],
        &["EVAL", SLOW, "1", "m"],
        &["INCR", "m"],
        &["EXEC"],
    ];
    for words in requests {
        base::request::encode_request(&mut bytes, words);
    }
    bytes
}

fn builder() -> Builder {
    Builder::forebay()
        .config("appendonly yes")
        .config("appendfsync always")
        .config("busy-reply-threshold 1")
}

/// The script of the log runs: clients are told that the server is loading.
fn is_loading(server: &Server, times: usize) {
    wait_until("the script takes long", || {
        server.log().matches("Slow script detected").count() == times
    });
    let mut client = server.client();
    for line in [
        "GET n",
        "SET n 1",
        "EVAL 'return 1' 0",
        "REPLICAOF 127.0.0.1 1",
    ] {
        assert!(client.error(line).starts_with("LOADING "), "{line}");
    }
    for line in ["DEBUG LOADAOF", "DEBUG RELOAD NOSAVE"] {
        assert!(client.error(line).starts_with("BUSY "), "{line}");
    }
}

fn has_all(server: &Server) {
    let mut client = server.client();
    wait_until("it is loaded", || !client.run("GET n").is_error());
    client.ok("SELECT 3");
    assert_eq!(client.text("GET n"), "13");
    assert_eq!(client.text("GET m"), "23");
}

#[test]
fn clients_are_answered_while_a_script_of_the_log_takes_long() {
    let mut server = builder().start();
    let increment = log_directory(&server).join("appendonly.aof.1.incr.aof");
    fs::write(&increment, log()).expect("written");
    let mut client = server.client();
    let mut waiting = server.client();
    waiting.send(&["DEBUG", "LOADAOF"]).expect("sent");
    is_loading(&server, 1);
    assert!(!waiting.read().expect("it ends").is_error());
    has_all(&server);
    // A transaction cannot wait.
    for line in ["MULTI", "DEBUG LOADAOF", "SELECT 3", "GET m"] {
        client.ok(line);
    }
    assert!(client.ok("EXEC").to_string().contains("23"));
    // Nothing of it was written once more.
    client.ok("SET after 1");
    let expected = digest(&mut client);
    server.kill();
    let again = builder().config(format!("dir {}", server.dir().display()));
    let server = again.spawn();
    is_loading(&server, 1);
    has_all(&server);
    assert_eq!(digest(&mut server.client()), expected);
}
