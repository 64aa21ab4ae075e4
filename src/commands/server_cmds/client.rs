//! CLIENT: commands with which clients can inspect and control clients.

use super::client_filter::{Filter, Known};
use super::client_tracking;
use crate::manual;
use engine::blocking::Unblock;
use engine::client_list;
use engine::pause::{Held, Reason};
use engine::spec::{Command, Flags, Group};
use engine::{Action, Args, ClientFlags, ClientId, CmdResult, CommandError, Cx, Engine, Session};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "client",
    arity: -2,
    group: Group::Connection,
    since: "2.4.0",
    complexity: "Depends on subcommand.",
    summary: "A container for client connection commands.",
    subcommands: &[
        client_tracking::CACHING,
        client_tracking::GETREDIR,
        client_tracking::TRACKING,
        client_tracking::TRACKINGINFO,
        Command {
            name: "client|getname",
            arity: 2,
            flags: Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::KEEPS_CACHING),
            group: Group::Connection,
            since: "2.6.9",
            summary: "Returns the name of the connection.",
            ..Command::steady(client_getname)
        },
        Command {
            name: "client|help",
            arity: 2,
            flags: Flags::LOADING
                .union(Flags::STALE)
                .union(Flags::KEEPS_CACHING),
            group: Group::Connection,
            since: "5.0.0",
            summary: "Returns helpful text about the different subcommands.",
            ..Command::steady(client_help)
        },
        Command {
            name: "client|id",
            arity: 2,
            flags: Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::KEEPS_CACHING),
            group: Group::Connection,
            since: "5.0.0",
            summary: "Returns the unique client ID of the connection.",
            ..Command::steady(client_id)
        },
        Command {
            name: "client|info",
            arity: 2,
            flags: Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::KEEPS_CACHING),
            group: Group::Connection,
            since: "6.2.0",
            summary: "Returns information about the connection.",
            tips: &["nondeterministic_output"],
            ..Command::growing(client_info)
        },
        Command {
            name: "client|kill",
            arity: -3,
            flags: Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::KEEPS_CACHING),
            group: Group::Connection,
            since: "2.4.0",
            complexity: "O(N) where N is the number of client connections",
            summary: "Terminates open connections.",
            docs: &manual::connection::CLIENT_KILL,
            ..Command::growing(client_kill)
        },
        Command {
            name: "client|list",
            arity: -2,
            flags: Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::KEEPS_CACHING),
            group: Group::Connection,
            since: "2.4.0",
            complexity: "O(N) where N is the number of client connections",
            summary: "Lists open connections.",
            docs: &manual::connection::CLIENT_LIST,
            tips: &["nondeterministic_output"],
            ..Command::growing(client_list)
        },
        Command {
            name: "client|capa",
            arity: -3,
            flags: Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::ALLOW_BUSY)
                .union(Flags::KEEPS_CACHING),
            group: Group::Connection,
            since: "8.0.0",
            summary: "A client claims its capability.",
            docs: &manual::connection::CLIENT_CAPA,
            ..Command::steady(client_capa)
        },
        Command {
            name: "client|import-source",
            arity: 3,
            flags: Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::KEEPS_CACHING),
            group: Group::Connection,
            since: "8.1.0",
            summary: "Marks this client as an import source when the server is in import mode.",
            docs: &manual::connection::CLIENT_IMPORT_SOURCE,
            ..Command::steady(client_import_source)
        },
        Command {
            name: "client|no-evict",
            arity: 3,
            flags: Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::KEEPS_CACHING),
            group: Group::Connection,
            since: "7.0.0",
            summary: "Sets the client eviction mode of the connection.",
            docs: &manual::connection::CLIENT_NO_EVICT,
            ..Command::steady(client_no_evict)
        },
        Command {
            name: "client|no-touch",
            arity: 3,
            flags: Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::KEEPS_CACHING),
            group: Group::Connection,
            since: "7.2.0",
            summary: "Controls whether commands sent by the client affect the LRU/LFU of accessed keys.",
            docs: &manual::connection::CLIENT_NO_TOUCH,
            ..Command::steady(client_no_touch)
        },
        Command {
            name: "client|pause",
            arity: -3,
            flags: Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::KEEPS_CACHING),
            group: Group::Connection,
            since: "3.0.0",
            summary: "Suspends commands processing.",
            docs: &manual::connection::CLIENT_PAUSE,
            ..Command::steady(client_pause)
        },
        Command {
            name: "client|reply",
            arity: 3,
            flags: Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::KEEPS_CACHING)
                .union(Flags::NOT_FROM_PRIMARY),
            group: Group::Connection,
            since: "3.2.0",
            summary: "Instructs the server whether to reply to commands.",
            docs: &manual::connection::CLIENT_REPLY,
            ..Command::steady(client_reply)
        },
        Command {
            name: "client|setinfo",
            arity: 4,
            flags: Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::KEEPS_CACHING),
            group: Group::Connection,
            since: "7.2.0",
            summary: "Sets information specific to the client or connection.",
            docs: &manual::connection::CLIENT_SETINFO,
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..Command::steady(client_setinfo)
        },
        Command {
            name: "client|setname",
            arity: 3,
            flags: Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::KEEPS_CACHING),
            group: Group::Connection,
            since: "2.6.9",
            summary: "Sets the connection name.",
            docs: &manual::connection::CLIENT_SETNAME,
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..Command::steady(client_setname)
        },
        Command {
            name: "client|unblock",
            arity: -3,
            flags: Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::KEEPS_CACHING),
            group: Group::Connection,
            since: "5.0.0",
            complexity: "O(log N) where N is the number of client connections",
            summary: "Unblocks a client blocked by a blocking command from a different connection.",
            docs: &manual::connection::CLIENT_UNBLOCK,
            ..Command::steady(client_unblock)
        },
        Command {
            name: "client|unpause",
            arity: 2,
            flags: Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::KEEPS_CACHING),
            group: Group::Connection,
            since: "6.2.0",
            complexity: "O(N) Where N is the number of paused clients",
            summary: "Resumes processing commands from paused clients.",
            ..Command::steady(client_unpause)
        },
    ],
    ..Command::CONTAINER
}];

