//! Scripts and functions as whole processes.
//!
//! * [`busy`]: scripts that take long: who is answered what, how they are ended, what their writes become.
//! * [`functions`]: libraries across restarts and full syncs, with a real server at the other end.

#[path = "../support/mod.rs"]
mod support;

mod busy;
mod functions;
