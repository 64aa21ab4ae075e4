//! Finding a key in a page, and prefetching what the search needs.
//!
//! A search begins at the place that interpolation between the first and the last key gives, which for hashes is only a
//! few entries off. A page that is not in the cache then costs three misses (head, directory, entry), while a binary
//! search of the directory alone would cost four.

use super::{HEAD, Key, Page, Shape};
use crate::node::prefetch;

/// Entries that a search looks at one by one before it begins to halve.
const NEAR: usize = 12;

impl<S: Shape> Page<S> {
    /// The first entry for which `before` does not hold; it holds for none after that.
    #[inline]
    pub(crate) fn partition_point(&self, mut before: impl FnMut(usize) -> bool) -> usize {
        let (mut low, mut len) = (0, self.len());
        while len > 0 {
            let half = len / 2;
            let right = before(low + half);
            low += if right { half + 1 } else { 0 };
            len = if right { len - half - 1 } else { half };
        }
        low
    }

    /// [`Page::partition_point`] of a predicate that says what is before `key`.
    #[inline]
    pub(crate) fn search(&self, key: S::Key, before: impl FnMut(usize) -> bool) -> usize {
        self.search_from(self.guess(key), before)
    }

    /// [`Page::partition_point`] of a predicate that most likely changes near entry `i`.
    #[inline]
    pub(crate) fn search_from(&self, mut i: usize, mut before: impl FnMut(usize) -> bool) -> usize {
        let n = self.len();
        if n <= NEAR {
            return self.partition_point(before);
        }
        if before(i) {
            let end = (i + NEAR).min(n);
            i += 1;
            while i < end && before(i) {
                i += 1;
            }
            if i == end && end < n {
                return self.halve(end, n, before);
            }
        } else {
            let end = i.saturating_sub(NEAR);
            while i > end && !before(i - 1) {
                i -= 1;
            }
            if i == end && end > 0 {
                return self.halve(0, end, before);
            }
        }
        i
    }

    /// Prefetches the head.
    #[inline]
    pub(crate) fn prefetch_head(&self) {
        prefetch(self.buf.as_ptr());
    }

    /// Prefetches the part of the directory that has entry `i`; this works best after the head was fetched.
    #[inline]
    pub(crate) fn prefetch_directory(&self, i: usize) {
        prefetch(self.buf[HEAD + i * self.stride()..].as_ptr());
    }

    /// Prefetches entry `i`, or the place where the next one will be written if it does not exist.
    #[inline]
    pub(crate) fn prefetch_entry(&self, i: Option<usize>) {
        let at = i.map_or(self.buf.len() - self.used(), |i| self.place(i).0);
        prefetch(self.buf[at.saturating_sub(1)..].as_ptr());
    }

    /// About where the first entry of a key is.
    #[inline]
    pub(crate) fn guess(&self, key: S::Key) -> usize {
        let n = self.len();
        if n == 0 {
            return 0;
        }
        let last = S::Key::load(&self.buf[24..]);
        key.between(self.key(0), last, n).min(n - 1)
    }

    /// The partition point, known to be in `low..=high`.
    fn halve(
        &self,
        mut low: usize,
        mut high: usize,
        mut before: impl FnMut(usize) -> bool,
    ) -> usize {
        while low < high {
            let middle = low.midpoint(high);
            if before(middle) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}
