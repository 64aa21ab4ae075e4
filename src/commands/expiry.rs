//! Expiry: the commands that set, remove and show when a key expires.
//!
//! An effect never holds a relative time: it is `PEXPIREAT` with Unix ms, or a deletion if that moment has passed.

use crate::manual;
use engine::spec::{Access, Command, Flags, KeyUse, Keys};
use engine::{Args, CmdResult, CommandError, Cx, Event, Loading};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "expire",
        arity: -3,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        summary: "Sets the expiration time of a key in seconds.",
        docs: &manual::keys::EXPIRE,
        ..Command::steady(expire)
    },
    Command {
        name: "pexpire",
        arity: -3,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        since: "2.6.0",
        summary: "Sets the expiration time of a key in milliseconds.",
        docs: &manual::keys::PEXPIRE,
        ..Command::steady(pexpire)
    },
    Command {
        name: "expireat",
        arity: -3,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        since: "1.2.0",
        summary: "Sets the expiration time of a key to a Unix timestamp.",
        docs: &manual::keys::EXPIREAT,
        ..Command::steady(expireat)
    },
    Command {
        name: "pexpireat",
        arity: -3,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        since: "2.6.0",
        summary: "Sets the expiration time of a key to a Unix milliseconds timestamp.",
        docs: &manual::keys::PEXPIREAT,
        ..Command::steady(pexpireat)
    },
    Command {
        name: "ttl",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        summary: "Returns the expiration time in seconds of a key.",
        docs: &manual::keys::TTL,
        tips: &["nondeterministic_output"],
        ..Command::steady(ttl)
    },
    Command {
        name: "pttl",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        since: "2.6.0",
        summary: "Returns the expiration time in milliseconds of a key.",
        docs: &manual::keys::PTTL,
        tips: &["nondeterministic_output"],
        ..Command::steady(pttl)
    },
    Command {
        name: "expiretime",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        since: "7.0.0",
        summary: "Returns the expiration time of a key as a Unix timestamp.",
        docs: &manual::keys::EXPIRETIME,
        ..Command::steady(expiretime)
    },
    Command {
        name: "pexpiretime",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        since: "7.0.0",
        summary: "Returns the expiration time of a key as a Unix milliseconds timestamp.",
        docs: &manual::keys::PEXPIRETIME,
        ..Command::steady(pexpiretime)
    },
    Command {
        name: "persist",
        arity: 2,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        since: "2.2.0",
        summary: "Removes the expiration time of a key.",
        docs: &manual::keys::PERSIST,
        ..Command::steady(persist)
    },
];

/// In which form a command gives an expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Seconds from now.
    Ex,
    /// Milliseconds from now.
    Px,
    /// Unix seconds.
    ExAt,
    /// Unix milliseconds.
    PxAt,
}

impl Due {
    /// Takes the form that an option of SET, GETEX and the like names, and its value.
    pub fn take<'a>(words: &mut engine::Options<'a>) -> Option<(Self, &'a [u8])> {
        const FORMS: [(&str, Due); 4] = [
            ("EX", Due::Ex),
            ("PX", Due::Px),
            ("EXAT", Due::ExAt),
            ("PXAT", Due::PxAt),
        ];
        let mut forms = FORMS.iter();
        forms.find_map(|(word, due)| Some((*due, words.take_value(word)?)))
    }

    fn in_seconds(self) -> bool {
        matches!(self, Due::Ex | Due::ExAt)
    }

    fn base(self, now: i64) -> i64 {
        match self {
            Due::Ex | Due::Px => now,
            Due::ExAt | Due::PxAt => 0,
        }
    }

    /// Unix ms; zero and below is an error (SET, GETEX, SETEX, HSETEX ...).
    pub fn strict(self, text: &[u8], now: i64, command: &str) -> Result<i64, CommandError> {
        let n = engine::args::parse_int(text).ok_or(CommandError::NOT_AN_INTEGER)?;
        if n <= 0 {
            return Err(invalid_expire(command));
        }
        self.unix_ms(n, now)
            .filter(|&at| at > 0)
            .ok_or_else(|| invalid_expire(command))
    }

    /// Unix ms of `n` in this form; negative times are legal (EXPIRE -1 deletes).
    pub fn unix_ms(self, n: i64, now: i64) -> Option<i64> {
        let ms = if self.in_seconds() {
            n.checked_mul(1000)?
        } else {
            n
        };
        ms.checked_add(self.base(now))
    }
}

