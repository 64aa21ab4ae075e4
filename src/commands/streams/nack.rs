//! XNACK of Redis 8.8: a consumer gives entries back, which stay pending without an owner.
//!
//! Older servers have no command for this. The links of replicas that are not known to understand it are closed, and a
//! full sync shows whether those replicas can hold it.

use super::{all_ids, no_key_or_group};
use base::integer::parse_int;
use engine::args::int_of;
use engine::{Args, CmdResult, CommandError, Cx};
use keyspace::value::Stream;
use rdb::stream::StreamId;

/// What XNACK does with the count of deliveries.
#[derive(Clone, Copy)]
enum Mode {
    /// The last delivery does not count.
    Silent,
    /// The delivery counts.
    Fail,
    /// No consumer may get the entry again.
    Fatal,
}

impl Mode {
    fn count(self, before: u64) -> u64 {
        match self {
            Mode::Silent => before.saturating_sub(1),
            Mode::Fail => before,
            Mode::Fatal => i64::MAX as u64,
        }
    }
}

struct Request {
    mode: Mode,
    ids: Vec<StreamId>,
    count: Option<u64>,
    force: bool,
}

impl Request {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let modes = [
            ("SILENT", Mode::Silent),
            ("FAIL", Mode::Fail),
            ("FATAL", Mode::Fatal),
        ];
        let mode = args.one_of(3, &modes).ok_or(CommandError::fixed(
            &"ERR mode must be SILENT, FAIL, or FATAL",
        ))?;
        let mut request = Request {
            mode,
            ids: Vec::new(),
            count: None,
            force: false,
        };
        let mut words = args.options(4);
        while let Some(word) = words.peek() {
            if request.ids.is_empty()
                && let Some(count) = words.take_value("IDS")
            {
                let count = parse_int(count).filter(|n| *n > 0);
                let count = count.and_then(|n| usize::try_from(n).ok());
                let count = count.ok_or(CommandError::fixed(
                    &"ERR numids must be a positive integer",
                ))?;
                let ids = words.take_next(count).ok_or(CommandError::fixed(
                    &"ERR number of IDs doesn't match numids",
                ))?;
                request.ids = all_ids(ids)?;
            } else if let Some(count) = words.take_value("RETRYCOUNT") {
                let count = u64::try_from(int_of(count)?);
                request.count = Some(count.map_err(|_| {
                    CommandError::fixed(&"ERR Invalid RETRYCOUNT value, must be >= 0")
                })?);
            } else if words.take("FORCE") {
                request.force = true;
            } else {
                return Err(CommandError::quoting(
                    "ERR Unrecognized XNACK option '{128}'",
                    &[word],
                ));
            }
        }
        match request.ids.is_empty() {
            true => Err(CommandError::SYNTAX),
            false => Ok(request),
        }
    }
}

pub fn xnack(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, name) = (&args[1], &args[2]);
    let found = cx.find_to_write::<Stream>(key)?;
    let there = found.filter(|loc| cx.read::<Stream>(*loc).0.group(name).is_some());
    let loc = there.ok_or_else(|| no_key_or_group(key, name))?;
    let request = Request::parse(args)?;
    let (done, _) = cx.edit::<Stream, _>(loc, |stream, _| {
        let count = |before| request.count.unwrap_or_else(|| request.mode.count(before));
        let ids = request.ids.iter();
        let given = ids.filter(|id| stream.give_back(name, **id, request.force, count));
        given.count() as i64
    });
    cx.changed(key, done);
    cx.client.reply.int(done);
    Ok(())
}
