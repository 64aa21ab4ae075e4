//! A B+ tree of chunks that counts elements and knows the earliest expiry below each node.
//!
//! The tree does not know what a chunk holds. An operation decides which way to go at each inner node and what to do
//! with the chunk that it reaches, and may return chunks to be inserted to the right of it.

use smallvec::SmallVec;
use std::fmt::Debug;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

/// Kids of a full inner node.
const FANOUT: usize = 64;

/// "No expiry" as a minimum.
pub(crate) const NEVER: i64 = i64::MAX;

/// A chunk of elements. Its clone shares the bytes.
pub(crate) trait Leaf: Clone + Debug + Default {
    /// Parts the keys of neighbouring chunks; `()` where elements have no keys.
    type Sep: Clone + Debug;

    /// Whether elements may have an expiry.
    const EXPIRES: bool = false;

    /// Elements.
    fn count(&self) -> usize;
    /// Bytes allocated.
    fn heap(&self) -> usize;
    /// A separator between this chunk and any chunk that may come before it. It is never requested for an empty chunk.
    fn sep(&self) -> Self::Sep;
    /// Whether a clone has the bytes too: a write would copy them.
    fn is_shared(&self) -> bool;
    /// Whether it is time to look for a neighbour to join.
    fn is_small(&self) -> bool;
    /// This chunk and its right neighbour in one, if that is worth it.
    fn join(&self, right: &Self) -> Option<Self>;
    /// The earliest expiry of an element.
    fn min_expire(&self) -> i64 {
        NEVER
    }
}

/// A tree of chunks.
#[derive(Clone, Debug)]
pub(crate) struct Tree<L: Leaf> {
    root: Node<L>,
}

#[derive(Clone, Debug)]
pub(crate) enum Node<L: Leaf> {
    Leaf(L),
    Inner(Arc<Inner<L>>),
}

/// An inner node. The vectors have one entry per kid; that of the minima is empty where elements have
/// no expiry.
#[derive(Clone, Debug)]
pub(crate) struct Inner<L: Leaf> {
    seps: Vec<L::Sep>,
    counts: Vec<u64>,
    mins: Vec<i64>,
    kids: Vec<Node<L>>,
    /// Sum of the counts.
    count: u64,
    /// The size of the children in bytes.
    heap: usize,
    /// Least of the minima.
    min: i64,
}

impl<L: Leaf> Default for Tree<L> {
    fn default() -> Self {
        Tree {
            root: Node::Leaf(L::default()),
        }
    }
}

impl<L: Leaf> Node<L> {
    #[inline]
    fn count(&self) -> u64 {
        match self {
            Node::Leaf(leaf) => leaf.count() as u64,
            Node::Inner(inner) => inner.count,
        }
    }

    #[inline]
    fn heap(&self) -> usize {
        match self {
            Node::Leaf(leaf) => leaf.heap(),
            Node::Inner(inner) => inner.heap + inner.own_heap(),
        }
    }

    #[inline]
    fn min(&self) -> i64 {
        match self {
            Node::Leaf(leaf) => leaf.min_expire(),
            Node::Inner(inner) => inner.min,
        }
    }

    fn is_small(&self) -> bool {
        match self {
            Node::Leaf(leaf) => leaf.is_small(),
            Node::Inner(inner) => inner.kids.len() < FANOUT / 4,
        }
    }
}

impl<L: Leaf> Inner<L> {
    fn new(kids: Vec<(L::Sep, Node<L>)>) -> Self {
        let n = kids.len();
        let mut inner = Inner {
            seps: Vec::with_capacity(n),
            counts: Vec::with_capacity(n),
            mins: Vec::with_capacity(n),
            kids: Vec::with_capacity(n),
            count: 0,
            heap: 0,
            min: NEVER,
        };
        for (sep, kid) in kids {
            inner.seps.push(sep);
            inner.counts.push(kid.count());
            if L::EXPIRES {
                inner.mins.push(kid.min());
            }
            inner.kids.push(kid);
        }
        inner.sum();
        inner
    }

    fn sum(&mut self) {
        self.count = self.counts.iter().sum();
        self.heap = self.kids.iter().map(Node::heap).sum();
        self.min = self.mins.iter().copied().min().unwrap_or(NEVER);
    }

