//! GET, SET and related commands: whole strings in, whole strings out.

use super::expiry::{Due, past};
use super::strings_conditional::Condition;
use crate::manual;
use engine::spec::{Access, Command, Flags, Group, KeyUse, Keys};
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx, Event};
use keyspace::value::{SharedText, StrRef};
use keyspace::{Loc, ValueRef};
use resp::{Reply, Shared};
use std::borrow::Cow;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "get",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::String,
        summary: "Returns the string value of a key.",
        docs: &manual::strings::GET,
        ..Command::steady(get)
    },
    Command {
        name: "set",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ONE,
        uses: KeyUse::AsAsked(
            Access::READ_UPDATE,
            "RW and ACCESS due to the optional `GET` argument",
            set_access,
        ),
        group: Group::String,
        summary: "Sets the string value of a key, ignoring its type. The key is created if it doesn't exist.",
        docs: &manual::strings::SET,
        ..Command::steady(set)
    },
    Command {
        name: "setnx",
        arity: 3,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CREATE),
        group: Group::String,
        summary: "Set the string value of a key only when the key doesn't exist.",
        docs: &manual::strings::SETNX,
        ..Command::steady(setnx)
    },
    Command {
        name: "setex",
        arity: 4,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::OVERWRITE),
        group: Group::String,
        since: "2.0.0",
        summary: "Sets the string value and expiration time of a key. Creates the key if it doesn't exist.",
        docs: &manual::strings::SETEX,
        ..Command::steady(setex)
    },
    Command {
        name: "psetex",
        arity: 4,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::OVERWRITE),
        group: Group::String,
        since: "2.6.0",
        summary: "Sets both string value and expiration time in milliseconds of a key. The key is created if it doesn't exist.",
        docs: &manual::strings::PSETEX,
        ..Command::steady(psetex)
    },
    Command {
        name: "getset",
        arity: 3,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_UPDATE),
        group: Group::String,
        summary: "Returns the previous string value of a key after setting it to a new value.",
        docs: &manual::strings::GETSET,
        ..Command::steady(getset)
    },
    Command {
        name: "getdel",
        arity: 2,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_DELETE),
        group: Group::String,
        since: "6.2.0",
        summary: "Returns the string value of a key after deleting the key.",
        docs: &manual::strings::GETDEL,
        ..Command::steady(getdel)
    },
    Command {
        name: "getex",
        arity: -2,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Noted(
            Access::READ_UPDATE,
            "RW and UPDATE because it changes the TTL",
        ),
        group: Group::String,
        since: "6.2.0",
        summary: "Returns the string value of a key after setting its expiration time.",
        docs: &manual::strings::GETEX,
        ..Command::steady(getex)
    },
    Command {
        name: "mget",
        arity: -2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ALL,
        uses: KeyUse::Each(Access::READ),
        group: Group::String,
        complexity: "O(N) where N is the number of keys to retrieve.",
        summary: "Atomically returns the string values of one or more keys.",
        docs: &manual::strings::MGET,
        tips: &["request_policy:multi_shard"],
        ..Command::steady(mget)
    },
    Command {
        name: "mset",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::Range {
            first: 1,
            last: -1,
            step: 2,
        },
        uses: KeyUse::Each(Access::OVERWRITE),
        group: Group::String,
        since: "1.0.1",
        complexity: "O(N) where N is the number of keys to set.",
        summary: "Atomically creates or modifies the string values of one or more keys.",
        docs: &manual::strings::MSET,
        tips: &[
            "request_policy:multi_shard",
            "response_policy:all_succeeded",
        ],
        ..Command::steady(mset)
    },
    Command {
        name: "msetnx",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::Range {
            first: 1,
            last: -1,
            step: 2,
        },
        uses: KeyUse::Each(Access::CREATE),
        group: Group::String,
        since: "1.0.1",
        complexity: "O(N) where N is the number of keys to set.",
        summary: "Atomically modifies the string values of one or more keys only when all keys don't exist.",
        docs: &manual::strings::MSETNX,
        ..Command::steady(msetnx)
    },
];

