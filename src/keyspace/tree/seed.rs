//! The seed of the members' hash: one for the process, set before the first tree is built.
//!
//! Where a member stands in a tree follows from its hash, so the seed must not change while there are
//! trees. It is a secret of the process (cursors of HSCAN and friends show hashes to clients); without
//! [`set_seed`] it is a constant, which is what tests want.

use crate::keyspace::Hasher;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

static SEED: [AtomicU64; 2] = [
    AtomicU64::new(0x243f_6a88_85a3_08d3),
    AtomicU64::new(0x1319_8a2e_0370_7344),
];
static SET: AtomicBool = AtomicBool::new(false);

/// Sets the seed; to be called at most once, before any value exists. Later calls change nothing and
/// return false.
pub fn set_seed(seed: [u64; 2]) -> bool {
    if SET.swap(true, Relaxed) {
        return false;
    }
    SEED[0].store(seed[0], Relaxed);
    SEED[1].store(seed[1], Relaxed);
    true
}

/// The bits of a member's hash that order it.
#[inline]
pub(super) fn hash(member: &[u8]) -> u32 {
    let seed = [SEED[0].load(Relaxed), SEED[1].load(Relaxed)];
    (Hasher::new(seed).hash(member) >> 32) as u32
}