fn client_id(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.client.reply.int(cx.client.id.0 as i64);
    Ok(())
}

fn client_getname(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    match cx.client.name.as_slice() {
        [] => cx.client.reply.null(),
        name => cx.client.reply.bulk(name),
    }
    Ok(())
}

fn client_setname(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    check_name("Client names", &args[2])?;
    cx.client.name = args[2].to_vec();
    cx.client.reply.ok();
    Ok(())
}

/// Names appear in CLIENT LIST, where blanks separate fields.
pub(crate) fn check_name(what: &str, name: &[u8]) -> CmdResult {
    if name.iter().all(|b| (b'!'..=b'~').contains(b)) {
        return Ok(());
    }
    Err(CommandError::new(format!(
        "ERR {what} cannot contain spaces, newlines or special characters."
    )))
}

fn client_setinfo(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if args.is(2, "LIB-NAME") {
        check_name(&String::from_utf8_lossy(&args[2]), &args[3])?;
        cx.client.lib_name = args[3].to_vec();
    } else if args.is(2, "LIB-VER") {
        check_name(&String::from_utf8_lossy(&args[2]), &args[3])?;
        cx.client.lib_ver = args[3].to_vec();
    } else {
        return Err(CommandError::quoting(
            "ERR Unrecognized option '{}'",
            &[&args[2]],
        ));
    }
    cx.client.reply.ok();
    Ok(())
}

/// The line of the client whose request it is: its arguments are held while it runs.
fn line_of_own(cx: &mut Cx<'_>, args: Args<'_>) -> String {
    cx.client.argv_bytes = args.0.iter().map(|arg| arg.len()).sum();
    let line = client_list::line(cx.client, cx.steady_now());
    cx.client.argv_bytes = 0;
    line
}

fn client_info(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let mut line = line_of_own(cx, args);
    line.push('\n');
    cx.client.reply.verbatim("txt", line.as_bytes());
    Ok(())
}

fn client_list(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let filter = Filter::of_list(args, known(cx.engine))?;
    let (me, now) = (cx.client.id, cx.steady_now());
    measure_replicas(cx.engine);
    cx.client.argv_bytes = args.0.iter().map(|arg| arg.len()).sum();
    let mut text = String::new();
    for client in everybody(cx).filter(|client| filter.means(client, me, now)) {
        text.push_str(&client_list::line(client, now));
        text.push('\n');
    }
    cx.client.argv_bytes = 0;
    cx.client.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// What filters of clients refer to.
fn known(engine: &Engine) -> Known<'_> {
    Known {
        users: &engine.users,
        databases: engine.keyspace.count(),
    }
}

/// Counts in each replica's session the bytes that are held for it.
fn measure_replicas(engine: &mut Engine) {
    let log = engine.repl.history().backlog();
    for (id, _) in engine.repl.primary().replicas() {
        if let Some(client) = engine.clients.get_mut(&id) {
            client.stream_pending = log.map_or(0, |log| log.share(id.0));
        }
    }
}

/// All clients by number, the running one in its place.
fn everybody<'a>(cx: &'a Cx<'_>) -> impl Iterator<Item = &'a Session> {
    let me = cx.client.id;
    let clients = &cx.engine.clients;
    let before = clients.values().filter(move |c| c.id < me);
    let behind = clients.values().filter(move |c| c.id > me);
    before.chain(std::iter::once(&*cx.client)).chain(behind)
}

