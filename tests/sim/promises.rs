//! What a server must hold when it comes back with its append-only file.
//!
//! The dataset of each commit is noted as a digest, from the last one on that the product called durable. What the
//! product's loader makes of the files after a crash must be one of them: an earlier one means that something is lost
//! that was acknowledged, and none at all that something was written in halves or twice.

use super::node::Node;
use forebay::config::choices::AppendFsync;
use forebay::engine::{CommitPosition, Engine};
use forebay::keyspace::digest::{self, Fingerprint};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What `appendfsync everysec` may lose: a second, and the time in which somebody notices that it is over.
const MAY_LOSE_MS: u64 = 1_200;
/// So long after the disk was bad, or nothing had to be durable, it need not be a second.
const RECOVERS_MS: u64 = 2_500;

/// A dataset.
#[derive(Clone, Debug)]
struct Moment {
    at: CommitPosition,
    ms: u64,
    print: Print,
    /// All of it, where a single seed is run.
    all: Option<Dataset>,
}

type Dataset = BTreeMap<(usize, String), String>;

/// The digest of a dataset. What has expired may be there or not: it is deleted at some time afterwards.
#[derive(Clone, Debug, Default)]
pub struct Print {
    lasting: Fingerprint,
    /// When the others expire, unix ms.
    others: BTreeSet<(i64, [u8; 20])>,
}

impl Print {
    pub fn of(engine: &Engine) -> Print {
        let mut all = Print::default();
        for n in 0..engine.keyspace.count() {
            let db = engine.keyspace.db(n);
            db.scan(0, usize::MAX, |loc| {
                let mut key = Fingerprint::default();
                key.mix(&[n as u8]);
                key.mix(db.key(loc));
                digest::entry(&mut key, db, loc, digest::Manner::REDIS_7_0);
                match db.expire(loc) {
                    Some(at) => _ = all.others.insert((at, key.bytes())),
                    None => all.lasting.xor_key(&key),
                }
            });
        }
        all
    }

    fn is(&self, other: &Print, now_ms: i64) -> bool {
        let lives = |print: &Print| -> Vec<(i64, [u8; 20])> {
            print
                .others
                .range((now_ms + 1, [0; 20])..)
                .copied()
                .collect()
        };
        self.lasting.bytes() == other.lasting.bytes() && lives(self) == lives(other)
    }
}

/// See the module.
#[derive(Default)]
pub struct Promises {
    /// The first one is durable.
    moments: VecDeque<Moment>,
    /// The manifest has named what is written: until then nothing is promised.
    named: bool,
    /// Replies wait until what they tell of is durable.
    waits: bool,
    /// When more than a second might have been lost last.
    unsound_ms: u64,
}

/// What a process has promised that has ended.
#[derive(Clone, Debug)]
pub struct Left {
    moments: Vec<Moment>,
    ended_ms: u64,
}

impl Node {
    /// Looks at what was committed, and at what the log says of it.
    pub(super) fn note_promises(&mut self) {
        if self.disk.has_ended() {
            return; // nobody hears of it
        }
        if !self.append.is_on() {
            self.promises = Promises::default();
            return;
        }
        let (at, ms) = (self.engine.commits.position(), self.now_ms);
        let last = self.promises.moments.back().map(|moment| moment.at);
        for (at, print) in self.saves.writers().take_replaced() {
            let moment = Moment {
                at,
                ms,
                print,
                all: None,
            };
            self.promises.moments.push_back(moment);
        }
        if last != Some(at) || self.promises.moments.is_empty() {
            let print = Print::of(&self.engine);
            let all = std::env::var_os("SIM_SEED").map(|_| self.dataset());
            let moment = Moment { at, ms, print, all };
            self.promises.moments.push_back(moment);
        }
        let report = self.append.appenders().report();
        let sound = self.append.is_named()
            && report.failure.is_none()
            && self.engine.config.appendfsync != AppendFsync::No
            && !self.engine.config.no_appendfsync_on_rewrite
            && self.disk.is_good();
        let promises = &mut self.promises;
        if !sound {
            promises.unsound_ms = ms;
        }
        if self.append.is_named() {
            promises.named = true;
            while promises
                .moments
                .get(1)
                .is_some_and(|m| m.at <= report.durable)
            {
                promises.moments.pop_front();
            }
        }
        let waits = self.engine.config.appendfsync == AppendFsync::Always && self.append.is_named();
        let waited = std::mem::replace(&mut promises.waits, waits);
        if waited && waits && last < Some(at) && self.engine.commits.seal() < at {
            self.fail("a reply does not wait until its write is durable".to_owned());
        }
    }

    /// What it has promised; `None` if nothing was.
    pub fn promised(&self) -> Option<Left> {
        let promises = &self.promises;
        if !self.append.is_on() || !promises.named {
            return None;
        }
        let mut moments: Vec<Moment> = promises.moments.iter().cloned().collect();
        if promises.unsound_ms + RECOVERS_MS < self.now_ms {
            let old = |moment: &Moment| moment.ms + MAY_LOSE_MS < self.now_ms;
            let lost = moments.iter().rposition(old);
            moments.drain(..lost.unwrap_or(0));
        }
        Some(Left {
            moments,
            ended_ms: self.now_ms,
        })
    }

    /// Looks at what was loaded.
    pub(super) fn check_promises(&self, left: &Left) -> Result<(), String> {
        let (print, now_ms) = (Print::of(&self.engine), self.engine.clock.unix_ms);
        if left.moments.iter().any(|m| m.print.is(&print, now_ms)) {
            return Ok(());
        }
        let moments: Vec<_> = left.moments.iter().map(|m| (m.at, m.ms)).collect();
        let (ended_ms, found) = (left.ended_ms, self.dataset());
        let differences = left.moments.iter().filter_map(|moment| {
            let all = moment.all.as_ref()?;
            let keys = all.keys().chain(found.keys());
            let keys = keys.filter(|key| all.get(*key) != found.get(*key));
            let lines = keys.map(|key| {
                let (had, has) = (all.get(key), found.get(key));
                format!("\n   {key:?}: had {had:?}, has {has:?}")
            });
            Some((moment.at, lines.collect::<Vec<_>>()))
        });
        let nearest = differences.min_by_key(|(_, lines)| lines.len());
        let nearest =
            nearest.map(|(at, lines)| format!("\n the nearest is {at:?}{}", lines.concat()));
        Err(format!(
            "what was loaded is none of the datasets since what was promised\n the process ended at {ended_ms}, and had \
             {moments:?}{}",
            nearest.unwrap_or_default()
        ))
    }
}
