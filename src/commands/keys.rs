//! Commands for keys of any type: DEL, EXISTS, RENAME, COPY, MOVE, OBJECT and others.

use crate::manual;
use engine::spec::{Access, Command, Flags, KeySpec, KeyUse, Keys};
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx, Event, heat};
use keyspace::value::OpaqueRef;
use keyspace::{Loc, UnixMillis, Value, ValueRef};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "del",
        arity: -2,
        flags: Flags::WRITE,
        keys: Keys::ALL,
        uses: KeyUse::Each(Access::REMOVE),
        complexity: "O(N) where N is the number of keys that will be removed. When a key to remove holds a value other than a string, the individual complexity for this key is O(M) where M is the number of elements in the list, set, sorted set or hash. Removing a single key that holds a string value is O(1).",
        summary: "Deletes one or more keys.",
        docs: &manual::keys::DEL,
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..Command::growing(del)
    },
    Command {
        name: "unlink",
        arity: -2,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ALL,
        uses: KeyUse::Each(Access::REMOVE),
        since: "4.0.0",
        complexity: "O(1) for each key removed regardless of its size. Then the command does O(N) work in a different thread in order to reclaim memory, where N is the number of allocations the deleted objects where composed of.",
        summary: "Asynchronously deletes one or more keys.",
        docs: &manual::keys::UNLINK,
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..Command::growing(unlink)
    },
    Command {
        name: "exists",
        arity: -2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ALL,
        uses: KeyUse::Each(Access::INSPECT),
        complexity: "O(N) where N is the number of keys to check.",
        summary: "Determines whether one or more keys exist.",
        docs: &manual::keys::EXISTS,
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..Command::steady(exists)
    },
    Command {
        name: "touch",
        arity: -2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ALL,
        uses: KeyUse::Each(Access::INSPECT),
        since: "3.2.1",
        complexity: "O(N) where N is the number of keys that will be touched.",
        summary: "Returns the number of existing keys out of those specified after updating the time they were last accessed.",
        docs: &manual::keys::TOUCH,
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..Command::steady(touch)
    },
    Command {
        name: "type",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::INSPECT),
        summary: "Determines the type of value stored at a key.",
        docs: &manual::keys::TYPE,
        ..Command::steady(type_)
    },
    Command {
        name: "randomkey",
        arity: 1,
        flags: Flags::READONLY,
        summary: "Returns a random key name from the database.",
        tips: &[
            "request_policy:all_shards",
            "response_policy:special",
            "nondeterministic_output",
        ],
        ..Command::steady(randomkey)
    },
    Command {
        name: "rename",
        arity: 3,
        flags: Flags::WRITE,
        keys: Keys::TWO,
        uses: KeyUse::Own(&[
            KeySpec::at(1, Access::READ_DELETE),
            KeySpec::at(2, Access::OVERWRITE),
        ]),
        summary: "Renames a key and overwrites the destination.",
        docs: &manual::keys::RENAME,
        ..Command::steady(rename)
    },
    Command {
        name: "renamenx",
        arity: 3,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::TWO,
        uses: KeyUse::Own(&[
            KeySpec::at(1, Access::READ_DELETE),
            KeySpec::at(2, Access::CREATE),
        ]),
        summary: "Renames a key only when the target key name doesn't exist.",
        docs: &manual::keys::RENAMENX,
        ..Command::steady(renamenx)
    },
    Command {
        name: "copy",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::TWO,
        uses: KeyUse::Own(&[
            KeySpec::at(1, Access::READ),
            KeySpec::at(2, Access::OVERWRITE),
        ]),
        since: "6.2.0",
        complexity: "O(N) worst case for collections, where N is the number of nested items. O(1) for string values.",
        summary: "Copies the value of a key to a new key.",
        docs: &manual::keys::COPY,
        ..Command::steady(copy)
    },
    Command {
        name: "move",
        arity: 3,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_UPDATE),
        summary: "Moves a key to another database.",
        docs: &manual::keys::MOVE,
        ..Command::steady(move_)
    },
    Command {
        name: "object",
        arity: -2,
        since: "2.2.3",
        complexity: "Depends on subcommand.",
        summary: "A container for object introspection commands.",
        subcommands: &[
            Command {
                name: "object|encoding",
                arity: 3,
                flags: Flags::READONLY,
                keys: Keys::Range {
                    first: 2,
                    last: 2,
                    step: 1,
                },
                uses: KeyUse::Each(Access::INSPECT),
                since: "2.2.3",
                summary: "Returns the internal encoding of a Redis object.",
                docs: &manual::keys::OBJECT_ENCODING,
                tips: &["nondeterministic_output"],
                ..Command::steady(object_encoding)
            },
            Command {
                name: "object|freq",
                arity: 3,
                flags: Flags::READONLY,
                keys: Keys::Range {
                    first: 2,
                    last: 2,
                    step: 1,
                },
                uses: KeyUse::Each(Access::INSPECT),
                since: "4.0.0",
                summary: "Returns the logarithmic access frequency counter of a Redis object.",
                docs: &manual::keys::OBJECT_FREQ,
                tips: &["nondeterministic_output"],
                ..Command::steady(object_freq)
            },
            Command {
                name: "object|help",
                arity: 2,
                flags: Flags::LOADING.union(Flags::STALE),
                since: "6.2.0",
                summary: "Returns helpful text about the different subcommands.",
                ..Command::steady(object_help)
            },
            Command {
                name: "object|idletime",
                arity: 3,
                flags: Flags::READONLY,
                keys: Keys::Range {
                    first: 2,
                    last: 2,
                    step: 1,
                },
                uses: KeyUse::Each(Access::INSPECT),
                since: "2.2.3",
                summary: "Returns the time since the last access to a Redis object.",
                docs: &manual::keys::OBJECT_IDLETIME,
                tips: &["nondeterministic_output"],
                ..Command::steady(object_idletime)
            },
            Command {
                name: "object|refcount",
                arity: 3,
                flags: Flags::READONLY,
                keys: Keys::Range {
                    first: 2,
                    last: 2,
                    step: 1,
                },
                uses: KeyUse::Each(Access::INSPECT),
                since: "2.2.3",
                summary: "Returns the reference count of a value of a key.",
                docs: &manual::keys::OBJECT_REFCOUNT,
                tips: &["nondeterministic_output"],
                ..Command::steady(object_refcount)
            },
        ],
        ..Command::CONTAINER
    },
];

