//! Removing several entries at once.

use super::{HEAD, Page, Shape, marks, set_marks};
use std::ops::Range;
use std::sync::Arc;

impl<S: Shape> Page<S> {
    /// Removes the entries of `range`.
    pub(crate) fn remove_slice(&mut self, range: Range<usize>) {
        let (n, stride) = (self.len(), self.stride());
        let gone: usize = range.clone().map(|i| self.whole_entry(i).len()).sum();
        let garbage = self.garbage() + gone;
        let unmarked = self.marked_of(range.clone());
        let buf = Arc::make_mut(&mut self.buf);
        buf.copy_within(
            HEAD + range.end * stride..HEAD + n * stride,
            HEAD + range.start * stride,
        );
        buf[..4].copy_from_slice(&((n - range.len()) as u32).to_le_bytes());
        buf[8..12].copy_from_slice(&(garbage as u32).to_le_bytes());
        if unmarked > 0 {
            set_marks(buf, marks(buf) - unmarked);
            self.find_min();
        }
        self.tidy();
    }

    /// How many of these entries are marked.
    fn marked_of(&self, entries: impl Iterator<Item = usize>) -> u32 {
        match S::EXPIRES {
            true => entries.filter(|&i| self.place(i).1).count() as u32,
            false => 0,
        }
    }

    /// Removes these entries, in ascending order.
    pub(crate) fn remove_each(&mut self, gone: &[usize]) {
        let (n, stride) = (self.len(), self.stride());
        let bytes: usize = gone.iter().map(|&i| self.whole_entry(i).len()).sum();
        let garbage = self.garbage() + bytes;
        let unmarked = self.marked_of(gone.iter().copied());
        let buf = Arc::make_mut(&mut self.buf);
        let mut to = HEAD;
        let ends = gone.iter().skip(1).copied().chain([n]);
        for (k, (&i, end)) in gone.iter().zip(ends).enumerate() {
            // What stays between two that go.
            let from = HEAD + (i + 1) * stride..HEAD + end * stride;
            let len = from.len();
            if k == 0 {
                to += i * stride;
            }
            buf.copy_within(from, to);
            to += len;
        }
        buf[..4].copy_from_slice(&((n - gone.len()) as u32).to_le_bytes());
        buf[8..12].copy_from_slice(&(garbage as u32).to_le_bytes());
        if unmarked > 0 {
            set_marks(buf, marks(buf) - unmarked);
            self.find_min();
        }
        self.tidy();
    }
}
