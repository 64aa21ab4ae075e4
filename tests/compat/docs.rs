//! COMMAND DOCS beside the real one: clients build their hints from it, so that the arguments must be the same
//! trees. Texts for people (summaries, complexities, what a version changed) are Forebay's own and are not compared.

use std::collections::BTreeMap;

use crate::support::resp::Value;
use crate::support::server::{Builder, Server};

/// The release whose commands are described.
const REFERENCE: &str = "redis-8.2";

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

#[test]
fn every_command_is_described_by_the_fields_and_arguments_of_the_reference() {
    let Some(reference) = Builder::peer(REFERENCE) else {
        return;
    };
    let right = descriptions(&reference.start());
    let mut ours = descriptions(&Builder::forebay().start());
    ours.retain(|name, _| right.contains_key(name));
    assert!(ours.len() > 350, "only {} commands", ours.len());
    let different: Vec<String> = ours
        .iter()
        .flat_map(|(name, fields)| differences(name, fields, &right[name]))
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}

fn differences(name: &str, ours: &Description, right: &Description) -> Vec<String> {
    let fields = ours
        .keys()
        .chain(right.keys().filter(|f| !ours.contains_key(*f)));
    let different = fields.filter(|field| ours.get(*field) != right.get(*field));
    let shown = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
    different
        .map(|field| {
            let (ours, right) = (shown(ours.get(field)), shown(right.get(field)));
            format!("{name}, {field}: {ours} instead of {right}")
        })
        .collect()
}
