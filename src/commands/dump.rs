//! DUMP and RESTORE: one value as bytes, in a form that every Redis and Valkey accepts.

use super::expiry;
use crate::manual;
use config::choices::{SaveLoss, UnknownValues};
use engine::args::int_of;
use engine::spec::{Access, Command, Flags, Group, KeyUse, Keys};
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx, Event, heat};
use keyspace::{Loc, Value};
use rdb::check::Scratch;
use rdb::dump::Checksums;
use rdb::normalize::normalize;
use rdb::target::{OnLoss, Target, transcode_value};
use rdb::{ErrorKind, dump as payload, lzf};
use replication::Reads;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "dump",
        arity: 2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        since: "2.6.0",
        complexity: "O(1) to access the key and additional O(N*M) to serialize it, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).",
        summary: "Returns a serialized representation of the value stored at a key.",
        docs: &manual::keys::DUMP,
        tips: &["nondeterministic_output"],
        ..Command::growing(dump)
    },
    Command {
        name: "restore",
        arity: -4,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::OVERWRITE),
        since: "2.6.0",
        complexity: "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).",
        summary: "Creates a key from the serialized representation of a value.",
        docs: &manual::keys::RESTORE,
        categories: Some(&["keyspace", "dangerous"]),
        ..Command::growing(restore)
    },
    Command {
        name: "restore-asking",
        arity: -4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::ASKING),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::OVERWRITE),
        group: Group::Server,
        since: "3.0.0",
        complexity: "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).",
        summary: "An internal command for migrating keys in a cluster.",
        docs: &manual::server::RESTORE_ASKING,
        categories: Some(&["keyspace", "dangerous"]),
        ..Command::growing(restore_asking)
    },
];

fn dump(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let Some(loc) = cx.lookup(&args[1]) else {
        cx.client.reply.null();
        return Ok(());
    };
    let payload = payload_of(cx, &args[1], loc)?;
    cx.client.reply.bulk_own(payload);
    Ok(())
}

/// A value as DUMP gives it: for the oldest server that knows its type, or for `rdb-save-target`.
///
/// # Errors
/// The target cannot hold the value, and `rdb-save-loss` says to refuse that.
pub(super) fn payload_of(cx: &mut Cx<'_>, key: &[u8], loc: Loc) -> Result<Vec<u8>, CommandError> {
    let config = &cx.engine.config;
    let target = Target::from_name(config.rdb_save_target.name()).unwrap_or_default();
    let on_loss = match config.rdb_save_loss {
        SaveLoss::Refuse => OnLoss::Refuse,
        SaveLoss::Report => OnLoss::Report,
    };
    payload_for(cx, key, loc, target, on_loss)
}

/// A value as DUMP gives it for servers of that kind.
fn payload_for(
    cx: &mut Cx<'_>,
    key: &[u8],
    loc: Loc,
    target: Target,
    on_loss: OnLoss,
) -> Result<Vec<u8>, CommandError> {
    let packs = cx.engine.config.rdbcompression;
    let mut packer = std::mem::take(&mut cx.engine.packer);
    let payload = pack_payload(cx, key, loc, target, on_loss, packs.then_some(&mut packer));
    cx.engine.packer = packer;
    payload
}

/// Bytes that are set aside for any payload.
const SMALL_PAYLOAD: usize = 128;