    fn own_heap(&self) -> usize {
        let per_kid = size_of::<Node<L>>() + size_of::<L::Sep>() + if L::EXPIRES { 16 } else { 8 };
        super::ARC_HEAD + size_of::<Self>() + self.kids.len() * per_kid
    }

    /// The kid for a key: the last whose separator is not above it.
    #[inline]
    pub(crate) fn route(&self, not_above: impl Fn(&L::Sep) -> bool) -> usize {
        self.seps[1..].partition_point(not_above)
    }

    /// The kid that holds position `at`, which becomes a position within it. A position at the end
    /// belongs to the last kid.
    #[inline]
    pub(crate) fn seek(&self, at: &mut u64) -> usize {
        let last = self.counts.len() - 1;
        for (i, &count) in self.counts[..last].iter().enumerate() {
            if *at < count {
                return i;
            }
            *at -= count;
        }
        last
    }

    /// The number of elements of the children before child `i`.
    #[inline]
    fn before(&self, i: usize) -> u64 {
        self.counts[..i].iter().sum()
    }

    fn insert(&mut self, i: usize, sep: L::Sep, kid: Node<L>) {
        let (count, min) = (kid.count(), kid.min());
        self.count += count;
        self.heap += kid.heap();
        self.min = self.min.min(min);
        self.seps.insert(i, sep);
        self.counts.insert(i, count);
        if L::EXPIRES {
            self.mins.insert(i, min);
        }
        self.kids.insert(i, kid);
    }

    /// The kid with the earliest expiry.
    pub(crate) fn earliest(&self) -> usize {
        self.mins
            .iter()
            .position(|&min| min == self.min)
            .unwrap_or(0)
    }

    fn remove(&mut self, i: usize) -> Node<L> {
        self.seps.remove(i);
        self.count -= self.counts.remove(i);
        let kid = self.kids.remove(i);
        self.heap -= kid.heap();
        if L::EXPIRES && self.mins.remove(i) == self.min {
            self.min = self.mins.iter().copied().min().unwrap_or(NEVER);
        }
        kid
    }

    /// After a change of kid `i`, which had `heap` bytes before.
    #[inline]
    fn refresh(&mut self, i: usize, heap: usize) {
        let kid = &self.kids[i];
        let count = kid.count();
        self.heap = self.heap + kid.heap() - heap;
        self.count = self.count + count - self.counts[i];
        self.counts[i] = count;
        if !L::EXPIRES {
            return;
        }
        let min = kid.min();
        let old = mem::replace(&mut self.mins[i], min);
        if min < self.min {
            self.min = min;
        } else if old == self.min && min != old {
            self.min = self.mins.iter().copied().min().unwrap_or(NEVER);
        }
    }

    /// Moves the upper half to a new node.
    fn split(&mut self) -> (L::Sep, Node<L>) {
        let half = self.kids.len() / 2;
        let mut right = Inner {
            seps: self.seps.split_off(half),
            counts: self.counts.split_off(half),
            mins: if L::EXPIRES {
                self.mins.split_off(half)
            } else {
                Vec::new()
            },
            kids: self.kids.split_off(half),
            count: 0,
            heap: 0,
            min: NEVER,
        };
        self.sum();
        right.sum();
        (right.seps[0].clone(), Node::Inner(Arc::new(right)))
    }

    /// Joins kid `i` with a neighbour, if one of them is small and both fit in one.
    fn join_around(&mut self, i: usize) {
        if self.counts[i] == 0 {
            self.remove(i);
            return;
        }
        if !self.kids[i].is_small() {
            return;
        }
        for left in [i, i.wrapping_sub(1)] {
            if left < self.kids.len() && left + 1 < self.kids.len() && self.join(left) {
                return;
            }
        }
    }

