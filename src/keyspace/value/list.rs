//! Lists.
//!
//! | form | encoding | RDB type | layout |
//! |---|---|---|---|
//! | `Pack` | `listpack` | 18, one packed node | elements |
//! | `Chain` | `quicklist` | 18 | a tree by position |
//!
//! A list becomes a chain before the push that would pass `list-max-listpack-size`, and a listpack
//! again when removals have brought it to half of that ([`List::shrink`]).

use super::packed::{self, room};
use super::plain::{self, free_effort};
use crate::tree::chunk::Chunk;
use crate::tree::seq::Seq;
use crate::{Item, Limits};
use rdb::listpack::{self, HEADER_LEN, Iter};
use rdb::{length, lzf, string};
use smallvec::{SmallVec, smallvec};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A list, owned.
#[derive(Clone, Debug)]
pub struct List(Form);

/// A list as a reader sees it.
#[derive(Debug)]
pub struct ListRef<'a>(FormRef<'a>);

#[derive(Clone, Debug)]
enum Form {
    Pack(Vec<u8>),
    Chain(Box<Chain>),
}

#[derive(Debug)]
enum FormRef<'a> {
    Pack(Cow<'a, [u8]>),
    Chain(&'a Chain),
    /// A chain that was decoded for this read.
    Scratch(Box<Chain>),
}

type Chain = Seq;

impl Default for List {
    fn default() -> Self {
        List(Form::Pack(listpack::EMPTY.to_vec()))
    }
}

impl List {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// As a reader sees it.
    pub fn as_ref(&self) -> ListRef<'_> {
        ListRef(match &self.0 {
            Form::Pack(lp) => FormRef::Pack(Cow::Borrowed(lp)),
            Form::Chain(chain) => FormRef::Chain(chain),
        })
    }

    /// Number of elements.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "the view has it")]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Chain(chain) => chain.len(),
            _ => self.as_ref().len(),
        }
    }

    /// As [`Value::tree_type`](super::Value::tree_type).
    #[inline]
    pub(super) fn tree_type(&self) -> Option<rdb::RdbType> {
        match &self.0 {
            Form::Chain(chain) if chain.len() > 0 => Some(rdb::RdbType::Quicklist2),
            _ => None,
        }
    }

    /// Tells how many elements of how many bytes together one command is about to push, as Redis
    /// weighs them before it pushes the first.
    pub fn expect(&mut self, elements: usize, bytes: usize, limits: &Limits) {
        if let Form::Pack(lp) = &self.0
            && exceeds(limits, lp.len() + bytes, listpack::count(lp) + elements)
        {
            self.make_chain();
        }
    }

    /// Adds at the head.
    pub fn push_front(&mut self, item: &[u8], limits: &Limits) {
        self.make_room(item, limits);
        match &mut self.0 {
            Form::Pack(lp) => {
                packed::reserve(lp, room(item.len(), 0));
                listpack::insert(lp, HEADER_LEN, Item::of(item));
            }
            Form::Chain(chain) => chain.push_front(item),
        }
    }

    /// Adds at the tail.
    pub fn push_back(&mut self, item: &[u8], limits: &Limits) {
        self.make_room(item, limits);
        match &mut self.0 {
            Form::Pack(lp) => {
                packed::reserve(lp, room(item.len(), 0));
                listpack::append(lp, Item::of(item));
            }
            Form::Chain(chain) => chain.push_back(item),
        }
    }

    /// Takes the head.
    pub fn pop_front(&mut self) -> Option<Vec<u8>> {
        match &mut self.0 {
            Form::Pack(lp) => take(lp, HEADER_LEN),
            Form::Chain(chain) => chain.pop_front(),
        }
    }

    /// Takes the tail.
    pub fn pop_back(&mut self) -> Option<Vec<u8>> {
        match &mut self.0 {
            Form::Pack(lp) => {
                let at = listpack::before(lp, lp.len() - 1)?;
                take(lp, at)
            }
            Form::Chain(chain) => chain.pop_back(),
        }
    }

    /// Replaces the element at `index` (0-based from the head). False when there is none.
    pub fn set(&mut self, index: usize, item: &[u8], limits: &Limits) -> bool {
        if index >= self.as_ref().len() {
            return false;
        }
        self.make_room(item, limits);
        match &mut self.0 {
            Form::Pack(lp) => {
                let Some(at) = listpack::seek(lp, index as i64) else {
                    return false;
                };
                packed::reserve(lp, room(item.len(), 0));
                listpack::replace(lp, at, Item::of(item));
            }
            Form::Chain(chain) => chain.set(index, item),
        }
        true
    }

    /// Inserts before `index` (`index == len` appends).
    pub fn insert(&mut self, index: usize, item: &[u8], limits: &Limits) {
        self.make_room(item, limits);
        match &mut self.0 {
            Form::Pack(lp) => {
                let at = listpack::seek(lp, index as i64).unwrap_or(lp.len() - 1);
                packed::reserve(lp, room(item.len(), 0));
                listpack::insert(lp, at, Item::of(item));
            }
            Form::Chain(chain) => chain.insert(index, item),
        }
    }

    /// Removes `range`.
    pub fn remove_range(&mut self, range: Range<usize>) {
        match &mut self.0 {
            Form::Pack(lp) => {
                if let Some(at) = listpack::seek(lp, range.start as i64) {
                    listpack::delete(lp, at, range.len());
                }
            }
            Form::Chain(chain) => chain.remove_range(range),
        }
    }

    /// After removals and CONFIG changes: returns to the packed form if the limits allow it.
    pub fn shrink(&mut self, limits: &Limits) {
        let (bytes, count) = node_limit(limits);
        self.pack(bytes / 2, count / 2);
    }

    /// Packs a chain that is not larger than this.
    fn pack(&mut self, bytes: usize, count: usize) {
        let Form::Chain(chain) = &self.0 else { return };
        if chain.len() > count || !chain.fits_listpack(bytes) {
            return;
        }
        let items = chain.range(0..chain.len());
        if items.clone().any(|item| listpack::is_trapped(item.len())) {
            return;
        }
        let mut lp = listpack::Builder::new();
        items.for_each(|item| lp.push(item));
        self.0 = Form::Pack(lp.into_vec());
    }

    /// True if a loaded list of this many elements and bytes may be packed. Its first byte must also say that it has
    /// one node, which is not compressed.
    pub(super) fn may_pack(elements: u64, bytes: usize, limits: &Limits) -> bool {
        let (most_bytes, most) = node_limit(limits);
        elements <= most as u64 && bytes <= most_bytes
    }

    /// The form that a loaded list of one node has: packed within the limits.
    pub(super) fn settle(&mut self, limits: &Limits) {
        let (bytes, count) = node_limit(limits);
        if let Form::Pack(lp) = &self.0
            && (lp.len() > bytes || listpack::count(lp) > count)
        {
            self.make_chain();
        }
    }

    /// Becomes a chain if a listpack must not take `item`.
    #[inline]
    fn make_room(&mut self, item: &[u8], limits: &Limits) {
        if let Form::Pack(lp) = &self.0
            && (exceeds(limits, lp.len() + item.len(), listpack::count(lp) + 1)
                || listpack::is_trapped(item.len()))
        {
            self.make_chain();
        }
    }

    fn make_chain(&mut self) {
        if let Form::Pack(lp) = &self.0 {
            let chunk = Chunk::of_listpack(lp, listpack::count(lp));
            self.0 = Form::Chain(Box::new(Chain::of_chunks(vec![chunk])));
        }
    }

    /// A packed form is copied into `buffer`.
    pub(super) fn from_record(bytes: &[u8], buffer: Vec<u8>) -> Self {
        List(match ListRef::from_record(bytes).0 {
            FormRef::Pack(lp) => Form::Pack(packed::owned(lp, buffer)),
            FormRef::Scratch(chain) => Form::Chain(chain),
            FormRef::Chain(chain) => Form::Chain(Box::new(chain.clone())),
        })
    }

    /// The bytes of a packed form.
    #[inline]
    pub(super) fn blob(&self) -> Option<&[u8]> {
        match &self.0 {
            Form::Pack(lp) => Some(lp),
            Form::Chain(_) => None,
        }
    }

    /// The same, to be changed.
    pub(super) fn buffer_mut(&mut self) -> Option<&mut Vec<u8>> {
        match &mut self.0 {
            Form::Pack(lp) => Some(lp),
            Form::Chain(_) => None,
        }
    }

    /// As [`Value::packed_len`](super::Value::packed_len).
    pub(super) fn packed_len(&self) -> Option<usize> {
        match &self.0 {
            Form::Pack(lp) => Some(lp.len()),
            Form::Chain(_) => None,
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match &self.0 {
            Form::Pack(lp) => lp.capacity(),
            Form::Chain(chain) => size_of::<Chain>() + chain.heap(),
        }
    }

    pub(super) fn free_effort(&self) -> usize {
        match &self.0 {
            Form::Pack(_) => 1,
            Form::Chain(chain) => free_effort(chain.heap()),
        }
    }
}

