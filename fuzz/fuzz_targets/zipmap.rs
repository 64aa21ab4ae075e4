//! Zipmaps, as hashes.
#![no_main]

mod common;

use forebay_fuzz::rdb::RdbType;
use forebay_fuzz::rdb::check::Scratch;
use forebay_fuzz::rdb::string::encode_raw;
use forebay_fuzz::rdb::{Context, RdbVersion};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut value = Vec::new();
    encode_raw(bytes, &mut value);
    let context = Context::new(RdbVersion::redis(2));
    common::round_trip(&context, RdbType::HashZipmap, &value, &mut Scratch::new(forebay::base::secret::HashKey::fixed([4, 0])));
});