    fn join(&mut self, left: usize) -> bool {
        let joined = match (&self.kids[left], &self.kids[left + 1]) {
            (Node::Leaf(a), Node::Leaf(b)) => a.join(b).map(Node::Leaf),
            (Node::Inner(a), Node::Inner(b)) if a.kids.len() + b.kids.len() <= FANOUT * 3 / 4 => {
                let mut both = Inner::clone(a);
                both.seps.extend(b.seps.iter().cloned());
                // The right node's own first separator means nothing; the parent's does.
                both.seps[a.kids.len()] = self.seps[left + 1].clone();
                both.counts.extend(&b.counts);
                both.mins.extend(&b.mins);
                both.kids.extend(b.kids.iter().cloned());
                both.sum();
                Some(Node::Inner(Arc::new(both)))
            }
            _ => None,
        };
        let Some(joined) = joined else { return false };
        let sep = self.seps[left].clone();
        self.remove(left + 1);
        self.remove(left);
        self.insert(left, sep, joined);
        true
    }
}

/// Chunks to be inserted right of the one that an operation changed, in order.
pub(crate) type Spill<L> = SmallVec<[L; 1]>;

/// Nodes on their way to the parent.
type News<L> = SmallVec<[(<L as Leaf>::Sep, Node<L>); 1]>;

impl<L: Leaf> Tree<L> {
    /// A tree of these chunks, none of them empty.
    pub(crate) fn from_leaves(leaves: Vec<L>) -> Self {
        let mut level: Vec<(L::Sep, Node<L>)> = leaves
            .into_iter()
            .map(|leaf| (leaf.sep(), Node::Leaf(leaf)))
            .collect();
        while level.len() > 1 {
            let groups = level.len().div_ceil(FANOUT);
            let each = level.len().div_ceil(groups);
            let mut above = Vec::with_capacity(groups);
            let mut kids = level.into_iter();
            loop {
                let group: Vec<_> = kids.by_ref().take(each).collect();
                let Some((sep, _)) = group.first() else { break };
                above.push((sep.clone(), Node::Inner(Arc::new(Inner::new(group)))));
            }
            level = above;
        }
        match level.pop() {
            Some((_, root)) => Tree { root },
            None => Tree::default(),
        }
    }

    /// The root, for who takes the tree apart.
    pub(super) fn into_root(self) -> Node<L> {
        self.root
    }

