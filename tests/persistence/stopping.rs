//! SHUTDOWN and signals.

use crate::support::client::Client;
use crate::support::fake_master::FakeMaster;
use crate::support::fake_replica::{FakeReplica, Introduction};
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use std::fs;

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

/// What the dump holds under `key` when the server is started again.
fn saved(server: Server, key: &str) -> Option<String> {
    let server = server.restart();
    let value = server.client().run(&format!("GET {key}"));
    value.text().map(str::to_owned)
}

#[test]
fn a_signal_saves_where_there_are_save_points() {
    for signal in [SIGTERM, SIGINT] {
        let mut server = Builder::forebay().config("save 1000 1000").start();
        server.client().ok("SET key value");
        server.signal(signal);
        assert_eq!(server.wait_exit().code(), Some(0));
        assert!(server.log().contains("DB saved on disk"));
        assert_eq!(saved(server, "key").as_deref(), Some("value"));
    }
}

/// SIGALRM and SIGUSR2 ended the process without a save.
#[test]
fn signals_that_a_real_server_survives_change_nothing() {
    let survived = [
        ("SIGHUP", 1),
        ("SIGUSR2", 12),
        ("SIGPIPE", 13),
        ("SIGALRM", 14),
        ("SIGCHLD", 17),
        ("SIGCONT", 18),
        ("SIGURG", 23),
        ("SIGXFSZ", 25),
        ("SIGWINCH", 28),
    ];
    let mut server = Builder::forebay().config("save 1000 1000").start();
    server.client().ok("SET key value");
    for (name, number) in survived {
        server.signal(number);
        // A signal that ends the process does so before it answers a connection that was opened after the signal.
        let reply = server.client().try_cmd(&["GET", "key"]);
        let reply = reply.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(reply.text(), Some("value"), "{name}");
    }
    server.signal(SIGTERM);
    assert_eq!(server.wait_exit().code(), Some(0));
    assert_eq!(saved(server, "key").as_deref(), Some("value"));
}

#[test]
fn without_save_points_nothing_is_saved_unless_asked_for() {
    for (line, expected) in [
        ("SHUTDOWN", None),
        ("SHUTDOWN NOSAVE", None),
        ("SHUTDOWN SAVE", Some("value")),
    ] {
        let mut server = Builder::forebay().config("save \"\"").start();
        let mut client = server.client();
        client.ok("SET key value");
        assert!(
            client
                .try_cmd(&line.split(' ').collect::<Vec<_>>())
                .is_err()
        );
        assert_eq!(server.wait_exit().code(), Some(0), "{line}");
        assert_eq!(saved(server, "key").as_deref(), expected, "{line}");
    }
}

#[test]
fn a_shutdown_that_cannot_save_is_refused_unless_forced() {
    let mut server = Builder::forebay().config("save 1000 1000").start();
    let mut client = server.client();
    client.ok("SET key value");
    // A directory stands where the dump should go.
    let dump = server.dump_path();
    std::fs::create_dir(&dump).unwrap();
    std::fs::write(dump.join("file"), "").unwrap();
    assert!(
        client
            .error("SHUTDOWN")
            .contains("Errors trying to SHUTDOWN")
    );
    assert_eq!(client.text("GET key"), "value");
    assert!(client.try_cmd(&["SHUTDOWN", "FORCE"]).is_err());
    assert_eq!(server.wait_exit().code(), Some(0));
}

#[test]
fn a_crash_ends_the_process_and_leaves_the_dump() {
    let mut server = Builder::forebay()
        .config("enable-debug-command yes")
        .config("save 1000 1000")
        .start();
    let mut client = server.client();
    client.ok("SET key value");
    client.ok("SAVE");
    client.ok("SET key other");
    assert!(client.try_cmd(&["DEBUG", "PANIC"]).is_err());
    assert!(!server.wait_exit().success());
    assert!(server.log().contains("crashed: "));
    assert_eq!(saved(server, "key").as_deref(), Some("value"));
}

/// A server and a replica that never acknowledges: a shutdown waits for it.
fn with_lagging_replica(builder: Builder) -> (Server, FakeReplica) {
    let server = builder.start();
    let silent = Introduction {
        silent: true,
        // Its stream does not wait for an ACK.
        capabilities: vec!["psync2"],
        ..Introduction::default()
    };
    let replica = FakeReplica::attach_as(&server.address(), &silent).expect("it is served");
    server.client().ok("SET key value");
    (server, replica)
}

