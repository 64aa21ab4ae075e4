//! Streams against a model of entries, groups and consumers.

use super::*;
use crate::value::stream::{Bound, Group, Pending, References, Stream, Trim};
use rdb::RdbType;
use rdb::check::{Scratch, check_value};
use rdb::stream::StreamId;
use rdb::stream_node::check_node;
use rdb::string::StrBuf;
use std::collections::BTreeMap;

type Fields = Vec<Vec<u8>>;

#[derive(Clone, Default)]
struct Model {
    entries: BTreeMap<StreamId, Fields>,
    last_id: StreamId,
    max_deleted_id: StreamId,
    added: u64,
    groups: BTreeMap<Vec<u8>, ModelGroup>,
}

#[derive(Clone, Default)]
struct ModelGroup {
    last_id: StreamId,
    pending: BTreeMap<StreamId, (i64, u64, Vec<u8>)>,
    consumers: BTreeMap<Vec<u8>, i64>,
}

fn fields_of(entry: crate::value::stream::Entry<'_>) -> (StreamId, Fields) {
    let pairs = entry.fields.flat_map(|(field, value)| [field, value]);
    (entry.id, pairs.map(|item| item.to_vec()).collect())
}

fn same(stream: &Stream, model: &Model) {
    sound(stream);
    round_trip(&Value::Stream(stream.clone()), |value| {
        let ValueRef::Stream(stream) = value else {
            panic!("a stream stays one")
        };
        same_content(stream, model);
    });
}

fn same_content(stream: &Stream, model: &Model) {
    assert_eq!(stream.len(), model.entries.len());
    assert_eq!(stream.last_id(), model.last_id);
    assert_eq!(stream.max_deleted_id(), model.max_deleted_id);
    assert_eq!(stream.entries_added(), model.added);
    let first = model.entries.keys().next().copied().unwrap_or_default();
    assert_eq!(stream.first_id(), first);
    let wanted = || model.entries.iter().map(|(id, f)| (*id, f.clone()));
    assert!(stream.iter().map(fields_of).eq(wanted()));
    let back = stream.range_rev(StreamId::ZERO, StreamId::MAX);
    assert!(back.map(fields_of).eq(wanted().rev()));
    assert_eq!(stream.group_count(), model.groups.len());
    for ((name, group), (wanted_name, wanted)) in stream.groups().zip(&model.groups) {
        assert_eq!(&**name, &wanted_name[..]);
        assert_eq!(group.last_id, wanted.last_id);
        let pending = group.pending_from(StreamId::ZERO).map(|(id, p)| {
            let owner = p.owner.as_ref().map(|name| name.to_vec());
            (
                id,
                (p.delivered_ms, p.deliveries, owner.unwrap_or_default()),
            )
        });
        assert!(pending.eq(wanted.pending.iter().map(|(id, p)| (*id, p.clone()))));
        let consumers = group
            .consumers()
            .map(|(name, c)| (name.to_vec(), c.active_ms));
        assert!(consumers.eq(wanted.consumers.iter().map(|(n, at)| (n.clone(), *at))));
        for (name, consumer) in group.consumers() {
            let own = wanted.pending.iter().filter(|(_, p)| p.2[..] == name[..]);
            let own = own.map(|(id, _)| *id);
            assert!(consumer.pending_from(StreamId::ZERO).eq(own));
        }
    }
}

/// The bytes pass the checks of a reader, and every node is sound.
fn sound(stream: &Stream) {
    let mut bytes = Vec::new();
    let value = Value::Stream(stream.clone());
    let rdb_type = value.to_rdb(&mut |piece| bytes.extend_from_slice(piece), None);
    let context = rdb::Context::held();
    let info = check_value(
        &context,
        rdb_type,
        &bytes,
        &mut Scratch::new(base::secret::HashKey::fixed([1, 0])),
    )
    .expect("sound");
    assert!(info.as_is);
    let parts = rdb::stream::Stream::parse(rdb_type, &bytes).expect("sound");
    let mut buf = StrBuf::new();
    for node in &parts.nodes {
        let lp = node.listpack.get(&mut buf).expect("a listpack");
        let info = check_node(node.master, lp, |_| {}).expect("a sound node");
        assert!(info.live > 0 && info.in_order && !info.count_is_wrong);
        assert!(!info.deleted_count_is_wrong);
    }
}

fn some_fields(rng: &mut Rng) -> Fields {
    let names = [&["f"][..], &["a", "b"], &["12", "x"]][rng.below(3)];
    let pairs = names
        .iter()
        .flat_map(|name| [name.as_bytes().to_vec(), text(rng, 300)]);
    pairs.collect()
}

fn some_id(rng: &mut Rng, model: &Model) -> StreamId {
    let known = model.entries.len();
    if known > 0 && rng.below(4) > 0 {
        return *model
            .entries
            .keys()
            .nth(rng.below(known))
            .expect("below the length");
    }
    StreamId {
        ms: rng.below(model.last_id.ms as usize + 2) as u64,
        seq: rng.below(3) as u64,
    }
}

