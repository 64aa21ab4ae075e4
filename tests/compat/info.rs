//! COMMAND INFO beside real servers: arity, flags, places and specifications of keys, categories and tips of each
//! command that both know. Client libraries route by them.

use crate::support::resp::Value;
use crate::support::server::{Builder, Server};
use std::collections::{BTreeMap, BTreeSet};

/// The fields of an entry of COMMAND INFO, as they follow the name.
const FIELDS: [&str; 8] = [
    "arity",
    "flags",
    "first key",
    "last key",
    "step",
    "categories",
    "tips",
    "specifications",
];

/// Fields that differ: at which servers, of which commands, which, and why. What is listed and does not differ fails,
/// too.
const KNOWN: &[(&[&str], &[&str], &str)] = &[
    // SAVE takes TARGET here.
    (
        &["redis-7.4", "redis-8.10", "valkey-9.1"],
        &["save"],
        "arity",
    ),
    // As Redis 8.2 has them.
    (
        &["redis-7.4"],
        &["hexpire", "hexpireat", "hpexpire", "hpexpireat"],
        "flags",
    ),
    (&["redis-7.4", "valkey-9.1"], &["hpttl", "httl"], "tips"),
    (
        &["redis-8.10"],
        &[
            "cluster|count-failure-reports",
            "cluster|info",
            "cluster|keyslot",
            "cluster|links",
            "cluster|myid",
            "cluster|myshardid",
            "cluster|nodes",
            "cluster|replicas",
            "cluster|slaves",
            "eval",
            "eval_ro",
            "evalsha",
            "evalsha_ro",
            "fcall",
            "fcall_ro",
            "psubscribe",
            "ssubscribe",
            "subscribe",
        ],
        "flags",
    ),
    (
        &["redis-8.10"],
        &[
            "delex",
            "georadius",
            "georadiusbymember",
            "xread",
            "xreadgroup",
        ],
        "specifications",
    ),
    // As Redis has them.
    (
        &["valkey-9.1"],
        &[
            "client|caching",
            "client|getname",
            "client|getredir",
            "client|id",
            "client|no-evict",
            "client|no-touch",
            "client|reply",
            "client|setinfo",
            "client|setname",
            "cluster|info",
            "cluster|myid",
            "cluster|myshardid",
            "cluster|nodes",
            "exec",
            "memory|malloc-stats",
            "memory|purge",
            "multi",
            "script|exists",
            "script|flush",
            "select",
            "watch",
        ],
        "flags",
    ),
    (
        &["valkey-9.1"],
        &["cluster|replicate", "script|debug"],
        "arity",
    ),
    (
        &["valkey-9.1"],
        &["georadius", "georadiusbymember", "hgetex", "hsetex"],
        "specifications",
    ),
];

type Infos = BTreeMap<String, Vec<Value>>;

/// All commands and subcommands of a server, with their fields.
fn infos(server: &Server) -> Infos {
    let mut found = BTreeMap::new();
    collect(&server.client().run("COMMAND"), &mut found);
    found
}

fn collect(commands: &Value, found: &mut Infos) {
    for command in commands.items().expect("COMMAND lists commands") {
        let parts = command.items().expect("a command is an array");
        let name = parts[0].text().expect("its name is a string").to_owned();
        let mut fields = parts[1..=FIELDS.len()].to_vec();
        for (field, value) in FIELDS.iter().zip(&mut fields) {
            if ["flags", "categories", "tips"].contains(field) {
                *value = sorted(value);
            }
        }
        found.insert(name, fields);
        collect(&parts[FIELDS.len() + 1], found);
    }
}

/// Names, whose order says nothing.
fn sorted(names: &Value) -> Value {
    let mut names = names.items().expect("names").to_vec();
    names.sort_by_key(ToString::to_string);
    Value::Array(names)
}

#[test]
fn what_command_info_says_is_what_real_servers_say_but_for_a_few_fields() {
    let ours = infos(&Builder::forebay().start());
    for name in ["redis-7.4", "redis-8.10", "valkey-9.1"] {
        let Some(builder) = Builder::peer(name) else {
            continue;
        };
        let theirs = infos(&builder.start());
        let mut common = 0;
        let mut different = BTreeSet::new();
        for (command, right) in &theirs {
            let Some(fields) = ours.get(command) else {
                continue;
            };
            common += 1;
            for ((field, ours), theirs) in FIELDS.iter().zip(fields).zip(right) {
                if ours != theirs {
                    different.insert((command.as_str(), *field));
                }
            }
        }
        assert!(
            common > 350,
            "only {common} commands that {name} knows, too"
        );
        let known = KNOWN.iter().filter(|(servers, ..)| servers.contains(&name));
        let known: BTreeSet<(&str, &str)> = known
            .flat_map(|(_, commands, field)| commands.iter().map(|command| (*command, *field)))
            .collect();
        let news: Vec<_> = different.symmetric_difference(&known).collect();
        assert!(news.is_empty(), "{name} differs, or no longer: {news:?}");
    }
}
