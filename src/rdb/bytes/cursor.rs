//! A reading position in a window of bytes, and the fault that stops it.
//!
//! Everything that reads RDB bytes goes through [`Cursor`], so that bounds are checked in one place. The window
//! may end inside a record: then the fault is `Truncated` and `need` says how long the window must at least be
//! for the read to get further.

use crate::error::{ErrorKind, RdbError};

/// Why a read stopped, in offsets of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub kind: ErrorKind,
    pub at: usize,
    /// For `Truncated`: the window length that is needed. A declared length, so any size.
    pub need: u64,
    pub context: &'static str,
}

pub(crate) type Read<T> = Result<T, Fault>;

impl Fault {
    #[cold]
    pub(crate) fn new(kind: ErrorKind, at: usize, context: &'static str) -> Self {
        Fault {
            kind,
            at,
            need: 0,
            context,
        }
    }

    #[cold]
    pub(crate) fn short(at: usize, need: u64, context: &'static str) -> Self {
        Fault {
            kind: ErrorKind::Truncated,
            at,
            need,
            context,
        }
    }
}

impl From<Fault> for RdbError {
    fn from(fault: Fault) -> Self {
        RdbError::new(fault.kind, fault.at as u64, fault.context)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Cursor { bytes, at: 0 }
    }

    /// A cursor at position `at` (at most the window's length).
    pub(crate) fn starting_at(bytes: &'a [u8], at: usize) -> Self {
        Cursor {
            bytes,
            at: at.min(bytes.len()),
        }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Bytes not read yet.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) fn fault<T>(&self, kind: ErrorKind, context: &'static str) -> Read<T> {
        Err(Fault::new(kind, self.at, context))
    }

    #[inline]
    pub(crate) fn u8(&mut self, context: &'static str) -> Read<u8> {
        match self.bytes.get(self.at) {
            Some(&b) => {
                self.at += 1;
                Ok(b)
            }
            None => Err(Fault::short(self.at, self.at as u64 + 1, context)),
        }
    }

    #[inline]
    pub(crate) fn take(&mut self, n: u64, context: &'static str) -> Read<&'a [u8]> {
        if n > self.left() as u64 {
            return Err(Fault::short(
                self.at,
                (self.at as u64).saturating_add(n),
                context,
            ));
        }
        let out = &self.bytes[self.at..self.at + n as usize];
        self.at += n as usize;
        Ok(out)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self, context: &'static str) -> Read<[u8; N]> {
        match self
            .bytes
            .get(self.at..)
            .and_then(|rest| rest.first_chunk::<N>())
        {
            Some(out) => {
                self.at += N;
                Ok(*out)
            }
            None => Err(Fault::short(self.at, (self.at + N) as u64, context)),
        }
    }

    #[inline]
    pub(crate) fn i64le(&mut self, context: &'static str) -> Read<i64> {
        self.array(context).map(i64::from_le_bytes)
    }

    #[inline]
    pub(crate) fn f64le(&mut self, context: &'static str) -> Read<f64> {
        self.array(context).map(f64::from_le_bytes)
    }

    /// An error unless everything was read.
    pub(crate) fn expect_end(&self, context: &'static str) -> Read<()> {
        match self.left() {
            0 => Ok(()),
            n => self.fault(ErrorKind::TrailingBytes(n as u64), context),
        }
    }
}
