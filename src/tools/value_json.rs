//! A value as JSON.
//!
//! | type | `value` |
//! |---|---|
//! | string | bytes |
//! | list, set | `[bytes, ...]` |
//! | zset | `[[member, score], ...]`, ascending as far as the dump is |
//! | hash | `[[field, value], ...]`; `[field, value, expire_ms]` for a field with an expiry |
//! | stream | `{"entries": [[id, [[field, value], ...]], ...], "last_id", ..., "groups": [...]}` |
//! | array | `[[index, element], ...]` |
//! | module | `{"b64": ...}`: the value as it is in the file |
//!
//! Bytes are a string where they are UTF-8, and `{"b64": ...}` otherwise.

use super::canonical::Canonical;
use super::json_text::Json;
use rdb::RdbType;
use rdb::check::{Kind, Scratch};
use rdb::listpack::Item;
use rdb::stream::{Group, Stream, StreamId};
use rdb::stream_node::{Entry, NodeReader};
use rdb::string::StrBuf;
use rdb::walk::{self, ArrayItem};
use rdb::{Context, ErrorKind, RdbError};

type Done = Result<(), RdbError>;

/// Writes a value. `context` is that of the file for values that are as they are in it, else [`Context::held`].
///
/// # Errors
/// Those of a value that is not sound after all.
pub fn value(
    json: &mut Json,
    of: &Canonical<'_>,
    context: &Context,
    scratch: &mut Scratch,
) -> Done {
    let (rdb_type, bytes, bufs) = (of.rdb_type, of.bytes, scratch.bufs());
    match of.info.kind {
        Kind::String => item(json, walk::string(bytes, bufs)?),
        Kind::List => {
            json.open_array();
            walk::list(rdb_type, bytes, bufs, |element| -> Done {
                item(json, element);
                Ok(())
            })?;
            json.close_array();
        }
        Kind::Set => {
            json.open_array();
            walk::set(rdb_type, bytes, bufs, |member| -> Done {
                item(json, member);
                Ok(())
            })?;
            json.close_array();
        }
        Kind::Zset => {
            json.open_array();
            walk::zset(rdb_type, bytes, bufs, |member, score| -> Done {
                json.array(|j| {
                    item(j, member);
                    j.double(score);
                });
                Ok(())
            })?;
            json.close_array();
        }
        Kind::Hash => {
            json.open_array();
            walk::hash(
                context,
                rdb_type,
                bytes,
                bufs,
                |field, value, expire_ms| -> Done {
                    json.array(|j| {
                        item(j, field);
                        item(j, value);
                        if let Some(time) = expire_ms {
                            j.int(time);
                        }
                    });
                    Ok(())
                },
            )?;
            json.close_array();
        }
        Kind::Stream => stream(json, rdb_type, bytes)?,
        Kind::Array => {
            json.open_array();
            walk::array(bytes, bufs, |index, element| -> Done {
                json.array(|j| {
                    j.int(index);
                    match element {
                        ArrayItem::Bytes(bytes) => j.bytes(bytes),
                        ArrayItem::Int(n) => j.int(n),
                        ArrayItem::Double(x) => j.double(x),
                    }
                });
                Ok(())
            })?;
            json.close_array();
        }
        Kind::Module(_) => json.base64(bytes),
    }
    Ok(())
}

fn item(json: &mut Json, item: Item<'_>) {
    item.with(|bytes| json.bytes(bytes));
}

fn id(json: &mut Json, name: &str, id: StreamId) {
    json.name(name).text(&id.to_string());
}

fn stream(json: &mut Json, rdb_type: RdbType, bytes: &[u8]) -> Done {
    let stream = Stream::parse(rdb_type, bytes)?;
    let unsound = || RdbError::new(ErrorKind::Structure("a node cannot be read"), 0, "stream");
    let mut result = Ok(());
    json.object(|j| {
        j.name("entries").array(|j| result = entries(j, &stream));
        id(j, "last_id", stream.last_id);
        if let Some(head) = stream.head {
            id(j, "first_id", head.first_id);
            id(j, "max_deleted_id", head.max_deleted_id);
            j.name("entries_added").int(head.entries_added);
        }
        // Their order in the file says nothing.
        let mut groups: Vec<&Group<'_>> = stream.groups.iter().collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        j.name("groups")
            .array(|j| groups.iter().for_each(|g| group(j, g)));
        if let Some(idmp) = &stream.idmp {
            j.name("idempotence").object(|j| {
                j.name("duration_s").int(idmp.duration_s);
                j.name("entries_max").int(idmp.entries_max);
                j.name("added").int(idmp.added);
                j.name("duplicates").int(idmp.duplicates);
                j.name("producers").array(|j| {
                    for producer in &idmp.producers {
                        j.object(|j| {
                            j.name("id").bytes(&producer.id);
                            j.name("entries").array(|j| {
                                for (key, entry) in &producer.entries {
                                    j.array(|j| {
                                        j.bytes(key);
                                        j.text(&entry.to_string());
                                    });
                                }
                            });
                        });
                    }
                });
            });
        }
    });
    result.map_err(|()| unsound())
}