/// The element at byte offset `at`, removed.
fn take(lp: &mut Vec<u8>, at: usize) -> Option<Vec<u8>> {
    let item = listpack::entry_at(lp, at)
        .filter(|_| at < lp.len() - 1)?
        .item
        .to_vec();
    listpack::delete(lp, at, 1);
    Some(item)
}

/// The bytes and elements that one node may have: `list-max-listpack-size` limits one of the two.
fn node_limit(limits: &Limits) -> (usize, usize) {
    match limits.list_max_listpack_size {
        n @ 1.. => (usize::MAX, n as usize),
        0 => (usize::MAX, 1),
        n => (4096 << (-n - 1).min(4), usize::MAX),
    }
}

/// Whether a node of that size would be too large. A limit in elements still leaves 8 KB as the
/// limit in bytes.
fn exceeds(limits: &Limits, bytes: usize, count: usize) -> bool {
    const SAFE_BYTES: usize = 8192;
    match node_limit(limits) {
        (usize::MAX, max) => bytes > SAFE_BYTES || count > max,
        (max, _) => bytes > max,
    }
}

impl<'a> ListRef<'a> {
    pub(super) fn from_record(bytes: &'a [u8]) -> Self {
        let mut nodes = plain::Nodes::new(bytes);
        if nodes.left() == 1
            && let Some(plain::Node::Packed(lp)) = nodes.next()
        {
            return ListRef(FormRef::Pack(lp));
        }
        let mut chunks = Vec::new();
        let mut nodes = plain::Nodes::new(bytes);
        while let Some(node) = nodes.next() {
            chunks.push(match node {
                plain::Node::Packed(lp) => Chunk::of_listpack(&lp, listpack::count(&lp)),
                plain::Node::Plain(item) => Chunk::of_item(&item),
            });
        }
        ListRef(FormRef::Scratch(Box::new(Chain::of_chunks(chunks))))
    }