const SAME_OBJECT: CommandError =
    CommandError::fixed(&"ERR source and destination objects are the same");

fn del(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let lazy = cx.engine.config.lazyfree_lazy_user_del;
    delete(cx, args, lazy)
}

fn unlink(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    delete(cx, args, true)
}

fn delete(cx: &mut Cx<'_>, args: Args<'_>, lazy: bool) -> CmdResult {
    let mut deleted = 0;
    for key in args.from(1) {
        if let Some(loc) = cx.lookup_quietly(key) {
            cx.remove(loc, lazy);
            cx.changed(key, 1);
            cx.notify(Event::Generic, "del", key);
            deleted += 1;
        }
    }
    cx.client.reply.int(deleted);
    Ok(())
}

fn exists(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let keys = args.from(1).iter();
    let n = keys
        .filter(|key| cx.lookup_untouched(key).is_some())
        .count();
    cx.client.reply.int(n as i64);
    Ok(())
}

fn touch(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    // CLIENT NO-TOUCH is about what other commands do besides.
    let spared = cx.client.flags & ClientFlags::NO_TOUCH;
    cx.client.flags.remove(spared);
    let keys = args.from(1).iter();
    let n = keys.filter(|key| cx.lookup(key).is_some()).count();
    cx.client.flags.insert(spared);
    cx.client.reply.int(n as i64);
    Ok(())
}

fn type_(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let name = match cx.lookup_untouched(&args[1]) {
        Some(loc) => cx.value(loc).type_name(),
        None => "none".into(),
    };
    cx.client.reply.simple(&name);
    Ok(())
}

/// On a replica, and while writes are held, expired keys are not deleted: after this many tries any key is taken.
const RANDOM_KEY_TRIES: usize = 100;

