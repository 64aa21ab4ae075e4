//! Which server knows which command: `testdata/commands/known.txt`, made from what the real servers answer to COMMAND.
//!
//! A unit test of the commands (`older_readers`) holds the stream to it: no server is sent what it does not know.
//! `FOREBAY_WRITE_DOCS=1 cargo test --test replication known` writes it anew.

use crate::support::resp::Value;
use crate::support::server::Builder;
use std::collections::{BTreeMap, BTreeSet};

/// The columns.
const SERVERS: [&str; 10] = [
    "redis-6.2",
    "redis-7.0",
    "redis-7.2",
    "redis-7.4",
    "redis-8.2",
    "redis-8.6",
    "redis-8.10",
    "valkey-8.1",
    "valkey-9.0",
    "valkey-9.1",
];
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/commands/known.txt");
const HEAD: &str = "# Which real server knows which command, from its COMMAND; subcommands stand behind their container. \
                    6.2 lists no subcommands.\n";

/// The names in an answer of COMMAND, with those of subcommands.
fn names(commands: &Value, into: &mut BTreeSet<String>) {
    for command in commands.items().unwrap_or_default() {
        let Some(parts) = command.items() else {
            continue;
        };
        let name = parts.first().and_then(Value::text).unwrap_or_default();
        into.insert(name.to_lowercase());
        if let Some(subcommands) = parts.get(9) {
            names(subcommands, into);
        }
    }
}

/// What each server that is here knows.
fn asked() -> BTreeMap<&'static str, BTreeSet<String>> {
    let ask = |name: &'static str| {
        let server = Builder::peer(name)?.start();
        let mut known = BTreeSet::new();
        names(&server.client().run("COMMAND"), &mut known);
        Some((name, known))
    };
    SERVERS.into_iter().filter_map(ask).collect()
}

#[test]
fn the_table_of_known_commands_is_what_the_servers_say() {
    let asked = asked();
    if std::env::var_os("FOREBAY_WRITE_DOCS").is_some() && asked.len() == SERVERS.len() {
        let all: BTreeSet<&String> = asked.values().flatten().collect();
        let mut text = format!("{HEAD}command {}\n", SERVERS.join(" "));
        for name in all {
            let knows = |s| if asked[s].contains(name) { "+" } else { "-" };
            text += &format!("{name} {}\n", SERVERS.map(knows).join(" "));
        }
        std::fs::write(PATH, text).expect("it can be written");
    }
    let table = std::fs::read_to_string(PATH).expect("it is there");
    let mut lines = table.lines().skip(1);
    let head: Vec<&str> = lines.next().expect("a head").split(' ').collect();
    assert_eq!(head[1..], SERVERS);
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(' ').collect()).collect();
    for (server, known) in &asked {
        let column = head.iter().position(|h| h == server).expect("a column");
        let listed = rows.iter().filter(|row| row[column] == "+");
        let listed: BTreeSet<String> = listed.map(|row| row[0].to_owned()).collect();
        assert_eq!(&listed, known, "{server}");
    }
}
