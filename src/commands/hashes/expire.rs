//! The expiry of fields: HEXPIRE and family, HTTL and family, HPERSIST.

use base::integer::parse_int;
use engine::expired_fields::Horizon;
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx, Event, Loading};
use keyspace::UnixMillis;
use keyspace::value::{Hash, NewExpiry};
use rdb::walk::REDIS_EXPIRE_MAX;

/// The latest expiry that a client may give a field, Unix ms (46 bits).
const EXPIRE_MAX: UnixMillis = (1 << 46) - 1;

/// How a command writes a point in time.
#[derive(Clone, Copy)]
pub struct Time {
    /// Seconds, not milliseconds.
    pub seconds: bool,
    /// From now on, not from 1970 on.
    pub relative: bool,
}

impl Time {
    /// Reads a time.
    ///
    /// # Errors
    /// Not an integer, negative, or too late for a field.
    pub fn parse(
        self,
        text: &[u8],
        cx: &Cx<'_>,
        command: &str,
    ) -> Result<UnixMillis, CommandError> {
        let now = cx.now();
        // A Valkey may be our primary, whose fields may live longer than those of Redis: their time is the last one that
        // a dump can say. A log may come from a replica of one.
        let obeys =
            cx.client.flags.contains(ClientFlags::MASTER) || cx.engine.loading != Loading::No;
        let n = parse_int(text).ok_or(CommandError::NOT_AN_INTEGER)?;
        if n < 0 {
            return Err(CommandError::fixed(
                &"ERR invalid expire time, must be >= 0",
            ));
        }
        let ms = n.checked_mul(if self.seconds { 1000 } else { 1 });
        let at = ms.and_then(|ms| ms.checked_add(if self.relative { now } else { 0 }));
        let at = match obeys {
            true => at.map(|at| at.min(REDIS_EXPIRE_MAX)),
            false => at.filter(|&at| at <= EXPIRE_MAX),
        };
        at.ok_or_else(|| {
            CommandError::new(format!("ERR invalid expire time in '{command}' command"))
        })
    }

    /// EX, PX, EXAT or PXAT, in any case.
    pub fn option(args: Args<'_>, i: usize) -> Option<Self> {
        let time = |seconds, relative| Time { seconds, relative };
        let words = [
            ("EX", time(true, true)),
            ("PX", time(false, true)),
            ("EXAT", time(true, false)),
            ("PXAT", time(false, false)),
        ];
        args.one_of(i, &words)
    }
}

/// True if setting this expiry means deleting at once. That is decided on a primary only; a replica is sent the
/// deletion.
pub fn is_past(cx: &Cx<'_>, at: UnixMillis) -> bool {
    at <= cx.now() && !cx.engine.repl.is_replica() && cx.engine.loading == Loading::No
}

/// The fields of `FIELDS numfields field ...`, which begins at argument `at` and ends the request.
pub fn parse_fields<'a>(
    args: Args<'a>,
    at: usize,
    bad_count: &'static str,
) -> Result<&'a [&'a [u8]], CommandError> {
    if !args.is(at, "FIELDS") {
        return Err(CommandError::fixed(
            &"ERR Mandatory argument FIELDS is missing or not at the right position",
        ));
    }
    let count = args.get(at + 1).and_then(parse_int).filter(|&n| n > 0);
    let count = count.ok_or_else(|| CommandError::new(bad_count))?;
    let fields = args.from(at + 2);
    if count != fields.len() as i64 {
        return Err(CommandError::fixed(
            &"ERR The `numfields` parameter must match the number of arguments",
        ));
    }
    Ok(fields)
}

/// The error of [`parse_fields`] for a bad count, in most commands.
pub const BAD_COUNT: &str = "ERR Number of fields must be a positive integer";

/// NX, XX, GT, LT.
#[derive(Clone, Copy)]
enum Condition {
    None,
    NoExpiry,
    AnyExpiry,
    Later,
    Earlier,
}

impl Condition {
    fn parse(args: Args<'_>, i: usize) -> Self {
        let words = [
            ("NX", Condition::NoExpiry),
            ("XX", Condition::AnyExpiry),
            ("GT", Condition::Later),
            ("LT", Condition::Earlier),
        ];
        args.one_of(i, &words).unwrap_or(Condition::None)
    }

    fn holds(self, old: Option<UnixMillis>, new: UnixMillis) -> bool {
        match self {
            Condition::None => true,
            Condition::NoExpiry => old.is_none(),
            Condition::AnyExpiry => old.is_some(),
            // No expiry is later than any.
            Condition::Later => old.is_some_and(|old| new > old),
            Condition::Earlier => old.is_none_or(|old| new < old),
        }
    }
}

pub fn hexpire(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    expire(cx, args, "hexpire", true, true)
}

pub fn hpexpire(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    expire(cx, args, "hpexpire", false, true)
}

pub fn hexpireat(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    expire(cx, args, "hexpireat", true, false)
}

pub fn hpexpireat(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    expire(cx, args, "hpexpireat", false, false)
}

