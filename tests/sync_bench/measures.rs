//! What is reported.

use crate::bench::{Bench, Ran, alone, peer, shared};
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use serde_json::Value as Json;
use std::time::{Duration, Instant};

/// Small enough for an unoptimised build.
const SMALL: [&str; 4] = ["--keys", "3000", "--repeat", "1"];

fn words<'a>(more: &[&'a str]) -> Vec<&'a str> {
    SMALL.iter().chain(more).copied().collect()
}

/// Every cell of a report is whole.
fn assert_whole(ran: &Ran, cells: usize) {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let all = ran.report()["cells"].as_array().expect("cells");
    assert_eq!(all.len(), cells, "{ran:?}");
    for cell in all {
        let mode = cell["mode"].as_str().expect("a mode");
        assert_eq!(cell["keys"], 4000, "{mode}: {cell}");
        let wanted = match mode {
            "rdb-channel" | "dual-channel" => "memory -> memory, two connections".to_owned(),
            mode => mode.replace('-', " -> "),
        };
        assert_eq!(cell["way"], wanted.as_str(), "{cell}");
        let run = &cell["runs"][0];
        let number = |name: &str| {
            run[name]
                .as_i64()
                .unwrap_or_else(|| panic!("{name}: {run}"))
        };
        let total = number("total_us");
        assert!(number("up_us") > 0 && total >= number("up_us"), "{run}");
        assert!(number("caught_up_us") >= total, "{run}");
        // key:N and value:N, some bytes around them; two connections are not always counted.
        let uncounted = wanted.ends_with("connections") && run["bytes"].is_null();
        assert!(
            uncounted || (40_000..200_000).contains(&number("bytes")),
            "{run}"
        );
        for side in ["master", "replica"] {
            assert!(
                run[side]["memory_peak"].as_u64() > Some(1_000_000),
                "{side}: {run}"
            );
        }
        assert!(cell["latency"]["count"].as_u64() > Some(0), "{cell}");
        // All phases of a side lie within the sync, one behind the other.
        let moment = |name: &str| {
            run["moments"][name]
                .as_i64()
                .unwrap_or_else(|| panic!("{name}: {run}"))
        };
        let order = [
            "replica_connect",
            "replica_request",
            "replica_transfer_start",
            "replica_load_end",
            "replica_online",
        ];
        assert!(order.map(moment).is_sorted(), "{run}");
        let order = [
            "master_request",
            "master_snapshot_start",
            "master_transfer_end",
            "master_online",
        ];
        // With two connections the replica can be in step before the primary logs the end of its payload.
        let logged =
            |name: &&str| !(wanted.ends_with("connections") && run["moments"][*name].is_null());
        assert!(
            order
                .iter()
                .copied()
                .filter(|name| logged(name))
                .map(moment)
                .is_sorted(),
            "{run}"
        );
        // A log's times are cut to milliseconds.
        let began = number("began_us");
        assert!(moment("replica_connect") >= began - 1000, "{run}");
        let up = moment("replica_online") - began;
        assert!(up <= number("up_us") + 1000, "{run}");
        assert!(
            number("up_us") - up < 250_000,
            "the link is up long before it is seen: {run}"
        );
    }
}

#[test]
fn forebay_is_measured_in_its_five_modes_with_its_own_reports() {
    let _machine = shared();
    let ran = Bench::new(&words(&[])).run();
    assert_whole(&ran, 5);
    for word in [
        "disk-disk",
        "memory-swapdb",
        "usable after",
        "Verdict",
        "receive and load",
    ] {
        assert!(ran.out.contains(word), "{word}: {}", ran.out);
    }
    // Where the report of INFO is the source, times have microseconds.
    let text = ran.report()["cells"][0]["runs"][0]["moments"]["replica_online"].as_i64();
    assert!(text.is_some_and(|us| us > 1_500_000_000_000_000), "{ran:?}");
}

#[test]
fn a_real_redis_is_measured_from_its_logs() {
    let _machine = shared();
    let Some(redis) = peer("redis-7.0") else {
        return;
    };
    assert_whole(&Bench::new(&words(&["--master", &redis])).run(), 5);
}

#[test]
fn mixed_pairs_are_measured_beside_each_other_with_writers() {
    let _machine = shared();
    let Some(redis) = peer("redis-7.0") else {
        return;
    };
    let (down, up) = (
        format!("down=forebay,{redis}"),
        format!("up={redis},forebay"),
    );
    let modes = "disk-disk,memory-memory";
    let ran = Bench::new(&words(&[
        "--server",
        &down,
        "--server",
        &up,
        "--mode",
        modes,
        "--write-load",
        "300",
    ]))
    .run();
    assert_whole(&ran, 4);
    for cell in ran.report()["cells"].as_array().expect("cells") {
        let writes = cell["writes_per_s"]["median"].as_f64().expect("a rate");
        assert!(writes > 10.0, "{cell}");
        assert_eq!(cell["write_errors"], 0, "{cell}");
    }
}

