//! XPENDING: what a group has not acknowledged.

use super::groups::idle_time;
use super::ids;
use engine::{Args, CmdResult, CommandError, Cx};
use keyspace::value::Stream;
use keyspace::value::stream::{Group, Pending};
use rdb::stream::StreamId;
use resp::Reply;

/// `[IDLE ms] start end count [consumer]`
struct Span<'a> {
    min_idle_ms: i64,
    from: StreamId,
    to: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Span<'a> {
    fn parse(args: Args<'a>) -> Result<Option<Self>, CommandError> {
        if args.len() == 3 {
            return Ok(None);
        }
        if !(6..=9).contains(&args.len()) {
            return Err(CommandError::SYNTAX);
        }
        let (mut at, mut min_idle_ms) = (3, 0);
        if args.is(3, "IDLE") {
            min_idle_ms = idle_time(&args[4], "ERR value is not an integer or out of range")?;
            if args.len() < 8 {
                return Err(CommandError::SYNTAX);
            }
            at = 5;
        }
        let count = args.int(at + 2)?;
        Ok(Some(Span {
            min_idle_ms,
            count: usize::try_from(count).unwrap_or(0),
            from: ids::range_start(&args[at])?,
            to: ids::range_end(&args[at + 1])?,
            consumer: args.get(at + 3),
        }))
    }
}

pub fn xpending(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let span = Span::parse(args)?;
    let (key, name) = (&args[1], &args[2]);
    let no_group = || super::no_key_or_group(key, name);
    let loc = cx.find::<Stream>(key)?.ok_or_else(no_group)?;
    let now = cx.now();
    let (stream, env) = cx.read::<Stream>(loc);
    let group = stream.group(name).ok_or_else(no_group)?;
    match span {
        None => summary(env.reply, group),
        Some(span) => entries(env.reply, group, &span, now),
    }
    Ok(())
}

fn summary(reply: &mut Reply, group: &Group) {
    reply.array(4);
    reply.int(group.pending_count() as i64);
    let Some((first, last)) = group.pending_bounds() else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    ids::reply(reply, first);
    ids::reply(reply, last);
    let mark = reply.len();
    let mut count = 0;
    for (name, consumer) in group.consumers() {
        if consumer.pending_count() > 0 {
            reply.array(2);
            reply.bulk(name);
            reply.bulk_int(consumer.pending_count() as i64);
            count += 1;
        }
    }
    reply.array_at(mark, count);
}

fn entries(reply: &mut Reply, group: &Group, span: &Span<'_>, now: i64) {
    let mark = reply.len();
    let idle = |pending: &Pending| now.saturating_sub(pending.delivered_ms);
    let asked = |(id, pending): &(StreamId, &Pending)| {
        *id <= span.to && (span.min_idle_ms == 0 || idle(pending) >= span.min_idle_ms)
    };
    let mut count = 0;
    let mut show = |(id, pending): (StreamId, &Pending)| {
        reply.array(4);
        ids::reply(reply, id);
        reply.bulk(pending.owner.as_deref().unwrap_or_default());
        reply.int(match pending.owner {
            Some(_) => idle(pending).max(0),
            None => -1,
        });
        reply.int(pending.deliveries.cast_signed());
        count += 1;
    };
    match span.consumer {
        None => {
            let pending = group.pending_from(span.from);
            let pending = pending.take_while(|(id, _)| *id <= span.to);
            pending.filter(asked).take(span.count).for_each(&mut show);
        }
        Some(name) => {
            let consumer = group.consumer(name).into_iter();
            let ids = consumer.flat_map(|consumer| consumer.pending_from(span.from));
            let ids = ids.take_while(|id| *id <= span.to);
            let pending = ids.filter_map(|id| Some((id, group.pending(id)?)));
            pending.filter(asked).take(span.count).for_each(&mut show);
        }
    }
    reply.array_at(mark, count);
}
