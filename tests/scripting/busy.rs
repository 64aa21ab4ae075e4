//! Scripts that take long.

use crate::support::client::Client;
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;

const BUSY: &str =
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
const SIGTERM: i32 = 15;
const FOREVER: &str = "while true do pcall(function() while true do end end) end";

fn start() -> Server {
    let builder = Builder::forebay().config("busy-reply-threshold 20");
    builder.config("enable-debug-command yes").start()
}

/// Starts a script whose reply is not awaited, and waits until others are told that it is busy.
fn run_busy(server: &Server, script: &str) -> Client {
    let mut client = server.client();
    client.send(&["EVAL", script, "0"]).expect("a live server");
    wait_busy(server);
    client
}

fn wait_busy(server: &Server) {
    let mut client = server.client();
    wait_until("the script is busy", || {
        client.run("PING").to_string().contains("BUSY")
    });
}

#[test]
fn others_are_told_and_may_kill_what_has_not_written() {
    let server = start();
    let mut script = run_busy(&server, FOREVER);
    let mut client = server.client();
    assert_eq!(client.error("GET key"), BUSY);
    assert_eq!(client.error("FUNCTION KILL"), BUSY);
    assert_eq!(client.error("FUNCTION STATS"), BUSY);
    assert_eq!(client.error("SHUTDOWN"), BUSY);
    client.ok("MULTI");
    assert_eq!(client.error("SET key value"), BUSY);
    client.ok("DISCARD");
    client.ok("SCRIPT KILL");
    let error = script.read().expect("the script's error").to_string();
    assert!(
        error.contains("Script killed by user with SCRIPT KILL..."),
        "{error}"
    );
    assert_eq!(
        client.error("SCRIPT KILL"),
        "NOTBUSY No scripts in execution right now."
    );
    assert_eq!(script.int("EVAL \"return 7\" 0"), 7);
}

#[test]
fn what_has_written_ends_with_shutdown_nosave_alone() {
    let mut server = start();
    let _script = run_busy(&server, "redis.call('SET', 'key', 1) while true do end");
    let mut client = server.client();
    assert!(client.error("SCRIPT KILL").starts_with("UNKILLABLE "));
    assert!(client.try_cmd(&["SHUTDOWN", "NOSAVE"]).is_err());
    assert_eq!(server.wait_exit().code(), Some(0));
}

/// It waited for ever, and the signal with it.
#[test]
fn a_script_that_waits_by_time_comes_to_an_end_and_a_signal_saves_what_it_wrote() {
    let builder = Builder::forebay().config("busy-reply-threshold 20");
    let mut server = builder.config("save 1000 1000").start();
    let script = "redis.call('SET', 'key', 'value') local t = redis.call('TIME')[1] + 3 while redis.call('TIME')[1] + 0 < t do end";
    let _script = run_busy(&server, script);
    server.signal(SIGTERM);
    assert_eq!(server.wait_exit().code(), Some(0));
    let server = server.restart();
    assert_eq!(server.client().text("GET key"), "value");
}

#[test]
fn a_script_outlives_its_client_and_its_writes_stay_together() {
    let server = start();
    let script = run_busy(
        &server,
        "redis.call('SET', 'a', 1) local t = os.clock() repeat until os.clock() > t + 0.5 redis.call('SET', 'b', 1)",
    );
    drop(script);
    let mut client = server.client();
    wait_until("the script has ended", || {
        client.run("GET b").text() == Some("1")
    });
    assert_eq!(client.text("GET a"), "1");
}

#[test]
fn requests_behind_a_long_script_wait_for_its_end() {
    let server = start();
    let mut client = server.client();
    let slow = "local n = 0 for i = 1, 30000000 do n = n + 1 end return n";
    client.send(&["MULTI"]).unwrap();
    client.send(&["SET", "key", "1"]).unwrap();
    client.send(&["EVAL", slow, "0"]).unwrap();
    client.send(&["INCR", "key"]).unwrap();
    client.send(&["EXEC"]).unwrap();
    client.send(&["GET", "key"]).unwrap();
    let mut replies = Vec::new();
    for _ in 0..6 {
        replies.push(client.read().expect("a reply"));
    }
    assert_eq!(replies[5].text(), Some("2"));
    assert_eq!(server.client().text("GET key"), "2");
}

#[test]
fn a_busy_function_has_a_kill_of_its_own() {
    let server = start();
    let mut client = server.client();
    let library = "#!lua name=lib\nredis.register_function('f', function() while true do end end)";
    client.cmd(&["FUNCTION", "LOAD", library]);
    let mut caller = server.client();
    caller.send(&["FCALL", "f", "0"]).unwrap();
    wait_busy(&server);
    assert!(client.error("SCRIPT KILL").contains("FUNCTION KILL"));
    client.ok("FUNCTION KILL");
    assert!(caller.read().unwrap().is_error());
    assert_eq!(client.run("PING").text(), Some("PONG"));
}

#[test]
fn a_replica_reads_no_stream_while_a_script_stands_still() {
    let primary = start();
    let replica = Builder::forebay()
        .config("busy-reply-threshold 20")
        .replica_of(&primary)
        .start();
    let mut at_replica = replica.client();
    wait_until("the link is up", || {
        at_replica.info_field("replication", "master_link_status") == "up"
    });
    let mut client = primary.client();
    client.ok("SET key before");
    wait_until("the key is there", || {
        at_replica.run("GET key").text() == Some("before")
    });
    let mut script = run_busy(
        &replica,
        "local first, t = redis.call('GET', 'key'), os.clock() repeat until os.clock() > t + 1 return {first, redis.call('GET', 'key')}",
    );
    client.ok("SET key after");
    let reply = script.read().unwrap().to_string();
    assert!(!reply.contains("after"), "{reply}");
    wait_until("the stream goes on", || {
        at_replica.run("GET key").text() == Some("after")
    });
}
