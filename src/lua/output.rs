//! Bytes that a function builds for a script.
//!
//! Lua only bounds its own memory, and a few tables that contain each other many times can describe more bytes than any
//! machine has. Therefore the bytes that are built here are bounded, and the work of building them is counted.

use super::bounds::STRING_MAX;
use super::host::{Host, Work};
use super::native::Raise;
use super::pace::Pace;
use mlua::{Error, Lua, Result};
use std::rc::Rc;

/// Bytes that may still grow.
pub struct Output {
    pace: Option<Rc<Pace>>,
    bytes: Vec<u8>,
}

impl Output {
    /// Without any bytes yet.
    pub fn new(lua: &Lua) -> Self {
        Output {
            pace: Pace::of(lua),
            bytes: Vec::new(),
        }
    }

    /// The bytes, for one more value with a content of `more` bytes.
    ///
    /// # Errors
    /// There are too many, or the script has been killed.
    pub fn for_value(&mut self, more: usize) -> Result<&mut Vec<u8>> {
        if self.bytes.len() + more > STRING_MAX.get() {
            return Err(Error::runtime("not enough memory"));
        }
        spend(self.pace.as_deref(), more)?;
        Ok(&mut self.bytes)
    }

    /// The bytes as they are.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Work {
    /// The bytes of a native function, as [`Output::for_value`].
    ///
    /// # Errors
    /// As there.
    pub fn out_for(
        &mut self,
        host: &Host,
        more: usize,
    ) -> std::result::Result<&mut Vec<u8>, Raise> {
        if self.out.len() + more > STRING_MAX.get() {
            return Err(self.fault("not enough memory", Raise::Text));
        }
        host.pace.spend(4 + (more >> 8) as u32)?;
        Ok(&mut self.out)
    }
}

/// Counts the work for a value with a content of `bytes` bytes.
pub fn spend(pace: Option<&Pace>, bytes: usize) -> Result<()> {
    match pace {
        Some(pace) => Ok(pace.spend(4 + (bytes >> 8) as u32)?),
        None => Ok(()),
    }
}
