//! Where a key belongs in the hash part of a table.
//!
//! The first node of a key is its home. Nodes whose keys have the same home form a chain, which begins there. A node
//! that is in the home of another key moves when that key is added.

use super::super::inside::{Content, Node, Table, Text, Value};
use super::super::strings::hash_word;
use mlua::ffi::{LUA_TBOOLEAN, LUA_TNIL, LUA_TNUMBER, LUA_TSTRING, LUA_TTHREAD, lua_Number};
use std::ffi::{c_int, c_uint};

/// A chain of more nodes is not an accident, whatever the keys: that of a good hash has less than half as many in the
/// largest table.
pub const CHAIN_MAX: usize = 32;

/// The only node of all tables that have none. Nothing writes to it: it has no key, and is never free.
static DUMMY: [u64; 5] = [0; 5];

/// The kind of a key whose object is gone.
const DEAD: c_int = LUA_TTHREAD + 3;

/// The node of tables that have none.
pub fn dummy() -> *mut Node {
    (&raw const DUMMY).cast::<Node>().cast_mut()
}

/// What has become of a key that looked for a node.
pub enum Placed {
    /// This one is its own.
    At(*mut Node),
    /// Its chain is long, and would not be if the secret had a part in it.
    Crowded,
    /// There are not enough nodes.
    Full,
}

/// The number of nodes.
///
/// # Safety
/// A live table.
pub unsafe fn count(table: *const Table) -> usize {
    // SAFETY: all callers work for a function that Lua has called with this table, which therefore is not freed.
    1 << unsafe { (*table).power }
}

/// The home of a number.
///
/// # Safety
/// A live table.
#[inline]
pub unsafe fn of_number(table: *const Table, number: lua_Number) -> *mut Node {
    // SAFETY: the table is alive, as for `count`, and its nodes are never null: without any, they are the dummy.
    unsafe {
        if number == 0.0 {
            // There is a zero with a sign.
            return (*table).nodes;
        }
        let bits = number.to_bits();
        match (*table).keyed {
            0 => of_open(table, (bits as c_uint).wrapping_add((bits >> 32) as c_uint)),
            _ => of_hash(table, hash_word(bits)),
        }
    }
}

/// The home of a string.
///
/// # Safety
/// A live table and a live string.
#[inline]
pub unsafe fn of_text(table: *const Table, text: *const Text) -> *mut Node {
    // SAFETY: the table is alive, as for `count`. The string is Lua's argument or a key of a node, and `home` passes
    // no key whose object is gone as a string: the collector gives such keys the kind `DEAD`.
    unsafe { of_hash(table, (*text).hash) }
}

/// The home of a key of any kind but nil.
///
/// # Safety
/// A live table and a key that is alive or has been in the table.
#[inline]
pub unsafe fn home(table: *const Table, key: *const Value) -> *mut Node {
    // SAFETY: the key is one that Lua has passed or that a node holds, and Lua sets a value's kind together with its
    // content, so the kind says which field of the union is valid. A key whose object is gone has the kind `DEAD`: then
    // only its address is used.
    unsafe {
        let content = (*key).content;
        match (*key).kind {
            LUA_TNUMBER => of_number(table, content.number),
            LUA_TSTRING => of_text(table, content.pointer.cast()),
            LUA_TBOOLEAN => of_hash(table, content.boolean as c_uint),
            _ => {
                let address = content.pointer as u64;
                match (*table).keyed {
                    0 => of_open(table, address as c_uint),
                    _ => of_hash(table, hash_word(address)),
                }
            }
        }
    }
}

/// The node of a hash whose low bits are as good as the others.
#[inline]
unsafe fn of_hash(table: *const Table, hash: c_uint) -> *mut Node {
    // SAFETY: the table is alive, as for `count`. It has a power of two of nodes, which `set_nodes` keeps true, so the
    // masked hash is less than their number.
    unsafe { (*table).nodes.add(hash as usize & (count(table) - 1)) }
}

/// The node of a hash that anyone can foresee. It is Lua's own, so that tables are walked through in the order that
/// scripts know.
#[inline]
unsafe fn of_open(table: *const Table, hash: c_uint) -> *mut Node {
    // SAFETY: the table is alive, as for `count`. The divisor is not larger than the number of nodes, so the remainder
    // is less than that.
    unsafe {
        let divisor = (count(table) - 1) as c_uint | 1;
        (*table).nodes.add((hash % divisor) as usize)
    }
}

