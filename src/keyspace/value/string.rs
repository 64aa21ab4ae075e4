//! Strings.

use std::borrow::Cow;

/// A string, owned.
#[derive(Clone, Debug)]
pub struct Str {
    bytes: Vec<u8>,
    raw: bool,
}

/// A string as a reader sees it.
#[derive(Debug, Clone, Copy)]
pub struct StrRef<'a>(&'a Str);

impl Str {
    /// From bytes as a client sends them.
    pub fn new(bytes: &[u8]) -> Self {
        Str {
            bytes: bytes.to_vec(),
            raw: false,
        }
    }

    /// From the checked RDB string of a record.
    pub(super) fn from_record(bytes: &[u8]) -> Self {
        match bytes[0] {
            0xC0 => Str::new((bytes[1] as i8).to_string().as_bytes()),
            0xC1 => Str::new(
                i16::from_le_bytes([bytes[1], bytes[2]])
                    .to_string()
                    .as_bytes(),
            ),
            0xC2 => {
                let n = i32::from_le_bytes(bytes[1..5].try_into().expect("4 bytes"));
                Str::new(n.to_string().as_bytes())
            }
            _ => {
                let (len, width) = crate::keyspace::record::read_len(bytes);
                Str::new(&bytes[width..width + len])
            }
        }
    }

    /// As a reader sees it.
    pub fn as_ref(&self) -> StrRef<'_> {
        StrRef(self)
    }

    /// Adds bytes at the end (the encoding becomes `raw`, as in Redis). Returns the new length.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        self.bytes.extend_from_slice(bytes);
        self.raw = true;
        self.bytes.len()
    }

    /// Overwrites from `offset` on, padding with zero bytes. Returns the new length.
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) -> usize {
        if self.bytes.len() < offset + bytes.len() {
            self.bytes.resize(offset + bytes.len(), 0);
        }
        self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        self.raw = true;
        self.bytes.len()
    }
}

impl<'a> StrRef<'a> {
    /// Length in bytes, without decoding.
    pub fn len(&self) -> usize {
        self.0.bytes.len()
    }

    /// True for the empty string.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes; decompressed or rendered where needed.
    pub fn bytes(&self) -> Cow<'a, [u8]> {
        Cow::Borrowed(&self.0.bytes)
    }

    /// The bytes `start..end` (clamped).
    pub fn slice(&self, start: usize, end: usize) -> Cow<'a, [u8]> {
        let end = end.min(self.len());
        Cow::Borrowed(&self.0.bytes[start.min(end)..end])
    }

    /// The integer, if the text is a canonical decimal i64.
    pub fn int(&self) -> Option<i64> {
        let n: i64 = std::str::from_utf8(&self.0.bytes).ok()?.parse().ok()?;
        (n.to_string().as_bytes() == self.0.bytes).then_some(n)
    }

    /// `int`, `embstr` or `raw`.
    pub fn encoding(&self) -> &'static str {
        match () {
            () if self.0.raw => "raw",
            () if self.int().is_some() => "int",
            () if self.len() <= 44 => "embstr",
            () => "raw",
        }
    }
}
