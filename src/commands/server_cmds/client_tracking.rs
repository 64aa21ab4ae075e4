//! CLIENT TRACKING, CACHING, GETREDIR, TRACKINGINFO: which changes a client wants to be notified of.

use crate::manual;
use engine::client_list::redirect_number;
use engine::spec::{Command, Flags, Group};
use engine::tracking::{self, Tracking};
use engine::{Args, ClientId, CmdResult, CommandError, Cx};
use std::collections::BTreeSet;

const ANYWHERE: Flags = Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE);

/// CLIENT TRACKING
pub const TRACKING: Command = Command {
    name: "client|tracking",
    arity: -3,
    flags: ANYWHERE
        .union(Flags::KEEPS_CACHING)
        .union(Flags::NOT_FROM_PRIMARY),
    group: Group::Connection,
    since: "6.0.0",
    complexity: "O(1). Some options may introduce additional complexity.",
    summary: "Controls server-assisted client-side caching for the connection.",
    docs: &manual::connection::CLIENT_TRACKING,
    ..Command::steady(client_tracking)
};

/// CLIENT CACHING
pub const CACHING: Command = Command {
    name: "client|caching",
    arity: 3,
    flags: ANYWHERE.union(Flags::KEEPS_CACHING),
    group: Group::Connection,
    since: "6.0.0",
    complexity: "O(1)",
    summary: "Instructs the server whether to track the keys in the next request.",
    docs: &manual::connection::CLIENT_CACHING,
    ..Command::steady(client_caching)
};

/// CLIENT GETREDIR
pub const GETREDIR: Command = Command {
    name: "client|getredir",
    arity: 2,
    flags: ANYWHERE.union(Flags::KEEPS_CACHING),
    group: Group::Connection,
    since: "6.0.0",
    complexity: "O(1)",
    summary: "Returns the client ID to which the connection's tracking notifications are redirected.",
    ..Command::steady(client_getredir)
};

/// CLIENT TRACKINGINFO
pub const TRACKINGINFO: Command = Command {
    name: "client|trackinginfo",
    arity: 2,
    flags: ANYWHERE.union(Flags::KEEPS_CACHING),
    group: Group::Connection,
    since: "6.2.0",
    complexity: "O(1)",
    summary: "Returns information about server-assisted client-side caching for the connection.",
    ..Command::steady(client_trackinginfo)
};