fn client_kill(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let old_form = args.len() == 3;
    let filter = match old_form {
        true => Filter::of_addr(args.0[2]),
        false => Filter::of_kill(args, known(cx.engine))?,
    };
    let (me, now) = (cx.client.id, cx.steady_now());
    let found = everybody(cx).filter(|c| filter.means(c, me, now));
    let found: Vec<ClientId> = found.map(|c| c.id).collect();
    for &id in &found {
        if id == me {
            cx.client.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
        } else if let Some(client) = cx.engine.clients.get_mut(&id) {
            client.flags.insert(ClientFlags::CLOSE_ASAP);
            cx.engine.actions.push(Action::Close(id));
        }
    }
    match (old_form, found.len()) {
        (true, 0) => return Err(CommandError::fixed(&"ERR No such client")),
        (true, _) => cx.client.reply.ok(),
        (false, n) => cx.client.reply.int(n as i64),
    }
    Ok(())
}

fn client_no_evict(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    set_flag(cx, args, ClientFlags::NO_EVICT)
}

fn client_no_touch(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    set_flag(cx, args, ClientFlags::NO_TOUCH)
}

fn set_flag(cx: &mut Cx<'_>, args: Args<'_>, flag: ClientFlags) -> CmdResult {
    let on = args.one_of(2, &[("ON", true), ("OFF", false)]);
    let on = on.ok_or(CommandError::SYNTAX)?;
    cx.client.flags.set(flag, on);
    cx.client.reply.ok();
    Ok(())
}

/// CLIENT CAPA: what is not known is passed over.
fn client_capa(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if (2..args.len()).any(|at| args.is(at, "REDIRECT")) {
        cx.client.flags.insert(ClientFlags::REDIRECT);
    }
    cx.client.reply.ok();
    Ok(())
}

fn client_import_source(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if !cx.engine.config.import_mode && !args.is(2, "OFF") {
        return Err(CommandError::fixed(&"ERR Server is not in import mode"));
    }
    set_flag(cx, args, ClientFlags::IMPORT_SOURCE)
}

fn client_reply(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let off = ClientFlags::REPLY_OFF | ClientFlags::REPLY_SKIP;
    if args.is(2, "ON") {
        cx.client.flags.remove(off);
        cx.client.reply.ok();
    } else if args.is(2, "OFF") {
        cx.client.flags.insert(ClientFlags::REPLY_OFF);
    } else if args.is(2, "SKIP") {
        if !cx.client.flags.contains(ClientFlags::REPLY_OFF) {
            cx.client.flags.insert(ClientFlags::REPLY_SKIP_NEXT);
        }
    } else {
        return Err(CommandError::SYNTAX);
    }
    Ok(())
}

fn client_pause(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let held = match args.len() {
        3 => Held::All,
        4 if args.is(3, "WRITE") => Held::Writes,
        4 if args.is(3, "ALL") => Held::All,
        4 => {
            return Err(CommandError::fixed(
                &"ERR CLIENT PAUSE mode must be WRITE or ALL",
            ));
        }
        _ => {
            return Err(CommandError::quoting(
                "ERR unknown subcommand or wrong number of arguments for '{128}'. Try CLIENT HELP.",
                &[&args[1]],
            ));
        }
    };
    let ms = args.timeout_ms(2)?;
    if ms < 0 {
        return Err(CommandError::fixed(&"ERR timeout is negative"));
    }
    let until = cx.steady_now().checked_add(ms);
    let until = until.ok_or(CommandError::fixed(&"ERR timeout is out of range"))?;
    cx.engine.pause(Reason::Client, held, until);
    cx.client.reply.ok();
    Ok(())
}

fn client_unpause(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.client.reply.ok();
    cx.engine.unpause(Reason::Client);
    Ok(())
}

fn client_unblock(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let how = match args.len() {
        3 => Unblock::Timeout,
        4 if args.is(3, "TIMEOUT") => Unblock::Timeout,
        4 if args.is(3, "ERROR") => Unblock::Error,
        4 => {
            return Err(CommandError::fixed(
                &"ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
            ));
        }
        _ => return Err(CommandError::arity("client|unblock")),
    };
    let id = args.int(2)?;
    let done = id > 0 && cx.engine.unblock(ClientId(id as u64), how);
    cx.client.reply.int(done.into());
    Ok(())
}

fn client_help(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.help("CLIENT", HELP);
    Ok(())
}

