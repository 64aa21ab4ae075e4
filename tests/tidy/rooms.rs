//! The picture of the rooms in ARCHITECTURE.md is the one that the compiler holds.

use super::{assert_none, read, root};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Rooms by name, each with the rooms that it may use.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// The packages from outside that a room may use even if it may not wait. None of them opens a file or a socket, starts
/// a thread or reads a clock by itself; what `libc` and `getrandom` offer of that is in `src/clippy.toml`.
const HARMLESS: [&str; 14] = [
    "bitflags",
    "corosensei",
    "crc-fast",
    "getrandom",
    "itoa",
    "libc",
    "memchr",
    "memmap2",
    "mlua",
    "regex",
    "sha1",
    "sha2",
    "smallvec",
    "twox-hash",
];

/// The packages of the workspace that are rooms, by the names of their folders below `src`.
fn packages() -> BTreeMap<String, Value> {
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
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let rooms = packages.iter().filter_map(|package| {
        let manifest = package["manifest_path"].as_str()?;
        let room = room_at(Path::new(manifest).parent()?)?;
        Some((room, package.clone()))
    });
    rooms.collect()
}

/// The room in this folder.
fn room_at(folder: &Path) -> Option<String> {
    let below = folder.strip_prefix(root().join("src")).ok()?;
    Some(below.display().to_string())
}

/// The dependencies from which the product is built; tests may use anything.
fn dependencies(package: &Value) -> impl Iterator<Item = &Value> {
    let all = package["dependencies"].as_array().expect("a list");
    all.iter().filter(|used| used["kind"] != "dev")
}

/// What the manifests say.
fn manifests() -> Arrows {
    let rooms = packages().into_iter().map(|(room, package)| {
        let uses = dependencies(&package)
            .filter_map(|used| room_at(Path::new(used["path"].as_str()?)))
            .collect();
        (room, uses)
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

/// Clippy's list names what the standard library offers for waiting. A package could offer the same under other names.
#[test]
fn rooms_that_may_not_wait_use_no_package_that_can() {
    let pure = packages().into_iter();
    let pure = pure.filter(|(room, _)| !root().join(format!("src/{room}/clippy.toml")).exists());
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (room, package) in pure {
        for used in dependencies(&package).filter(|used| used["path"].is_null()) {
            let name = used["name"].as_str().expect("a name");
            seen += 1;
            if !HARMLESS.contains(&name) {
                wrong.push(format!("{room} uses {name}"));
            }
        }
    }
    assert!(seen > HARMLESS.len(), "the packages are found");
    assert_none("packages that may not be harmless", &wrong);
}

/// A package that nobody has given a reason for is one that nobody has judged.
#[test]
fn every_package_of_the_product_has_its_reason() {
    let page = read(&root().join("docs/decisions/0005-packages.md"));
    let rooms = packages();
    let used: BTreeSet<&str> = rooms
        .values()
        .flat_map(dependencies)
        .filter(|used| used["path"].is_null())
        .filter_map(|used| used["name"].as_str())
        .collect();
    let named: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .flat_map(|names| names.split(", "))
        .collect();
    let missing: Vec<String> = used
        .into_iter()
        .filter(|name| !named.contains(name))
        .map(str::to_owned)
        .collect();
    assert_none("packages that docs/decisions/0005 does not list", &missing);
}

/// What decodes the bytes of others is safe code, and so is every other room that has no need of unsafe code.
#[test]
fn rooms_that_decode_forbid_unsafe_code() {
    for room in ["aof", "rdb", "replication", "resp"] {
        let text = read(&root().join(format!("src/{room}/lib.rs")));
        assert!(text.contains("\n#![forbid(unsafe_code)]\n"), "{room}");
    }
}
