//! Ziplists, alone and as lists, sorted sets and hashes.
#![no_main]

mod common;

use forebay_fuzz::rdb::RdbType;
use forebay_fuzz::rdb::check::Scratch;
use forebay_fuzz::rdb::listpack::Defect;
use forebay_fuzz::rdb::string::encode_raw;
use forebay_fuzz::rdb::{Context, RdbVersion, ziplist};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if ziplist::check_each(bytes, |_, _| Ok::<(), Defect>(())).is_err() {
        return;
    }
    let mut scratch = Scratch::new(forebay::base::secret::HashKey::fixed([3, 0]));
    let context = Context::new(RdbVersion::redis(9));
    let mut value = Vec::new();
    encode_raw(bytes, &mut value);
    for rdb_type in [RdbType::ListZiplist, RdbType::ZsetZiplist, RdbType::HashZiplist] {
        common::round_trip(&context, rdb_type, &value, &mut scratch);
    }
});