fn randomkey(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let mut tries = 0;
    loop {
        let random = cx.engine.rng.next_u64();
        let Some(loc) = cx.db().random(random) else {
            cx.client.reply.null();
            return Ok(());
        };
        let key = cx.db().key(loc).to_vec();
        tries += 1;
        let all_volatile = cx.db().expires() == cx.db().len();
        let give_up = tries > RANDOM_KEY_TRIES && all_volatile && !cx.deletes_expired();
        if give_up || cx.lookup_quietly(&key).is_some() {
            cx.client.reply.bulk(&key);
            return Ok(());
        }
        cx.engine.commit();
    }
}

fn rename(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if rename_generic(cx, args, true)? {
        cx.client.reply.ok();
    }
    Ok(())
}

fn renamenx(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let renamed = rename_generic(cx, args, false)? && args[1] != args[2];
    cx.client.reply.int(renamed.into());
    Ok(())
}

/// False when the new name is taken and may not be overwritten.
fn rename_generic(cx: &mut Cx<'_>, args: Args<'_>, overwrite: bool) -> Result<bool, CommandError> {
    let (from, to) = (&args[1], &args[2]);
    cx.lookup_write(from).ok_or(CommandError::NO_SUCH_KEY)?;
    if from == to {
        return Ok(true);
    }
    let db = cx.client.db;
    if let Some(loc) = cx.lookup_write(to) {
        if !overwrite {
            return Ok(false);
        }
        let lazy = cx.engine.config.lazyfree_lazy_server_del;
        cx.remove(loc, lazy);
    }
    cx.move_key((db, from), (db, to));
    cx.changed(from, 1);
    cx.also_changed(db, to);
    cx.notify(Event::Generic, "rename_from", from);
    cx.notify(Event::Generic, "rename_to", to);
    Ok(true)
}

fn copy(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, to) = (&args[1], &args[2]);
    let (source, mut target, mut replace) = (cx.client.db, cx.client.db, false);
    let mut words = args.options(3);
    while words.are_left() {
        if words.take("REPLACE") {
            replace = true;
        } else if words.take_value("DB").is_some() {
            target = db_index(cx, args, words.at() - 1)?;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    if source == target && key == to {
        return Err(SAME_OBJECT);
    }
    if cx.lookup(key).is_none() {
        cx.client.reply.int(0);
        return Ok(());
    }
    if let Some(old) = cx.lookup_in(target, to) {
        if !replace {
            cx.client.reply.int(0);
            return Ok(());
        }
        let db = cx.engine.keyspace.db_mut(target);
        // What is in its record is overwritten there. Anything else goes first, so that memory for both is not needed.
        if db.is_outside(old) {
            db.remove(old);
        }
    }
    let from = cx.engine.keyspace.db(source);
    let loc = from
        .find(key)
        .expect("found above, and only the target was changed");
    let (value, expire, heat) = (from.clone_value(loc), from.expire(loc), from.heat(loc));
    // A replica's module may be unable to copy its own values.
    let settled = match &value {
        Value::Opaque(v) => Some(restore_effect(to, v.as_ref(), expire)),
        _ => None,
    };
    cx.insert_into(target, to, value, expire, heat);
    cx.engine.dirty += 1;
    cx.also_changed(target, to);
    cx.engine.notify(Event::Generic, "copy_to", to, target);
    if let Some(effect) = settled {
        cx.no_propagate();
        cx.engine.propagate(target, &effect);
    }
    cx.client.reply.int(1);
    Ok(())
}

/// The request that gives a key a value of a type that is not served.
fn restore_effect(key: &[u8], value: OpaqueRef<'_>, expire: Option<UnixMillis>) -> Vec<Vec<u8>> {
    let mut payload = Vec::new();
    rdb::dump::encode(value.rdb_type(), value.bytes(), &mut payload);
    let at = expire.unwrap_or(0).to_string().into_bytes();
    let mut effect = vec![b"RESTORE".to_vec(), key.to_vec(), at, payload];
    effect.extend([b"REPLACE".to_vec(), b"ABSTTL".to_vec()]);
    effect
}

fn move_(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, source) = (&args[1], cx.client.db);
    let target = db_index(cx, args, 2)?;
    if source == target {
        return Err(SAME_OBJECT);
    }
    if cx.lookup_write(key).is_none() || cx.lookup_in(target, key).is_some() {
        cx.client.reply.int(0);
        return Ok(());
    }
    cx.move_key((source, key), (target, key));
    cx.changed(key, 1);
    cx.also_changed(target, key);
    cx.engine.notify(Event::Generic, "move_from", key, source);
    cx.engine.notify(Event::Generic, "move_to", key, target);
    cx.client.reply.int(1);
    Ok(())
}

