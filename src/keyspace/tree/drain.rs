//! Iterates over the chunks of a tree and releases each one when it has been passed.
//!
//! A snapshot holds a clone of a tree for as long as it takes to write the tree. Chunks that the drain has passed are
//! no longer shared: a writer changes them in place instead of copying them, and chunks that were copied before they
//! were passed are freed at once, not at the end.
//!
//! Invariant: the drain holds no more than the chunk that it returned last, which the caller drops, and, for each level
//! of the tree, the children of one node that it has not passed.

use super::counted::{Leaf, Node, Tree};
use super::keyed::{Fields, Keyed, Members, encoded_field, encoded_member};
use super::page::Shape;
use crate::UnixMillis;
use std::sync::atomic::{AtomicU64, Ordering};

/// A tree that is being dropped.
pub(crate) struct Drain<'a, L: Leaf> {
    /// What has not been passed; the next is the last.
    left: Vec<Node<L>>,
    backward: bool,
    freed: &'a AtomicU64,
}

impl<L: Leaf> Tree<L> {
    /// The chunks from left to right; adds to `freed` the bytes of those that are not shared.
    pub(crate) fn drain(self, freed: &AtomicU64) -> Drain<'_, L> {
        Drain {
            left: vec![self.into_root()],
            backward: false,
            freed,
        }
    }

    /// As [`Tree::drain`], from right to left.
    pub(crate) fn drain_back(self, freed: &AtomicU64) -> Drain<'_, L> {
        Drain {
            backward: true,
            ..self.drain(freed)
        }
    }
}

impl<L: Leaf> Iterator for Drain<'_, L> {
    type Item = L;

    fn next(&mut self) -> Option<L> {
        loop {
            match self.left.pop()? {
                Node::Leaf(leaf) => {
                    if !leaf.is_shared() {
                        self.freed.fetch_add(leaf.heap() as u64, Ordering::Relaxed);
                    }
                    return Some(leaf);
                }
                Node::Inner(inner) => {
                    let from = self.left.len();
                    self.left.extend(super::counted::into_kids(inner));
                    if !self.backward {
                        self.left[from..].reverse();
                    }
                }
            }
        }
    }
}

impl<S: Shape<Key = u32, Sep = u32>> Keyed<S> {
    /// Drops the tree; adds to `freed` the bytes that are not shared.
    pub(crate) fn give_up(self, freed: &AtomicU64) {
        self.0.drain(freed).for_each(drop);
    }
}

impl Keyed<Members> {
    /// As [`Keyed::encoded`], releasing each page after its members.
    pub(crate) fn drain_encoded(self, freed: &AtomicU64, mut f: impl FnMut(&[u8])) {
        for page in self.0.drain(freed) {
            for i in 0..page.len() {
                let (entry, mark) = page.entry(i);
                f(encoded_member(entry, mark));
            }
        }
    }
}

impl Keyed<Fields> {
    /// As [`Keyed::encoded`], releasing each page after its fields.
    pub(crate) fn drain_encoded(
        self,
        freed: &AtomicU64,
        mut f: impl FnMut(&[u8], Option<UnixMillis>),
    ) {
        for page in self.0.drain(freed) {
            for i in 0..page.len() {
                let (entry, mark) = page.entry(i);
                let (strings, at) = encoded_field(entry, mark);
                f(strings, at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::chunk::Chunk;
    use crate::tree::left_to_clones;

    /// Enough for three levels.
    const CHUNKS: usize = 5_000;

    fn name(i: usize) -> Vec<u8> {
        format!("element {i:05}").into_bytes()
    }

    fn tree() -> Tree<Chunk> {
        Tree::from_leaves((0..CHUNKS).map(|i| Chunk::of_item(&name(i))).collect())
    }

    fn text(chunk: &Chunk) -> Vec<u8> {
        chunk.single().expect("one element").to_vec()
    }

    /// Takes the element of a chunk out and puts it back. Returns the bytes that were left to clones by doing so.
    fn change(tree: &mut Tree<Chunk>, i: usize) -> u64 {
        let (before, mut at) = (left_to_clones(), i as u64);
        tree.edit(
            |inner| inner.seek(&mut at),
            |chunk, _| {
                let element = chunk.bytes().to_vec();
                chunk.pop_back();
                chunk.push_back(&element, false);
            },
        );
        left_to_clones() - before
    }

    #[test]
    fn chunks_come_in_order_from_either_side_shared_or_not() {
        for shared in [false, true] {
            for backward in [false, true] {
                let tree = tree();
                let clone = shared.then(|| tree.clone());
                let all: usize = tree.all_leaves_heap();
                let freed = AtomicU64::new(0);
                let drain = match backward {
                    true => tree.drain_back(&freed),
                    false => tree.drain(&freed),
                };
                let mut seen: Vec<_> = drain.map(|chunk| text(&chunk)).collect();
                if backward {
                    seen.reverse();
                }
                assert!(seen.into_iter().eq((0..CHUNKS).map(name)));
                let own = if clone.is_some() { 0 } else { all };
                assert_eq!(freed.into_inner(), own as u64);
            }
        }
    }

    #[test]
    fn what_the_drain_has_passed_is_changed_in_place() {
        let mut tree = tree();
        let freed = AtomicU64::new(0);
        let mut drain = tree.clone().drain(&freed);
        assert!(change(&mut tree, 4_000) > 0, "shared with the clone");
        assert_eq!(change(&mut tree, 4_000), 0, "no longer");
        for i in 0..CHUNKS {
            let chunk = drain.next().expect("there are more");
            assert_eq!(text(&chunk), name(i));
            drop(chunk);
            if i % 500 == 250 {
                assert_eq!(change(&mut tree, i), 0, "{i} has been passed");
                assert_eq!(change(&mut tree, i / 2), 0, "so has what is before");
            }
            if i == 2_000 {
                assert!(change(&mut tree, 3_000) > 0, "3000 has not");
            }
        }
        assert!(drain.next().is_none());
        let copied = [3_000, 4_000].len() as u64;
        let each = Chunk::of_item(&name(0)).heap() as u64;
        assert_eq!(
            freed.into_inner(),
            copied * each,
            "only the old ones were its own"
        );
    }

    impl Tree<Chunk> {
        fn all_leaves_heap(&self) -> usize {
            let (mut leaves, mut sum) = (self.all_leaves(), 0);
            while let Some(leaf) = leaves.next() {
                sum += leaf.heap();
            }
            sum
        }
    }
}
