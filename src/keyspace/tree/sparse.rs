//! Elements by index, most of which may be missing: arrays.
//!
//! An entry is an element, and its key is the index. Missing elements take no memory, so the size of an array depends
//! only on its elements, however far apart they are.

use super::counted::{Inner, Leaves, Tree};
use super::page::{New, Page, Shape};
use super::strings::{self, Enc};
use crate::Item;
use std::ops::Range;
use std::sync::atomic::AtomicU64;

/// Entries are elements, keys their indices.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByIndex;

impl Shape for ByIndex {
    type Key = u64;
    type Sep = u64;
    const GROUPS: bool = false;
    const ORDERED: bool = true;

    #[inline]
    fn extent(bytes: &[u8], _mark: bool) -> usize {
        strings::size(bytes)
    }

    fn sep(key: u64, _entry: &[u8]) -> u64 {
        key
    }
}

type Leaf = Page<ByIndex>;

/// A tree of elements by index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sparse(Tree<Leaf>);

#[inline]
fn route(inner: &Inner<Leaf>, index: u64) -> usize {
    inner.route(|&sep| sep <= index)
}

/// The first entry of the page that is not before `index`.
#[inline]
fn position(page: &Leaf, index: u64) -> usize {
    if page.len() == 0 {
        return 0;
    }
    page.search(index, |i| page.key(i) < index)
}

#[inline]
fn is_at(page: &Leaf, i: usize, index: u64) -> bool {
    i < page.len() && page.key(i) == index
}

#[inline]
fn read(page: &Leaf, i: usize) -> (u64, Item<'_>) {
    (page.key(i), strings::read(page.entry(i).0).0)
}

impl Sparse {
    /// Elements.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes allocated.
    pub(crate) fn heap(&self) -> usize {
        self.0.heap()
    }

