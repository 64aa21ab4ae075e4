//! Starting on a dump, saving one, stopping: whole processes, with real servers to judge the files.
//!
//! * [`startup`]: what is loaded, what is refused, and how.
//! * [`saving`]: SAVE, BGSAVE and save points: when, what, and what becomes of it when something breaks.
//! * [`incomplete`]: what is in memory is not all there is. [`full_disk`]: saves without room. [`stopping`]: SHUTDOWN and signals.
//! * [`large_values`]: those that are written to meanwhile.
//! * [`exchange`]: dumps of real servers through Forebay and back. [`migrate`]: single keys.
//! * [`crash`]: what is left after any end at any moment.
//! * [`pause`]: what happens when nobody writes. [`expiry`]: what goes by itself.
//! * [`descriptors`]: none left for files and sockets. [`refused`]: no memory left.
//! * [`readme`]: what it tells a newcomer to type. [`by_hand`]: starts with arguments of a test's own.
//! * [`units`]: what a service's unit allows. [`setups`]: set-ups of today, rebuilt. [`image`]: the
//!   entry point of the image.

#[path = "../support/mod.rs"]
mod support;

mod by_hand;
mod crash;
mod descriptors;
mod exchange;
mod expiry;
mod full_disk;
mod image;
mod incomplete;
mod large_values;
mod migrate;
mod pause;
mod readme;
mod refused;
mod saving;
mod setups;
mod startup;
mod stopping;
mod units;