/// What may follow `SET key value` and `GETEX key`.
#[derive(Default)]
struct Options<'a> {
    nx: bool,
    xx: bool,
    /// Only if what the key holds meets this.
    holds: Option<Condition<'a>>,
    get: bool,
    keep_ttl: bool,
    persist: bool,
    due: Option<(Due, &'a [u8])>,
}

impl<'a> Options<'a> {
    /// Reads the options from argument `from` on; `getex` says whose they are.
    fn parse(args: Args<'a>, from: usize, getex: bool) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut words = args.options(from);
        while words.are_left() {
            let fixed = options.keep_ttl || options.persist;
            let conditional = options.nx || options.xx || options.holds.is_some();
            if !getex && (options.nx || !conditional) && words.take("NX") {
                options.nx = true;
            } else if !getex && (options.xx || !conditional) && words.take("XX") {
                options.xx = true;
            } else if !getex
                && !conditional
                && let Some(holds) = Condition::take(&mut words)
            {
                options.holds = Some(holds);
            } else if !getex && words.take("GET") {
                options.get = true;
            } else if !getex && options.due.is_none() && words.take("KEEPTTL") {
                options.keep_ttl = true;
            } else if getex && options.due.is_none() && words.take("PERSIST") {
                options.persist = true;
            } else if !fixed && let Some((due, text)) = Due::take(&mut words) {
                // The same option may be repeated, and the last one counts; a different kind may not follow.
                if options.due.is_some_and(|(other, _)| other != due) {
                    return Err(CommandError::SYNTAX);
                }
                options.due = Some((due, text));
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(options)
    }

    /// The expiry that was asked for, as Unix ms.
    fn expire(&self, cx: &Cx<'_>, command: &str) -> Result<Option<i64>, CommandError> {
        self.due
            .map(|(due, text)| due.strict(text, cx.now(), command))
            .transpose()
    }
}

/// Writes a part of a string: by reference where it is long and the output can hold references.
pub(super) fn reply_text(reply: &mut Reply, text: StrRef<'_>, start: usize, end: usize) {
    let shared = (reply.output().is_divided())
        .then(|| text.share(start, end))
        .flatten();
    match shared {
        Some(shared) => reply.bulk_shared(Box::new(Referred(shared))),
        None => match text.slice(start, end) {
            Cow::Borrowed(bytes) => reply.bulk(bytes),
            Cow::Owned(bytes) => reply.bulk_own(bytes),
        },
    }
}

/// A part of a value that a reply refers to.
#[derive(Debug)]
struct Referred(SharedText);

impl Shared for Referred {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn from(&self, offset: usize) -> &[u8] {
        self.0.from(offset)
    }
}

/// What the commands on strings ask of their context.
pub(crate) trait StringContext {
    /// Replies with the string at `loc`; `false` when the key holds another type.
    fn reply_string(&mut self, loc: Loc) -> bool;

    /// GET: replies with the string or null; what was found.
    fn get_string(&mut self, key: &[u8]) -> Result<Option<Loc>, CommandError>;

    /// Creates or overwrites `key`; counts it as one change, without an event for the command.
    ///
    /// An expired old value is deleted first, with an effect of its own.
    fn put_string(&mut self, key: &[u8], value: &[u8], expire: Option<i64>);
}

impl StringContext for Cx<'_> {
    fn reply_string(&mut self, loc: Loc) -> bool {
        let reply = &mut self.client.reply;
        match self.engine.keyspace.db(self.client.db).value(loc) {
            ValueRef::Str(s) => match s.text() {
                Some(text) => reply.bulk(text),
                None => match s.int() {
                    Some(n) => reply.bulk_int(n),
                    None => reply_text(reply, s, 0, usize::MAX),
                },
            },
            _ => return false,
        }
        true
    }

    fn get_string(&mut self, key: &[u8]) -> Result<Option<Loc>, CommandError> {
        let found = self.lookup(key);
        match found {
            None => self.client.reply.null(),
            Some(loc) if !self.reply_string(loc) => return Err(CommandError::WRONG_TYPE),
            Some(_) => {}
        }
        Ok(found)
    }

    fn put_string(&mut self, key: &[u8], value: &[u8], expire: Option<i64>) {
        let db = self.client.db;
        let looked_at = (self.engine.keyspace.db(db).expires() > 0 && self.engine.decides_expiry())
            || !self.engine.config.notify_keyspace_events.is_empty();
        // Where nothing is to expire and nobody listens one probe is enough: nothing depends on what was there.
        let is_new = looked_at && self.lookup_quietly(key).is_none();
        let hash = self.key_hash(key);
        let loc = self.db().insert_str_hashed(hash, key, value, expire);
        self.engine.touch(db, loc);
        if is_new {
            self.created(key);
        }
        self.changed(key, 1);
    }
}

fn get(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    cx.get_string(&args[1]).map(|_| ())
}

fn set(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, value) = (&args[1], &args[2]);
    if args.len() == 3 {
        cx.put_string(key, value, None);
        cx.notify(Event::String, "set", key);
        cx.client.reply.ok();
        return Ok(());
    }
    set_with_options(cx, args)
}