    /// The element at an index.
    #[inline]
    pub(crate) fn get(&self, index: u64) -> Option<Item<'_>> {
        let page = self.0.leaf(|inner| route(inner, index));
        let i = position(page, index);
        is_at(page, i, index).then(|| read(page, i).1)
    }

    /// Stores an element at an index. Returns true if there was none.
    #[inline]
    pub(crate) fn set(&mut self, index: u64, element: &[u8]) -> bool {
        let enc = Enc::new(element);
        self.0.edit(
            |inner| route(inner, index),
            |page, spill| {
                let i = position(page, index);
                let new = New {
                    key: index,
                    len: enc.len(),
                    mark: false,
                };
                let is_new = !is_at(page, i, index);
                match is_new {
                    true => page.insert(i, new, |out| enc.put(out), spill),
                    false => page.replace(i, new, |out| enc.put(out), spill),
                }
                is_new
            },
        )
    }

    /// Removes the element at an index; true if there was one.
    pub(crate) fn remove(&mut self, index: u64) -> bool {
        // Looking first keeps shared pages shared when there is nothing to remove.
        if self.get(index).is_none() {
            return false;
        }
        self.0.edit_down(
            |inner| route(inner, index),
            |page, _| {
                let i = position(page, index);
                page.remove(i);
            },
        );
        true
    }

    /// The highest index that has an element.
    pub(crate) fn last_index(&self) -> Option<u64> {
        let page = self.0.leaf(|inner| inner.route(|_| true));
        page.len().checked_sub(1).map(|i| page.key(i))
    }

    /// How many elements are before an index.
    pub(crate) fn rank(&self, index: u64) -> usize {
        let (page, before) = self.0.leaf_at(|inner| route(inner, index));
        before + position(page, index)
    }

    /// The elements of ranks `range`, by index.
    pub(crate) fn range(&self, range: Range<usize>) -> Walk<'_> {
        let mut at = range.start as u64;
        let mut leaves = self.0.leaves(|inner| inner.seek(&mut at));
        let page = leaves.next();
        Walk {
            leaves,
            page,
            at: at as usize,
            left: range.len(),
        }
    }

    /// The elements of ranks `range`, from the last to the first.
    pub(crate) fn range_rev(&self, range: Range<usize>) -> WalkBack<'_> {
        let mut at = range.end.saturating_sub(1) as u64;
        let mut leaves = self.0.leaves(|inner| inner.seek(&mut at));
        let page = leaves.prev();
        WalkBack {
            leaves,
            page,
            at: at as usize + 1,
            left: range.len(),
        }
    }

    /// Removes the elements of ranks `range`.
    pub(crate) fn remove_range(&mut self, range: Range<usize>) {
        self.0
            .remove_range(range, |page, range| page.remove_slice(range));
    }

    /// All elements by index, releasing each page after its elements.
    pub(crate) fn drain(self, freed: &AtomicU64, mut f: impl FnMut(u64, Item<'_>)) {
        for page in self.0.drain(freed) {
            for i in 0..page.len() {
                let (index, element) = read(&page, i);
                f(index, element);
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn check(&self) {
        let mut last = None;
        self.0.check(&mut |page| {
            page.check();
            for i in 0..page.len() {
                let index = page.key(i);
                assert!(last.is_none_or(|last| last < index));
                last = Some(index);
            }
        });
    }
}

/// Builds a tree of elements in the order of their indexes, page by page, so that at most one page of them is held
/// twice.
#[derive(Default)]
pub(crate) struct Builder {
    /// The entries of the page to come, side by side.
    bytes: Vec<u8>,
    /// (index, where the entry starts)
    starts: Vec<(u64, usize)>,
    pages: Vec<Leaf>,
}

impl Builder {
    /// Entries of at least this many bytes fill a page.
    const BATCH: usize = 4 * super::CHUNK_MAX;

    /// Adds an element; its index is above all others.
    pub(crate) fn push(&mut self, index: u64, element: &[u8]) {
        let enc = Enc::new(element);
        let at = self.bytes.len();
        self.starts.push((index, at));
        self.bytes.resize(at + enc.len(), 0);
        enc.put(&mut self.bytes[at..]);
        if self.bytes.len() >= Self::BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let ends = self.starts.iter().skip(1).map(|next| next.1);
        let ends = ends.chain([self.bytes.len()]);
        let entries = self.starts.iter().zip(ends);
        let entries = entries.map(|(&(index, start), end)| (index, &self.bytes[start..end], false));
        let mut entries = entries.peekable();
        while entries.peek().is_some() {
            self.pages.push(Page::fill(&mut entries));
        }
        drop(entries);
        self.bytes.clear();
        self.starts.clear();
    }

    /// The tree.
    pub(crate) fn build(mut self) -> Sparse {
        self.flush();
        Sparse(Tree::from_leaves(self.pages))
    }
}

/// Elements by index.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    leaves: Leaves<'a, Leaf>,
    page: Option<&'a Leaf>,
    at: usize,
    left: usize,
}

impl<'a> Iterator for Walk<'a> {
    type Item = (u64, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        loop {
            let page = self.page?;
            if self.at < page.len() {
                self.at += 1;
                return Some(read(page, self.at - 1));
            }
            self.page = self.leaves.next();
            self.at = 0;
        }
    }
}

/// Elements from the last to the first.
#[derive(Clone, Debug)]
pub(crate) struct WalkBack<'a> {
    leaves: Leaves<'a, Leaf>,
    page: Option<&'a Leaf>,
    /// One more than the index of the next entry.
    at: usize,
    left: usize,
}

impl<'a> Iterator for WalkBack<'a> {
    type Item = (u64, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        loop {
            if let Some(at) = self.at.checked_sub(1) {
                self.at = at;
                return Some(read(self.page?, at));
            }
            self.page = self.leaves.prev();
            self.at = self.page?.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::testing::Rng;
    use std::collections::BTreeMap;

    type Model = BTreeMap<u64, Vec<u8>>;

    fn assert_same(tree: &Sparse, model: &Model) {
        tree.check();
        assert_eq!(tree.len(), model.len());
        assert_eq!(
            tree.last_index(),
            model.last_key_value().map(|(index, _)| *index)
        );
        let all = tree
            .range(0..tree.len())
            .map(|(index, element)| (index, element.to_vec()));
        assert!(
            all.eq(model
                .iter()
                .map(|(index, element)| (*index, element.clone())))
        );
        let back = tree.range_rev(0..tree.len()).map(|(index, _)| index);
        assert!(back.eq(model.keys().rev().copied()));
    }

    #[test]
    fn elements_are_where_they_were_put_and_clones_never_change() {
        for seed in 0..if cfg!(debug_assertions) { 6 } else { 30 } {
            let mut rng = Rng::new(seed);
            let (mut tree, mut model) = (Sparse::default(), Model::new());
            let mut clones = Vec::new();
            let span = [30, 5_000, u64::MAX - 1][rng.below(3)];
            let index = |rng: &mut Rng| match rng.below(4) {
                0 => rng.below(50) as u64,
                _ => rng.next() % span,
            };
            for step in 0..6_000 {
                let at = index(&mut rng);
                match rng.below(40) {
                    0 => {
                        let to = tree.rank(at) + rng.below(20);
                        let (from, to) = (tree.rank(at), to.min(tree.len()));
                        let gone: Vec<u64> =
                            model.keys().skip(from).take(to - from).copied().collect();
                        tree.remove_range(from..to);
                        model.retain(|index, _| !gone.contains(index));
                    }
                    1..15 => assert_eq!(tree.remove(at), model.remove(&at).is_some()),
                    n => {
                        let len = [0, 1, 7, 30, 300, 5_000][rng.below(6)];
                        let text = match n {
                            16..24 => (rng.next() as i32 >> rng.below(32)).to_string().into(),
                            _ => vec![b'x'; len],
                        };
                        let was_new = model.insert(at, text.clone()).is_none();
                        assert_eq!(tree.set(at, &text), was_new);
                    }
                }
                let found = tree.get(at).map(|element| element.to_vec());
                assert_eq!(found, model.get(&at).cloned());
                assert_eq!(tree.rank(at), model.range(..at).count());
                if step % 1500 == 7 {
                    clones.push((tree.clone(), model.clone()));
                }
            }
            clones.push((tree, model));
            for (tree, model) in &clones {
                assert_same(tree, model);
                let mut builder = Builder::default();
                for (index, element) in model {
                    builder.push(*index, element);
                }
                assert_same(&builder.build(), model);
            }
        }
    }

    #[test]
    fn elements_side_by_side_fill_their_pages() {
        let mut tree = Sparse::default();
        for index in 0..100_000 {
            tree.set(index, format!("element:{index:06}").as_bytes());
        }
        // 8 index, 2 offset, 1 length, 14 bytes.
        let each = tree.heap() as f64 / 100_000.0;
        assert!(each < 27.0, "{each}");
    }
}
