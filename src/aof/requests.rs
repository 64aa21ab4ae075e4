//! A dataset as requests: the base of a log with `aof-use-rdb-preamble no`.
//!
//! Each key is written as the requests with which a client would create it, in the form that real servers use, so that
//! all servers and people can read the base. What no request can express is written as the payload of a RESTORE: values
//! that are kept as bytes, and streams with idempotent producers or with ids that were given back.

use base::double::DoubleText;
use base::request::encode_request;
use rdb::dump;
use rdb::listpack::Item;
use rdb::stream::{Group, Pending, Stream, StreamId};
use rdb::stream_node::{Entry, NodeReader};
use rdb::string::StrBuf;
use rdb::walk::{self, Bufs};
use rdb::{Context, ErrorKind, RdbError, RdbType};

/// Elements of one request: a reader that runs it is not kept from other work for long.
const ELEMENTS_MAX: usize = 64;

/// Writes keys as requests.
#[derive(Debug, Default)]
pub struct Requests {
    bufs: Bufs,
    elements: Vec<u8>,
}

type Done = Result<(), RdbError>;

/// The request that loads a function library.
pub fn function(code: &[u8], out: &mut Vec<u8>) {
    encode_request(out, &[b"FUNCTION", &b"LOAD"[..], code]);
}

/// The keys that follow belong to `db`.
pub fn select(db: u32, out: &mut Vec<u8>) {
    encode_request(out, &["SELECT", &db.to_string()]);
}

/// Requests of one command for one key, with some elements each.
struct Row<'a> {
    command: &'a [u8],
    key: &'a [u8],
    /// The elements that have not been written, as arguments.
    elements: &'a mut Vec<u8>,
    /// Their number, and that of their arguments.
    count: usize,
    args: usize,
    out: &'a mut Vec<u8>,
}

impl<'a> Row<'a> {
    fn new(
        command: &'a str,
        key: &'a [u8],
        elements: &'a mut Vec<u8>,
        out: &'a mut Vec<u8>,
    ) -> Row<'a> {
        elements.clear();
        Row {
            command: command.as_bytes(),
            key,
            elements,
            count: 0,
            args: 0,
            out,
        }
    }

    fn arg(&mut self, bytes: &[u8]) {
        argument(self.elements, bytes);
        self.args += 1;
    }

    fn item(&mut self, item: Item<'_>) {
        item.with(|bytes| self.arg(bytes));
    }

    /// An element ends.
    fn next(&mut self) {
        self.count += 1;
        if self.count == ELEMENTS_MAX {
            self.end();
        }
    }

    fn end(&mut self) {
        if self.count > 0 {
            header(self.out, b'*', self.args + 2);
            argument(self.out, self.command);
            argument(self.out, self.key);
            self.out.append(self.elements);
            (self.count, self.args) = (0, 0);
        }
    }
}

impl Requests {
    /// Appends the requests that make a key with its held value.
    ///
    /// # Errors
    /// The value is not sound after all.
    pub fn key(
        &mut self,
        key: &[u8],
        expire_ms: Option<i64>,
        rdb_type: RdbType,
        value: &[u8],
        out: &mut Vec<u8>,
    ) -> Done {
        let Requests { bufs, elements } = self;
        use RdbType as T;
        match rdb_type {
            T::String => {
                walk::string(value, bufs)?.with(|value| encode_request(out, &[b"SET", key, value]))
            }
            T::List | T::Quicklist2 => {
                let mut row = Row::new("RPUSH", key, elements, out);
                walk::list(rdb_type, value, bufs, |item| -> Done {
                    row.item(item);
                    row.next();
                    Ok(())
                })?;
                row.end();
            }
            T::Set | T::SetIntset | T::SetListpack => {
                let mut row = Row::new("SADD", key, elements, out);
                walk::set(rdb_type, value, bufs, |item| -> Done {
                    row.item(item);
                    row.next();
                    Ok(())
                })?;
                row.end();
            }
            T::Zset2 | T::ZsetListpack => {
                let mut row = Row::new("ZADD", key, elements, out);
                walk::zset(rdb_type, value, bufs, |member, score| -> Done {
                    row.arg(DoubleText::of(score).as_bytes());
                    row.item(member);
                    row.next();
                    Ok(())
                })?;
                row.end();
            }
            T::Hash | T::HashListpack | T::HashTtl | T::HashListpackTtl | T::Hash2 => {
                hash(key, rdb_type, value, bufs, elements, out)?
            }
            T::Stream | T::Stream2 | T::Stream3 | T::Stream4 | T::Stream5 => {
                stream(key, rdb_type, value, out)?
            }
            _ => restore(key, rdb_type, value, out),
        }
        if let Some(ms) = expire_ms {
            encode_request(out, &[b"PEXPIREAT", key, ms.to_string().as_bytes()]);
        }
        Ok(())
    }
}

/// The value as its bytes.
fn restore(key: &[u8], rdb_type: RdbType, value: &[u8], out: &mut Vec<u8>) {
    let mut payload = Vec::with_capacity(value.len() + 16);
    dump::encode(rdb_type, value, &mut payload);
    encode_request(out, &[b"RESTORE", key, b"0", &payload]);
}

