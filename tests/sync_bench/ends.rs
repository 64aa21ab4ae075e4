//! Ends that are not good ones: each says why, and leaves nothing.

use crate::bench::{Bench, assert_nothing_left, finish, peer, processes_in, shared};
use crate::support::server::{Builder, free_port};
use crate::support::wait::wait_until;
use std::fs;
use std::net::TcpListener;
use std::process::Child;

/// A sync that takes a while: a delay that nobody will wait for.
const LONG: [&str; 6] = [
    "--keys",
    "1000",
    "--mode",
    "memory-memory",
    "--delay",
    "600",
];

fn send(child: &Child, signal: &str) {
    let sent = std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.expect("kill is there").success());
}

/// Waits until master and replica run, and the replica waits for the delay.
fn wait_syncing(dir: &std::path::Path) {
    wait_until("both servers run and one waits", || {
        let logs = fs::read_dir(dir.join("servers")).expect("there").flatten();
        let bases = logs.flat_map(|base| fs::read_dir(base.path()).into_iter().flatten().flatten());
        let mut texts =
            bases.map(|s| fs::read_to_string(s.path().join("server.log")).unwrap_or_default());
        texts.any(|text| text.contains("Delay next BGSAVE"))
    });
}

#[test]
fn programs_that_are_not_there_or_are_no_servers_are_refused() {
    let _machine = shared();
    Bench::new(&["--master", "/nowhere/redis-server"])
        .run()
        .assert_trouble("cannot run /nowhere/redis-server: No such file");
    let plain = tempfile::NamedTempFile::new().expect("a file");
    let path = plain.path().display().to_string();
    Bench::new(&["--master", &path])
        .run()
        .assert_trouble("Permission denied");
    Bench::new(&["--master", "/bin/true"])
        .run()
        .assert_trouble("is no Redis, Valkey or Forebay");
    Bench::new(&["--server", "x"])
        .run()
        .assert_trouble("NAME=PATH");
    Bench::new(&["--mode", "disk-tape"])
        .run()
        .assert_trouble("modes are disk-disk");
}

#[test]
fn reports_that_could_not_be_written_are_known_before() {
    let _machine = shared();
    Bench::new(&["--csv", "/nowhere/at/all.csv"])
        .run()
        .assert_trouble("cannot write /nowhere");
}

#[test]
fn a_taken_port_is_named() {
    let _machine = shared();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener
        .local_addr()
        .expect("an address")
        .port()
        .to_string();
    Bench::new(&["--keys", "10", "--port", &port])
        .run()
        .assert_trouble(&format!("port {port} is taken"));
}

#[test]
fn a_dump_that_is_corrupt_or_not_there_is_refused_before_any_server_starts() {
    let _machine = shared();
    let bench = Bench::new(&[]);
    let path = bench.path("bad.rdb");
    fs::write(&path, b"REDIS0011\xfe\x00\x00\x03key\xff").expect("written");
    bench
        .arg("--rdb")
        .arg(&path)
        .run()
        .assert_trouble("the dump is corrupt");
    Bench::new(&["--rdb", "/nowhere/dump.rdb"])
        .run()
        .assert_trouble("cannot read /nowhere/dump.rdb");
}

#[test]
fn a_replica_that_refuses_is_quoted() {
    let _machine = shared();
    let primary = Builder::forebay().start();
    let closed = Builder::forebay().config("requirepass secret").start();
    let (a, b) = (primary.address(), closed.address());
    Bench::new(&["--attach", &a, &b])
        .run()
        .assert_trouble("NOAUTH");
    Bench::new(&["--attach", &b, &a])
        .run()
        .assert_trouble("NOAUTH");
    let nobody = format!("127.0.0.1:{}", free_port());
    Bench::new(&["--attach", &a, &nobody])
        .run()
        .assert_trouble("Connection refused");
    Bench::new(&["--attach", &a, &a])
        .run()
        .assert_trouble("the same server");
}

