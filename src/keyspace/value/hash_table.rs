//! Tables of fields as a dump holds them: fields and values in turn, and before each its expiry if any field has one.

use super::plain;
use crate::UnixMillis;
use crate::tree::keyed::{self, Keyed};
use rdb::{RdbType, length, lzf};

/// Fields by their hashes.
pub(super) type Table = Keyed<keyed::Fields>;

/// The RDB type of a table: fields with an expiry have one of their own.
pub(super) fn table_type(min_expire: Option<UnixMillis>) -> RdbType {
    match min_expire {
        Some(_) => RdbType::HashTtl,
        None => RdbType::Hash,
    }
}

/// Writes what precedes the fields of a table; gives the time from which expiries are counted, if there are any.
pub(super) fn begin_table(table: &Table, out: &mut plain::Out<'_>) -> Option<UnixMillis> {
    let min = table.min_expire();
    if let Some(min) = min {
        out.buf().extend_from_slice(&min.to_le_bytes());
    }
    length::encode_length(table.len() as u64, out.buf());
    min
}

/// A field and its value, two RDB strings.
pub(super) fn write_field(
    strings: &[u8],
    at: Option<UnixMillis>,
    min: Option<UnixMillis>,
    packer: Option<&mut lzf::Packer>,
    out: &mut plain::Out<'_>,
) {
    if let Some(min) = min {
        let ttl = at.map_or(0, |at| (at - min) as u64 + 1);
        length::encode_length(ttl, out.buf());
    }
    plain::write_strings(strings, packer, out);
}
