//! How many nodes a compressed radix tree of 16-byte keys has.
//!
//! Real servers keep a stream's nodes in such a tree, and XINFO STREAM shows its size. It follows from the keys: each
//! key ends in a leaf; there is a branch wherever keys diverge; and the bytes between two of these, however many, are
//! one chain.

use rdb::stream::StreamId;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Bytes of a key.
const KEY: usize = 16;

/// The number of nodes, of keys that ascend strictly. An empty tree has its root.
pub(super) fn nodes(keys: impl Iterator<Item = StreamId>) -> usize {
    // Where a path continues after the branch above it; 0 at the root.
    let after = |branch: Option<usize>| branch.map_or(0, |depth| depth + 1);
    let leaf = |above: Option<usize>| 1 + usize::from(KEY > after(above));
    let mut count = 0;
    let mut last: Option<[u8; KEY]> = None;
    // The deepest branch that the last key has in common with the one before it.
    let mut before = None;
    // Depths of the branches on the path to the last key.
    let mut path: Vec<usize> = Vec::new();
    for key in keys.map(StreamId::to_bytes) {
        if let Some(old) = last.replace(key) {
            let depth = old.iter().zip(&key).take_while(|(a, b)| a == b).count();
            count += leaf(before.max(Some(depth)));
            while let Some(done) = path.pop_if(|branch| *branch > depth) {
                let above = path.last().copied().max(Some(depth));
                count += 1 + usize::from(done > after(above));
            }
            if path.last() != Some(&depth) {
                path.push(depth);
            }
            before = Some(depth);
        }
    }
    match last {
        Some(_) => count += leaf(before),
        None => return 1,
    }
    while let Some(done) = path.pop() {
        count += 1 + usize::from(done > after(path.last().copied()));
    }
    count
}

/// The number of nodes of a stream and the size of their tree. They are kept until nodes are added or removed, because
/// monitoring reads them each second.
#[derive(Debug, Default)]
pub(super) struct Known(AtomicU64);

impl Clone for Known {
    fn clone(&self) -> Self {
        Known(AtomicU64::new(self.0.load(Relaxed)))
    }
}

impl Known {
    /// The number that is kept; if there is none, it is taken from the keys.
    pub(super) fn of(&self, keys: impl Iterator<Item = StreamId> + Clone) -> (usize, usize) {
        let mut both = self.0.load(Relaxed);
        if both == 0 {
            // A tree has at least a root, so this is not 0.
            both = (keys.clone().count() as u64) << 32 | nodes(keys) as u64 & 0xffff_ffff;
            self.0.store(both, Relaxed);
        }
        ((both >> 32) as usize, (both & 0xffff_ffff) as usize)
    }

    /// Nodes are added or removed.
    pub(super) fn forget(&mut self) {
        *self.0.get_mut() = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: `radix-tree-nodes` of redis-server 7.0.15 for one entry per node.
    #[test]
    fn the_size_of_the_tree_is_that_of_a_real_server() {
        for (ids, expected) in [
            (&[][..], 1),
            (&[(1, 1)], 2),
            (&[(1, 1), (1, 2)], 4),
            (&[(1, 1), (2, 1)], 6),
            (&[(1, 1), (1, 2), (2, 1), (256, 0), (256, 1)], 13),
        ] {
            let ids = ids.iter().map(|&(ms, seq)| StreamId { ms, seq });
            assert_eq!(
                nodes(ids.clone()),
                expected,
                "{:?}",
                ids.collect::<Vec<_>>()
            );
        }
    }
}
