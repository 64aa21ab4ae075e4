//! Access categories: which commands ACL rules name together.
//!
//! Source: COMMAND INFO of Redis 8.2, and of Redis 8.10 for arrays.

use crate::spec::{Flags, Group};
use crate::table::{self, Entry};

/// All access categories, in the order of ACL CAT.
pub const ALL: &[&str] = &[
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "array",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

/// The category of that name in lower case.
pub fn named(name: &[u8]) -> Option<&'static str> {
    ALL.iter().copied().find(|known| known.as_bytes() == name)
}

/// The names of the commands and subcommands of an access category.
pub fn members(wanted: &str) -> Vec<&'static str> {
    let all = table::declared().flat_map(|e| std::iter::once(e).chain(&e.subcommands));
    let fitting = all.filter(|e| of(e).contains(&wanted));
    fitting.map(|e| e.name).collect()
}

/// The access categories, in the order of [`ALL`].
pub fn of(entry: &Entry) -> Vec<&'static str> {
    let flags = entry.flags;
    let mut given = Vec::new();
    if flags.contains(Flags::WRITE) {
        given.push("write");
    }
    if flags.contains(Flags::READONLY) && entry.group != Group::Scripting {
        given.push("read");
    }
    match entry.categories {
        Some(own) => given.extend(own),
        // A container has the categories of its subcommands.
        None if !entry.subcommands.is_empty() => {}
        None => given.extend(of_group(entry.group)),
    }
    if flags.contains(Flags::ADMIN) {
        given.extend(["admin", "dangerous"]);
    }
    if flags.contains(Flags::PUBSUB) {
        given.push("pubsub");
    }
    given.push(match flags.contains(Flags::FAST) {
        true => "fast",
        false => "slow",
    });
    if flags.contains(Flags::BLOCKING) {
        given.push("blocking");
    }
    let all = ALL.iter().copied();
    all.filter(|c| given.contains(c)).collect()
}

fn of_group(group: Group) -> Option<&'static str> {
    match group {
        Group::String => Some("string"),
        Group::List => Some("list"),
        Group::Set => Some("set"),
        Group::SortedSet => Some("sortedset"),
        Group::Hash => Some("hash"),
        Group::Stream => Some("stream"),
        Group::Generic => Some("keyspace"),
        Group::Transactions => Some("transaction"),
        Group::Connection => Some("connection"),
        Group::Scripting => Some("scripting"),
        Group::HyperLogLog => Some("hyperloglog"),
        Group::Geo => Some("geo"),
        Group::Bitmap => Some("bitmap"),
        Group::Array => Some("array"),
        Group::Pubsub | Group::Server | Group::Cluster => None,
    }
}
