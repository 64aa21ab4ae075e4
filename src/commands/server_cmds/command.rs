//! COMMAND: the table of commands, as clients see it.

use super::command_info::{self, info};
use super::docs;
use crate::manual;
use engine::categories::{self, Categories};
use engine::key_specs::Access;
use engine::request_keys;
use engine::spec::{Command, Flags, Group};
use engine::table::{self, Entry};
use engine::{Args, CmdResult, CommandError, Cx, glob};
use resp::{Proto, Reply};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "command",
    arity: -1,
    flags: Flags::LOADING.union(Flags::STALE),
    group: Group::Server,
    since: "2.8.13",
    complexity: "O(N) where N is the total number of Redis commands",
    summary: "Returns detailed information about all commands.",
    categories: Some(&["connection"]),
    tips: &["nondeterministic_output_order"],
    subcommands: &[
        Command {
            name: "command|count",
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "2.8.13",
            summary: "Returns a count of commands.",
            categories: Some(&["connection"]),
            ..Command::steady(command_count)
        },
        Command {
            name: "command|docs",
            arity: -2,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "7.0.0",
            complexity: "O(N) where N is the number of commands to look up",
            summary: "Returns documentary information about one, multiple or all commands.",
            docs: &manual::server::COMMAND_DOCS,
            categories: Some(&["connection"]),
            tips: &["nondeterministic_output_order"],
            ..Command::growing(command_docs)
        },
        Command {
            name: "command|getkeys",
            arity: -3,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "2.8.13",
            complexity: "O(N) where N is the number of arguments to the command",
            summary: "Extracts the key names from an arbitrary command.",
            docs: &manual::server::COMMAND_GETKEYS,
            categories: Some(&["connection"]),
            ..Command::steady(command_getkeys)
        },
        Command {
            name: "command|getkeysandflags",
            arity: -3,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "7.0.0",
            complexity: "O(N) where N is the number of arguments to the command",
            summary: "Extracts the key names and access flags for an arbitrary command.",
            docs: &manual::server::COMMAND_GETKEYSANDFLAGS,
            categories: Some(&["connection"]),
            ..Command::steady(command_getkeysandflags)
        },
        Command {
            name: "command|help",
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "5.0.0",
            summary: "Returns helpful text about the different subcommands.",
            categories: Some(&["connection"]),
            ..Command::steady(command_help)
        },
        Command {
            name: "command|info",
            arity: -2,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "2.8.13",
            complexity: "O(N) where N is the number of commands to look up",
            summary: "Returns information about one, multiple or all commands.",
            docs: &manual::server::COMMAND_INFO,
            categories: Some(&["connection"]),
            tips: &["nondeterministic_output_order"],
            ..Command::growing(command_info)
        },
        Command {
            name: "command|list",
            arity: -2,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "7.0.0",
            complexity: "O(N) where N is the total number of Redis commands",
            summary: "Returns a list of command names.",
            docs: &manual::server::COMMAND_LIST,
            categories: Some(&["connection"]),
            tips: &["nondeterministic_output_order"],
            ..Command::growing(command_list)
        },
    ],
    ..Command::growing(|cx, _| all_infos(cx))
}];

/// The reply to COMMAND or COMMAND DOCS. It does not change while the server runs, and many clients request it when they
/// connect, so it is made once for each protocol.
struct Told {
    bytes: Vec<u8>,
    /// The place of each command in the reply, by its number.
    places: BTreeMap<usize, Range<usize>>,
}

impl Told {
    fn infos(proto: Proto) -> &'static Told {
        static MADE: [OnceLock<Told>; 2] = [OnceLock::new(), OnceLock::new()];
        MADE[(proto == Proto::Resp3) as usize]
            .get_or_init(|| Told::make(proto, |reply, count| reply.array(count), info))
    }

    fn docs(proto: Proto) -> &'static Told {
        static MADE: [OnceLock<Told>; 2] = [OnceLock::new(), OnceLock::new()];
        MADE[(proto == Proto::Resp3) as usize]
            .get_or_init(|| Told::make(proto, |reply, count| reply.map(count), doc))
    }

    fn make(proto: Proto, begin: fn(&mut Reply, usize), tell: fn(&mut Reply, &Entry)) -> Told {
        let (mut reply, mut places) = (Reply::new(proto), BTreeMap::new());
        begin(&mut reply, table::all().count());
        for entry in table::all() {
            let start = reply.len();
            tell(&mut reply, entry);
            places.insert(entry.index, start..reply.len());
        }
        let bytes = reply.take();
        Told { bytes, places }
    }
}

