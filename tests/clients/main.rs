//! What strangers may see and take: secrets, cursors, patterns, memory for input and output.
//!
//! * [`broken`]: what a client was not sent any more reaches nobody else.
//! * [`evicted`]: keys make room for others within `maxmemory`, and no more of them than needed.
//! * [`filters`]: which clients CLIENT LIST and CLIENT KILL mean.
//! * [`hidden`]: no line of the log says what clients chose or sent, if it must not.
//! * [`large`]: arguments of many megabytes are in memory once, and one without memory fails its request alone.
//! * [`output`]: limits of what a client may send ahead and have pending.
//! * [`patterns`]: patterns of any shape match what they match on a real server.
//! * [`pauses`]: INFO says who is held back, and how long the serving thread was busy.
//! * [`scans`]: cursors of all SCAN commands, kept as clients keep them.
//! * [`secrets`]: two processes share no secret.
//! * [`threads`]: connections that I/O threads own.
//! * [`users`]: users from files, of replicas, and commands under other names.

#[path = "../support/mod.rs"]
mod support;

mod broken;
mod evicted;
mod filters;
mod hidden;
mod large;
mod output;
mod patterns;
mod pauses;
mod random;
mod scans;
mod secrets;
mod threads;
mod users;