fn hash(
    key: &[u8],
    rdb_type: RdbType,
    value: &[u8],
    bufs: &mut Bufs,
    elements: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Done {
    let context = Context::held();
    let mut expiries = Vec::new();
    let mut row = Row::new("HMSET", key, elements, out);
    walk::hash(
        &context,
        rdb_type,
        value,
        bufs,
        |field, value, expire| -> Done {
            row.item(field);
            row.item(value);
            row.next();
            if let Some(ms) = expire {
                let at = ms.to_string();
                field.with(|field| {
                    let words: [&[u8]; 6] =
                        [b"HPEXPIREAT", key, at.as_bytes(), b"FIELDS", b"1", field];
                    encode_request(&mut expiries, &words);
                });
            }
            Ok(())
        },
    )?;
    row.end();
    out.append(&mut expiries);
    Ok(())
}

fn stream(key: &[u8], rdb_type: RdbType, value: &[u8], out: &mut Vec<u8>) -> Done {
    let stream = Stream::parse(rdb_type, value)?;
    let lowest = stream.lowest_type();
    if lowest > RdbType::Stream3 || stream.groups.iter().any(|g| !g.nacked.is_empty()) {
        restore(key, rdb_type, value, out);
        return Ok(());
    }
    let any = entries(key, &stream, out)?;
    let last = stream.last_id.to_string();
    if !any {
        // A stream without entries: one comes and goes, under an id that may be the last one.
        let id = match stream.last_id {
            StreamId::ZERO => StreamId { ms: 0, seq: 1 }.to_string(),
            _ => last.clone(),
        };
        let words = [b"XADD", key, b"MAXLEN", b"0", id.as_bytes(), b"x", b"y"];
        encode_request(out, &words);
    }
    let head = stream.head.unwrap_or_default();
    let (added, deleted) = (
        head.entries_added.to_string(),
        head.max_deleted_id.to_string(),
    );
    let words: [&[u8]; 7] = [
        b"XSETID",
        key,
        last.as_bytes(),
        b"ENTRIESADDED",
        added.as_bytes(),
        b"MAXDELETEDID",
        deleted.as_bytes(),
    ];
    match stream.head {
        Some(_) => encode_request(out, &words),
        None => encode_request(out, &words[..3]),
    }
    for group in &stream.groups {
        self::group(key, group, out);
    }
    Ok(())
}

/// Returns whether there is an entry.
fn entries(key: &[u8], stream: &Stream<'_>, out: &mut Vec<u8>) -> Result<bool, RdbError> {
    let unsound = || RdbError::new(ErrorKind::Structure("a node cannot be read"), 0, "stream");
    let mut buf = StrBuf::new();
    let mut any = false;
    for node in &stream.nodes {
        let listpack = node.listpack.get(&mut buf).ok_or_else(unsound)?;
        let mut reader = NodeReader::open(node.master, listpack).map_err(|_| unsound())?;
        let mut entry = Entry::new();
        while reader.read(&mut entry).map_err(|_| unsound())? {
            if entry.deleted {
                continue;
            }
            any = true;
            header(out, b'*', 3 + 2 * entry.fields.len());
            argument(out, b"XADD");
            argument(out, key);
            argument(out, entry.id.to_string().as_bytes());
            for (field, value) in &entry.fields {
                field.with(|field| argument(out, field));
                value.with(|value| argument(out, value));
            }
        }
    }
    Ok(any)
}

fn group(key: &[u8], group: &Group<'_>, out: &mut Vec<u8>) {
    let name: &[u8] = &group.name;
    let last = group.last_id.to_string();
    let read = group
        .entries_read
        .map_or("-1".to_owned(), |read| read.to_string());
    let words: [&[u8]; 7] = [
        b"XGROUP",
        b"CREATE",
        key,
        name,
        last.as_bytes(),
        b"ENTRIESREAD",
        read.as_bytes(),
    ];
    encode_request(out, &words);
    for consumer in &group.consumers {
        let words: [&[u8]; 5] = [b"XGROUP", b"CREATECONSUMER", key, name, &consumer.name];
        encode_request(out, &words);
    }
    for pending in &group.pending {
        let owner = pending
            .owner
            .and_then(|owner| group.consumers.get(owner as usize));
        if let Some(owner) = owner {
            claim(key, name, &owner.name, pending, out);
        }
    }
}

fn claim(key: &[u8], group: &[u8], consumer: &[u8], pending: &Pending, out: &mut Vec<u8>) {
    let (id, at) = (pending.id.to_string(), pending.delivered_ms.to_string());
    let count = pending.deliveries.to_string();
    let words: [&[u8]; 12] = [
        b"XCLAIM",
        key,
        group,
        consumer,
        b"0",
        id.as_bytes(),
        b"TIME",
        at.as_bytes(),
        b"RETRYCOUNT",
        count.as_bytes(),
        b"JUSTID",
        b"FORCE",
    ];
    encode_request(out, &words);
}

/// A mark and a number on a line.
fn header(out: &mut Vec<u8>, mark: u8, n: usize) {
    out.push(mark);
    out.extend_from_slice(n.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn argument(out: &mut Vec<u8>, bytes: &[u8]) {
    header(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
