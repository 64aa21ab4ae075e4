//!
//! * [`secrets`]: two processes share no secret.

#[path = "../support/mod.rs"]
mod support;

mod secrets;
