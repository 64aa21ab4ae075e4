//! Scripts and functions as whole processes.
//!
//! * [`busy`]: scripts that take long: who is answered what, how they are ended, what their writes become.
//! * [`functions`]: libraries across restarts and full syncs, with a real server at the other end.
//! * [`hostile`]: scripts that mean harm, and what they must not do to the server and to others.

#[path = "../support/mod.rs"]
mod support;

mod busy;
mod functions;
mod hostile;
