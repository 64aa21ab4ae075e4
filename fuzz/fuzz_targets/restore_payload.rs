//! RESTORE payloads. The footer is made right, or the checksum would stop nearly every input.
#![no_main]

mod common;

use forebay_fuzz::rdb::check::Scratch;
use forebay_fuzz::rdb::dump::{self, Checksums};
use forebay_fuzz::rdb::RdbVersion;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut scratch = Scratch::new(forebay::base::secret::HashKey::fixed([2, 0]));
    let _ = dump::decode(bytes, Checksums::Any, &mut scratch);
    let [version, body @ ..] = bytes else { return };
    let mut payload = body.to_vec();
    dump::seal_as(RdbVersion::from_number(u16::from(*version)), &mut payload);
    if let Ok(found) = dump::decode(&payload, Checksums::Computed, &mut scratch) {
        assert!(!found.info.empty);
        common::round_trip(&found.context, found.rdb_type, found.value, &mut scratch);
    }
});
