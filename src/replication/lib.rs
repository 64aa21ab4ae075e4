//! Replication: which server follows which, and from which offset.
//!
//! * [`position`]: positions in a history.
//! * [`log`]: the stream's bytes, kept once for all readers; [`feed`]: turning settled writes into bytes.
//! * [`history`]: the ids, the offset, the backlog; which replica may continue from which offset.
//! * [`primary`]: the primary's side of all replicas; [`replconf`]: what they say about themselves; [`reads`]: what
//!   they can understand; [`demands`]: what they must understand, up to which offset.
//! * [`replica`]: the replica's side of the link to its primary.
//! * [`role`]: promotion, demotion, and what both sides share; [`link`]: the link's effects on it.
//! * [`failover`]: handing the primary's role to a replica.
//! * [`info`]: INFO and ROLE; [`report`]: the times of the phases of the last full sync; [`meta`]: what a dump says
//!   about replication.
//! * [`action`]: what the server is asked to do; [`settings`]: the directives.
//!
//! Nothing here touches a socket, a file or a clock. Commands and drivers call [`Replication`], which
//! collects [`Action`]s; the server performs them after each batch.

#![forbid(unsafe_code)]

pub mod action;
pub mod demands;
pub mod divergence;
pub mod effects;
pub mod failover;
pub mod feed;
pub mod history;
pub mod info;
pub mod link;
pub mod log;
pub mod meta;
pub mod position;
pub mod primary;
pub mod reads;
pub mod replconf;
pub mod replica;
pub mod report;
pub mod role;
pub mod settings;
mod words;

pub use action::{Action, SnapshotOrder, SnapshotTarget};
pub use demands::Demands;
pub use divergence::Divergence;
pub use effects::Effects;
pub use meta::{Past, ReplMeta};
pub use position::{Position, ReplId, ReplOffset, StreamDb};
pub use primary::{Peer, Primary, Shown};
pub use reads::Reads;
pub use replconf::Replconf;
pub use replica::{Link, LinkAction, LinkInput};
pub use role::{Replication, StreamPlace, Upstream};
pub use settings::Settings;
