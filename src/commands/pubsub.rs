//! SUBSCRIBE, PUBLISH and related commands: channels, patterns, shard channels.
//!
//! A message is written to its receivers' replies at once, except for the client whose command is running: it receives
//! its own messages after the command's reply.

use crate::manual;
use engine::pubsub::*;
use engine::spec::{Access, Channels, Command, Flags, Group, KeyUse, Keys};
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx, glob};
use resp::Reply;
use std::collections::BTreeSet;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "subscribe",
        arity: -2,
        channels: Channels::Names,
        flags: Flags::PUBSUB
            .union(Flags::NOSCRIPT)
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::IN_SUBSCRIBER)
            .union(Flags::NOT_FROM_PRIMARY),
        group: Group::Pubsub,
        since: "2.0.0",
        complexity: "O(N) where N is the number of channels to subscribe to.",
        summary: "Listens for messages published to channels.",
        docs: &manual::connection::SUBSCRIBE,
        ..Command::steady(subscribe)
    },
    Command {
        name: "unsubscribe",
        arity: -1,
        flags: Flags::PUBSUB
            .union(Flags::NOSCRIPT)
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::IN_SUBSCRIBER)
            .union(Flags::NOT_FROM_PRIMARY),
        group: Group::Pubsub,
        since: "2.0.0",
        complexity: "O(N) where N is the number of channels to unsubscribe.",
        summary: "Stops listening to messages posted to channels.",
        docs: &manual::connection::UNSUBSCRIBE,
        ..Command::steady(unsubscribe)
    },
    Command {
        name: "psubscribe",
        arity: -2,
        channels: Channels::Patterns,
        flags: Flags::PUBSUB
            .union(Flags::NOSCRIPT)
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::IN_SUBSCRIBER)
            .union(Flags::NOT_FROM_PRIMARY),
        group: Group::Pubsub,
        since: "2.0.0",
        complexity: "O(N) where N is the number of patterns to subscribe to.",
        summary: "Listens for messages published to channels that match one or more patterns.",
        docs: &manual::connection::PSUBSCRIBE,
        ..Command::steady(psubscribe)
    },
    Command {
        name: "punsubscribe",
        arity: -1,
        flags: Flags::PUBSUB
            .union(Flags::NOSCRIPT)
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::IN_SUBSCRIBER)
            .union(Flags::NOT_FROM_PRIMARY),
        group: Group::Pubsub,
        since: "2.0.0",
        complexity: "O(N) where N is the number of patterns to unsubscribe.",
        summary: "Stops listening to messages published to channels that match one or more patterns.",
        docs: &manual::connection::PUNSUBSCRIBE,
        ..Command::steady(punsubscribe)
    },
    Command {
        name: "ssubscribe",
        arity: -2,
        channels: Channels::Names,
        flags: Flags::PUBSUB
            .union(Flags::NOSCRIPT)
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::IN_SUBSCRIBER)
            .union(Flags::NOT_FROM_PRIMARY),
        keys: Keys::ALL,
        uses: KeyUse::Each(Access::NOT_KEY),
        group: Group::Pubsub,
        since: "7.0.0",
        complexity: "O(N) where N is the number of shard channels to subscribe to.",
        summary: "Listens for messages published to shard channels.",
        docs: &manual::connection::SSUBSCRIBE,
        ..Command::steady(ssubscribe)
    },
    Command {
        name: "sunsubscribe",
        arity: -1,
        flags: Flags::PUBSUB
            .union(Flags::NOSCRIPT)
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::IN_SUBSCRIBER)
            .union(Flags::NOT_FROM_PRIMARY),
        keys: Keys::ALL,
        uses: KeyUse::Each(Access::NOT_KEY),
        group: Group::Pubsub,
        since: "7.0.0",
        complexity: "O(N) where N is the number of shard channels to unsubscribe.",
        summary: "Stops listening to messages posted to shard channels.",
        docs: &manual::connection::SUNSUBSCRIBE,
        ..Command::steady(sunsubscribe)
    },
    Command {
        name: "publish",
        arity: 3,
        channels: Channels::First,
        flags: Flags::PUBSUB
            .union(Flags::MAY_REPLICATE)
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::FAST)
            .union(Flags::NO_DATABASE),
        group: Group::Pubsub,
        since: "2.0.0",
        complexity: "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).",
        summary: "Posts a message to a channel.",
        docs: &manual::connection::PUBLISH,
        ..Command::growing(publish)
    },
    Command {
        name: "spublish",
        arity: 3,
        channels: Channels::First,
        flags: Flags::PUBSUB
            .union(Flags::MAY_REPLICATE)
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::FAST)
            .union(Flags::NO_DATABASE),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::NOT_KEY),
        group: Group::Pubsub,
        since: "7.0.0",
        complexity: "O(N) where N is the number of clients subscribed to the receiving shard channel.",
        summary: "Post a message to a shard channel",
        docs: &manual::connection::SPUBLISH,
        ..Command::growing(spublish)
    },
    Command {
        name: "pubsub",
        arity: -2,
        group: Group::Pubsub,
        since: "2.8.0",
        complexity: "Depends on subcommand.",
        summary: "A container for Pub/Sub commands.",
        subcommands: &[
            Command {
                name: "pubsub|channels",
                arity: -2,
                flags: Flags::PUBSUB.union(Flags::LOADING).union(Flags::STALE),
                group: Group::Pubsub,
                since: "2.8.0",
                complexity: "O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)",
                summary: "Returns the active channels.",
                docs: &manual::connection::PUBSUB_CHANNELS,
                ..Command::growing(pubsub_channels)
            },
            Command {
                name: "pubsub|help",
                arity: 2,
                flags: Flags::LOADING.union(Flags::STALE),
                group: Group::Pubsub,
                since: "6.2.0",
                summary: "Returns helpful text about the different subcommands.",
                ..Command::steady(pubsub_help)
            },
            Command {
                name: "pubsub|numpat",
                arity: 2,
                flags: Flags::PUBSUB.union(Flags::LOADING).union(Flags::STALE),
                group: Group::Pubsub,
                since: "2.8.0",
                summary: "Returns a count of unique pattern subscriptions.",
                ..Command::steady(pubsub_numpat)
            },
            Command {
                name: "pubsub|numsub",
                arity: -2,
                flags: Flags::PUBSUB.union(Flags::LOADING).union(Flags::STALE),
                group: Group::Pubsub,
                since: "2.8.0",
                complexity: "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
                summary: "Returns a count of subscribers to channels.",
                docs: &manual::connection::PUBSUB_NUMSUB,
                ..Command::steady(pubsub_numsub)
            },
            Command {
                name: "pubsub|shardchannels",
                arity: -2,
                flags: Flags::PUBSUB.union(Flags::LOADING).union(Flags::STALE),
                group: Group::Pubsub,
                since: "7.0.0",
                complexity: "O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels).",
                summary: "Returns the active shard channels.",
                docs: &manual::connection::PUBSUB_SHARDCHANNELS,
                ..Command::growing(pubsub_shardchannels)
            },
            Command {
                name: "pubsub|shardnumsub",
                arity: -2,
                flags: Flags::PUBSUB.union(Flags::LOADING).union(Flags::STALE),
                group: Group::Pubsub,
                since: "7.0.0",
                complexity: "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
                summary: "Returns the count of subscribers of shard channels.",
                docs: &manual::connection::PUBSUB_SHARDNUMSUB,
                ..Command::steady(pubsub_shardnumsub)
            },
        ],
        ..Command::CONTAINER
    },
];

