//! COMMAND INFO beside real servers: arity, flags, places and specifications of keys, categories and tips of each
//! command that both know. Client libraries route by them. Notes in specifications are Forebay's own texts for people
//! and are not compared.

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
/// too. Where releases disagree, Forebay is described as Redis 8.2, which differs from 7.4 in no more than is listed.
const KNOWN: &[(&[&str], &[&str], &str, &str)] = &[
    (
        &["redis-7.4", "redis-8.2", "redis-8.10", "valkey-9.1"],
        &["save"],
        "arity",
        "SAVE takes TARGET here",
    ),
    (
        &["redis-7.4"],
        &["hexpire", "hexpireat", "hpexpire", "hpexpireat"],
        "flags",
        "as Redis since 8.0: a server that is out of memory may still be told what will expire",
    ),
    (
        &["redis-7.4", "valkey-9.1"],
        &["hpttl", "httl"],
        "tips",
        "as Redis since 8.0: the reply depends on the time, as that of TTL does",
    ),
    (
        &["redis-7.4", "redis-8.2", "valkey-9.1"],
        &["georadius", "georadiusbymember", "xreadgroup"],
        "specifications",
        "as Redis 8.10: the specifications do not find the keys of each request, and say so",
    ),
    (
        &["redis-8.10"],
        &["xread"],
        "specifications",
        "as Redis 8.2: nothing that XREAD takes before STREAMS may read like it, so the specification is complete",
    ),
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
        ],
        "flags",
        "there is no cluster whose nodes ask each other while they load",
    ),
    (
        &["redis-8.10"],
        &[
            "eval",
            "eval_ro",
            "evalsha",
            "evalsha_ro",
            "fcall",
            "fcall_ro",
        ],
        "flags",
        "`script_runner` is a flag that older clients do not know",
    ),
    (
        &["redis-8.10"],
        &["psubscribe", "ssubscribe", "subscribe"],
        "flags",
        "as Redis 7.4: a server that is out of memory does not refuse subscribers",
    ),
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
            "select",
        ],
        "flags",
        "as Redis: they answer BUSY while a script takes long",
    ),
    (
        &["valkey-9.1"],
        &[
            "cluster|info",
            "cluster|myid",
            "cluster|myshardid",
            "cluster|nodes",
        ],
        "flags",
        "there is no cluster whose nodes ask each other while they load",
    ),
    (
        &["valkey-9.1"],
        &["memory|malloc-stats", "memory|purge"],
        "flags",
        "as Redis: they are refused while a dump is loaded",
    ),
    (
        &["valkey-9.1"],
        &["script|exists", "script|flush"],
        "flags",
        "as Redis: a replica without its primary refuses them if it may not serve old data",
    ),
    (
        &["valkey-9.1"],
        &["multi", "watch"],
        "flags",
        "as Redis: inside of MULTI they have errors of their own",
    ),
    (
        &["valkey-9.1"],
        &["exec"],
        "flags",
        "as Redis: the flag is called `skip_slowlog`, and Valkey calls it `skip_commandlog`",
    ),
    (
        &["valkey-9.1"],
        &["cluster|replicate", "script|debug"],
        "arity",
        "as Redis: they take no further argument",
    ),
    (
        &["valkey-9.1"],
        &["hsetex"],
        "specifications",
        "as Redis: it overwrites fields, while Valkey says that it only adds some",
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
            match *field {
                "flags" | "categories" | "tips" => *value = sorted(value),
                "specifications" => *value = without_notes(value),
                _ => {}
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

/// Specifications as lists of names and values, less what they say to people.
fn without_notes(specifications: &Value) -> Value {
    let specifications = specifications.items().expect("specifications");
    let bare = specifications.iter().map(|specification| {
        let fields = specification.items().expect("names and values");
        let pairs = fields
            .chunks(2)
            .filter(|pair| pair[0].text() != Some("notes"));
        Value::Array(pairs.flatten().cloned().collect())
    });
    Value::Array(bare.collect())
}

#[test]
fn what_command_info_says_is_what_real_servers_say_but_for_a_few_fields() {
    let ours = infos(&Builder::forebay().start());
    for name in ["redis-7.4", "redis-8.2", "redis-8.10", "valkey-9.1"] {
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
            .flat_map(|(_, commands, field, _)| commands.iter().map(|command| (*command, *field)))
            .collect();
        let news: Vec<_> = different.symmetric_difference(&known).collect();
        assert!(news.is_empty(), "{name} differs, or no longer: {news:?}");
    }
}

/// Redis 8.10 and Forebay look at the options where a specification could be misled; older servers do not.
#[test]
fn keys_of_requests_in_which_words_come_twice_are_those_of_the_newest_redis() {
    let Some(builder) = Builder::peer("redis-8.10") else {
        return;
    };
    let (theirs, ours) = (builder.start(), Builder::forebay().start());
    let (mut theirs, mut ours) = (theirs.client(), ours.client());
    for request in [
        "GEORADIUS a 1 1 1 m STORE b STOREDIST c",
        "GEORADIUS a 1 1 1 m STORE STORE ASC",
        "GEORADIUS a 1 1 1 m STORE b STORE",
        "GEORADIUSBYMEMBER a STORE 1 m STORE b",
        "GEORADIUSBYMEMBER a m 1 STORE b c",
        "GEORADIUSBYMEMBER a m 1 m c STORE STOREDIST d",
        "XREADGROUP COUNT 1 GROUP STREAMS c STREAMS k >",
        "XREADGROUP GROUP STREAMS STREAMS STREAMS k >",
        "XREADGROUP GROUP g STREAMS COUNT 1 STREAMS k >",
        "DELEX a",
        "DELEX a IFEQ b",
        "DELEX a NOCONDITION b",
        "SET a b IFEQ c",
        "SET a b IFDNE c GET",
    ] {
        let call = format!("COMMAND GETKEYSANDFLAGS {request}");
        assert_eq!(ours.run(&call), theirs.run(&call), "{request}");
    }
}
