//! HGETEX, HSETEX, HGETDEL: reading or writing fields together with their expiry.

use super::expire::{BAD_COUNT, Time, deleted, is_past, parse_fields};
use base::integer::parse_int;
use engine::expired_fields::{Horizon, reap_due};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::{Hash, NewExpiry};
use keyspace::{Loc, UnixMillis};
use std::collections::{BTreeMap, BTreeSet};

pub fn hgetdel(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let found = cx.find_to_write::<Hash>(key)?;
    let fields = parse_fields(args, 2, BAD_COUNT)?;
    cx.client.reply.array(fields.len());
    let Some(loc) = found.and_then(|loc| reap_due(cx, key, loc, fields)) else {
        fields.iter().for_each(|_| cx.client.reply.null());
        return Ok(());
    };
    let horizon = Horizon::of(cx);
    let (removed, left) = cx.edit::<Hash, _>(loc, |hash, env| {
        let mut removed = 0;
        for field in fields {
            match hash.as_ref().get_with_expire(field) {
                Some((value, expire)) if !horizon.hides(expire) => env.reply.item(value),
                _ => {
                    env.reply.null();
                    continue;
                }
            }
            hash.remove(field);
            removed += 1;
        }
        removed
    });
    if removed > 0 {
        let mut effect: Vec<&[u8]> = vec![b"HDEL", key];
        effect.extend_from_slice(fields);
        cx.propagate_as(&effect);
        cx.changed(key, removed);
        cx.notify(Event::Hash, "hdel", key);
        cx.notify_if_gone(key, left);
    }
    Ok(())
}

/// What HGETEX does to the fields it reads.
#[derive(Clone, Copy)]
enum Then {
    Nothing,
    Persist,
    Expire(UnixMillis),
}

pub fn hgetex(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let found = cx.find_to_write::<Hash>(key)?;
    let (then, fields_at) = if let Some(time) = Time::option(args, 2) {
        (Then::Expire(time.parse(&args[3], cx, "hgetex")?), 4)
    } else if args.is(2, "PERSIST") {
        (Then::Persist, 3)
    } else {
        (Then::Nothing, 2)
    };
    if args.len() < fields_at + 2 {
        return Err(CommandError::arity("hgetex"));
    }
    let fields = parse_fields(args, fields_at, BAD_COUNT)?;
    cx.client.reply.array(fields.len());
    let Some(loc) = found.and_then(|loc| reap_due(cx, key, loc, fields)) else {
        fields.iter().for_each(|_| cx.client.reply.null());
        return Ok(());
    };
    let horizon = Horizon::of(cx);
    let (hash, env) = cx.read::<Hash>(loc);
    let (mut present, mut volatile) = (Vec::new(), false);
    for &field in fields {
        match hash.get_with_expire(field) {
            Some((value, expire)) if !horizon.hides(expire) => {
                env.reply.item(value);
                present.push(field);
                volatile |= expire.is_some();
            }
            _ => env.reply.null(),
        }
    }
    if present.is_empty() {
        return Ok(());
    }
    let words = &args.from(fields_at)[..2];
    match then {
        Then::Persist if volatile => {
            let (changes, _) = cx.edit::<Hash, _>(loc, |hash, _| {
                let persisted = present.iter().filter(|field| {
                    let mut volatile = false;
                    hash.change_expire(field, |old| {
                        volatile = old.is_some();
                        match volatile {
                            true => NewExpiry::Never,
                            false => NewExpiry::Same,
                        }
                    });
                    volatile
                });
                persisted.count() as i64
            });
            let mut effect: Vec<&[u8]> = vec![b"HPERSIST", key];
            effect.extend_from_slice(words);
            effect.extend_from_slice(fields);
            cx.propagate_as(&effect);
            cx.changed(key, changes);
            cx.notify(Event::Hash, "hpersist", key);
        }
        Then::Expire(at) if is_past(cx, at) => {
            let (gone, left) = cx.edit::<Hash, _>(loc, |hash, _| {
                present.retain(|field| hash.remove(field));
                present
            });
            deleted(cx, key, &gone, left);
        }
        Then::Expire(at) => {
            cx.edit::<Hash, _>(loc, |hash, env| {
                for field in &present {
                    hash.set_expire(field, Some(at), env.limits);
                }
            });
            cx.no_propagate();
            if cx.engine.takes_effects() {
                let at = at.to_string();
                let mut effect: Vec<&[u8]> = vec![b"HPEXPIREAT", key, at.as_bytes()];
                effect.extend_from_slice(words);
                effect.extend_from_slice(fields);
                cx.propagate_as(&effect);
            }
            cx.changed(key, present.len() as i64);
            cx.notify(Event::Hash, "hexpire", key);
        }
        Then::Nothing | Then::Persist => {}
    }
    Ok(())
}