fn wait_blocked(server: &Server, clients: usize) {
    let mut client = server.client();
    wait_until("so many clients are held", || {
        client.info("clients")["blocked_clients"].parse() == Ok(clients)
    });
}

#[test]
fn what_a_shutdown_held_runs_when_it_is_aborted_and_alone_is_replicated() {
    for held in [
        &["FLUSHALL"][..],
        &[
            "EVAL",
            "redis.log(3, 'x') return redis.call('FLUSHALL')",
            "0",
        ],
    ] {
        let builder = Builder::forebay().config("shutdown-timeout 600");
        let (server, replica) = with_lagging_replica(builder.config("save 1000 1000"));
        let (mut stopper, mut holder) = (server.client(), server.client());
        stopper.send(&["SHUTDOWN", "NOSAVE"]).expect("it is taken");
        wait_blocked(&server, 1);
        holder.send(held).expect("it is taken");
        wait_blocked(&server, 2);
        let mut client = server.client();
        client.ok("SHUTDOWN ABORT");
        assert_eq!(holder.read().expect("it runs").text(), Some("OK"));
        assert!(stopper.read().expect("it is told").is_error());
        client.ok("SET mark 1");
        assert_eq!(client.int("DBSIZE"), 1);
        wait_until("the mark is on the stream", || {
            replica.stream().windows(4).any(|w| w == b"mark")
        });
        let words = replica.commands();
        let names: Vec<_> = words.iter().map(|c| c[0].to_ascii_uppercase()).collect();
        assert!(names.contains(&b"FLUSHALL".to_vec()), "{names:?}");
        assert!(!names.contains(&b"SHUTDOWN".to_vec()), "{names:?}");
    }
}

/// Real servers keep the options of the first one too, also where the second asks for haste.
#[test]
fn a_shutdown_while_another_one_waits_does_not_take_its_save_away() {
    for second in [
        &["SHUTDOWN", "NOSAVE", "NOW"][..],
        &["SHUTDOWN", "NOSAVE"],
        &["SHUTDOWN"],
    ] {
        let builder = Builder::forebay().config("shutdown-timeout 2");
        let (mut server, _replica) = with_lagging_replica(builder);
        let (mut first, mut other) = (server.client(), server.client());
        first.send(&["SHUTDOWN", "SAVE"]).expect("it is taken");
        wait_blocked(&server, 1);
        other.send(second).expect("it is taken");
        assert!(server.wait_exit().success());
        assert_eq!(saved(server, "key").as_deref(), Some("value"), "{second:?}");
    }
}

#[test]
fn what_a_shutdown_held_runs_when_its_save_fails() {
    let builder = Builder::forebay().config("shutdown-timeout 1");
    let (mut server, _replica) = with_lagging_replica(builder.config("save 1000 1000"));
    // A directory stands where the dump of the replica's sync was.
    std::fs::remove_file(server.dump_path()).unwrap();
    std::fs::create_dir(server.dump_path()).unwrap();
    let mut holder = server.client();
    server.signal(SIGTERM);
    server.wait_log("Waiting for replicas before shutting down");
    let script = "redis.log(redis.LOG_WARNING, 'held') return redis.call('SET', 'a', 'b')";
    holder.send(&["EVAL", script, "0"]).expect("it is taken");
    assert_eq!(holder.read().expect("it runs").text(), Some("OK"));
    assert!(server.is_running());
    assert!(server.log().contains("can't exit"));
    assert_eq!(server.client().text("GET a"), "b");
}

/// What keeps a snapshot running when the server is told to end.
#[derive(Clone, Copy, Debug)]
enum Running {
    Bgsave,
    DiskSync,
    DisklessSync,
}

/// Begins a snapshot that does not end by itself.
fn begin(server: &Server, running: Running) -> Client {
    let mut client = server.client();
    match running {
        Running::Bgsave => drop(client.ok("BGSAVE")),
        Running::DiskSync => client.send(&["PSYNC", "?", "-1"]).expect("it is taken"),
        Running::DisklessSync => {
            client.ok("REPLCONF capa eof capa psync2");
            client.send(&["PSYNC", "?", "-1"]).expect("it is taken");
        }
    }
    let mut other = server.client();
    wait_until("a snapshot runs", || {
        other.info_field("persistence", "rdb_bgsave_in_progress") == "1"
    });
    client
}

