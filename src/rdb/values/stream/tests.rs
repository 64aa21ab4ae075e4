//! Streams against the specification's worked example.

use super::*;
use crate::tags::rdb_type::RdbType;
use crate::values::stream_node::{Entry, NodeReader, check_node};

/// Section 4.4: 1-1 f=v; 1-2 f=w deleted; 3-0 g=x; group G read all by consumer C. Type 21.
pub(crate) const EXAMPLE: &[u8] = b"\x01\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\
\x39\x39\0\0\0\x16\0\x02\x01\x01\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01\
\x03\x01\x00\x01\x01\x01\x81w\x02\x04\x01\x00\x01\x02\x01\xdf\xff\x02\x01\x01\x81g\x02\x81x\x02\x06\x01\xff\
\x02\x03\x00\x01\x01\x01\x02\x03\
\x01\x01G\x03\x00\x03\
\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0\x20\0\0\0\0\0\0\0\x01\
\x01\x01C\x30\0\0\0\0\0\0\0\x31\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0";

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId { ms, seq }
}

#[test]
fn the_worked_example_is_taken_apart() {
    let s = Stream::parse(RdbType::Stream3, EXAMPLE).unwrap();
    assert_eq!((s.nodes.len(), s.length, s.last_id), (1, 2, id(3, 0)));
    let head = s.head.unwrap();
    assert_eq!(
        (head.first_id, head.max_deleted_id, head.entries_added),
        (id(1, 1), id(1, 2), 3)
    );
    let g = &s.groups[0];
    assert_eq!(
        (&*g.name, g.last_id, g.entries_read),
        (&b"G"[..], id(3, 0), Some(3))
    );
    assert_eq!(
        g.pending
            .iter()
            .map(|p| (p.id, p.delivered_ms, p.deliveries, p.owner))
            .collect::<Vec<_>>(),
        [(id(1, 2), 16, 1, Some(0)), (id(3, 0), 32, 1, Some(0))]
    );
    let c = &g.consumers[0];
    assert_eq!(
        (&*c.name, c.seen_ms, c.active_ms, c.owned),
        (&b"C"[..], 48, Some(49), 2)
    );
    let StrRef::Raw(lp) = s.nodes[0].listpack else {
        panic!()
    };
    let mut reader = NodeReader::open(s.nodes[0].master, lp).unwrap();
    let (mut entry, mut got) = (Entry::new(), Vec::new());
    while reader.read(&mut entry).unwrap() {
        let fields: Vec<_> = entry
            .fields
            .iter()
            .map(|(f, v)| (f.to_vec(), v.to_vec()))
            .collect();
        got.push((entry.id, entry.deleted, fields));
    }
    let one = |f: &str, v: &str| vec![(f.as_bytes().to_vec(), v.as_bytes().to_vec())];
    assert_eq!(
        got,
        [
            (id(1, 1), false, one("f", "v")),
            (id(1, 2), true, one("f", "w")),
            (id(3, 0), false, one("g", "x"))
        ]
    );
    let info = check_node(s.nodes[0].master, lp, |_| {}).unwrap();
    assert_eq!((info.live, info.deleted, info.in_order), (2, 1, true));
}

#[test]
fn what_was_taken_apart_is_put_together_again() {
    let s = Stream::parse(RdbType::Stream3, EXAMPLE).unwrap();
    assert_eq!(s.lowest_type(), RdbType::Stream3);
    for rdb_type in [
        RdbType::Stream,
        RdbType::Stream2,
        RdbType::Stream3,
        RdbType::Stream4,
        RdbType::Stream5,
    ] {
        let mut out = Vec::new();
        s.encode(rdb_type, &mut out);
        if rdb_type == RdbType::Stream3 {
            assert_eq!(out, EXAMPLE);
        }
        let again = Stream::parse(rdb_type, &out).unwrap();
        assert_eq!(again.nodes.len(), s.nodes.len());
        assert_eq!(again.groups[0].pending, s.groups[0].pending);
        assert_eq!(again.head.is_some(), rdb_type > RdbType::Stream);
        assert_eq!(again.idmp.is_some(), rdb_type > RdbType::Stream3);
    }
}

#[test]
fn prefixes_and_broken_ownership_are_refused() {
    for cut in 0..EXAMPLE.len() {
        assert!(
            Stream::parse(RdbType::Stream3, &EXAMPLE[..cut]).is_err(),
            "cut at {cut}"
        );
    }
    let s = Stream::parse(RdbType::Stream3, EXAMPLE).unwrap();
    let refused = |change: &dyn Fn(&mut Stream<'_>)| {
        let mut broken = s.clone();
        change(&mut broken);
        let mut out = Vec::new();
        broken.encode(RdbType::Stream3, &mut out);
        Stream::parse(RdbType::Stream3, &out)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(&|s| s.groups[0].pending[0].owner = None).contains("no consumer"));
    assert!(refused(&|s| s.groups[0].pending[1].id = s.groups[0].pending[0].id).contains("twice"));
    assert!(refused(&|s| s.groups.push(s.groups[0].clone())).contains("twice"));
    assert!(refused(&|s| s.nodes.push(s.nodes[0])).contains("twice"));
    assert!(
        refused(&|s| {
            let mut c = s.groups[0].consumers[0].clone();
            c.owned = 0;
            s.groups[0].consumers.push(c);
        })
        .contains("twice")
    );
}