/// The options of HSETEX.
struct SetRequest<'a> {
    /// FNX: only if none of the fields exists.
    only_new: bool,
    /// FXX: only if all of the fields exist.
    only_old: bool,
    /// NX (`false`) or XX (`true`), options of Valkey: only if the key does not exist, or does.
    key_exists: Option<bool>,
    keep_expire: bool,
    /// The new expiry.
    expire: Option<UnixMillis>,
    /// field, value, field, value ...
    pairs: &'a [&'a [u8]],
}

impl<'a> SetRequest<'a> {
    fn parse(args: Args<'a>, cx: &Cx<'_>) -> Result<Self, CommandError> {
        let mut request = SetRequest {
            only_new: false,
            only_old: false,
            key_exists: None,
            keep_expire: false,
            expire: None,
            pairs: &[],
        };
        let mut words = args.options(2);
        while let Some(word) = words.peek() {
            let time = Time::option(args, words.at());
            if words.take("FIELDS") {
                let count = words.skip().ok_or(CommandError::arity("hsetex"))?;
                let count = parse_int(count).filter(|&n| n > 0 && n <= i64::MAX / 2);
                let count = count.ok_or(CommandError::fixed(&"ERR invalid number of fields"))?;
                request.pairs = args.from(words.at());
                if request.pairs.len() as i64 != 2 * count {
                    return Err(CommandError::arity("hsetex"));
                }
                return Ok(request);
            } else if let Some(only_new) = words.take_one_of(&[("FNX", true), ("FXX", false)]) {
                if request.only_new || request.only_old {
                    return Err(CommandError::fixed(
                        &"ERR Only one of FXX or FNX arguments can be specified",
                    ));
                }
                request.only_new = only_new;
                request.only_old = !only_new;
            } else if let Some(exists) = words.take_one_of(&[("NX", false), ("XX", true)]) {
                if request.key_exists.is_some() {
                    return Err(CommandError::SYNTAX);
                }
                request.key_exists = Some(exists);
            } else if time.is_some() || args.is(words.at(), "KEEPTTL") {
                if request.keep_expire || request.expire.is_some() {
                    return Err(CommandError::fixed(
                        &"ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
                    ));
                }
                words.skip();
                match time {
                    None => request.keep_expire = true,
                    Some(time) => {
                        let text = words.skip().ok_or(CommandError::arity("hsetex"))?;
                        request.expire = Some(time.parse(text, cx, "hsetex")?);
                    }
                }
            } else {
                return Err(CommandError::quoting("ERR unknown argument: {}", &[word]));
            }
        }
        Err(CommandError::arity("hsetex"))
    }

    fn fields(&self) -> Vec<&'a [u8]> {
        self.pairs.iter().step_by(2).copied().collect()
    }

    fn condition_holds(&self, cx: &mut Cx<'_>, found: Option<Loc>) -> bool {
        if self
            .key_exists
            .is_some_and(|asked| asked != found.is_some())
        {
            return false;
        }
        if !self.only_new && !self.only_old {
            return true;
        }
        let Some(loc) = found else {
            return self.only_new;
        };
        let horizon = Horizon::of(cx);
        let (hash, _) = cx.read::<Hash>(loc);
        let exists = |field: &[u8]| {
            let found = hash.get_with_expire(field);
            found.is_some_and(|(_, expire)| !horizon.hides(expire))
        };
        match self.only_new {
            true => !self.fields().into_iter().any(exists),
            false => self.fields().into_iter().all(exists),
        }
    }
}