fn add(cx: &mut Cx<'_>, args: Args<'_>, kind: Kind) -> CmdResult {
    let (word, _) = kind.words();
    let flags = cx.client.flags;
    if flags.contains(ClientFlags::DENY_BLOCKING) && !flags.contains(ClientFlags::MULTI) {
        return Err(CommandError::new(format!(
            "ERR {} isn't allowed for a DENY BLOCKING client",
            word.to_ascii_uppercase()
        )));
    }
    for &name in args.from(1) {
        if kind.of(cx.client).insert(name.to_vec()) {
            let listeners = kind.listeners(&mut cx.engine.pubsub);
            listeners
                .entry(name.to_vec())
                .or_default()
                .insert(cx.client.id);
        }
        confirm(cx, word, Some(name), kind);
    }
    Ok(())
}

fn remove(cx: &mut Cx<'_>, args: Args<'_>, kind: Kind) -> CmdResult {
    let (_, word) = kind.words();
    let mut names: Vec<Vec<u8>> = args.from(1).iter().map(|name| name.to_vec()).collect();
    if args.len() == 1 {
        names = kind.of(cx.client).iter().cloned().collect();
        names.sort();
        if names.is_empty() {
            confirm(cx, word, None, kind);
        }
    }
    for name in names {
        if kind.of(cx.client).remove(&name) {
            drop_listener(kind.listeners(&mut cx.engine.pubsub), &name, cx.client.id);
        }
        confirm(cx, word, Some(&name), kind);
    }
    Ok(())
}