/// A database index among the arguments.
fn db_index(cx: &Cx<'_>, args: Args<'_>, i: usize) -> Result<usize, CommandError> {
    let n = args.int_within(i, i32::MIN.into(), i32::MAX.into())?;
    usize::try_from(n)
        .ok()
        .filter(|&n| n < cx.engine.keyspace.count())
        .ok_or(CommandError::fixed(&"ERR DB index is out of range"))
}

/// What the commands on keys ask of their context.
pub(crate) trait KeyContext {
    /// [`Cx::lookup_write`] in another database than the selected one, without touching the heat.
    fn lookup_in(&mut self, db: usize, key: &[u8]) -> Option<Loc>;

    /// Moves a key that exists to a name that does not, value, expiry and heat together.
    fn move_key(&mut self, from: (usize, &[u8]), to: (usize, &[u8]));

    /// Inserts a value that is not new: it keeps its heat.
    fn insert_into(
        &mut self,
        db: usize,
        key: &[u8],
        value: keyspace::Value,
        expire: Option<i64>,
        heat: u32,
    );

    /// OBJECT's look-up: null where there is nothing.
    fn object(&mut self, key: &[u8]) -> Option<Loc>;
}

impl KeyContext for Cx<'_> {
    fn lookup_in(&mut self, db: usize, key: &[u8]) -> Option<Loc> {
        let selected = std::mem::replace(&mut self.client.db, db);
        let found = self.lookup_quietly(key);
        self.client.db = selected;
        found
    }

    fn move_key(&mut self, from: (usize, &[u8]), to: (usize, &[u8])) {
        let db = self.engine.keyspace.db_mut(from.0);
        let loc = db.find(from.1).expect("the caller found it");
        let (expire, heat) = (db.expire(loc), db.heat(loc));
        let value = db.take(loc);
        self.insert_into(to.0, to.1, value, expire, heat);
    }

    fn insert_into(
        &mut self,
        db: usize,
        key: &[u8],
        value: keyspace::Value,
        expire: Option<i64>,
        heat: u32,
    ) {
        let target = self.engine.keyspace.db_mut(db);
        let loc = target.insert(key, value, expire);
        target.set_heat(loc, heat);
        self.engine.notify(Event::New, "new", key, db);
    }

    fn object(&mut self, key: &[u8]) -> Option<Loc> {
        let found = self.lookup_quietly(key);
        match found {
            Some(_) => self.engine.stats.hits += 1,
            None => {
                self.engine.stats.misses += 1;
                self.client.reply.null();
            }
        }
        found
    }
}

fn object_encoding(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if let Some(loc) = cx.object(&args[2]) {
        let encoding = cx.value(loc).encoding();
        cx.client.reply.bulk_str(encoding);
    }
    Ok(())
}

/// Small integers are shared objects in the reference, and their count says so.
const SHARED_INTEGERS: std::ops::Range<i64> = 0..10_000;

fn object_refcount(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if let Some(loc) = cx.object(&args[2]) {
        // Where each entry has its own time of use, real servers share no objects.
        let config = &cx.engine.config;
        let own = config.maxmemory != 0 && config.maxmemory_policy.ranks_by_use();
        let shared = match cx.value(loc) {
            _ if own => false,
            ValueRef::Str(s) if s.encoding() == "int" => {
                s.int().is_some_and(|n| SHARED_INTEGERS.contains(&n))
            }
            _ => false,
        };
        let count = if shared { i64::from(i32::MAX) } else { 1 };
        cx.client.reply.int(count);
    }
    Ok(())
}

fn object_idletime(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if let Some(loc) = cx.object(&args[2]) {
        if heat::is_lfu(&cx.engine.config) {
            return Err(CommandError::fixed(
                &"ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that \
                 when switching between policies at runtime LRU and LFU data will take some time to \
                 adjust.",
            ));
        }
        let idle = heat::idle_seconds(cx.db().heat(loc), cx.steady_now());
        cx.client.reply.int(idle);
    }
    Ok(())
}

