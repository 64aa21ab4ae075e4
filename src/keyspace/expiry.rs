//! Which segment has the key, or the hash field, that expires first.
//!
//! This is a binary heap of (earliest expiry, hash prefix), with one entry for each segment with volatile keys or
//! fields, and with stale entries: an entry only counts while the segment that serves its prefix still has the same
//! earliest expiry. Stale entries are removed a few at a time.
//!
//! Invariant: for each segment in which something expires, there is an entry with its `min_expire` and a hash that it
//! serves, and nothing in the segment expires earlier.

use super::UnixMillis;

/// The heap.
#[derive(Default)]
pub struct Expiry {
    heap: Vec<(UnixMillis, u64)>,
    /// The slot that the search for due entries in the first segment has reached; a hint.
    pub(super) searched_to: usize,
    /// Where weeding continues.
    weed_at: usize,
}

impl Expiry {
    /// Number of entries, stale ones included.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// The first entry.
    pub fn first(&self) -> Option<(UnixMillis, u64)> {
        self.heap.first().copied()
    }

    /// Some entry: `at` is taken modulo their number.
    pub fn get(&self, at: u64) -> Option<(UnixMillis, u64)> {
        let n = self.heap.len() as u64;
        (n > 0).then(|| self.heap[(at % n) as usize])
    }

    /// Adds an entry.
    pub fn push(&mut self, at: UnixMillis, prefix: u64) {
        self.heap.push((at, prefix));
        self.sift_up(self.heap.len() - 1);
    }

    /// Removes the first entry.
    pub fn pop(&mut self) {
        if !self.heap.is_empty() {
            self.remove(0);
        }
    }

    /// Removes some of the entries that are not `good`: call it when there are many more than segments.
    pub fn weed(&mut self, good: impl Fn(UnixMillis, u64) -> bool) {
        for _ in 0..4 {
            if self.heap.is_empty() {
                return;
            }
            self.weed_at = (self.weed_at + 1) % self.heap.len();
            let (at, prefix) = self.heap[self.weed_at];
            if !good(at, prefix) {
                self.remove(self.weed_at);
            }
        }
    }

    fn remove(&mut self, index: usize) {
        self.heap.swap_remove(index);
        if index < self.heap.len() {
            self.sift_down(index);
            self.sift_up(index);
        }
    }

    fn sift_up(&mut self, mut index: usize) {
        while index > 0 {
            let parent = (index - 1) / 2;
            if self.heap[parent].0 <= self.heap[index].0 {
                return;
            }
            self.heap.swap(parent, index);
            index = parent;
        }
    }

    fn sift_down(&mut self, mut index: usize) {
        loop {
            let children = 2 * index + 1..(2 * index + 3).min(self.heap.len());
            let Some(child) = children.min_by_key(|&child| self.heap[child].0) else {
                return;
            };
            if self.heap[index].0 <= self.heap[child].0 {
                return;
            }
            self.heap.swap(index, child);
            index = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_out_in_order_whatever_was_weeded() {
        let mut expiry = Expiry::default();
        let mut state = 1u64;
        for _ in 0..1000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            expiry.push((state >> 40) as i64, state >> 33 & 1);
        }
        for _ in 0..1000 {
            expiry.weed(|_, prefix| prefix == 0);
        }
        let mut last = i64::MIN;
        let mut seen = 0;
        while let Some((at, prefix)) = expiry.first() {
            assert!(at >= last && prefix == 0);
            last = at;
            seen += 1;
            expiry.pop();
        }
        assert!((400..600).contains(&seen), "{seen} of about 500 good ones");
    }
}
