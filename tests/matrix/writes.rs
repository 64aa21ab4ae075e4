//! Every command that a server lists as a write, with arguments drawn from what it says of them, and what arrives.
//!
//! Nothing here names a command that is tried: a server that has a new one is tried with it. What is drawn fails often
//! (keys of other types, options that exclude each other), and that is no fault; most commands must succeed now and then.

use crate::pair::{builder, number, wait_link};
use crate::support::client::Client;
use crate::support::dataset;
use crate::support::peers;
use crate::support::resp::Value;
use crate::support::server::Server;
use crate::table::{self, Section};
use std::collections::{BTreeMap, BTreeSet};

/// Commands of which nothing can be drawn: they need code, a payload, another server or a cluster, or empty everything.
const LEFT_OUT: [&str; 11] = [
    "flushall",
    "flushdb",
    "function|delete",
    "function|flush",
    "function|load",
    "function|restore",
    "migrate",
    "restore",
    "restore-asking",
    "swapdb",
    "trimslots",
];

/// Requests in each direction.
const REQUESTS: usize = 3_000;

/// A small pseudo-random generator.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        ((self.0 >> 33) % n as u64) as usize
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// A field of a map, in RESP3.
fn field<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    let Value::Map(pairs) = map else { return None };
    let found = pairs.iter().find(|(key, _)| key.text() == Some(name));
    found.map(|(_, value)| value)
}

fn text<'a>(map: &'a Value, name: &str) -> &'a str {
    field(map, name).and_then(Value::text).unwrap_or_default()
}

fn has_flag(map: &Value, flag: &str) -> bool {
    let flags = field(map, "flags").and_then(Value::items);
    flags.is_some_and(|flags| flags.iter().any(|f| f.text() == Some(flag)))
}

/// The writes of a server's COMMAND, subcommands as `container|name`.
fn writes_of(client: &mut Client) -> BTreeSet<String> {
    fn collect(entry: &Value, names: &mut BTreeSet<String>) {
        let items = entry.items().unwrap_or_default();
        let (Some(name), Some(flags)) = (items.first().and_then(Value::text), items.get(2)) else {
            return;
        };
        let subcommands = items.get(9).and_then(Value::items).unwrap_or_default();
        let flags = flags.items().unwrap_or_default();
        let is = |wanted: &str| flags.iter().any(|flag| flag.text() == Some(wanted));
        if subcommands.is_empty() && is("write") && !is("module") {
            names.insert(name.to_owned());
        }
        subcommands.iter().for_each(|sub| collect(sub, names));
    }
    let mut names = BTreeSet::new();
    let reply = client.run("COMMAND");
    reply
        .items()
        .unwrap_or_default()
        .iter()
        .for_each(|entry| collect(entry, &mut names));
    names.retain(|name| !LEFT_OUT.contains(&name.as_str()));
    names
}

/// What a server says of its commands, by name.
fn docs_of(server: &Server) -> BTreeMap<String, Value> {
    fn collect(commands: Value, found: &mut BTreeMap<String, Value>) {
        let Value::Map(pairs) = commands else { return };
        for (name, docs) in pairs {
            if let Some(subcommands) = field(&docs, "subcommands") {
                collect(subcommands.clone(), found);
            }
            found.insert(name.text().unwrap_or_default().to_owned(), docs);
        }
    }
    let mut client = server.client();
    client.run("HELLO 3");
    let mut found = BTreeMap::new();
    collect(client.run("COMMAND DOCS"), &mut found);
    found
}

/// Draws the arguments of one command.
struct Draw<'a> {
    random: &'a mut Random,
    command: &'a str,
    group: &'a str,
    out: Vec<String>,
    /// Where a number stands that says how many of the next ones there are.
    counter: Option<usize>,
}