fn change(rng: &mut Rng, stream: &mut Stream, model: &mut Model, limits: &Limits, grow: usize) {
    match rng.below(100) {
        n if n < grow => {
            let id = StreamId {
                ms: model.last_id.ms + rng.below(3) as u64,
                seq: model.last_id.seq + 1 + rng.below(2) as u64,
            };
            let id = match id.ms > model.last_id.ms && rng.below(2) == 0 {
                true => StreamId { seq: 0, ..id },
                false => id,
            };
            let fields = some_fields(rng);
            let borrowed: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
            stream.append(id, &borrowed, limits).expect("small enough");
            model.entries.insert(id, fields);
            model.last_id = id;
            model.added += 1;
        }
        n if n < 85 => {
            let id = some_id(rng, model);
            let gone = model.entries.remove(&id).is_some();
            assert_eq!(stream.delete(id), gone);
            if gone {
                model.max_deleted_id = model.max_deleted_id.max(id);
            }
        }
        85..=87 => {
            let bound = match rng.below(2) {
                0 => Bound::MaxLen(model.entries.len().saturating_sub(rng.below(60)) as u64),
                _ => Bound::MinId(some_id(rng, model)),
            };
            let trim = Trim {
                bound,
                approximate: rng.below(2) == 0,
                limit: 0,
                references: References::Keep,
            };
            let gone = stream.trim(&trim);
            let before = model.entries.len();
            for _ in 0..gone {
                model.entries.pop_first();
            }
            let excess = match bound {
                Bound::MaxLen(most) => before.saturating_sub(most as usize),
                Bound::MinId(id) => gone as usize + model.entries.range(..id).count(),
            };
            assert!(gone as usize <= excess);
            assert!(trim.approximate || gone as usize == excess);
        }
        _ => change_groups(rng, stream, model),
    }
}

fn change_groups(rng: &mut Rng, stream: &mut Stream, model: &mut Model) {
    let name = format!("g{}", rng.below(30)).into_bytes();
    let consumer = format!("c{}", rng.below(40)).into_bytes();
    let now = rng.below(1_000_000) as i64;
    let Some(wanted) = model.groups.get_mut(&name) else {
        assert!(stream.add_group(&name, Group::new(StreamId::ZERO, None)));
        model.groups.insert(name, ModelGroup::default());
        return;
    };
    match rng.below(12) {
        0 => {
            assert!(stream.remove_group(&name));
            model.groups.remove(&name);
        }
        1 => {
            let gone = wanted.consumers.remove(&consumer).map(|_| {
                let before = wanted.pending.len();
                wanted.pending.retain(|_, p| p.2 != consumer);
                before - wanted.pending.len()
            });
            let removed = stream.edit_group(&name, |group| group.remove_consumer(&consumer));
            assert_eq!(removed, Some(gone));
        }
        2..=7 => {
            let from = wanted.last_id.next().expect("not the last");
            let ids = model.entries.range(from..).map(|(id, _)| *id);
            let ids: Vec<_> = ids.take(rng.below(120)).collect();
            stream.edit_group(&name, |group| {
                group.add_consumer(&consumer, now);
                group.deliver(&ids, &consumer, now);
                group.last_id = ids.last().copied().unwrap_or(group.last_id);
            });
            wanted.last_id = ids.last().copied().unwrap_or(wanted.last_id);
            wanted.consumers.insert(consumer.clone(), now);
            for id in ids {
                wanted.pending.insert(id, (now, 1, consumer.clone()));
            }
        }
        8 => {
            let id = wanted.pending.keys().nth(rng.below(50)).copied();
            let id = id.unwrap_or_default();
            let count = rng.below(9) as u64;
            stream.edit_group(&name, |group| {
                group.add_consumer(&consumer, now);
                let entries = std::iter::once((id, count));
                group.claim(entries, &consumer, now, now - 5);
            });
            wanted.consumers.insert(consumer.clone(), now);
            wanted.pending.insert(id, (now - 5, count, consumer));
        }
        _ => {
            let known = wanted.pending.len().max(1);
            let ids = wanted.pending.keys().skip(rng.below(known));
            let ids: Vec<_> = ids.take(rng.below(50)).copied().collect();
            for id in ids {
                wanted.pending.remove(&id);
                assert_eq!(
                    stream.edit_group(&name, |group| group.acknowledge(id)),
                    Some(true)
                );
            }
        }
    }
}

