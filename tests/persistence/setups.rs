//! Set-ups in which people run Redis and Valkey today: images, compose files, charts, operators and packages of
//! distributions. Each is rebuilt here in its manner, as the arguments and the configuration file that it gives to the
//! server, and has to start and answer.

use crate::by_hand::ByHand;
use crate::support::server::free_port;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A set-up; `{port}`, `{dir}` and `{conf}` (the file) stand for those of the test.
struct SetUp {
    name: &'static str,
    /// The configuration file, if there is one.
    file: &'static str,
    args: &'static [&'static str],
    password: Option<&'static str>,
    /// Directives and their values as CONFIG GET must show them.
    then: &'static [(&'static str, &'static str)],
}

const SET_UPS: &[SetUp] = &[
    SetUp {
        name: "a compose file: an append-only cache of sessions",
        file: "",
        args: &["--port", "{port}", "--appendonly", "yes"],
        password: None,
        then: &[("appendonly", "yes")],
    },
    SetUp {
        name: "a compose file of an identity provider: save points and a quiet log",
        file: "",
        args: &[
            "--port",
            "{port}",
            "--save",
            "60",
            "1",
            "--loglevel",
            "warning",
        ],
        password: None,
        then: &[("save", "60 1"), ("loglevel", "warning")],
    },
    SetUp {
        name: "a compose file of a cloud for files: a password only",
        file: "",
        args: &["--port", "{port}", "--requirepass", "se$cret"],
        password: Some("se$cret"),
        then: &[],
    },
    SetUp {
        name: "a manifest of a deployment tool: nothing on the disk",
        file: "",
        args: &[
            "--port",
            "{port}",
            "--save",
            "",
            "--appendonly",
            "no",
            "--requirepass",
            "secret",
        ],
        password: Some("secret"),
        then: &[("save", ""), ("appendonly", "no")],
    },
    SetUp {
        name: "a compose file that sets directives by one word each",
        file: "",
        args: &[
            "--port {port}",
            "--maxmemory 128mb",
            "--maxmemory-policy volatile-lfu",
        ],
        password: None,
        then: &[
            ("maxmemory", "134217728"),
            ("maxmemory-policy", "volatile-lfu"),
        ],
    },
    SetUp {
        name: "a compose file of an inventory: append-only, password, in a shell",
        file: "",
        args: &[
            "--port",
            "{port}",
            "--appendonly",
            "yes",
            "--requirepass",
            "p w",
        ],
        password: Some("p w"),
        then: &[],
    },
    SetUp {
        name: "a compose file of an error tracker: a file of three lines",
        file: "\
            port {port}\n\
            dir {dir}\n\
            maxmemory-policy volatile-lru\n\
        ",
        args: &["{conf}"],
        password: None,
        then: &[("maxmemory-policy", "volatile-lru")],
    },
    SetUp {
        name: "a queue of jobs: no eviction, everysec",
        file: "",
        args: &[
            "--port",
            "{port}",
            "--maxmemory-policy",
            "noeviction",
            "--appendonly",
            "yes",
            "--appendfsync",
            "everysec",
            "--auto-aof-rewrite-percentage",
            "100",
        ],
        password: None,
        then: &[("maxmemory-policy", "noeviction")],
    },
    SetUp {
        name: "a package for whole installations of a code forge: socket and every directive of 6.2",
        file: "\
            daemonize no\n\
            port {port}\n\
            tcp-backlog 511\n\
            bind 127.0.0.1\n\
            unixsocket {dir}/redis.socket\n\
            unixsocketperm 777\n\
            timeout 60\n\
            tcp-keepalive 300\n\
            loglevel notice\n\
            logfile \"\"\n\
            databases 16\n\
            save 900 1\n\
            save 300 10\n\
            save 60 10000\n\
            stop-writes-on-bgsave-error yes\n\
            rdbcompression yes\n\
            rdbchecksum yes\n\
            dbfilename dump.rdb\n\
            dir {dir}\n\
            slave-serve-stale-data yes\n\
            slave-read-only yes\n\
            repl-diskless-sync no\n\
            repl-diskless-sync-delay 5\n\
            repl-disable-tcp-nodelay no\n\
            slave-priority 100\n\
            maxclients 9000\n\
            maxmemory 0\n\
            maxmemory-policy noeviction\n\
            maxmemory-samples 5\n\
            lazyfree-lazy-eviction no\n\
            lazyfree-lazy-expire no\n\
            appendonly no\n\
            appendfilename \"appendonly.aof\"\n\
            appendfsync everysec\n\
            no-appendfsync-on-rewrite no\n\
            aof-load-truncated yes\n\
            lua-time-limit 5000\n\
            slowlog-log-slower-than 10000\n\
            slowlog-max-len 128\n\
            latency-monitor-threshold 0\n\
            notify-keyspace-events \"\"\n\
            hash-max-ziplist-entries 512\n\
            hash-max-ziplist-value 64\n\
            list-max-ziplist-entries 512\n\
            list-max-ziplist-value 64\n\
            set-max-intset-entries 512\n\
            zset-max-ziplist-entries 128\n\
            zset-max-ziplist-value 64\n\
            hll-sparse-max-bytes 3000\n\
            activerehashing yes\n\
            client-output-buffer-limit normal 0 0 0\n\
            client-output-buffer-limit slave 256mb 64mb 60\n\
            client-output-buffer-limit pubsub 32mb 8mb 60\n\
            hz 10\n\
            aof-rewrite-incremental-fsync yes\n\
            io-threads 1\n\
            io-threads-do-reads no\n\
        ",
        args: &["{conf}"],
        password: None,
        then: &[
            ("timeout", "60"),
            ("save", "900 1 300 10 60 10000"),
            ("replica-serve-stale-data", "yes"),
        ],
    },
    SetUp {
        name: "a chart: the master, with files that are included on the command line",
        file: "\
            # User-supplied common configuration:\n\
            # Enable AOF\n\
            appendonly yes\n\
            # Disable RDB persistence, AOF persistence already enabled.\n\
            save \"\"\n\
            # End of common configuration\n\
            dir {dir}\n\
        ",
        args: &[
            "--port",
            "{port}",
            "--requirepass",
            "secret",
            "--masterauth",
            "secret",
            "--include",
            "{conf}",
        ],
        password: Some("secret"),
        then: &[
            ("masterauth", "secret"),
            ("appendonly", "yes"),
            ("save", ""),
        ],
    },
    SetUp {
        name: "a chart: a replica that announces its name",
        file: "\
            dir {dir}\n\
            appendonly yes\n\
            save \"\"\n\
            slave-read-only yes\n\
            repl-timeout 10\n\
        ",
        args: &[
            "--replica-announce-port",
            "{port}",
            "--replica-announce-ip",
            "node-1.headless.default.svc",
            "--port",
            "{port}",
            "--replicaof",
            "127.0.0.1",
            "1",
            "--protected-mode",
            "no",
            "--include",
            "{conf}",
        ],
        password: None,
        then: &[
            ("replica-announce-ip", "node-1.headless.default.svc"),
            ("replicaof", "127.0.0.1 1"),
        ],
    },
    SetUp {
        name: "a chart for high availability: Sentinel's server",
        file: "\
            dir \"{dir}\"\n\
            port {port}\n\
            bind 0.0.0.0\n\
            maxmemory 0\n\
            maxmemory-policy volatile-lru\n\
            min-replicas-max-lag 5\n\
            min-replicas-to-write 0\n\
            rdbchecksum yes\n\
            rdbcompression yes\n\
            repl-diskless-sync yes\n\
            save 900 1\n\
            requirepass replace-default-auth\n\
            masterauth replace-default-auth\n\
            replica-announce-port {port}\n\
            replica-announce-ip 10.0.0.7\n\
        ",
        args: &["{conf}"],
        password: Some("replace-default-auth"),
        then: &[("min-slaves-max-lag", "5")],
    },
    SetUp {
        name: "an operator: a replica of itself until it is told who leads",
        file: "\
            slaveof 127.0.0.1 {port}\n\
            port {port}\n\
            tcp-keepalive 60\n\
            save 900 1\n\
            save 300 10\n\
            protected-mode no\n\
            maxclients 9000\n\
            hz 50\n\
            timeout 0\n\
        ",
        args: &["{conf}"],
        password: None,
        then: &[("hz", "50")],
    },
    SetUp {
        name: "an operator: a file written by its start script",
        file: "\
            bind 0.0.0.0 -::\n\
            port {port}\n\
            tcp-backlog 511\n\
            timeout 0\n\
            tcp-keepalive 300\n\
            daemonize no\n\
            supervised no\n\
            pidfile {dir}/redis.pid\n\
            protected-mode yes\n\
            requirepass \"secret\"\n\
            masterauth \"secret\"\n\
            dir {dir}\n\
            save 900 1\n\
            save 300 10\n\
            appendonly yes\n\
            appendfilename \"appendonly.aof\"\n\
        ",
        args: &["{conf}", "--cluster-enabled", "no"],
        password: Some("secret"),
        then: &[("cluster-enabled", "no")],
    },
    SetUp {
        name: "an operator for many engines: every tuning directive, and warnings that are not wanted",
        file: "\
            bind * -::*\n\
            port {port}\n\
            dir {dir}\n\
            ignore-warnings ARM64-COW-BUG\n\
            io-threads 4\n\
            io-threads-do-reads yes\n\
            activedefrag no\n\
            active-defrag-cycle-max 25\n\
            jemalloc-bg-thread yes\n\
            lazyfree-lazy-user-del yes\n\
            lfu-decay-time 1\n\
            lfu-log-factor 10\n\
            list-compress-depth 0\n\
            client-output-buffer-limit \"normal 0 0 0\"\n\
            client-output-buffer-limit \"replica 256mb 64mb 60\"\n\
            replica-lazy-flush no\n\
            repl-backlog-size 1048576\n\
            repl-backlog-ttl 3600\n\
            stream-node-max-bytes 4096\n\
            set-proc-title yes\n\
            proc-title-template \"{title} {listen-addr} {server-mode}\"\n\
            syslog-enabled no\n\
            shutdown-timeout 10\n\
            latency-tracking yes\n\
            tracking-table-max-keys 1000000\n\
        ",
        args: &["{conf}"],
        password: None,
        then: &[("lazyfree-lazy-user-del", "yes")],
    },
    SetUp {
        name: "an image of a registry: a plain file",
        file: "\
            bind 0.0.0.0\n\
            protected-mode no\n\
            port {port}\n\
            supervised no\n\
            pidfile {dir}/redis.pid\n\
            loglevel notice\n\
            always-show-logo no\n\
            rdb-del-sync-files no\n\
            dir {dir}\n\
            acllog-max-len 128\n\
            oom-score-adj no\n\
            oom-score-adj-values 0 200 800\n\
            disable-thp yes\n\
            dynamic-hz yes\n\
        ",
        args: &["{conf}"],
        password: None,
        then: &[("protected-mode", "no")],
    },
    SetUp {
        name: "Debian's package of Redis, as its unit starts it",
        file: "\
            bind 127.0.0.1 -::1\n\
            protected-mode yes\n\
            port {port}\n\
            daemonize yes\n\
            pidfile {dir}/redis-server.pid\n\
            loglevel notice\n\
            logfile {dir}/redis-server.log\n\
            databases 16\n\
            always-show-logo no\n\
            set-proc-title yes\n\
            proc-title-template \"{title} {listen-addr} {server-mode}\"\n\
            dir {dir}\n\
            appenddirname \"appendonlydir\"\n\
            aof-timestamp-enabled no\n\
            \n\
            rdb-save-incremental-fsync yes\n\
            jemalloc-bg-thread yes\n\
        ",
        args: &["{conf}", "--supervised", "no", "--daemonize", "no"],
        password: None,
        then: &[("daemonize", "no")],
    },
    SetUp {
        name: "a package of Red Hat's: supervised auto, replicas' directives by their new names",
        file: "\
            bind 127.0.0.1 -::1\n\
            port {port}\n\
            supervised auto\n\
            pidfile {dir}/redis_6379.pid\n\
            logfile {dir}/redis.log\n\
            dir {dir}\n\
            replica-serve-stale-data yes\n\
            replica-read-only yes\n\
            repl-diskless-sync-max-replicas 0\n\
            repl-diskless-load disabled\n\
            acllog-max-len 128\n\
            latency-tracking-info-percentiles 50 99 99.9\n\
        ",
        args: &["{conf}", "--daemonize", "no", "--supervised", "no"],
        password: None,
        then: &[("latency-tracking-info-percentiles", "50 99 99.9")],
    },
    SetUp {
        name: "a package of Alpine's: a socket for its group",
        file: "\
            bind 127.0.0.1 -::1\n\
            port {port}\n\
            unixsocket {dir}/redis.sock\n\
            unixsocketperm 770\n\
            pidfile {dir}/redis.pid\n\
            logfile {dir}/redis.log\n\
            dir {dir}\n\
            save 3600 1 300 100 60 10000\n\
        ",
        args: &["{conf}"],
        password: None,
        then: &[("unixsocketperm", "770")],
    },
    SetUp {
        name: "a file for Valkey 9: log, threads, slots and a second channel",
        file: "\
            bind * -::*\n\
            port {port}\n\
            dir {dir}\n\
            extended-redis-compatibility yes\n\
            log-format legacy\n\
            log-timestamp-format iso8601\n\
            events-per-io-thread 2\n\
            prefetch-batch-max-size 16\n\
            dual-channel-replication-enabled yes\n\
            repl-mptcp no\n\
            commandlog-execution-slower-than 10000\n\
            commandlog-request-larger-than 1048576\n\
            import-mode no\n\
            max-new-connections-per-cycle 10\n\
            availability-zone \"zone a\"\n\
            cluster-databases 1\n\
        ",
        args: &["{conf}"],
        password: None,
        then: &[("log-timestamp-format", "iso8601")],
    },
    SetUp {
        name: "a file for Redis 8: what came with it, at its defaults and otherwise",
        file: "\
            bind * -::*\n\
            port {port}\n\
            dir {dir}\n\
            lookahead 16\n\
            key-memory-histograms yes\n\
            repl-rdb-channel yes\n\
            vset-force-single-threaded-execution no\n\
            slowlog-entry-max-argc 32\n\
            stream-idmp-duration 100\n\
            tls-auth-clients-user off\n\
            aof-load-corrupt-tail-max-size 1024\n\
        ",
        args: &["{conf}"],
        password: None,
        then: &[],
    },
    SetUp {
        name: "a chart: the master without FLUSHDB and FLUSHALL, and users of the chart",
        file: "\
            dir {dir}\n\
            # Rename configuration:\n\
            rename-command FLUSHDB \"\"\n\
            rename-command FLUSHALL \"\"\n\
            user reader on >reads ~app:* &* -@all +@read\n\
        ",
        args: &[
            "--port",
            "{port}",
            "--requirepass",
            "secret",
            "--include",
            "{conf}",
        ],
        password: Some("secret"),
        then: &[],
    },
    SetUp {
        name: "an operator: probes have a user of their own",
        file: "\
            slaveof no one\n\
            port {port}\n\
            tcp-keepalive 60\n\
            user pinger -@all +ping on >pingpass\n\
            rename-command DEBUG 4f1b2c\n\
        ",
        args: &["{conf}"],
        password: None,
        then: &[("tcp-keepalive", "60")],
    },
    SetUp {
        name: "a package for whole installations of a code forge: nobody may list all keys",
        file: "port {port}\nrename-command KEYS \"\"\n",
        args: &["{conf}"],
        password: None,
        then: &[],
    },
    SetUp {
        name: "an image's start script: a file, and options behind it",
        file: "\
            maxmemory 100mb\n\
        ",
        args: &[
            "{conf}",
            "--port",
            "{port}",
            "--dir",
            "{dir}",
            "--maxmemory",
            "200mb",
            "--io-threads",
            "4",
        ],
        password: None,
        then: &[("maxmemory", "209715200")],
    },
];

