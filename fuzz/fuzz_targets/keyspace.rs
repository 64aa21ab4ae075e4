//! Operations on a keyspace and on a model of it: after each run both hold the same, and every snapshot holds what the
//! model held at its cut.
#![no_main]

use forebay_keyspace::testing::Run;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    Run::of_input(bytes).finish();
});
