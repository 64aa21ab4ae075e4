//! Any commands in any order: nothing panics, no memory is misused, counts are true, output is whole, and a
//! replica and every snapshot hold what the engine holds.
#![no_main]

use forebay_fuzz::commands::world::World;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| World::new().run(bytes));
