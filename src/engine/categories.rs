//! Access categories: which commands ACL rules name together.
//!
//! Source: COMMAND INFO of Redis 8.2, and of Redis 8.10 for arrays.

use crate::spec::{Command, Flags, Group};
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

/// Some of the access categories: a bit for each, in the order of [`ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Categories(u32);

impl Categories {
    /// Only the category of that name in lower case.
    pub fn named(name: &[u8]) -> Option<Categories> {
        let at = ALL.iter().position(|known| known.as_bytes() == name)?;
        Some(Categories(1 << at))
    }

    /// Of an entry of the table that has this declaration.
    pub fn of(command: &Command) -> Categories {
        let all = names_of(command).into_iter();
        let bits = all.filter_map(|name| Categories::named(name.as_bytes()));
        Categories(bits.fold(0, |all, one| all | one.0))
    }

    /// One of these is among the others.
    pub fn intersects(self, others: Categories) -> bool {
        self.0 & others.0 != 0
    }

    /// Their names, in the order of [`ALL`].
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let all = ALL.iter().copied().enumerate();
        all.filter(move |(at, _)| self.0 >> at & 1 == 1)
            .map(|(_, name)| name)
    }

    /// How many there are.
    pub fn count(self) -> usize {
        self.0.count_ones() as usize
    }
}

/// The commands and subcommands of an access category.
pub fn members(wanted: Categories) -> impl Iterator<Item = &'static Entry> {
    let all = table::declared().flat_map(|e| std::iter::once(e).chain(&e.subcommands));
    all.filter(move |e| e.access.intersects(wanted))
}

/// The access categories of a command, in any order.
fn names_of(command: &Command) -> Vec<&'static str> {
    let flags = command.flags;
    let mut given = Vec::new();
    if flags.contains(Flags::WRITE) {
        given.push("write");
    }
    if flags.contains(Flags::READONLY) && command.group != Group::Scripting {
        given.push("read");
    }
    match command.categories {
        Some(own) => given.extend(own),
        // A container has the categories of its subcommands.
        None if !command.subcommands.is_empty() => {}
        None => given.extend(of_group(command.group)),
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
    given
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
