//! The machine on which commands run: sessions, the way of a request, blocking, pub/sub, tracking, eviction.
//!
//! It knows no command. A family declares its own ([`spec::Command`]) and is put into the [`table`] once, at the
//! start. A handler is a function `fn(&mut Cx, Args) -> CmdResult` that writes its reply into the client's
//! [`Reply`](resp::Reply). It sees no socket, file or clock: it reaches the outside through [`host::Host`], and gets
//! the time from [`clock::Clock`].

#![forbid(unsafe_code)]

pub mod acl;
pub mod acl_log;
pub mod args;
pub mod blocking;
mod call;
pub mod categories;
pub mod client_eviction;
pub mod client_list;
pub mod clients;
pub mod clock;
pub mod collection;
mod command_id;
pub mod commit;
mod connections;
pub mod context;
mod cx;
pub mod databases;
pub mod dispatch;
pub mod engine;
pub mod error_codes;
pub mod evict;
pub mod executor;
pub mod expire_cycle;
pub mod expired_fields;
pub mod fieldsets;
pub mod gates;
pub mod heat;
pub mod hint;
pub mod histogram;
pub mod host;
pub mod hotkeys;
pub mod inbox;
pub mod kept;
pub mod key_specs;
mod keys;
pub mod latency;
pub mod links;
pub mod monitor;
pub mod notify;
pub mod options;
pub mod output_limits;
pub mod own_keys;
pub mod pause;
pub mod prefetch;
pub mod pubsub;
pub mod random;
pub mod redact;
pub mod replay;
pub mod request_keys;
pub mod running;
pub mod scripting;
pub mod session;
mod settled;
pub mod shortage;
pub mod slowlog;
pub mod spec;
mod start;
mod states;
pub mod stats;
pub mod table;
pub mod tick;
mod timing;
pub mod tracking;
pub mod transaction;
pub mod unsent;
mod untimed;
pub mod watch;

pub use args::Args;
pub use base::{ClientId, CmdResult, CommandError, glob};
pub use clients::Clients;
pub use command_id::CommandId;
pub use commit::CommitPosition;
pub use cx::Cx;
pub use engine::{Action, Engine, Loading};
pub use executor::Executor;
pub use hint::Hint;
pub use notify::Event;
pub use options::Options;
pub use scripting::AtRest;
pub use session::{ClientFlags, Session};