#[test]
fn a_shutdown_gives_a_running_snapshot_up_and_saves_what_came_after_it() {
    for running in [Running::Bgsave, Running::DiskSync, Running::DisklessSync] {
        for how in [
            "SIGTERM",
            "SIGINT",
            "SHUTDOWN NOW",
            "SHUTDOWN NOW FORCE",
            "SHUTDOWN SAVE",
        ] {
            let mut server = Builder::forebay()
                .config("save 1000 1000")
                .config("rdb-key-save-delay 100000000")
                .config("shutdown-timeout 1")
                .start();
            let mut client = server.client();
            client.ok("SET key value");
            let _reader = begin(&server, running);
            // Without any delay, the running snapshot would end by itself.
            client.ok("CONFIG SET rdb-key-save-delay 1");
            client.ok("SET late value");
            match how {
                "SIGTERM" => server.signal(SIGTERM),
                "SIGINT" => server.signal(SIGINT),
                line => {
                    let words: Vec<_> = line.split(' ').collect();
                    assert!(client.try_cmd(&words).is_err(), "{line}");
                }
            }
            assert_eq!(server.wait_exit().code(), Some(0), "{running:?} {how}");
            assert!(server.log().contains("Killing it!"));
            let names = || {
                fs::read_dir(server.dir())
                    .unwrap()
                    .map(|f| f.unwrap().file_name())
            };
            let temp = names().find(|name| name.to_string_lossy().starts_with("temp-"));
            assert_eq!(temp, None, "{running:?} {how}");
            assert_eq!(
                saved(server, "late").as_deref(),
                Some("value"),
                "{running:?} {how}"
            );
        }
    }
}

/// The executor saved, and saw no signal before it was done.
#[test]
fn a_second_sigint_ends_the_final_save() {
    for first in [SIGINT, SIGTERM] {
        let mut server = Builder::forebay().config("save 1000 1000").start();
        let mut client = server.client();
        client.ok("MSET a 1 b 2 c 3");
        client.ok("SAVE");
        client.ok("SET a 2");
        client.ok("CONFIG SET rdb-key-save-delay 100000000");
        server.signal(first);
        server.wait_log("Saving the final RDB snapshot before exiting.");
        server.signal(SIGINT);
        assert_eq!(server.wait_exit().code(), Some(1));
        assert!(server.log().contains("You insist... exiting now."));
        let names = fs::read_dir(server.dir()).expect("it is there");
        let names = names.map(|f| f.expect("it can be read").file_name());
        let mut names = names.map(|name| name.to_string_lossy().into_owned());
        assert_eq!(names.find(|name| name.starts_with("temp-")), None);
        assert_eq!(saved(server, "a").as_deref(), Some("1"));
    }
}

#[test]
fn flushall_saves_the_empty_dataset_whatever_snapshot_runs() {
    for running in [Running::Bgsave, Running::DiskSync, Running::DisklessSync] {
        let mut server = Builder::forebay().config("save 1000 1000").start();
        let mut client = server.client();
        client.ok("SET key value");
        client.ok("SAVE");
        client.ok("CONFIG SET rdb-key-save-delay 100000000");
        let _reader = begin(&server, running);
        client.ok("FLUSHALL");
        let still = client.info_field("persistence", "rdb_bgsave_in_progress");
        let goes_on = matches!(running, Running::DisklessSync);
        assert_eq!(still == "1", goes_on, "{running:?}");
        server.kill();
        assert_eq!(saved(server, "key"), None, "{running:?}");
    }
}

