//! Finds members that occur twice.
//!
//! Members are identified by a keyed 64-bit hash. If there are few, the hashes are compared one by one; if there are
//! many, they are put into an open-addressing table. If two hashes are equal, the caller compares the bytes.

use crate::packed::listpack::Item;
use base::secret::HashKey;

/// Up to this number, comparing all hashes is faster than a table.
const FEW: usize = 32;
const FREE: u32 = u32::MAX;

/// The members of one value seen so far. Reusable.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    seed: u64,
    hashes: Vec<u64>,
    /// Indices into `hashes`; a power of two, at most half full.
    table: Vec<u32>,
}

impl Seen {
    /// `key` must not be known to the author of the input, who could make the table slow with it.
    pub(crate) fn new(key: HashKey) -> Self {
        Seen {
            seed: key.words()[0],
            hashes: Vec::new(),
            table: Vec::new(),
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.hashes.clear();
        self.table.clear();
    }

    /// Frees memory beyond that of `keep` members.
    pub(crate) fn shrink(&mut self, keep: usize) {
        self.clear();
        self.hashes.shrink_to(keep);
        self.table.shrink_to(4 * keep);
    }

    pub(crate) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Adds a member. Returns the index of an earlier one that may be the same.
    #[inline]
    pub(crate) fn insert(&mut self, item: &Item<'_>) -> Option<usize> {
        let hash = item.with(|bytes| hash(self.seed, bytes));
        self.insert_hash(hash)
    }

    #[inline]
    fn insert_hash(&mut self, hash: u64) -> Option<usize> {
        let index = self.hashes.len();
        if index >= FREE as usize {
            // Beyond four thousand million members: no index left to note them by.
            return None;
        }
        if index < FEW {
            let suspect = self.hashes.iter().position(|&h| h == hash);
            self.hashes.push(hash);
            return suspect;
        }
        // Half full, or the first time: make room.
        if 2 * (index + 1) > self.table.len() {
            self.grow();
        }
        self.hashes.push(hash);
        let mask = self.table.len() - 1;
        let mut slot = hash as usize & mask;
        let mut suspect = None;
        while self.table[slot] != FREE {
            let other = self.table[slot] as usize;
            if self.hashes[other] == hash {
                suspect = Some(other);
            }
            slot = (slot + 1) & mask;
        }
        self.table[slot] = index as u32;
        suspect
    }

    fn grow(&mut self) {
        let size = (4 * (self.hashes.len() + 1)).next_power_of_two();
        self.table.clear();
        self.table.resize(size, FREE);
        let mask = size - 1;
        for (index, &hash) in self.hashes.iter().enumerate() {
            let mut slot = hash as usize & mask;
            while self.table[slot] != FREE {
                slot = (slot + 1) & mask;
            }
            self.table[slot] = index as u32;
        }
    }
}

/// A keyed hash of `bytes`: folded 128-bit products, 16 bytes a step. Not for other uses than this table.
#[inline]
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    const A: u64 = 0xa076_1d64_78bd_642f;
    const B: u64 = 0xe703_7ed1_a0b4_28db;
    let fold = |x: u64, y: u64| {
        let product = u128::from(x) * u128::from(y);
        product as u64 ^ (product >> 64) as u64
    };
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let half = |at: usize| {
        u64::from(u32::from_le_bytes(
            bytes[at..at + 4].try_into().expect("four bytes"),
        ))
    };
    let n = bytes.len();
    let mut h = seed ^ fold(n as u64 ^ A, seed ^ B);
    let (x, y) = match n {
        0 => (0, 0),
        1..4 => (
            u64::from(bytes[0]) << 16 | u64::from(bytes[n / 2]) << 8 | u64::from(bytes[n - 1]),
            0,
        ),
        4..8 => (half(0), half(n - 4)),
        8..=16 => (word(0), word(n - 8)),
        _ => {
            let mut at = 0;
            while at + 16 < n {
                h = fold(word(at) ^ h ^ A, word(at + 8) ^ seed.rotate_left(32) ^ B);
                at += 16;
            }
            (word(n - 16), word(n - 8))
        }
    };
    fold(fold(x ^ h, y ^ seed ^ A), h ^ B)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::testing::Rng;

    #[test]
    fn the_first_repetition_is_suspected_and_nothing_else() {
        let mut rng = Rng::new(31);
        let mut seen = Seen::new(HashKey::fixed([12345, 0]));
        for n in [0usize, 1, 2, 31, 32, 33, 34, 64, 1000, 20_000] {
            seen.clear();
            let members: Vec<Vec<u8>> = (0..n)
                .map(|i| {
                    let len = rng.below(40);
                    [&rng.bytes(len)[..], &(i as u32).to_le_bytes()].concat()
                })
                .collect();
            for m in &members {
                assert_eq!(seen.insert(&Item::Bytes(m)), None);
            }
            assert_eq!(seen.len(), n);
            for _ in 0..n.min(50) {
                let i = rng.below(n);
                let mut again = seen.clone();
                assert_eq!(again.insert(&Item::Bytes(&members[i])), Some(i));
            }
        }
    }

    #[test]
    fn an_integer_and_its_text_are_the_same_member() {
        let mut seen = Seen::new(HashKey::fixed([1, 0]));
        assert_eq!(seen.insert(&Item::Int(-70)), None);
        assert_eq!(seen.insert(&Item::Bytes(b"-70")), Some(0));
    }
}
