//! How recently or how often a key was used: 24 bits for each entry, which are an LRU clock or an LFU counter,
//! depending on the maxmemory policy.
//!
//! * LRU: the second of the last access, modulo 2^24 (half a year).
//! * LFU: `minute (16 bits) | counter (8 bits)`. The counter grows with probability
//!   `1 / ((counter - 5) * lfu-log-factor + 1)` and shrinks by one for each `lfu-decay-time` minutes.
//!
//! Zero means "never touched": an entry that was just made.

use super::Engine;
use base::Rng;
use config::Config;
use keyspace::Loc;

/// The LFU counter of a new key, which needs time to gather accesses before it may be evicted.
pub const LFU_INIT: u8 = 5;

const LRU_MASK: i64 = 0xff_ffff;

/// Marks an entry as used now.
pub fn touch(engine: &mut Engine, db: usize, loc: Loc) {
    let (config, rng, now) = (&engine.config, &mut engine.rng, engine.clock.steady_ms);
    let db = engine.keyspace.db_mut(db);
    db.change_heat(loc, |old| after_access(old, now, config, rng));
}

/// As [`touch`], for an entry whose heat is known.
#[inline]
pub fn touch_from(engine: &mut Engine, db: usize, loc: Loc, old: u32) {
    let now = engine.clock.steady_ms;
    let new = after_access(old, now, &engine.config, &mut engine.rng);
    // Most accesses to a hot key fall into the same second, so there is nothing to write.
    if new != old {
        engine.keyspace.db_mut(db).set_heat(loc, new);
    }
}

#[inline]
fn after_access(old: u32, now_ms: i64, config: &Config, rng: &mut Rng) -> u32 {
    match is_lfu(config) {
        false => lru_clock(now_ms),
        true if old == 0 => newborn(config, now_ms),
        true => lfu_after_access(old, now_ms, rng.next_u64(), config),
    }
}

/// The heat of a key that is created now.
pub fn newborn(config: &Config, now_ms: i64) -> u32 {
    if is_lfu(config) {
        lfu(minutes(now_ms), LFU_INIT)
    } else {
        lru_clock(now_ms)
    }
}

/// True under the `*-lfu` policies.
pub fn is_lfu(config: &Config) -> bool {
    config.maxmemory_policy.is_lfu()
}

/// `lfu-decay-time`: minutes in which the counter loses one; 0 = never.
pub fn decay_minutes(config: &Config) -> u32 {
    config.lfu_decay_time as u32
}

/// The LRU clock: seconds in 24 bits.
pub fn lru_clock(now_ms: i64) -> u32 {
    ((now_ms / 1000) & LRU_MASK) as u32
}

/// Seconds since the last access, from LRU heat.
pub fn idle_seconds(heat: u32, now_ms: i64) -> i64 {
    if heat == 0 {
        return 0;
    }
    (i64::from(lru_clock(now_ms)) - i64::from(heat)) & LRU_MASK
}

/// LRU heat of a key that was last used `idle` seconds ago (RESTORE IDLETIME, dumps).
pub fn from_idle_seconds(idle: u64, now_ms: i64) -> u32 {
    let clock = lru_clock(now_ms.saturating_sub(idle.min(LRU_MASK as u64) as i64 * 1000));
    clock.max(1) // 0 would mean that it was never touched
}

/// LFU heat with a given counter, as of now (RESTORE FREQ, dumps).
pub fn from_frequency(counter: u8, now_ms: i64) -> u32 {
    lfu(minutes(now_ms), counter)
}

/// The LFU counter as of now.
pub fn decayed(heat: u32, now_ms: i64, decay_minutes: u32) -> u8 {
    if heat == 0 {
        return LFU_INIT;
    }
    let counter = heat as u8;
    let elapsed = minutes(now_ms).wrapping_sub((heat >> 8) as u16);
    match u32::from(elapsed).checked_div(decay_minutes) {
        Some(periods) => counter.saturating_sub(periods.min(255) as u8),
        None => counter,
    }
}

fn lfu_after_access(heat: u32, now: i64, random: u64, config: &Config) -> u32 {
    let counter = decayed(heat, now, decay_minutes(config));
    let above = u64::from(counter.saturating_sub(LFU_INIT));
    let odds = (above * config.lfu_log_factor as u64).saturating_add(1);
    let grows = counter < 255 && random < u64::MAX / odds;
    lfu(minutes(now), counter + u8::from(grows))
}

fn lfu(minutes: u16, counter: u8) -> u32 {
    u32::from(minutes) << 8 | u32::from(counter)
}

fn minutes(now_ms: i64) -> u16 {
    (now_ms / 60_000) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn the_counter_decays_with_the_minutes_and_never_below_zero() {
        let heat = from_frequency(10, 1000 * MINUTE);
        assert_eq!(decayed(heat, 1000 * MINUTE, 1), 10);
        assert_eq!(decayed(heat, 1003 * MINUTE, 1), 7);
        assert_eq!(decayed(heat, 1003 * MINUTE, 2), 9);
        assert_eq!(decayed(heat, 1300 * MINUTE, 1), 0);
        assert_eq!(decayed(heat, 1300 * MINUTE, 0), 10);
    }

    #[test]
    fn a_young_counter_always_grows_and_a_full_one_never() {
        let config = Config::default();
        let grown = |counter, random| {
            let heat = from_frequency(counter, MINUTE);
            lfu_after_access(heat, MINUTE, random, &config) as u8
        };
        assert_eq!(grown(5, u64::MAX - 1), 6);
        assert_eq!(grown(100, u64::MAX - 1), 100);
        assert_eq!(grown(100, 0), 101);
        assert_eq!(grown(255, 0), 255);
    }

    #[test]
    fn idle_time_survives_the_wrap_of_the_clock() {
        let before = (1i64 << 24) * 1000 - 2000;
        assert_eq!(idle_seconds(lru_clock(before), before + 5000), 5);
        assert_eq!(idle_seconds(from_idle_seconds(77, before), before), 77);
    }
}