fn object_freq(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if let Some(loc) = cx.object(&args[2]) {
        if !heat::is_lfu(&cx.engine.config) {
            return Err(CommandError::fixed(
                &"ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please \
                 note that when switching between policies at runtime LRU and LFU data will take \
                 some time to adjust.",
            ));
        }
        let decay = heat::decay_minutes(&cx.engine.config);
        let counter = heat::decayed(cx.db().heat(loc), cx.steady_now(), decay);
        cx.client.reply.int(counter.into());
    }
    Ok(())
}

fn object_help(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let lines = [
        "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
        "HELP",
        "    Print this help.",
    ];
    cx.client.reply.array(lines.len());
    lines.iter().for_each(|line| cx.client.reply.simple(line));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, check, check_effects};

    #[test]
    fn keys_are_counted_deleted_and_typed() {
        check(&[
            ("MSET a 1 b 2 c 3", "+OK"),
            ("EXISTS a a none", ":2"),
            ("TOUCH a b none", ":2"),
            ("TYPE a", "+string"),
            ("TYPE none", "+none"),
            ("DEL a none", ":1"),
            ("UNLINK b c", ":2"),
            ("RANDOMKEY", "nil"),
        ]);
    }

    #[test]
    fn rename_takes_value_and_expiry_along() {
        check(&[
            ("RENAME a b", "-ERR no such key"),
            ("SET a 1 EX 100", "+OK"),
            ("RENAME a a", "+OK"),
            ("RENAMENX a a", ":0"),
            ("SET b 2", "+OK"),
            ("RENAMENX a b", ":0"),
            ("RENAME a b", "+OK"),
            ("GET b", "\"1\""),
            ("TTL b", ":100"),
            ("EXISTS a", ":0"),
            ("RENAMENX b c", ":1"),
        ]);
    }

    #[test]
    fn copies_and_moves_reach_other_databases() {
        check(&[
            ("SET a 1 EX 100", "+OK"),
            (
                "COPY a a",
                "-ERR source and destination objects are the same",
            ),
            ("COPY a b", ":1"),
            ("COPY a b", ":0"),
            ("COPY a b REPLACE", ":1"),
            ("COPY a a DB 1", ":1"),
            ("COPY a a DB 99", "-ERR DB index is out of range"),
            ("COPY a b FOO", "-ERR syntax error"),
            (
                "MOVE a 0",
                "-ERR source and destination objects are the same",
            ),
            ("MOVE a 1", ":0"),
            ("MOVE b 1", ":1"),
            ("MOVE b x", "-ERR value is not an integer or out of range"),
            ("SELECT 1", "+OK"),
            ("MGET a b", "[\"1\", \"1\"]"),
            ("TTL b", ":100"),
        ]);
    }

    #[test]
    fn what_is_known_of_an_object() {
        let mut bench = Bench::new();
        bench.check(&[
            ("MSET i 123 e abc big 123456", "+OK"),
            ("OBJECT ENCODING i", "\"int\""),
            ("OBJECT ENCODING e", "\"embstr\""),
            ("OBJECT ENCODING none", "nil"),
            ("OBJECT REFCOUNT i", ":2147483647"),
            ("OBJECT REFCOUNT big", ":1"),
        ]);
        bench.advance(7000);
        bench.check(&[("OBJECT IDLETIME e", ":7"), ("TOUCH e", ":1")]);
        bench.check(&[("OBJECT IDLETIME e", ":0")]);
        assert!(bench.run("OBJECT FREQ e").starts_with("-ERR An LFU"));
        bench.engine.config.maxmemory_policy = config::choices::MaxmemoryPolicy::AllkeysLfu;
        bench.check(&[("SET f 1", "+OK"), ("OBJECT FREQ f", ":5")]);
        assert!(bench.run("OBJECT IDLETIME e").starts_with("-ERR An LFU"));
    }

    #[test]
    fn effective_commands_travel_as_they_came() {
        check_effects(&[
            ("MSET a 1 b 2", "MSET a 1 b 2"),
            ("DEL none", ""),
            ("del a none", "del a none"),
            ("RENAME b b", ""),
            ("RENAME b c", "RENAME b c"),
            ("COPY c d", "COPY c d"),
            ("COPY c d", ""),
            ("MOVE d 3", "MOVE d 3"),
        ]);
    }
}
