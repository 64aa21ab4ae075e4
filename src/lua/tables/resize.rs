//! Changing the size of a table.
//!
//! One instruction may do this to a table of millions of entries. Therefore it yields to the engine in between, even in
//! the middle of a change, because nothing but the script can see the table.

use super::super::inside::{Node, State, Table, Value};
use super::super::memory::{self, luaM_realloc_};
use super::super::pace::in_pieces;
use super::census::{POWER_MAX, power_for};
use super::luaG_runerror;
use super::place::{self, Placed, dummy, number, place, whole};
use mlua::ffi::{LUA_TNIL, LUA_TNUMBER};
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

/// Gives both parts of a table another size; all keys find a place. From then on their places depend on the secret if
/// this is asked for, or if they turn out to collide. If there is no memory, the table stays as it is.
///
/// # Safety
/// A live state and table. May leave by a long jump.
pub unsafe fn resize(
    state: *mut State,
    table: *mut Table,
    array_size: c_int,
    nodes: u32,
    keyed: bool,
) {
    // SAFETY: `luaH_set` and its relatives pass the state and the table with which Lua has called them, and both live
    // for the whole call: the collector frees no table that the stack refers to. The old nodes belong to `old` from
    // `set_nodes` on, and are freed once, after the last key has left them.
    unsafe {
        let old = Nodes::of(table);
        let old_array = (*table).array_size;
        set_nodes(state, table, nodes);
        if array_size > old_array && !set_array(state, table, array_size) {
            Nodes::of(table).free(state);
            old.put_back(table);
            memory::raise(state);
        }
        (*table).keyed |= c_int::from(keyed);
        (*table).array_size = array_size;
        while !move_keys(state, table, old_array, &old) {
            if (*table).keyed != 0 {
                luaG_runerror(state, c"table overflow".as_ptr());
            }
            (*table).keyed = 1;
            clear_nodes(state, table);
        }
        if array_size < old_array {
            (*table).array_size = old_array;
            set_array(state, table, array_size);
        }
        old.free(state);
    }
}

/// All nodes of a table.
pub struct Nodes {
    first: *mut Node,
    power: u8,
    last_free: *mut Node,
}

impl Nodes {
    /// Those that it has.
    ///
    /// # Safety
    /// A live table.
    pub unsafe fn of(table: *const Table) -> Nodes {
        // SAFETY: `resize` and `luaH_free` pass a table that Lua has not freed, and its three fields are copied, not
        // followed.
        unsafe {
            Nodes {
                first: (*table).nodes,
                power: (*table).power,
                last_free: (*table).last_free,
            }
        }
    }

    unsafe fn put_back(&self, table: *mut Table) {
        // SAFETY: `resize` is the only caller. Its table is alive, and these are its former nodes, not freed yet.
        unsafe {
            (*table).nodes = self.first;
            (*table).power = self.power;
            (*table).last_free = self.last_free;
        }
    }

    /// Frees them.
    ///
    /// # Safety
    /// A live state. No table has them any more.
    pub unsafe fn free(&self, state: *mut State) {
        if self.first != dummy() {
            let bytes = size_of::<Node>() << self.power;
            // SAFETY: `set_nodes` has made these nodes, of the size that `power` tells. `resize` and `luaH_free` call
            // this when the table has other nodes or is about to be freed, so that nothing refers to them. Freeing
            // does not fail, so no long jump leaves from here.
            unsafe { luaM_realloc_(state, self.first.cast(), bytes, 0) };
        }
    }
}

