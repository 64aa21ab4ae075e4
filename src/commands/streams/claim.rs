//! XCLAIM and XAUTOCLAIM: change the owner of pending entries.
//!
//! Replicas receive one XCLAIM for each entry, with its resulting state. Entries that are no longer in the stream are
//! dropped from the pending list; replicas are sent an acknowledgement for them, which has the same effect on servers
//! of every version.

use super::effects::{acknowledged, claimed, consumer_created, group_moved};
use super::groups::idle_time;
use super::{edit_group, entry_reply, ids};
use base::integer::parse_int;
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::Stream;
use rdb::stream::StreamId;

/// The consumer that claims, and the options.
struct Claim<'a> {
    key: &'a [u8],
    group: &'a [u8],
    consumer: &'a [u8],
    /// Entries delivered less than this many ms ago remain with their owner.
    min_idle_ms: i64,
    /// What to note as the time of delivery.
    delivered_ms: i64,
    /// What to note as the number of deliveries.
    deliveries: Option<u64>,
    /// Entries that are not pending become pending.
    force: bool,
    /// JUSTID: the reply has only ids, and nothing counts as a delivery.
    just_id: bool,
}

/// What became of one entry.
#[derive(PartialEq, Eq)]
enum Outcome {
    /// The consumer owns the entry now, and it is in the reply.
    Claimed,
    /// The entry was pending, but is no longer in the stream.
    Deleted,
    /// The entry is left as it is.
    Left,
}

impl<'a> Claim<'a> {
    fn new(args: Args<'a>, now: i64) -> Self {
        Claim {
            key: args.0[1],
            group: args.0[2],
            consumer: args.0[3],
            min_idle_ms: 0,
            delivered_ms: now,
            deliveries: None,
            force: false,
            just_id: false,
        }
    }

    /// The key must hold a stream with the group.
    fn check(&self, cx: &mut Cx<'_>) -> CmdResult {
        // This counts as a read, as in Redis.
        let found = cx.find::<Stream>(self.key)?;
        let there = found.is_some_and(|loc| cx.read::<Stream>(loc).0.group(self.group).is_some());
        match there {
            true => Ok(()),
            false => Err(super::no_key_or_group(self.key, self.group)),
        }
    }

    /// Creates the consumer if it does not exist. Returns true if it is new.
    fn create_consumer(&self, cx: &mut Cx<'_>) -> bool {
        let now = cx.now();
        let new = edit_group(cx, self.key, self.group, |group| {
            let new = group.add_consumer(self.consumer, now);
            group.saw(self.consumer, now);
            new
        });
        if new == Some(true) {
            cx.engine.dirty += 1;
            cx.notify(Event::Stream, "xgroup-createconsumer", self.key);
        }
        new == Some(true)
    }

    /// Replicas have to make the consumer, which has claimed nothing.
    fn tell_consumer(&self, cx: &mut Cx<'_>) {
        consumer_created(cx, [self.key, self.group, self.consumer]);
    }

    /// Claims one entry; `text` is its id as replicas get it.
    fn entry(&self, cx: &mut Cx<'_>, id: StreamId, text: &[u8]) -> Outcome {
        let Some(loc) = cx.db().find(self.key) else {
            return Outcome::Left;
        };
        let now = cx.now();
        let (stream, env) = cx.read::<Stream>(loc);
        let Some(group) = stream.group(self.group) else {
            return Outcome::Left;
        };
        let (pending, last_id) = (group.pending(id), group.last_id);
        let Some(entry) = stream.get(id) else {
            if pending.is_none() {
                return Outcome::Left;
            }
            acknowledged(cx, [self.key, self.group], text);
            edit_group(cx, self.key, self.group, |group| group.acknowledge(id));
            cx.engine.dirty += 1;
            return Outcome::Deleted;
        };
        let (owned, delivered_ms, old_deliveries) = match pending {
            Some(pending) => (
                pending.owner.is_some(),
                pending.delivered_ms,
                pending.deliveries,
            ),
            None if self.force => (false, now, 1),
            None => return Outcome::Left,
        };
        let idle = now.saturating_sub(delivered_ms);
        if owned && self.min_idle_ms > 0 && idle < self.min_idle_ms {
            return Outcome::Left;
        }
        let deliveries = match (self.deliveries, self.just_id) {
            (Some(deliveries), _) => deliveries,
            (None, true) => old_deliveries,
            (None, false) => old_deliveries.wrapping_add(1),
        };
        match self.just_id {
            false => entry_reply(env.reply, entry),
            true => ids::reply(env.reply, id),
        }
        edit_group(cx, self.key, self.group, |group| {
            let entries = std::iter::once((id, deliveries));
            group.claim(entries, self.consumer, now, self.delivered_ms);
        });
        let state = (self.delivered_ms, deliveries);
        let names = [self.key, self.group, self.consumer];
        claimed(cx, names, text, state, last_id);
        cx.engine.dirty += 1;
        Outcome::Claimed
    }
}