    fn chain(&self) -> Option<&Chain> {
        match &self.0 {
            FormRef::Pack(_) => None,
            FormRef::Chain(chain) => Some(chain),
            FormRef::Scratch(chain) => Some(chain),
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match &self.0 {
            FormRef::Pack(lp) => listpack::count(lp),
            FormRef::Chain(chain) => chain.len(),
            FormRef::Scratch(chain) => chain.len(),
        }
    }

    /// True without elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element at `index` from the head.
    pub fn get(&self, index: usize) -> Option<Item<'_>> {
        match &self.0 {
            FormRef::Pack(lp) => {
                listpack::entry_at(lp, listpack::seek(lp, index as i64)?).map(|entry| entry.item)
            }
            _ => self.chain()?.get(index),
        }
    }

    /// The elements of `range`, head to tail.
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = Item<'_>> {
        let pack = match &self.0 {
            FormRef::Pack(lp) => Some(match listpack::seek(lp, range.start as i64) {
                Some(at) => Iter::from_offset(lp, at).take(range.len()),
                None => Iter::new(lp).take(0),
            }),
            _ => None,
        };
        let chain = self.chain().map(|chain| chain.range(range));
        pack.into_iter()
            .flatten()
            .chain(chain.into_iter().flatten())
    }

    /// The elements of `range`, tail to head.
    pub fn range_rev(&self, range: Range<usize>) -> impl Iterator<Item = Item<'_>> {
        let pack = match &self.0 {
            FormRef::Pack(lp) => {
                let end = listpack::seek(lp, range.end as i64).unwrap_or(lp.len() - 1);
                Some(Iter::to_offset(lp, end).rev().take(range.len()))
            }
            _ => None,
        };
        let chain = self.chain().map(|chain| chain.range_rev(range));
        pack.into_iter()
            .flatten()
            .chain(chain.into_iter().flatten())
    }

    /// All elements, head to tail.
    pub fn iter(&self) -> impl Iterator<Item = Item<'_>> {
        self.range(0..self.len())
    }

    /// `listpack` or `quicklist`.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            FormRef::Pack(_) => "listpack",
            _ => "quicklist",
        }
    }

    pub(super) fn is_packed(&self) -> bool {
        matches!(&self.0, FormRef::Pack(_))
    }

    pub(super) fn write(&self, packer: Option<&mut lzf::Packer>, out: &mut plain::Out<'_>) {
        match &self.0 {
            FormRef::Pack(lp) => {
                out.buf().extend_from_slice(&[1, 2]);
                string::encode_blob(lp, packer, out.buf());
            }
            _ => {
                write_chain(self.chain(), PACKED_THRESHOLD.load(Relaxed), packer, out);
            }
        }
    }
}

