//! COMMAND: the table of commands, told to clients.

use crate::commands::spec::{Command, Flags, Group, Keys};
use crate::commands::table::{self, Entry};
use crate::commands::{Args, CmdResult, CommandError, Cx, glob};
use crate::resp::Reply;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "command",
    arity: -1,
    flags: Flags::LOADING.union(Flags::STALE),
    group: Group::Server,
    since: "2.8.13",
    complexity: "O(N) where N is the total number of Redis commands",
    summary: "Returns detailed information about all commands.",
    run: |cx, _| all_infos(cx),
    subcommands: &[
        Command {
            name: "command|count",
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "2.8.13",
            summary: "Returns a count of commands.",
            run: command_count,
            ..Command::DEFAULT
        },
        Command {
            name: "command|docs",
            arity: -2,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "7.0.0",
            complexity: "O(N) where N is the number of commands to look up",
            summary: "Returns documentary information about one, multiple or all commands.",
            run: command_docs,
            ..Command::DEFAULT
        },
        Command {
            name: "command|getkeys",
            arity: -3,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "2.8.13",
            complexity: "O(N) where N is the number of arguments to the command",
            summary: "Extracts the key names from an arbitrary command.",
            run: command_getkeys,
            ..Command::DEFAULT
        },
        Command {
            name: "command|getkeysandflags",
            arity: -3,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "7.0.0",
            complexity: "O(N) where N is the number of arguments to the command",
            summary: "Extracts the key names and access flags for an arbitrary command.",
            run: command_getkeysandflags,
            ..Command::DEFAULT
        },
        Command {
            name: "command|help",
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "5.0.0",
            summary: "Returns helpful text about the different subcommands.",
            run: command_help,
            ..Command::DEFAULT
        },
        Command {
            name: "command|info",
            arity: -2,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "2.8.13",
            complexity: "O(N) where N is the number of commands to look up",
            summary: "Returns information about one, multiple or all commands.",
            run: command_info,
            ..Command::DEFAULT
        },
        Command {
            name: "command|list",
            arity: -2,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "7.0.0",
            complexity: "O(N) where N is the total number of Redis commands",
            summary: "Returns a list of command names.",
            run: command_list,
            ..Command::DEFAULT
        },
    ],
    ..Command::DEFAULT
}];

fn all_infos(cx: &mut Cx<'_>) -> CmdResult {
    cx.client.reply.array(table::all().count());
    table::all().for_each(|entry| info(&mut cx.client.reply, entry));
    Ok(())
}

fn command_count(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.client.reply.int(table::all().count() as i64);
    Ok(())
}

fn command_info(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if args.len() == 2 {
        return all_infos(cx);
    }
    cx.client.reply.array(args.len() - 2);
    for name in args.from(2) {
        match by_full_name(name) {
            Some(entry) => info(&mut cx.client.reply, entry),
            None => cx.client.reply.null(),
        }
    }
    Ok(())
}

/// `config|get` or `config`.
fn by_full_name(name: &[u8]) -> Option<&'static Entry> {
    match name.iter().position(|b| *b == b'|') {
        Some(bar) => table::by_name(&name[..bar])?.subcommand(&name[bar + 1..]),
        None => table::by_name(name),
    }
}

/// The ten fields of one command.
fn info(reply: &mut Reply, entry: &Entry) {
    let flags = flag_names(entry);
    let categories = categories(entry);
    let (first, last, step) = match entry.keys {
        Keys::Range { first, last, step } => (first, last, step),
        Keys::Counted { first, .. } if first > 0 => (first as i32, first as i32, 1),
        Keys::None | Keys::Counted { .. } | Keys::Custom(_) => (0, 0, 0),
    };
    reply.array(10);
    reply.bulk_str(entry.name);
    reply.int(entry.arity.into());
    reply.set(flags.len());
    flags.iter().for_each(|f| reply.simple(f));
    reply.int(first.into());
    reply.int(last.into());
    reply.int(step.into());
    reply.set(categories.len());
    categories
        .iter()
        .for_each(|c| reply.simple(&format!("@{c}")));
    reply.array(0); // tips
    key_specs(reply, entry);
    reply.array(entry.subcommands.len());
    entry.subcommands.iter().for_each(|s| info(reply, s));
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

/// All access categories, in the order of ACL CAT.
pub const CATEGORIES: &[&str] = &[
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

/// The names of the commands and subcommands of an access category.
pub fn in_category(wanted: &str) -> Vec<&'static str> {
    let all = table::all().flat_map(|e| std::iter::once(e).chain(&e.subcommands));
    let fitting = all.filter(|e| categories(e).contains(&wanted));
    fitting.map(|e| e.name).collect()
}

/// The access categories, as the reference server derives them from flags and group.
fn categories(entry: &Entry) -> Vec<&'static str> {
    let flags = entry.flags;
    let mut out = Vec::new();
    if flags.contains(Flags::WRITE) {
        out.push("write");
    }
    if flags.contains(Flags::READONLY) && entry.group != Group::Scripting {
        out.push("read");
    }
    out.extend(match entry.group {
        Group::String => Some("string"),
        Group::List => Some("list"),
        Group::Set => Some("set"),
        Group::SortedSet => Some("sortedset"),
        Group::Hash => Some("hash"),
        Group::Stream => Some("stream"),
        Group::Generic => Some("keyspace"),
        Group::Pubsub => None,
        Group::Transactions => Some("transaction"),
        Group::Connection => Some("connection"),
        Group::Scripting => Some("scripting"),
        Group::HyperLogLog => Some("hyperloglog"),
        Group::Geo => Some("geo"),
        Group::Bitmap => Some("bitmap"),
        Group::Server | Group::Cluster => None,
    });
    if flags.contains(Flags::ADMIN) {
        out.extend(["admin", "dangerous"]);
    }
    if flags.contains(Flags::PUBSUB) {
        out.push("pubsub");
    }
    out.push(if flags.contains(Flags::FAST) {
        "fast"
    } else {
        "slow"
    });
    if flags.contains(Flags::BLOCKING) {
        out.push("blocking");
    }
    out
}