fn set_with_options(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, value) = (&args[1], &args[2]);
    let options = Options::parse(args, 3, false)?;
    let mut expire = options.expire(cx, "set")?;
    // What our primary sends has met its condition there.
    let obeys = cx.client.flags.contains(ClientFlags::MASTER);
    let wanted = options.holds.filter(|_| !obeys);
    // A condition that cannot be met is the only reply: the reference sends it behind the value that GET asks for, and
    // the client takes it for the reply to its next request.
    let is_met = match wanted {
        Some(wanted) => wanted.is_met(cx, key)?,
        None => true,
    };
    if options.get {
        cx.get_string(key)?;
    }
    if !is_met {
        if !options.get {
            cx.client.reply.null();
        }
        return Ok(());
    }
    if options.nx || options.xx || options.keep_ttl {
        let found = cx.lookup_write(key);
        if (options.nx && found.is_some()) || (options.xx && found.is_none()) {
            if !options.get {
                cx.client.reply.null();
            }
            return Ok(());
        }
        if options.keep_ttl {
            expire = found.and_then(|loc| cx.db().expire(loc));
        }
    }
    cx.put_string(key, value, expire);
    cx.notify(Event::String, "set", key);
    if options.due.is_some() {
        settle_set(cx, key, value, expire);
    } else if options.holds.is_some() {
        let settled: &[&[u8]] = &[b"SET", key, value, b"KEEPTTL"];
        cx.propagate_as(&settled[..3 + usize::from(options.keep_ttl)]);
    } else if options.get {
        let without_get: Vec<_> = (0..args.len())
            .filter(|&i| i < 3 || !args.is(i, "GET"))
            .map(|i| &args[i])
            .collect();
        cx.propagate_as(&without_get);
    }
    if !options.get {
        cx.client.reply.ok();
    }
    Ok(())
}

/// Event and effect of a SET with an expiry, which the stream has as an absolute time.
fn settle_set(cx: &mut Cx<'_>, key: &[u8], value: &[u8], expire: Option<i64>) {
    cx.notify(Event::Generic, "expire", key);
    let mut digits = itoa::Buffer::new();
    let at = digits.format(expire.expect("a SET with an expiry has one"));
    cx.propagate_as(&[b"SET", key, value, b"PXAT", at.as_bytes()]);
}

fn setnx(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if cx.lookup_write(&args[1]).is_some() {
        cx.client.reply.int(0);
        return Ok(());
    }
    cx.put_string(&args[1], &args[2], None);
    cx.notify(Event::String, "set", &args[1]);
    cx.client.reply.int(1);
    Ok(())
}

fn setex(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    set_for(cx, args, Due::Ex, "setex")
}

fn psetex(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    set_for(cx, args, Due::Px, "psetex")
}

fn set_for(cx: &mut Cx<'_>, args: Args<'_>, due: Due, command: &str) -> CmdResult {
    let expire = due.strict(&args[2], cx.now(), command)?;
    cx.put_string(&args[1], &args[3], Some(expire));
    cx.notify(Event::String, "set", &args[1]);
    settle_set(cx, &args[1], &args[3], Some(expire));
    cx.client.reply.ok();
    Ok(())
}