/// The length that [`set_packed_threshold`] has set.
static PACKED_THRESHOLD: AtomicUsize = AtomicUsize::new(0);

/// Sets the least length in bytes of an element that gets a node of its own when a list is written; shorter ones share
/// nodes. 0 restores the usual rule. Lists in one listpack stay in one.
pub fn set_packed_threshold(bytes: usize) {
    PACKED_THRESHOLD.store(bytes, Relaxed);
}

/// The nodes that a chunk is written as; nearly always one.
type Nodes<'a> = SmallVec<[plain::Node<'a>; 1]>;

/// Writes the nodes of a long list.
fn write_chain(
    chain: Option<&Chain>,
    threshold: usize,
    mut packer: Option<&mut lzf::Packer>,
    out: &mut plain::Out<'_>,
) {
    let chunks = || {
        let chunks = chain.into_iter().flat_map(Seq::chunks);
        chunks.filter(|chunk| !chunk.is_empty())
    };
    let nodes: usize = match threshold {
        0 => chunks().count(),
        _ => chunks().map(|chunk| parted(chunk, threshold).len()).sum(),
    };
    length::encode_length(nodes as u64, out.buf());
    for chunk in chunks() {
        let nodes: Nodes<'_> = match chunk.single() {
            _ if threshold > 0 => parted(chunk, threshold),
            Some(item) if item.len() > PLAIN_ABOVE => smallvec![plain::Node::Plain(item.to_cow())],
            _ => smallvec![plain::Node::Packed(chunk.listpack().into())],
        };
        for node in nodes {
            let (container, bytes) = match &node {
                plain::Node::Plain(item) => (1, item),
                plain::Node::Packed(lp) => (2, lp),
            };
            out.buf().push(container);
            string::encode_blob(bytes, packer.as_deref_mut(), out.buf());
        }
        out.spill();
    }
}

/// The nodes of a chunk where elements of `threshold` bytes have their own.
fn parted(chunk: &Chunk, threshold: usize) -> Nodes<'_> {
    let (mut nodes, mut packed) = (Nodes::new(), listpack::Builder::new());
    let flush = |packed: &mut listpack::Builder, nodes: &mut Nodes<'_>| {
        if !packed.is_empty() {
            nodes.push(plain::Node::Packed(packed.finish().to_vec().into()));
            packed.clear();
        }
    };
    for item in chunk.iter() {
        if item.len() < threshold {
            packed.push(item);
            continue;
        }
        flush(&mut packed, &mut nodes);
        nodes.push(plain::Node::Plain(item.to_cow()));
    }
    flush(&mut packed, &mut nodes);
    nodes
}

/// A chunk of one element longer than this is written as a plain node: real servers do so above their
/// node limit, of which this is the least.
const PLAIN_ABOVE: usize = 4096;

#[cfg(test)]
mod node_tests {
    use super::*;

    #[test]
    fn from_the_threshold_on_elements_have_nodes_of_their_own() {
        let mut chain = Chain::default();
        let words = [10, 3, 3, 12_000, 3, 10, 11].map(|n| vec![b'x'; n]);
        words.iter().for_each(|word| chain.push_back(word));
        // Each node: its container and the elements in it.
        let nodes = |threshold| {
            let mut out = plain::Out::behind(Vec::new());
            write_chain(Some(&chain), threshold, None, &mut out);
            let bytes = out.into_buf();
            let mut nodes = plain::Nodes::new(&bytes);
            let mut found = Vec::new();
            while let Some(node) = nodes.next() {
                found.push(match node {
                    plain::Node::Plain(_) => (1, 1),
                    plain::Node::Packed(lp) => (2, listpack::count(&lp)),
                });
            }
            let list = ListRef::from_record(&bytes);
            assert!(list.iter().map(|item| item.to_vec()).eq(words.clone()));
            found
        };
        assert_eq!(nodes(0), [(2, 3), (1, 1), (2, 3)]);
        assert_eq!(nodes(10), [(1, 1), (2, 2), (1, 1), (2, 1), (1, 1), (1, 1)]);
        assert_eq!(nodes(20_000), [(2, 3), (2, 1), (2, 3)]);
    }
}
