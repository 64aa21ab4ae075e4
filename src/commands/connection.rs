//! PING, ECHO, SELECT, AUTH, HELLO, QUIT, RESET: commands for the connection itself. CLIENT has files of its own.

use super::server_cmds;
use crate::manual;
use engine::args::parse_int;
use engine::spec::{Command, Flags, Group, Secrets};
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx, Session, links, pubsub, tracking};
use replication::StreamDb;
use resp::Proto;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "ping",
        arity: -1,
        flags: Flags::FAST
            .union(Flags::IN_SUBSCRIBER)
            .union(Flags::TELLS_OF_SAVES)
            .union(Flags::NO_DATABASE),
        group: Group::Connection,
        since: "1.0.0",
        summary: "Returns the server's liveliness response.",
        docs: &manual::connection::PING,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..Command::steady(ping)
    },
    Command {
        name: "echo",
        arity: 2,
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
        group: Group::Connection,
        since: "1.0.0",
        summary: "Returns the given string.",
        docs: &manual::connection::ECHO,
        ..Command::steady(echo)
    },
    Command {
        name: "select",
        arity: 2,
        flags: Flags::LOADING
            .union(Flags::STALE)
            .union(Flags::FAST)
            .union(Flags::NO_DATABASE),
        group: Group::Connection,
        since: "1.0.0",
        summary: "Changes the selected database.",
        docs: &manual::connection::SELECT,
        ..Command::steady(select)
    },
    Command {
        name: "auth",
        arity: -2,
        flags: Flags::NOSCRIPT
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::FAST)
            .union(Flags::NO_AUTH)
            .union(Flags::ALLOW_BUSY)
            .union(Flags::NOT_FROM_PRIMARY),
        secrets: Secrets::From(1),
        group: Group::Connection,
        since: "1.0.0",
        complexity: "O(N) where N is the number of passwords defined for the user",
        summary: "Authenticates the connection.",
        docs: &manual::connection::AUTH,
        ..Command::steady(auth)
    },
    Command {
        name: "hello",
        arity: -1,
        flags: Flags::NOSCRIPT
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::FAST)
            .union(Flags::NO_AUTH)
            .union(Flags::ALLOW_BUSY)
            .union(Flags::NOT_FROM_PRIMARY),
        secrets: Secrets::At(hello_secrets),
        group: Group::Connection,
        since: "6.0.0",
        summary: "Handshakes with the Redis server.",
        docs: &manual::connection::HELLO,
        ..Command::steady(hello)
    },
    Command {
        name: "quit",
        arity: -1,
        flags: Flags::NOSCRIPT
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::FAST)
            .union(Flags::NO_AUTH)
            .union(Flags::ALLOW_BUSY)
            .union(Flags::RUNS_IN_MULTI)
            .union(Flags::IN_SUBSCRIBER)
            .union(Flags::ON_REPLICA_LINK)
            .union(Flags::NOT_FROM_PRIMARY),
        group: Group::Connection,
        since: "1.0.0",
        summary: "Closes the connection.",
        docs: &manual::connection::QUIT,
        ..Command::steady(quit)
    },
    Command {
        name: "reset",
        arity: 1,
        flags: Flags::NOSCRIPT
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::FAST)
            .union(Flags::NO_AUTH)
            .union(Flags::ALLOW_BUSY)
            .union(Flags::RUNS_IN_MULTI)
            .union(Flags::IN_SUBSCRIBER)
            .union(Flags::ON_REPLICA_LINK),
        group: Group::Connection,
        since: "6.2.0",
        summary: "Resets the connection.",
        ..Command::steady(reset)
    },
];

const WRONG_PASSWORD: CommandError =
    CommandError::fixed(&"WRONGPASS invalid username-password pair or user is disabled.");

fn ping(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if args.len() > 2 {
        return Err(CommandError::arity("ping"));
    }
    let text = args.get(1);
    let subscriber = cx.client.subscriptions() > 0;
    let reply = &mut cx.client.reply;
    // A RESP2 subscriber gets it in the form of its messages.
    if reply.proto == Proto::Resp2 && subscriber {
        reply.array(2);
        reply.bulk_str("pong");
        reply.bulk(text.unwrap_or_default());
        return Ok(());
    }
    match text {
        None => reply.raw(b"+PONG\r\n"),
        Some(text) => reply.bulk(text),
    }
    Ok(())
}

fn echo(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    cx.client.reply.bulk(&args[1]);
    Ok(())
}

fn select(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let found = database(cx, args);
    if cx.client.flags.contains(ClientFlags::MASTER) {
        // What follows in the stream is for that database and for no other.
        let said = parse_int(&args[1]).map_or(StreamDb::NONE, StreamDb::said);
        cx.client.nowhere = found.is_err().then_some(said);
    }
    cx.client.db = found?;
    cx.client.reply.ok();
    Ok(())
}

fn database(cx: &Cx<'_>, args: Args<'_>) -> Result<usize, CommandError> {
    let said = StreamDb::said(args.int_within(1, i32::MIN.into(), i32::MAX.into())?);
    let here = said.within(cx.engine.keyspace.count());
    here.ok_or(CommandError::fixed(&"ERR DB index is out of range"))
}

fn auth(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (user, password) = match args.len() {
        2 if cx.engine.users.default_user().nopass => {
            return Err(CommandError::fixed(
                &"ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
            ));
        }
        2 => (b"default".as_slice(), &args[1]),
        3 => (&args[1], &args[2]),
        _ => return Err(CommandError::SYNTAX),
    };
    authenticate(cx, &args[0], user, password)?;
    cx.client.reply.ok();
    Ok(())
}

