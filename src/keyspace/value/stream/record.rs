//! Streams to and from RDB bytes, of types 21, 26 and 27.

use super::super::plain::Out;
use super::group::{Consumer, Group, NEVER, Name, Pending};
use super::node::Node;
use super::{Body, Stream, StreamRef};
use crate::tree::counted::Tree;
use crate::tree::ordered::Ordered;
use ::rdb::RdbType;
use ::rdb::length::encode_length;
use ::rdb::lzf;
use ::rdb::stream::{self as rdb, Idmp, StreamId};
use ::rdb::string::{StrBuf, encode_blob, encode_raw, encode_string};
use std::borrow::Cow;
use std::sync::Arc;

impl<'a> StreamRef<'a> {
    pub(in crate::value) fn from_record(rdb_type: RdbType, bytes: &'a [u8]) -> Self {
        StreamRef(Cow::Owned(Stream::from_rdb(rdb_type, bytes)))
    }
}

impl Stream {
    /// From checked, canonical bytes of type 21, 26 or 27.
    ///
    /// # Panics
    /// If they are not.
    pub fn from_rdb(rdb_type: RdbType, bytes: &[u8]) -> Self {
        let parts = rdb::Stream::parse(rdb_type, bytes).expect("a held stream is sound");
        let mut buf = StrBuf::new();
        let nodes = parts.nodes.iter().filter_map(|node| {
            let lp = node.listpack.get(&mut buf)?;
            Some(Node::of_listpack(node.master, lp.to_vec())).filter(|node| node.live() > 0)
        });
        let head = parts.head.unwrap_or_default();
        let given_back = parts.groups.iter().any(|group| !group.nacked.is_empty());
        let idmp = parts.idmp.filter(|idmp| *idmp != Idmp::default());
        Stream(Box::new(Body {
            nodes: Tree::from_leaves(nodes.collect()),
            last_id: parts.last_id,
            first_id: head.first_id,
            max_deleted_id: head.max_deleted_id,
            entries_added: head.entries_added,
            groups: groups(parts.groups),
            idmp: idmp.map(|idmp| {
                let mut idmp = idmp.into_owned();
                idmp.producers.sort_by(|a, b| a.id.cmp(&b.id));
                Arc::new(idmp)
            }),
            given_back,
            shape: super::radix::Known::default(),
        }))
    }

    /// The type that [`Stream::write`] writes: the lowest that says everything.
    pub(in crate::value) fn rdb_type(&self) -> RdbType {
        if self.0.given_back && self.groups().any(|(_, group)| group.given_back > 0) {
            RdbType::Stream5
        } else if self.0.idmp.is_some() {
            RdbType::Stream4
        } else {
            RdbType::Stream3
        }
    }

    pub(in crate::value) fn write(&self, mut packer: Option<&mut lzf::Packer>, out: &mut Out<'_>) {
        encode_length(self.node_count() as u64, out.buf());
        for node in self.nodes() {
            encode_raw(&node.master().to_bytes(), out.buf());
            encode_blob(node.listpack(), packer.as_deref_mut(), out.buf());
            out.spill();
        }
        let body = &self.0;
        encode_length(self.len() as u64, out.buf());
        for id in [body.last_id, body.first_id, body.max_deleted_id] {
            encode_length(id.ms, out.buf());
            encode_length(id.seq, out.buf());
        }
        encode_length(body.entries_added, out.buf());
        encode_length(body.groups.len() as u64, out.buf());
        let rdb_type = self.rdb_type();
        for (name, group) in self.groups() {
            encode_string(name, packer.as_deref_mut(), out.buf());
            group.write(rdb_type, packer.as_deref_mut(), out);
        }
        if rdb_type >= RdbType::Stream4 {
            rdb::encode_idmp(body.idmp.as_deref(), out.buf());
        }
    }
}

impl Group {
    fn write(&self, rdb_type: RdbType, mut packer: Option<&mut lzf::Packer>, out: &mut Out<'_>) {
        encode_length(self.last_id.ms, out.buf());
        encode_length(self.last_id.seq, out.buf());
        encode_length(self.entries_read.unwrap_or(rdb::UNKNOWN), out.buf());
        encode_length(self.pending.len() as u64, out.buf());
        for (id, pending) in self.pending.iter() {
            let buf = out.buf();
            buf.extend_from_slice(&id.to_bytes());
            buf.extend_from_slice(&pending.delivered_ms.to_le_bytes());
            encode_length(pending.deliveries, buf);
            out.spill();
        }
        encode_length(self.consumers.len() as u64, out.buf());
        for (name, consumer) in self.consumers.iter() {
            let buf = out.buf();
            encode_string(name, packer.as_deref_mut(), buf);
            buf.extend_from_slice(&consumer.seen_ms.to_le_bytes());
            buf.extend_from_slice(&consumer.active_ms.to_le_bytes());
            encode_length(consumer.pending.len() as u64, buf);
            for (id, ()) in consumer.pending.iter() {
                out.buf().extend_from_slice(&id.to_bytes());
                out.spill();
            }
        }
        if rdb_type >= RdbType::Stream5 {
            encode_length(self.given_back as u64, out.buf());
            let ids = self.pending.iter().filter(|(_, p)| p.owner.is_none());
            for (id, _) in ids {
                out.buf().extend_from_slice(&id.to_bytes());
            }
        }
    }
}

/// Groups and consumers are sorted here: files may have them in any order.
fn groups(mut groups: Vec<rdb::Group<'_>>) -> Ordered<Name, Group> {
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    Ordered::from_sorted(groups.into_iter().map(|group| {
        let name: Name = group.name[..].into();
        (name, owned_group(group))
    }))
}

fn owned_group(group: rdb::Group<'_>) -> Group {
    let names: Vec<Name> = group.consumers.iter().map(|c| c.name[..].into()).collect();
    let mut owned: Vec<Vec<StreamId>> = vec![Vec::new(); names.len()];
    for pending in &group.pending {
        if let Some(owner) = pending.owner {
            owned[owner as usize].push(pending.id);
        }
    }
    let pending = group.pending.iter().map(|pending| {
        let entry = Pending {
            delivered_ms: pending.delivered_ms,
            deliveries: pending.deliveries,
            owner: pending.owner.map(|owner| names[owner as usize].clone()),
        };
        (pending.id, entry)
    });
    let pending = Ordered::from_sorted(pending);
    let mut consumers: Vec<(Name, Consumer)> = group
        .consumers
        .iter()
        .zip(names.iter().zip(owned))
        .map(|(consumer, (name, ids))| {
            let consumer = Consumer {
                seen_ms: consumer.seen_ms,
                active_ms: consumer.active_ms.unwrap_or(NEVER),
                pending: Ordered::from_sorted(ids.into_iter().map(|id| (id, ()))),
            };
            (name.clone(), consumer)
        })
        .collect();
    consumers.sort_by(|a, b| a.0.cmp(&b.0));
    Group {
        last_id: group.last_id,
        entries_read: group.entries_read,
        pending,
        consumers: Ordered::from_sorted(consumers),
        given_back: group.nacked.len(),
    }
}
