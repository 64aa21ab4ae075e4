//! One element of a collection: bytes, or an integer in place of its decimal text.

use super::number::{IntText, canonical_i64, int_text_len};

/// One element.
#[derive(Debug, Clone, Copy)]
pub enum Item<'a> {
    /// A string.
    Bytes(&'a [u8]),
    /// The decimal text of an integer.
    Int(i64),
}

impl<'a> Item<'a> {
    /// The form in which `bytes` is stored: canonical integers as integers.
    #[inline]
    pub fn of(bytes: &'a [u8]) -> Self {
        match canonical_i64(bytes) {
            Some(n) => Item::Int(n),
            None => Item::Bytes(bytes),
        }
    }

    /// Length of the element as a string, in bytes.
    pub fn len(&self) -> usize {
        match *self {
            Item::Bytes(bytes) => bytes.len(),
            Item::Int(n) => int_text_len(n),
        }
    }

    /// Whether the element is the empty string.
    pub fn is_empty(&self) -> bool {
        matches!(self, Item::Bytes(b""))
    }

    /// Calls `f` with the element's bytes.
    #[inline]
    pub fn with<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        match *self {
            Item::Bytes(bytes) => f(bytes),
            Item::Int(n) => f(IntText::new(n).as_bytes()),
        }
    }

    /// Appends the element's bytes.
    pub fn append_to(&self, out: &mut Vec<u8>) {
        self.with(|bytes| out.extend_from_slice(bytes));
    }

    /// The element's bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        self.with(<[u8]>::to_vec)
    }

    /// The element's bytes; an integer is rendered.
    pub fn to_cow(self) -> std::borrow::Cow<'a, [u8]> {
        match self {
            Item::Bytes(bytes) => std::borrow::Cow::Borrowed(bytes),
            Item::Int(_) => std::borrow::Cow::Owned(self.to_vec()),
        }
    }

    /// Whether the element is this string.
    #[inline]
    pub fn is(&self, bytes: &[u8]) -> bool {
        match *self {
            Item::Bytes(own) => own == bytes,
            Item::Int(n) => canonical_i64(bytes) == Some(n),
        }
    }

    /// The integer, also of a string that is one.
    pub fn as_int(&self) -> Option<i64> {
        match *self {
            Item::Int(n) => Some(n),
            Item::Bytes(bytes) => canonical_i64(bytes),
        }
    }
}

impl PartialEq for Item<'_> {
    /// Equal as strings: the integer 7 is the text `7`.
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Item::Bytes(a), Item::Bytes(b)) => a == b,
            (Item::Int(a), Item::Int(b)) => a == b,
            (Item::Bytes(text), Item::Int(n)) | (Item::Int(n), Item::Bytes(text)) => {
                canonical_i64(text) == Some(n)
            }
        }
    }
}

impl Eq for Item<'_> {}

impl PartialEq<[u8]> for Item<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        self.is(other)
    }
}