fn fill(text: &str, dir: &Path, port: u16) -> String {
    text.replace("{port}", &port.to_string())
        .replace("{dir}", dir.to_str().expect("UTF-8"))
        .replace("{conf}", dir.join("redis.conf").to_str().expect("UTF-8"))
}

#[test]
fn set_ups_of_today_start_and_answer() {
    for set_up in SET_UPS {
        let dir = tempfile::tempdir().expect("a directory");
        let port = free_port();
        if !set_up.file.is_empty() {
            let file = fill(set_up.file, dir.path(), port);
            fs::write(dir.path().join("redis.conf"), file).expect("written");
        }
        let args: Vec<String> = set_up
            .args
            .iter()
            .map(|a| fill(a, dir.path(), port))
            .collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (server, mut client) = ByHand::start_with(dir.path(), &args, port, set_up.password);
        for (directive, value) in set_up.then {
            let shown = client.config(directive);
            assert_eq!(
                shown.as_deref(),
                Some(*value),
                "{}: {directive}",
                set_up.name
            );
        }
        let written = client.cmd(&["SET", "key", "value"]);
        let replica = set_up.args.contains(&"--replicaof") || set_up.file.contains("slaveof 127");
        assert_eq!(written.is_error(), replica, "{}", set_up.name);
        assert_eq!(
            server.shut_down(&mut client).code(),
            Some(0),
            "{}",
            set_up.name
        );
    }
}

