//! Long strings by byte offset.

use super::counted::{Leaf, Spill, Tree};
use super::{ARC_HEAD, roomy, zeroed};
use base::large::{self, Stretch};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Bytes of a full piece. Larger than other chunks: a piece is copied and compared as a whole, and
/// has no elements to be moved.
pub(crate) const PIECE: usize = 16 * 1024 - ARC_HEAD;

/// Some bytes, followed by free room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Piece {
    buf: Buf,
    len: u32,
}

#[derive(Clone, Debug)]
enum Buf {
    Own(Arc<[u8]>),
    /// The bytes in the buffer in which they were received, which the first change copies.
    Received(Arc<Stretch>),
}

impl Default for Buf {
    fn default() -> Self {
        Buf::Own(Arc::default())
    }
}

impl Piece {
    fn own(bytes: &[u8]) -> Self {
        Piece {
            buf: Buf::Own(bytes.into()),
            len: bytes.len() as u32,
        }
    }

    fn received(stretch: Stretch) -> Self {
        Piece {
            len: stretch.len() as u32,
            buf: Buf::Received(Arc::new(stretch)),
        }
    }

    /// Adds bytes that fit, into a buffer of full size if there are more than a few.
    fn extend(&mut self, bytes: &[u8]) {
        let end = self.len as usize + bytes.len();
        let room = match &self.buf {
            Buf::Own(buf) => buf.len(),
            Buf::Received(_) => 0,
        };
        if end > room {
            let mut buf = zeroed(roomy(end + end / 8).min(PIECE));
            Arc::make_mut(&mut buf)[..self.len as usize].copy_from_slice(self.bytes());
            self.buf = Buf::Own(buf);
        }
        let at = self.len as usize;
        self.len = end as u32;
        self.bytes_mut()[at..].copy_from_slice(bytes);
    }

    /// The bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        let buf: &[u8] = match &self.buf {
            Buf::Own(buf) => buf,
            Buf::Received(stretch) => stretch,
        };
        &buf[..self.len as usize]
    }

    /// The bytes, to be changed: no longer those of a clone.
    fn bytes_mut(&mut self) -> &mut [u8] {
        if let Buf::Received(stretch) = &self.buf {
            self.buf = Buf::Own(Arc::from(&stretch[..]));
        }
        match &mut self.buf {
            Buf::Own(buf) => &mut Arc::make_mut(buf)[..self.len as usize],
            Buf::Received(_) => unreachable!("copied just now"),
        }
    }
}

impl Leaf for Piece {
    type Sep = ();

    fn count(&self) -> usize {
        self.len as usize
    }

    fn heap(&self) -> usize {
        match &self.buf {
            Buf::Own(buf) => buf.len() + ARC_HEAD,
            Buf::Received(stretch) => stretch.len() + size_of::<Stretch>() + ARC_HEAD,
        }
    }

    #[inline]
    fn is_shared(&self) -> bool {
        match &self.buf {
            Buf::Own(buf) => Arc::strong_count(buf) > 1,
            Buf::Received(stretch) => Arc::strong_count(stretch) > 1,
        }
    }

    fn sep(&self) {}

    fn is_small(&self) -> bool {
        false
    }

    fn join(&self, _right: &Self) -> Option<Self> {
        None
    }
}

/// A long string.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rope(Tree<Piece>);

impl Rope {
    /// The rope of these bytes.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        if let Some(stretches) = large::take(bytes) {
            let pieces = stretches.into_iter().map(Piece::received);
            return Rope(Tree::from_leaves(pieces.collect()));
        }
        super::note_work(bytes.len());
        let pieces = bytes.chunks(PIECE).map(Piece::own);
        Rope(Tree::from_leaves(pieces.collect()))
    }

    /// The rope of `len` bytes, of which `get` puts those of a range into a buffer; it is asked for a piece at a time.
    pub(crate) fn of_parts(len: usize, mut get: impl FnMut(Range<usize>, &mut Vec<u8>)) -> Self {
        super::note_work(len);
        let mut part = Vec::new();
        let pieces = (0..len).step_by(PIECE).map(|at| {
            get(at..len.min(at + PIECE), &mut part);
            Piece::own(&part)
        });
        Rope(Tree::from_leaves(pieces.collect()))
    }

    /// Bytes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes allocated.
    pub(crate) fn heap(&self) -> usize {
        self.0.heap()
    }

    /// Passes all bytes to `f`, and releases each piece afterwards.
    pub(crate) fn drain(self, freed: &AtomicU64, mut f: impl FnMut(&[u8])) {
        for piece in self.0.drain(freed) {
            f(piece.bytes());
        }
    }

    /// Adds bytes at the end.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        let mut stretches = match large::take(bytes) {
            Some(stretches) => stretches.into_iter(),
            None => return self.copy(bytes),
        };
        if self.len() == 0 {
            let pieces = stretches.map(Piece::received);
            self.0 = Tree::from_leaves(pieces.collect());
            return;
        }
        while !stretches.as_slice().is_empty() {
            let mut end = self.len() as u64;
            self.0.edit(
                |inner| inner.seek(&mut end),
                |_, spill| spill.extend(stretches.by_ref().take(8).map(Piece::received)),
            );
        }
    }

    fn copy(&mut self, bytes: &[u8]) {
        self.extend(bytes.len(), |range| &bytes[range]);
    }

    /// Adds zero bytes at the end.
    fn pad(&mut self, n: usize) {
        const ZEROS: [u8; PIECE] = [0; PIECE];
        self.extend(n, |range| &ZEROS[..range.len()]);
    }

    /// Adds `n` bytes, of which `get` gives at most a piece at a time.
    fn extend<'a>(&mut self, n: usize, get: impl Fn(Range<usize>) -> &'a [u8]) {
        let mut done = 0;
        while done < n {
            let mut end = self.len() as u64;
            done += self.0.edit(
                |inner| inner.seek(&mut end),
                |last, spill| {
                    let room = PIECE.saturating_sub(last.len as usize);
                    if room == 0 {
                        let more = (n - done).min(PIECE);
                        let mut piece = Piece::default();
                        piece.extend(get(done..done + more));
                        spill.push(piece);
                        return more;
                    }
                    let more = (n - done).min(room);
                    last.extend(get(done..done + more));
                    more
                },
            );
        }
    }

    /// Overwrites from `offset` on, padding with zero bytes.
    pub(crate) fn write_at(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if offset > self.len() {
            self.pad(offset - self.len());
        }
        let inside = bytes.len().min(self.len() - offset);
        let mut done = 0;
        while done < inside {
            let mut at = (offset + done) as u64;
            let local = std::cell::Cell::new(at as usize);
            done += self.0.edit(
                |inner| {
                    let i = inner.seek(&mut at);
                    local.set(at as usize);
                    i
                },
                |piece: &mut Piece, _: &mut Spill<Piece>| {
                    let from = local.get();
                    let n = (inside - done).min(piece.len as usize - from);
                    piece.bytes_mut()[from..from + n].copy_from_slice(&bytes[done..done + n]);
                    n
                },
            );
        }
        self.append(&bytes[inside..]);
    }

    /// The bytes of `range` (within the length), piece by piece.
    pub(crate) fn pieces(&self, range: Range<usize>) -> impl Iterator<Item = &[u8]> {
        let mut at = range.start as u64;
        let mut leaves = self.0.leaves(|inner| inner.seek(&mut at));
        let (mut at, mut left) = (at as usize, range.len());
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let bytes = &leaves.next()?.bytes()[at..];
            let bytes = &bytes[..bytes.len().min(left)];
            at = 0;
            left -= bytes.len();
            Some(bytes)
        })
    }
}