fn pack_payload(
    cx: &mut Cx<'_>,
    key: &[u8],
    loc: Loc,
    target: Target,
    on_loss: OnLoss,
    mut packer: Option<&mut lzf::Packer>,
) -> Result<Vec<u8>, CommandError> {
    let as_held = target.takes_as_held(cx.value(loc).rdb_type());
    // The type comes first, and is known last: sealing writes it.
    let mut out = Vec::with_capacity(SMALL_PAYLOAD);
    out.push(0);
    let held_packer = packer.as_deref_mut().filter(|_| as_held);
    let mut sink = |piece: &[u8]| {
        // The footer must not move all of it.
        out.reserve(piece.len() + payload::FOOTER_LEN);
        out.extend_from_slice(piece);
    };
    let mut rdb_type = cx.value(loc).to_rdb(&mut sink, held_packer);
    if !as_held {
        let mut scratch = take_scratch(cx);
        let held = std::mem::replace(&mut out, vec![0]);
        let done = transcode_value(
            rdb_type,
            &held[1..],
            target,
            on_loss,
            &mut scratch,
            packer,
            &mut out,
        );
        put_scratch(cx, scratch);
        let cannot = |why: &dyn std::fmt::Display| {
            let key = String::from_utf8_lossy(key);
            CommandError::new(format!("ERR {} cannot hold '{key}': {why}", target.name()))
        };
        let done = done.map_err(|e| cannot(&e))?;
        rdb_type = done.rdb_type.ok_or_else(|| cannot(&"nothing of it"))?;
    }
    payload::seal(rdb_type, &mut out);
    Ok(out)
}

/// What may follow `RESTORE key ttl payload`.
#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle_seconds: Option<u64>,
    frequency: Option<u8>,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut words = args.options(4);
        while words.are_left() {
            if words.take("REPLACE") {
                options.replace = true;
            } else if words.take("ABSTTL") {
                options.absolute = true;
            } else if options.frequency.is_none()
                && let Some(idle) = words.take_value("IDLETIME")
            {
                let idle = u64::try_from(int_of(idle)?).map_err(|_| {
                    CommandError::fixed(&"ERR Invalid IDLETIME value, must be >= 0")
                })?;
                options.idle_seconds = Some(idle);
            } else if options.idle_seconds.is_none()
                && let Some(counter) = words.take_value("FREQ")
            {
                let counter = u8::try_from(int_of(counter)?).map_err(|_| {
                    CommandError::fixed(&"ERR Invalid FREQ value, must be >= 0 and <= 255")
                })?;
                options.frequency = Some(counter);
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(options)
    }

    /// The heat they ask for; `None` under a policy that counts otherwise.
    fn heat(&self, cx: &Cx<'_>) -> Option<u32> {
        let now = cx.steady_now();
        match heat::is_lfu(&cx.engine.config) {
            true => self.frequency.map(|f| heat::from_frequency(f, now)),
            false => self.idle_seconds.map(|s| heat::from_idle_seconds(s, now)),
        }
    }
}

fn restore_asking(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    restore(cx, args)
}

fn restore(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let options = Options::parse(args)?;
    if !options.replace && cx.lookup_write(key).is_some() {
        return Err(CommandError::fixed(
            &"BUSYKEY Target key name already exists.",
        ));
    }
    let ttl = args.int(2)?;
    if ttl < 0 {
        return Err(CommandError::fixed(&"ERR Invalid TTL value, must be >= 0"));
    }
    let value = decode(cx, &args[3])?;
    cx.engine.stats.payloads_checked += 1;
    let old = if options.replace {
        cx.lookup_write(key)
    } else {
        None
    };
    if let Some(loc) = old {
        let lazy = cx.engine.config.lazyfree_lazy_server_del;
        cx.remove(loc, lazy);
    }
    let expire = match (ttl, options.absolute) {
        (0, _) => None,
        (ttl, true) => Some(ttl),
        (ttl, false) => Some(ttl.saturating_add(cx.now())),
    };
    cx.client.reply.ok();
    if expire.is_some_and(|at| expiry::past(cx, at)) {
        if old.is_some() {
            let lazy = cx.engine.config.lazyfree_lazy_server_del;
            cx.changed(key, 1);
            cx.notify(Event::Generic, "del", key);
            cx.propagate_as(&[if lazy { b"UNLINK".as_slice() } else { b"DEL" }, key]);
        }
        return Ok(());
    }
    let (db, heat) = (cx.client.db, options.heat(cx));
    let loc = cx.db().insert(key, value, expire);
    match heat {
        Some(heat) => cx.db().set_heat(loc, heat),
        None => cx.engine.touch(db, loc),
    }
    cx.created(key);
    cx.changed(key, 1);
    cx.notify(Event::Generic, "restore", key);
    let settled = payload_for_replicas(cx, args, loc);
    let mut digits = itoa::Buffer::new();
    let mut effect = args.0.to_vec();
    if let Some(at) = expire.filter(|_| !options.absolute) {
        effect[2] = digits.format(at).as_bytes();
        effect.push(b"ABSTTL");
    }
    if let Some(payload) = &settled {
        effect[3] = payload;
    }
    if settled.is_some() || effect.len() > args.len() {
        cx.propagate_as(&effect);
    }
    Ok(())
}

