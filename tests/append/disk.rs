//! Files that cannot grow.

use crate::support::server::Builder;
use crate::support::wait::wait_until;
use crate::{copy_log, digest, forebay, loaded_by, write};
use base::testing::Rng;

#[test]
fn writes_are_refused_while_the_log_cannot_be_written_and_nothing_is_lost_or_doubled() {
    for fsync in ["always", "everysec", "no"] {
        let mut server = forebay(fsync).start();
        let mut client = server.client();
        write(&mut client, &mut Rng::new(3), 40);
        client.ok("SET n 0");
        let size = client.info_field("persistence", "aof_current_size");
        let size: u64 = size.parse().expect("a number");
        server.limit_files(Some(size / 2));
        // The reply to this one waits under `always`, because it is not durable.
        let mut writer = server.client();
        writer.send(&["INCR", "n"]).expect("it is sent");
        server.wait_log("The append-only file: cannot write the append-only file: ");
        let refused = "MISCONF Errors writing to the AOF file: cannot write";
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
