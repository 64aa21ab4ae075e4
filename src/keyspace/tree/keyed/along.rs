//! Looks members of one tree up in another. Both are in the order of hashes, so each search continues where the
//! previous one ended, and no hash is computed.

use super::super::counted::Leaves;
use super::super::page::{Page, Shape};
use super::super::strings;
use super::Keyed;
use crate::Item;

/// A member of a tree, with its hash.
#[derive(Clone, Copy, Debug)]
pub struct Hashed<'a> {
    hash: u32,
    /// The member as it is encoded in entries. Members are equal if their encodings are.
    encoded: &'a [u8],
}

impl<'a> Hashed<'a> {
    /// The member.
    #[inline]
    pub fn item(&self) -> Item<'a> {
        strings::read(self.encoded).0
    }

    /// The hash by which the tree is ordered.
    pub(super) fn hash(&self) -> u32 {
        self.hash
    }

    /// Bytes of its encoding.
    pub(super) fn encoded_len(&self) -> usize {
        self.encoded.len()
    }
}

/// A position in a tree, from which members are looked up in the order of their hashes.
#[derive(Debug)]
pub(crate) struct Along<'a, S: Shape> {
    leaves: Leaves<'a, Page<S>>,
    page: Option<&'a Page<S>>,
    at: usize,
}

impl<S: Shape<Key = u32, Sep = u32>> Keyed<S> {
    /// All members in the order of their hashes, each with its entry.
    pub(crate) fn hashed(&self) -> impl Iterator<Item = (Hashed<'_>, &[u8])> {
        let mut leaves = self.0.all_leaves();
        let pages = std::iter::from_fn(move || leaves.next());
        pages.flat_map(|page| {
            let key = page.keys();
            (0..page.len()).map(move |i| {
                let (entry, _) = page.entry(i);
                let encoded = &entry[..strings::size(entry)];
                let hash = key(i);
                (Hashed { hash, encoded }, entry)
            })
        })
    }

    /// The position before the first member.
    pub(crate) fn along(&self) -> Along<'_, S> {
        let mut leaves = self.0.all_leaves();
        Along {
            page: leaves.next(),
            leaves,
            at: 0,
        }
    }
}

impl<'a, S: Shape<Key = u32, Sep = u32>> Along<'a, S> {
    /// The entry of a member, whose hash must not be less than those of earlier lookups.
    #[inline]
    pub(crate) fn find(&mut self, member: &Hashed<'_>) -> Option<&'a [u8]> {
        let hash = member.hash;
        loop {
            let page = self.page?;
            let (n, key) = (page.len(), page.keys());
            while self.at < n && key(self.at) < hash {
                self.at += 1;
            }
            if self.at < n {
                // Members with equal hashes are next to each other in one page.
                let equal = (self.at..n).take_while(|&i| key(i) == hash);
                let mut entries = equal.map(|i| page.entry(i).0);
                return entries.find(|entry| entry.starts_with(member.encoded));
            }
            (self.page, self.at) = (self.leaves.next(), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Members;
    use super::*;
    use base::testing::Rng;

    #[test]
    fn members_are_found_along_a_tree_as_one_by_one() {
        let mut rng = Rng::new(5);
        for (ours, theirs) in [
            (0, 10),
            (10, 0),
            (50, 50),
            (3000, 40),
            (40, 3000),
            (5000, 5000),
        ] {
            let mut trees = [Keyed::<Members>::default(), Keyed::default()];
            for (tree, n) in trees.iter_mut().zip([ours, theirs]) {
                for _ in 0..n {
                    // Numbers and strings, some of which are the beginning of others.
                    let member = match rng.below(3) {
                        0 => rng.below(3000).to_string(),
                        1 => format!("member:{}", rng.below(3000)),
                        _ => "m".repeat(rng.below(90)),
                    };
                    tree.add(member.as_bytes());
                }
            }
            let [ours, theirs] = trees;
            let mut along = theirs.along();
            let mut seen = 0;
            for (member, _) in ours.hashed() {
                let known = member.item().with(|member| theirs.contains(member));
                assert_eq!(along.find(&member).is_some(), known, "{member:?}");
                seen += 1;
            }
            assert_eq!(seen, ours.len());
        }
    }
}
