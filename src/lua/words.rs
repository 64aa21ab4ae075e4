//! Several byte strings in one buffer, which scripts and the engine pass to each other. Large ones have pages of their
//! own.

use base::large::{self, LARGE_FROM, Large, Slice};

/// Byte strings, one behind the other.
#[derive(Clone, Debug, Default)]
pub struct Words {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Words that are not in `bytes`, by their number.
    larges: Vec<(usize, Slice)>,
}

impl Words {
    /// Copies of `words`; of large ones among the arguments of the request that runs, their pages.
    pub fn of<T: AsRef<[u8]>>(words: &[T]) -> Self {
        let mut all = Words::default();
        words.iter().for_each(|word| all.push(word.as_ref()));
        all
    }

    /// Holds `words` instead of what it held; see [`Words::of`].
    pub fn refill<T: AsRef<[u8]>>(&mut self, words: &[T]) {
        self.empty();
        words.iter().for_each(|word| self.push(word.as_ref()));
    }

    /// As [`Words::clear`], and gives back what a few large words took.
    pub fn empty(&mut self) {
        const KEPT_MAX: usize = 64 << 10;
        match self.bytes.capacity() + self.ends.capacity() > KEPT_MAX {
            true => *self = Words::default(),
            false => self.clear(),
        }
    }

    /// Adds one.
    pub fn push(&mut self, word: &[u8]) {
        match of_its_own(word) {
            Some(slice) => self.larges.push((self.ends.len(), slice)),
            None => self.bytes.extend_from_slice(word),
        }
        self.ends.push(self.bytes.len());
    }

    /// Takes all away.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.larges.clear();
    }

    /// Bytes of all of them.
    pub fn bytes(&self) -> usize {
        let larges = self.larges.iter().map(|(_, slice)| slice.len());
        self.bytes.len() + larges.sum::<usize>()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let ends = self.ends.iter().copied();
        let mut larges = self.larges.iter().peekable();
        starts.zip(ends).enumerate().map(move |(i, (from, to))| {
            match larges.next_if(|(at, _)| *at == i) {
                Some((_, slice)) => &slice[..],
                None => &self.bytes[from..to],
            }
        })
    }

    /// The pages of the large ones.
    pub fn larges(&self) -> Vec<Large> {
        let slices = self.larges.iter().map(|(_, slice)| slice);
        slices.map(Slice::large).collect()
    }
}

/// A large word in pages of its own, unless the system refuses them.
fn of_its_own(word: &[u8]) -> Option<Slice> {
    if word.len() < LARGE_FROM {
        return None;
    }
    large::find(word).or_else(|| Some(Large::copy_of(word).ok()?.into_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_in_their_order_wherever_they_are() {
        let long = vec![b'x'; LARGE_FROM];
        let words: [&[u8]; 5] = [b"a", &long, b"", &long, b"bc"];
        let mut all = Words::of(&words);
        assert!(all.iter().eq(words));
        assert_eq!((all.len(), all.bytes()), (5, 3 + 2 * LARGE_FROM));
        assert_eq!(all.larges().len(), 2);
        all.clear();
        all.push(b"d");
        assert!(all.iter().eq([b"d"]));
    }
}