#[test]
fn syncs_on_two_connections_are_measured_where_servers_have_them() {
    let _machine = shared();
    let (Some(redis), Some(valkey)) = (peer("redis-8.2"), peer("valkey-9.1")) else {
        return;
    };
    let servers = [
        format!("redis={redis}"),
        format!("valkey={valkey}"),
        format!("down=forebay,{redis}"),
        format!("up={valkey},forebay"),
        "ours=forebay".to_owned(),
    ];
    let mut all = vec!["--mode", "rdb-channel,dual-channel"];
    all.extend(servers.iter().flat_map(|server| ["--server", server]));
    let ran = Bench::new(&words(&all)).run();
    assert_whole(&ran, 6);
    assert!(
        ran.out.contains("valkey has no rdb-channel: left out"),
        "{}",
        ran.out
    );
}

#[test]
fn a_slow_link_and_a_delay_are_seen_in_the_figures_and_named_in_the_verdict() {
    let _machine = shared();
    let words = words(&["--value-size", "200", "--mode", "memory-memory"]);
    let with = |more: [&str; 2]| {
        let all: Vec<&str> = words.iter().chain(&more).copied().collect();
        let ran = Bench::new(&all).run();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran
    };
    let total = |ran: &Ran| {
        let total = ran.report()["cells"][0]["total_ms"]["median"].as_f64();
        total.expect("ms")
    };
    // 0.7 MB. On a machine that has other things to do it takes a slower link to be what counts.
    let named = ["400k", "100k", "25k"].iter().any(|rate| {
        let ran = with(["--link-rate", rate]);
        assert!(total(&ran) > 1500.0, "{}", ran.out);
        ran.out.contains("network-bound")
    });
    assert!(named, "no link was slow enough");
    let named = ["2", "8"].iter().any(|delay| {
        let ran = with(["--delay", delay]);
        assert!(total(&ran) > 1900.0, "{}", ran.out);
        ran.out.contains("waits in the delay")
    });
    assert!(named, "no delay was long enough");
}

/// A client that knows nothing of the tool watches the replica: from the moment in which it follows somebody until its link
/// is up and its keys are there, in ms.
fn watch(replica: &Server, keys: i64) -> std::thread::JoinHandle<f64> {
    let mut client = replica.client();
    let limit = Duration::from_secs(60);
    std::thread::spawn(move || {
        let started = Instant::now();
        while client.info_field("replication", "role") != "slave" {
            assert!(started.elapsed() < limit, "nobody sent REPLICAOF");
        }
        let began = Instant::now();
        while client.info_field("replication", "master_link_status") != "up"
            || client.int("DBSIZE") != keys
        {
            assert!(began.elapsed() < limit, "the link does not come up");
            std::thread::yield_now();
        }
        began.elapsed().as_secs_f64() * 1000.0
    })
}

/// The tool and the watcher measure the same sync of running servers. Either may be kept from running while
/// the other sees a moment: so they need not agree each time, but what is measured wrongly never does.
fn check_agreement(name: &str) {
    let Some(builder) = Builder::named(name) else {
        return;
    };
    let mut primary = builder.clone().start();
    primary.client().ok("DEBUG POPULATE 20000 key 100");
    let mut replica = builder.config("repl-diskless-load swapdb").start();
    let (master, follower) = (primary.address(), replica.address());
    let mut seen = Vec::new();
    let agreed = (0..10).any(|_| {
        replica.client().ok("REPLICAOF NO ONE");
        replica.client().ok("FLUSHALL");
        let watcher = watch(&replica, 20_000);
        let words = [
            "--attach", &master, &follower, "--repeat", "1", "--probe", "0",
        ];
        let ran = Bench::new(&words).run();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.out.contains("were left running"), "{}", ran.out);
        let outside = watcher.join().expect("the watcher sees the end");
        let cell = &ran.report()["cells"][0];
        assert_eq!(cell["mode"], "memory-swapdb", "{cell}");
        let inside = cell["total_ms"]["median"].as_f64().expect("ms");
        seen.push((inside, outside));
        (inside - outside).abs() <= (outside * 0.1).max(50.0)
    });
    assert!(agreed, "{name}: ms inside and outside: {seen:?}");
    assert!(primary.is_running() && replica.is_running());
    assert_eq!(
        primary.client().int("DBSIZE"),
        20_000,
        "nothing was written to the master"
    );
}

#[test]
fn the_total_agrees_with_what_is_seen_from_outside_and_running_servers_stay() {
    let _machine = alone();
    check_agreement("forebay");
    check_agreement("redis-7.0");
}

