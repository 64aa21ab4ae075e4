//! `forebay sync-bench` as its users run it: real servers, real syncs, and nothing left behind.
//!
//! * [`measures`]: what is reported, and that it agrees with what is seen from outside.
//! * [`ends`]: bad input, servers that die, signals: a reason, an exit code, no process, no directory.
//! * [`bench`]: runs the command and looks for what it left.

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod ends;
mod measures;
