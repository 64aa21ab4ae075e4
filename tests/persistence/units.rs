//! What the hardened units of distributions allow a service.

use crate::support::client::Client;
use crate::support::filter::Forbidden;
use crate::support::server::{Builder, Server};
use crate::support::wait::{LONG, wait_until};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

fn persistence(client: &mut Client, field: &str) -> String {
    client.info_field("persistence", field)
}

/// The first call to the scheduler ended the process.
#[test]
fn no_system_call_is_made_that_a_hardened_unit_forbids() {
    for forbidden in [Forbidden::Kills, Forbidden::Fails] {
        let unit = || Builder::forebay().filtered(forbidden);
        let mut primary = unit()
            .config("appendonly yes")
            .config("unixsocket socket")
            .config("unixsocketperm 770")
            .config("pidfile server.pid")
            .start();
        assert!(primary.log().contains("System calls are filtered"));
        let mut client = primary.client();
        client.ok("SET key value");
        client.ok("DEBUG POPULATE 10000 k 100");
        client.ok("EVAL 'return redis.call(\"SET\", KEYS[1], 1)' 1 counter");
        let large = "x".repeat(3 << 20);
        assert!(!client.cmd(&["SET", "large", &large]).is_error());
        client.run("BGSAVE");
        wait_until("it has saved", || {
            persistence(&mut client, "rdb_bgsave_in_progress") == "0"
                && persistence(&mut client, "rdb_last_bgsave_status") == "ok"
        });
        client.run("BGREWRITEAOF");
        wait_until("it has rewritten", || {
            let info = client.info("persistence");
            info["aof_rewrite_in_progress"] == "0" && info["aof_rewrite_scheduled"] == "0"
        });
        for (diskless, load) in [("yes", "disabled"), ("no", "swapdb")] {
            client.ok(&format!("CONFIG SET repl-diskless-sync {diskless}"));
            let load = format!("repl-diskless-load {load}");
            let mut replica = unit().config(load).replica_of(&primary).start();
            let mut other = replica.client();
            wait_until("the link is up", || {
                other.info_field("replication", "master_link_status") == "up"
            });
            assert_eq!(other.int("DBSIZE"), 10003);
            replica.signal(15);
            assert_eq!(replica.wait_exit().code(), Some(0));
        }
        client.ok("DEBUG RELOAD");
        client.ok("FLUSHALL ASYNC");
        client.ok("SET key value");
        client.send(&["SHUTDOWN", "SAVE"]).expect("it reads");
        assert_eq!(primary.wait_exit().code(), Some(0));
        let again = primary.restart();
        assert_eq!(again.client().text("GET key"), "value");
    }
}

/// The group of the last line of `/etc/group`, which root may give to a file, and its number.
#[test]
fn the_socket_belongs_to_the_group_that_it_is_given() {
    let groups = fs::read_to_string("/etc/group").expect("there are groups");
    let line = groups.lines().last().expect("there is one");
    let fields: Vec<_> = line.split(':').collect();
    let unit = |group: &str| {
        Builder::forebay()
            .config("unixsocket socket")
            .config(format!("unixsocketgroup {group}"))
    };
    let (_, log) = unit("no-such-group").start_failing();
    assert!(log.contains("there is no group 'no-such-group'"), "{log}");
    if fs::metadata("/proc/self").expect("it is there").uid() != 0 {
        return;
    }
    let server = unit(fields[0]).start();
    let socket = fs::metadata(server.dir().join("socket")).expect("it is there");
    assert_eq!(socket.gid().to_string(), fields[2]);
}

fn of_process(server: &Server, file: &str) -> String {
    let path = format!("/proc/{}/{file}", server.pid());
    fs::read_to_string(path).expect("the process runs")
}

/// What systemd is told, message by message.
struct Systemd(UnixDatagram);

impl Systemd {
    fn next(&self) -> String {
        let mut message = [0; 1000];
        let n = self.0.recv(&mut message).expect("the server tells");
        String::from_utf8_lossy(&message[..n]).into_owned()
    }

    fn wait(&self, what: impl Fn(&str) -> bool) -> String {
        loop {
            let message = self.next();
            if what(&message) {
                return message;
            }
        }
    }
}

