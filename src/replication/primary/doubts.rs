//! What is known about replicas that do not announce their version, and how long a replica that could not follow has to
//! wait.
//!
//! The handshakes of Redis 6.2 and 7.4 are the same, but a payload distinguishes them: a replica that accepts it can
//! read its version, and one that closes the link while it receives it may be too old. After that, the next payload has
//! the form of Redis 6.2, which every later server can read as well; if that fails, too, the next one has the usual
//! form again, and so on, because the cause may have been the link. A form that worked is kept. A replica whose link
//! was closed because the stream needed Redis 7.4 first gets a payload that only Redis 7.4 accepts; a Redis 8 that
//! the words of a later one were for, one that only Redis 8.6 accepts, or only Redis 8.8 if they were for that one.
//!
//! What a replica has shown is remembered under its label. It counts where the replica goes on in the same history, since
//! another server at that address would have to have come there by a full sync of its own. For a payload it only decides
//! which form is tried first, so that it is shown anew. The append-only file keeps it ([`Doubts::told`]).
//!
//! A replica that keeps failing waits longer and longer for the next attempt; otherwise both sides would do nothing
//! else.

use crate::reads::Reads;
use std::collections::BTreeMap;

/// Ends in a row up to which the next attempt begins at once.
const FREE: u32 = 4;
/// The first wait of a replica that keeps failing; it is doubled each time, up to the maximum.
const HOLD_MS: u64 = 1000;
const HOLD_MAX_MS: u64 = 32_000;
/// The longest wait of a replica that reads payloads, but not what is written after them: about eight minutes.
const LACK_HOLD_MAX_MS: u64 = 512_000;
/// A replica that did not connect for this long is forgotten.
const FORGET_MS: u64 = 24 * 3600 * 1000;
/// So many replicas are remembered: a peer may make up labels.
const KEPT: usize = 1024;

/// In which form a replica that does not announce its version gets its next payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A replica that takes this payload is a Redis 7.4.
    Redis74,
    /// A Redis 8 that takes this payload is a Redis 8.6, or later.
    Redis86,
    /// A Redis 8 that takes this payload is a Redis 8.8, or later.
    Redis88,
    /// As for all other replicas that do not announce it.
    Usual,
    /// Redis 6.2 reads it.
    Old,
}

/// What is known of one replica.
#[derive(Clone, Copy, Default)]
struct Doubt {
    /// The number of consecutive payloads that failed, which decides the form of the next one.
    failures: u32,
    at_ms: u64,
    /// What the stream needed and the replica was not known to understand, how often that happened, and when last.
    lacks: Reads,
    ended: u32,
    ended_ms: u64,
    /// It is a Redis 8, which tells no more than that.
    is_redis_8: bool,
    /// What the replica has shown to understand.
    shown: Reads,
    /// Several replicas have this label: nothing that one of them has shown is true of the others.
    shared: bool,
}

impl Doubt {
    fn forms(&self) -> &'static [Form] {
        let of_8_4 = Reads::REDIS_8_4 | Reads::SET_IFEQ | Reads::MSETEX;
        if self.is_redis_8 {
            // No payload tells a Redis 8.4 from a Redis 8.2.
            return match self.lacks | self.shown() {
                asked if asked.intersects(Reads::REDIS_8_8) => {
                    &[Form::Redis88, Form::Redis86, Form::Usual]
                }
                asked if asked.intersects(of_8_4 | Reads::REDIS_8_6) => {
                    &[Form::Redis86, Form::Usual]
                }
                _ => &[Form::Usual],
            };
        }
        match (self.lacks | self.shown()).intersects(Reads::REDIS_7_4 | Reads::FIELD_EXPIRY) {
            true => &[Form::Redis74, Form::Usual, Form::Old],
            false => &[Form::Usual, Form::Old],
        }
    }

    /// What it has shown, if nobody else has its label.
    fn shown(&self) -> Reads {
        match self.shared {
            true => Reads::empty(),
            false => self.shown,
        }
    }

    fn wait_ms(&self, now_ms: u64) -> u64 {
        let hold = |doublings: u32, most: u64| match doublings {
            0 => 0,
            n => (HOLD_MS << (n - 1).min(16)).min(most),
        };
        let left = |hold: u64, since: u64| hold.saturating_sub(now_ms.saturating_sub(since));
        let failed = hold(self.failures.saturating_sub(FREE), HOLD_MAX_MS);
        let ended = hold(self.ended.saturating_sub(1), LACK_HOLD_MAX_MS);
        left(failed, self.at_ms).max(left(ended, self.ended_ms))
    }
}

/// What one replica has shown to understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// By which it is known: a hint and not an identity.
    pub label: String,
    /// What it understands.
    pub reads: Reads,
    /// It is a Redis 8, which tells no more than that.
    pub is_redis_8: bool,
}

