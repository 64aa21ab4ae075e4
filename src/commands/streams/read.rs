//! XREAD and XREADGROUP: entries of several streams after given ids, or the first ones to arrive.
//!
//! Both reply with the entries that exist. If there are none, and BLOCK is given, the client waits, and the command
//! runs again when a stream has grown. `$` is replaced by an id before the client waits.

use super::group_read::{self, From};
use super::ids;
use super::range::entries_reply;
use engine::args::{int_of, timeout_ms_of};
use engine::blocking::{Otherwise, WaitFor, deadline_in};
use engine::{Args, CmdResult, CommandError, Cx};
use keyspace::value::Stream;
use rdb::stream::StreamId;
use resp::Proto;

/// `[COUNT n] [BLOCK ms] [GROUP name consumer] [NOACK] STREAMS key ... id ...`
pub(super) struct Request<'a> {
    /// Entries of each stream at most.
    pub(super) count: usize,
    /// Wait, until Unix ms if that is given.
    block: Option<Option<i64>>,
    /// Group and consumer.
    pub(super) group: Option<(&'a [u8], &'a [u8])>,
    /// Entries that are read do not become pending.
    pub(super) noack: bool,
    keys: &'a [&'a [u8]],
    ids: &'a [&'a [u8]],
}

/// Index of the word STREAMS in a request, if it can be found.
pub(super) fn streams_at(args: &Args<'_>) -> Option<usize> {
    let mut at = 1;
    while at < args.len() {
        if args.is(at, "STREAMS") {
            return Some(at);
        }
        let options = [("BLOCK", 1), ("COUNT", 1), ("GROUP", 2), ("NOACK", 0)];
        at += 1 + args.one_of(at, &options)?;
    }
    None
}

/// The keys: the first half of what follows STREAMS.
pub(super) fn keys(args: &Args<'_>, out: &mut Vec<usize>) {
    if let Some(at) = streams_at(args) {
        let words = args.len() - at - 1;
        if words.is_multiple_of(2) {
            out.extend(at + 1..at + 1 + words / 2);
        }
    }
}

