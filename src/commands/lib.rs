//! The commands.
//!
//! A command is a declaration ([`engine::spec::Command`]) and a function `fn(&mut Cx, Args) -> CmdResult` that writes
//! its reply into the client's [`Reply`](resp::Reply). It sees no socket, file or clock: it reaches the outside through
//! [`engine::host::Host`], and gets the time from [`engine::clock::Clock`].
//!
//! CONTRIBUTING.md says how to add one. A write calls [`engine::Cx::changed`] for each key and [`engine::Cx::notify`]
//! for its event. If its effect depends on time or chance, it passes the settled form to [`engine::Cx::propagate_as`].

#![forbid(unsafe_code)]

pub mod arrays;
pub mod bits;
pub mod bits_field;
pub mod bits_op;
pub mod connection;
#[cfg(test)]
mod costs;
pub mod dataset;
pub mod debug;
pub mod debug_protocol;
pub mod debug_sizes;
#[cfg(test)]
mod digest_tests;
pub mod dump;
pub mod expiry;
pub mod failover;
pub mod geo;
pub mod geo_polygon;
pub mod geo_search;
pub mod geohash;
#[cfg(test)]
mod growth;
pub mod hashes;
pub mod hll;
pub mod hyperloglog;
pub mod keys;
pub mod lists;
pub mod long_double;
#[cfg(test)]
mod machine_tests;
mod manual;
mod member;
pub mod migrate;
#[cfg(test)]
mod older_readers;
pub mod pubsub;
pub mod replication_cmds;
pub mod scan;
pub mod scripting;
pub mod server_cmds;
pub mod sets;
pub mod sort;
pub mod streams;
pub mod strings;
pub mod strings_conditional;
pub mod strings_increx;
pub mod strings_lcs;
pub mod strings_numbers;
pub mod strings_ranges;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod transactions;
#[cfg(test)]
mod unserved_tests;
pub mod zsets;

use engine::spec::Command;

/// The families; each exports its declarations.
pub static FAMILIES: &[&[Command]] = &[
    connection::COMMANDS,
    dataset::COMMANDS,
    debug::COMMANDS,
    strings::COMMANDS,
    strings_numbers::COMMANDS,
    strings_ranges::COMMANDS,
    strings_conditional::COMMANDS,
    strings_increx::COMMANDS,
    strings_lcs::COMMANDS,
    bits::COMMANDS,
    bits_op::COMMANDS,
    bits_field::COMMANDS,
    keys::COMMANDS,
    hashes::COMMANDS,
    lists::COMMANDS,
    sets::COMMANDS,
    zsets::COMMANDS,
    streams::COMMANDS,
    arrays::COMMANDS,
    expiry::COMMANDS,
    scan::COMMANDS,
    dump::COMMANDS,
    migrate::COMMANDS,
    sort::COMMANDS,
    hyperloglog::COMMANDS,
    geo::COMMANDS,
    geo_search::COMMANDS,
    replication_cmds::COMMANDS,
    failover::COMMANDS,
    transactions::COMMANDS,
    pubsub::COMMANDS,
    scripting::eval::COMMANDS,
    scripting::script::COMMANDS,
    scripting::fcall::COMMANDS,
    scripting::function::COMMANDS,
    server_cmds::acl::COMMANDS,
    server_cmds::admin::COMMANDS,
    server_cmds::cluster::COMMANDS,
    server_cmds::module::COMMANDS,
    server_cmds::client::COMMANDS,
    server_cmds::command::COMMANDS,
    server_cmds::config::COMMANDS,
    server_cmds::hotkeys::COMMANDS,
    server_cmds::info::COMMANDS,
    server_cmds::latency::COMMANDS,
    server_cmds::memory::COMMANDS,
    server_cmds::monitor::COMMANDS,
    server_cmds::slowlog::COMMANDS,
];
