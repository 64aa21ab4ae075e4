//! The options of XADD and XTRIM that say how a stream is shortened.
//!
//! What an approximate trim removes depends on how the entries are divided into nodes, so replicas receive the result:
//! `MAXLEN = <length>` or `MINID = <first id>`. LIMIT stays in what they receive, because a replica ignores it. Servers
//! before Redis 8.2 do not know the options about references, so replicas receive their effects as XTRIM, XDEL and
//! XACK.

use super::ids;
use super::once::Once;
use super::refs;
use engine::args::int_of;
use engine::{Args, ClientFlags, CommandError, Cx, Event, Options};
use keyspace::Loc;
use keyspace::value::Stream;
use keyspace::value::stream::{Bound, References, Trim};
use rdb::stream::StreamId;

/// `[NOMKSTREAM] [KEEPREF|DELREF|ACKED] [MAXLEN|MINID [=|~] threshold [LIMIT count]]`
#[derive(Debug, Default)]
pub struct TrimOptions {
    /// XADD must not create the key.
    pub no_make: bool,
    /// XADD adds the entry only once.
    pub once: Option<Once>,
    bound: Option<Bound>,
    approximate: bool,
    limit: u64,
    references: Option<References>,
    /// The index of the option about references.
    references_at: Option<usize>,
    /// The index of the threshold.
    threshold_at: usize,
}

/// The default LIMIT of an approximate trim, as a number of full nodes.
const LIMIT_NODES: usize = 100;
/// The default LIMIT if nodes have no limit in entries.
const LIMIT_ENTRIES: u64 = 10_000;
/// The highest default LIMIT in any case.
const LIMIT_MOST: u64 = 1_000_000;

