//! What is left after kill -9, and what waits for the disk.

use crate::support::server::Builder;
use crate::support::wait::wait_until;
use crate::{copy_log, digest, forebay, loaded_by, write};
use base::testing::Rng;

#[test]
fn what_was_acknowledged_is_there_after_kill_9() {
    for fsync in ["always", "everysec", "no"] {
        let mut server = forebay(fsync).start();
        let mut client = server.client();
        write(&mut client, &mut Rng::new(7), 60);
        let expected = digest(&mut client);
        if fsync != "always" {
            // It has been handed to the system, which survives the process.
            wait_until("it is written", || {
                client.info_field("persistence", "aof_buffer_length") == "0"
            });
        }
        server.kill();
        let server = server.restart();
        assert_eq!(
            digest(&mut server.client()),
            expected,
            "appendfsync {fsync}"
        );
        let Some(reader) = Builder::peer("redis-8.2") else {
            continue;
        };
        let copy = copy_log(&server);
        assert_eq!(
            loaded_by(reader, copy.path()),
            expected,
            "appendfsync {fsync}"
        );
    }
}

#[test]
fn a_copy_of_the_running_log_is_some_moment_of_it_unless_it_is_being_rewritten() {
    let server = forebay("everysec").start();
    let mut client = server.client();
    let mut copies = Vec::new();
    for i in 1..=3000 {
        client.ok(&format!("SET n {i}"));
        if i % 500 == 0 {
            client.ok("BGREWRITEAOF");
            client.ok("INCR written");
            wait_until("the log is rewritten", || {
                client.info_field("persistence", "aof_rewrite_in_progress") == "0"
            });
            client.ok(&format!("SET n {i}"));
            copies.push((copy_log(&server), i));
        }
    }
    for (copy, i) in copies {
        let reader = Builder::forebay()
            .config("appendonly yes")
            .config(format!("dir {}", copy.path().display()))
            .start();
        let n = reader.client().text("GET n");
        let n: i64 = n.parse().unwrap_or(0);
        assert!(n <= i, "{n} of {i}");
    }
}
