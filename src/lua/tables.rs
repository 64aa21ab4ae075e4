//! Lua's tables, with keys that cannot be made to collide.
//!
//! Lua 5.1 hashes numbers and addresses without a secret, so thousands of keys can be chosen that share one chain. Each
//! further key has to be compared with all of it, and when the table grows, one instruction does so for every key,
//! which can take minutes in which no hook is called. The functions here replace all of Lua's `ltable.c`, in the same
//! way as those in [`super::strings`] replace another file. A table begins with Lua's own hashes, so `pairs` returns
//! keys in the order that scripts know. Once a chain is too long to be an accident, the table places its numbers and
//! addresses by a hash that depends on the secret of the strings' hash.
//!
//! | file | contents |
//! |---|---|
//! | `tables` | the functions that Lua calls |
//! | `place` | which node a key gets |
//! | `census`, `resize` | how large the parts of a table should be, and changing their size |
//! | `walk` | iterating over entries |

mod census;
mod place;
mod resize;
#[cfg(test)]
mod tests;
mod walk;

use super::inside::{Content, Object, State, Table, Text, Value};
use super::memory::{self, luaM_realloc_};
use super::pace::in_pieces;
use census::Census;
use mlua::ffi::{LUA_TNIL, LUA_TNUMBER, LUA_TSTRING, LUA_TTABLE};
use place::{Placed, dummy, node_of, number, place, whole};
use resize::{Nodes, resize, set_array, set_nodes};
use std::ffi::{c_char, c_int};
use std::ptr::null_mut;
use walk::{array, luaH_getn, luaH_next};

/// The two colours of what the collector has not reached, and that of what it is done with.
const WHITES: u8 = 3;
const BLACK: u8 = 4;

unsafe extern "C-unwind" {
    /// The nil that stands for a key that is not in a table.
    #[link_name = "luaO_nilobject_"]
    static NOTHING: Value;
    /// Makes it known to the collector.
    fn luaC_link(state: *mut State, object: *mut Table, kind: u8);
    /// Lets the collector look at the table once more.
    fn luaC_barrierback(state: *mut State, table: *mut Table);
    /// Raises an error with this text.
    fn luaG_runerror(state: *mut State, format: *const c_char, ...) -> !;
}

fn nothing() -> *const Value {
    &raw const NOTHING
}

/// The value of a string.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn luaH_getstr(table: *mut Table, text: *mut Text) -> *const Value {
    // SAFETY: Lua calls this with a live table and string.
    unsafe {
        let mut node = place::of_text(table, text);
        while (*node).key.kind != LUA_TSTRING || (*node).key.content.pointer != text.cast() {
            node = (*node).next;
            if node.is_null() {
                return nothing();
            }
        }
        &raw const (*node).value
    }
}

/// The value of a number that is not in the array.
#[inline]
unsafe fn get_number(table: *const Table, number: f64) -> *const Value {
    // SAFETY: the caller's table is alive; the kind says which content it is.
    unsafe {
        let mut node = place::of_number(table, number);
        while (*node).key.kind != LUA_TNUMBER || (*node).key.content.number != number {
            node = (*node).next;
            if node.is_null() {
                return nothing();
            }
        }
        &raw const (*node).value
    }
}

/// The value of an index.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn luaH_getnum(table: *mut Table, index: c_int) -> *const Value {
    // SAFETY: Lua calls this with a live table.
    unsafe {
        let at = index.wrapping_sub(1) as u32;
        match at < (*table).array_size as u32 {
            true => (*table).array.add(at as usize),
            false => get_number(table, f64::from(index)),
        }
    }
}

/// The value of any key.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn luaH_get(table: *mut Table, key: *const Value) -> *const Value {
    // SAFETY: Lua calls this with a live table and key; the kind says which content it is.
    unsafe {
        match (*key).kind {
            LUA_TSTRING => luaH_getstr(table, (*key).content.pointer.cast()),
            LUA_TNUMBER => match whole((*key).content.number) {
                Some(index) => luaH_getnum(table, index),
                None => get_number(table, (*key).content.number),
            },
            LUA_TNIL => nothing(),
            _ => match node_of(table, key) {
                Some(node) => &raw const (*node).value,
                None => nothing(),
            },
        }
    }
}

/// Where to write the value of a key, which gets a place if it has none.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn luaH_set(
    state: *mut State,
    table: *mut Table,
    key: *const Value,
) -> *mut Value {
    // SAFETY: Lua calls this with a live state, table and key. Nothing here owns what a long jump would leak.
    unsafe {
        let found = luaH_get(table, key);
        (*table).absent = 0;
        if found != nothing() {
            return found.cast_mut();
        }
        match (*key).kind {
            LUA_TNIL => luaG_runerror(state, c"table index is nil".as_ptr()),
            LUA_TNUMBER if (*key).content.number.is_nan() => {
                luaG_runerror(state, c"table index is NaN".as_ptr())
            }
            _ => add(state, table, key),
        }
    }
}

