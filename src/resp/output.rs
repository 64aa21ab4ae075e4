//! Bytes on their way to a client: a buffer being filled, and the complete pieces before it.
//!
//! ```text
//! pieces (oldest first)                      buffer
//! [ bytes ][ a value's own bytes ][ bytes ]  [ written, room ]
//! ```
//!
//! A buffer that has grown to [`PIECE`] is set aside and another begun, so that a large reply is never
//! copied to make room. A large value can be referred to instead of being copied. Positions count from the
//! oldest byte: they stay valid as the output grows, and what was written may still be preceded by a header.
//!
//! The output has a limit. A write that would pass it is dropped, and so is every later one, until the output is cut
//! back: the owner of the client sees [`Output::is_overrun`] and closes it.
//!
//! Scripts and the link to a primary read what was written as one slice; they use an output that is not
//! [divided](Output::divide).

/// Bytes from which on a buffer is set aside.
pub const PIECE: usize = 256 * 1024;
/// A buffer shorter than this is copied to be set aside: the larger one is used again.
const COPIED: usize = 4096;

/// Bytes of a value that stay where they are until they are sent.
pub trait Shared: std::fmt::Debug + Send {
    /// Number of bytes.
    fn len(&self) -> usize;

    /// True without bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The contiguous bytes at `offset`: at least one, if it is below the length.
    fn from(&self, offset: usize) -> &[u8];
}

/// A complete part of the output.
#[derive(Debug)]
pub enum Piece {
    /// Bytes that the piece owns.
    Own(Vec<u8>),
    /// Bytes of a value.
    Shared(Box<dyn Shared>),
}

impl Piece {
    /// Number of bytes.
    pub fn len(&self) -> usize {
        match self {
            Piece::Own(bytes) => bytes.len(),
            Piece::Shared(shared) => shared.len(),
        }
    }