const HELP: &[&str] = &[
    "CACHING (YES|NO)",
    "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
    "GETREDIR",
    "    Return the client ID we are redirecting to when tracking is enabled.",
    "GETNAME",
    "    Return the name of the current connection.",
    "ID",
    "    Return the ID of the current connection.",
    "INFO",
    "    Return information about the current client connection.",
    "KILL <ip:port>",
    "    Kill connection made from <ip:port>.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    Kill connections. Options are:",
    "    * ADDR (<ip:port>|<unixsocket>:0)",
    "      Kill connections made from the specified address",
    "    * LADDR (<ip:port>|<unixsocket>:0)",
    "      Kill connections made to specified local address",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Kill connections by type.",
    "    * USER <username>",
    "      Kill connections authenticated by <username>.",
    "    * SKIPME (YES|NO)",
    "      Skip killing current connection (default: yes).",
    "    * ID <client-id>",
    "      Kill connections by client id.",
    "    * MAXAGE <maxage>",
    "      Kill connections older than the specified age.",
    "LIST [options ...]",
    "    Return information about client connections. Options:",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Return clients of specified type.",
    "UNPAUSE",
    "    Stop the current client pause, resuming traffic.",
    "PAUSE <timeout> [WRITE|ALL]",
    "    Suspend all, or just write, clients for <timeout> milliseconds.",
    "REPLY (ON|OFF|SKIP)",
    "    Control the replies sent to the current connection.",
    "SETNAME <name>",
    "    Assign the name <name> to the current connection.",
    "SETINFO <option> <value>",
    "    Set client meta attr. Options are:",
    "    * LIB-NAME: the client lib name.",
    "    * LIB-VER: the client lib version.",
    "UNBLOCK <clientid> [TIMEOUT|ERROR]",
    "    Unblock the specified blocked client.",
    "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
    "         [OPTIN] [OPTOUT] [NOLOOP]",
    "    Control server assisted client side caching.",
    "TRACKINGINFO",
    "    Report tracking status for the current connection.",
    "NO-EVICT (ON|OFF)",
    "    Protect current client connection from eviction.",
    "NO-TOUCH (ON|OFF)",
    "    Will not touch LRU/LFU stats when this mode is on.",
];

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    #[test]
    fn a_pause_holds_writes_until_it_ends() {
        let mut bench = Bench::new();
        let other = bench.connect();
        assert_eq!(bench.run("CLIENT PAUSE 1000 WRITE"), "+OK");
        assert_eq!(bench.run_as(other, "SET a b"), "");
        assert_eq!(bench.run("GET a"), "nil");
        bench.advance(1000);
        bench.engine.on_tick();
        bench.engine.settle();
        assert_eq!(bench.output(other), "+OK");
        assert_eq!(bench.run("GET a"), "\"b\"");
    }

    #[test]
    fn a_pause_of_no_time_holds_nothing() {
        let mut bench = Bench::new();
        let other = bench.connect();
        assert_eq!(bench.run("CLIENT PAUSE 0"), "+OK");
        assert_eq!(bench.run_as(other, "SET a b"), "+OK");
    }

    #[test]
    fn kill_takes_the_clients_that_all_filters_mean() {
        let mut bench = Bench::new();
        let other = bench.connect();
        assert_eq!(bench.run("CLIENT KILL 1.1.1.1:1"), "-ERR No such client");
        assert_eq!(
            bench.run(&format!("CLIENT KILL ID {} TYPE pubsub", other.0)),
            ":0"
        );
        assert_eq!(bench.run(&format!("CLIENT KILL ID {}", other.0)), ":1");
        let mine = bench.id.0;
        assert_eq!(bench.run(&format!("CLIENT KILL ID {mine}")), ":0");
        assert_eq!(bench.run(&format!("CLIENT KILL ID {mine} SKIPME no")), ":1");
        assert_eq!(
            bench.run("CLIENT KILL TYPE nope"),
            "-ERR Unknown client type 'nope'"
        );
    }

    #[test]
    fn replies_are_left_out_on_request() {
        let mut bench = Bench::new();
        assert_eq!(bench.run("CLIENT REPLY SKIP"), "");
        assert_eq!(bench.run("PING"), "");
        assert_eq!(bench.run("PING"), "+PONG");
        assert_eq!(bench.run("CLIENT REPLY OFF"), "");
        assert_eq!(bench.run("PING"), "");
        assert_eq!(bench.run("CLIENT REPLY ON"), "+OK");
    }

    #[test]
    fn names_are_checked() {
        let mut bench = Bench::new();
        assert_eq!(
            bench.run("CLIENT SETNAME \"a b\""),
            "-ERR Client names cannot contain spaces, newlines or special characters."
        );
        assert_eq!(bench.run("CLIENT SETINFO lib-name redis-py"), "+OK");
        assert_eq!(
            bench.run("CLIENT SETINFO x y"),
            "-ERR Unrecognized option 'x'"
        );
    }
}