#[test]
fn a_replica_that_cannot_read_the_payload_ends_the_run_with_its_own_words() {
    let _machine = shared();
    let (Some(old), Some(new)) = (peer("redis-6.2"), peer("redis-8.2")) else {
        return;
    };
    let ran = Bench::new(&[
        "--keys",
        "100",
        "--mode",
        "disk-disk",
        "--master",
        &new,
        "--replica",
        &old,
    ])
    .run();
    ran.assert_trouble("the sync failed");
    assert!(
        ran.err.contains("Can't handle RDB format version"),
        "{ran:?}"
    );
}

#[test]
fn a_master_that_dies_in_the_middle_ends_the_run() {
    let _machine = shared();
    let (dir, child) = Bench::new(&LONG).start();
    wait_syncing(dir.path());
    let all = processes_in(dir.path());
    assert_eq!(all.len(), 2, "{all:?}");
    // The older one is the master.
    let master = all.iter().min().expect("two");
    let killed = std::process::Command::new("kill")
        .args(["-9", &master.to_string()])
        .status();
    assert!(killed.expect("kill is there").success());
    let ran = finish(&dir, child);
    ran.assert_trouble("the master ended");
}

#[test]
fn a_sync_that_does_not_end_in_time_is_given_up() {
    let _machine = shared();
    let words: Vec<&str> = LONG.iter().copied().chain(["--timeout", "2"]).collect();
    Bench::new(&words)
        .run()
        .assert_trouble("did not end in time");
}

#[test]
fn ctrl_c_and_sigterm_end_the_servers_and_remove_their_files() {
    let _machine = shared();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let (dir, child) = Bench::new(&LONG).start();
        wait_syncing(dir.path());
        send(&child, signal);
        let ran = finish(&dir, child);
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert!(ran.err.contains("interrupted"), "{ran:?}");
    }
}

#[test]
fn servers_do_not_outlive_a_tool_that_was_killed() {
    let _machine = shared();
    let (dir, mut child) = Bench::new(&LONG).start();
    wait_syncing(dir.path());
    send(&child, "-KILL");
    child.wait().expect("it was killed");
    wait_until("its servers have ended", || {
        processes_in(dir.path()).is_empty()
    });
    // Its files stay where nobody was left to remove them; the next run in that place does.
    let again = std::process::Command::new(env!("CARGO_BIN_EXE_forebay"))
        .args([
            "sync-bench",
            "--keys",
            "10",
            "--repeat",
            "1",
            "--mode",
            "memory-memory",
            "--dir",
        ])
        .arg(dir.path().join("servers"))
        .output()
        .expect("the command runs");
    assert!(again.status.success(), "{again:?}");
    assert_nothing_left(dir.path(), "a killed run and one more");
}

/// A file system of a few MB; `None` where this process may not mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new() -> Option<SmallDisk> {
        let dir = tempfile::tempdir().expect("a directory can be made");
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"])
            .arg(dir.path())
            .output();
        let is_mounted = mounted.is_ok_and(|o| o.status.success());
        if !is_mounted {
            crate::support::peers::skipped("a file system of a few MB cannot be mounted here");
        }
        is_mounted.then_some(SmallDisk(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg(self.0.path())
            .output();
    }
}

#[test]
fn a_full_disk_is_named_and_left_empty() {
    let _machine = shared();
    let Some(disk) = SmallDisk::new() else { return };
    let redis = peer("redis-7.0");
    let run = |words: &[&str]| {
        // The later --dir would be refused: this one is instead of the usual.
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_forebay"))
            .args([
                "sync-bench",
                "--mode",
                "disk-disk",
                "--repeat",
                "1",
                "--value-size",
                "100",
                "--dir",
            ])
            .arg(disk.0.path())
            .args(words)
            .output()
            .expect("the command runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("No space left on device"), "{said}");
        let left = fs::read_dir(disk.0.path()).expect("there").count();
        assert_eq!(left, 0, "{said}");
        assert_eq!(processes_in(disk.0.path()), [0_u32; 0]);
    };
    // The dump itself does not fit; it does, but the file that the master saves does not.
    run(&["--keys", "50000"]);
    run(&["--keys", "20000"]);
    if let Some(redis) = redis {
        run(&["--keys", "20000", "--master", &redis]);
    }
}