/// The payload of a RESTORE in a form that all replicas read, where the client's is too new for one of them.
/// `None` if there is none: then the links to those end who do not read it.
fn payload_for_replicas(cx: &mut Cx<'_>, args: Args<'_>, loc: Loc) -> Option<Vec<u8>> {
    if args[3].ends_with(&[0; 8]) {
        // Without a checksum: an append-only file holds it with one.
        return payload_for(cx, &args[1], loc, Target::Auto, OnLoss::Refuse).ok();
    }
    let replicas = cx.engine.repl.primary();
    if replicas.all_read(Reads::needed_by(args.0)) {
        return None;
    }
    // Some servers have no form for fields that expire; replicas that hold such fields can still receive them.
    let of_some = [Reads::empty(), Reads::FIELD_EXPIRY].map(|must| replicas.common(must).target());
    let mut forms = of_some.into_iter();
    forms.find_map(|form| payload_for(cx, &args[1], loc, form, OnLoss::Refuse).ok())
}

fn take_scratch(cx: &mut Cx<'_>) -> Scratch {
    let kept = cx.engine.scratch.take();
    kept.unwrap_or_else(|| Scratch::new(cx.engine.secrets.hash_key()))
}

fn put_scratch(cx: &mut Cx<'_>, mut scratch: Scratch) {
    scratch.shrink();
    cx.engine.scratch = Some(scratch);
}

/// Which checksums of payloads this client may send.
pub(super) fn right_checksums(cx: &Cx<'_>) -> Checksums {
    match cx.client.flags.contains(ClientFlags::MASTER) {
        _ if cx.engine.skips_checksums => Checksums::Any,
        true => Checksums::ComputedOrNone,
        false => Checksums::Computed,
    }
}

/// Checks a payload as strictly as a file is checked.
fn decode(cx: &mut Cx<'_>, bytes: &[u8]) -> Result<Value, CommandError> {
    let mut scratch = take_scratch(cx);
    let value = decode_in(cx, bytes, &mut scratch);
    put_scratch(cx, scratch);
    value
}

