//! One element of a collection as it is held: bytes, or an integer that stands for its decimal text.

use std::borrow::Cow;

/// An element, member, field or value inside a collection.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// The bytes themselves.
    Bytes(&'a [u8]),
    /// Packed encodings store canonical decimals as integers.
    Int(i64),
}

impl<'a> Item<'a> {
    /// The bytes; an integer is rendered.
    pub fn to_cow(self) -> Cow<'a, [u8]> {
        match self {
            Item::Bytes(b) => Cow::Borrowed(b),
            Item::Int(n) => Cow::Owned(itoa::Buffer::new().format(n).as_bytes().to_vec()),
        }
    }

    /// The bytes, owned.
    pub fn to_vec(self) -> Vec<u8> {
        self.to_cow().into_owned()
    }

    /// Runs `f` on the bytes without allocating.
    pub fn with<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Item::Bytes(b) => f(b),
            Item::Int(n) => f(itoa::Buffer::new().format(n).as_bytes()),
        }
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        self.with(|b| b.len())
    }

    /// True for the empty string.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl PartialEq<[u8]> for Item<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        self.with(|b| b == other)
    }
}