/// Keyed by label, which is a hint and not an identity.
#[derive(Default)]
pub struct Doubts {
    of: BTreeMap<String, Doubt>,
    /// Counts the changes of what replicas have shown.
    changes: u64,
}

impl Doubts {
    fn of(&mut self, label: String, now_ms: u64) -> &mut Doubt {
        if self.of.len() >= KEPT && !self.of.contains_key(&label) {
            let oldest = self.of.iter().min_by_key(|(_, d)| d.at_ms);
            if let Some(oldest) = oldest.map(|(label, _)| label.clone()) {
                self.of.remove(&oldest);
            }
        }
        let doubt = self.of.entry(label).or_default();
        doubt.at_ms = now_ms;
        doubt
    }

    /// The replica closed the link while it took a payload.
    pub fn closed(&mut self, label: String, now_ms: u64) {
        self.of(label, now_ms).failures += 1;
    }

    /// As [`Doubts::closed`] says, and the payload was newer than what the replica is known to read. An older server
    /// deletes its data before it looks at the version, so each further attempt waits twice as long. Returns how long the
    /// next one waits.
    pub fn too_new(&mut self, label: String, now_ms: u64) -> u64 {
        let doubt = self.of(label, now_ms);
        // The first end counts: there is no reason to try again at once.
        doubt.ended = doubt.ended.max(1).saturating_add(1);
        doubt.ended_ms = now_ms;
        doubt.wait_ms(now_ms)
    }

    /// The longest time that a replica still has to wait.
    pub fn longest_wait_ms(&self, now_ms: u64) -> u64 {
        let waits = self.of.values().map(|doubt| doubt.wait_ms(now_ms));
        waits.max().unwrap_or(0)
    }

    /// A payload was taken: the form was right.
    pub fn took(&mut self, label: &str, now_ms: u64) {
        if let Some(doubt) = self.of.get_mut(label) {
            doubt.failures %= doubt.forms().len() as u32;
            doubt.at_ms = now_ms;
        }
    }

    /// A replica has shown that it understands `reads`.
    pub fn shown(&mut self, label: String, reads: Reads, is_redis_8: bool, now_ms: u64) {
        let doubt = self.of(label, now_ms);
        let changes = doubt.shown != reads || doubt.is_redis_8 != is_redis_8;
        (doubt.shown, doubt.is_redis_8) = (reads, is_redis_8);
        if reads.contains(doubt.lacks) {
            doubt.ended = 0;
        }
        self.changes += u64::from(changes);
    }

    /// What a log says of replicas.
    pub fn recall(&mut self, shown: &[Shown], now_ms: u64) {
        for said in shown {
            let doubt = self.of(said.label.clone(), now_ms);
            (doubt.shown, doubt.is_redis_8) = (said.reads, said.is_redis_8);
        }
        self.changes += u64::from(!shown.is_empty());
    }

    /// How often it has changed what replicas have shown.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// What replicas have shown.
    pub fn told(&self) -> impl Iterator<Item = Shown> {
        let shown = self.of.iter().filter(|(_, d)| !d.shown().is_empty());
        shown.map(|(label, doubt)| Shown {
            label: label.clone(),
            reads: doubt.shown,
            is_redis_8: doubt.is_redis_8,
        })
    }

    /// A server that is in none of our histories asks for a payload: it may be another one than the one before.
    pub fn arrives_anew(&mut self, label: &str) {
        if let Some(doubt) = self.of.get_mut(label)
            && !doubt.shown.is_empty()
        {
            // What it was asked for is what it is to show again.
            doubt.lacks |= std::mem::take(&mut doubt.shown);
            self.changes += 1;
        }
    }

    /// Another replica is attached under the same label.
    pub fn shared(&mut self, label: String, now_ms: u64) {
        self.of(label, now_ms).shared = true;
        self.changes += 1;
    }

    /// What a replica that continues where it was has shown to understand. A server of another version cannot
    /// continue there, because the older one does not load the dump of the newer.
    pub fn reads(&self, label: &str) -> Reads {
        self.of.get(label).map_or(Reads::empty(), Doubt::shown)
    }

    /// Notes that the replica's link is closed because the stream needs this. Returns how long the replica has to
    /// wait.
    pub fn lacks(&mut self, label: String, needs: Reads, is_redis_8: bool, now_ms: u64) -> u64 {
        let doubt = self.of(label, now_ms);
        doubt.is_redis_8 = is_redis_8;
        doubt.lacks |= needs;
        doubt.shown = Reads::empty();
        doubt.failures = 0;
        doubt.ended = doubt.ended.saturating_add(1);
        doubt.ended_ms = now_ms;
        let wait_ms = doubt.wait_ms(now_ms);
        self.changes += 1;
        wait_ms
    }