/// Those of `fields` that are there have expired, and are about to be set again. They count as expired, but are not
/// deleted first: a hash without other fields would be deleted with them, and lose the time at which it expires itself.
fn supersede_due(cx: &mut Cx<'_>, key: &[u8], loc: Loc, fields: &[&[u8]]) {
    let horizon = Horizon::of(cx);
    let (hash, _) = cx.read::<Hash>(loc);
    if !horizon.hides(hash.min_expire()) {
        return;
    }
    let there = fields.iter().filter(|field| hash.get(field).is_some());
    let due = there.collect::<BTreeSet<_>>().len();
    if due > 0 && cx.deletes_expired() {
        cx.engine.stats.expired_subkeys += due as u64;
        cx.notify(Event::Hash, "hexpired", key);
    }
}

pub fn hsetex(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let request = SetRequest::parse(args, cx)?;
    let key = &args[1];
    let mut loc = cx.find_to_write::<Hash>(key)?;
    let all_new =
        request.key_exists.is_none() && request.only_new && request.condition_holds(cx, loc);
    if all_new {
        if let Some(loc) = loc {
            supersede_due(cx, key, loc, &request.fields());
        }
    } else if request.only_new || request.only_old {
        loc = loc.and_then(|loc| reap_due(cx, key, loc, &request.fields()));
    }
    if !all_new && !request.condition_holds(cx, loc) {
        cx.client.reply.int(0);
        return Ok(());
    }
    cx.client.reply.int(1);
    let past = request.expire.is_some_and(|at| is_past(cx, at));
    let takes_effects = cx.engine.takes_effects();
    let mut expiries: BTreeMap<UnixMillis, Vec<&[u8]>> = BTreeMap::new();
    let (_, left) = cx.edit_or_create::<Hash, _>(key, loc, |hash, env| {
        for pair in request.pairs.chunks_exact(2) {
            let (field, value) = (pair[0], pair[1]);
            match request.expire {
                _ if past => {
                    hash.remove(field);
                }
                // With FNX, there is no expiry to keep: fields that are there have expired.
                _ if request.keep_expire && !request.only_new => {
                    hash.set_keep_expire(field, value, env.limits);
                    if takes_effects
                        && let Some((_, Some(at))) = hash.as_ref().get_with_expire(field)
                    {
                        expiries.entry(at).or_default().push(field);
                    }
                }
                None => {
                    hash.set(field, value, env.limits);
                }
                Some(at) => {
                    hash.set_until(field, value, at, env.limits);
                    if takes_effects {
                        expiries.entry(at).or_default().push(field);
                    }
                }
            }
        }
    });
    cx.notify(Event::Hash, "hset", key);
    if past {
        deleted(cx, key, &request.fields(), left);
        return Ok(());
    }
    cx.changed(key, request.pairs.len() as i64 / 2);
    if request.expire.is_some() {
        cx.notify(Event::Hash, "hexpire", key);
    }
    cx.no_propagate();
    if !takes_effects {
        return Ok(());
    }
    // Servers before Redis 8.0 do not know HSETEX. HSET drops a field's expiry, so the expiry is set again after it.
    let mut effect: Vec<&[u8]> = vec![b"HSET", key];
    effect.extend_from_slice(request.pairs);
    cx.propagate_as(&effect);
    for (at, fields) in expiries {
        let (at, count) = (at.to_string(), fields.len().to_string());
        let mut effect: Vec<&[u8]> = vec![b"HPEXPIREAT", key, at.as_bytes()];
        effect.extend([b"FIELDS".as_slice(), count.as_bytes()]);
        effect.extend(fields);
        cx.also_propagate(&effect);
    }
    Ok(())
}
