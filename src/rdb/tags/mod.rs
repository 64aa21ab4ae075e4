//! What a byte, an id or a header means: versions, opcodes, types of values, modules, shared field names.

pub mod module;
pub mod opcode;
pub mod rdb_type;
pub mod template;
pub mod version;