/// Where to write the value of an index.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn luaH_setnum(
    state: *mut State,
    table: *mut Table,
    index: c_int,
) -> *mut Value {
    // SAFETY: as in `luaH_set`.
    unsafe {
        let found = luaH_getnum(table, index);
        match found == nothing() {
            true => add(state, table, &number(f64::from(index))),
            false => found.cast_mut(),
        }
    }
}

/// Where to write the value of a string.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn luaH_setstr(
    state: *mut State,
    table: *mut Table,
    text: *mut Text,
) -> *mut Value {
    // SAFETY: as in `luaH_set`.
    unsafe {
        let found = luaH_getstr(table, text);
        let content = Content {
            pointer: text.cast(),
        };
        let key = Value {
            content,
            kind: LUA_TSTRING,
        };
        match found == nothing() {
            true => add(state, table, &key),
            false => found.cast_mut(),
        }
    }
}

/// Where to write the value of a key that the table does not have.
unsafe fn add(state: *mut State, table: *mut Table, key: *const Value) -> *mut Value {
    // SAFETY: as in `luaH_set`.
    unsafe {
        loop {
            match place(table, key) {
                Placed::At(node) => {
                    let is_white = (*key).kind >= LUA_TSTRING
                        && (*(*key).content.pointer.cast::<Object>()).marked & WHITES != 0;
                    if is_white && (*table).marked & BLACK != 0 {
                        luaC_barrierback(state, table);
                    }
                    return &raw mut (*node).value;
                }
                Placed::Crowded => {
                    let (array, nodes) = ((*table).array_size, place::count(table));
                    resize(state, table, array, nodes as u32, true);
                }
                Placed::Full => {
                    let (array, nodes) = count(state, table, key).sizes();
                    resize(state, table, array, nodes, false);
                    // It may be an index of the array now.
                    let found = luaH_get(table, key);
                    if found != nothing() {
                        return found.cast_mut();
                    }
                }
            }
        }
    }
}

/// Counts the keys of a table, and one that comes to them.
unsafe fn count(state: *mut State, table: *const Table, key: *const Value) -> Census {
    let mut census = Census::default();
    // SAFETY: as in `luaH_set`.
    unsafe {
        let elements = array(table);
        in_pieces(state, 0, elements.len(), |piece| {
            census.count_elements(piece.start, &elements[piece]);
            true
        });
        let nodes = std::slice::from_raw_parts((*table).nodes, place::count(table));
        in_pieces(state, 0, nodes.len(), |piece| {
            census.count_nodes(&nodes[piece]);
            true
        });
        census.count_key(&*key);
    }
    census
}

/// Makes the array larger, for elements that are about to be written.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn luaH_resizearray(state: *mut State, table: *mut Table, size: c_int) {
    // SAFETY: as in `luaH_set`.
    unsafe {
        let nodes = match (*table).nodes == dummy() {
            true => 0,
            false => place::count(table),
        };
        resize(state, table, size, nodes as u32, false);
    }
}

/// A table with room for so many elements and other keys.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn luaH_new(
    state: *mut State,
    array_size: c_int,
    nodes: c_int,
) -> *mut Table {
    // SAFETY: Lua calls this with a live state. The collector knows the table before anything can fail.
    unsafe {
        let table: *mut Table = luaM_realloc_(state, null_mut(), 0, size_of::<Table>()).cast();
        luaC_link(state, table, LUA_TTABLE as u8);
        (*table).metatable = null_mut();
        (*table).absent = !0;
        (*table).array = null_mut();
        (*table).array_size = 0;
        (*table).nodes = dummy();
        (*table).power = 0;
        (*table).last_free = dummy();
        (*table).keyed = 0;
        if array_size > 0 && !set_array(state, table, array_size) {
            memory::raise(state);
        }
        set_nodes(state, table, nodes.max(0) as u32);
        table
    }
}

/// Frees a table.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn luaH_free(state: *mut State, table: *mut Table) {
    // SAFETY: Lua calls this with a live state and a table that nothing refers to.
    unsafe {
        Nodes::of(table).free(state);
        let bytes = (*table).array_size as usize * size_of::<Value>();
        luaM_realloc_(state, (*table).array.cast(), bytes, 0);
        luaM_realloc_(state, table.cast(), size_of::<Table>(), 0);
    }
}

/// Makes the linker take these functions before it looks into Lua's library.
pub fn in_place() -> bool {
    let ours: [*const (); 11] = [
        luaH_get as *const (),
        luaH_getnum as *const (),
        luaH_getstr as *const (),
        luaH_set as *const (),
        luaH_setnum as *const (),
        luaH_setstr as *const (),
        luaH_new as *const (),
        luaH_resizearray as *const (),
        luaH_free as *const (),
        luaH_next as *const (),
        luaH_getn as *const (),
    ];
    std::hint::black_box(ours).iter().all(|f| !f.is_null())
}