fn decode_in(cx: &Cx<'_>, bytes: &[u8], scratch: &mut Scratch) -> Result<Value, CommandError> {
    let decoded =
        payload::decode(bytes, right_checksums(cx), scratch).map_err(|e| match e.kind {
            ErrorKind::DumpFooter => {
                CommandError::fixed(&"ERR DUMP payload version or checksum are wrong")
            }
            _ => CommandError::fixed(&"ERR Bad data format"),
        })?;
    let unserved = decoded.info.unserved().is_some();
    let keeps = cx.engine.config.rdb_unknown_values == UnknownValues::Keep;
    if unserved && !keeps {
        return Err(CommandError::fixed(&"ERR Bad data format"));
    }
    if decoded.info.as_is {
        return Ok(Value::from_record(decoded.rdb_type, decoded.value));
    }
    let mut record = Vec::with_capacity(decoded.value.len());
    let rdb_type = normalize(
        &decoded.context,
        decoded.rdb_type,
        decoded.value,
        &decoded.info,
        scratch,
        &mut record,
    )
    .map_err(|_| CommandError::fixed(&"ERR Bad data format"))?;
    Ok(Value::from_record(rdb_type, &record))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, check};

    /// `SET k hello` of a real server, dumped by it.
    const HELLO: &str = "\"\\x00\\x05hello\\x0a\\x00cr\\xdfve4\\x20\\x0a\"";

    fn escaped(reply: &str) -> String {
        reply.replace("\\t", "\\x09").replace("\\'", "'")
    }

    #[test]
    fn a_dump_is_restored_under_another_name() {
        let mut bench = Bench::new();
        for make in [
            "SET k hello",
            "RPUSH k a b 3",
            "SADD k 1 2 3",
            "SADD k 1 x",
            "ZADD k 1 a 2.5 b",
            "HSET k f v g 7",
        ] {
            bench.run("DEL k copy");
            bench.run(make);
            let payload = escaped(&bench.run("DUMP k"));
            bench.check(&[(&format!("RESTORE copy 0 {payload}"), "+OK")]);
            let digest =
                |bench: &mut Bench, key: &str| bench.run(&format!("DEBUG DIGEST-VALUE {key}"));
            assert_eq!(
                digest(&mut bench, "k"),
                digest(&mut bench, "copy"),
                "{make}"
            );
        }
    }

    #[test]
    fn restore_minds_existing_keys_and_times() {
        let mut bench = Bench::new();
        let payload = {
            bench.run("SET k hello");
            escaped(&bench.run("DUMP k"))
        };
        let restore = |rest: &str| {
            let (ttl, options) = rest.split_once(' ').unwrap_or((rest, ""));
            format!("RESTORE k {ttl} {payload} {options}")
        };
        let cases = [
            ("0", "-BUSYKEY Target key name already exists.", ""),
            ("-1 REPLACE", "-ERR Invalid TTL value, must be >= 0", ""),
            (
                "x REPLACE",
                "-ERR value is not an integer or out of range",
                "",
            ),
            (
                "0 REPLACE IDLETIME -1",
                "-ERR Invalid IDLETIME value, must be >= 0",
                "",
            ),
            (
                "0 REPLACE FREQ 256",
                "-ERR Invalid FREQ value, must be >= 0 and <= 255",
                "",
            ),
            ("0 REPLACE FREQ 1 IDLETIME 1", "-ERR syntax error", ""),
            ("500 REPLACE", "+OK", "1000500 |REPLACE ABSTTL"),
            ("2000000 REPLACE ABSTTL", "+OK", "2000000 |REPLACE ABSTTL"),
            ("5 REPLACE ABSTTL", "+OK", "DEL"),
            ("5 ABSTTL", "+OK", ""),
            ("0 IDLETIME 400", "+OK", "0 |IDLETIME 400"),
        ];
        bench.effects();
        for (rest, reply, effect) in cases {
            assert_eq!(bench.run(&restore(rest)), reply, "{rest}");
            let sent = bench.effects();
            match effect {
                "" => assert_eq!(sent, "", "{rest}"),
                "DEL" => assert_eq!(sent, "DEL k", "{rest}"),
                _ => {
                    let (ttl, options) = effect.split_once('|').expect("ttl |options");
                    assert!(sent.starts_with(&format!("RESTORE k {ttl}")), "{sent}");
                    assert!(sent.ends_with(options), "{sent}");
                }
            }
        }
        bench.check(&[("OBJECT IDLETIME k", ":400"), ("GET k", "\"hello\"")]);
    }

    #[test]
    fn damaged_payloads_are_refused() {
        check(&[
            (&format!("RESTORE real 0 {HELLO}"), "+OK"),
            ("GET real", "\"hello\""),
            (
                "RESTORE k 0 abc",
                "-ERR DUMP payload version or checksum are wrong",
            ),
            (
                &format!("RESTORE k 0 {}", HELLO.replace("hello", "hallo")),
                "-ERR DUMP payload version or checksum are wrong",
            ),
            ("DUMP none", "nil"),
        ]);
    }
}
