//! `forebay sync-log` on logs of real servers.

use crate::run::{Ran, forebay, root};

fn run(name: &str, more: &[&str]) -> Ran {
    let folder = root().join("testdata/sync-logs");
    let path = |side: &str| {
        folder
            .join(format!("{name}-{side}.log"))
            .display()
            .to_string()
    };
    let mut args = vec!["sync-log".to_owned(), path("master"), path("replica")];
    args.extend(more.iter().map(|a| (*a).to_owned()));
    forebay(&args)
}

#[test]
fn the_logs_of_a_sync_are_shown_side_by_side_with_its_phases() {
    let ran = run("redis-8.2-rdb-channel", &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let text = ran.text();
    for word in [
        "memory -> swapdb, two connections, 3,000 keys",
        "REPLICA",
        "| MASTER",
        "receive and load",
        "clocks: no difference",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(
        !text.contains("Server initialized"),
        "outside of the sync: {text}"
    );
    assert!(
        run("redis-8.2-rdb-channel", &["--all"])
            .text()
            .contains("Server initialized")
    );
}

#[test]
fn the_json_holds_moments_phases_and_lines() {
    let ran = run("forebay-disk", &["--json"]);
    let json = ran.json();
    let sync = &json["syncs"][0];
    assert_eq!(
        (&sync["target"], &sync["load"]),
        (&"disk".into(), &"disk".into()),
        "{json}"
    );
    assert_eq!(sync["complete"], true);
    assert_eq!(sync["keys"], 3000);
    let moment = |name: &str| {
        sync["moments"][name]
            .as_i64()
            .unwrap_or_else(|| panic!("{name}: {json}"))
    };
    let total = moment("replica_online") - moment("replica_connect");
    assert_eq!(sync["total_us"].as_i64(), Some(total));
    assert!(
        sync["phases"].as_array().is_some_and(|p| p.len() >= 8),
        "{json}"
    );
    assert!(
        sync["lines"].as_array().is_some_and(|p| p.len() >= 20),
        "{json}"
    );
}

#[test]
fn what_is_no_pair_of_logs_is_refused() {
    let folder = root().join("testdata/sync-logs");
    let path = |name: &str| folder.join(name).display().to_string();
    let (master, replica) = (
        path("redis-7.0-disk-master.log"),
        path("redis-7.0-disk-replica.log"),
    );
    for (args, why) in [
        ([replica.as_str(), master.as_str()], "other way round"),
        (
            [master.as_str(), "/nowhere/at.all"],
            "cannot open /nowhere/at.all",
        ),
        (
            [path("MANIFEST.md").as_str(), replica.as_str()],
            "no line is one",
        ),
    ] {
        let ran = forebay(["sync-log", args[0], args[1]]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(why), "{ran:?}");
    }
}