#[test]
fn a_stream_agrees_with_a_model_and_its_clones_never_change() {
    for seed in 0..rounds(90) {
        let mut rng = Rng::new(seed);
        let limits = Limits {
            stream_node_max_bytes: [0, 100, 4096][rng.below(3)],
            stream_node_max_entries: [0, 1, 7, 100][rng.below(4)],
            ..Limits::default()
        };
        let (mut stream, mut model) = (Stream::new(), Model::default());
        let mut clones = Vec::new();
        let steps = [60, 600, 6000][rng.below(3)];
        let grow = [35, 50, 75][rng.below(3)];
        for step in 0..steps {
            change(&mut rng, &mut stream, &mut model, &limits, grow);
            assert_eq!(stream.len(), model.entries.len());
            let (a, b) = (some_id(&mut rng, &model), some_id(&mut rng, &model));
            let (from, to) = (a.min(b), a.max(b));
            let wanted = model.entries.range(from..=to).map(|(id, _)| *id);
            let found = stream.range(from, to).map(|entry| entry.id);
            assert!(found.take(9).eq(wanted.clone().take(9)));
            let found = stream.range_rev(from, to).map(|entry| entry.id);
            assert!(found.take(9).eq(wanted.rev().take(9)));
            if rng.below(400) == 0 || step == 20 {
                clones.push((stream.clone(), model.clone()));
            }
        }
        same(&stream, &model);
        for (stream, model) in &clones {
            same(stream, model);
        }
    }
}

#[test]
fn a_limit_ends_an_approximate_trim_between_two_nodes() {
    let limits = Limits {
        stream_node_max_entries: 10,
        ..Limits::default()
    };
    let mut stream = Stream::new();
    for ms in 1..=100 {
        stream
            .append(StreamId { ms, seq: 0 }, &[b"f", b"v"], &limits)
            .expect("small enough");
    }
    let trim = |limit, approximate| Trim {
        bound: Bound::MaxLen(5),
        approximate,
        limit,
        references: References::Keep,
    };
    assert_eq!(stream.trim(&trim(25, true)), 20);
    assert_eq!(stream.trim(&trim(0, true)), 70);
    assert_eq!(stream.trim(&trim(0, true)), 0);
    assert_eq!(stream.trim(&trim(0, false)), 5);
    assert_eq!((stream.len(), stream.node_count()), (5, 1));
}

#[test]
fn pending_entries_that_nobody_owns_are_kept() {
    let mut file = rdb::stream::Stream {
        head: Some(rdb::stream::Head::default()),
        ..Default::default()
    };
    let id = StreamId { ms: 7, seq: 1 };
    file.groups.push(rdb::stream::Group {
        name: b"g"[..].into(),
        last_id: id,
        entries_read: None,
        pending: vec![rdb::stream::Pending {
            id,
            delivered_ms: 5,
            deliveries: 2,
            owner: None,
        }],
        consumers: Vec::new(),
        nacked: vec![id],
    });
    let mut bytes = Vec::new();
    file.encode(RdbType::Stream5, &mut bytes);
    let mut value = Value::from_record(RdbType::Stream5, &bytes);
    let mut again = Vec::new();
    assert_eq!(
        value.to_rdb(&mut |piece| again.extend_from_slice(piece), None),
        RdbType::Stream5
    );
    assert_eq!(again, bytes);
    let Value::Stream(stream) = &mut value else {
        panic!("a stream stays one")
    };
    let wanted = Pending {
        delivered_ms: 5,
        deliveries: 2,
        owner: None,
    };
    assert_eq!(
        stream.group(b"g").and_then(|g| g.pending(id)),
        Some(&wanted)
    );
    stream.edit_group(b"g", |group| group.acknowledge(id));
    assert_eq!(value.rdb_type(), RdbType::Stream3);
}

#[test]
fn entries_that_were_deleted_at_the_front_take_room_and_are_passed_over() {
    let mut stream = Stream::new();
    let limits = Limits::default();
    let id = |seq| StreamId { ms: 1, seq };
    let fields = |n: u64| -> &[&[u8]] {
        match n % 3 {
            0 => &[b"other", b"1", b"more", b"value"],
            _ => &[b"f", b"value"],
        }
    };
    let mut first = 1;
    for n in 1..=300 {
        stream.append(id(n), fields(n), &limits).unwrap();
        match n % 7 {
            0 => {
                stream.trim(&Trim {
                    bound: Bound::MinId(id(first + 3)),
                    approximate: false,
                    limit: 0,
                    references: References::Keep,
                });
                first += 3;
            }
            1 if n > 1 => {
                assert!(stream.delete(id(first)));
                first += 1;
            }
            _ => {}
        }
        sound(&stream);
        round_trip(&Value::Stream(stream.clone()), |value| {
            let ValueRef::Stream(stream) = value else {
                panic!("a stream stays one")
            };
            let ids = stream.iter().map(|entry| entry.id);
            assert!(ids.eq((first..=n).map(id)));
            assert_eq!(stream.first_id(), id(first));
            // A node has a hundred entries.
            let kept = (first - 1) / 100 * 100 + 1;
            assert_eq!(stream.first_kept_id(), Some(id(kept)));
            assert!(stream.get(id(first)).is_some() && stream.get(id(first - 1)).is_none());
        });
    }
}
