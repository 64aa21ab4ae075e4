//! The sweep of `benches/sweep` measures each command, or says why it does not.

use super::words;
use forebay::engine::table;
use std::collections::BTreeSet;

#[allow(dead_code, reason = "the bench uses more of it")]
#[path = "../../benches/sweep/cases.rs"]
mod cases;

/// `config|get`, or a name that begins or ends with a star.
fn fits(pattern: &str, name: &str) -> bool {
    match (pattern.strip_suffix('*'), pattern.strip_prefix('*')) {
        (Some(start), _) => name.starts_with(start),
        (_, Some(end)) => name.ends_with(end),
        _ => pattern == name,
    }
}

#[test]
fn each_command_has_a_case_in_the_sweep() {
    let (blocks, skipped) = cases::all();
    let requests = blocks.iter().flat_map(|block| {
        let cases = block.cases.iter().flat_map(|case| &case.requests);
        block.fill.iter().chain(&block.before).chain(cases)
    });
    let names: BTreeSet<String> = requests
        .flat_map(|request| {
            let words = request.name();
            let second = words.get(1).cloned().unwrap_or_default();
            [words[0].clone(), format!("{}|{second}", words[0])]
        })
        .collect();
    table::install(forebay::commands::FAMILIES);
    let commands = table::all().flat_map(|entry| match entry.subcommands.is_empty() {
        true => vec![entry.name],
        false => entry.subcommands.iter().map(|sub| sub.name).collect(),
    });
    let missing: Vec<&str> = commands
        .filter(|&name| !names.contains(name))
        .filter(|&name| !skipped.iter().any(|pattern| fits(pattern, name)))
        .collect();
    assert!(
        missing.is_empty(),
        "no case in benches/sweep/cases, and no reason there: {missing:?}"
    );
}
