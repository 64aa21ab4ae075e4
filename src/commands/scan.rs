//! SCAN and KEYS: iterating over the keys of a database.

use crate::manual;
use engine::args::int_of;
use engine::spec::{Command, Flags};
use engine::{Args, CmdResult, CommandError, Cx, glob};
use std::borrow::Cow;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "scan",
        arity: -2,
        flags: Flags::READONLY,
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
        summary: "Iterates over the key names in the database.",
        docs: &manual::keys::SCAN,
        tips: &[
            "nondeterministic_output",
            "request_policy:special",
            "response_policy:special",
        ],
        ..Command::steady(scan)
    },
    Command {
        name: "keys",
        arity: 2,
        flags: Flags::READONLY,
        complexity: "O(N) with N being the number of keys in the database, under the assumption that the key names in the database and the given pattern have limited length.",
        summary: "Returns all key names that match a pattern.",
        docs: &manual::keys::KEYS,
        categories: Some(&["keyspace", "dangerous"]),
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
        ..Command::growing(keys)
    },
];

/// The options that SCAN, HSCAN, SSCAN and ZSCAN share.
#[derive(Clone, Copy, Debug)]
pub struct ScanOptions<'a> {
    /// `MATCH`; `None` where every key matches.
    pub pattern: Option<&'a [u8]>,
    /// `COUNT`
    pub count: usize,
    /// `TYPE` (SCAN only)
    pub type_name: Option<&'a [u8]>,
    /// `NOVALUES` (HSCAN only)
    pub no_values: bool,
    /// `NOSCORES` (ZSCAN only), an option of Valkey
    pub no_scores: bool,
}

/// Whose options they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanOf {
    /// SCAN
    Keys,
    /// HSCAN
    Hash,
    /// SSCAN
    Set,
    /// ZSCAN
    Zset,
}

impl<'a> ScanOptions<'a> {
    /// Reads the options from argument `from` on.
    pub fn parse(args: Args<'a>, from: usize, of: ScanOf) -> Result<Self, CommandError> {
        let mut options = ScanOptions {
            pattern: None,
            count: 10,
            type_name: None,
            no_values: false,
            no_scores: false,
        };
        let mut words = args.options(from);
        while words.are_left() {
            if words.take("NOVALUES") {
                if of != ScanOf::Hash {
                    return Err(CommandError::fixed(
                        &"ERR NOVALUES option can only be used in HSCAN",
                    ));
                }
                options.no_values = true;
            } else if of == ScanOf::Zset && words.take("NOSCORES") {
                options.no_scores = true;
            } else if let Some(count) = words.take_value("COUNT") {
                let count = int_of(count)?;
                if count < 1 {
                    return Err(CommandError::SYNTAX);
                }
                options.count = count as usize;
            } else if let Some(pattern) = words.take_value("MATCH") {
                options.pattern = Some(pattern).filter(|&p| p != b"*");
            } else if of == ScanOf::Keys
                && let Some(name) = words.take_value("TYPE")
            {
                options.type_name = Some(name);
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(options)
    }

    /// True if an element is asked for.
    pub fn matches(&self, element: &[u8]) -> bool {
        self.pattern.is_none_or(|p| glob::matches(p, element))
    }
}

/// A cursor, as the client got it from the step before.
pub fn parse_cursor(text: &[u8]) -> Result<u64, CommandError> {
    let invalid = CommandError::fixed(&"ERR invalid cursor");
    let text = std::str::from_utf8(text).map_err(|_| invalid.clone())?;
    let digits = text.strip_prefix('+').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(invalid);
    }
    digits.parse().map_err(|_| invalid)
}

/// How a SCAN command replies.
pub(crate) trait ScanReply {
    /// Puts `[cursor, [elements]]` around the `n` elements written since `mark`.
    fn scan_reply(&mut self, mark: usize, n: usize, cursor: u64);
}

impl ScanReply for Cx<'_> {
    fn scan_reply(&mut self, mark: usize, n: usize, cursor: u64) {
        let mut digits = itoa::Buffer::new();
        let cursor = digits.format(cursor).as_bytes();
        self.client.reply.insert_at(mark, |head| {
            head.array(2);
            head.bulk(cursor);
            head.array(n);
        });
    }
}

/// Keys that expire before this time have expired for the client.
fn expired_before(cx: &Cx<'_>) -> i64 {
    match cx.expiry_is_ours() {
        true => cx.now(),
        false => i64::MIN,
    }
}

