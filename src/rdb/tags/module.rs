//! The names of module types, as they are packed into a 64-bit id.

use std::fmt;

/// A module type's id: nine six-bit letters and ten bits of encoding version.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModuleId(pub u64);

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl ModuleId {
    /// The nine letters of the type's name.
    pub fn name(self) -> ModuleName {
        let mut name = [0; 9];
        for (i, letter) in name.iter_mut().enumerate() {
            *letter = LETTERS[(self.0 >> (10 + 6 * (8 - i)) & 63) as usize];
        }
        ModuleName(name)
    }

    /// The version of the module's own encoding, 0..=1023.
    pub fn encver(self) -> u16 {
        (self.0 & 1023) as u16
    }
}

/// The nine ASCII letters of a module type's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModuleName([u8; 9]);

impl ModuleName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("letters come from an ASCII table")
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name(), self.encver())
    }
}

/// Data that a module keeps beside its keys, with the opcode, as in a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleAux {
    /// The module.
    pub id: ModuleId,
    /// True if it comes after the keys.
    pub after_keys: bool,
    /// The whole record.
    pub raw: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_set_id_of_redis_8_decodes_to_its_name() {
        let id = ModuleId(u64::from_be_bytes([
            0xbd, 0xe7, 0x2d, 0xa2, 0xbb, 0x1e, 0xb4, 0x00,
        ]));
        assert_eq!((id.name().as_str(), id.encver()), ("vectorset", 0));
    }
}
