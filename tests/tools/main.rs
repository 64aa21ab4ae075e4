//! The `forebay` command as its users run it: the built binary on real dumps and logs, good and corrupt.

#[path = "../support/mod.rs"]
mod support;

mod aof;
mod check;
mod convert;
#[path = "../support/described.rs"]
mod described;
mod diff;
mod digest;
mod export;
mod run;
mod salvage;
mod stat;
mod sync_log;
