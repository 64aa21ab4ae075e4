//! HOTKEYS: which keys cost most, by the time of their commands and by the bytes of requests and replies.
//!
//! Counts are kept for a few thousand keys at most, by lossy counting: when there are too many, the median count is
//! subtracted from all, and keys with nothing left are dropped. A key's count is too low by what was subtracted since
//! the key first appeared, and never too high. Keys that cost more than a small share of the total are always found.

use std::collections::HashMap;

/// The number of keys with counts of one metric: what a thinning leaves, and what starts one.
const KEPT: usize = 1024;
const MOST: usize = 2 * KEPT;

/// A longer key is not counted, so that the counts take at most 16 MB.
const KEY_MAX: usize = 4096;

/// What HOTKEYS START asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Time is counted.
    pub cpu: bool,
    /// Bytes are counted.
    pub net: bool,
    /// How many keys are shown.
    pub count: usize,
    /// For how long keys are counted, ms; 0 means until HOTKEYS STOP.
    pub duration_ms: i64,
    /// One in this many keys is counted.
    pub sample: u64,
}

/// Processor time of this process, ms.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// Time in its own code.
    pub user_ms: u64,
    /// Time in the system on its behalf.
    pub system_ms: u64,
}

/// Counts of one kind by key.
#[derive(Default)]
pub struct Counts {
    by_key: HashMap<Box<[u8]>, u64>,
    /// The sum of all that was counted, including keys that are no longer kept.
    pub total: u64,
}

/// A session, from HOTKEYS START to HOTKEYS STOP.
pub struct HotKeys {
    /// What was asked for.
    pub wanted: Wanted,
    /// The session is running.
    pub active: bool,
    /// When it began, Unix ms and ms of the steady clock.
    pub began: (i64, i64),
    /// When it ended, ms of the steady clock.
    pub ended: i64,
    /// What the process had used when it began.
    pub cpu: Cpu,
    /// Microseconds by key.
    pub micros: Counts,
    /// Bytes by key.
    pub bytes: Counts,
    /// Nanoseconds of all commands that have keys.
    pub all_nanos: u64,
    /// Bytes of all commands that have keys.
    pub all_bytes: u64,
    salt: u64,
}

impl HotKeys {
    /// A session that begins now; `salt` decides which keys a sample takes.
    pub fn begin(wanted: Wanted, began: (i64, i64), cpu: Cpu, salt: u64) -> HotKeys {
        HotKeys {
            wanted,
            active: true,
            began,
            ended: 0,
            cpu,
            micros: Counts::default(),
            bytes: Counts::default(),
            all_nanos: 0,
            all_bytes: 0,
            salt,
        }
    }

    /// Ends the session if its time is over.
    pub fn look_at(&mut self, steady_ms: i64) {
        let until = self.began.1 + self.wanted.duration_ms;
        if self.active && self.wanted.duration_ms > 0 && steady_ms >= until {
            self.active = false;
            self.ended = until;
        }
    }

    /// For how long keys were counted, ms.
    pub fn duration_ms(&self, steady_ms: i64) -> i64 {
        let until = if self.active { steady_ms } else { self.ended };
        until - self.began.1
    }

    /// Counts a command that has run for its keys, which share its cost.
    pub fn note(&mut self, keys: &[&[u8]], nanos: u64, bytes: u64, steady_ms: i64) {
        self.look_at(steady_ms);
        let shares = keys.len() as u64;
        if !self.active || shares == 0 {
            return;
        }
        self.all_nanos += nanos;
        self.all_bytes += bytes;
        for key in keys {
            if self.wanted.sample > 1 && !self.samples(key) {
                continue;
            }
            if self.wanted.cpu {
                self.micros.add(key, nanos / 1000 / shares);
            }
            if self.wanted.net {
                self.bytes.add(key, bytes / shares);
            }
        }
    }

    fn samples(&self, key: &[u8]) -> bool {
        let hash = key.iter().fold(self.salt, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        (hash >> 20).is_multiple_of(self.wanted.sample)
    }
}

impl Counts {
    fn add(&mut self, key: &[u8], count: u64) {
        self.total += count;
        if count == 0 || key.len() > KEY_MAX {
            return;
        }
        if let Some(there) = self.by_key.get_mut(key) {
            *there += count;
            return;
        }
        if self.by_key.len() >= MOST {
            self.thin();
        }
        self.by_key.insert(key.into(), count);
    }

    /// Keeps the half of the keys with the higher counts, each reduced by the count of the middle key.
    fn thin(&mut self) {
        let mut counts: Vec<u64> = self.by_key.values().copied().collect();
        let (_, middle, _) = counts.select_nth_unstable(KEPT);
        let middle = *middle;
        self.by_key.retain(|_, count| {
            *count = count.saturating_sub(middle);
            *count > 0
        });
    }

    /// The keys with the highest counts, the highest first.
    pub fn highest(&self, count: usize) -> Vec<(&[u8], u64)> {
        let mut all: Vec<(&[u8], u64)> = self.by_key.iter().map(|(k, n)| (&**k, *n)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(count);
        all
    }
}

/// The bytes of a request on the wire, where each argument is sent by its length.
pub fn request_bytes(args: &[&[u8]]) -> u64 {
    let line = |n: usize| 3 + n.checked_ilog10().unwrap_or(0) as usize + 1;
    let words = args.iter().map(|arg| line(arg.len()) + arg.len() + 2);
    (line(args.len()) + words.sum::<usize>()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_costs_much_is_found_among_very_many() {
        let mut counts = Counts::default();
        for i in 0..100_000u32 {
            counts.add(&i.to_le_bytes(), 1);
            if i % 100 == 0 {
                counts.add(b"hot", 5);
            }
            assert!(counts.by_key.len() <= MOST);
        }
        let highest = counts.highest(1);
        assert_eq!(highest[0].0, b"hot");
        assert!((4000..=5000).contains(&highest[0].1), "{highest:?}");
        assert_eq!(counts.total, 105_000);
    }

    #[test]
    fn requests_are_counted_as_they_are_sent() {
        let request: [&[u8]; 3] = [b"set", b"0123456789", b""];
        let sent = b"*3\r\n$3\r\nset\r\n$10\r\n0123456789\r\n$0\r\n\r\n";
        assert_eq!(request_bytes(&request), sent.len() as u64);
    }
}
