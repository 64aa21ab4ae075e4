//! Values against models: random operations on small and large forms, with clones that must never
//! change. Every state is written as RDB bytes and read back.

mod array;
mod hash;
mod list;
mod set;
mod stream;
mod string;
mod zset;

use super::{Value, ValueRef};
use crate::Limits;
use base::testing::Rng;
use std::sync::atomic::AtomicU64;

/// How many random runs: a tenth of `all` where the code is not optimised, and what
/// `FOREBAY_TEST_ROUNDS` says where it is set.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the tests says how long"
)]
fn rounds(all: u64) -> u64 {
    let said = std::env::var("FOREBAY_TEST_ROUNDS")
        .ok()
        .and_then(|n| n.parse().ok());
    said.unwrap_or(if cfg!(debug_assertions) {
        all / 10
    } else {
        all
    })
}

/// Limits that keep values packed, make them large at once, and sit on the way in between.
fn limits(rng: &mut Rng) -> Limits {
    let entries = [0, 1, 4, 30, 128, 512][rng.below(6)];
    let value = [0, 3, 20, 64][rng.below(4)];
    Limits {
        hash_max_listpack_entries: entries,
        hash_max_listpack_value: value,
        list_max_listpack_size: [1, 5, 128, -1, -2, -5][rng.below(6)],
        set_max_intset_entries: entries,
        set_max_listpack_entries: [0, 4, 128][rng.below(3)],
        set_max_listpack_value: value,
        zset_max_listpack_entries: entries,
        zset_max_listpack_value: value,
        ..Limits::default()
    }
}

/// A short text out of a few hundred, some of them integers, a few long.
fn text(rng: &mut Rng, variety: usize) -> Vec<u8> {
    let n = rng.below(variety);
    match n % 7 {
        0 => format!("{}", n as i64 * 7919 - 3000).into_bytes(),
        1 => format!("{}", (n as i64) << 40).into_bytes(),
        2 => vec![b'x'; n % 90],
        3 if n.is_multiple_of(10) => format!("{n:0>300}").into_bytes(),
        3 if n % 10 == 1 => vec![(n % 251) as u8; 5000 + n],
        _ => format!("m{n}").into_bytes(),
    }
}

/// Writes the value, reads it back in every way, and hands the results to `same`.
fn round_trip(value: &Value, mut same: impl FnMut(&ValueRef<'_>)) {
    same(&value.as_ref());
    let mut bytes = Vec::new();
    let rdb_type = value.to_rdb(&mut |piece| bytes.extend_from_slice(piece), None);
    assert_eq!(rdb_type, value.rdb_type());
    same(&ValueRef::from_record(rdb_type, &bytes));
    same(&Value::from_record(rdb_type, &bytes).as_ref());

    let mut packed = Vec::new();
    let mut packer = rdb::lzf::Packer::new();
    value.to_rdb(
        &mut |piece| packed.extend_from_slice(piece),
        Some(&mut packer),
    );
    assert!(packed.len() <= bytes.len());
    same(&ValueRef::from_record(rdb_type, &packed));
    same(&Value::from_record(rdb_type, &packed).as_ref());

    let freed = AtomicU64::new(0);
    let mut left = Vec::new();
    let shared = value.clone();
    shared.into_rdb(&mut |piece| left.extend_from_slice(piece), None, &freed);
    assert_eq!(left, bytes, "as it is written when it stays");
    left.clear();
    let shared = value.clone();
    shared.into_rdb(
        &mut |piece| left.extend_from_slice(piece),
        Some(&mut packer),
        &freed,
    );
    assert_eq!(left, packed);
    if value.leaves_in_parts() {
        assert_eq!(freed.into_inner(), 0, "every part is still in the value");
    }

    let mut record = b"before".to_vec();
    match value.to_record(&mut record) {
        None => assert_eq!(record, b"before"),
        Some(rdb_type) => {
            let again = Value::from_record(rdb_type, &record[6..]);
            // The names that hashes share are written with each of them.
            let encoding = value.as_ref().encoding();
            let written = encoding.strip_prefix("template-").unwrap_or(encoding);
            assert_eq!(again.as_ref().encoding(), written);
            same(&ValueRef::from_record(rdb_type, &record[6..]));
            same(&again.as_ref());
        }
    }
}
