//! How warm a key is: the LRU clock or the LFU counter, as the maxmemory policy wants it.

use super::Engine;
use crate::keyspace::Loc;

/// Marks an entry as used now.
pub fn touch(engine: &mut Engine, db: usize, loc: Loc) {
    let clock = lru_clock(engine.clock.unix_ms);
    engine.keyspace.db_mut(db).set_heat(loc, clock);
}

/// The LRU clock: seconds in 24 bits.
pub fn lru_clock(unix_ms: i64) -> u32 {
    (unix_ms / 1000) as u32 & 0xff_ffff
}