/// Lets the client in as a user, if the password is right.
fn authenticate(cx: &mut Cx<'_>, command: &[u8], user: &[u8], password: &[u8]) -> CmdResult {
    if !cx.engine.log_in(cx.client, user, password) {
        cx.engine.note_failed_login(cx.client, command, user);
        return Err(WRONG_PASSWORD);
    }
    Ok(())
}

fn hello(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let mut proto = None;
    if args.len() >= 2 {
        let version = engine::args::parse_int(&args[1]).ok_or(CommandError::fixed(
            &"ERR Protocol version is not an integer or out of range",
        ))?;
        proto = Some(match version {
            2 => Proto::Resp2,
            3 => Proto::Resp3,
            _ => return Err(CommandError::fixed(&"NOPROTO unsupported protocol version")),
        });
    }
    let (mut login, mut name) = (None, None);
    let mut words = args.options(2);
    while let Some(word) = words.peek() {
        if let Some(given) = words.take_with::<2>("AUTH") {
            login = Some(given);
        } else if let Some(given) = words.take_value("SETNAME") {
            server_cmds::client::check_name("Client names", given)?;
            name = Some(given);
        } else {
            return Err(CommandError::quoting(
                "ERR Syntax error in HELLO option '{}'",
                &[word],
            ));
        }
    }
    if let Some([user, password]) = login {
        authenticate(cx, &args[0], user, password)?;
    }
    if cx.client.must_log_in() {
        return Err(CommandError::fixed(
            &"NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = name {
        cx.client.name = name.to_vec();
    }
    if let Some(proto) = proto {
        cx.client.reply.proto = proto;
    }
    let replica = cx.engine.repl.is_replica();
    let id = cx.client.id.0 as i64;
    let reply = &mut cx.client.reply;
    let proto = match reply.proto {
        Proto::Resp2 => 2,
        Proto::Resp3 => 3,
    };
    reply.map(7);
    reply.bulk_str("server");
    reply.bulk_str("redis");
    reply.bulk_str("version");
    reply.bulk_str(base::REDIS_VERSION);
    reply.bulk_str("proto");
    reply.int(proto);
    reply.bulk_str("id");
    reply.int(id);
    reply.bulk_str("mode");
    reply.bulk_str("standalone");
    reply.bulk_str("role");
    reply.bulk_str(if replica { "replica" } else { "master" });
    reply.bulk_str("modules");
    reply.array(0);
    Ok(())
}

fn quit(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.client.reply.ok();
    cx.client.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
    Ok(())
}

fn reset(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let kept = ClientFlags::UNIX_SOCKET | ClientFlags::DENY_BLOCKING;
    let links = ClientFlags::REPLICA | ClientFlags::MASTER;
    if cx.client.flags.intersects(links) {
        return Err(links::RESET_REFUSED);
    }
    cx.engine.end_monitor(cx.client);
    engine::transaction::discard_transaction(cx.engine, cx.client);
    pubsub::forget(cx.engine, cx.client);
    tracking::disable(cx.engine, cx.client);
    let client: &mut Session = cx.client;
    client.flags &= kept;
    client.db = 0;
    client.name.clear();
    client.fieldsets = None;
    client.reply.proto = Proto::Resp2;
    cx.engine.begin_as_default(client);
    client.reply.simple("RESET");
    Ok(())
}

/// The user and the password after `AUTH`.
fn hello_secrets(args: &Args<'_>, hide: &mut dyn FnMut(usize)) {
    if let Some(at) = (2..args.len()).find(|i| args.is(*i, "AUTH")) {
        hide(at + 1);
        hide(at + 2);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;
    use config::Config;

    #[test]
    fn hello_chooses_the_protocol_and_may_log_in() {
        let mut bench = Bench::with(Config {
            requirepass: "p".into(),
            ..Config::default()
        });
        assert!(
            bench
                .run("HELLO")
                .starts_with("-NOAUTH HELLO must be called")
        );
        assert_eq!(
            bench.run("HELLO 4"),
            "-NOPROTO unsupported protocol version"
        );
        assert!(
            bench
                .run("HELLO 3 AUTH default x")
                .starts_with("-WRONGPASS")
        );
        let reply = bench.run("HELLO 3 AUTH default p SETNAME me");
        assert!(reply.starts_with("{\"server\", \"redis\""), "{reply}");
        assert_eq!(bench.run("CLIENT GETNAME"), "\"me\"");
        assert_eq!(
            bench.run("HELLO 3 FOO"),
            "-ERR Syntax error in HELLO option 'FOO'"
        );
    }

    #[test]
    fn reset_makes_a_client_new() {
        let mut bench = Bench::new();
        bench.run("SELECT 3");
        bench.run("CLIENT SETNAME me");
        bench.run("MULTI");
        assert_eq!(bench.run("RESET"), "+RESET");
        assert_eq!(bench.run("CLIENT GETNAME"), "nil");
        assert_eq!(bench.run("EXEC"), "-ERR EXEC without MULTI");
    }

    #[test]
    fn auth_without_a_password_to_ask_for_says_so() {
        let mut bench = Bench::new();
        assert!(
            bench
                .run("AUTH x")
                .starts_with("-ERR AUTH <password> called without")
        );
        assert_eq!(bench.run("AUTH default x"), "+OK");
        assert!(bench.run("AUTH other x").starts_with("-WRONGPASS"));
    }
}
