//! What strangers may see and take: secrets, cursors, patterns, memory for input and output.
//!
//! * [`scans`]: cursors of all SCAN commands, kept as clients keep them.
//! * [`secrets`]: two processes share no secret.

#[path = "../support/mod.rs"]
mod support;

mod random;
mod scans;
mod secrets;
