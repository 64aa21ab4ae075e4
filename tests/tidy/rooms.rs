//! The picture of the rooms in ARCHITECTURE.md is the one that the compiler holds.

use super::{read, root};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Rooms by name, each with the rooms that it may use.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// What the manifests say. Only what a product is built of counts: tests may look anywhere.
fn manifests() -> Arrows {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {output:?}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo speaks JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let rooms = packages.iter().filter_map(|package| {
        let name = text(&package["name"]).strip_prefix("forebay-")?.to_owned();
        let uses = package["dependencies"].as_array().expect("a list");
        let uses = uses.iter().filter(|used| used["kind"].is_null());
        let uses =
            uses.filter_map(|used| Some(text(&used["name"]).strip_prefix("forebay-")?.to_owned()));
        Some((name, uses.collect()))
    });
    rooms.collect()
}

/// What the table of ARCHITECTURE.md says: a row for each room, its third column names the rooms that it uses.
fn drawn() -> Arrows {
    let page = read(&root().join("ARCHITECTURE.md"));
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line
            .strip_prefix("| `")?
            .split('|')
            .map(str::trim)
            .collect();
        let name = cells[0].strip_suffix("/`")?.to_owned();
        let uses = cells
            .get(2)?
            .split([',', ' '])
            .filter(|word| !word.is_empty());
        Some((
            name,
            uses.map(|word| word.trim_matches('`').to_owned()).collect(),
        ))
    });
    rows.collect()
}

#[test]
fn rooms_use_what_the_architecture_says_and_nothing_else() {
    let (real, drawn) = (manifests(), drawn());
    assert!(real.len() > 10, "the workspace has rooms: {real:?}");
    assert_eq!(real, drawn);
}

#[test]
fn arrows_between_rooms_point_one_way() {
    let mut left = manifests();
    while !left.is_empty() {
        let used: BTreeSet<String> = left.keys().cloned().collect();
        let free = left.iter().find(|(_, uses)| uses.is_disjoint(&used));
        let free = free.map(|(name, _)| name.clone());
        let free = free.unwrap_or_else(|| panic!("these use each other in a circle: {left:?}"));
        left.remove(&free);
    }
}

#[test]
fn every_room_is_held_to_the_lints_of_the_workspace() {
    for room in manifests().keys() {
        let manifest = read(&root().join(format!("src/{room}/Cargo.toml")));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{room}");
    }
}

/// Rooms with rules of their own are those that may wait; `src/clippy.toml` holds for all others.
#[test]
fn only_rooms_that_may_wait_have_rules_of_their_own() {
    assert!(root().join("src/clippy.toml").exists());
    assert!(!root().join("clippy.toml").exists());
    let page = read(&root().join("ARCHITECTURE.md"));
    let (_, sentence) = page.split_once("**Invariant**: only ").expect("it is said");
    let (named, _) = sentence.split_once(" may wait").expect("who may");
    let named = named.split('`').filter_map(|word| word.strip_suffix('/'));
    let named: BTreeSet<String> = named.map(str::to_owned).collect();
    let own = manifests().into_keys();
    let own = own.filter(|room| root().join(format!("src/{room}/clippy.toml")).exists());
    assert_eq!(own.collect::<BTreeSet<String>>(), named);
}

/// What decodes the bytes of others is safe code, and so is every other room that has no need of unsafe code.
#[test]
fn rooms_that_decode_forbid_unsafe_code() {
    for room in ["aof", "rdb", "replication", "resp"] {
        let text = read(&root().join(format!("src/{room}/lib.rs")));
        assert!(text.contains("\n#![forbid(unsafe_code)]\n"), "{room}");
    }
}
