//! A large argument that a connection receives beside its buffer.
//!
//! If the system refuses the memory for it, its bytes are read and dropped, so that the client gets an error for this
//! request only and the connection stays open.

use base::large::{Growing, Large};

/// How much of it has come.
pub enum Incoming {
    /// It is kept.
    Kept(Growing),
    /// There was no memory for it. The number is how many of its bytes must still be dropped.
    Refused(usize),
}

impl Incoming {
    /// An argument of `len` bytes, of which `first` have come.
    pub fn new(len: usize, first: &[u8]) -> Incoming {
        let grown = Growing::new(len).and_then(|mut growing| {
            growing.extend(first)?;
            Ok(growing)
        });
        match grown {
            Ok(growing) => Incoming::Kept(growing),
            Err(_) => Incoming::Refused(len - first.len()),
        }
    }

    /// Bytes of memory that it takes.
    pub fn held(&self) -> usize {
        match self {
            Incoming::Kept(growing) => growing.len(),
            Incoming::Refused(_) => 0,
        }
    }

    /// Bytes that a client has sent and that have not run: those in its buffer, or those of its large argument, whose
    /// header at the end of the buffer has been read.
    pub fn waiting(large: Option<&Incoming>, input: &[u8]) -> usize {
        large.map_or(input.len(), Incoming::held)
    }

    /// Bytes of a large argument that have not come yet, with the line end after it.
    pub fn due(large: Option<&Incoming>) -> usize {
        large.map_or(0, |large| match large {
            Incoming::Kept(growing) => growing.missing(),
            Incoming::Refused(missing) => *missing,
        })
    }

    /// The place that the next bytes must be read into; part of `scratch` if they will be dropped.
    pub fn room<'a>(&'a mut self, scratch: &'a mut [u8]) -> &'a mut [u8] {
        if let Incoming::Kept(growing) = self
            && growing.room().is_err()
        {
            *self = Incoming::Refused(growing.missing());
        }
        match self {
            // It was there just now.
            Incoming::Kept(growing) => growing.room().unwrap_or_default(),
            Incoming::Refused(left) => {
                let n = scratch.len().min(*left);
                &mut scratch[..n]
            }
        }
    }

    /// The first `n` bytes of the room have been read. True when all have come.
    pub fn advance(&mut self, n: usize) -> bool {
        match self {
            Incoming::Kept(growing) => {
                growing.advance(n);
                growing.missing() == 0
            }
            Incoming::Refused(left) => {
                *left -= n;
                *left == 0
            }
        }
    }

    /// The argument, when all of it has come; `None` if it was refused.
    pub fn finish(self) -> Option<Large> {
        match self {
            Incoming::Kept(growing) => Some(growing.finish()),
            Incoming::Refused(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_read_to_its_end_and_dropped() {
        let mut incoming = Incoming::Refused(25);
        let mut scratch = [0; 10];
        let mut ends = Vec::new();
        while ends.last() != Some(&true) {
            let n = incoming.room(&mut scratch).len();
            ends.push(incoming.advance(n));
        }
        assert_eq!(ends, [false, false, true]);
        assert!(incoming.finish().is_none());
    }

    #[test]
    fn what_is_kept_is_all_that_came() {
        let mut incoming = Incoming::new(25, &[1; 5]);
        while !{
            let room = incoming.room(&mut []);
            let n = room.len().min(7);
            room[..n].fill(2);
            incoming.advance(n)
        } {}
        assert_eq!(incoming.held(), 25);
        let bytes = incoming.finish().expect("memory");
        assert_eq!(bytes[..], [[1; 5].as_slice(), &[2; 20]].concat());
    }
}