/// Key specifications: where the keys begin and how they go on.
fn key_specs(reply: &mut Reply, entry: &Entry) {
    // What a script does with its keys cannot be known.
    let runs_scripts = entry.flags.contains(Flags::NO_MANDATORY_KEYS);
    let reads = entry.flags.contains(Flags::READONLY);
    let access: &[&str] = match entry.flags.contains(Flags::WRITE) || (runs_scripts && !reads) {
        true => &["RW", "access", "update"],
        false => &["RO", "access"],
    };
    let notes = runs_scripts && !entry.name.starts_with("evalsha");
    let spec = |reply: &mut Reply, begin: i64, kind: &str, find: [(&str, i64); 3]| {
        reply.map(if notes { 4 } else { 3 });
        if notes {
            reply.bulk_str("notes");
            reply.bulk_str(match reads {
                true => {
                    "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS"
                }
                false => {
                    "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE"
                }
            });
        }
        reply.bulk_str("flags");
        reply.set(access.len());
        access.iter().for_each(|f| reply.simple(f));
        reply.bulk_str("begin_search");
        reply.map(2);
        reply.bulk_str("type");
        reply.bulk_str("index");
        reply.bulk_str("spec");
        reply.map(1);
        reply.bulk_str("index");
        reply.int(begin);
        reply.bulk_str("find_keys");
        reply.map(2);
        reply.bulk_str("type");
        reply.bulk_str(kind);
        reply.bulk_str("spec");
        reply.map(3);
        for (name, value) in find {
            reply.bulk_str(name);
            reply.int(value);
        }
    };
    match entry.keys {
        Keys::None => reply.array(0),
        Keys::Range { first, last, step } => {
            reply.array(1);
            let last = if last < 0 { last } else { last - first };
            let find = [
                ("lastkey", last.into()),
                ("keystep", step.into()),
                ("limit", 0),
            ];
            spec(reply, first.into(), "range", find);
        }
        Keys::Counted { count, first } => {
            reply.array(1 + usize::from(first > 0));
            if first > 0 {
                let find = [("lastkey", 0), ("keystep", 1), ("limit", 0)];
                spec(reply, first as i64, "range", find);
            }
            let find = [("keynumidx", 0), ("firstkey", 1), ("keystep", 1)];
            spec(reply, count as i64, "keynum", find);
        }
        // Known only by looking at a request.
        Keys::Custom(_) => {
            reply.array(1);
            reply.map(3);
            reply.bulk_str("flags");
            reply.set(access.len() + 1);
            access.iter().for_each(|f| reply.simple(f));
            reply.simple("incomplete");
            for part in ["begin_search", "find_keys"] {
                reply.bulk_str(part);
                reply.map(2);
                reply.bulk_str("type");
                reply.bulk_str("unknown");
                reply.bulk_str("spec");
                reply.map(0);
            }
        }
    }
}

fn command_docs(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let wanted: Vec<&Entry> = match args.from(2) {
        [] => table::all().collect(),
        names => names.iter().filter_map(|n| by_full_name(n)).collect(),
    };
    let reply = &mut cx.client.reply;
    reply.map(wanted.len());
    for entry in wanted {
        reply.bulk_str(entry.name);
        docs(reply, entry);
    }
    Ok(())
}

fn docs(reply: &mut Reply, entry: &Entry) {
    let subcommands = &entry.subcommands;
    reply.map(4 + usize::from(!subcommands.is_empty()));
    for (name, text) in [
        ("summary", entry.summary),
        ("since", entry.since),
        ("group", group_name(entry.group)),
        ("complexity", entry.complexity),
    ] {
        reply.bulk_str(name);
        reply.bulk_str(text);
    }
    if !subcommands.is_empty() {
        reply.bulk_str("subcommands");
        reply.map(subcommands.len());
        for sub in subcommands {
            reply.bulk_str(sub.name);
            docs(reply, sub);
        }
    }
}