/// A confirmation is a push: it comes also to a client that wants no replies.
fn confirm(cx: &mut Cx<'_>, word: &str, name: Option<&[u8]>, kind: Kind) {
    let count = kind.count(cx.client);
    let mut aside = Reply::new(cx.client.reply.proto);
    let silent = cx.client.is_silent();
    let reply = match silent {
        true => &mut aside,
        false => &mut cx.client.reply,
    };
    reply.push(3);
    reply.bulk_str(word);
    match name {
        Some(name) => reply.bulk(name),
        None => reply.null(),
    }
    reply.int(count);
    if silent {
        let limit = cx.engine.config.client_output_buffer_limit.pubsub.hard;
        cx.engine.clients.send(cx.client.id, aside.bytes(), limit);
    }
}

fn subscribe(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    add(cx, args, Kind::Channel)
}

fn unsubscribe(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    remove(cx, args, Kind::Channel)
}

fn psubscribe(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    add(cx, args, Kind::Pattern)
}

fn punsubscribe(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    remove(cx, args, Kind::Pattern)
}

fn ssubscribe(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    add(cx, args, Kind::Shard)
}

fn sunsubscribe(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    remove(cx, args, Kind::Shard)
}

fn publish(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let receivers = publish_message(cx.engine, &args[1], &args[2]);
    if cx.engine.streams_messages() {
        cx.force_propagate();
    }
    cx.client.reply.int(receivers as i64);
    Ok(())
}

fn spublish(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let receivers = publish_shard_message(cx.engine, &args[1], &args[2]);
    // Servers before Redis 7.0 have no shard channels, so no client there can miss the message.
    match cx.engine.repl.readers_are_old() {
        true => cx.no_propagate(),
        false if cx.engine.streams_messages() => cx.force_propagate(),
        false => {}
    }
    cx.client.reply.int(receivers as i64);
    Ok(())
}

fn pubsub_channels(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    list(cx, args, Kind::Channel)
}

fn pubsub_shardchannels(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    list(cx, args, Kind::Shard)
}

fn list(cx: &mut Cx<'_>, args: Args<'_>, kind: Kind) -> CmdResult {
    if args.len() > 3 {
        return Err(wrong_use(args));
    }
    let listeners = kind.listeners(&mut cx.engine.pubsub);
    let asked = |name: &&Vec<u8>| args.get(2).is_none_or(|p| glob::matches(p, name));
    let names: Vec<_> = listeners.keys().filter(asked).collect();
    cx.client.reply.array(names.len());
    names.iter().for_each(|name| cx.client.reply.bulk(name));
    Ok(())
}

fn wrong_use(args: Args<'_>) -> CommandError {
    CommandError::quoting(
        "ERR unknown subcommand or wrong number of arguments for '{128}'. Try PUBSUB HELP.",
        &[&args[1]],
    )
}

fn pubsub_numpat(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let n = cx.engine.pubsub.patterns.len();
    cx.client.reply.int(n as i64);
    Ok(())
}

fn pubsub_numsub(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    count(cx, args, Kind::Channel)
}

fn pubsub_shardnumsub(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    count(cx, args, Kind::Shard)
}

fn count(cx: &mut Cx<'_>, args: Args<'_>, kind: Kind) -> CmdResult {
    let names = args.from(2);
    cx.client.reply.array(2 * names.len());
    for &name in names {
        let n = kind
            .listeners(&mut cx.engine.pubsub)
            .get(name)
            .map_or(0, BTreeSet::len);
        cx.client.reply.bulk(name);
        cx.client.reply.int(n as i64);
    }
    Ok(())
}