pub fn xclaim(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    cx.no_propagate();
    let now = cx.now();
    let mut claim = Claim::new(args, now);
    claim.check(cx)?;
    claim.min_idle_ms = idle_time(&args[4], "ERR Invalid min-idle-time argument for XCLAIM")?;
    // Ids up to the first word that is none.
    let ids = args.from(5).iter().map_while(|text| ids::id(text).ok());
    let ids: Vec<StreamId> = ids.collect();
    let last_id = options(&mut claim, args, 5 + ids.len(), now)?;
    let moved = edit_group(cx, claim.key, claim.group, |group| {
        let ahead = last_id > group.last_id;
        group.last_id = group.last_id.max(last_id);
        ahead.then_some((group.last_id, group.entries_read))
    });
    let is_new = claim.create_consumer(cx);
    let (mark, mut count) = (cx.client.reply.len(), 0);
    for (id, text) in ids.iter().zip(args.from(5)) {
        let outcome = claim.entry(cx, *id, text);
        count += usize::from(outcome == Outcome::Claimed);
    }
    cx.client.reply.array_at(mark, count);
    if is_new && count == 0 {
        claim.tell_consumer(cx);
    }
    // Each XCLAIM also carries the last id of the group.
    if let Some((last_id, entries_read)) = moved.flatten().filter(|_| count == 0) {
        group_moved(cx, [claim.key, claim.group], last_id, entries_read);
        cx.engine.dirty += 1;
    }
    Ok(())
}

