//! The commands: what each of them does.
//!
//! A command is a declaration ([`spec::Command`]) and a function `fn(&mut Cx, Args) -> CmdResult` that writes its
//! reply into the client's [`Reply`](resp::Reply). It sees no socket, file or clock: it reaches the outside
//! through [`host::Host`], and gets the time from [`engine::Clock`].
//!
//! CONTRIBUTING.md says how to add one. A write calls [`Cx::changed`] per key, [`Cx::notify`] for its event, and,
//! where its effect depends on time or chance, [`Cx::propagate_as`] with the settled form.

pub mod args;
pub mod bits;
pub mod bits_field;
pub mod bits_op;
pub mod blocking;
pub mod client_eviction;
pub mod clients;
pub mod collection;
pub mod connection;
pub mod context;
#[cfg(test)]
mod costs;
pub mod dataset;
pub mod debug;
pub mod debug_protocol;
#[cfg(test)]
mod digest_tests;
pub mod dispatch;
pub mod dump;
pub mod engine;
pub mod error_codes;
pub mod evict;
pub mod executor;
pub mod expire_cycle;
pub mod expiry;
pub mod failover;
pub mod gates;
pub mod geo;
pub mod geo_search;
pub mod geohash;
pub mod hashes;
pub mod heat;
pub mod histogram;
pub mod hll;
pub mod host;
pub mod hyperloglog;
pub mod inbox;
pub mod kept;
pub mod key_hint;
pub mod key_specs;
pub mod keys;
pub mod links;
pub mod lists;
pub mod long_double;
pub mod migrate;
pub mod notify;
#[cfg(test)]
mod older_readers;
pub mod output_limits;
pub mod own_keys;
pub mod pause;
pub mod pubsub;
pub mod random;
pub mod redact;
pub mod replication_cmds;
pub mod scan;
pub mod scripting;
pub mod server_cmds;
pub mod session;
pub mod sets;
pub mod sort;
pub mod spec;
pub mod streams;
pub mod strings;
pub mod strings_conditional;
pub mod strings_lcs;
pub mod strings_numbers;
pub mod strings_ranges;
pub mod table;
#[cfg(test)]
pub mod testing;
pub mod tick;
pub mod tracking;
pub mod transactions;
pub mod zsets;

pub use args::Args;
pub use base::{ClientId, CmdResult, CommandError, glob};
pub use clients::Clients;
pub use context::{Cx, Event};
pub use engine::{Action, Engine, Loading};
pub use executor::Executor;
pub use key_hint::KeyHint;
pub use scripting::AtRest;
pub use session::{ClientFlags, Session};
