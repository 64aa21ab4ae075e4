//! A sorted map for the parts of a stream's consumer groups.
//!
//! It holds pending entries by id, and consumers and groups by name, as chunks of pairs in the order of their keys.
//! A chunk that a clone shares is copied before it is written; its values are cheap to clone.

use super::ARC_HEAD;
use super::counted::{Inner, Leaf, Leaves, Tree};
use std::borrow::Borrow;
use std::fmt::Debug;
use std::sync::Arc;

/// What a map holds under its keys.
pub(crate) trait Held: Clone + Debug {
    /// Whether values own memory that counts.
    const NESTED: bool = false;

    /// Bytes that the value owns beyond itself.
    fn heap(&self) -> usize {
        0
    }
}

impl Held for () {}

/// A chunk: pairs in order. `None` when empty, so that an empty map allocates nothing.
#[derive(Clone, Debug)]
pub(crate) struct Run<K, V>(Option<Arc<Vec<(K, V)>>>);

impl<K, V> Default for Run<K, V> {
    fn default() -> Self {
        Run(None)
    }
}

/// Bytes of pairs in a full chunk.
const RUN_BYTES: usize = 4000;
/// Pairs in a full chunk of values that own memory: each change sums up all of it.
const NESTED_MAX: usize = 16;

impl<K: Ord + Clone + Debug, V: Held> Run<K, V> {
    const MAX: usize = if V::NESTED {
        NESTED_MAX
    } else {
        RUN_BYTES / size_of::<(K, V)>()
    };

    #[inline]
    fn pairs(&self) -> &[(K, V)] {
        self.0.as_ref().map_or(&[], |pairs| pairs.as_slice())
    }

    fn pairs_mut(&mut self) -> &mut Vec<(K, V)> {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.pairs()
            .binary_search_by(|(own, _)| own.borrow().cmp(key))
    }

    fn of(pairs: Vec<(K, V)>) -> Self {
        Run((!pairs.is_empty()).then(|| Arc::new(pairs)))
    }

    /// Inserts a new pair at `at`, and splits the chunk if it is full.
    fn insert(&mut self, at: usize, pair: (K, V)) -> Option<Self> {
        let pairs = self.pairs_mut();
        let len = pairs.len();
        if len < Self::MAX {
            if len == pairs.capacity() {
                pairs.reserve_exact((len / 4).max(2).min(Self::MAX - len));
            }
            pairs.insert(at, pair);
            return None;
        }
        // Keys that arrive in order, the usual case, fill chunks completely.
        if at == len {
            return Some(Run::of(vec![pair]));
        }
        let mut right = pairs.split_off(len / 2);
        match at.checked_sub(len / 2) {
            Some(at) if at > 0 => right.insert(at, pair),
            _ => pairs.insert(at, pair),
        }
        Some(Run::of(right))
    }
}

impl<K: Ord + Clone + Debug, V: Held> Leaf for Run<K, V> {
    type Sep = K;

    fn count(&self) -> usize {
        self.pairs().len()
    }

    fn heap(&self) -> usize {
        let Some(pairs) = &self.0 else { return 0 };
        let nested = match V::NESTED {
            true => pairs.iter().map(|(_, value)| value.heap()).sum(),
            false => 0,
        };
        ARC_HEAD + size_of::<Vec<(K, V)>>() + pairs.capacity() * size_of::<(K, V)>() + nested
    }

    fn is_shared(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|pairs| Arc::strong_count(pairs) > 1)
    }

    fn sep(&self) -> K {
        self.pairs()[0].0.clone()
    }

    fn is_small(&self) -> bool {
        self.pairs().len() < Self::MAX / 4
    }

    fn join(&self, right: &Self) -> Option<Self> {
        let both = self.pairs().len() + right.pairs().len();
        (both <= Self::MAX * 3 / 4).then(|| Run::of([self.pairs(), right.pairs()].concat()))
    }
}

/// A sorted map.
#[derive(Clone, Debug)]
pub(crate) struct Ordered<K: Ord + Clone + Debug, V: Held>(Tree<Run<K, V>>);

impl<K: Ord + Clone + Debug, V: Held> Default for Ordered<K, V> {
    fn default() -> Self {
        Ordered(Tree::default())
    }
}

fn to<K, V, Q>(key: &Q) -> impl Fn(&Inner<Run<K, V>>) -> usize
where
    K: Ord + Clone + Debug + Borrow<Q>,
    V: Held,
    Q: Ord + ?Sized,
{
    |inner| inner.route(|sep| sep.borrow() <= key)
}

impl<K: Ord + Clone + Debug, V: Held> Ordered<K, V> {
    /// A map of pairs that ascend strictly.
    pub(crate) fn from_sorted(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut pairs = pairs.into_iter();
        let mut runs = Vec::new();
        loop {
            let run: Vec<_> = pairs.by_ref().take(Run::<K, V>::MAX).collect();
            if run.is_empty() {
                return Ordered(Tree::from_leaves(runs));
            }
            runs.push(Run::of(run));
        }
    }

    /// Pairs.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes allocated, shared ones and those of the values included.
    pub(crate) fn heap(&self) -> usize {
        self.0.heap()
    }

