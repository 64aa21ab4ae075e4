//! A sequence of entries of a stream: the listpack that [`rdb::stream_node`] describes, which can be read from both
//! ends and changed.
//!
//!  * `live` and `dead` are the first two elements of the listpack.
//!  * Deleted entries stay in place, marked. A node without a live entry is removed from its stream.
//!  * The bytes have passed the RDB reader's checks or were created here; for other bytes, reading ends early.

use super::super::packed;
use crate::tree::ARC_HEAD;
use crate::tree::counted::Leaf;
use crate::{Item, Limits};
use rdb::listpack::{self, HEADER_LEN, Iter};
use rdb::stream::StreamId;
use std::sync::Arc;

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

/// Bytes that an integer takes at most.
const INT_MAX: usize = 10;

/// A node's listpack never grows beyond this, whatever `stream-node-max-bytes` says.
pub(super) const NODE_BYTES_MAX: usize = 1 << 30;

/// A row of entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    /// Id of the first entry ever put in: what the others' are relative to.
    master: StreamId,
    live: u32,
    dead: u32,
    /// Bytes of the deleted entries before the first live one: a stream that is trimmed would walk over them each time.
    passed: u32,
    lp: Arc<Vec<u8>>,
}

impl Leaf for Node {
    type Sep = StreamId;

    fn count(&self) -> usize {
        self.live as usize
    }

    fn heap(&self) -> usize {
        match self.lp.capacity() {
            0 => 0,
            bytes => bytes + ARC_HEAD + size_of::<Vec<u8>>(),
        }
    }

    fn is_shared(&self) -> bool {
        Arc::strong_count(&self.lp) > 1
    }

    fn sep(&self) -> StreamId {
        self.master
    }

    // Nodes are what real servers would have made of the same commands: approximate trimming shows it.
    fn is_small(&self) -> bool {
        false
    }

    fn join(&self, _right: &Self) -> Option<Self> {
        None
    }
}

impl Node {
    /// Of a checked listpack with right counts.
    pub(super) fn of_listpack(master: StreamId, lp: Vec<u8>) -> Node {
        let mut head = Iter::new(&lp);
        let mut count = || {
            let n = head.next().and_then(|item| item.as_int());
            n.and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
        };
        let mut node = Node {
            master,
            live: count(),
            dead: count(),
            passed: 0,
            lp: Arc::new(lp),
        };
        node.pass_dead();
        node
    }

    /// Of one new entry.
    pub(super) fn of_entry(id: StreamId, fields: &[&[u8]]) -> Node {
        let pairs = fields.chunks_exact(2);
        let head = [Item::Int(1), Item::Int(0), Item::Int(pairs.len() as i64)];
        let names = pairs.map(|pair| Item::of(pair[0]));
        let mut lp = listpack::EMPTY.to_vec();
        packed::reserve(&mut lp, 24 + 2 * room(fields));
        listpack::extend(&mut lp, head.into_iter().chain(names).chain([Item::Int(0)]));
        push_values(&mut lp, (0, 0), fields);
        Node {
            master: id,
            live: 1,
            dead: 0,
            passed: 0,
            lp: Arc::new(lp),
        }
    }

    /// True for the node that represents an empty tree.
    pub(super) fn is_vacant(&self) -> bool {
        self.live == 0
    }

    /// Live entries.
    pub(super) fn live(&self) -> u64 {
        u64::from(self.live)
    }

    /// The key in a dump.
    pub(super) fn master(&self) -> StreamId {
        self.master
    }

    /// The value in a dump.
    pub(super) fn listpack(&self) -> &[u8] {
        &self.lp
    }

    /// True if another entry must go to a new node.
    pub(super) fn is_full(&self, fields: &[&[u8]], limits: &Limits) -> bool {
        let bytes_max = match limits.stream_node_max_bytes {
            0 => NODE_BYTES_MAX,
            bytes => bytes.min(NODE_BYTES_MAX),
        };
        let payload: usize = fields.iter().map(|text| text.len()).sum();
        let entries_max = limits.stream_node_max_entries;
        self.lp.len() + payload >= bytes_max
            || (entries_max > 0 && (self.live + self.dead) as usize >= entries_max)
    }

    /// Gives the room for further entries back.
    pub(super) fn close(&mut self) {
        if let Some(lp) = Arc::get_mut(&mut self.lp) {
            lp.shrink_to_fit();
        }
    }

    /// Appends an entry.
    pub(super) fn push(&mut self, id: StreamId, fields: &[&[u8]]) {
        let delta = (
            id.ms.wrapping_sub(self.master.ms).cast_signed(),
            id.seq.wrapping_sub(self.master.seq).cast_signed(),
        );
        let same = self.has_fields(fields);
        let lp = Arc::make_mut(&mut self.lp);
        packed::reserve(lp, 40 + room(fields));
        match same {
            true => push_values(lp, delta, fields),
            false => push_pairs(lp, delta, fields),
        }
        self.live += 1;
        self.write_counts();
    }