/// The file that Debian installs, where it is, with the directories of the test.
#[test]
fn the_file_of_debians_package_starts() {
    let Ok(text) = fs::read_to_string("/etc/redis/redis.conf") else {
        return println!("SKIPPED: the package redis-server is not installed");
    };
    let dir = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let at = dir.path().to_str().expect("UTF-8");
    let text = ["/var/lib/redis", "/var/log/redis", "/run/redis"]
        .iter()
        .fold(text, |text, place| text.replace(place, at));
    let file = dir.path().join("redis.conf");
    fs::write(&file, text).expect("written");
    let file = file.to_str().expect("UTF-8");
    let port_text = port.to_string();
    let args = [file, "--port", &port_text, "--daemonize", "no"];
    let checked = Command::new(env!("CARGO_BIN_EXE_forebay-server"))
        .arg("--check-config")
        .args(args)
        .output()
        .expect("it runs");
    assert!(checked.status.success(), "{checked:?}");
    let (server, mut client) = ByHand::start(dir.path(), &args, port);
    assert_eq!(client.text("PING"), "PONG");
    assert_eq!(server.shut_down(&mut client).code(), Some(0));
    assert!(dir.path().join("redis-server.log").exists());
}

/// Tools copy a server's directives to another by CONFIG GET and CONFIG SET.
#[test]
fn every_directive_takes_the_value_that_it_shows() {
    let server = crate::support::server::Builder::forebay().start();
    let mut client = server.client();
    let shown = client.run("CONFIG GET *");
    let shown = shown.items().expect("names and values");
    let text = |i: usize| shown[i].text().expect("text").to_owned();
    let (mut taken, mut wrong) = (0, Vec::new());
    for i in (0..shown.len()).step_by(2) {
        let (name, value) = (text(i), text(i + 1));
        let set = client.cmd(&["CONFIG", "SET", &name, &value]);
        match set.is_error() {
            false => taken += 1,
            // Those that are read at the start only.
            true if set.to_string().contains("can't set immutable config")
                || set.to_string().contains("can't set protected config") => {}
            true => wrong.push(format!("{name} {value:?}: {set}")),
        }
        assert_eq!(client.config(&name), Some(value), "{name}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(taken > 150, "{taken}");
}

#[test]
fn a_file_of_all_directives_is_read_back_as_it_was_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let (port, conf) = (free_port(), dir.path().join("redis.conf"));
    let lines = [
        &format!("port {port}"),
        "enable-debug-command yes",
        "save 900 7 60 3",
        "client-output-buffer-limit replica 1gb 64mb 30",
    ];
    fs::write(&conf, lines.join("\n") + "\n").expect("written");
    let start = || ByHand::start(dir.path(), &["redis.conf"], port);
    let shown = |client: &mut crate::support::client::Client| {
        let reply = client.run("CONFIG GET *");
        let items = reply.items().expect("names and values");
        let text = |i: usize| items[i].text().expect("text").to_owned();
        let pairs = (0..items.len()).step_by(2).map(|i| (text(i), text(i + 1)));
        pairs.collect::<std::collections::BTreeMap<_, _>>()
    };
    let (server, mut client) = start();
    client.ok("CONFIG SET hz 77");
    let before = shown(&mut client);
    client.ok("DEBUG CONFIG-REWRITE-FORCE-ALL");
    server.shut_down(&mut client);
    let text = fs::read_to_string(&conf).expect("it is there");
    assert!(
        text.contains("hz 77") && text.contains("\ntimeout 0\n"),
        "{text}"
    );
    let (_server, mut client) = start();
    assert_eq!(shown(&mut client), before);
}