/// systemd heard nothing of a full sync and of the end.
#[test]
fn systemd_hears_of_the_start_a_full_sync_and_the_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("notify");
    let systemd = Systemd(UnixDatagram::bind(&path).expect("bound"));
    systemd.0.set_read_timeout(Some(LONG)).expect("set");
    let primary = Builder::forebay().start();
    primary.client().ok("DEBUG POPULATE 20000 k 100");
    let mut replica = Builder::forebay()
        .config("supervised systemd")
        .config("key-load-delay 100")
        .env("NOTIFY_SOCKET", path.to_str().expect("UTF-8"))
        .start();
    let first = systemd.wait(|message| message.contains("READY=1"));
    assert!(first.contains("STATUS=Ready to accept connections"));
    let follow = format!("REPLICAOF 127.0.0.1 {}", primary.port());
    replica.client().ok(&follow);
    let loading = systemd.wait(|message| message.contains("RELOADING=1"));
    assert!(
        loading.contains("STATUS=Loading the dataset: "),
        "{loading}"
    );
    assert!(loading.contains("EXTEND_TIMEOUT_USEC="), "{loading}");
    replica.client().ok("CONFIG SET key-load-delay 0");
    let again = systemd.wait(|message| message.contains("READY=1"));
    assert!(!again.contains("RELOADING"), "{again}");
    if !again.contains("read-only mode") {
        systemd.wait(|message| message.contains("read-only mode"));
    }
    replica.signal(15);
    systemd.wait(|message| message.contains("STOPPING=1"));
    assert_eq!(replica.wait_exit().code(), Some(0));
}

/// The directive had no effect.
#[test]
fn the_kernel_is_told_how_soon_to_kill_the_server() {
    let primary = Builder::forebay().start();
    let server = Builder::forebay().start();
    let score = || of_process(&server, "oom_score_adj").trim().parse::<i64>();
    let base = score().expect("a number");
    let mut client = server.client();
    client.ok("CONFIG SET oom-score-adj-values '5 70 0'");
    assert_eq!(score(), Ok(base));
    client.ok("CONFIG SET oom-score-adj relative");
    assert_eq!(score(), Ok(base + 5));
    client.ok("CONFIG SET oom-score-adj-values '2000 70 0'");
    assert_eq!(score(), Ok(1000));
    client.ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
    wait_until("the role counts", || score() == Ok(base + 70));
    client.ok("CONFIG SET oom-score-adj absolute");
    assert_eq!(score(), Ok(70));
    client.ok("CONFIG SET oom-score-adj no");
    assert_eq!(score(), Ok(base));
    client.ok("REPLICAOF NO ONE");
    client.ok("CONFIG SET oom-score-adj-values '1 2 3'");
    assert_eq!(score(), Ok(base));
}

/// The title was the command line for ever.
#[test]
fn the_title_says_where_the_server_listens() {
    let server = Builder::forebay().start();
    let title = || {
        of_process(&server, "cmdline")
            .trim_end_matches('\0')
            .to_owned()
    };
    let program = env!("CARGO_BIN_EXE_forebay-server");
    let port = server.port();
    assert_eq!(title(), format!("{program} 127.0.0.1:{port}"));
    let mut client = server.client();
    client.ok("CONFIG SET proc-title-template 'short {port}'");
    assert_eq!(title(), format!("short {port}"));
    let long = "x".repeat(100);
    let set = format!("CONFIG SET proc-title-template '{long} {{config-file}}'");
    client.ok(&set);
    let file = server.dir().join("server.conf");
    assert_eq!(title(), format!("{long} {}", file.display()));
    for wrong in ["{nothing}", "{port"] {
        let error = client.error(&format!("CONFIG SET proc-title-template {wrong}"));
        assert!(error.ends_with(" - template format is invalid or contains unknown variables"));
    }
    // What the title has taken the place of is still known.
    assert_eq!(client.text("PING"), "PONG");
    let environment = fs::read(format!("/proc/{}/environ", server.pid())).expect("it runs");
    assert!(!environment.is_empty());
    let server = Builder::forebay().config("set-proc-title no").start();
    assert!(of_process(&server, "cmdline").ends_with("server.conf\0"));
}

/// The directives had no effect.
#[test]
fn threads_run_on_the_processors_that_they_are_given() {
    let server = Builder::forebay()
        .config("server-cpulist 0")
        .config("aof-rewrite-cpulist 0-1")
        .config("appendonly yes")
        .config("bio-cpulist x")
        .start();
    assert!(server.log().contains("'x' is not a list of processors"));
    let allowed = |status: &str| {
        let line = status
            .lines()
            .find_map(|l| l.strip_prefix("Cpus_allowed_list:"));
        line.expect("a list").trim().to_owned()
    };
    assert_eq!(allowed(&of_process(&server, "status")), "0");
    let both =
        if fs::read_to_string("/sys/devices/system/cpu/online").is_ok_and(|l| l.trim() == "0") {
            "0"
        } else {
            "0-1"
        };
    // A thread gives itself its name and its processors when it first runs, which may be later.
    wait_until("the writer runs where it may", || {
        let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).expect("it runs");
        let statuses = tasks.filter_map(|t| fs::read_to_string(t.ok()?.path().join("status")).ok());
        let mut writers = statuses.filter(|s| s.starts_with("Name:\tforebay-aof"));
        writers.any(|status| allowed(&status) == both)
    });
}