fn client_tracking(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let mut asked = Tracking::default();
    let mut prefixes: Vec<&[u8]> = Vec::new();
    let mut words = args.options(3);
    while words.are_left() {
        if words.take_value("REDIRECT").is_some() {
            if asked.redirect.is_some() {
                let text = "ERR A client can only redirect to a single other client";
                return Err(CommandError::new(text));
            }
            asked.redirect = Some(redirection(cx, args, words.at() - 1)?);
        } else if words.take("BCAST") {
            asked.bcast = true;
        } else if words.take("OPTIN") {
            asked.optin = true;
        } else if words.take("OPTOUT") {
            asked.optout = true;
        } else if words.take("NOLOOP") {
            asked.noloop = true;
        } else if let Some(prefix) = words.take_value("PREFIX") {
            prefixes.push(prefix);
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    if args.is(2, "ON") {
        check(cx, &asked, &prefixes)?;
        asked.prefixes = prefixes.iter().map(|p| p.to_vec()).collect();
        tracking::enable(cx.engine, cx.client, asked);
    } else if args.is(2, "OFF") {
        tracking::disable(cx.engine, cx.client);
    } else {
        return Err(CommandError::SYNTAX);
    }
    cx.client.reply.ok();
    Ok(())
}

/// `REDIRECT id`: the client must be there; 0 = none.
fn redirection(cx: &Cx<'_>, args: Args<'_>, i: usize) -> Result<ClientId, CommandError> {
    let id = ClientId(args.int(i)? as u64);
    if id == cx.client.id || cx.engine.clients.contains_key(&id) {
        return Ok(id);
    }
    let text = "ERR The client ID you want redirect to does not exist";
    Err(CommandError::new(text))
}

/// What cannot go together, or not with what the client has on already.
fn check(cx: &Cx<'_>, asked: &Tracking, prefixes: &[&[u8]]) -> CmdResult {
    let before = cx.client.tracking.as_deref();
    let fail = |text| Err(CommandError::new(text));
    if !asked.bcast && !prefixes.is_empty() {
        return fail("ERR PREFIX option requires BCAST mode to be enabled");
    }
    if before.is_some_and(|b| b.bcast != asked.bcast) {
        return fail(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.",
        );
    }
    if asked.bcast && (asked.optin || asked.optout) {
        return fail("ERR OPTIN and OPTOUT are not compatible with BCAST");
    }
    if asked.optin && asked.optout {
        return fail("ERR You can't specify both OPTIN mode and OPTOUT mode");
    }
    if before.is_some_and(|b| (asked.optin && b.optout) || (asked.optout && b.optin)) {
        return fail(
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.",
        );
    }
    let none = BTreeSet::new();
    check_prefixes(prefixes, before.map_or(&none, |b| &b.prefixes))
}

/// A client would be notified twice of keys under prefixes that overlap.
fn check_prefixes(prefixes: &[&[u8]], existing: &BTreeSet<Vec<u8>>) -> CmdResult {
    let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
    for (i, prefix) in prefixes.iter().enumerate() {
        if let Some(other) = existing.iter().find(|other| overlap(prefix, other)) {
            return Err(CommandError::quoting(
                "ERR Prefix '{}' overlaps with an existing prefix '{}'. Prefixes for a single client must not overlap.",
                &[prefix, other],
            ));
        }
        if let Some(other) = prefixes[i + 1..]
            .iter()
            .find(|other| overlap(prefix, other))
        {
            return Err(CommandError::quoting(
                "ERR Prefix '{}' overlaps with another provided prefix '{}'. Prefixes for a single client must not overlap.",
                &[prefix, other],
            ));
        }
    }
    Ok(())
}

fn client_caching(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let fail = |text| Err(CommandError::new(text));
    let Some(tracking) = cx.client.tracking.as_deref_mut() else {
        return fail(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        );
    };
    if args.is(2, "YES") {
        if !tracking.optin {
            return fail(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            );
        }
    } else if args.is(2, "NO") {
        if !tracking.optout {
            return fail(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            );
        }
    } else {
        return Err(CommandError::SYNTAX);
    }
    tracking.caching = true;
    cx.client.reply.ok();
    Ok(())
}

fn client_getredir(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.client
        .reply
        .int(redirect_number(cx.client.tracking.as_deref()));
    Ok(())
}

fn client_trackinginfo(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let tracking = cx.client.tracking.as_deref();
    let redirect = redirect_number(tracking);
    let none = Tracking::default();
    let t = tracking.unwrap_or(&none);
    let flags = [
        (tracking.is_none(), "off"),
        (tracking.is_some(), "on"),
        (t.bcast, "bcast"),
        (t.optin, "optin"),
        (t.optin && t.caching, "caching-yes"),
        (t.optout, "optout"),
        (t.optout && t.caching, "caching-no"),
        (t.noloop, "noloop"),
        (t.broken, "broken_redirect"),
    ];
    let flags: Vec<_> = flags.iter().filter(|(on, _)| *on).collect();
    let prefixes: Vec<Vec<u8>> = t.prefixes.iter().cloned().collect();
    let reply = &mut cx.client.reply;
    reply.map(3);
    reply.bulk_str("flags");
    reply.set(flags.len());
    flags.iter().for_each(|(_, name)| reply.bulk_str(name));
    reply.bulk_str("redirect");
    reply.int(redirect);
    reply.bulk_str("prefixes");
    reply.array(prefixes.len());
    prefixes.iter().for_each(|prefix| reply.bulk(prefix));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    #[test]
    fn a_table_that_is_too_large_shrinks_with_the_next_request() {
        for request in ["PING", "MULTI"] {
            let mut bench = Bench::new();
            let other = bench.connect();
            bench.resp3();
            bench.run("CLIENT TRACKING ON");
            bench.run("GET a");
            bench.run("GET b");
            assert_eq!(bench.engine.tracking.keys(), 2);
            bench.run_as(other, "CONFIG SET tracking-table-max-keys 1");
            bench.run_as(other, request);
            assert_eq!(bench.engine.tracking.keys(), 1, "{request}");
            let told = bench.output(bench.id);
            assert!(told.contains("invalidate"), "{told}");
            bench.run("GET c");
            // A request that is only queued makes room, too; the message comes before its reply.
            let told = bench.run("MULTI");
            let parts = [told.find("invalidate"), told.find("+OK")];
            assert!(parts[0].is_some() && parts[0] < parts[1], "{told}");
        }
    }
}