    /// True if the fields are those of the master entry, in its order.
    fn has_fields(&self, fields: &[&[u8]]) -> bool {
        let head = self.head();
        let mut names = Iter::from_offset(&self.lp, head.fields_at);
        head.fields * 2 == fields.len()
            && fields
                .chunks_exact(2)
                .all(|pair| names.next().is_some_and(|name| name.is(pair[0])))
    }

    fn head(&self) -> Head {
        let mut iter = Iter::new(&self.lp);
        let fields = iter.nth(2).and_then(|n| n.as_int()).unwrap_or(0) as usize;
        let fields_at = iter.offset();
        for _ in 0..=fields {
            iter.next_entry();
        }
        Head {
            fields,
            fields_at,
            entries_at: iter.offset(),
        }
    }

    /// All entries from the first live one on, deleted ones too.
    pub(super) fn rows(&self) -> Rows<'_> {
        let head = self.head();
        Rows {
            lp: &self.lp,
            master: self.master,
            front: head.entries_at + self.passed as usize,
            back: self.lp.len().saturating_sub(1),
            head,
        }
    }

    /// The first entry's id, deleted or not.
    pub(super) fn first_id(&self) -> Option<StreamId> {
        let mut rows = self.rows();
        rows.front -= self.passed as usize;
        rows.next().map(|row| row.id)
    }

    /// The last entry's id, deleted or not.
    pub(super) fn last_id(&self) -> Option<StreamId> {
        self.rows().prev().map(|row| row.id)
    }

    /// The live entry of this id.
    pub(super) fn find(&self, id: StreamId) -> Option<Row<'_>> {
        let rows = self.rows();
        let (lp, end) = (rows.lp, rows.back);
        let ms = id.ms.wrapping_sub(self.master.ms).cast_signed();
        let seq = id.seq.wrapping_sub(self.master.seq).cast_signed();
        let mut at = rows.front;
        // Only the numbers that tell an entry from others are read, and the rest is passed over.
        while at < end {
            let mut next = at;
            let mut int = || {
                let (n, after) = listpack::int_at(lp, next)?;
                next = after;
                Some(n)
            };
            let (flags, own_ms, own_seq) = (int()?, int()?, int()?);
            if (own_ms, own_seq) == (ms, seq) && flags & DELETED == 0 {
                return rows.row(at);
            }
            let values = match flags & SAME_FIELDS {
                0 => int()?.checked_mul(2)?,
                _ => rows.head.fields as i64,
            };
            // The step count is passed as well.
            for _ in 0..=values {
                next = listpack::skip(lp, next)?;
            }
            at = next;
        }
        None
    }

    /// Marks the live entry at this place as deleted. A node that is left without live entries becomes empty.
    pub(super) fn delete(&mut self, (at, flags): Place) {
        if self.live == 1 {
            *self = Node::default();
            return;
        }
        let lp = Arc::make_mut(&mut self.lp);
        replace(lp, at, flags | DELETED);
        self.live -= 1;
        self.dead += 1;
        self.write_counts();
        self.pass_dead();
    }

    /// Marks the first live entries as deleted for as long as `goes` is true, which is asked for each live one; gives
    /// their number.
    pub(super) fn delete_front(&mut self, mut goes: impl FnMut(StreamId) -> bool) -> usize {
        let mut marks = Vec::new();
        let mut rows = self.rows();
        while let Some(row) = rows.next() {
            if row.deleted {
                continue;
            }
            if !goes(row.id) {
                break;
            }
            marks.push((row.at, row.flags));
        }
        let gone = marks.len();
        if gone == self.live as usize {
            *self = Node::default();
            return gone;
        }
        if gone > 0 {
            let lp = Arc::make_mut(&mut self.lp);
            // From the last one on, so that places before it do not change.
            for (at, flags) in marks.into_iter().rev() {
                replace(lp, at, flags | DELETED);
            }
            self.live -= gone as u32;
            self.dead += gone as u32;
            self.write_counts();
            self.pass_dead();
        }
        gone
    }

    /// Notes which entries are deleted before the first live one.
    fn pass_dead(&mut self) {
        if self.dead == 0 {
            return;
        }
        let head = self.head();
        let mut at = head.entries_at + self.passed as usize;
        while let Some(next) = after_deleted(&self.lp, at, head.fields) {
            at = next;
        }
        self.passed = (at - head.entries_at) as u32;
    }

    fn write_counts(&mut self) {
        let lp = Arc::make_mut(&mut self.lp);
        let next = replace(lp, HEADER_LEN, i64::from(self.live));
        replace(lp, next, i64::from(self.dead));
    }
}

/// Puts an integer in the place of the one at `at`; where the next element begins.
fn replace(lp: &mut Vec<u8>, at: usize, n: i64) -> usize {
    // It is first encoded after the end; a full node must not double its buffer for that.
    lp.reserve_exact(INT_MAX);
    listpack::replace(lp, at, Item::Int(n))
}

