//! What commands take, by name, in the notation of [`parse`](super::parse).
//!
//! Names, types and order of the arguments: COMMAND DOCS of Redis 8.2 (of Redis 8.10 for MSETEX, of Valkey 9.1
//! for DELIFEQ). What Forebay takes beyond them is described in the documentation alone.

mod bits;
mod cluster;
mod connection;
mod geo;
mod hashes;
mod keys;
mod lists;
mod scripting;
mod server;
mod sets;
mod streams;
mod strings;
mod zsets;

use engine::spec::Group;

/// The arguments of the command `name`, which belongs to `group`; `None` where it takes none.
pub fn of(group: Group, name: &str) -> Option<&'static str> {
    let table = table(group);
    let found = table.binary_search_by_key(&name, |(name, _)| *name);
    found.ok().map(|i| table[i].1)
}

/// All commands of a group that take arguments, and of groups that share its table.
pub fn table(group: Group) -> &'static [(&'static str, &'static str)] {
    match group {
        Group::String => strings::SYNTAX,
        Group::Bitmap | Group::HyperLogLog => bits::SYNTAX,
        Group::Generic => keys::SYNTAX,
        Group::Hash => hashes::SYNTAX,
        Group::List => lists::SYNTAX,
        Group::Set => sets::SYNTAX,
        Group::SortedSet => zsets::SYNTAX,
        Group::Stream => streams::SYNTAX,
        Group::Geo => geo::SYNTAX,
        Group::Connection | Group::Pubsub | Group::Transactions => connection::SYNTAX,
        Group::Scripting => scripting::SYNTAX,
        Group::Server => server::SYNTAX,
        Group::Cluster => cluster::SYNTAX,
    }
}