/// `ERR invalid expire time in 'name' command`
pub fn invalid_expire(command: &str) -> CommandError {
    CommandError::new(format!("ERR invalid expire time in '{command}' command"))
}

/// True if a key that is given this expiry must be deleted at once: a replica and a loading server
/// leave that to the stream.
pub fn past(cx: &Cx<'_>, at: i64) -> bool {
    at <= cx.now() && !cx.engine.repl.is_replica() && cx.engine.loading == Loading::No
}

/// The conditions of EXPIRE.
#[derive(Default)]
struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Conditions {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut c = Self::default();
        let mut words = args.options(3);
        while let Some(word) = words.peek() {
            if words.take("NX") {
                c.nx = true;
            } else if words.take("XX") {
                c.xx = true;
            } else if words.take("GT") {
                c.gt = true;
            } else if words.take("LT") {
                c.lt = true;
            } else {
                return Err(CommandError::quoting("ERR Unsupported option {}", &[word]));
            }
        }
        if c.nx && (c.xx || c.gt || c.lt) {
            return Err(CommandError::fixed(
                &"ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if c.gt && c.lt {
            return Err(CommandError::fixed(
                &"ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(c)
    }

    /// A key without expiry counts as one that never dies.
    fn hold(&self, current: Option<i64>, at: i64) -> bool {
        !(self.nx && current.is_some()
            || self.xx && current.is_none()
            || self.gt && current.is_none_or(|current| at <= current)
            || self.lt && current.is_some_and(|current| at >= current))
    }
}

fn expire(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    expire_generic(cx, args, Due::Ex, "expire")
}

fn pexpire(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    expire_generic(cx, args, Due::Px, "pexpire")
}

fn expireat(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    expire_generic(cx, args, Due::ExAt, "expireat")
}

fn pexpireat(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    expire_generic(cx, args, Due::PxAt, "pexpireat")
}

fn expire_generic(cx: &mut Cx<'_>, args: Args<'_>, due: Due, command: &str) -> CmdResult {
    let key = &args[1];
    let conditions = Conditions::parse(args)?;
    let at = due
        .unix_ms(args.int(2)?, cx.now())
        .ok_or_else(|| invalid_expire(command))?;
    let Some(loc) = cx.lookup_write(key) else {
        cx.client.reply.int(0);
        return Ok(());
    };
    if !conditions.hold(cx.db().expire(loc), at) {
        cx.client.reply.int(0);
        return Ok(());
    }
    cx.client.reply.int(1);
    if past(cx, at) {
        cx.delete_as_expired(loc, key);
        return Ok(());
    }
    cx.db().set_expire(loc, Some(at));
    cx.changed(key, 1);
    cx.notify(Event::Generic, "expire", key);
    if due != Due::PxAt || args.len() > 3 {
        // The condition held, and servers before Redis 7.0 know none.
        let mut digits = itoa::Buffer::new();
        cx.propagate_as(&[b"PEXPIREAT", key, digits.format(at).as_bytes()]);
    }
    Ok(())
}

fn persist(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let found = cx.lookup_write(&args[1]);
    let Some(loc) = found.filter(|&loc| cx.db().expire(loc).is_some()) else {
        cx.client.reply.int(0);
        return Ok(());
    };
    cx.db().set_expire(loc, None);
    cx.changed(&args[1], 1);
    cx.notify(Event::Generic, "persist", &args[1]);
    cx.client.reply.int(1);
    Ok(())
}

fn ttl(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let now = cx.now();
    reply_expiry(cx, args, |at| round_to_seconds((at - now).max(0)))
}

fn pttl(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let now = cx.now();
    reply_expiry(cx, args, |at| (at - now).max(0))
}

fn expiretime(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    reply_expiry(cx, args, |at| round_to_seconds(at.max(0)))
}

fn pexpiretime(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    reply_expiry(cx, args, |at| at.max(0))
}

fn round_to_seconds(ms: i64) -> i64 {
    ms / 1000 + (ms % 1000 + 500) / 1000
}

/// -2 without the key, -1 without an expiry, otherwise the result of `shape` for the Unix ms.
fn reply_expiry(cx: &mut Cx<'_>, args: Args<'_>, shape: impl Fn(i64) -> i64) -> CmdResult {
    let answer = match cx.lookup_untouched(&args[1]) {
        None => -2,
        Some(loc) => cx.db().expire(loc).map_or(-1, shape),
    };
    cx.client.reply.int(answer);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, check, check_effects};

    #[test]
    fn times_to_live_are_set_shown_and_removed() {
        check(&[
            ("TTL k", ":-2"),
            ("SET k v", "+OK"),
            ("TTL k", ":-1"),
            ("EXPIRE k 10", ":1"),
            ("PTTL k", ":10000"),
            ("EXPIRETIME k", ":1010"),
            ("PEXPIRETIME k", ":1010000"),
            ("PERSIST k", ":1"),
            ("PERSIST k", ":0"),
            ("PEXPIRE k 1499", ":1"),
            ("TTL k", ":1"),
            ("EXPIRE none 1", ":0"),
            ("EXPIRE k -1", ":1"),
            ("EXISTS k", ":0"),
        ]);
    }

    #[test]
    fn conditions_compare_with_the_present_expiry() {
        check(&[
            ("SET k v", "+OK"),
            ("EXPIRE k 10 XX", ":0"),
            ("EXPIRE k 10 GT", ":0"),
            ("EXPIRE k 10 LT", ":1"),
            ("EXPIRE k 10 LT", ":0"),
            ("EXPIRE k 11 NX", ":0"),
            ("EXPIRE k 11 gt", ":1"),
            ("EXPIRE k 5 XX LT", ":1"),
            (
                "EXPIRE k 5 NX LT",
                "-ERR NX and XX, GT or LT options at the same time are not compatible",
            ),
            (
                "EXPIRE k 5 GT LT",
                "-ERR GT and LT options at the same time are not compatible",
            ),
            ("EXPIRE k 5 foo", "-ERR Unsupported option foo"),
            ("EXPIRE k x", "-ERR value is not an integer or out of range"),
            (
                "EXPIRE k 9223372036854775807",
                "-ERR invalid expire time in 'expire' command",
            ),
            (
                "PEXPIRE k 9223372036854775807",
                "-ERR invalid expire time in 'pexpire' command",
            ),
        ]);
    }

    #[test]
    fn an_expiry_travels_as_unix_milliseconds() {
        check_effects(&[
            ("SET k v", "SET k v"),
            ("EXPIRE k 10 NX", "PEXPIREAT k 1010000"),
            ("EXPIRE k 10 NX", ""),
            ("pexpireat k 2000000", "pexpireat k 2000000"),
            ("PERSIST k", "PERSIST k"),
            ("PEXPIRE k 0", "DEL k"),
        ]);
    }

    #[test]
    fn a_key_dies_after_its_last_millisecond() {
        let mut bench = Bench::new();
        bench.check(&[("SET k v PX 10", "+OK")]);
        bench.advance(10);
        bench.check(&[("PTTL k", ":0"), ("GET k", "\"v\"")]);
        bench.advance(1);
        bench.check(&[("GET k", "nil")]);
        assert_eq!(bench.engine.stats.expired_keys, 1);
    }
}