/// A stream's entries by id, and everything else about it by name, each as JSON.
///
/// # Errors
/// Those of a stream that is not sound after all.
pub fn stream_parts(
    rdb_type: RdbType,
    bytes: &[u8],
    mut each: impl FnMut(Vec<u8>, Vec<u8>),
) -> Done {
    let stream = Stream::parse(rdb_type, bytes)?;
    let unsound = || RdbError::new(ErrorKind::Structure("a node cannot be read"), 0, "stream");
    let mut json = Json::new();
    each_entry(&stream, |entry| {
        json.truncate_line(0);
        fields(&mut json, entry);
        // Of one width, so that the order of the names is that of the entries.
        let id = format!("entry {:020}-{:020}", entry.id.ms, entry.id.seq);
        each(id.into_bytes(), json.as_bytes().to_vec());
    })
    .map_err(|()| unsound())?;
    each(b"last_id".to_vec(), stream.last_id.to_string().into_bytes());
    if let Some(head) = stream.head {
        let deleted = head.max_deleted_id.to_string();
        each(b"max_deleted_id".to_vec(), deleted.into_bytes());
        each(
            b"entries_added".to_vec(),
            head.entries_added.to_string().into_bytes(),
        );
    }
    for of in &stream.groups {
        json.truncate_line(0);
        group(&mut json, of);
        each([b"group ", &of.name[..]].concat(), json.as_bytes().to_vec());
    }
    if let Some(idmp) = &stream.idmp {
        each(b"idempotence".to_vec(), format!("{idmp:?}").into_bytes());
    }
    Ok(())
}

/// Shows the live entries in order.
fn each_entry(stream: &Stream<'_>, mut each: impl FnMut(&Entry<'_>)) -> Result<(), ()> {
    let mut buf = StrBuf::new();
    for node in &stream.nodes {
        let listpack = node.listpack.get(&mut buf).ok_or(())?;
        let mut reader = NodeReader::open(node.master, listpack).map_err(|_| ())?;
        let mut entry = Entry::new();
        while reader.read(&mut entry).map_err(|_| ())? {
            if !entry.deleted {
                each(&entry);
            }
        }
    }
    Ok(())
}

fn entries(json: &mut Json, stream: &Stream<'_>) -> Result<(), ()> {
    each_entry(stream, |entry| {
        json.array(|j| {
            j.text(&entry.id.to_string());
            fields(j, entry);
        });
    })
}

fn fields(json: &mut Json, entry: &Entry<'_>) {
    json.array(|j| {
        for (field, value) in &entry.fields {
            j.array(|j| {
                item(j, *field);
                item(j, *value);
            });
        }
    });
}

fn group(json: &mut Json, group: &Group<'_>) {
    json.object(|j| {
        j.name("name").bytes(&group.name);
        id(j, "last_id", group.last_id);
        match group.entries_read {
            Some(n) => j.name("entries_read").int(n),
            None => j.name("entries_read").null(),
        }
        j.name("pending").array(|j| {
            for pending in &group.pending {
                j.object(|j| {
                    id(j, "id", pending.id);
                    match pending.owner.and_then(|o| group.consumers.get(o as usize)) {
                        Some(consumer) => j.name("consumer").bytes(&consumer.name),
                        None => j.name("consumer").null(),
                    }
                    j.name("delivered_ms").int(pending.delivered_ms);
                    j.name("deliveries").int(pending.deliveries);
                });
            }
        });
        let mut consumers: Vec<_> = group.consumers.iter().collect();
        consumers.sort_by(|a, b| a.name.cmp(&b.name));
        j.name("consumers").array(|j| {
            for consumer in consumers {
                j.object(|j| {
                    j.name("name").bytes(&consumer.name);
                    j.name("seen_ms").int(consumer.seen_ms);
                    match consumer.active_ms.filter(|t| *t >= 0) {
                        Some(time) => j.name("active_ms").int(time),
                        None => j.name("active_ms").null(),
                    }
                });
            }
        });
    });
}