fn pubsub_help(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let lines = [
        "PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CHANNELS [<pattern>]",
        "    Return the currently active channels matching a <pattern> (default: '*').",
        "NUMPAT",
        "    Return number of subscriptions to patterns.",
        "NUMSUB [<channel> ...]",
        "    Return the number of subscribers for the specified channels, excluding",
        "    pattern subscriptions(default: no channels).",
        "SHARDCHANNELS [<pattern>]",
        "    Return the currently active shard level channels matching a <pattern> (default: '*').",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Return the number of subscribers for the specified shard level channel(s)",
        "HELP",
        "    Print this help.",
    ];
    cx.client.reply.array(lines.len());
    lines.iter().for_each(|line| cx.client.reply.simple(line));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, check};
    use replication::{Position, ReplId, ReplMeta, ReplOffset, StreamDb};
    use resp::Proto;

    #[test]
    fn subscriptions_are_confirmed_one_by_one() {
        check(&[
            (
                "SUBSCRIBE a b a",
                "[\"subscribe\", \"a\", :1] [\"subscribe\", \"b\", :2] [\"subscribe\", \"a\", :2]",
            ),
            ("PSUBSCRIBE p*", "[\"psubscribe\", \"p*\", :3]"),
            ("SSUBSCRIBE s", "[\"ssubscribe\", \"s\", :1]"),
            ("UNSUBSCRIBE c", "[\"unsubscribe\", \"c\", :3]"),
            (
                "UNSUBSCRIBE",
                "[\"unsubscribe\", \"a\", :2] [\"unsubscribe\", \"b\", :1]",
            ),
            ("UNSUBSCRIBE", "[\"unsubscribe\", nil, :1]"),
            ("PUNSUBSCRIBE", "[\"punsubscribe\", \"p*\", :0]"),
            ("PUNSUBSCRIBE", "[\"punsubscribe\", nil, :0]"),
            ("SUNSUBSCRIBE", "[\"sunsubscribe\", \"s\", :0]"),
        ]);
    }

    #[test]
    fn messages_reach_channels_and_patterns() {
        let mut bench = Bench::new();
        let (one, two) = (bench.connect(), bench.connect());
        bench.run_as(one, "SUBSCRIBE news");
        bench.engine.clients.get_mut(&two).unwrap().reply.proto = Proto::Resp3;
        bench.run_as(two, "PSUBSCRIBE n*");
        bench.run_as(two, "SSUBSCRIBE news");
        bench.check(&[("PUBLISH news hi", ":2"), ("PUBLISH other hi", ":0")]);
        assert_eq!(bench.output(one), "[\"message\", \"news\", \"hi\"]");
        assert_eq!(
            bench.output(two),
            ">[\"pmessage\", \"n*\", \"news\", \"hi\"]"
        );
        bench.check(&[("SPUBLISH news hi", ":1")]);
        assert_eq!(bench.output(two), ">[\"smessage\", \"news\", \"hi\"]");
    }

    #[test]
    fn a_message_to_oneself_follows_the_reply() {
        let mut bench = Bench::new();
        let id = bench.id;
        bench.engine.clients.get_mut(&id).unwrap().reply.proto = Proto::Resp3;
        bench.check(&[
            ("SUBSCRIBE c", ">[\"subscribe\", \"c\", :1]"),
            ("PUBLISH c hi", ":1 >[\"message\", \"c\", \"hi\"]"),
            ("MULTI", "+OK"),
            ("PUBLISH c hi", "+QUEUED"),
            ("PING", "+QUEUED"),
            ("EXEC", "[:1, +PONG] >[\"message\", \"c\", \"hi\"]"),
        ]);
    }

    #[test]
    fn what_is_listened_to_can_be_asked() {
        let mut bench = Bench::new();
        let other = bench.connect();
        bench.run_as(other, "SUBSCRIBE news");
        bench.run_as(other, "PSUBSCRIBE n*");
        bench.run_as(other, "SSUBSCRIBE shard");
        let script = [
            ("PUBSUB CHANNELS", "[\"news\"]"),
            ("PUBSUB CHANNELS x*", "[]"),
            ("PUBSUB NUMPAT", ":1"),
            ("PUBSUB NUMSUB news x", "[\"news\", :1, \"x\", :0]"),
            ("PUBSUB SHARDCHANNELS", "[\"shard\"]"),
            ("PUBSUB SHARDNUMSUB shard", "[\"shard\", :1]"),
        ];
        bench.check(&script);
        bench.engine.disconnect(other);
        bench.check(&[
            ("PUBSUB CHANNELS", "[]"),
            ("PUBSUB NUMPAT", ":0"),
            ("PUBSUB SHARDCHANNELS", "[]"),
        ]);
    }

    #[test]
    fn messages_travel_if_there_is_a_stream() {
        let mut bench = Bench::new();
        bench.check_effects(&[("PUBLISH c hi", ""), ("SPUBLISH c hi", "")]);
        let at = Position {
            id: ReplId::parse(&[b'a'; 40]).expect("an id"),
            offset: ReplOffset::ZERO,
        };
        let stream_db = StreamDb::ours(0);
        let meta = ReplMeta { stream_db, at };
        bench.engine.repl.restore_as_primary(meta, Some(&[]), false);
        bench.check_effects(&[
            ("PUBLISH c hi", "PUBLISH c hi"),
            ("SPUBLISH c hi", "SPUBLISH c hi"),
            ("SUBSCRIBE c", ""),
        ]);
    }
}