/// Brings what was in a table's old parts to its new ones: the end of the array, if it has become shorter, and all old
/// nodes. Says false if a chain becomes long; then nothing is lost, and the new nodes must be cleared.
unsafe fn move_keys(state: *mut State, table: *mut Table, old_array: c_int, old: &Nodes) -> bool {
    // SAFETY: `resize` is the only caller. Its table is alive, its array still has all `old_array` elements, because
    // it is made shorter only afterwards, and `old` is freed only afterwards. So every index and every node that the
    // closures reach exists; indices up to `array_size` are within the array, which has at least that many elements.
    unsafe {
        let into_node = |key: &Value, value: Value| match place(table, key) {
            Placed::At(node) => {
                (*node).value = value;
                true
            }
            Placed::Crowded | Placed::Full => false,
        };
        let (first, after) = ((*table).array_size as usize, old_array as usize);
        let element = |i: usize| {
            let value = *(*table).array.add(i);
            value.kind == LUA_TNIL || into_node(&number((i + 1) as f64), value)
        };
        let count = 1_usize << old.power;
        let node = |i: usize| {
            let Node { key, value, .. } = *old.first.add(count - 1 - i);
            let index = match key.kind {
                LUA_TNUMBER => whole(key.content.number).unwrap_or(0),
                _ => 0,
            };
            if value.kind == LUA_TNIL {
                true
            } else if 0 < index && index <= (*table).array_size {
                *(*table).array.add(index as usize - 1) = value;
                true
            } else {
                into_node(&key, value)
            }
        };
        in_pieces(state, first, after, |mut piece| piece.all(element))
            && in_pieces(state, 0, count, |mut piece| piece.all(node))
    }
}

/// Gives the array another size; new elements are nil. Says false if there is no memory, which happens only if it
/// becomes larger.
///
/// # Safety
/// A live state and table.
pub unsafe fn set_array(state: *mut State, table: *mut Table, size: c_int) -> bool {
    // SAFETY: `resize` and `luaH_new` pass a live state and a table that is theirs. The array has exactly `array_size`
    // elements, which this function keeps true, so that the old size is right; the elements that are written lie
    // within the new block.
    unsafe {
        let bytes = |size: c_int| size as usize * size_of::<Value>();
        let old = (*table).array_size;
        let block = (*table).array.cast::<c_void>();
        let made = memory::try_realloc(state, block, bytes(old), bytes(size));
        if made.is_null() && size > 0 {
            return false;
        }
        (*table).array = made.cast();
        in_pieces(state, old as usize, size as usize, |piece| {
            piece.for_each(|i| (*(*table).array.add(i)).kind = LUA_TNIL);
            true
        });
        (*table).array_size = size;
        true
    }
}

/// Gives the table new nodes, at least this many; the old ones are the caller's.
///
/// # Safety
/// A live state and table. May leave by a long jump, before anything is changed.
pub unsafe fn set_nodes(state: *mut State, table: *mut Table, count: u32) {
    // SAFETY: `resize` and `luaH_new` pass a live state and table. The block that is made has `1 << power` nodes, as
    // `power` then says; `clear_nodes` writes all of them before anything reads one.
    unsafe {
        if count == 0 {
            (*table).nodes = dummy();
            (*table).power = 0;
            (*table).last_free = dummy();
            return;
        }
        let power = power_for(count);
        if power > POWER_MAX {
            luaG_runerror(state, c"table overflow".as_ptr());
        }
        let bytes = size_of::<Node>() << power;
        (*table).nodes = luaM_realloc_(state, null_mut(), 0, bytes).cast();
        (*table).power = power as u8;
        clear_nodes(state, table);
    }
}

/// Makes all nodes free.
unsafe fn clear_nodes(state: *mut State, table: *mut Table) {
    // SAFETY: `set_nodes` and `resize` call this with a live table whose nodes are its own, not the dummy: there are
    // `count` of them, and the indices end there.
    unsafe {
        let count = place::count(table);
        in_pieces(state, 0, count, |piece| {
            for i in piece {
                let node = (*table).nodes.add(i);
                (*node).next = null_mut();
                (*node).key.kind = LUA_TNIL;
                (*node).value.kind = LUA_TNIL;
            }
            true
        });
        (*table).last_free = (*table).nodes.add(count);
    }
}
