//! `docs/commands.md`: each command of Redis and Valkey, and whether Forebay has it. The page is generated from the table
//! of commands and the names that real servers list (`testdata/commands`).

use forebay::engine::table;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Containers and commands that are refused on purpose, and why.
const REFUSED: [(&str, &str); 8] = [
    ("asking", "refused: not a cluster node"),
    ("cluster", "refused: not a cluster node"),
    ("cluster|", "refused: not a cluster node"),
    ("module|load", "refused: no modules"),
    ("module|loadex", "refused: no modules"),
    ("module|unload", "refused: no modules"),
    ("readonly", "refused: not a cluster node"),
    ("readwrite", "refused: not a cluster node"),
];

/// What is missing, and why.
const MISSING: [(&str, &str); 4] = [
    ("backup", "not yet: backups are copies of the dump"),
    ("cluster", "not before cluster mode exists"),
    ("trimslots", "not before cluster mode exists"),
    ("", "not yet"),
];

fn page() -> String {
    table::install(forebay::commands::FAMILIES);
    let ours: BTreeSet<&str> = table::all()
        .flat_map(|e| std::iter::once(e).chain(&e.subcommands))
        .map(|e| e.name)
        .collect();
    let mut page = String::from(
        "# Commands\n\n\
         This page lists each command of redis-server 8.10 and valkey-server 9.1 without modules, and whether Forebay has it. \
         Deliberate differences are described in [differences.md](differences.md). The page is generated from the table of \
         commands by `FOREBAY_WRITE_DOCS=1 cargo test --test tidy commands`.\n",
    );
    let lists = [
        (
            "Redis",
            include_str!("../../testdata/commands/redis-8.10.txt"),
        ),
        (
            "Valkey, beyond Redis",
            include_str!("../../testdata/commands/valkey-9.1.txt"),
        ),
    ];
    for (family, list) in lists {
        let theirs: Vec<(&str, &str)> = list
            .lines()
            .filter(|l| !l.starts_with('#'))
            .filter_map(|l| l.split_once(' '))
            .collect();
        let here = theirs
            .iter()
            .filter(|(name, _)| ours.contains(name))
            .count();
        let title = format!("\n## {family}: {here} of {}\n\n", theirs.len());
        page.push_str(&title);
        page.push_str("| command | since | state |\n|---|---|---|\n");
        for (name, since) in theirs {
            let key = name.to_ascii_lowercase();
            let state = match ours.contains(name) {
                true => refusal(&key).unwrap_or("done"),
                false => {
                    let found = MISSING.iter().find(|(start, _)| key.starts_with(start));
                    found.map_or("not yet", |(_, why)| why)
                }
            };
            let shown = name.replace('|', " ").to_ascii_uppercase();
            writeln!(page, "| {shown} | {since} | {state} |").expect("a string takes it");
        }
    }
    page
}

fn refusal(name: &str) -> Option<&'static str> {
    let fits = |pattern: &str| match pattern.strip_suffix('|') {
        Some(_) => name.starts_with(pattern),
        None => name == pattern,
    };
    REFUSED.iter().find(|(p, _)| fits(p)).map(|(_, why)| *why)
}

#[test]
fn the_page_of_commands_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md");
    let page = page();
    if std::env::var_os("FOREBAY_WRITE_DOCS").is_some() {
        std::fs::write(path, &page).expect("docs can be written");
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        there == page,
        "docs/commands.md is stale: FOREBAY_WRITE_DOCS=1 cargo test --test tidy commands"
    );
}

/// A field that a declaration leaves out has a default, which compiles. For a summary, that is no text at all.
#[test]
fn every_declaration_has_a_summary() {
    table::install(forebay::commands::FAMILIES);
    let all: Vec<_> = table::declared()
        .flat_map(|e| std::iter::once(e).chain(&e.subcommands))
        .collect();
    assert!(all.len() > 300, "the commands are found: {}", all.len());
    let silent: Vec<&str> = all
        .iter()
        .filter(|e| e.summary.is_empty())
        .map(|e| e.name)
        .collect();
    assert!(silent.is_empty(), "without a summary: {silent:?}");
}
