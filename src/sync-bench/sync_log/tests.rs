//! The table against logs that real servers wrote, and logs of two clocks.

use super::moments::{Kind, Moment};
use super::*;
use std::path::PathBuf;

fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("testdata/sync-logs")
        .join(name)
}

fn log(name: &str) -> Log {
    Log::read(&file(name)).unwrap_or_else(|e| panic!("{e}"))
}

fn merged(name: &str) -> Merged {
    let (master, replica) = (
        log(&format!("{name}-master.log")),
        log(&format!("{name}-replica.log")),
    );
    merge(master, replica, None).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Every pair of the folder.
fn names() -> Vec<String> {
    let entries = std::fs::read_dir(file("")).expect("the folder is there");
    let names = entries.map(|e| {
        e.expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned()
    });
    let mut names: Vec<String> = names
        .filter_map(|n| n.strip_suffix("-master.log").map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() >= 17, "{names:?}");
    names
}

#[test]
fn every_servers_sync_is_found_whole_and_in_order() {
    use Moment::*;
    for name in names() {
        let merged = merged(&name);
        assert_eq!(merged.pairs.len(), 1, "{name}");
        let pair = &merged.pairs[0];
        assert!(
            pair.master.is_complete() && pair.replica.is_complete(),
            "{name}: {pair:?}"
        );
        let disk = name.contains("disk");
        assert_eq!(
            pair.master.target,
            Some(if disk { "disk" } else { "sockets" }),
            "{name}"
        );
        // Redis 6.2 does not count.
        let keys = (!name.starts_with("redis-6.2")).then_some(3000);
        assert_eq!(pair.replica.keys, keys, "{name}");
        let two = name.contains("channel");
        assert_eq!(pair.master.two_connections, two, "{name}");
        let m = &pair.moments;
        let order = [Connect, Ask, Request, Order, Cut, Send, Sent, Online];
        let times: Vec<i64> = order
            .iter()
            .map(|x| m.get(*x).unwrap_or_else(|| panic!("{name}: {x:?}")))
            .collect();
        assert!(times.is_sorted(), "{name}: {times:?}");
        let order = [Connect, Ask, Answer, Receive, Load, Loaded, Up];
        let times: Vec<i64> = order
            .iter()
            .map(|x| m.get(*x).unwrap_or_else(|| panic!("{name}: {x:?}")))
            .collect();
        assert!(times.is_sorted(), "{name}: {times:?}");
        if !disk {
            // The delay of a second is most of it.
            let delay = m.between(Request, Order).expect("both are there");
            assert!((500_000..2_500_000).contains(&delay), "{name}: {delay}");
        }
        assert_eq!(
            merged.offset.estimate_us(),
            0,
            "{name}: one machine, {:?}",
            merged.offset
        );
    }
}

#[test]
fn the_way_of_the_payload_decides_the_phases() {
    let kinds = |name: &str| -> Vec<Kind> {
        merged(name).pairs[0]
            .moments
            .phases()
            .iter()
            .map(|p| p.kind)
            .collect()
    };
    let disk = kinds("redis-7.0-disk");
    for kind in [
        Kind::Save,
        Kind::Send,
        Kind::Receive,
        Kind::Flush,
        Kind::Load,
    ] {
        assert!(disk.contains(&kind), "{kind:?}: {disk:?}");
    }
    for name in [
        "redis-7.0-swapdb",
        "valkey-9.1-swapdb-logfmt",
        "forebay-swapdb-iso",
    ] {
        let swap = kinds(name);
        for kind in [
            Kind::Delay,
            Kind::SnapshotSend,
            Kind::ReceiveLoad,
            Kind::Swap,
        ] {
            assert!(swap.contains(&kind), "{name} {kind:?}: {swap:?}");
        }
    }
    assert_eq!(
        merged("redis-7.0-swapdb").pairs[0].replica.load,
        Some("swapdb")
    );
    assert_eq!(
        merged("valkey-9.1-memory-iso").pairs[0].replica.load,
        Some("memory")
    );
}

#[test]
fn a_replica_whose_clock_is_ahead_is_brought_back() {
    for name in ["redis-7.0-disk", "redis-8.2-swapdb", "forebay-swapdb-iso"] {
        for ahead_us in [3_600_000_000, -7_250_000] {
            let mut replica = log(&format!("{name}-replica.log"));
            replica.lines.iter_mut().for_each(|l| l.unix_us += ahead_us);
            let straight = merged(name);
            let merged = merge(log(&format!("{name}-master.log")), replica, None).unwrap();
            let error = merged.offset.error_us().expect("bounded");
            assert!(
                (merged.offset.estimate_us() - ahead_us).abs() <= error,
                "{name}: {:?}",
                merged.offset
            );
            assert!(error < 120_000, "{name}: {error}");
            let lengths = |m: &Merged| m.pairs[0].moments.between(Moment::Connect, Moment::Up);
            assert_eq!(
                lengths(&merged),
                lengths(&straight),
                "one side's durations do not depend on the other clock"
            );
            let text = show::clocks(&merged);
            assert!(
                text.contains(if ahead_us > 0 { "ahead of" } else { "behind" }),
                "{text}"
            );
            assert_eq!(text.contains("time zone"), ahead_us > 0, "{text}");
        }
    }
}

#[test]
fn two_columns_hold_every_word_of_both_logs() {
    let merged = merged("redis-7.0-swapdb");
    let mut out = Vec::new();
    let shape = show::Shape {
        width: 150,
        all: true,
    };
    show::text(&merged, shape, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.lines().all(|l| l.chars().count() <= 150), "{text}");
    for word in [
        "Swapping",
        "Streamed",
        "Delay next",
        "Finished with success",
        "snapshot and send",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let at = |word: &str| {
        text.lines()
            .find(|l| l.contains(word))
            .and_then(|l| l.find(word))
            .expect(word)
    };
    assert!(
        at("Finished with success") < at("Streamed RDB"),
        "the replica stands at the left"
    );
}

#[test]
fn several_syncs_of_several_replicas_are_told_apart() {
    // Two replicas and a restart: the log of three syncs, made from one by moving it in time and renaming.
    let text = std::fs::read_to_string(file("redis-7.0-swapdb-master.log")).unwrap();
    let hour = |text: &str, h: &str| text.replace(" 2026 08:", &format!(" 2026 {h}:"));
    let other = hour(&text, "09").replace("127.0.0.1:22507", "10.9.9.9:7000");
    let all = [text.clone(), other, hour(&text, "10")].concat();
    let replica = std::fs::read_to_string(file("redis-7.0-swapdb-replica.log")).unwrap();
    let both = [replica.clone(), hour(&replica, "10")].concat();
    let read = |text: &str| Log::from_reader(text.as_bytes()).unwrap();
    let merged = merge(read(&all), read(&both), None).unwrap();
    assert_eq!(merged.pairs.len(), 2);
    assert_eq!(merged.others, 1);
    assert_eq!(merged.offset.estimate_us(), 0);
    let only_late = merge(read(&all), read(&hour(&replica, "10")), None).unwrap();
    assert_eq!((only_late.pairs.len(), only_late.others), (1, 2));
    assert_eq!(only_late.offset.estimate_us(), 0);
}

#[test]
fn logs_the_wrong_way_round_and_logs_without_a_sync_are_refused_with_a_reason() {
    let (master, replica) = (
        log("redis-7.0-disk-master.log"),
        log("redis-7.0-disk-replica.log"),
    );
    let why = merge(replica, master, None).unwrap_err().to_string();
    assert!(why.contains("other way round"), "{why}");
    let quiet = || {
        Log::from_reader(&b"1:M 22 Nov 2026 08:00:00.000 * Ready to accept connections\n"[..])
            .unwrap()
    };
    let why = merge(quiet(), log("redis-7.0-disk-replica.log"), None)
        .unwrap_err()
        .to_string();
    assert!(why.contains("no full sync"), "{why}");
    let why = Log::read(&PathBuf::from("/dev/null"))
        .unwrap_err()
        .to_string();
    assert!(why.contains("no line"), "{why}");
}

#[test]
fn logs_that_were_damaged_are_read_as_far_as_they_go() {
    let bytes =
        |side: &str| std::fs::read(file(&format!("valkey-8.1-dual-channel-{side}.log"))).unwrap();
    let (master, replica) = (bytes("master"), bytes("replica"));
    let mut seed = 0x1234_5678_9abc_def1_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 8) as usize % below
    };
    let mut merged_ones = 0;
    for _ in 0..400 {
        let mut damage = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            for _ in 0..random(40) {
                let at = random(bytes.len());
                bytes[at] = b" :-+.TZ*#0129\n\xff\xc3\"="[random(18)];
            }
            bytes.truncate(random(2 * bytes.len()).max(1));
            bytes
        };
        let logs = [damage(&master), damage(&replica)];
        let [master, replica] = logs.map(|b| Log::from_reader(&b[..]).unwrap());
        if let Ok(merged) = merge(master, replica, None) {
            merged_ones += 1;
            let shape = show::Shape {
                width: 0,
                all: true,
            };
            let mut out = Vec::new();
            show::text(&merged, shape, &mut out).unwrap();
            show::json(&merged, shape, &mut out).unwrap();
        }
    }
    assert!(
        merged_ones > 20,
        "most damage leaves nothing to merge: {merged_ones}"
    );
}