fn scan(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let cursor = parse_cursor(&args[1])?;
    let options = ScanOptions::parse(args, 2, ScanOf::Keys)?;
    let (now, mark) = (expired_before(cx), cx.client.reply.len());
    let db = cx.engine.keyspace.db(cx.client.db);
    let reply = &mut cx.client.reply;
    let (mut n, mut expired) = (0, Vec::new());
    let next = db.scan(cursor, options.count, |loc| {
        let key = db.key(loc);
        let of_type = |name: &[u8]| {
            let own = db.kind(loc).type_name().map(Cow::Borrowed);
            let own = own.unwrap_or_else(|| db.value(loc).type_name());
            own.as_bytes().eq_ignore_ascii_case(name)
        };
        if !options.matches(key) {
            return;
        }
        // Expired keys of all types are deleted, whatever TYPE says.
        if db.expire(loc).is_some_and(|at| at < now) {
            expired.push(key.to_vec());
        } else if options.type_name.is_none_or(of_type) {
            reply.bulk(key);
            n += 1;
        }
    });
    cx.scan_reply(mark, n, next);
    for key in expired {
        // Each deletion is an effect of its own, not part of a transaction.
        cx.lookup_quietly(&key);
        cx.engine.commit();
    }
    Ok(())
}

fn keys(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let pattern = Some(&args[1]).filter(|&p| p != b"*");
    let (now, mark) = (expired_before(cx), cx.client.reply.len());
    let db = cx.engine.keyspace.db(cx.client.db);
    let reply = &mut cx.client.reply;
    let mut n = 0;
    db.each_key(|key, expire| {
        let alive = expire.is_none_or(|at| at >= now);
        if alive && pattern.is_none_or(|p| glob::matches(p, key)) {
            reply.bulk(key);
            n += 1;
        }
    });
    reply.array_at(mark, n);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, check};

    #[test]
    fn scan_visits_every_key_and_filters_by_pattern_and_type() {
        let mut bench = Bench::new();
        for i in 0..50 {
            bench.run(&format!("SET key:{i} v"));
        }
        let (mut cursor, mut keys) = ("0".to_owned(), Vec::new());
        loop {
            let reply = bench.run(&format!("SCAN {cursor} COUNT 7"));
            let (next, found) = reply.split_once(", [").expect("[cursor, [keys]]");
            cursor = next.trim_matches(['[', '"']).to_owned();
            let found = found.trim_end_matches(']').split(", ");
            keys.extend(found.filter(|k| !k.is_empty()).map(str::to_owned));
            if cursor == "0" {
                break;
            }
        }
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 50);
        bench.check(&[
            ("SCAN 0 COUNT 1000 MATCH key:7", "[\"0\", [\"key:7\"]]"),
            ("SCAN 0 COUNT 1000 TYPE list", "[\"0\", []]"),
            (
                "SCAN 0 COUNT 1000 TYPE String MATCH *:8",
                "[\"0\", [\"key:8\"]]",
            ),
            ("KEYS key:4[2]", "[\"key:42\"]"),
        ]);
    }

    #[test]
    fn expired_keys_met_by_scan_are_deleted_one_effect_each() {
        let mut bench = Bench::new();
        bench.check(&[("SET a 1 PX 5", "+OK"), ("SET b 1 PX 5", "+OK")]);
        bench.advance(10);
        bench.effects();
        bench.check(&[("KEYS *", "[]"), ("SCAN 0", "[\"0\", []]")]);
        assert_eq!(bench.effects(), "DEL a|DEL b");
    }

    #[test]
    fn expired_keys_are_deleted_whatever_their_type_but_not_whatever_their_name() {
        let mut bench = Bench::new();
        bench.check(&[("SET a 1 PX 5", "+OK"), ("SET b 1 PX 5", "+OK")]);
        bench.advance(10);
        bench.effects();
        bench.check(&[("SCAN 0 MATCH a TYPE list", "[\"0\", []]")]);
        assert_eq!(bench.effects(), "DEL a");
    }

    /// They were left out, although the client that imports them could read them.
    #[test]
    fn a_client_that_imports_keys_finds_expired_ones() {
        let mut bench = Bench::new();
        bench.check(&[
            ("CONFIG SET import-mode yes", "+OK"),
            ("SET a 1 PX 5", "+OK"),
        ]);
        bench.advance(10);
        bench.check(&[
            ("SCAN 0", "[\"0\", []]"),
            ("KEYS *", "[]"),
            ("CLIENT IMPORT-SOURCE ON", "+OK"),
            ("SCAN 0", "[\"0\", [\"a\"]]"),
            ("KEYS *", "[\"a\"]"),
            ("CLIENT IMPORT-SOURCE OFF", "+OK"),
            ("SCAN 0", "[\"0\", []]"),
            ("DBSIZE", ":1"),
        ]);
    }

    #[test]
    fn options_are_checked() {
        check(&[
            ("SCAN x", "-ERR invalid cursor"),
            ("SCAN 0 COUNT", "-ERR syntax error"),
            ("SCAN 0 COUNT 0", "-ERR syntax error"),
            (
                "SCAN 0 COUNT x",
                "-ERR value is not an integer or out of range",
            ),
            (
                "SCAN 0 NOVALUES",
                "-ERR NOVALUES option can only be used in HSCAN",
            ),
        ]);
    }
}
