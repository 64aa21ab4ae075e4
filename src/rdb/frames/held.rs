//! Skipping records as the keyspace holds them: canonical types, written by this server or checked before.

use crate::bytes::cursor::Cursor;
use crate::frames::skip::{self, skip_value};
use crate::tags::module::ModuleId;
use crate::tags::rdb_type::RdbType;
use crate::tags::template::Templates;

/// Length in bytes of the canonical value of type `rdb_type` at the start of `bytes`; `None` if it does not end
/// there.
pub fn value_len(rdb_type: RdbType, bytes: &[u8]) -> Option<usize> {
    let mut cursor = Cursor::new(bytes);
    skip_value(&mut cursor, &Templates::default(), rdb_type).ok()?;
    Some(cursor.at())
}

/// The module of a checked value; `None` for a value of the server's own types.
pub fn module_id(rdb_type: RdbType, bytes: &[u8]) -> Option<ModuleId> {
    let is_module = rdb_type == RdbType::Module2;
    is_module.then(|| skip::module_id(&mut Cursor::new(bytes)).ok())?
}
