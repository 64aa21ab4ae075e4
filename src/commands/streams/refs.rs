//! XDELEX and XACKDEL: deletion that takes references of consumer groups into account.
//!
//! Servers before Redis 8.2 do not know them: replicas get the removed entries as XDEL, and those that are no longer
//! pending as XACK.

use super::trim::with_ids;
use super::{all_ids, edit_group, ids};
use base::integer::parse_int;
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::Stream;
use keyspace::value::stream::References;
use rdb::stream::StreamId;

/// `KEEPREF|DELREF|ACKED`
pub fn references(word: &[u8]) -> Option<References> {
    let words = [
        (b"KEEPREF".as_slice(), References::Keep),
        (b"DELREF", References::Remove),
        (b"ACKED", References::Respect),
    ];
    let found = words.iter().find(|(own, _)| own.eq_ignore_ascii_case(word));
    found.map(|(_, references)| *references)
}

/// `[KEEPREF|DELREF|ACKED] IDS count id ...`
struct Request<'a> {
    references: References,
    ids: &'a [&'a [u8]],
}

impl<'a> Request<'a> {
    fn parse(args: Args<'a>, from: usize) -> Result<Self, CommandError> {
        let (mut policy, mut ids) = (None, None);
        let mut words = args.options(from);
        while let Some(word) = words.peek() {
            if policy.is_none()
                && let Some(named) = references(word)
            {
                policy = Some(named);
                words.skip();
            } else if let Some(count) = words.take_value("IDS") {
                let count = parse_int(count).filter(|n| *n > 0);
                let count = count.ok_or(CommandError::fixed(
                    &"ERR Number of IDs must be a positive integer",
                ))?;
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                ids = Some(words.take_next(count).ok_or(CommandError::fixed(
                    &"ERR The `numids` parameter must match the number of arguments",
                ))?);
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(Request {
            references: policy.unwrap_or(References::Keep),
            ids: ids.ok_or(CommandError::SYNTAX)?,
        })
    }
}

/// The answer for an id.
const NOT_THERE: i64 = -1;
const DELETED: i64 = 1;
const STILL_AWAITED: i64 = 2;

/// The changes of a stream, for the replicas.
#[derive(Default)]
struct Done {
    /// Entries that went.
    deleted: Vec<String>,
    /// The entries that are no longer pending, by group.
    acknowledged: Vec<(Vec<u8>, Vec<String>)>,
}

impl Done {
    fn acknowledged(&mut self, group: &[u8], id: StreamId) {
        let id = ids::text(id);
        match self.acknowledged.iter_mut().find(|(name, _)| name == group) {
            Some((_, ids)) => ids.push(id),
            None => self.acknowledged.push((group.to_vec(), vec![id])),
        }
    }

    /// Notes which groups will drop an entry from their pending lists.
    fn forgotten(&mut self, stream: &Stream, id: StreamId) {
        for (name, _) in stream.groups().filter(|(_, g)| g.pending(id).is_some()) {
            self.acknowledged(name, id);
        }
    }

    fn propagate(&self, cx: &mut Cx<'_>, key: &[u8]) {
        cx.no_propagate();
        for (group, ids) in &self.acknowledged {
            cx.also_propagate(&with_ids(&[b"XACK", key, group], ids));
        }
        if !self.deleted.is_empty() {
            cx.also_propagate(&with_ids(&[b"XDEL", key], &self.deleted));
        }
    }
}

/// Deletes an entry, as far as the groups allow it.
fn delete(stream: &mut Stream, id: StreamId, references: References) -> i64 {
    if references == References::Respect && stream.is_awaited(id) {
        return STILL_AWAITED;
    }
    if references == References::Remove {
        stream.forget_pending(id);
    }
    match stream.delete(id) {
        true => DELETED,
        false => NOT_THERE,
    }
}

pub fn xdelex(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let found = cx.find_to_write::<Stream>(key)?;
    let request = Request::parse(args, 2)?;
    let Some(loc) = found else {
        all_missing(cx, request.ids.len());
        return Ok(());
    };
    let ids = all_ids(request.ids)?;
    let mut done = Done::default();
    let ((gone, forgotten), _) = cx.edit::<Stream, _>(loc, |stream, env| {
        env.reply.array(ids.len());
        let (mut gone, mut forgotten) = (0, 0);
        for id in &ids {
            let pending = request.references == References::Remove && stream.is_pending(*id);
            if pending {
                done.forgotten(stream, *id);
            }
            let outcome = delete(stream, *id, request.references);
            if outcome == DELETED {
                done.deleted.push(ids::text(*id));
            }
            gone += i64::from(outcome == DELETED);
            forgotten += i64::from(pending && outcome != DELETED);
            env.reply.int(outcome);
        }
        (gone, forgotten)
    });
    done.propagate(cx, key);
    // Redis 8.2 does not tell its replicas that ids of entries deleted earlier are no longer pending.
    cx.engine.dirty += forgotten;
    if gone > 0 {
        cx.changed(key, gone);
        cx.notify(Event::Stream, "xdel", key);
    }
    Ok(())
}

pub fn xackdel(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, name) = (&args[1], &args[2]);
    let found = cx.find_to_write::<Stream>(key)?;
    let request = Request::parse(args, 3)?;
    let there = found.filter(|loc| cx.read::<Stream>(*loc).0.group(name).is_some());
    let Some(loc) = there else {
        all_missing(cx, request.ids.len());
        return Ok(());
    };
    let ids = all_ids(request.ids)?;
    cx.client.reply.array(ids.len());
    let mut told = Done::default();
    let (mut done, mut gone) = (0, 0);
    for id in &ids {
        let acknowledged = edit_group(cx, key, name, |group| group.acknowledge(*id));
        if acknowledged != Some(true) {
            cx.client.reply.int(NOT_THERE);
            continue;
        }
        done += 1;
        told.acknowledged(name, *id);
        let (outcome, _) = cx.edit::<Stream, _>(loc, |stream, _| {
            if request.references == References::Remove {
                told.forgotten(stream, *id);
            }
            delete(stream, *id, request.references)
        });
        if outcome == DELETED {
            told.deleted.push(ids::text(*id));
        }
        gone += i64::from(outcome == DELETED);
        // An entry that is acknowledged here and was deleted before counts as deleted in the reply.
        cx.client.reply.int(match outcome {
            NOT_THERE => DELETED,
            outcome => outcome,
        });
    }
    told.propagate(cx, key);
    cx.engine.dirty += done;
    if gone > 0 {
        cx.changed(key, 0);
        cx.notify(Event::Stream, "xdel", key);
    }
    Ok(())
}

fn all_missing(cx: &mut Cx<'_>, count: usize) {
    let reply = &mut cx.client.reply;
    reply.array(count);
    (0..count).for_each(|_| reply.int(NOT_THERE));
}