impl TrimOptions {
    /// Reads the options after the key, and gives the index after them, which for XADD is that of the id.
    ///
    /// # Errors
    /// As the reference words them.
    pub fn parse(cx: &Cx<'_>, args: Args<'_>, adds: bool) -> Result<(Self, usize), CommandError> {
        let mut options = TrimOptions::default();
        let mut limit = None;
        let mut words = args.options(2);
        while let Some(word) = words.peek() {
            if adds && word == b"*" {
                break;
            } else if let Some(first) = words.take_value("MAXLEN") {
                let most = int_of(options.threshold(&mut words, first)?)?;
                options.bound = Some(Bound::MaxLen(u64::try_from(most).map_err(|_| {
                    CommandError::fixed(&"ERR The MAXLEN argument must be >= 0.")
                })?));
            } else if let Some(first) = words.take_value("MINID") {
                let least = options.threshold(&mut words, first)?;
                options.bound = Some(Bound::MinId(ids::id(least)?));
            } else if let Some(count) = words.take_value("LIMIT") {
                limit =
                    Some(u64::try_from(int_of(count)?).map_err(|_| {
                        CommandError::fixed(&"ERR The LIMIT argument must be >= 0.")
                    })?);
            } else if let Some(policy) = refs::references(word)
                && options.references.is_none()
            {
                options.references = Some(policy);
                options.references_at = Some(words.at());
                words.skip();
            } else if adds && words.take("NOMKSTREAM") {
                options.no_make = true;
            } else if adds && let Some(once) = Once::parse(args, words.at())? {
                if options.once.is_some() {
                    return Err(CommandError::fixed(
                        &"ERR syntax error, IDMP/IDMPAUTO specified multiple times",
                    ));
                }
                options.once = Some(once);
                words.take_next(once.words);
            } else if adds {
                // An id, or else the error is about it.
                ids::NewId::parse(word)?;
                break;
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        if options.bound.is_none() && limit.is_some_and(|limit| limit > 0) {
            return Err(CommandError::fixed(
                &"ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
            ));
        }
        if options.bound.is_none() && !adds {
            return Err(CommandError::fixed(
                &"ERR syntax error, XTRIM must be called with a trimming strategy",
            ));
        }
        options.set_limit(cx, limit)?;
        Ok((options, words.at()))
    }

    /// What follows the name of a strategy, and begins with `first`: a mark, perhaps, and the threshold.
    fn threshold<'a>(
        &mut self,
        words: &mut Options<'a>,
        first: &'a [u8],
    ) -> Result<&'a [u8], CommandError> {
        if self.bound.is_some() {
            return Err(CommandError::fixed(
                &"ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let mut threshold = first;
        if matches!(first, b"~" | b"=")
            && let Some(after_mark) = words.skip()
        {
            self.approximate = first == b"~";
            threshold = after_mark;
        }
        self.threshold_at = words.at() - 1;
        Ok(threshold)
    }

    fn set_limit(&mut self, cx: &Cx<'_>, given: Option<u64>) -> Result<(), CommandError> {
        // The primary has decided already which entries are removed.
        if cx.client.flags.contains(ClientFlags::MASTER) {
            return Ok(());
        }
        self.limit = match given {
            Some(_) if !self.approximate => {
                return Err(CommandError::fixed(
                    &"ERR syntax error, LIMIT cannot be used without the special ~ option",
                ));
            }
            Some(limit) => limit,
            None if self.approximate => {
                match (LIMIT_NODES * cx.engine.limits.stream_node_max_entries) as u64 {
                    0 => LIMIT_ENTRIES,
                    entries => entries.min(LIMIT_MOST),
                }
            }
            None => 0,
        };
        Ok(())
    }

    /// Trims the stream at `key`, and publishes the event. Returns what replicas get instead of the client's words, if
    /// those do not determine the result or only the latest servers know them.
    pub fn run(&self, cx: &mut Cx<'_>, key: &[u8]) -> Option<Settled> {
        let trim = self.bound.map(|bound| Trim {
            bound,
            approximate: self.approximate,
            limit: self.limit,
            references: self.references.unwrap_or_default(),
        });
        let Some(trim) = trim else {
            return self.references_at.map(|_| Settled::entries());
        };
        let loc = cx.db().find(key)?;
        let minds_groups = trim.references != References::Keep;
        let entries = minds_groups.then(|| Settled::of_entries(cx, loc, &trim));
        let ((gone, outcome), _) = cx.edit::<Stream, _>(loc, |stream, _| {
            let gone = stream.trim(&trim);
            let outcome = match trim.bound {
                Bound::MaxLen(_) => stream.len().to_string(),
                // That of the first node, deleted entries included.
                Bound::MinId(_) => ids::text(stream.first_kept_id().unwrap_or(StreamId::MAX)),
            };
            (gone, outcome)
        });
        if gone > 0 {
            cx.notify(Event::Stream, "xtrim", key);
        }
        if entries.is_some() {
            return entries;
        }
        let settles = self.approximate || self.references_at.is_some();
        settles.then_some(Settled::Options {
            threshold_at: self.threshold_at,
            outcome: self.approximate.then_some(outcome),
            references_at: self.references_at,
        })
    }
}

/// The result of a trim, in words that servers of all versions know.
#[derive(Debug)]
pub enum Settled {
    /// The options are kept, except these.
    Options {
        /// The index of the threshold, after `~`.
        threshold_at: usize,
        /// The text to write there, after `=`.
        outcome: Option<String>,
        /// Servers that do not know this option behave as with KEEPREF.
        references_at: Option<usize>,
    },
    /// The options are replaced by what they did.
    Entries {
        /// Entries that went.
        ids: Vec<String>,
        /// They were the first ones.
        from_front: bool,
        /// The entries that are no longer pending, by group.
        acknowledged: Vec<(Vec<u8>, Vec<String>)>,
    },
}

impl Settled {
    /// Nothing was removed.
    fn entries() -> Settled {
        Settled::Entries {
            ids: Vec::new(),
            from_front: true,
            acknowledged: Vec::new(),
        }
    }

    /// What a trim with DELREF or ACKED is about to do.
    fn of_entries(cx: &mut Cx<'_>, loc: Loc, trim: &Trim) -> Settled {
        if trim.approximate {
            return Settled::entries();
        }
        let (stream, _) = cx.read::<Stream>(loc);
        let (gone, from_front) = stream.entries_to_trim(trim.bound, trim.references);
        let groups = stream
            .groups()
            .filter(|_| trim.references == References::Remove);
        let acknowledged = groups.map(|(name, group)| {
            let pending = gone.iter().filter(|id| group.pending(**id).is_some());
            (name.to_vec(), pending.map(|id| ids::text(*id)).collect())
        });
        Settled::Entries {
            acknowledged: acknowledged.collect(),
            ids: gone.iter().map(|id| ids::text(*id)).collect(),
            from_front,
        }
    }

    /// What replicas get: `effect` is the request, with the id that it made. `id_at` is where XADD has its id.
    pub fn propagate(&self, cx: &mut Cx<'_>, effect: &[&[u8]], id_at: Option<usize>) {
        cx.no_propagate();
        match self {
            Settled::Options {
                threshold_at,
                outcome,
                references_at,
            } => {
                let mut effect = effect.to_vec();
                if let Some(outcome) = outcome {
                    effect[threshold_at - 1] = b"=";
                    effect[*threshold_at] = outcome.as_bytes();
                }
                if let Some(at) = references_at {
                    effect.remove(*at);
                }
                cx.also_propagate(&effect);
            }
            Settled::Entries {
                ids,
                from_front,
                acknowledged,
            } => {
                let key = effect[1];
                if let Some(at) = id_at {
                    cx.also_propagate(&[&[b"XADD", key], &effect[at..]].concat());
                }
                if *from_front && !ids.is_empty() {
                    let left = cx.db().find(key);
                    let left = left.map_or(0, |loc| cx.read::<Stream>(loc).0.len());
                    let left = left.to_string();
                    cx.also_propagate(&[b"XTRIM", key, b"MAXLEN", b"=", left.as_bytes()]);
                } else if !ids.is_empty() {
                    cx.also_propagate(&with_ids(&[b"XDEL", key], ids));
                }
                for (group, ids) in acknowledged.iter().filter(|(_, ids)| !ids.is_empty()) {
                    cx.also_propagate(&with_ids(&[b"XACK", key, group], ids));
                }
            }
        }
    }
}

/// Words followed by ids.
pub fn with_ids<'a>(words: &[&'a [u8]], ids: &'a [String]) -> Vec<&'a [u8]> {
    let ids = ids.iter().map(|id| id.as_bytes());
    words.iter().copied().chain(ids).collect()
}