impl<'a> Request<'a> {
    fn parse(cx: &Cx<'_>, args: Args<'a>, grouped: bool) -> Result<Self, CommandError> {
        let (mut count, mut block, mut group, mut noack) = (0, None, None, false);
        let mut words = args.options(1);
        let streams = loop {
            if let Some(ms) = words.take_value("BLOCK") {
                let ms = timeout_ms_of(ms)?;
                block = Some(deadline_in(cx, ms as f64)?);
            } else if let Some(most) = words.take_value("COUNT") {
                count = int_of(most)?.max(0);
            } else if words.take_value("STREAMS").is_some() {
                break args.from(words.at() - 1);
            } else if let Some([name, consumer]) = words.take_with("GROUP") {
                if !grouped {
                    return Err(CommandError::fixed(
                        &"ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                group = Some((name, consumer));
            } else if words.take("NOACK") {
                if !grouped {
                    return Err(CommandError::fixed(
                        &"ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                noack = true;
            } else {
                return Err(CommandError::SYNTAX);
            }
        };
        if streams.len() % 2 == 1 {
            return Err(CommandError::new(match grouped {
                true => {
                    "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified."
                }
                false => {
                    "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be specified."
                }
            }));
        }
        if grouped && group.is_none() {
            return Err(CommandError::fixed(
                &"ERR Missing GROUP option for XREADGROUP",
            ));
        }
        let (keys, ids) = streams.split_at(streams.len() / 2);
        Ok(Request {
            count: match count {
                0 => usize::MAX,
                n => n as usize,
            },
            block,
            group,
            noack,
            keys,
            ids,
        })
    }
}

/// The streams of a reply: a map in RESP3, an array of pairs in RESP2; nothing until the first one.
struct Served {
    mark: usize,
    count: usize,
}

impl Served {
    fn begin(cx: &Cx<'_>) -> Self {
        Served {
            mark: cx.client.reply.len(),
            count: 0,
        }
    }

    fn stream(&mut self, cx: &mut Cx<'_>, key: &[u8]) {
        let reply = &mut cx.client.reply;
        if reply.proto == Proto::Resp2 {
            reply.array(2);
        }
        reply.bulk(key);
        self.count += 1;
    }

    /// True if there was anything to answer.
    fn end(self, cx: &mut Cx<'_>) -> bool {
        let reply = &mut cx.client.reply;
        match (self.count, reply.proto) {
            (0, _) => {}
            (n, Proto::Resp2) => reply.array_at(self.mark, n),
            (n, Proto::Resp3) => reply.map_at(self.mark, n),
        }
        self.count > 0
    }
}

pub fn xread(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let request = Request::parse(cx, args, false)?;
    let mut after = Vec::with_capacity(request.keys.len());
    for (key, &text) in request.keys.iter().zip(request.ids) {
        let found = cx.find::<Stream>(key)?;
        let stream = found.map(|loc| cx.read::<Stream>(loc).0);
        after.push(match text {
            b"$" => stream.map_or(StreamId::ZERO, |stream| stream.last_id()),
            b"+" => {
                let last = stream.map_or(StreamId::ZERO, |stream| stream.last_live_id());
                last.prev().unwrap_or(StreamId::ZERO)
            }
            b">" => {
                return Err(CommandError::fixed(
                    &"ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
                ));
            }
            _ => ids::id(text)?,
        });
    }
    let mut served = Served::begin(cx);
    for ((key, text), after) in request.keys.iter().zip(request.ids).zip(&after) {
        // Counted and touched once more, as in the reference.
        let Some(loc) = cx.lookup(key) else {
            continue;
        };
        let Some(from) = after.next() else { continue };
        let (stream, _) = cx.read::<Stream>(loc);
        if stream.is_empty() || stream.last_live_id() <= *after {
            continue;
        }
        served.stream(cx, key);
        let count = if *text == b"+" { 1 } else { request.count };
        let (stream, env) = cx.read::<Stream>(loc);
        entries_reply(env.reply, stream.range(from, StreamId::MAX).take(count));
    }
    if served.end(cx) {
        return Ok(());
    }
    let Some(deadline) = request.block else {
        cx.client.reply.null_array();
        return Ok(());
    };
    // `$` means the end as it is now, also when the request runs again.
    let ids: Vec<String> = after.iter().map(|id| id.to_string()).collect();
    let mut again = args.0.to_vec();
    let ids_at = again.len() - ids.len();
    for (word, id) in again[ids_at..].iter_mut().zip(&ids) {
        if *word == b"$" {
            *word = id.as_bytes();
        }
    }
    cx.block_on(
        Args(&again),
        request.keys,
        WaitFor::Stream,
        deadline,
        Otherwise::NullArray,
    );
    Ok(())
}

pub fn xreadgroup(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let request = Request::parse(cx, args, true)?;
    cx.no_propagate();
    let mut from = Vec::with_capacity(request.keys.len());
    for (key, &text) in request.keys.iter().zip(request.ids) {
        group_read::check(cx, key, &request)?;
        from.push(From::parse(text)?);
    }
    let mut served = Served::begin(cx);
    for (key, from) in request.keys.iter().zip(from) {
        // Counted and touched once more, as in the reference.
        cx.lookup(key);
        let has_news = from == From::New && group_read::has_news(cx, key, &request);
        group_read::create_consumer(cx, key, &request, has_news);
        if from == From::New && !has_news {
            continue;
        }
        served.stream(cx, key);
        match from {
            From::New => group_read::news(cx, key, &request),
            From::History(id) => group_read::history(cx, key, id, &request),
        }
    }
    if served.end(cx) {
        return Ok(());
    }
    match request.block {
        Some(deadline) => {
            let keys = request.keys;
            let wait_for = WaitFor::StreamOrEnd;
            cx.block_on(args, keys, wait_for, deadline, Otherwise::NullArray);
        }
        None => cx.client.reply.null_array(),
    }
    Ok(())
}
