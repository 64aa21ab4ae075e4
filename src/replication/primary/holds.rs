//! Payloads that keep failing on the primary's side. Each attempt costs a snapshot, so the next one waits longer and
//! longer.
//!
//! The cause is either the dataset, if it does not fit the form that some readers need, or the disk. Therefore the wait
//! belongs to a kind of payload, not to single replicas: a replica that reconnects at once, as most do, waits like the
//! others, and readers of another form do not wait.

use crate::replconf::Replconf;

/// The wait after the first failure, doubled with each further one.
const HOLD_MS: u64 = 1000;
/// The longest wait.
const HOLD_MAX_MS: u64 = 32_000;
/// How many different wishes are remembered, because a peer can make up any number of them in the handshake.
const KEPT: usize = 16;

/// Payloads that failed in a row for the same wishes.
struct Hold {
    wishes: Replconf,
    failures: u32,
    at_ms: u64,
}

impl Hold {
    fn wait_ms(&self) -> u64 {
        (HOLD_MS << (self.failures.saturating_sub(1)).min(8)).min(HOLD_MAX_MS)
    }
}

/// What failed last, for the log and INFO.
#[derive(Default)]
pub struct Holds {
    held: Vec<Hold>,
    /// Payloads that failed since the start.
    pub failed: u64,
    /// Why the last one did; empty once no replica waits for another.
    pub why: String,
}

impl Holds {
    /// A payload with these wishes could not be made. How many in a row that is, and how long the next one waits.
    pub fn failed(&mut self, wishes: &Replconf, why: &str, now_ms: u64) -> (u32, u64) {
        self.failed += 1;
        self.why = why.to_owned();
        let known = self.held.iter().position(|h| h.wishes.same_wishes(wishes));
        let mut hold = match known {
            Some(at) => self.held.remove(at),
            None => Hold {
                wishes: wishes.clone(),
                failures: 0,
                at_ms: 0,
            },
        };
        hold.failures = hold.failures.saturating_add(1);
        hold.at_ms = now_ms;
        let said = (hold.failures, hold.wait_ms());
        if self.held.len() == KEPT {
            self.held.remove(0);
        }
        self.held.push(hold);
        said
    }

    /// A payload with these wishes was made.
    pub fn made(&mut self, wishes: &Replconf) {
        self.held.retain(|h| !h.wishes.same_wishes(wishes));
        if self.held.is_empty() {
            self.why.clear();
        }
    }

    /// How long a payload with these wishes has still to wait.
    pub fn wait_ms(&self, wishes: &Replconf, now_ms: u64) -> u64 {
        let hold = self.held.iter().find(|h| h.wishes.same_wishes(wishes));
        hold.map_or(0, |h| {
            h.wait_ms().saturating_sub(now_ms.saturating_sub(h.at_ms))
        })
    }

    /// The longest wait there is.
    pub fn longest_ms(&self, now_ms: u64) -> u64 {
        let waits = self.held.iter().map(|h| self.wait_ms(&h.wishes, now_ms));
        waits.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_in_a_row_doubles_the_wait_of_these_wishes_and_of_no_others() {
        let mut holds = Holds::default();
        let (plain, mut other) = (Replconf::default(), Replconf::default());
        other.version = Some((9, 1, 0));
        let mut waits = Vec::new();
        for _ in 0..8 {
            waits.push(holds.failed(&plain, "no", 10).1 / 1000);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 32, 32]);
        assert_eq!(holds.wait_ms(&plain, 10), 32_000);
        assert_eq!(holds.wait_ms(&plain, 32_010), 0);
        assert_eq!(holds.wait_ms(&other, 10), 0);
        holds.made(&plain);
        assert_eq!(holds.failed(&plain, "no", 10), (1, 1000));
    }

    #[test]
    fn made_up_wishes_are_forgotten() {
        let mut holds = Holds::default();
        for n in 0..1000 {
            let wishes = Replconf {
                version: Some((n, 0, 0)),
                ..Replconf::default()
            };
            holds.failed(&wishes, "no", 0);
        }
        assert_eq!(holds.held.len(), KEPT);
    }
}