/// The key is one of those that the secret has a part in.
fn may_be_keyed(kind: c_int) -> bool {
    !matches!(kind, LUA_TSTRING | LUA_TBOOLEAN)
}

/// The chain from this node on has more than [`CHAIN_MAX`] nodes.
unsafe fn is_long(mut node: *const Node) -> bool {
    for _ in 0..CHAIN_MAX {
        // SAFETY: `place` passes a node of a live table. `next` is null or leads to a node of the same table, which
        // `place` keeps true.
        node = unsafe { (*node).next };
        if node.is_null() {
            return false;
        }
    }
    true
}

/// A node that has never had a key.
unsafe fn take_free(table: *mut Table) -> Option<*mut Node> {
    // SAFETY: `place` passes a live table. `clear_nodes` sets `last_free` to the end of the nodes, and only this
    // function changes it, downwards and not below their beginning.
    unsafe {
        while (*table).last_free > (*table).nodes {
            (*table).last_free = (*table).last_free.sub(1);
            if (*(*table).last_free).key.kind == LUA_TNIL {
                return Some((*table).last_free);
            }
        }
        None
    }
}

/// Finds a node for a key that the table does not have, and gives it the key. Its value is nil.
///
/// # Safety
/// A live table and key.
pub unsafe fn place(table: *mut Table, key: *const Value) -> Placed {
    // SAFETY: `add` and `move_keys` pass a live table and a key that Lua or a node holds. A node whose value is not nil
    // has a key and is in the chain of that key's home, which this function keeps true, so the search for the node
    // before it ends. The dummy is never written to: it has no free nodes beside it, so `take_free` ends the call.
    unsafe {
        let mut node = home(table, key);
        let is_dummy = node == dummy();
        if (*node).value.kind != LUA_TNIL || is_dummy {
            if !is_dummy && (*table).keyed == 0 && may_be_keyed((*key).kind) && is_long(node) {
                return Placed::Crowded;
            }
            let Some(free) = take_free(table) else {
                return Placed::Full;
            };
            let other = home(table, &raw const (*node).key);
            if other == node {
                (*free).next = (*node).next;
                (*node).next = free;
                node = free;
            } else {
                // The other chain gets the free node instead of this one, which begins a chain.
                let mut before = other;
                while (*before).next != node {
                    before = (*before).next;
                }
                (*before).next = free;
                *free = *node;
                (*node).next = std::ptr::null_mut();
                (*node).value.kind = LUA_TNIL;
            }
        }
        (*node).key = *key;
        Placed::At(node)
    }
}

/// The node of a key, which may be one whose object is gone.
///
/// # Safety
/// A live table and key.
pub unsafe fn node_of(table: *const Table, key: *const Value) -> Option<*mut Node> {
    // SAFETY: `luaH_get` and `position` pass the table and the key with which Lua has called them. `next` is null or
    // leads to a node of the same table.
    unsafe {
        let is_object = (*key).kind >= LUA_TSTRING;
        let mut node = home(table, key);
        let was = |other: &Value| {
            is_object && other.kind == DEAD && other.content.pointer == (*key).content.pointer
        };
        while !same(&raw const (*node).key, key) && !was(&(*node).key) {
            node = (*node).next;
            if node.is_null() {
                return None;
            }
        }
        Some(node)
    }
}

/// A number as a value.
pub fn number(number: f64) -> Value {
    Value {
        content: Content { number },
        kind: LUA_TNUMBER,
    }
}

/// The whole number that this is, if `int` holds it.
#[inline]
pub fn whole(number: lua_Number) -> Option<c_int> {
    let int = number as c_int;
    (lua_Number::from(int) == number).then_some(int)
}

/// The two are the same key.
#[inline]
unsafe fn same(one: *const Value, other: *const Value) -> bool {
    // SAFETY: `node_of` passes the key of a node of its table and the key that it looks for. Lua and `place` set a
    // value's kind together with its content, so the kind says which field of the union is valid.
    unsafe {
        let (a, b) = ((*one).content, (*other).content);
        (*one).kind == (*other).kind
            && match (*one).kind {
                LUA_TNIL => true,
                LUA_TNUMBER => a.number == b.number,
                LUA_TBOOLEAN => a.boolean == b.boolean,
                _ => a.pointer == b.pointer,
            }
    }
}