    /// How the next payload is written.
    pub fn form(&self, label: &str) -> Form {
        self.of.get(label).map_or(Form::Usual, |d| {
            let forms = d.forms();
            forms[d.failures as usize % forms.len()]
        })
    }

    /// The next payload may begin.
    pub fn may_begin(&self, label: &str, now_ms: u64) -> bool {
        self.of.get(label).is_none_or(|d| d.wait_ms(now_ms) == 0)
    }

    /// Forgets old entries.
    pub fn forget(&mut self, now_ms: u64) {
        self.of
            .retain(|_, d| now_ms.saturating_sub(d.at_ms) < FORGET_MS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_that_was_to_be_told_more_is_asked_to_show_what_it_reads() {
        let mut doubts = Doubts::default();
        let label = || "a:1".to_owned();
        assert_eq!(doubts.form("a:1"), Form::Usual);
        doubts.lacks(label(), Reads::FIELD_EXPIRY, false, 0);
        let mut forms = Vec::new();
        for _ in 0..4 {
            forms.push(doubts.form("a:1"));
            doubts.closed(label(), 0);
        }
        let all = [Form::Redis74, Form::Usual, Form::Old, Form::Redis74];
        assert_eq!(forms, all);
        // What it takes is what it gets the next time.
        doubts.took("a:1", 0);
        assert_eq!(doubts.form("a:1"), Form::Usual);
    }

    #[test]
    fn a_redis_8_shows_the_version_that_the_words_were_of() {
        let mut doubts = Doubts::default();
        let label = || "a:1".to_owned();
        for lacks in [Reads::SET_IFEQ, Reads::REDIS_8_4, Reads::MSETEX] {
            doubts.lacks(label(), lacks, true, 0);
            assert_eq!(doubts.form("a:1"), Form::Redis86, "{lacks:?}");
        }
        doubts.closed(label(), 0);
        assert_eq!(doubts.form("a:1"), Form::Usual);
        doubts.lacks(label(), Reads::REDIS_8_8, true, 0);
        let mut forms = Vec::new();
        for _ in 0..4 {
            forms.push(doubts.form("a:1"));
            doubts.closed(label(), 0);
        }
        let all = [Form::Redis88, Form::Redis86, Form::Usual, Form::Redis88];
        assert_eq!(forms, all);
    }

    #[test]
    fn whose_link_ends_again_and_again_waits_longer_until_it_shows_more() {
        let mut doubts = Doubts::default();
        let label = || "a:1".to_owned();
        let waits: Vec<u64> = (0..12)
            .map(|_| doubts.lacks(label(), Reads::FIELD_EXPIRY, false, 7) / 1000)
            .collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512]);
        assert!(!doubts.may_begin("a:1", 512_006));
        assert!(doubts.may_begin("a:1", 512_007));
        doubts.shown(label(), Reads::REDIS_7_0, false, 7);
        assert!(!doubts.may_begin("a:1", 8));
        doubts.shown(label(), Reads::all(), false, 7);
        assert!(doubts.may_begin("a:1", 8));
        assert_eq!(doubts.reads("a:1"), Reads::all());
    }

    #[test]
    fn a_label_that_two_have_says_nothing_of_either() {
        let mut doubts = Doubts::default();
        doubts.shown("a:1".to_owned(), Reads::all(), false, 0);
        doubts.shared("a:1".to_owned(), 0);
        assert_eq!(doubts.reads("a:1"), Reads::empty());
    }

    #[test]
    fn a_payload_that_was_too_new_is_not_tried_again_at_once() {
        let mut doubts = Doubts::default();
        let label = || "a:1".to_owned();
        let waits: Vec<u64> = (0..11).map(|_| doubts.too_new(label(), 7) / 1000).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512]);
        assert_eq!(doubts.longest_wait_ms(1007), 511_000);
        assert!(!doubts.may_begin("a:1", 512_006));
        doubts.shown(label(), Reads::REDIS_8_8, true, 7);
        assert!(doubts.may_begin("a:1", 8));
    }

    #[test]
    fn what_a_log_says_is_shown_anew_by_who_is_not_in_our_history() {
        let mut doubts = Doubts::default();
        let said = Shown {
            label: "a:1".to_owned(),
            reads: Reads::REDIS_8_8,
            is_redis_8: true,
        };
        doubts.recall(std::slice::from_ref(&said), 0);
        assert_eq!(doubts.reads("a:1"), Reads::REDIS_8_8);
        assert_eq!(doubts.told().collect::<Vec<_>>(), [said]);
        let changes = doubts.changes();
        doubts.arrives_anew("a:1");
        assert_ne!(doubts.changes(), changes);
        assert_eq!(doubts.told().count(), 0);
        assert_eq!(doubts.reads("a:1"), Reads::empty());
        // A payload of that version is tried first.
        assert_eq!(doubts.form("a:1"), Form::Redis88);
    }
}
