//! The order of a table's entries: those of the array, then the nodes.

use super::super::inside::{State, Table, Value};
use super::place::{self, dummy, node_of, number, whole};
use super::{luaG_runerror, luaH_getnum};
use mlua::ffi::{LUA_TNIL, LUA_TNUMBER};
use std::ffi::c_int;

/// A border is looked for among indices up to this one.
const INDEX_MAX: u32 = c_int::MAX as u32 - 2;

/// The elements of the array.
pub unsafe fn array<'a>(table: *const Table) -> &'a [Value] {
    // SAFETY: the caller's table is alive; a table without an array may have a null pointer.
    unsafe {
        match (*table).array_size {
            1.. => std::slice::from_raw_parts((*table).array, (*table).array_size as usize),
            _ => &[],
        }
    }
}

/// Puts the entry after that of a key into the place of the key and the one behind it. Says 0 if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn luaH_next(
    state: *mut State,
    table: *mut Table,
    key: *mut Value,
) -> c_int {
    // SAFETY: Lua calls this with a live state, table and key, behind which there is room for a value.
    unsafe {
        let elements = array(table);
        let start = match position(table, key) {
            Some(at) => at,
            None => luaG_runerror(state, c"invalid key to 'next'".as_ptr()),
        };
        for (i, value) in elements.iter().enumerate().skip(start) {
            if value.kind != LUA_TNIL {
                *key = number((i + 1) as f64);
                *key.add(1) = *value;
                return 1;
            }
        }
        for i in start.saturating_sub(elements.len())..place::count(table) {
            let node = (*table).nodes.add(i);
            if (*node).value.kind != LUA_TNIL {
                *key = (*node).key;
                *key.add(1) = (*node).value;
                return 1;
            }
        }
        0
    }
}

/// How many places there are up to that of this key, in the array and then in the nodes. Nil comes before all.
unsafe fn position(table: *const Table, key: *const Value) -> Option<usize> {
    // SAFETY: `luaH_next` passes the table and the key with which Lua has called it. Lua sets a value's kind together
    // with its content. `node_of` returns a node of this table, so the offset is one within its nodes.
    unsafe {
        let index = match (*key).kind {
            LUA_TNIL => return Some(0),
            LUA_TNUMBER => whole((*key).content.number).unwrap_or(0),
            _ => 0,
        };
        if 0 < index && index <= (*table).array_size {
            return Some(index as usize);
        }
        let node = node_of(table, key)?;
        let before = node.offset_from((*table).nodes) as usize;
        Some((*table).array_size as usize + before + 1)
    }
}

/// A border: an index whose value is not nil while that of the next one is, or 0.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn luaH_getn(table: *mut Table) -> c_int {
    // SAFETY: Lua calls this with a live table.
    unsafe {
        let elements = array(table);
        let has = |index: u32| (*luaH_getnum(table, index as c_int)).kind != LUA_TNIL;
        let size = elements.len() as u32;
        let (mut low, mut high);
        if size > 0 && elements[size as usize - 1].kind == LUA_TNIL {
            (low, high) = (0, size);
        } else if (*table).nodes == dummy() {
            return size as c_int;
        } else {
            (low, high) = (size, size + 1);
            while has(high) {
                (low, high) = (high, high * 2);
                if high > INDEX_MAX {
                    // The keys were chosen to lead here.
                    let first = (1..).find(|&index| !has(index)).unwrap_or(1);
                    return (first - 1) as c_int;
                }
            }
        }
        while high - low > 1 {
            let middle = low.midpoint(high);
            match has(middle) {
                true => low = middle,
                false => high = middle,
            }
        }
        low as c_int
    }
}