/// A process that a signal ended left nothing in its log.
#[test]
fn a_fatal_signal_is_reported_in_the_log() {
    const SIGABRT: i32 = 6;
    const SIGBUS: i32 = 7;
    const SIGSEGV: i32 = 11;
    let start = |report: &str| {
        let builder = Builder::forebay().config(format!("crash-log-enabled {report}"));
        let server = builder.start();
        server.client().ok("SET key value");
        server
    };
    let crash = |server: &mut Server, request: &str| {
        let words: Vec<&str> = request.split(' ').collect();
        server.client().send(&words).expect("it reads");
        server.wait_exit().signal()
    };
    let mut server = start("yes");
    assert_eq!(crash(&mut server, "DEBUG SEGFAULT"), Some(SIGSEGV));
    let log = server.log();
    for line in [
        "=== REDIS BUG REPORT START: Cut & paste starting from here ===",
        "crashed by signal: 11, si_code: 2",
        "Accessing address: 0x",
        "Crashed running the instruction at: 0x",
        "Thread: forebay-server",
        "The command that began last: debug, of client id=",
        "=== REDIS BUG REPORT END. ===",
    ] {
        assert!(log.contains(line), "{line}:\n{log}");
    }
    let mut server = start("yes");
    assert_eq!(crash(&mut server, "DEBUG PANIC"), Some(SIGABRT));
    assert!(server.log().contains("crashed by signal: 6"));
    let mut server = start("yes");
    server.signal(SIGBUS);
    assert_eq!(server.wait_exit().signal(), Some(SIGBUS));
    assert!(server.log().contains("Killed by PID: "));
    assert!(server.log().contains("The command that began last: set, "));
    let mut server = start("no");
    assert_eq!(crash(&mut server, "DEBUG SEGFAULT"), Some(SIGSEGV));
    assert!(!server.log().contains("BUG REPORT"));
    let mut server = start("no");
    server.client().ok("CONFIG SET crash-log-enabled yes");
    assert_eq!(crash(&mut server, "DEBUG SEGFAULT"), Some(SIGSEGV));
    assert!(server.log().contains("BUG REPORT"));
}

fn output(args: &[&str]) -> (Output, String) {
    let server = env!("CARGO_BIN_EXE_forebay-server");
    let output = Command::new(server).args(args).output();
    let output = output.expect("it runs");
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    (output, String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_check_of_the_configuration_starts_nothing_and_fails_where_a_start_would() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("redis.conf");
    let path = file.to_str().expect("UTF-8");
    fs::write(&file, "port 7000\n\nactivedefrag yes\nsave\n").expect("written");
    let (status, text) = output(&["--check-config", path, "--hz", "20"]);
    assert_eq!(status.status.code(), Some(0), "{text}");
    let expected = format!(
        "{path}:1: port: works\n{path}:3: activedefrag: no effect\n{path}:4: save: works\ncommand line:1: hz: works\n"
    );
    assert_eq!(text, expected);
    fs::write(&file, "loadmodule /x.so\nnothing 1\nhz x\n").expect("written");
    let (status, text) = output(&["--check-config", path]);
    assert_eq!(status.status.code(), Some(1));
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains(":1: loadmodule: refused: 'loadmodule' is not supported"));
    assert!(lines[1].ends_with(":2: nothing: unknown"));
    assert!(lines[2].ends_with(":3: hz: wrong: argument couldn't be parsed into an integer"));
    let (status, _) = output(&["--check-config", "/nowhere/redis.conf"]);
    assert_eq!(status.status.code(), Some(1));
}

#[test]
fn who_asks_for_a_test_of_the_memory_is_told_what_to_run() {
    for args in [&["--test-memory"][..], &["--test-memory", "16"]] {
        let (status, text) = output(args);
        assert_eq!(status.status.code(), Some(1));
        assert!(text.contains("memtester"), "{text}");
    }
}

#[test]
fn who_asks_for_a_sentinel_is_told_what_to_run() {
    let (status, text) = output(&["/etc/sentinel.conf", "--sentinel"]);
    assert_eq!(status.status.code(), Some(1));
    assert!(text.contains("redis-sentinel"), "{text}");
}