/// The name of a command and what COMMAND DOCS says of it.
fn doc(reply: &mut Reply, entry: &Entry) {
    reply.bulk_str(entry.name);
    docs::describe(reply, entry);
}

fn all_infos(cx: &mut Cx<'_>) -> CmdResult {
    let infos = Told::infos(cx.client.reply.proto);
    cx.client.reply.raw(&infos.bytes);
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
    let reply = &mut cx.client.reply;
    let infos = Told::infos(reply.proto);
    reply.array(args.len() - 2);
    for name in args.from(2) {
        match by_full_name(name) {
            Some(entry) => match infos.places.get(&entry.index) {
                Some(place) => reply.raw(&infos.bytes[place.clone()]),
                // The reply has subcommands only within their commands.
                None => info(reply, entry),
            },
            None => reply.null(),
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

fn command_docs(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let reply = &mut cx.client.reply;
    let docs = Told::docs(reply.proto);
    let names = match args.from(2) {
        [] => {
            reply.raw(&docs.bytes);
            return Ok(());
        }
        names => names,
    };
    let wanted: Vec<&Entry> = names.iter().filter_map(|n| by_full_name(n)).collect();
    reply.map(wanted.len());
    for entry in wanted {
        match docs.places.get(&entry.index) {
            Some(place) => reply.raw(&docs.bytes[place.clone()]),
            // The reply has subcommands only within their commands.
            None => doc(reply, entry),
        }
    }
    Ok(())
}

/// The keys of the request after `COMMAND GETKEYS`, with what happens to them.
fn request_keys<'a>(args: Args<'a>) -> Result<Vec<(&'a [u8], Access)>, CommandError> {
    let request = Args(args.from(2));
    let entry = match table::find(request) {
        Ok(entry) => entry,
        Err(_) => return Err(CommandError::fixed(&"ERR Invalid command specified")),
    };
    if !request_keys::takes_keys(entry) {
        return Err(CommandError::fixed(&"ERR The command has no key arguments"));
    }
    if !entry.arity_fits(request.len()) {
        return Err(CommandError::fixed(
            &"ERR Invalid number of arguments specified for command",
        ));
    }
    let keys = request_keys::keys_of(entry, &request).ok_or(CommandError::fixed(
        &"ERR Invalid arguments specified for command",
    ))?;
    let keys = keys.into_iter().map(|(i, access)| (request.0[i], access));
    Ok(keys.collect())
}

fn command_getkeys(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let keys = request_keys(args)?;
    cx.client.reply.array(keys.len());
    keys.iter().for_each(|(k, _)| cx.client.reply.bulk(k));
    Ok(())
}

fn command_getkeysandflags(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let keys = request_keys(args)?;
    let reply = &mut cx.client.reply;
    reply.array(keys.len());
    for (key, access) in keys {
        reply.array(2);
        reply.bulk(key);
        command_info::access(reply, access);
    }
    Ok(())
}

fn command_list(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let all = || table::all().flat_map(|e| std::iter::once(e).chain(&e.subcommands));
    let names: Vec<&str> = match args.len() {
        2 => all().map(|e| e.name).collect(),
        5 if args.is(2, "FILTERBY") && args.is(3, "PATTERN") => all()
            .filter(|e| glob::matches_in_any_case(&args[4], e.name.as_bytes()))
            .map(|e| e.name)
            .collect(),
        5 if args.is(2, "FILTERBY") && args.is(3, "ACLCAT") => {
            let wanted = Categories::named(&args[4].to_ascii_lowercase()).unwrap_or_default();
            categories::members(wanted).map(|e| e.name).collect()
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
    use crate::testing::check;

    #[test]
    fn keys_of_a_request_are_told() {
        check(&[
            (
                "COMMAND GETKEYSANDFLAGS SMOVE a b c",
                "[[\"a\", [+RW, +access, +delete]], [\"b\", [+RW, +insert]]]",
            ),
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