fn group_name(group: Group) -> &'static str {
    match group {
        Group::String => "string",
        Group::List => "list",
        Group::Set => "set",
        Group::SortedSet => "sorted-set",
        Group::Hash => "hash",
        Group::Stream => "stream",
        Group::Generic => "generic",
        Group::Pubsub => "pubsub",
        Group::Transactions => "transactions",
        Group::Connection => "connection",
        Group::Server => "server",
        Group::Scripting => "scripting",
        Group::HyperLogLog => "hyperloglog",
        Group::Geo => "geo",
        Group::Bitmap => "bitmap",
        Group::Cluster => "cluster",
    }
}

/// The keys of the request that stands behind `COMMAND GETKEYS`, with their command.
fn request_keys<'a>(args: Args<'a>) -> Result<(&'static Entry, Vec<&'a [u8]>), CommandError> {
    let request = Args(args.from(2));
    let entry = match table::find(request) {
        Ok(entry) => entry,
        Err(_) => return Err(CommandError::fixed("ERR Invalid command specified")),
    };
    if matches!(entry.keys, Keys::None) {
        return Err(CommandError::fixed("ERR The command has no key arguments"));
    }
    if !entry.arity_fits(request.len()) {
        return Err(CommandError::fixed(
            "ERR Invalid number of arguments specified for command",
        ));
    }
    let at = entry.keys.positions(&request);
    if at.is_empty() && !entry.flags.contains(Flags::NO_MANDATORY_KEYS) {
        return Err(CommandError::fixed(
            "ERR Invalid arguments specified for command",
        ));
    }
    Ok((entry, at.into_iter().map(|i| request.0[i]).collect()))
}

fn command_getkeys(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (_, keys) = request_keys(args)?;
    cx.client.reply.array(keys.len());
    keys.iter().for_each(|k| cx.client.reply.bulk(k));
    Ok(())
}

fn command_getkeysandflags(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (entry, keys) = request_keys(args)?;
    let flags: &[&str] = match entry.flags.contains(Flags::WRITE) {
        true => &["RW", "access", "update"],
        false => &["RO", "access"],
    };
    let reply = &mut cx.client.reply;
    reply.array(keys.len());
    for key in keys {
        reply.array(2);
        reply.bulk(key);
        reply.set(flags.len());
        flags.iter().for_each(|f| reply.simple(f));
    }
    Ok(())
}

fn command_list(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let all = || table::all().flat_map(|e| std::iter::once(e).chain(&e.subcommands));
    let names: Vec<&str> = match args.len() {
        2 => table::all().map(|e| e.name).collect(),
        5 if args.is(2, "FILTERBY") && args.is(3, "PATTERN") => all()
            .filter(|e| glob::matches_in_any_case(&args[4], e.name.as_bytes()))
            .map(|e| e.name)
            .collect(),
        5 if args.is(2, "FILTERBY") && args.is(3, "ACLCAT") => {
            in_category(&String::from_utf8_lossy(&args[4]).to_ascii_lowercase())
        }
        // There are no modules.
        5 if args.is(2, "FILTERBY") && args.is(3, "MODULE") => Vec::new(),
        _ => return Err(CommandError::SYNTAX),
    };
    cx.client.reply.array(names.len());
    names.iter().for_each(|n| cx.client.reply.bulk_str(n));
    Ok(())
}

fn command_help(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.help(
        "COMMAND",
        &[
            "(no subcommand)",
            "    Return details about all Redis commands.",
            "COUNT",
            "    Return the total number of commands in this Redis server.",
            "LIST",
            "    Return a list of all commands in this Redis server.",
            "INFO [<command-name> ...]",
            "    Return details about multiple Redis commands.",
            "    If no command names are given, documentation details for all",
            "    commands are returned.",
            "DOCS [<command-name> ...]",
            "    Return documentation details about multiple Redis commands.",
            "    If no command names are given, documentation details for all",
            "    commands are returned.",
            "GETKEYS <full-command>",
            "    Return the keys from a full Redis command.",
            "GETKEYSANDFLAGS <full-command>",
            "    Return the keys and the access flags from a full Redis command.",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn keys_of_a_request_are_told() {
        check(&[
            ("COMMAND GETKEYS MSET a 1 b 2", "[\"a\", \"b\"]"),
            (
                "COMMAND GETKEYS PING",
                "-ERR The command has no key arguments",
            ),
            ("COMMAND GETKEYS NOPE x", "-ERR Invalid command specified"),
            (
                "COMMAND GETKEYS GET",
                "-ERR Invalid number of arguments specified for command",
            ),
            (
                "COMMAND LIST FILTERBY PATTERN slowlog|l*",
                "[\"slowlog|len\"]",
            ),
            ("COMMAND INFO nope", "[nil]"),
        ]);
    }
}