fn getset(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    cx.get_string(&args[1])?;
    cx.put_string(&args[1], &args[2], None);
    cx.notify(Event::String, "set", &args[1]);
    cx.propagate_as(&[b"SET", &args[1], &args[2]]);
    Ok(())
}

fn getdel(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    if let Some(loc) = cx.get_string(key)? {
        cx.db().remove(loc);
        cx.changed(key, 1);
        cx.notify(Event::Generic, "del", key);
        cx.propagate_as(&[b"DEL", key]);
    }
    Ok(())
}

fn getex(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let options = Options::parse(args, 2, true)?;
    let Some(loc) = cx.lookup(key) else {
        cx.client.reply.null();
        return Ok(());
    };
    if !matches!(cx.value(loc), ValueRef::Str(_)) {
        return Err(CommandError::WRONG_TYPE);
    }
    let expire = options.expire(cx, "getex")?;
    cx.reply_string(loc);
    if let Some(at) = expire {
        if past(cx, at) {
            cx.delete_as_expired(loc, key);
        } else {
            cx.db().set_expire(loc, Some(at));
            cx.changed(key, 1);
            cx.notify(Event::Generic, "expire", key);
            let mut digits = itoa::Buffer::new();
            cx.propagate_as(&[b"PEXPIREAT", key, digits.format(at).as_bytes()]);
        }
    } else if options.persist && cx.db().expire(loc).is_some() {
        cx.db().set_expire(loc, None);
        cx.changed(key, 1);
        cx.notify(Event::Generic, "persist", key);
        cx.propagate_as(&[b"PERSIST", key]);
    }
    Ok(())
}

fn mget(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    cx.client.reply.array(args.len() - 1);
    for key in args.from(1) {
        let found = cx.lookup(key);
        if !found.is_some_and(|loc| cx.reply_string(loc)) {
            cx.client.reply.null();
        }
    }
    Ok(())
}

fn mset(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::arity("mset"));
    }
    set_pairs(cx, args);
    cx.client.reply.ok();
    Ok(())
}

fn msetnx(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::arity("msetnx"));
    }
    let mut keys = args.from(1).iter().step_by(2);
    if keys.any(|key| cx.lookup_write(key).is_some()) {
        cx.client.reply.int(0);
        return Ok(());
    }
    set_pairs(cx, args);
    cx.client.reply.int(1);
    Ok(())
}

fn set_pairs(cx: &mut Cx<'_>, args: Args<'_>) {
    for pair in args.from(1).chunks_exact(2) {
        cx.put_string(pair[0], pair[1], None);
        cx.notify(Event::String, "set", pair[0]);
    }
}

