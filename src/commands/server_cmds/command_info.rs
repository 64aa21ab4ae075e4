//! What COMMAND INFO says about a command: flags, access categories, tips, key specifications.
//!
//! Source: COMMAND INFO of Redis 8.2. `tests/compat/info.rs` lists where other releases differ, and why.

use engine::key_specs::{Access, Begin, Find, KeySpec};
use engine::request_keys;
use engine::spec::{Flags, Keys};
use engine::table::Entry;
use resp::Reply;

/// The ten fields of one command.
pub fn info(reply: &mut Reply, entry: &Entry) {
    let flags = flag_names(entry);
    let tips = entry.tips;
    let specs = request_keys::of(entry);
    let (first, last, step) = range(entry, specs);
    reply.array(10);
    reply.bulk_str(entry.name);
    reply.int(entry.arity.into());
    reply.set(flags.len());
    flags.iter().for_each(|f| reply.simple(f));
    reply.int(first.into());
    reply.int(last.into());
    reply.int(step.into());
    reply.set(entry.access.count());
    let names = entry.access.names();
    names.for_each(|name| reply.simple(&format!("@{name}")));
    reply.set(tips.len());
    tips.iter().for_each(|t| reply.bulk_str(t));
    reply.set(specs.len());
    specs.iter().for_each(|s| key_spec(reply, s));
    match entry.subcommands.len() {
        0 => reply.set(0),
        n => reply.array(n),
    }
    entry.subcommands.iter().for_each(|s| info(reply, s));
}

/// The first key, the last and the distance, as far as three numbers can say it.
fn range(entry: &Entry, specs: &[KeySpec]) -> (i32, i32, i32) {
    match (entry.keys, specs.first()) {
        (Keys::Range { first, last, step }, _) => (first, last, step),
        (Keys::Counted { first, .. }, _) if first > 0 => (first as i32, first as i32, 1),
        (
            Keys::Custom(_),
            Some(KeySpec {
                begin: Begin::Index(first),
                find: Find::Range { last, step, .. },
                ..
            }),
        ) => (*first, first + last, *step),
        _ => (0, 0, 0),
    }
}

fn flag_names(entry: &Entry) -> Vec<&'static str> {
    const NAMES: &[(Flags, &str)] = &[
        (Flags::WRITE, "write"),
        (Flags::READONLY, "readonly"),
        (Flags::DENYOOM, "denyoom"),
        (Flags::ADMIN, "admin"),
        (Flags::PUBSUB, "pubsub"),
        (Flags::NOSCRIPT, "noscript"),
        (Flags::BLOCKING, "blocking"),
        (Flags::LOADING, "loading"),
        (Flags::STALE, "stale"),
        (Flags::SKIP_MONITOR, "skip_monitor"),
        (Flags::SKIP_SLOWLOG, "skip_slowlog"),
        (Flags::ASKING, "asking"),
        (Flags::FAST, "fast"),
        (Flags::NO_AUTH, "no_auth"),
        (Flags::NO_MANDATORY_KEYS, "no_mandatory_keys"),
        (Flags::NO_ASYNC_LOADING, "no_async_loading"),
        (Flags::NO_MULTI, "no_multi"),
        (Flags::MOVABLEKEYS, "movablekeys"),
        (Flags::ALLOW_BUSY, "allow_busy"),
    ];
    let set = NAMES.iter().filter(|(f, _)| entry.flags.contains(*f));
    set.map(|(_, name)| *name).collect()
}

/// The flags of an access.
pub fn access(reply: &mut Reply, access: Access) {
    let names = access.names();
    reply.set(names.len());
    names.iter().for_each(|f| reply.simple(f));
}

fn key_spec(reply: &mut Reply, spec: &KeySpec) {
    reply.map(3 + usize::from(!spec.note.is_empty()));
    if !spec.note.is_empty() {
        reply.bulk_str("notes");
        reply.bulk_str(spec.note);
    }
    reply.bulk_str("flags");
    access(reply, spec.access);
    reply.bulk_str("begin_search");
    match spec.begin {
        Begin::Index(index) => part(reply, "index", &[("index", index)]),
        Begin::Keyword(word, from) => {
            search(reply, "keyword", 2);
            reply.bulk_str("keyword");
            reply.bulk_str(word);
            reply.bulk_str("startfrom");
            reply.int(from.into());
        }
        Begin::Unknown => part(reply, "unknown", &[]),
    }
    reply.bulk_str("find_keys");
    match spec.find {
        Find::Range { last, step, limit } => {
            let numbers = [("lastkey", last), ("keystep", step), ("limit", limit)];
            part(reply, "range", &numbers);
        }
        Find::Counted { step } => {
            let numbers = [("keynumidx", 0), ("firstkey", 1), ("keystep", step)];
            part(reply, "keynum", &numbers);
        }
        Find::Unknown => part(reply, "unknown", &[]),
    }
}

/// One half of a specification whose details are numbers.
fn part(reply: &mut Reply, kind: &str, numbers: &[(&str, i32)]) {
    search(reply, kind, numbers.len());
    for (name, value) in numbers {
        reply.bulk_str(name);
        reply.int((*value).into());
    }
}

/// Its head; the `details` follow.
fn search(reply: &mut Reply, kind: &str, details: usize) {
    reply.map(2);
    reply.bulk_str("type");
    reply.bulk_str(kind);
    reply.bulk_str("spec");
    reply.map(details);
}
