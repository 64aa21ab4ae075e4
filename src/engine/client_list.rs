//! A client as CLIENT LIST shows it.

use crate::tracking::Tracking;
use crate::{ClientFlags, CommandError, CommandId, Session, table};
use base::user_data;
use resp::Proto;
use std::borrow::Cow;
use std::fmt::Write;

/// What kind of client it is, for `TYPE` and output limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Everybody else.
    Normal,
    /// Our primary.
    Master,
    /// A replica of this server.
    Replica,
    /// A subscriber.
    Pubsub,
}

impl Class {
    /// By the name that clients use.
    ///
    /// # Errors
    /// The reply.
    pub fn named(name: &[u8]) -> Result<Self, CommandError> {
        Ok(match name.to_ascii_lowercase().as_slice() {
            b"normal" => Class::Normal,
            b"master" | b"primary" => Class::Master,
            b"slave" | b"replica" => Class::Replica,
            b"pubsub" => Class::Pubsub,
            _ => {
                return Err(CommandError::quoting(
                    "ERR Unknown client type '{}'",
                    &[name],
                ));
            }
        })
    }

    /// Of a client.
    pub fn of(client: &Session) -> Self {
        match client.flags {
            f if f.contains(ClientFlags::MASTER) => Class::Master,
            f if f.contains(ClientFlags::REPLICA) => Class::Replica,
            _ if client.subscriptions() > 0 => Class::Pubsub,
            _ => Class::Normal,
        }
    }
}

/// What a name that a client subscribes to or watches takes in addition to its bytes.
pub const NAME_BYTES: usize = 64;

/// Memory of a client: its session and its pending input and output.
pub fn memory(client: &Session) -> usize {
    let queued = client.queue.iter().flat_map(|q| q.args.iter());
    let names = [&client.channels, &client.patterns, &client.shard_channels];
    let names = names.into_iter().flatten();
    let prefixes = client.tracking.iter().flat_map(|t| &t.prefixes);
    let named = names.chain(prefixes).map(|name| name.len() + NAME_BYTES);
    size_of::<Session>()
        + client.fieldsets.as_ref().map_or(0, |sets| sets.memory())
        + client.query_buffer
        + client.query_free
        + client.argv_bytes
        + client.reply.memory()
        + client.unsent.bytes()
        + queued
            .map(|arg| arg.len() + size_of::<Vec<u8>>())
            .sum::<usize>()
        + named.sum::<usize>()
        + client.watched_bytes
}

/// The line for the log, which does not always show the names that clients give themselves.
pub fn for_log(client: &Session, now_ms: i64) -> String {
    match user_data::hidden() {
        true => shown(client, now_ms, client.requested, |_| "*redacted*".into()),
        false => line(client, now_ms),
    }
}

/// The line, without an end.
pub fn line(client: &Session, now_ms: i64) -> String {
    line_at(client, now_ms, client.requested)
}

/// As [`line()`], for a client whose request for `command` is being judged.
pub fn line_at(client: &Session, now_ms: i64, command: Option<CommandId>) -> String {
    shown(client, now_ms, command, String::from_utf8_lossy)
}

/// `name` shows what clients chose: names of theirs, of users and of libraries.
fn shown(
    client: &Session,
    now_ms: i64,
    command: Option<CommandId>,
    name: impl Fn(&[u8]) -> Cow<'_, str>,
) -> String {
    let pending = client.reply.len() + client.unsent.bytes();
    let multi = match client.flags.contains(ClientFlags::MULTI) {
        true => client.queue.len() as i64,
        false => -1,
    };
    let redir = redirect_number(client.tracking.as_deref());
    let mut line = String::with_capacity(400);
    let _ = write!(
        line,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={multi} watch={} qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} rbp={} obl={pending} oll={} omem={} tot-mem={} events={} cmd={} user={} redir={redir} resp={} lib-name={} lib-ver={} io-thread={} tot-net-in={} tot-net-out={} tot-cmds={}",
        client.id.0,
        client.addr,
        client.laddr,
        client.fd,
        name(&client.name),
        (now_ms - client.created_ms) / 1000,
        (now_ms - client.last_interaction_ms) / 1000,
        letters(client),
        client.db,
        client.channels.len(),
        client.patterns.len(),
        client.shard_channels.len(),
        client.watched.len(),
        client.query_buffer,
        client.query_free,
        client.argv_bytes,
        client.queued_bytes,
        client.reply.memory(),
        client.reply.memory(),
        u8::from(client.unsent.bytes() > 0),
        client.unsent.bytes() + client.stream_pending,
        memory(client) + client.stream_pending,
        if client.unsent.bytes() > 0 { "rw" } else { "r" },
        command.map_or("NULL", |id| table::of(id).name),
        match &client.user {
            None => "(superuser)".into(),
            Some(user) => name(&user.name),
        },
        if client.reply.proto == Proto::Resp3 {
            3
        } else {
            2
        },
        name(&client.lib_name),
        name(&client.lib_ver),
        client.io_thread,
        client.bytes_in,
        client.bytes_out,
        client.commands,
    );
    line
}

/// What `flags=` shows.
pub fn letters(client: &Session) -> String {
    use ClientFlags as F;
    let has = |flag| client.flags.contains(flag);
    let tracking = client.tracking.as_deref();
    let table = [
        (has(F::MONITOR), 'O'),
        (has(F::REPLICA) && !has(F::MONITOR), 'S'),
        (has(F::MASTER), 'M'),
        (client.subscriptions() > 0, 'P'),
        (has(F::MULTI), 'x'),
        (client.blocked.is_some(), 'b'),
        (has(F::TRACKING), 't'),
        (tracking.is_some_and(|t| t.broken), 'R'),
        (tracking.is_some_and(|t| t.bcast), 'B'),
        (has(F::DIRTY_CAS), 'd'),
        (has(F::CLOSE_AFTER_REPLY), 'c'),
        (has(F::CLOSE_ASAP), 'A'),
        (has(F::UNIX_SOCKET), 'U'),
        (has(F::READONLY), 'r'),
        (has(F::NO_EVICT), 'e'),
        (has(F::NO_TOUCH), 'T'),
        (has(F::IMPORT_SOURCE), 'I'),
    ];
    let letters: String = table
        .iter()
        .filter(|(on, _)| *on)
        .map(|(_, c)| *c)
        .collect();
    match letters.is_empty() {
        true => "N".into(),
        false => letters,
    }
}

/// -1 = tracking is off, 0 = no redirection.
pub fn redirect_number(tracking: Option<&Tracking>) -> i64 {
    tracking.map_or(-1, |t| t.redirect.map_or(0, |id| id.0 as i64))
}
