//! How large the two parts of a table should be: the array is as large as it can be while more than half of it is used.

use super::super::inside::{Node, Value};
use super::place::whole;
use mlua::ffi::{LUA_TNIL, LUA_TNUMBER};
use std::ffi::c_int;

/// The largest array has two to the power of this many elements; so have the nodes.
pub const POWER_MAX: u32 = 26;

/// The keys of a table, counted.
#[derive(Default)]
pub struct Census {
    /// Keys that an array may have, by the binary logarithm of the array in whose upper half they would be.
    by_power: [u32; POWER_MAX as usize + 1],
    /// Those together.
    indices: u32,
    /// All keys.
    keys: u32,
}

/// The binary logarithm of the smallest power of two that is not less.
pub fn power_for(count: u32) -> u32 {
    u32::BITS - count.saturating_sub(1).leading_zeros()
}

impl Census {
    /// Counts those elements of an array that are not nil.
    pub fn count_array(&mut self, array: &[Value]) {
        let mut start = 0;
        for power in 0..=POWER_MAX {
            if start == array.len() {
                break;
            }
            let end = array.len().min(1 << power);
            let used = |value: &&Value| value.kind != LUA_TNIL;
            let found = array[start..end].iter().filter(used).count() as u32;
            self.by_power[power as usize] += found;
            self.indices += found;
            self.keys += found;
            start = end;
        }
    }

    /// Counts the keys of nodes that have a value.
    pub fn count_nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            if node.value.kind != LUA_TNIL {
                self.count_key(&node.key);
            }
        }
    }

    /// Counts a key.
    pub fn count_key(&mut self, key: &Value) {
        self.keys += 1;
        if key.kind != LUA_TNUMBER {
            return;
        }
        // SAFETY: the kind says that it is a number.
        let index = whole(unsafe { key.content.number });
        if let Some(index @ 1..) = index
            && index as u32 <= 1 << POWER_MAX
        {
            self.by_power[power_for(index as u32) as usize] += 1;
            self.indices += 1;
        }
    }

    /// The size of the array, and how many keys are not in it.
    pub fn sizes(&self) -> (c_int, u32) {
        let (mut size, mut inside, mut seen) = (0, 0, 0);
        for (power, &count) in self.by_power.iter().enumerate() {
            let half = (1_u32 << power) / 2;
            if half >= self.indices {
                break;
            }
            seen += count;
            if count > 0 && seen > half {
                (size, inside) = (1 << power, seen);
            }
        }
        (size, self.keys - inside)
    }
}
