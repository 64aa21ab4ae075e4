//! Streams of every type; the first byte chooses it.
#![no_main]

mod common;

use forebay_fuzz::rdb::RdbType;
use forebay_fuzz::rdb::check::Scratch;
use forebay_fuzz::rdb::stream::Stream;
use forebay_fuzz::rdb::{Context, RdbVersion};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [choice, value @ ..] = bytes else { return };
    let types = [RdbType::Stream, RdbType::Stream2, RdbType::Stream3, RdbType::Stream4, RdbType::Stream5];
    let rdb_type = types[usize::from(*choice) % types.len()];
    if let Ok(stream) = Stream::parse(rdb_type, value) {
        let mut out = Vec::new();
        stream.encode(rdb_type, &mut out);
        let again = Stream::parse(rdb_type, &out).expect("what is written is read");
        assert_eq!(again.groups, stream.groups);
    }
    common::round_trip(&Context::new(RdbVersion::redis(12)), rdb_type, value, &mut Scratch::new(forebay::base::secret::HashKey::fixed([5, 0])));
});
