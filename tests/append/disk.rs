//! Files that cannot grow, and what waits for them.

use crate::support::Client;
use crate::support::dataset::{wait_caught_up, wait_same};
use crate::support::server::Builder;
use crate::support::wait::wait_until;
use crate::{copy_log, digest, forebay, loaded_by, wait_written, write};
use base::testing::Rng;

#[test]
fn writes_are_refused_while_the_log_cannot_be_written_and_nothing_is_lost_or_doubled() {
    for fsync in ["always", "everysec", "no"] {
        let mut server = forebay(fsync).start();
        let mut client = server.client();
        write(&mut client, &mut Rng::new(3), 40);
        client.ok("SET n 0");
        // Else the failure may be noticed before the request that is to wait for it.
        crate::wait_written(&server);
        let size = client.info_field("persistence", "aof_current_size");
        let size: u64 = size.parse().expect("a number");
        server.limit_files(Some(size / 2));
        // The reply to this one waits under `always`, because it is not durable.
        let mut writer = server.client();
        writer.send(&["INCR", "n"]).expect("it is sent");
        server.wait_log("The append-only file: cannot write the append-only file: ");
        let refused = "MISCONF Errors writing to the AOF file: File too large";
        wait_until("writes are refused", || {
            let reply = client.run("INCR n");
            reply.text().is_some_and(|text| text.starts_with(refused))
        });
        assert!(client.error("PING").starts_with(refused));
        assert_eq!(
            client.info_field("persistence", "aof_last_write_status"),
            "err"
        );
        let n = client.text("GET n");
        server.limit_files(None);
        server.wait_log("AOF write error looks solved");
        let reply = writer.read().expect("a reply");
        assert_eq!(reply.to_string(), ":1");
        assert_eq!(
            client.int("INCR n"),
            n.parse::<i64>().expect("a number") + 1
        );
        write(&mut client, &mut Rng::new(4), 20);
        let expected = digest(&mut client);
        server.signal(libc::SIGTERM);
        server.wait_exit();
        let Some(reader) = Builder::peer("redis-8.2") else {
            continue;
        };
        assert_eq!(
            loaded_by(reader, copy_log(&server).path()),
            expected,
            "{fsync}"
        );
        let server = server.restart();
        assert_eq!(digest(&mut server.client()), expected, "{fsync}");
    }
}

#[test]
fn a_replica_takes_no_more_of_the_stream_than_its_log_may_have_in_memory() {
    const LIMIT: u64 = 1 << 20;
    const VALUE: usize = 10_000;
    const TIMEOUT: u64 = 2;
    for fsync in ["always", "everysec"] {
        let primary = Builder::forebay()
            .config("repl-backlog-size 64mb")
            .config("client-output-buffer-limit replica 0 0 0")
            .config("repl-ping-replica-period 1")
            .start();
        let replica = forebay(fsync)
            .config(format!("aof-buffer-limit {LIMIT}"))
            .config("auto-aof-rewrite-percentage 0")
            .config(format!("repl-timeout {TIMEOUT}"))
            .replica_of(&primary)
            .start();
        let (mut writer, mut reader) = (primary.client(), replica.client());
        writer.ok("SET before 1");
        wait_caught_up(&mut writer, &mut reader);
        wait_written(&replica);
        let size = reader.info_field("persistence", "aof_current_size");
        replica.limit_files(Some(size.parse().expect("a number")));
        let value = "v".repeat(VALUE);
        let all = 8 * LIMIT as usize / VALUE;
        for i in 0..all {
            writer.ok(&format!("SET k{i} {value}"));
        }
        let waiting = |reader: &mut Client| -> u64 {
            let bytes = reader.info_field("persistence", "aof_buffer_length");
            bytes.parse().expect("a number")
        };
        wait_until("the log has as much in memory as it may", || {
            waiting(&mut reader) > LIMIT
        });
        let field = |reader: &mut Client, name: &str| reader.info_field("replication", name);
        let at = field(&mut reader, "slave_repl_offset");
        let up = |reader: &mut Client| -> u64 {
            let seconds = reader.info_field("server", "uptime_in_seconds");
            seconds.parse().expect("a number")
        };
        let until = up(&mut reader) + 2 * TIMEOUT;
        wait_until("it would have given up a silent primary", || {
            up(&mut reader) >= until
        });
        let most = LIMIT + (1 << 20);
        assert!(waiting(&mut reader) < most, "{}", waiting(&mut reader));
        assert_eq!(field(&mut reader, "slave_repl_offset"), at, "{fsync}");
        assert_eq!(reader.text("GET before"), "1");
        replica.limit_files(None);
        wait_caught_up(&mut writer, &mut reader);
        wait_same(&mut writer, &mut reader);
        assert_eq!(reader.int("DBSIZE"), all as i64 + 1);
        let links = writer.info("stats");
        assert_eq!(
            (&*links["sync_full"], &*links["sync_partial_ok"]),
            ("1", "0"),
            "{fsync}"
        );
    }
}
