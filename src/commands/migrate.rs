//! MIGRATE: moves keys to another server, and deletes them here when they have arrived.
//!
//! As in Redis, nothing else happens here during the exchange with the other server, so at any moment that a client can
//! observe, the keys are in one place or the other.

use super::dump;
use crate::manual;
use base::request::encode_request;
use engine::args::parse_int;
use engine::host::{Exchange, ExchangeError};
use engine::key_specs::{Begin, REST};
use engine::spec::{Access, Command, Flags, Group, KeySpec, KeyUse, Keys, Secrets};
use engine::{Args, CmdResult, CommandError, Cx, Event};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "migrate",
    arity: -6,
    flags: Flags::WRITE.union(Flags::MOVABLEKEYS),
    keys: Keys::Custom(keys),
    uses: KeyUse::Own(&[
        KeySpec::at(3, Access::READ_DELETE),
        KeySpec::new(
            Begin::Keyword("KEYS", -2),
            REST,
            Access::READ_DELETE.union(Access::INCOMPLETE),
        ),
    ]),
    secrets: Secrets::At(passwords),
    group: Group::Generic,
    since: "2.6.0",
    complexity: "This command actually executes a DUMP+DEL in the source instance, and a RESTORE in the target instance.",
    summary: "Atomically transfers a key from one Redis instance to another.",
    docs: &manual::keys::MIGRATE,
    categories: Some(&["keyspace", "dangerous"]),
    tips: &["nondeterministic_output"],
    ..Command::growing(migrate)
}];

/// Without a usable timeout, ms.
const TIMEOUT_MS: i64 = 1000;

/// The options with what must not be seen, and how many words that is.
const CREDENTIALS: [(&str, usize); 2] = [("AUTH", 1), ("AUTH2", 2)];

/// The key is argument 3, or if that is empty, all arguments after KEYS.
fn keys(args: &Args<'_>, out: &mut Vec<usize>) {
    let mut i = 6;
    while i < args.len() && !args.is(i, "KEYS") {
        // A password may read like an option.
        i += 1 + args.one_of(i, &CREDENTIALS).unwrap_or(0);
    }
    match args.get(3) {
        Some(b"") if i + 1 < args.len() => out.extend(i + 1..args.len()),
        // Both a key and KEYS: the request is in error.
        Some(key) if !key.is_empty() && i < args.len() => {}
        Some(_) => out.push(3),
        None => {}
    }
}

/// What may follow the timeout.
#[derive(Default)]
struct Options<'a> {
    copy: bool,
    replace: bool,
    /// `AUTH` with its arguments.
    login: Option<Vec<&'a [u8]>>,
    keys: Vec<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>) -> Result<Self, CommandError> {
        let mut found = Options {
            keys: vec![args.0[3]],
            ..Options::default()
        };
        let mut words = args.options(6);
        while words.are_left() {
            if words.take("COPY") {
                found.copy = true;
            } else if words.take("REPLACE") {
                found.replace = true;
            } else if let Some(password) = words.take_value("AUTH") {
                found.login = Some(vec![b"AUTH", password]);
            } else if let Some([user, password]) = words.take_with("AUTH2") {
                found.login = Some(vec![b"AUTH", user, password]);
            } else if words.take("KEYS") {
                if !args.0[3].is_empty() {
                    return Err(CommandError::fixed(
                        &"ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
                    ));
                }
                found.keys = args.from(words.at()).to_vec();
                break;
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(found)
    }
}

fn migrate(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    cx.no_propagate();
    let options = Options::parse(args)?;
    let timeout = args.int(5)?;
    let db = args.int(4)?;
    let timeout = if timeout <= 0 { TIMEOUT_MS } else { timeout };
    let mut bytes = Vec::new();
    let mut before = 1;
    if let Some(login) = &options.login {
        encode_request(&mut bytes, login);
        before = 2;
    }
    encode_request(&mut bytes, &["SELECT", &db.to_string()]);
    let now = cx.now();
    let mut found = Vec::new();
    for key in &options.keys {
        let Some(loc) = cx.lookup(key) else {
            continue;
        };
        found.push(*key);
        let expire = cx.engine.keyspace.db(cx.client.db).expire(loc);
        // 0 would mean no expiry, so a key that is about to expire gets a millisecond.
        let ttl = expire.map_or(0, |at| (at - now).max(1)).to_string();
        let payload = dump::payload_of(cx, key, loc)?;
        let mut request: Vec<&[u8]> = vec![b"RESTORE", key, ttl.as_bytes(), &payload];
        if options.replace {
            request.push(b"REPLACE");
        }
        encode_request(&mut bytes, &request);
    }
    if found.is_empty() {
        cx.client.reply.simple("NOKEY");
        return Ok(());
    }
    let host = String::from_utf8_lossy(&args[1]).into_owned();
    let port = parse_int(&args[2]).and_then(|port| u16::try_from(port).ok());
    let exchange = Exchange {
        host: &host,
        port: port.unwrap_or(0),
        timeout_ms: timeout as u64,
        request: &bytes,
        replies: before + found.len(),
    };
    let answer = cx.engine.host().exchange(exchange);
    let (replies, broken) = match answer {
        Ok(replies) => (replies, None),
        Err((replies, error)) => (replies, Some(error)),
    };
    let refused = replies.iter().find_map(|reply| reply.strip_prefix('-'));
    let welcome = replies
        .iter()
        .take(before)
        .all(|reply| !reply.starts_with('-'));
    let mut gone: Vec<&[u8]> = Vec::new();
    if welcome {
        let arrived = replies
            .iter()
            .skip(before)
            .map(|reply| !reply.starts_with('-'));
        let pairs = found.iter().zip(arrived);
        gone.extend(pairs.filter(|(_, ok)| *ok).map(|(key, _)| *key));
    }
    if !options.copy {
        delete(cx, &gone);
    }
    if let Some(text) = refused {
        return Err(CommandError::new(format!(
            "ERR Target instance replied with error: {text}"
        )));
    }
    match broken {
        None => {
            cx.client.reply.ok();
            Ok(())
        }
        Some(ExchangeError::Connect) => Err(CommandError::fixed(
            &"IOERR error or timeout connecting to the client",
        )),
        Some(ExchangeError::Write) => Err(CommandError::fixed(
            &"IOERR error or timeout writing to target instance",
        )),
        Some(ExchangeError::Read) => Err(CommandError::fixed(
            &"IOERR error or timeout reading from target instance",
        )),
    }
}

/// The keys that have arrived over there go from here.
fn delete(cx: &mut Cx<'_>, keys: &[&[u8]]) {
    let mut effect: Vec<&[u8]> = vec![b"DEL"];
    for key in keys {
        if let Some(loc) = cx.lookup_write(key) {
            cx.remove(loc, false);
            cx.changed(key, 1);
            cx.notify(Event::Generic, "del", key);
            effect.push(key);
        }
    }
    if effect.len() > 1 {
        cx.propagate_as(&effect);
    }
}

/// What follows `AUTH` and `AUTH2`.
fn passwords(args: &Args<'_>, hide: &mut dyn FnMut(usize)) {
    let mut i = 6;
    while i < args.len() && !args.is(i, "KEYS") {
        let secrets = args.one_of(i, &CREDENTIALS).unwrap_or(0);
        (i + 1..=i + secrets).for_each(&mut *hide);
        i += 1 + secrets;
    }
}
