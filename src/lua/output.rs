//! Bytes that a function builds for a script.
//!
//! Lua only bounds its own memory, and a few tables that contain each other many times can describe more bytes than any
//! machine has. Therefore the bytes that are built here are bounded, and the work of building them is counted.

use super::bounds::STRING_MAX;
use super::host::{Host, Work};
use super::native::Raise;

impl Work {
    /// The bytes of a native function, for one more value with a content of `more` bytes.
    ///
    /// # Errors
    /// There are too many, or the script has been killed.
    pub fn out_for(&mut self, host: &Host, more: usize) -> Result<&mut Vec<u8>, Raise> {
        if self.out.len() + more > STRING_MAX.get() {
            return Err(self.fault("not enough memory", Raise::Text));
        }
        host.pace.spend(4 + (more >> 8) as u32)?;
        Ok(&mut self.out)
    }
}
