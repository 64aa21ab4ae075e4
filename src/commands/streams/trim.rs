//! The options of XADD and XTRIM that say how a stream is shortened.
//!
//! What an approximate trim removes depends on how the entries stand in nodes, so that replicas get the
//! outcome: `MAXLEN = <length>` or `MINID = <first id>`. The word LIMIT stays in what they get: a
//! replica ignores it.

use super::ids;
use super::refs;
use crate::commands::{Args, ClientFlags, CommandError, Cx, Event};
use crate::keyspace::value::Stream;
use crate::keyspace::value::stream::{Bound, References, Trim};
use crate::rdb::stream::StreamId;

/// `[NOMKSTREAM] [KEEPREF|DELREF|ACKED] [MAXLEN|MINID [=|~] threshold [LIMIT count]]`
#[derive(Debug, Default)]
pub struct TrimOptions {
    /// XADD must not create the key.
    pub no_make: bool,
    bound: Option<Bound>,
    approximate: bool,
    limit: u64,
    references: Option<References>,
    /// Where the threshold stands.
    threshold_at: usize,
}

/// Entries that an approximate trim without LIMIT removes at most, in nodes;
const LIMIT_NODES: usize = 100;
/// where nodes have no limit in entries;
const LIMIT_ENTRIES: u64 = 10_000;
/// and in any case.
const LIMIT_MOST: u64 = 1_000_000;

impl TrimOptions {
    /// Reads the options behind the key, and gives the index of what follows them: of XADD the id.
    ///
    /// # Errors
    /// As the reference words them.
    pub fn parse(cx: &Cx<'_>, args: Args<'_>, adds: bool) -> Result<(Self, usize), CommandError> {
        let mut options = TrimOptions::default();
        let mut limit = None;
        let mut at = 2;
        while at < args.len() {
            let more = args.len() - 1 - at;
            if adds && &args[at] == b"*" {
                break;
            } else if (args.is(at, "MAXLEN") || args.is(at, "MINID")) && more > 0 {
                at = options.bound(args, at)?;
            } else if args.is(at, "LIMIT") && more > 0 {
                let count = args.int(at + 1)?;
                limit =
                    Some(u64::try_from(count).map_err(|_| {
                        CommandError::fixed("ERR The LIMIT argument must be >= 0.")
                    })?);
                at += 2;
            } else if let Some(word) = refs::references(&args[at])
                && options.references.is_none()
            {
                options.references = Some(word);
                at += 1;
            } else if adds && args.is(at, "NOMKSTREAM") {
                options.no_make = true;
                at += 1;
            } else if adds {
                // An id, or else the error is about it.
                ids::NewId::parse(&args[at])?;
                break;
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        if options.bound.is_none() && limit.is_some_and(|limit| limit > 0) {
            return Err(CommandError::fixed(
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
            ));
        }
        if options.bound.is_none() && !adds {
            return Err(CommandError::fixed(
                "ERR syntax error, XTRIM must be called with a trimming strategy",
            ));
        }
        options.set_limit(cx, limit)?;
        Ok((options, at))
    }

    fn bound(&mut self, args: Args<'_>, at: usize) -> Result<usize, CommandError> {
        if self.bound.is_some() {
            return Err(CommandError::fixed(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let has_mark = args.len() - 1 - at >= 2 && matches!(&args[at + 1], b"~" | b"=");
        self.approximate = has_mark && &args[at + 1] == b"~";
        self.threshold_at = at + 1 + usize::from(has_mark);
        self.bound = Some(if args.is(at, "MAXLEN") {
            let most = args.int(self.threshold_at)?;
            Bound::MaxLen(
                u64::try_from(most)
                    .map_err(|_| CommandError::fixed("ERR The MAXLEN argument must be >= 0."))?,
            )
        } else {
            Bound::MinId(ids::id(&args[self.threshold_at])?)
        });
        Ok(self.threshold_at + 1)
    }

    fn set_limit(&mut self, cx: &Cx<'_>, given: Option<u64>) -> Result<(), CommandError> {
        // Our primary has settled already what goes.
        if cx.client.flags.contains(ClientFlags::MASTER) {
            return Ok(());
        }
        self.limit = match given {
            Some(_) if !self.approximate => {
                return Err(CommandError::fixed(
                    "ERR syntax error, LIMIT cannot be used without the special ~ option",
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

    /// Trims the stream at `key`, with its event; of an approximate trim, what replicas get.
    pub fn run(&self, cx: &mut Cx<'_>, key: &[u8]) -> Option<Settled> {
        let trim = Trim {
            bound: self.bound?,
            approximate: self.approximate,
            limit: self.limit,
            references: self.references.unwrap_or_default(),
        };
        let loc = cx.db().find(key)?;
        let ((gone, outcome), _) = cx.edit::<Stream, _>(loc, |stream, _| {
            let gone = stream.trim(&trim);
            let outcome = match trim.bound {
                Bound::MaxLen(_) => stream.len().to_string(),
                // Of the first node as it stands, deleted entries included.
                Bound::MinId(_) => ids::text(stream.first_kept_id().unwrap_or(StreamId::MAX)),
            };
            (gone, outcome)
        });
        if gone > 0 {
            cx.notify(Event::Stream, "xtrim", key);
        }
        self.approximate.then_some(Settled {
            threshold_at: self.threshold_at,
            outcome,
        })
    }
}

/// What an approximate trim came to.
#[derive(Debug)]
pub struct Settled {
    threshold_at: usize,
    outcome: String,
}

impl Settled {
    /// Puts it in the place of what the client wrote.
    pub fn write<'a>(&'a self, effect: &mut [&'a [u8]]) {
        effect[self.threshold_at - 1] = b"=";
        effect[self.threshold_at] = self.outcome.as_bytes();
    }
}
