//! Replication with real processes: Forebay and real servers in both roles.
//!
//! * [`modes`]: every way of a full sync, under writes.
//! * [`channels`]: full syncs over two connections.
//! * [`faults`]: one fault at each phase of a sync.
//! * [`hostile`]: a primary that says any number.
//! * [`known`]: which server knows which command, asked of them.
//! * [`links`]: links that are cut, killed processes, restarts.
//! * [`newer`]: Forebay follows servers that are newer.
//! * [`older`]: real servers of every age follow.
//! * [`passed_on`]: a newer primary, Forebay, and older replicas behind it.
//! * [`report`]: what INFO says of the last full sync.
//! * [`sentinel`]: failover by real Sentinels.
//! * [`trees`]: chains, promotion, replicas that move.
//! * [`unserved`]: values of modules and others pass through unchanged.
//! * [`vocabulary`]: every write, with replicas of every age.
//! * [`wire`]: what is said on the wire, step by step, with a fake at the other end.

#[path = "../support/mod.rs"]
mod support;

mod channels;
mod faults;
mod hostile;
mod known;
mod links;
mod modes;
mod newer;
mod older;
mod pair;
mod passed_on;
mod report;
mod sentinel;
mod trees;
mod unserved;
mod vocabulary;
mod wire;