impl Draw<'_> {
    fn argument(&mut self, of: &Value) {
        if has_flag(of, "optional") && self.random.below(3) > 0 {
            return;
        }
        let times = match has_flag(of, "multiple") {
            true => 1 + self.random.below(3),
            false => 1,
        };
        if has_flag(of, "multiple")
            && let Some(at) = self.counter.take()
        {
            self.out[at] = times.to_string();
        }
        let token = field(of, "token").and_then(Value::text);
        for n in 0..times {
            let again = n == 0 || has_flag(of, "multiple_token");
            if let Some(token) = token.filter(|token| again && !token.is_empty()) {
                self.out.push(token.to_owned());
            }
            self.once(of, token.unwrap_or_default());
        }
    }

    fn once(&mut self, of: &Value, token: &str) {
        let parts = field(of, "arguments").and_then(Value::items);
        match (text(of, "type"), parts) {
            ("pure-token", _) => {}
            ("oneof", Some(parts)) => {
                let n = self.random.below(parts.len());
                self.argument(&parts[n]);
            }
            ("block", Some(parts)) => parts.iter().for_each(|part| self.argument(part)),
            (kind, _) => {
                let name = text(of, "name").to_owned();
                if name.starts_with("num") {
                    self.counter = Some(self.out.len());
                }
                let value = self.value(kind, &name, token);
                self.out.push(value);
            }
        }
    }

    fn value(&mut self, kind: &str, name: &str, token: &str) -> String {
        const GROUPS: [&str; 9] = [
            "string",
            "list",
            "set",
            "sorted-set",
            "hash",
            "stream",
            "array",
            "geo",
            "bitmap",
        ];
        let random = &mut *self.random;
        let by_lex = self.command.contains("lex");
        let small = |random: &mut Random| (random.below(24) as i64 - 3).to_string();
        match kind {
            "key" => {
                let own = GROUPS.contains(&self.group) && random.below(12) > 0;
                let group = match own {
                    true => self.group,
                    false => random.one_of(&GROUPS),
                };
                // What is counted in bits or on the globe is a string or a sorted set.
                let group = match group {
                    "bitmap" => "string",
                    "geo" => "sorted-set",
                    other => other,
                };
                format!("{group}:{}", random.below(4))
            }
            "unix-time" if name.contains("milli") => "4000000000000".to_owned(),
            "unix-time" => "4000000000".to_owned(),
            _ if name == "timeout" => "0.01".to_owned(),
            _ if token == "BLOCK" => "1".to_owned(),
            _ if name.contains("seconds") => match random.below(8) {
                0 => "-1".to_owned(),
                _ => "100000000".to_owned(),
            },
            _ if name.contains("longitude") => "13.5".to_owned(),
            _ if name.contains("latitude") => "38.25".to_owned(),
            _ if name.contains("fieldset") => "names".to_owned(),
            _ if name == "encoding" => random.one_of(&["u8", "i16", "u3"]).to_owned(),
            _ if self.group == "stream" && name == "group" => {
                format!("g{}", random.below(2))
            }
            _ if self.group == "stream"
                && (name.ends_with("id") || name == "start" || name == "threshold") =>
            {
                format!("{}-{}", random.below(60), random.below(2))
            }
            _ if by_lex && (name == "min" || name == "max") => {
                random.one_of(&["-", "+", "[m2", "(m5"]).to_owned()
            }
            _ if name == "min" || name == "start" => "0".to_owned(),
            _ if name == "max" || name == "stop" || name == "end" => "5".to_owned(),
            _ if name.contains("db") => random.below(3).to_string(),
            "double" => format!("{}.5", random.below(20)),
            "integer" => small(random),
            _ => match random.below(6) {
                0 => small(random),
                _ => format!("m{}", random.below(12)),
            },
        }
    }
}

/// Values of every type, with groups, and names for imports.
const GROUND: [&str; 8] = [
    "XADD stream:0 1-1 f v",
    "XADD stream:1 1-1 f v",
    "XGROUP CREATE stream:0 g0 0",
    "XGROUP CREATE stream:0 g1 0",
    "XGROUP CREATE stream:1 g0 0",
    "XREADGROUP GROUP g0 m1 STREAMS stream:0 >",
    "GEOADD sorted-set:3 13.36 38.11 m1 15.08 37.5 m2",
    "SET string:3 7",
];

/// Forebay computes the digest that the other one has.
pub fn assert_same_digest(first: &Server, second: &Server) {
    let peers = [first, second].map(Server::name);
    let peer = peers.into_iter().find(|name| *name != "forebay");
    let asked = |server: &Server| match (server.name(), peer.unwrap_or_default()) {
        ("forebay", peer) if peer.starts_with("valkey") => "DEBUG DIGEST valkey",
        ("forebay", "redis-6.2" | "redis-7.0" | "") => "DEBUG DIGEST",
        ("forebay", _) => "DEBUG DIGEST redis-7.2",
        _ => "DEBUG DIGEST",
    };
    let digests = [first, second].map(|server| server.client().text(asked(server)));
    assert_eq!(digests[0], digests[1], "{peers:?}");
}

