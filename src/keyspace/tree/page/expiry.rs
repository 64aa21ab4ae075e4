//! The expiry of entries: their last eight bytes, if they are marked.

use super::super::counted::{Leaf, NEVER};
use super::{HEAD, Key, Page, Shape, i64_at, marks, set_marks, store_offset};
use std::sync::Arc;

impl<S: Shape> Page<S> {
    /// Gives entry `i`, which has an expiry, another one: its last eight bytes.
    pub(crate) fn set_expiry(&mut self, i: usize, expiry: i64) {
        let (from, min) = (self.place(i).0, self.min_expire());
        let end = from + self.whole_entry(i).len();
        let buf = Arc::make_mut(&mut self.buf);
        let was_earliest = i64_at(buf, end - 8) == min;
        buf[end - 8..end].copy_from_slice(&expiry.to_le_bytes());
        if expiry <= min {
            buf[16..24].copy_from_slice(&expiry.to_le_bytes());
        } else if was_earliest {
            self.find_min();
        }
    }

    /// Takes the expiry of entry `i` away, which stays where it is: its last eight bytes become garbage.
    pub(crate) fn drop_expiry(&mut self, i: usize) {
        let earliest = S::expiry(self.whole_entry(i)) == self.min_expire();
        let (offset, garbage) = (self.buf.len() - self.place(i).0, self.garbage() + 8);
        let stride = self.stride();
        let slot = HEAD + i * stride;
        let buf = Arc::make_mut(&mut self.buf);
        store_offset(&mut buf[slot + S::Key::SIZE..slot + stride], offset, false);
        buf[8..12].copy_from_slice(&(garbage as u32).to_le_bytes());
        set_marks(buf, marks(buf) - 1);
        if earliest {
            self.find_min();
        }
        self.tidy();
    }

    /// Looks for the earliest expiry, after one has gone.
    pub(super) fn find_min(&mut self) {
        let marked = (0..self.len()).filter(|&i| self.place(i).1);
        let min = marked
            .take(marks(&self.buf) as usize)
            .map(|i| S::expiry(self.whole_entry(i)))
            .min()
            .unwrap_or(NEVER);
        Arc::make_mut(&mut self.buf)[16..24].copy_from_slice(&min.to_le_bytes());
    }
}
