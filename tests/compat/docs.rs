//! COMMAND DOCS beside the real one: clients build their hints from it, so that the arguments must be the same
//! trees. Texts for people (summaries, complexities, what a version changed) are Forebay's own and are not compared.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::resp::Value;
use crate::support::server::{Builder, Server};

/// Fields that differ: at which servers, of which commands, which, and why. What is listed and does not differ fails,
/// too. A command is described with all arguments that it takes here, as the first release describes it that has them.
const KNOWN: &[(&[&str], &[&str], &str, &str)] = &[
    (
        &["redis-7.4", "redis-8.2", "redis-8.10", "valkey-9.1"],
        &["bgsave", "save"],
        "arguments",
        "TARGET is Forebay's own",
    ),
    (
        &["redis-7.4", "redis-8.2", "redis-8.10"],
        &["bgsave"],
        "history",
        "as Valkey 9.1: it takes CANCEL",
    ),
    (
        &["redis-7.4", "redis-8.2", "valkey-9.1"],
        &[
            "set",
            "xadd",
            "zinter",
            "zinterstore",
            "zunion",
            "zunionstore",
        ],
        "arguments",
        "as Redis 8.10: conditions, IDMP and COUNT are taken here",
    ),
    (
        &["redis-7.4", "redis-8.2", "valkey-9.1"],
        &[
            "set",
            "xinfo|stream",
            "zinter",
            "zinterstore",
            "zunion",
            "zunionstore",
        ],
        "history",
        "as Redis 8.10: conditions, COUNT and the fields about producers are there",
    ),
    (
        &["redis-7.4", "redis-8.2", "redis-8.10"],
        &["client|kill", "client|list"],
        "arguments",
        "as Valkey 9.1: all its filters are taken here",
    ),
    (
        &["redis-7.4", "valkey-9.1"],
        &["bitop", "xtrim"],
        "arguments",
        "as Redis 8.2: further operations, and what becomes of references, are taken here",
    ),
    (
        &["redis-7.4", "valkey-9.1"],
        &["client|list", "xadd", "xtrim"],
        "history",
        "as Redis 8.2: it has what these releases do not mention",
    ),
    (
        &["redis-8.10"],
        &["xread", "xreadgroup"],
        "arguments",
        "MAXCOUNT, MAXSIZE and CLAIM are not there",
    ),
    (
        &["redis-8.10"],
        &["slowlog|get", "xread", "xreadgroup"],
        "history",
        "what Redis 8.10 has added is not there",
    ),
    (
        &["valkey-9.1"],
        &[
            "bitcount",
            "cluster|replicate",
            "cluster|setslot",
            "geosearch",
            "geosearchstore",
            "hsetex",
            "script|debug",
            "shutdown",
            "zscan",
        ],
        "arguments",
        "what only Valkey takes is not there",
    ),
    (
        &["valkey-9.1"],
        &[
            "acl|getuser",
            "acl|setuser",
            "bitcount",
            "client|kill",
            "cluster|count-failure-reports",
            "cluster|replicate",
            "cluster|setslot",
            "cluster|shards",
            "cluster|slots",
            "geosearch",
            "geosearchstore",
            "hello",
            "shutdown",
            "zscan",
        ],
        "history",
        "what only Valkey has added is not there",
    ),
    (
        &["valkey-9.1"],
        &[
            "hexpireat",
            "hexpiretime",
            "hgetdel",
            "hgetex",
            "hpersist",
            "hpexpire",
            "hpexpireat",
            "hpexpiretime",
            "hpttl",
            "httl",
        ],
        "arguments",
        "as Redis: the number of fields is no key, and these commands are as old as their conditions",
    ),
    (
        &["valkey-9.1"],
        &[
            "cluster|slot-stats",
            "hexpire",
            "hexpireat",
            "hexpiretime",
            "hgetdel",
            "hgetex",
            "hpersist",
            "hpexpire",
            "hpexpireat",
            "hpexpiretime",
            "hpttl",
            "hsetex",
            "httl",
            "msetex",
        ],
        "since",
        "as Redis, which numbers its releases otherwise",
    ),
    (
        &["valkey-9.1"],
        REDIS_DEPRECATES,
        "deprecated_since",
        "as Redis: Valkey deprecates none of them any more",
    ),
    (
        &["valkey-9.1"],
        REDIS_DEPRECATES,
        "doc_flags",
        "as Redis: Valkey deprecates none of them any more",
    ),
    (
        &["valkey-9.1"],
        REDIS_DEPRECATES,
        "replaced_by",
        "as Redis: Valkey deprecates none of them any more",
    ),
];