/// Writes to the primary, and compares; `None` where a server is not on this machine.
fn run(primary: &str, replica: &str) -> Option<()> {
    let (peer, is_followed) = match primary {
        "forebay" => (replica, false),
        _ => (primary, true),
    };
    let (first, second) = (builder(primary)?, builder(replica)?);
    let first = first.config("repl-diskless-sync-delay 0").start();
    let second = second.replica_of(&first).start();
    wait_link(&second);
    let (mut client, mut there) = (first.client(), second.client());
    // What both list; of a primary whatever it lists.
    let mut names = writes_of(&mut client);
    if !is_followed {
        let theirs = writes_of(&mut there);
        names.retain(|name| theirs.contains(name));
    }
    let ours = match is_followed {
        true => &second,
        false => &first,
    };
    let mut docs = docs_of(ours);
    docs.extend(docs_of(&first));
    for line in GROUND {
        client.run(line);
    }
    client.run("HIMPORT PREPARE names a b c");
    let syncs = number(&first, "stats", "sync_full");
    let names: Vec<&String> = names.iter().collect();
    assert!(names.len() > 80, "{primary} lists few writes: {names:?}");
    let (mut random, mut done) = (Random(7), BTreeSet::new());
    for n in 0..REQUESTS {
        let name = names[n % names.len()];
        let Some(about) = docs.get(name) else {
            continue;
        };
        let mut draw = Draw {
            group: text(about, "group"),
            command: name,
            random: &mut random,
            out: name.split('|').map(str::to_owned).collect(),
            counter: None,
        };
        let arguments = field(about, "arguments").and_then(Value::items);
        for argument in arguments.unwrap_or_default() {
            draw.argument(argument);
        }
        let request = draw.out;
        let reply = client.cmd(&request);
        // One reply to each request, or all that is read afterwards is that of another one. Redis sends two for a SET with
        // GET and a digest that is none.
        let mut echo = client.run(&format!("ECHO {n}"));
        while echo.text() != Some(n.to_string().as_str()) {
            assert_ne!(primary, "forebay", "{request:?}: {reply}, {echo}");
            echo = client.read().expect("a reply");
        }
        if !reply.is_error() {
            done.insert(name.as_str());
        }
    }
    let never: Vec<&&String> = names
        .iter()
        .filter(|n| !done.contains(n.as_str()))
        .collect();
    assert!(
        never.len() * 5 < names.len(),
        "of {} writes of {primary} for {peer} these never succeed: {never:?}",
        names.len()
    );
    dataset::wait_caught_up(&mut client, &mut there);
    dataset::assert_same(&mut client, &mut there);
    assert_same_digest(&first, &second);
    // Who does not tell its version shows it by a payload, when something is written that only later ones know.
    let more = number(&first, "stats", "sync_full") - syncs;
    assert!(more <= i64::from(!is_followed), "{more} more full syncs");
    let log = second.log();
    assert!(!log.contains("sending an error to its master"), "{log}");
    Some(())
}

/// Those of every run; `FOREBAY_MATRIX` chooses as for the cells.
const ALWAYS: [&str; 4] = ["redis-7.0", "redis-8.10", "valkey-8.1", "valkey-9.1"];

#[test]
fn every_write_that_a_server_lists_arrives() {
    let wanted = std::env::var("FOREBAY_MATRIX").unwrap_or_default();
    let of_run = |peer: &&str| match wanted.as_str() {
        "" => ALWAYS.contains(peer),
        "all" => true,
        name => name == *peer,
    };
    let mut results = Vec::new();
    for peer in peers::EVERY.into_iter().filter(of_run) {
        for (primary, replica) in [(peer, "forebay"), ("forebay", peer)] {
            let names = vec![primary.to_owned(), replica.to_owned()];
            match std::panic::catch_unwind(|| run(primary, replica)) {
                Ok(Some(())) => results.push((names, vec![Some(true)])),
                Ok(None) => {}
                Err(_) => results.push((names, vec![Some(false)])),
            }
        }
    }
    if wanted == "all" {
        table::write(Section::Writes, &results);
    }
    let failed: Vec<_> = results
        .iter()
        .filter(|(_, held)| held[0] != Some(true))
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}
