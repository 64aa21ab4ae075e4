//! The test harness tested: against real servers only, so that a red test elsewhere is about
//! Forebay and not about the tools that judge it.

#[path = "../support/mod.rs"]
mod support;

mod client;
mod faults;
mod replication;