/// Commands that Redis calls deprecated, and Valkey does not.
const REDIS_DEPRECATES: &[&str] = &[
    "brpoplpush",
    "cluster|slots",
    "georadius",
    "georadius_ro",
    "georadiusbymember",
    "georadiusbymember_ro",
    "getset",
    "hmset",
    "psetex",
    "quit",
    "rpoplpush",
    "setex",
    "setnx",
    "substr",
    "zrangebylex",
    "zrangebyscore",
    "zrevrange",
    "zrevrangebylex",
    "zrevrangebyscore",
];

/// Fields whose text is Forebay's own.
const OWN_TEXTS: [&str; 3] = ["summary", "complexity", "replaced_by"];

type Description = BTreeMap<String, Value>;

/// All commands and subcommands of a server.
fn descriptions(server: &Server) -> BTreeMap<String, Description> {
    let mut client = server.client();
    client.run("HELLO 3");
    let mut found = BTreeMap::new();
    collect(client.run("COMMAND DOCS"), &mut found);
    found
}

fn collect(commands: Value, found: &mut BTreeMap<String, Description>) {
    for (name, description) in pairs(commands) {
        let mut fields: Description = pairs(description).into_iter().collect();
        if let Some(subcommands) = fields.remove("subcommands") {
            collect(subcommands, found);
        }
        for (name, value) in &mut fields {
            match name.as_str() {
                "history" => *value = versions(value),
                "arguments" => *value = without_summaries(value),
                own if OWN_TEXTS.contains(&own) => *value = Value::Null,
                _ => {}
            }
        }
        found.insert(name, fields);
    }
}

fn pairs(map: Value) -> Vec<(String, Value)> {
    let Value::Map(pairs) = map else {
        panic!("a map, not {map}");
    };
    let named = pairs.into_iter().map(|(name, value)| {
        let name = name.text().expect("a name is a string").to_owned();
        (name, value)
    });
    named.collect()
}

/// The history without its words.
fn versions(history: &Value) -> Value {
    let Value::Set(changes) = history else {
        panic!("a set, not {history}");
    };
    let version = |change: &Value| match change {
        Value::Array(parts) if parts.len() == 2 => parts[0].clone(),
        other => panic!("a version and what it changed, not {other}"),
    };
    Value::Array(changes.iter().map(version).collect())
}

/// Arguments without what some of them say to people.
fn without_summaries(value: &Value) -> Value {
    let of_all = |values: &[Value]| values.iter().map(without_summaries).collect();
    match value {
        Value::Array(arguments) => Value::Array(of_all(arguments)),
        Value::Map(fields) => {
            let kept = fields
                .iter()
                .filter(|(name, _)| name.text() != Some("summary"));
            let kept = kept.map(|(name, field)| (name.clone(), without_summaries(field)));
            Value::Map(kept.collect())
        }
        other => other.clone(),
    }
}

#[test]
fn every_command_is_described_by_the_fields_and_arguments_of_real_servers_but_for_a_few() {
    let ours = descriptions(&Builder::forebay().start());
    for server in ["redis-7.4", "redis-8.2", "redis-8.10", "valkey-9.1"] {
        let Some(builder) = Builder::peer(server) else {
            continue;
        };
        let theirs = descriptions(&builder.start());
        let common: Vec<&String> = ours
            .keys()
            .filter(|name| theirs.contains_key(*name))
            .collect();
        assert!(
            common.len() > 350,
            "only {} commands that {server} knows, too",
            common.len()
        );
        let different: BTreeMap<(&str, &str), String> = common
            .iter()
            .flat_map(|name| differences(name, &ours[*name], &theirs[*name]))
            .collect();
        let known = KNOWN
            .iter()
            .filter(|(servers, ..)| servers.contains(&server));
        let known: BTreeSet<(&str, &str)> = known
            .flat_map(|(_, commands, field, _)| commands.iter().map(|command| (*command, *field)))
            .collect();
        let news: Vec<String> = different
            .iter()
            .filter(|(place, _)| !known.contains(*place))
            .map(|((name, field), shown)| format!("{name}, {field}: {shown}"))
            .collect();
        assert!(news.is_empty(), "{server} differs\n{}", news.join("\n"));
        let gone: Vec<_> = known
            .iter()
            .filter(|place| !different.contains_key(*place))
            .collect();
        assert!(
            gone.is_empty(),
            "{server} does not differ any more: {gone:?}"
        );
    }
}

/// The fields that differ, with what both say.
fn differences<'a>(
    name: &'a str,
    ours: &'a Description,
    theirs: &'a Description,
) -> Vec<((&'a str, &'a str), String)> {
    let fields: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let different = fields
        .into_iter()
        .filter(|field| ours.get(*field) != theirs.get(*field));
    let shown = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
    different
        .map(|field| {
            let (ours, theirs) = (shown(ours.get(field)), shown(theirs.get(field)));
            (
                (name, field.as_str()),
                format!("{ours} instead of {theirs}"),
            )
        })
        .collect()
}