/// Reads what follows the ids; the group's new last id, or 0-0.
fn options(
    claim: &mut Claim<'_>,
    args: Args<'_>,
    at: usize,
    now: i64,
) -> Result<StreamId, CommandError> {
    let (mut last_id, mut delivered) = (StreamId::ZERO, None);
    let int = |text, error| parse_int(text).ok_or_else(|| CommandError::new(error));
    let mut words = args.options(at);
    while let Some(word) = words.peek() {
        if words.take("FORCE") {
            claim.force = true;
        } else if words.take("JUSTID") {
            claim.just_id = true;
        } else if let Some(text) = words.take_value("IDLE") {
            let idle = int(text, "ERR Invalid IDLE option argument for XCLAIM")?;
            delivered = Some(now.wrapping_sub(idle));
        } else if let Some(text) = words.take_value("TIME") {
            let time = int(text, "ERR Invalid TIME option argument for XCLAIM")?;
            delivered = Some(time);
        } else if let Some(text) = words.take_value("RETRYCOUNT") {
            let count = int(text, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
            claim.deliveries = u64::try_from(count).ok();
        } else if let Some(text) = words.take_value("LASTID") {
            last_id = ids::id(text)?;
        } else {
            return Err(CommandError::quoting(
                "ERR Unrecognized XCLAIM option '{}'",
                &[word],
            ));
        }
    }
    // An impossible time is not an error, because clients calculate with clocks of their own.
    claim.delivered_ms = delivered.filter(|at| (0..=now).contains(at)).unwrap_or(now);
    Ok(last_id)
}

/// Entries looked at for each one that may be answered.
const ATTEMPTS: u64 = 10;

pub fn xautoclaim(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    cx.no_propagate();
    let now = cx.now();
    let mut claim = Claim::new(args, now);
    claim.min_idle_ms = idle_time(
        &args[4],
        "ERR Invalid min-idle-time argument for XAUTOCLAIM",
    )?;
    let cursor = Some(ids::range_start(&args[5])?);
    let mut count = 100;
    let mut words = args.options(6);
    while words.are_left() {
        if let Some(given) = words.take_value("COUNT") {
            let most = i64::MAX as u64 / 16;
            let given = parse_int(given).and_then(|n| u64::try_from(n).ok());
            count = given
                .filter(|n| (1..=most).contains(n))
                .ok_or(CommandError::fixed(&"ERR COUNT must be > 0"))?;
        } else if words.take("JUSTID") {
            claim.just_id = true;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    claim.check(cx)?;
    let is_new = claim.create_consumer(cx);
    let mark = cx.client.reply.len();
    let (judged, next) = judge(cx, &claim, cursor, count);
    settle(cx, &claim, &judged);
    let deleted = judged.iter().filter(|entry| entry.1.is_none());
    let deleted: Vec<StreamId> = deleted.map(|&(id, _)| id).collect();
    let answered = judged.len() - deleted.len();
    if is_new && answered == 0 {
        claim.tell_consumer(cx);
    }
    let reply = &mut cx.client.reply;
    // The id from which to continue comes first.
    reply.insert_at(mark, |head| {
        head.array(3);
        ids::reply(head, next);
        head.array(answered);
    });
    reply.array(deleted.len());
    deleted.iter().for_each(|id| ids::reply(reply, *id));
    Ok(())
}

/// A pending entry that XAUTOCLAIM changes: its new number of deliveries, or `None` if it is no longer in the stream.
type Judged = (StreamId, Option<u64>);

/// Finds `count` pending entries of the group from `from` on that have been idle for long enough or are no longer in
/// the stream, and replies with those that are. Also gives the first pending id that was not looked at; 0-0 if all
/// were.
fn judge(
    cx: &mut Cx<'_>,
    claim: &Claim<'_>,
    from: Option<StreamId>,
    count: u64,
) -> (Vec<Judged>, StreamId) {
    /// Entries of the stream that are passed over before the next pending one is looked for from the top.
    const PASSED: usize = 32;
    let (Some(loc), Some(start)) = (cx.db().find(claim.key), from) else {
        return (Vec::new(), StreamId::ZERO);
    };
    let now = cx.now();
    let (stream, env) = cx.read::<Stream>(loc);
    let Some(group) = stream.group(claim.group) else {
        return (Vec::new(), StreamId::ZERO);
    };
    let wanted = usize::try_from(count).unwrap_or(usize::MAX);
    let mut judged = Vec::with_capacity(wanted.min(group.pending_count()).min(1000));
    let mut attempts = count * ATTEMPTS;
    // Both are sorted by id, so the entries and the pending ones are iterated over together.
    let mut entries = stream.range(start, StreamId::MAX);
    let mut ahead = entries.next();
    for (id, pending) in group.pending_from(start) {
        if judged.len() == wanted || attempts == 0 {
            return (judged, id);
        }
        attempts -= 1;
        let mut passed = 0;
        while ahead.as_ref().is_some_and(|entry| entry.id < id) {
            if passed == PASSED {
                entries = stream.range(id, StreamId::MAX);
            }
            passed += 1;
            ahead = entries.next();
        }
        let Some(entry) = ahead.take_if(|entry| entry.id == id) else {
            judged.push((id, None));
            continue;
        };
        ahead = entries.next();
        let young = pending.owner.is_some()
            && claim.min_idle_ms > 0
            && now.saturating_sub(pending.delivered_ms) < claim.min_idle_ms;
        if young {
            continue;
        }
        match claim.just_id {
            false => entry_reply(env.reply, entry),
            true => ids::reply(env.reply, id),
        }
        let more = u64::from(!claim.just_id);
        judged.push((id, Some(pending.deliveries.wrapping_add(more))));
    }
    (judged, StreamId::ZERO)
}

/// Makes the changes, and tells the replicas.
fn settle(cx: &mut Cx<'_>, claim: &Claim<'_>, judged: &[Judged]) {
    if judged.is_empty() {
        return;
    }
    let now = cx.now();
    let last_id = edit_group(cx, claim.key, claim.group, |group| {
        let claimed = judged.iter().filter_map(|&(id, count)| Some((id, count?)));
        if judged.iter().any(|entry| entry.1.is_some()) {
            group.claim(claimed, claim.consumer, now, claim.delivered_ms);
        }
        for (id, _) in judged.iter().filter(|entry| entry.1.is_none()) {
            group.acknowledge(*id);
        }
        group.last_id
    });
    cx.engine.dirty += judged.len() as i64;
    let Some(last_id) = last_id.filter(|_| cx.engine.takes_effects()) else {
        return;
    };
    for &(id, deliveries) in judged {
        let text = ids::text(id);
        match deliveries {
            Some(deliveries) => {
                let names = [claim.key, claim.group, claim.consumer];
                let state = (claim.delivered_ms, deliveries);
                claimed(cx, names, text.as_bytes(), state, last_id);
            }
            None => acknowledged(cx, [claim.key, claim.group], text.as_bytes()),
        }
    }
}
