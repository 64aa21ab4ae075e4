//! Values of types that no command serves, which are those of modules. They are kept as the bytes of their dump.
//!
//! The bytes have passed the RDB reader's checks: they are whole, because the type says where they end. Nothing else is
//! known about them, so nothing changes them. All operations that do not look inside a value work on them.

use super::plain::Out;
use rdb::RdbType;
use rdb::held;
use std::borrow::Cow;
use std::sync::Arc;

/// A value that can be kept and passed on, but neither read nor changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opaque {
    rdb_type: RdbType,
    bytes: Arc<[u8]>,
}

impl Opaque {
    /// The value that is held in these bytes of a dump, which have been checked.
    pub fn from_record(rdb_type: RdbType, bytes: &[u8]) -> Self {
        Opaque {
            rdb_type,
            bytes: bytes.into(),
        }
    }

    /// As a reader sees it.
    pub fn as_ref(&self) -> OpaqueRef<'_> {
        OpaqueRef {
            rdb_type: self.rdb_type,
            bytes: &self.bytes,
        }
    }

    /// The type under which it was written.
    pub fn rdb_type(&self) -> RdbType {
        self.rdb_type
    }

    /// Heap bytes, what it shares with clones included.
    pub fn heap_bytes(&self) -> usize {
        const COUNTS: usize = 2 * size_of::<usize>();
        COUNTS + self.bytes.len()
    }
}

/// An [`Opaque`] as a read sees it.
#[derive(Clone, Copy, Debug)]
pub struct OpaqueRef<'a> {
    rdb_type: RdbType,
    bytes: &'a [u8],
}

impl<'a> OpaqueRef<'a> {
    pub(super) fn from_record(rdb_type: RdbType, bytes: &'a [u8]) -> Self {
        OpaqueRef { rdb_type, bytes }
    }

    /// The type under which it was written.
    pub fn rdb_type(&self) -> RdbType {
        self.rdb_type
    }

    /// The value as it is in a dump.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// As TYPE says it: the name that the module gave to its type.
    pub fn type_name(&self) -> Cow<'static, str> {
        match held::module_id(self.rdb_type, self.bytes) {
            Some(id) => Cow::Owned(id.name().as_str().to_owned()),
            None => Cow::Borrowed("opaque"),
        }
    }

    pub(super) fn write(&self, out: &mut Out<'_>) {
        out.buf().extend_from_slice(self.bytes);
        out.spill();
    }
}