#[test]
fn saves_are_refused_while_any_snapshot_runs_and_wait_for_the_end_of_a_transaction() {
    const BUSY: &str = "ERR Background save already in progress";
    for running in [Running::Bgsave, Running::DiskSync, Running::DisklessSync] {
        let server = Builder::forebay()
            .config("rdb-key-save-delay 100000000")
            .start();
        let mut client = server.client();
        client.ok("SET key value");
        let _reader = begin(&server, running);
        for line in ["SAVE", "BGSAVE", "BGSAVE SCHEDULE"] {
            assert_eq!(client.error(line), BUSY, "{line} while {running:?}");
        }
    }
    let server = Builder::forebay().start();
    let mut client = server.client();
    client.ok("MULTI");
    client.run("BGSAVE");
    client.run("SET key value");
    let replies = client.run("EXEC");
    let replies = replies.items().expect("it runs");
    assert_eq!(replies[0].text(), Some("Background saving scheduled"));
    server.wait_log("Background saving terminated with success");
    let judge = Builder::forebay().dump(server.dump_path()).start();
    assert_eq!(judge.client().text("GET key"), "value");
}

#[test]
fn a_replica_that_ends_while_it_receives_leaves_no_temporary_file() {
    for save in ["save \"\"", "save 1000 1000"] {
        let primary = FakeMaster::new();
        let mut server = Builder::forebay()
            .config(save)
            .config(format!("replicaof 127.0.0.1 {}", primary.port()))
            .start();
        let mut link = primary.accept();
        link.handshake().expect("the replica asks");
        let head = format!("+FULLRESYNC {} 0\r\n$1000\r\nREDIS0011", "a".repeat(40));
        link.send(head.as_bytes()).expect("the replica reads");
        wait_until("the payload is being received", || {
            !server.temporary_files().is_empty()
        });
        server.signal(SIGTERM);
        assert_eq!(server.wait_exit().code(), Some(0), "{save}");
        assert_eq!(server.temporary_files(), Vec::<String>::new(), "{save}");
    }
}

#[test]
fn what_a_killed_save_has_left_behind_is_removed_by_the_next_start_unless_another_server_writes_it()
{
    let slow = || {
        Builder::forebay()
            .config("save \"\"")
            .config("rdb-key-save-delay 100000000")
    };
    let mut server = slow().start();
    let mut client = server.client();
    client.ok("SET key value");
    client.run("BGSAVE");
    wait_until("the file is there", || server.temporary_files().len() == 1);
    let dir = server.dir().to_owned();
    for name in ["temp-12.rdb", "temp-1700000000.12.rdb", "temp-12-0.txt"] {
        fs::write(dir.join(name), b"somebody else's").expect("written");
    }
    let left = "temp-4000000-7.rdb";
    fs::write(dir.join(left), b"half").expect("written");
    let others = server.temporary_files().len() - 1;
    // Beside the living one.
    let beside = Builder::forebay()
        .config(format!("dir {}", dir.display()))
        .config("dbfilename other.rdb")
        .start();
    beside.wait_log("Removed 1 temporary files");
    assert_eq!(server.temporary_files().len(), others);
    assert!(!dir.join(left).exists());
    client.ok("CONFIG SET rdb-key-save-delay 1");
    client.run("BGSAVE CANCEL");
    client.ok("SAVE");
    wait_until("the cancelled save has removed its file", || {
        server.temporary_files().len() == others - 1
    });
    client.ok("CONFIG SET rdb-key-save-delay 100000000");
    client.run("BGSAVE");
    wait_until("the file is there", || {
        server.temporary_files().len() == others
    });
    server.kill();
    assert_eq!(server.temporary_files().len(), others);
    let server = server.restart();
    server.wait_log("Removed 1 temporary files");
    assert_eq!(server.client().text("GET key"), "value");
    assert_eq!(server.temporary_files().len(), others - 1);
}

/// The system closed the connection before the socket that listens, so that a client that connected again at once was
/// accepted by a process that was no longer there.
#[test]
fn a_client_that_comes_back_at_once_is_refused() {
    for _ in 0..5 {
        let mut server = Builder::forebay().start();
        let others: Vec<_> = (0..300).map(|_| server.client()).collect();
        let mut last = server.client();
        assert!(last.try_cmd(&["SHUTDOWN", "NOSAVE"]).is_err());
        let again = std::net::TcpStream::connect(server.address());
        let refused = again.expect_err("nobody listens any more").kind();
        assert_eq!(refused, std::io::ErrorKind::ConnectionRefused);
        assert_eq!(server.wait_exit().code(), Some(0));
        drop(others);
    }
}
