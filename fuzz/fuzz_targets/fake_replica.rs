//! Replicas that say anything in any order: nothing panics, no memory is misused, and what the link promises holds.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| forebay_fuzz::links::fake_replica::run(bytes));
