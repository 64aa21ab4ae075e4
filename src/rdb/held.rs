//! Passing over records as the keyspace holds them: canonical types, written by ourselves or checked before.

use super::cursor::Cursor;
use super::skip::skip_value;
use super::template::Templates;
use super::version::{Dialect, RdbVersion};

/// Length in bytes of the canonical value of type `rdb_type` at the start of `bytes`; `None` if it does not end
/// there.
pub fn value_len(rdb_type: u8, bytes: &[u8]) -> Option<usize> {
    let mut cursor = Cursor::new(bytes);
    let version = RdbVersion::newest(Dialect::Redis);
    skip_value(&mut cursor, version, &Templates::default(), rdb_type).ok()?;
    Some(cursor.at())
}
