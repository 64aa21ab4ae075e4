//! Output that a socket has not accepted yet, and output that must not be sent yet.
//!
//! Output is sealed with the commit that it depends on, and is sent when that commit is known to be durable. Output that
//! depends on later commits keeps its place after it.

use engine::CommitPosition;
use resp::{Output, Piece};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::io::IoSlice;

/// Stretches of bytes that are given to the system at once.
const SLICES: usize = 512;

/// Complete parts of a client's output, oldest first.
#[derive(Debug, Default)]
pub struct Outbox {
    pieces: VecDeque<Piece>,
    /// Bytes of the first piece that were sent already.
    sent: usize,
    /// Bytes that are not.
    left: usize,
    /// Those of them that may be sent now: the first ones.
    open: usize,
    /// The bytes after these, each part with its seal.
    sealed: VecDeque<(CommitPosition, usize)>,
}

impl Outbox {
    /// Bytes to be sent.
    pub fn len(&self) -> usize {
        self.left
    }

    /// True if there is nothing to be sent.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Bytes that may be sent now.
    pub fn open(&self) -> usize {
        self.open
    }

    /// The commit that the next bytes which may not be sent yet depend on.
    pub fn seal(&self) -> Option<CommitPosition> {
        self.sealed.front().map(|(seal, _)| *seal)
    }

    /// Takes all that an output holds. It is not sent before [`Outbox::release`] has been told of `seal`.
    pub fn take(&mut self, output: &mut Output, seal: CommitPosition) {
        let len = output.len();
        self.left += len;
        match self.sealed.back_mut() {
            Some((last, bytes)) if *last == seal => *bytes += len,
            _ if len > 0 => self.sealed.push_back((seal, len)),
            _ => {}
        }
        output.take_pieces(&mut self.pieces);
    }

    /// Adds what may be sent at once, behind all that is here: none of that may be sealed.
    pub fn push_open(&mut self, piece: Piece) {
        debug_assert!(self.sealed.is_empty());
        self.left += piece.len();
        self.open += piece.len();
        self.pieces.push_back(piece);
    }

    /// Takes what may be sent now, and of which nothing was sent yet.
    pub fn take_open(&mut self) -> Vec<Piece> {
        debug_assert_eq!(self.sent, 0);
        let mut taken = Vec::new();
        // Output is sealed by whole pieces.
        while self.open > 0
            && let Some(piece) = self.pieces.pop_front()
        {
            self.open -= piece.len();
            self.left -= piece.len();
            taken.push(piece);
        }
        taken
    }

    /// What depends on commits up to `durable` may be sent.
    pub fn release(&mut self, durable: CommitPosition) {
        while let Some(&(seal, bytes)) = self.sealed.front()
            && seal <= durable
        {
            self.open += bytes;
            self.sealed.pop_front();
        }
    }

    /// The next bytes that may be sent, by contiguous slices.
    pub fn slices(&self) -> SmallVec<[IoSlice<'_>; SLICES]> {
        let mut slices = SmallVec::new();
        let (mut from, mut open) = (self.sent, self.open);
        for piece in &self.pieces {
            while from < piece.len() {
                if slices.len() == SLICES || open == 0 {
                    return slices;
                }
                let bytes = piece.from(from);
                let bytes = &bytes[..bytes.len().min(open)];
                from += bytes.len();
                open -= bytes.len();
                slices.push(IoSlice::new(bytes));
            }
            from = 0;
        }
        slices
    }

    /// The first `n` bytes have been sent.
    pub fn advance(&mut self, n: usize) {
        self.left -= n;
        self.open -= n;
        self.sent += n;
        while let Some(first) = self.pieces.front()
            && self.sent >= first.len()
        {
            self.sent -= first.len();
            self.pieces.pop_front();
        }
        if self.pieces.is_empty() {
            self.pieces.shrink_to_fit();
        }
    }

    /// All bytes in one piece, also those that are sealed.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.open = self.left;
        let mut bytes = Vec::with_capacity(self.left);
        while self.left > 0 {
            let mut n = 0;
            for slice in self.slices() {
                bytes.extend_from_slice(&slice);
                n += slice.len();
            }
            self.advance(n);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resp::Shared;

    /// A value whose memory is contiguous for ten bytes at a time.
    #[derive(Debug)]
    struct Stretches(Vec<u8>);

    impl Shared for Stretches {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn from(&self, offset: usize) -> &[u8] {
            &self.0[offset..self.0.len().min(offset / 10 * 10 + 10)]
        }
    }

    #[test]
    fn bytes_leave_in_order_however_many_are_taken_at_once() {
        for step in [1, 7, 10, 63, 1000, 5000] {
            let mut outbox = Outbox::default();
            let mut expected = Vec::new();
            for round in 0..3u8 {
                let mut output = Output::default();
                output.divide();
                output.put(b"before");
                output.put_shared(Box::new(Stretches(vec![round; 1234])));
                output.put(b"behind");
                outbox.take(&mut output, CommitPosition::default());
                outbox.release(CommitPosition::default());
                expected.extend([b"before".as_slice(), &[round; 1234], b"behind"].concat());
            }
            let mut sent = Vec::new();
            while !outbox.is_empty() {
                let bytes: Vec<u8> = outbox.slices().iter().flat_map(|s| s.to_vec()).collect();
                let n = bytes.len().min(step);
                sent.extend_from_slice(&bytes[..n]);
                outbox.advance(n);
                assert_eq!(sent.len() + outbox.len(), expected.len());
            }
            assert!(sent == expected, "{step} at once");
        }
    }
}
