//! Replicas that closed the link while they took a payload: perhaps they cannot read it.
//!
//! A server that does not tell its version may be older than the form in which its payload was written
//! (Redis 6.2 shakes hands as 7.0 does). After such an end the next payload is written in the form of
//! Redis 6.2, which every later server reads, too; after another end in the usual form again, and so on:
//! the reason may have been the link. What worked is kept. Who fails again and again waits longer and
//! longer for the next attempt, else both sides would do nothing else.

use std::collections::BTreeMap;

/// Ends in a row up to which the next attempt begins at once.
const FREE: u32 = 4;
/// Then it is held for so long, doubled each time up to the most.
const HOLD_MS: u64 = 1000;
const HOLD_MAX_MS: u64 = 32_000;
/// A replica that was not heard of for so long is forgotten.
const FORGET_MS: u64 = 24 * 3600 * 1000;

/// What is known of one replica.
#[derive(Clone, Copy)]
struct Doubt {
    /// Payloads in a row that did not end well; odd = the next is written in the old form.
    failures: u32,
    at_ms: u64,
}

/// By label: a hint, nobody's identity.
#[derive(Default)]
pub struct Doubts(BTreeMap<String, Doubt>);

impl Doubts {
    /// The replica closed the link while it took a payload.
    pub fn closed(&mut self, label: String, now_ms: u64) {
        let doubt = self.0.entry(label).or_insert(Doubt {
            failures: 0,
            at_ms: now_ms,
        });
        doubt.failures += 1;
        doubt.at_ms = now_ms;
    }

    /// A payload was taken: the form was right.
    pub fn took(&mut self, label: &str, now_ms: u64) {
        if let Some(doubt) = self.0.get_mut(label) {
            doubt.failures %= 2;
            doubt.at_ms = now_ms;
        }
    }

    /// The next payload shall be written for Redis 6.2.
    pub fn old_form(&self, label: &str) -> bool {
        self.0.get(label).is_some_and(|d| d.failures % 2 == 1)
    }

    /// The next payload may begin.
    pub fn may_begin(&self, label: &str, now_ms: u64) -> bool {
        self.0.get(label).is_none_or(|d| {
            let doublings = d.failures.saturating_sub(FREE);
            let hold = match doublings {
                0 => 0,
                n => (HOLD_MS << (n - 1).min(16)).min(HOLD_MAX_MS),
            };
            now_ms.saturating_sub(d.at_ms) >= hold
        })
    }

    /// Drops what is old.
    pub fn forget(&mut self, now_ms: u64) {
        self.0
            .retain(|_, d| now_ms.saturating_sub(d.at_ms) < FORGET_MS);
    }
}