/// What a SET does with its key.
fn set_access(args: &Args<'_>) -> Access {
    let mut options = 3..args.len();
    if options.clone().any(|i| args.is(i, "GET")) {
        return Access::READ_UPDATE;
    }
    match options.any(|i| Condition::is_at(args, i)) {
        true => Access::CHANGE,
        false => Access::OVERWRITE,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, check, check_effects};

    const SYNTAX: &str = "-ERR syntax error";
    const BAD_EXPIRE: &str = "-ERR invalid expire time in 'set' command";

    #[test]
    fn set_obeys_its_conditions() {
        check(&[
            ("SET k a XX", "nil"),
            ("SET k a NX", "+OK"),
            ("SET k b NX", "nil"),
            ("SET k b NX GET", "\"a\""),
            ("SET k b XX GET", "\"a\""),
            ("SET new c XX GET", "nil"),
            ("SET new c NX GET", "nil"),
            ("MGET k new none", "[\"b\", \"c\", nil]"),
            ("SETNX k x", ":0"),
            ("SETNX k2 x", ":1"),
        ]);
    }

    #[test]
    fn set_may_ask_for_the_value_that_is_there() {
        check(&[
            ("SET a 2 IFEQ 1", "nil"),
            ("EXISTS a", ":0"),
            ("SET a 1 EX 100", "+OK"),
            ("SET a 2 IFEQ 9 GET", "\"1\""),
            ("SET a 2 IFEQ 1 KEEPTTL", "+OK"),
            ("TTL a", ":100"),
            ("SET a 2 IFEQ 1 NX", SYNTAX),
            ("SET a 2 XX IFEQ 1", SYNTAX),
            ("SET a 2 IFEQ", SYNTAX),
            ("RPUSH l x", ":1"),
            (
                "SET l 1 IFEQ x",
                "-WRONGTYPE Operation against a key holding the wrong kind of value",
            ),
        ]);
        check_effects(&[("SET a 1", "SET a 1"), ("SET a 2 IFEQ 1", "SET a 2")]);
    }

    #[test]
    fn set_refuses_options_that_exclude_each_other() {
        check(&[
            ("SET k v NX XX", SYNTAX),
            ("SET k v EX 1 PX 1", SYNTAX),
            ("SET k v EX 1 KEEPTTL", SYNTAX),
            ("SET k v PERSIST", SYNTAX),
            ("SET k v EX", SYNTAX),
            ("SET k v EX 0", BAD_EXPIRE),
            ("SET k v PX -1", BAD_EXPIRE),
            ("SET k v EX 9223372036854775807", BAD_EXPIRE),
            ("SET k v PX 9223372036854775807", BAD_EXPIRE),
            (
                "SET k v EX x",
                "-ERR value is not an integer or out of range",
            ),
            ("SET k v EX 5 EX 9", "+OK"),
            ("TTL k", ":9"),
            ("SETEX k 0 v", "-ERR invalid expire time in 'setex' command"),
            (
                "GETEX k EX 0",
                "-ERR invalid expire time in 'getex' command",
            ),
        ]);
    }

    #[test]
    fn set_drops_the_expiry_unless_told_to_keep_it() {
        check(&[
            ("SET k v EX 100", "+OK"),
            ("SET k v KEEPTTL", "+OK"),
            ("TTL k", ":100"),
            ("SET k v", "+OK"),
            ("TTL k", ":-1"),
            ("GETEX k PX 1500", "\"v\""),
            ("PTTL k", ":1500"),
            ("GETEX k PERSIST", "\"v\""),
            ("TTL k", ":-1"),
            ("GETEX k EXAT 1", "\"v\""),
            ("EXISTS k", ":0"),
        ]);
    }

    #[test]
    fn several_keys_are_set_together_or_not_at_all() {
        check(&[
            (
                "MSET a 1 b",
                "-ERR wrong number of arguments for 'mset' command",
            ),
            ("MSETNX a 1 b 2 a 3", ":1"),
            ("MSETNX c 1 b 2", ":0"),
            ("MGET a b c", "[\"3\", \"2\", nil]"),
            ("GETSET a x", "\"3\""),
            ("GETDEL a", "\"x\""),
            ("GETDEL a", "nil"),
        ]);
    }

    #[test]
    fn the_stream_knows_absolute_times_only() {
        check_effects(&[
            ("set k v", "set k v"),
            ("SET k v EX 10 NX", ""),
            ("SET k v EX 10 GET", "SET k v PXAT 1010000"),
            ("SET k v EXAT 1", "SET k v PXAT 1000"),
            ("GET k", "DEL k"),
            ("PSETEX k 5 v", "SET k v PXAT 1000005"),
            ("SET k w KEEPTTL GET", "SET k w KEEPTTL"),
            ("GETEX k EX 1", "PEXPIREAT k 1001000"),
            ("GETEX k PERSIST", "PERSIST k"),
            ("GETEX k PERSIST", ""),
            ("GETSET k x", "SET k x"),
            ("GETDEL k", "DEL k"),
            ("MSET a 1 b 2", "MSET a 1 b 2"),
        ]);
    }

    #[test]
    fn an_expired_key_is_deleted_in_the_stream_before_it_is_set_anew() {
        let mut bench = Bench::new();
        bench.run("SET k v PX 5");
        bench.advance(6);
        bench.check_effects(&[("SET k w", "MULTI|DEL k|SET k w|EXEC")]);
    }
}