    /// Elements.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.root.count() as usize
    }

    /// Bytes allocated, shared ones included.
    pub(crate) fn heap(&self) -> usize {
        self.root.heap()
    }

    /// The earliest expiry.
    #[inline]
    pub(crate) fn min_expire(&self) -> i64 {
        self.root.min()
    }

    /// The chunk to which `route` leads, which is asked at each inner node.
    #[inline]
    pub(crate) fn leaf(&self, mut route: impl FnMut(&Inner<L>) -> usize) -> &L {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(leaf) => return leaf,
                Node::Inner(inner) => node = &inner.kids[route(inner)],
            }
        }
    }

    /// The chunk to which `route` leads, and the position of its first element.
    #[inline]
    pub(crate) fn leaf_at(&self, mut route: impl FnMut(&Inner<L>) -> usize) -> (&L, usize) {
        let mut before = 0;
        let leaf = self.leaf(|inner| {
            let i = route(inner);
            before += inner.before(i);
            i
        });
        (leaf, before as usize)
    }

    /// The chunk that holds position `at`, and the position within it.
    #[inline]
    pub(crate) fn seek(&self, at: usize) -> (&L, usize) {
        let mut at = at as u64;
        let leaf = self.leaf(|inner| inner.seek(&mut at));
        (leaf, at as usize)
    }

    /// Changes the chunk to which `route` leads: only what is shared on the way is copied. `op` may return chunks to
    /// be inserted right of it.
    #[inline]
    pub(crate) fn edit<R>(
        &mut self,
        route: impl FnMut(&Inner<L>) -> usize,
        op: impl FnOnce(&mut L, &mut Spill<L>) -> R,
    ) -> R {
        let mut news = News::<L>::new();
        let mut route = route;
        let result = edit(&mut self.root, &mut route, op, false, &mut news);
        if !news.is_empty() {
            self.grow(news);
        }
        result
    }

    /// As [`Tree::edit`], for what removes elements: chunks that became small are joined with
    /// neighbours, empty ones go.
    #[inline]
    pub(crate) fn edit_down<R>(
        &mut self,
        route: impl FnMut(&Inner<L>) -> usize,
        op: impl FnOnce(&mut L, &mut Spill<L>) -> R,
    ) -> R {
        let mut news = News::<L>::new();
        let mut route = route;
        let result = edit(&mut self.root, &mut route, op, true, &mut news);
        if !news.is_empty() {
            self.grow(news);
        }
        self.collapse();
        result
    }

    fn grow(&mut self, news: News<L>) {
        let old = mem::replace(&mut self.root, Node::Leaf(L::default()));
        // The first separator means nothing: any will do.
        let mut kids = vec![(news[0].0.clone(), old)];
        kids.extend(news);
        self.root = Node::Inner(Arc::new(Inner::new(kids)));
    }

    /// Takes away roots of a single kid, or of none.
    fn collapse(&mut self) {
        while let Node::Inner(inner) = &self.root {
            match inner.kids.len() {
                0 => self.root = Node::Leaf(L::default()),
                1 => self.root = inner.kids[0].clone(),
                _ => break,
            }
        }
    }

    /// Removes the positions of `range`: whole subtrees at once, and with `cut` what lies in part of
    /// a chunk.
    pub(crate) fn remove_range(
        &mut self,
        range: Range<usize>,
        mut cut: impl FnMut(&mut L, Range<usize>),
    ) {
        if range.is_empty() {
            return;
        }
        let (leaf, at) = self.seek(range.start);
        if range.len() < leaf.count() && at + range.len() <= leaf.count() {
            // Nearly all small ranges are part of one chunk, which is found quickly.
            let mut start = range.start as u64;
            self.edit_down(
                |inner| inner.seek(&mut start),
                |leaf, _| cut(leaf, at..at + range.len()),
            );
        } else {
            remove_range(
                &mut self.root,
                range.start as u64..range.end as u64,
                &mut cut,
            );
            self.collapse();
        }
        if self.len() == 0 {
            *self = Tree::default();
        }
    }

    /// The chunks from the one to which `route` leads on.
    pub(crate) fn leaves(&self, mut route: impl FnMut(&Inner<L>) -> usize) -> Leaves<'_, L> {
        let mut above = SmallVec::new();
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(leaf) => {
                    return Leaves {
                        above,
                        at: Some(leaf),
                    };
                }
                Node::Inner(inner) => {
                    let i = route(inner);
                    above.push((&**inner, i));
                    node = &inner.kids[i];
                }
            }
        }
    }

    /// All chunks.
    pub(crate) fn all_leaves(&self) -> Leaves<'_, L> {
        self.leaves(|_| 0)
    }

    /// Checks what the head of the module says about inner nodes.
    #[cfg(test)]
    pub(crate) fn check(&self, leaf: &mut dyn FnMut(&L)) {
        fn walk<L: Leaf>(node: &Node<L>, root: bool, leaf: &mut dyn FnMut(&L)) -> usize {
            match node {
                Node::Leaf(l) => {
                    assert!(root || l.count() > 0);
                    leaf(l);
                    0
                }
                Node::Inner(inner) => {
                    let n = inner.kids.len();
                    assert!((1..=FANOUT).contains(&n) && (!root || n > 1));
                    assert_eq!((inner.seps.len(), inner.counts.len()), (n, n));
                    assert_eq!(inner.mins.len(), if L::EXPIRES { n } else { 0 });
                    let depths: Vec<usize> = inner
                        .kids
                        .iter()
                        .map(|kid| walk(kid, false, leaf))
                        .collect();
                    assert!(depths.windows(2).all(|w| w[0] == w[1]));
                    assert!(
                        inner
                            .kids
                            .iter()
                            .map(Node::count)
                            .eq(inner.counts.iter().copied())
                    );
                    let mins: Vec<i64> = inner.kids.iter().map(Node::min).collect();
                    assert!(!L::EXPIRES || inner.mins == mins);
                    assert_eq!(inner.count, inner.counts.iter().sum::<u64>());
                    assert_eq!(inner.heap, inner.kids.iter().map(Node::heap).sum::<usize>());
                    assert_eq!(Some(inner.min), mins.into_iter().min());
                    depths[0] + 1
                }
            }
        }
        walk(&self.root, true, leaf);
    }
}

/// The children of a node that is dropped.
pub(super) fn into_kids<L: Leaf>(inner: Arc<Inner<L>>) -> Vec<Node<L>> {
    match Arc::try_unwrap(inner) {
        Ok(inner) => inner.kids,
        Err(shared) => shared.kids.clone(),
    }
}

