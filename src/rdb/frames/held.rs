//! Passing over records as the keyspace holds them: canonical types, written by ourselves or checked before.

use crate::bytes::cursor::Cursor;
use crate::frames::skip::skip_value;
use crate::tags::rdb_type::RdbType;
use crate::tags::template::Templates;

/// Length in bytes of the canonical value of type `rdb_type` at the start of `bytes`; `None` if it does not end
/// there.
pub fn value_len(rdb_type: RdbType, bytes: &[u8]) -> Option<usize> {
    let mut cursor = Cursor::new(bytes);
    skip_value(&mut cursor, &Templates::default(), rdb_type).ok()?;
    Some(cursor.at())
}