/// Where the entry behind the one at `at` begins, if that is deleted; the master entry has so many fields.
fn after_deleted(lp: &[u8], at: usize, fields: usize) -> Option<usize> {
    let (flags, after) = listpack::int_at(lp, at)?;
    if flags & DELETED == 0 {
        return None;
    }
    let mut next = listpack::skip(lp, listpack::skip(lp, after)?)?;
    let values = match flags & SAME_FIELDS {
        0 => {
            let (count, after) = listpack::int_at(lp, next)?;
            next = after;
            usize::try_from(count).ok()?.checked_mul(2)?
        }
        _ => fields,
    };
    // The step count is passed as well.
    for _ in 0..=values {
        next = listpack::skip(lp, next)?;
    }
    (next < lp.len()).then_some(next)
}

/// Bytes that the texts of these fields take at most in an entry, without the parts that all entries have.
fn room(fields: &[&[u8]]) -> usize {
    fields.iter().map(|text| text.len() + 11).sum()
}

fn push_values(lp: &mut Vec<u8>, delta: (i64, i64), fields: &[&[u8]]) {
    let head = [SAME_FIELDS, delta.0, delta.1].map(Item::Int);
    let values = fields.chunks_exact(2).map(|pair| Item::of(pair[1]));
    let steps = Item::Int((fields.len() / 2 + 3) as i64);
    listpack::extend(lp, head.into_iter().chain(values).chain([steps]));
}

fn push_pairs(lp: &mut Vec<u8>, delta: (i64, i64), fields: &[&[u8]]) {
    let head = [0, delta.0, delta.1, (fields.len() / 2) as i64].map(Item::Int);
    let pairs = fields.iter().map(|text| Item::of(text));
    let steps = Item::Int((fields.len() + 4) as i64);
    listpack::extend(lp, head.into_iter().chain(pairs).chain([steps]));
}

/// Where the parts of a listpack begin.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// Number of fields of the master entry.
    fields: usize,
    fields_at: usize,
    entries_at: usize,
}

/// A walk over the entries of a node, from both ends.
#[derive(Clone, Debug)]
pub(super) struct Rows<'a> {
    lp: &'a [u8],
    master: StreamId,
    head: Head,
    front: usize,
    back: usize,
}

/// An entry as it is in its node.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    pub(super) id: StreamId,
    pub(super) deleted: bool,
    /// Byte offset of the flags.
    at: usize,
    flags: i64,
    pub(super) fields: Fields<'a>,
}

/// The offset of an entry's flags, and the flags.
pub(super) type Place = (usize, i64);

impl Row<'_> {
    /// For [`Node::delete`].
    pub(super) fn place(&self) -> Place {
        (self.at, self.flags)
    }
}

impl<'a> Rows<'a> {
    /// The next entry from the front.
    pub(super) fn next(&mut self) -> Option<Row<'a>> {
        if self.front >= self.back {
            return None;
        }
        let row = self.row(self.front)?;
        let iter = &row.fields.values;
        let values = match row.fields.same {
            true => row.fields.left,
            false => 2 * row.fields.left,
        };
        let mut at = iter.offset();
        // The step count is passed as well.
        for _ in 0..=values {
            at = listpack::skip(self.lp, at).filter(|&next| next <= self.back)?;
        }
        self.front = at;
        Some(row)
    }

    /// The next entry from the back.
    pub(super) fn prev(&mut self) -> Option<Row<'a>> {
        if self.back <= self.front {
            return None;
        }
        let mut at = listpack::before(self.lp, self.back)?;
        let steps = listpack::entry_at(self.lp, at)?.item.as_int()?;
        for _ in 0..steps {
            at = listpack::before(self.lp, at)?;
        }
        if at < self.front {
            return None;
        }
        self.back = at;
        self.row(at)
    }

    fn row(&self, at: usize) -> Option<Row<'a>> {
        let mut next = at;
        let mut int = || {
            let (n, after) = listpack::int_at(self.lp, next)?;
            next = after;
            Some(n)
        };
        let (flags, ms, seq) = (int()?, int()?, int()?);
        let same = flags & SAME_FIELDS != 0;
        let left = match same {
            true => self.head.fields,
            false => usize::try_from(int()?).ok()?,
        };
        Some(Row {
            id: StreamId {
                ms: self.master.ms.wrapping_add(ms.cast_unsigned()),
                seq: self.master.seq.wrapping_add(seq.cast_unsigned()),
            },
            deleted: flags & DELETED != 0,
            at,
            flags,
            fields: Fields {
                names: Iter::from_offset(self.lp, self.head.fields_at),
                values: Iter::from_offset(self.lp, next),
                same,
                left,
            },
        })
    }
}

/// The fields of an entry with their values.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    names: Iter<'a>,
    values: Iter<'a>,
    /// The names are those of the master entry; otherwise each name precedes its value.
    same: bool,
    left: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Item<'a>, Item<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let names = match self.same {
            true => &mut self.names,
            false => &mut self.values,
        };
        Some((names.next()?, self.values.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}