    /// The value under a key.
    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        Some(self.get_pair(key)?.1)
    }

    /// The pair of a key.
    pub(crate) fn get_pair<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let run = self.0.leaf(to(key));
        let (key, value) = &run.pairs()[run.place(key).ok()?];
        Some((key, value))
    }

    /// Inserts a pair. Returns the value that it replaces.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let at = key.clone();
        self.0.edit(to(&at), |run, spill| match run.place(&key) {
            Ok(at) => Some(std::mem::replace(&mut run.pairs_mut()[at].1, value)),
            Err(at) => {
                spill.extend(run.insert(at, (key, value)));
                None
            }
        })
    }

    /// Changes the value under a key; `None` if there is no such key.
    pub(crate) fn edit<Q: Ord + ?Sized, R>(
        &mut self,
        key: &Q,
        change: impl FnOnce(&mut V) -> R,
    ) -> Option<R>
    where
        K: Borrow<Q>,
    {
        // Looking first keeps shared chunks shared when there is nothing to change.
        self.get(key)?;
        self.0.edit(to(key), |run, _| {
            let at = run.place(key).ok()?;
            Some(change(&mut run.pairs_mut()[at].1))
        })
    }

    /// Removes a pair.
    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.get(key)?;
        self.0.edit_down(to(key), |run, _| {
            let at = run.place(key).ok()?;
            let pairs = run.pairs_mut();
            let (_, value) = pairs.remove(at);
            if pairs.is_empty() {
                *run = Run::default();
            } else if pairs.len() * 2 < pairs.capacity() {
                pairs.shrink_to_fit();
            }
            Some(value)
        })
    }

    /// The first pair.
    pub(crate) fn first(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// The last pair.
    pub(crate) fn last(&self) -> Option<(&K, &V)> {
        let run = self.0.leaf(|inner| inner.route(|_| true));
        run.pairs().last().map(|(key, value)| (key, value))
    }

    /// All pairs in order.
    pub(crate) fn iter(&self) -> Iter<'_, K, V> {
        Iter {
            run: &[],
            leaves: self.0.all_leaves(),
        }
    }

    /// The pairs from `key` on.
    pub(crate) fn from<Q: Ord + ?Sized>(&self, key: &Q) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let mut leaves = self.0.leaves(to(key));
        let run = leaves.next().map_or(&[][..], |run| {
            let at = run.place(key).unwrap_or_else(|at| at);
            &run.pairs()[at..]
        });
        Iter { run, leaves }
    }

    #[cfg(test)]
    pub(crate) fn check(&self) {
        let mut last: Option<K> = None;
        self.0.check(&mut |run| {
            assert!(run.pairs().len() <= Run::<K, V>::MAX);
            for (key, _) in run.pairs() {
                assert!(last.as_ref().is_none_or(|last| last < key));
                last = Some(key.clone());
            }
        });
    }
}

/// Pairs in order.
#[derive(Clone, Debug)]
pub(crate) struct Iter<'a, K: Ord + Clone + Debug, V: Held> {
    run: &'a [(K, V)],
    leaves: Leaves<'a, Run<K, V>>,
}

impl<'a, K: Ord + Clone + Debug, V: Held> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<(&'a K, &'a V)> {
        loop {
            if let Some(((key, value), rest)) = self.run.split_first() {
                self.run = rest;
                return Some((key, value));
            }
            self.run = self.leaves.next()?.pairs();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::testing::Rng;
    use std::collections::BTreeMap;

    impl Held for u64 {}

    #[test]
    fn a_map_agrees_with_a_btreemap_and_its_clones_never_change() {
        for seed in 0..12 {
            let mut rng = Rng::new(seed);
            let (mut map, mut model) = (Ordered::<u64, u64>::default(), BTreeMap::new());
            let mut clones = Vec::new();
            let keys = [40, 3_000, 100_000][rng.below(3)];
            let grow = [45, 60, 90][rng.below(3)];
            for step in 0..4_000 {
                let key = match rng.below(4) {
                    0 => step,
                    _ => rng.below(keys) as u64,
                };
                match rng.below(100) {
                    n if n < grow => assert_eq!(map.insert(key, step), model.insert(key, step)),
                    n if n < 95 => assert_eq!(map.remove(&key), model.remove(&key)),
                    _ => {
                        let added = map.edit(&key, |value| *value += 1);
                        let wanted = model.get_mut(&key).map(|value| *value += 1);
                        assert_eq!(added, wanted);
                    }
                }
                assert_eq!((map.len(), map.get(&key)), (model.len(), model.get(&key)));
                assert!(map.from(&key).take(5).eq(model.range(key..).take(5)));
                if step % 700 == 9 {
                    clones.push((map.clone(), model.clone()));
                }
            }
            clones.push((Ordered::from_sorted(model.clone()), model.clone()));
            clones.push((map, model));
            for (map, model) in &clones {
                map.check();
                assert!(map.iter().eq(model.iter()));
                assert_eq!(map.first(), model.first_key_value());
                assert_eq!(map.last(), model.last_key_value());
            }
        }
    }
}