fn edit<L: Leaf, R>(
    node: &mut Node<L>,
    route: &mut impl FnMut(&Inner<L>) -> usize,
    op: impl FnOnce(&mut L, &mut Spill<L>) -> R,
    down: bool,
    news: &mut News<L>,
) -> R {
    let inner = match node {
        Node::Leaf(leaf) => {
            super::note_work(super::CHUNK_MAX);
            if leaf.is_shared() {
                super::note_left(leaf.heap());
            }
            let mut spill = Spill::<L>::new();
            let result = op(leaf, &mut spill);
            if !spill.is_empty() {
                news.extend(spill.into_iter().map(|leaf| (leaf.sep(), Node::Leaf(leaf))));
            }
            return result;
        }
        Node::Inner(inner) => Arc::make_mut(inner),
    };
    let i = route(inner);
    let heap = inner.kids[i].heap();
    let result = edit(&mut inner.kids[i], route, op, down, news);
    inner.refresh(i, heap);
    if !news.is_empty() {
        for (k, (sep, kid)) in news.drain(..).enumerate() {
            inner.insert(i + 1 + k, sep, kid);
        }
        if inner.kids.len() > FANOUT {
            news.push(inner.split());
        }
    }
    if down {
        inner.join_around(i);
    }
    result
}

fn remove_range<L: Leaf>(
    node: &mut Node<L>,
    range: Range<u64>,
    cut: &mut impl FnMut(&mut L, Range<usize>),
) {
    let inner = match node {
        Node::Leaf(leaf) => {
            super::note_work(super::CHUNK_MAX);
            return cut(leaf, range.start as usize..range.end as usize);
        }
        Node::Inner(inner) => Arc::make_mut(inner),
    };
    // From the last kid down, so that earlier indexes and positions do not change.
    let mut end = inner.count;
    let mut touched = 0;
    for i in (0..inner.kids.len()).rev() {
        let start = end - inner.counts[i];
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from == start && to == end {
            drop(inner.remove(i));
            touched = i;
        } else if from < to {
            let heap = inner.kids[i].heap();
            remove_range(&mut inner.kids[i], from - start..to - start, cut);
            inner.refresh(i, heap);
            touched = i;
        }
        end = start;
    }
    for i in [touched + 1, touched] {
        if i < inner.kids.len() {
            inner.join_around(i);
        }
    }
}

/// A walk over chunks, forward with [`Leaves::next`], backward with [`Leaves::prev`].
#[derive(Clone, Debug)]
pub(crate) struct Leaves<'a, L: Leaf> {
    above: SmallVec<[(&'a Inner<L>, usize); 5]>,
    at: Option<&'a L>,
}

impl<'a, L: Leaf> Leaves<'a, L> {
    /// A walk that is over.
    pub(crate) fn ended() -> Self {
        Leaves {
            above: SmallVec::new(),
            at: None,
        }
    }

    /// The chunk at the position of the walk, which then moves one step to the right.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<&'a L> {
        let leaf = self.at?;
        super::note_work(super::CHUNK_MAX);
        self.at = self.step(|i, n| (i + 1 < n).then_some(i + 1), |_| 0);
        Some(leaf)
    }

    /// The chunk at the position of the walk, which then moves one step to the left.
    #[inline]
    pub(crate) fn prev(&mut self) -> Option<&'a L> {
        let leaf = self.at?;
        super::note_work(super::CHUNK_MAX);
        self.at = self.step(|i, _| i.checked_sub(1), |n| n - 1);
        Some(leaf)
    }

    fn step(
        &mut self,
        aside: impl Fn(usize, usize) -> Option<usize>,
        down: impl Fn(usize) -> usize,
    ) -> Option<&'a L> {
        loop {
            let (inner, i) = self.above.pop()?;
            let Some(i) = aside(i, inner.kids.len()) else {
                continue;
            };
            self.above.push((inner, i));
            let mut node = &inner.kids[i];
            loop {
                match node {
                    Node::Leaf(leaf) => return Some(leaf),
                    Node::Inner(inner) => {
                        let i = down(inner.kids.len());
                        self.above.push((inner, i));
                        node = &inner.kids[i];
                    }
                }
            }
        }
    }
}