#[test]
fn an_attached_replica_gets_back_the_part_that_it_had() {
    let _machine = shared();
    let primary = Builder::forebay().start();
    let other = Builder::forebay().start();
    let replica = Builder::forebay().replica_of(&other).start();
    primary.client().ok("SET here 1");
    wait_until("the replica follows the other", || {
        replica
            .client()
            .info_field("replication", "master_link_status")
            == "up"
    });
    let words = [
        "--attach",
        &primary.address(),
        &replica.address(),
        "--repeat",
        "2",
        "--probe",
        "0",
    ];
    let ran = Bench::new(&words).run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        ran.report()["cells"][0]["runs"].as_array().map(Vec::len),
        Some(2)
    );
    assert_eq!(
        replica.client().info_field("replication", "master_port"),
        other.port().to_string()
    );
    assert!(ran.out.contains("again, as before"), "{}", ran.out);
}

#[test]
fn a_real_dump_with_keys_of_all_types_and_expiries_is_measured_under_writes() {
    let _machine = shared();
    let dump =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rdb-samples/redis-7.0-shop.rdb");
    let dump = dump.display().to_string();
    let words = [
        "--rdb",
        &dump,
        "--mode",
        "disk-disk,memory-swapdb",
        "--repeat",
        "2",
        "--write-load",
        "200",
    ];
    let ran = Bench::new(&words).run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for cell in ran.report()["cells"].as_array().expect("cells") {
        // Those of the dump that have not expired, and those of the writers.
        assert!(
            cell["keys"]
                .as_u64()
                .is_some_and(|n| (3000..3600).contains(&n)),
            "{cell}"
        );
        assert!(cell["latency"]["count"].as_u64() > Some(0), "{cell}");
        assert_eq!(cell["runs"].as_array().map(Vec::len), Some(2), "{cell}");
    }
}

#[test]
fn the_tables_of_a_run_agree_with_its_json() {
    let _machine = shared();
    let bench = Bench::new(&words(&["--mode", "memory-memory"]));
    let csv = bench.path("report.csv");
    let (dir, child) = bench.arg("--csv").arg(&csv).start();
    let ran = crate::bench::finish(&dir, child);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let text = std::fs::read_to_string(&csv).expect("the file is there");
    let mut lines = text.lines().map(|l| l.split(',').collect::<Vec<_>>());
    let (head, row) = (lines.next().expect("a head"), lines.next().expect("a row"));
    assert_eq!(head.len(), row.len(), "{text}");
    let field = |name: &str| {
        let at = head.iter().position(|h| *h == name);
        row[at.unwrap_or_else(|| panic!("{name}: {text}"))]
            .parse::<i64>()
            .ok()
    };
    let run: &Json = &ran.report()["cells"][0]["runs"][0];
    assert_eq!(field("total_us"), run["total_us"].as_i64());
    assert_eq!(field("bytes"), run["bytes"].as_i64());
    assert!(field("replica_receive_and_load_us").is_some(), "{text}");
}

/// The page of a small run.
fn page() -> (tempfile::TempDir, std::path::PathBuf) {
    let bench = Bench::new(&words(&[
        "--mode",
        "disk-disk,memory-memory",
        "--write-load",
        "100",
    ]));
    let html = bench.path("report.html");
    let (dir, child) = bench.arg("--html").arg(&html).start();
    let ran = crate::bench::finish(&dir, child);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    (dir, html)
}

#[test]
fn the_page_needs_nothing_from_outside() {
    let _machine = shared();
    let (_dir, html) = page();
    let text = std::fs::read_to_string(html).expect("the file is there");
    for word in [
        "http:", "https:", "src=", "<script", "url(", "@import", "NaN",
    ] {
        assert!(!text.contains(word), "{word}");
    }
    for word in [
        "class=\"time\"",
        "class=\"latency\"",
        "class=\"totals\"",
        "disk-disk",
        "receive and load",
        "Verdict",
    ] {
        assert!(text.contains(word), "{word}");
    }
    assert_eq!(text.matches("<svg").count(), text.matches("</svg>").count());
    assert_eq!(text.matches("<g>").count(), text.matches("</g>").count());
}

#[test]
fn the_page_opens_in_a_browser_without_errors() {
    let _machine = shared();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path)
        .flat_map(|dir| ["chromium", "chromium-browser"].map(|n| dir.join(n)));
    let Some(browser) = found.find(|p| p.is_file()) else {
        crate::support::peers::skipped("there is no chromium on PATH");
        return;
    };
    let (dir, html) = page();
    let output = std::process::Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args(["--enable-logging=stderr", "--dump-dom"])
        .arg(format!(
            "--user-data-dir={}",
            dir.path().join("profile").display()
        ))
        .arg(format!("file://{}", html.display()))
        .output()
        .expect("the browser runs");
    let (dom, log) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{log}");
    // What a page complains of is logged with this word.
    assert!(!log.contains("CONSOLE"), "{log}");
    assert!(
        dom.contains("</html>") && dom.matches("<rect").count() > 10,
        "{dom}"
    );
}