    /// True without bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The contiguous bytes at `offset`.
    pub fn from(&self, offset: usize) -> &[u8] {
        match self {
            Piece::Own(bytes) => &bytes[offset..],
            Piece::Shared(shared) => shared.from(offset),
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Output {
    buf: Vec<u8>,
    pieces: Vec<Piece>,
    /// Bytes of `pieces`.
    before: usize,
    /// Those of them that belong to values.
    shared: usize,
    /// Bytes that may be held at most.
    limit: usize,
    divided: bool,
    overrun: bool,
}

impl Default for Output {
    fn default() -> Self {
        Output {
            buf: Vec::new(),
            pieces: Vec::new(),
            before: 0,
            shared: 0,
            limit: usize::MAX,
            divided: false,
            overrun: false,
        }
    }
}

impl Output {
    /// From now on the output is made of pieces: only [`Output::take_pieces`] gets it whole.
    pub fn divide(&mut self) {
        self.divided = true;
    }

    /// From now on the output is one slice again. There must be nothing in it.
    pub fn unite(&mut self) {
        debug_assert!(self.is_empty());
        self.divided = false;
    }

    /// True if a value may be referred to.
    pub fn is_divided(&self) -> bool {
        self.divided
    }

    /// Sets how many bytes may be held at most.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Bytes that may still be written.
    pub fn left(&self) -> usize {
        self.limit.saturating_sub(self.len())
    }

    /// True once a write was dropped because of the limit.
    pub fn is_overrun(&self) -> bool {
        self.overrun
    }

    /// Drops every write from now on, as if the limit had been passed.
    pub fn overrun(&mut self) {
        self.overrun = true;
        // Without room in the buffer each write asks for some, and is refused.
        self.set_aside(0);
        self.buf = Vec::new();
    }

    /// Bytes held; the position of the next byte.
    #[inline]
    pub fn len(&self) -> usize {
        self.before + self.buf.len()
    }

    /// Bytes that were written here, not referred to.
    #[inline]
    pub fn own_len(&self) -> usize {
        self.len() - self.shared
    }

    /// True without bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory held.
    pub fn memory(&self) -> usize {
        self.before + self.buf.capacity()
    }

    /// Makes room for `n` bytes; false if they must not be written.
    #[inline]
    pub fn room(&mut self, n: usize) -> bool {
        self.buf.capacity() - self.buf.len() >= n || self.make_room(n)
    }

    #[cold]
    fn make_room(&mut self, n: usize) -> bool {
        if self.overrun || n > self.left() {
            self.overrun();
            return false;
        }
        if self.divided && self.buf.len() >= PIECE {
            self.set_aside(n.max(self.left().min(PIECE + PIECE / 4)));
        }
        let room = self.left();
        if room <= self.buf.capacity() {
            // Growing as usual would leave room beyond the limit.
            self.buf.reserve_exact(room.max(n));
        } else {
            self.buf.reserve(n);
        }
        true
    }

    /// Makes a piece of the buffer and begins another with room for `room` bytes.
    fn set_aside(&mut self, room: usize) {
        if self.buf.is_empty() {
            return;
        }
        self.before += self.buf.len();
        let piece = if self.buf.len() < COPIED && room == 0 {
            let copy = self.buf.as_slice().to_vec();
            self.buf.clear();
            copy
        } else {
            std::mem::replace(&mut self.buf, Vec::with_capacity(room))
        };
        self.pieces.push(Piece::Own(piece));
    }

    /// Writes bytes.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        if self.room(bytes.len()) {
            self.buf.extend_from_slice(bytes);
        }
    }

    /// Writes bytes that are made one by one.
    pub fn put_each(&mut self, bytes: impl ExactSizeIterator<Item = u8>) {
        if self.room(bytes.len()) {
            self.buf.extend(bytes);
        }
    }

    /// Writes a value's bytes by reference. The output must be [divided](Output::divide).
    pub fn put_shared(&mut self, shared: Box<dyn Shared>) {
        debug_assert!(self.divided);
        let n = shared.len();
        if self.overrun || n > self.left() {
            return self.overrun();
        }
        if n > 0 {
            self.set_aside(0);
            self.before += n;
            self.shared += n;
            self.pieces.push(Piece::Shared(shared));
        }
    }

    /// Writes bytes that the caller gives up: a long buffer becomes a piece without being copied.
    pub fn put_own(&mut self, bytes: Vec<u8>) {
        let n = bytes.len();
        if !self.divided || n < PIECE {
            return self.put(&bytes);
        }
        if self.overrun || n > self.left() {
            return self.overrun();
        }
        self.set_aside(0);
        self.before += n;
        self.pieces.push(Piece::Own(bytes));
    }

    /// Writes bytes before what was written since `mark`, a former length.
    pub fn insert(&mut self, mark: usize, bytes: &[u8]) {
        if !self.room(bytes.len()) {
            return;
        }
        if let Some(at) = mark.checked_sub(self.before) {
            self.buf.extend_from_slice(bytes);
            return self.buf[at..].rotate_right(bytes.len());
        }
        let mut start = self.before;
        for (i, piece) in self.pieces.iter_mut().enumerate().rev() {
            start -= piece.len();
            if start > mark {
                continue;
            }
            match piece {
                Piece::Own(own) => {
                    drop(own.splice(mark - start..mark - start, bytes.iter().copied()))
                }
                // A mark is the beginning of a reply, and no reply begins within a value.
                Piece::Shared(_) => self.pieces.insert(i, Piece::Own(bytes.to_vec())),
            }
            break;
        }
        self.before += bytes.len();
    }

    /// Forgets what was written since `mark`, and that a write was dropped since.
    pub fn truncate(&mut self, mark: usize) {
        self.overrun = false;
        if let Some(at) = mark.checked_sub(self.before) {
            return self.buf.truncate(at);
        }
        self.buf.clear();
        while self.before > mark
            && let Some(piece) = self.pieces.pop()
        {
            self.before -= piece.len();
            if let Piece::Shared(shared) = &piece {
                self.shared -= shared.len();
            }
            if let (Some(kept @ 1..), Piece::Own(mut own)) = (mark.checked_sub(self.before), piece)
            {
                own.truncate(kept);
                self.buf = own;
            }
        }
    }

    /// Forgets all.
    #[inline]
    pub fn clear(&mut self) {
        self.overrun = false;
        self.buf.clear();
        if self.before > 0 {
            self.pieces.clear();
            (self.before, self.shared) = (0, 0);
        }
    }

    /// What was written.
    ///
    /// # Panics
    /// Of an output that is divided: there are parts that it would leave out.
    pub fn bytes(&self) -> &[u8] {
        assert!(!self.divided, "the output is in pieces");
        &self.buf
    }

    /// As [`Output::bytes`], leaving nothing. Nothing is what an output gives that has been overrun.
    ///
    /// # Panics
    /// As [`Output::bytes`].
    pub fn take(&mut self) -> Vec<u8> {
        assert!(!self.divided, "the output is in pieces");
        self.pieces.clear();
        (self.before, self.shared) = (0, 0);
        std::mem::take(&mut self.buf)
    }

    /// Exchanges the buffer with another, to use memory that is there: both must be empty.
    pub fn swap_buffer(&mut self, other: &mut Vec<u8>) {
        debug_assert!(self.buf.is_empty() && other.is_empty());
        std::mem::swap(&mut self.buf, other);
    }

    /// Exchanges the buffer, with what was written into it, for an empty one. There must be no complete parts.
    pub fn swap_written(&mut self, other: &mut Vec<u8>) {
        debug_assert!(self.pieces.is_empty() && other.is_empty());
        std::mem::swap(&mut self.buf, other);
    }

    /// The only part, where there are no complete ones.
    #[inline]
    pub fn single(&self) -> Option<&[u8]> {
        self.pieces.is_empty().then_some(self.buf.as_slice())
    }

    /// Moves all that was written to the end of `to`.
    pub fn take_pieces(&mut self, to: &mut impl Extend<Piece>) {
        self.set_aside(0);
        to.extend(self.pieces.drain(..));
        (self.before, self.shared) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::testing::Rng;

    /// A value whose memory is contiguous for seven bytes at a time.
    #[derive(Debug)]
    pub(crate) struct Stretches(pub Vec<u8>);

    impl Shared for Stretches {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn from(&self, offset: usize) -> &[u8] {
            &self.0[offset..self.0.len().min(offset / 7 * 7 + 7)]
        }
    }

    fn whole(mut output: Output) -> Vec<u8> {
        let mut pieces = Vec::new();
        output.take_pieces(&mut pieces);
        let mut all = Vec::new();
        for piece in pieces {
            let mut at = 0;
            while at < piece.len() {
                let bytes = piece.from(at);
                all.extend_from_slice(bytes);
                at += bytes.len();
            }
        }
        all
    }

    #[test]
    fn any_order_of_writes_gives_the_bytes_that_one_buffer_would_hold() {
        for seed in 0..200 {
            let mut rng = Rng::new(seed);
            let (mut output, mut model) = (Output::default(), Vec::new());
            output.divide();
            let mut marks = vec![0];
            for step in 0..rng.below(60) {
                let bytes = vec![step as u8; [1, 5, 60, 5000, PIECE / 3, PIECE + 9][rng.below(6)]];
                match rng.below(9) {
                    0..=3 => {
                        output.put(&bytes);
                        model.extend_from_slice(&bytes);
                    }
                    7 => {
                        output.put_own(bytes.clone());
                        model.extend_from_slice(&bytes);
                    }
                    4 => {
                        output.put_shared(Box::new(Stretches(bytes.clone())));
                        model.extend_from_slice(&bytes);
                    }
                    5 => marks.push(output.len()),
                    6 => {
                        let mark = marks[rng.below(marks.len())];
                        output.insert(mark, b"*12\r\n");
                        model.splice(mark..mark, *b"*12\r\n");
                        marks
                            .iter_mut()
                            .filter(|m| **m > mark)
                            .for_each(|m| *m += 5);
                    }
                    _ => {
                        let mark = marks[rng.below(marks.len())];
                        output.truncate(mark);
                        model.truncate(mark);
                        marks.retain(|m| *m <= mark);
                    }
                }
                assert_eq!(output.len(), model.len(), "seed {seed}");
                let shared = output.pieces.iter().filter_map(|piece| match piece {
                    Piece::Shared(shared) => Some(shared.len()),
                    Piece::Own(_) => None,
                });
                assert_eq!(output.own_len() + shared.sum::<usize>(), output.len());
            }
            assert!(whole(output) == model, "seed {seed}");
        }
    }

    #[test]
    fn what_passes_the_limit_is_dropped_and_memory_stays_below_it() {
        for (divided, limit) in [(true, 10_000), (false, 10_000), (true, 3 * PIECE)] {
            let mut output = Output::default();
            if divided {
                output.divide();
            }
            output.set_limit(limit);
            for _ in 0..2 * limit / 100 {
                output.put(&[b'x'; 100]);
            }
            assert!(output.is_overrun());
            assert!(output.len() <= limit && output.len() > limit - 200);
            assert!(output.memory() <= limit + PIECE);
            output.insert(0, b"*1\r\n");
            output.put(b"x");
            assert!(output.len() <= limit, "later writes are dropped too");
            output.truncate(0);
            assert!(!output.is_overrun() && output.is_empty());
            output.put(b"again");
            assert_eq!(whole(output), b"again");
        }
    }

    #[test]
    fn a_value_that_passes_the_limit_is_not_referred_to() {
        let mut output = Output::default();
        output.divide();
        output.set_limit(1000);
        output.put(b"header");
        output.put_shared(Box::new(Stretches(vec![1; 1001])));
        assert!(output.is_overrun());
        assert_eq!(output.len(), 6);
    }
}