fn expire(cx: &mut Cx<'_>, args: Args<'_>, name: &str, seconds: bool, relative: bool) -> CmdResult {
    let key = &args[1];
    let found = cx.find_to_write::<Hash>(key)?;
    let time = Time { seconds, relative };
    let at = time.parse(&args[2], cx, name)?;
    let condition = Condition::parse(args, 3);
    let fields_at = match condition {
        Condition::None => 3,
        _ => 4,
    };
    let fields = parse_fields(
        args,
        fields_at,
        "ERR Parameter `numFields` should be greater than 0",
    )?;
    cx.client.reply.array(fields.len());
    let Some(loc) = found else {
        fields.iter().for_each(|_| cx.client.reply.int(-2));
        return Ok(());
    };
    let (past, horizon) = (is_past(cx, at), Horizon::of(cx));
    let mut done: Vec<&[u8]> = Vec::with_capacity(fields.len());
    let (_, left) = cx.edit::<Hash, _>(loc, |hash, env| {
        for &field in fields {
            let mut reply = -2;
            hash.change_expire(field, |old| {
                let (result, new) = match condition.holds(old, at) {
                    _ if horizon.hides(old) => (-2, NewExpiry::Same),
                    false => (0, NewExpiry::Same),
                    true if past => (2, NewExpiry::Same),
                    true => (1, NewExpiry::At(at)),
                };
                reply = result;
                new
            });
            env.reply.int(reply);
            if reply > 0 {
                done.push(field);
            }
            if reply == 2 {
                hash.remove(field);
            }
        }
    });
    if done.is_empty() {
        return Ok(());
    }
    if past {
        deleted(cx, key, &done, left);
        return Ok(());
    }
    cx.changed(key, done.len() as i64);
    cx.notify(Event::Hash, "hexpire", key);
    if seconds || relative || done.len() < fields.len() {
        let (at, count) = (at.to_string(), done.len().to_string());
        let mut effect: Vec<&[u8]> = vec![b"HPEXPIREAT", key, at.as_bytes()];
        effect.extend_from_slice(&args.from(3)[..fields_at - 3]);
        effect.extend([&args[fields_at], count.as_bytes()]);
        effect.extend(done);
        cx.propagate_as(&effect);
    }
    Ok(())
}

/// Fields were deleted since their new expiry is past: effects, count and events.
pub fn deleted(cx: &mut Cx<'_>, key: &[u8], fields: &[&[u8]], left: usize) {
    cx.no_propagate();
    for field in fields {
        cx.also_propagate(&[b"HDEL", key, field]);
    }
    cx.changed(key, fields.len() as i64);
    cx.notify(Event::Hash, "hdel", key);
    cx.notify_if_gone(key, left);
}

pub fn httl(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let now = cx.now();
    tell(cx, args, |at| (at - now + 999) / 1000)
}

pub fn hpttl(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let now = cx.now();
    tell(cx, args, |at| at - now)
}

pub fn hexpiretime(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    tell(cx, args, |at| (at + 999) / 1000)
}

pub fn hpexpiretime(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    tell(cx, args, |at| at)
}

fn tell(cx: &mut Cx<'_>, args: Args<'_>, show: impl Fn(UnixMillis) -> i64) -> CmdResult {
    let found = cx.find::<Hash>(&args[1])?;
    let fields = parse_fields(args, 2, BAD_COUNT)?;
    cx.client.reply.array(fields.len());
    let Some(loc) = found else {
        fields.iter().for_each(|_| cx.client.reply.int(-2));
        return Ok(());
    };
    let horizon = Horizon::of(cx);
    let (hash, env) = cx.read::<Hash>(loc);
    for field in fields {
        env.reply.int(match hash.get_with_expire(field) {
            None => -2,
            Some((_, expire)) if horizon.hides(expire) => -2,
            Some((_, None)) => -1,
            Some((_, Some(at))) => show(at),
        });
    }
    Ok(())
}

pub fn hpersist(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let found = cx.find_to_write::<Hash>(key)?;
    let fields = parse_fields(args, 2, BAD_COUNT)?;
    cx.client.reply.array(fields.len());
    let Some(loc) = found else {
        fields.iter().for_each(|_| cx.client.reply.int(-2));
        return Ok(());
    };
    let horizon = Horizon::of(cx);
    let (changes, _) = cx.edit::<Hash, _>(loc, |hash, env| {
        let mut changes = 0;
        for field in fields {
            let mut reply = -2;
            hash.change_expire(field, |old| {
                let (result, new) = match old {
                    None => (-1, NewExpiry::Same),
                    old if horizon.hides(old) => (-2, NewExpiry::Same),
                    Some(_) => (1, NewExpiry::Never),
                };
                reply = result;
                new
            });
            env.reply.int(reply);
            changes += i64::from(reply == 1);
        }
        changes
    });
    if changes > 0 {
        cx.changed(key, changes);
        cx.notify(Event::Hash, "hpersist", key);
    }
    Ok(())
}
