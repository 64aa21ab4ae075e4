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
    /// Counts those elements of an array that are not nil. The first one's index is `start` + 1.
    pub fn count_elements(&mut self, start: usize, elements: &[Value]) {
        for (i, element) in elements.iter().enumerate() {
            if element.kind != LUA_TNIL {
                self.keys += 1;
                self.count_index((start + i + 1) as u32);
            }
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
        if let Some(index @ 1..) = index {
            self.count_index(index as u32);
        }
    }

    /// Counts an index, which is a key like others if it is too large for an array.
    fn count_index(&mut self, index: u32) {
        if let Some(count) = self.by_power.get_mut(power_for(index) as usize) {
            *count += 1;
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

#[cfg(test)]
mod tests {
    use super::super::place::number;
    use super::*;

    #[test]
    fn an_array_is_more_than_half_full() {
        let mut census = Census::default();
        (1..=6).for_each(|i| census.count_key(&number(f64::from(i))));
        for key in [12.0, 0.0, -1.0, 1.5, 1e300] {
            census.count_key(&number(key));
        }
        assert_eq!(census.sizes(), (8, 5));
        for key in [9.0, 10.0] {
            census.count_key(&number(key));
        }
        assert_eq!(census.sizes(), (16, 4));
    }

    #[test]
    fn elements_beyond_the_largest_array_are_counted_among_the_other_keys() {
        let mut census = Census::default();
        let elements = [number(1.0); 3];
        census.count_elements(0, &elements);
        census.count_elements((1 << POWER_MAX) - 1, &elements);
        assert_eq!(census.sizes(), (4, 3));
    }
}
