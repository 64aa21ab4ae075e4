//! Lua's own structures, as far as the functions that replace Lua's access them.
//!
//! They mirror those of Lua 5.1.5, the last release of that version. [`Accounts`] mirrors what mlua passes to its
//! allocator; [`super::memory::mirrors`] checks it before anything relies on it.

use std::ffi::{c_int, c_uint, c_void};

/// What every collectable object begins with.
#[repr(C)]
pub struct Object {
    pub next: *mut Object,
    pub kind: u8,
    pub marked: u8,
}

/// A string; its bytes and a zero byte follow.
#[repr(C)]
pub struct Text {
    pub next: *mut Object,
    pub kind: u8,
    pub marked: u8,
    pub reserved: u8,
    pub hash: c_uint,
    pub len: usize,
}

/// A userdata; its bytes follow.
#[repr(C)]
pub struct Userdata {
    pub next: *mut Object,
    pub kind: u8,
    pub marked: u8,
    pub metatable: *mut c_void,
    pub env: *mut c_void,
    pub len: usize,
}

/// What a value is, which its kind says.
#[repr(C)]
#[derive(Clone, Copy)]
pub union Content {
    pub number: f64,
    pub boolean: c_int,
    /// Of a light userdata, or of an object.
    pub pointer: *mut c_void,
}

/// A value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Value {
    pub content: Content,
    pub kind: c_int,
}

/// An entry of a table's hash part.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Node {
    pub value: Value,
    pub key: Value,
    /// The next entry of its chain.
    pub next: *mut Node,
}

/// A table.
#[repr(C)]
pub struct Table {
    pub next: *mut Object,
    pub kind: u8,
    pub marked: u8,
    /// Metamethods that it is known not to have.
    pub absent: u8,
    /// The binary logarithm of how many nodes there are.
    pub power: u8,
    pub metatable: *mut Table,
    pub array: *mut Value,
    pub nodes: *mut Node,
    /// The nodes from here on are in use.
    pub last_free: *mut Node,
    pub gray: *mut Object,
    pub array_size: c_int,
    /// Not 0 if the places of its keys depend on the secret. Lua's structure ends before this field, which takes no
    /// more room than its padding.
    pub keyed: c_int,
}

const _: () = assert!(size_of::<Value>() == 16 && size_of::<Node>() == 40);
const _: () = assert!(size_of::<Table>() == 64);

/// The beginning of a coroutine.
#[repr(C)]
pub struct State {
    pub next: *mut Object,
    pub kind: u8,
    pub marked: u8,
    pub status: u8,
    pub top: *mut c_void,
    pub base: *mut c_void,
    pub global: *mut Global,
}

/// What all coroutines share, up to the last field that is used here.
#[repr(C)]
pub struct Global {
    pub chains: *mut *mut Object,
    pub texts: u32,
    pub size: c_int,
    pub allocator: *const c_void,
    pub allocator_data: *mut Accounts,
    pub current_white: u8,
    pub phase: u8,
    pub swept: c_int,
    pub lists: [*mut c_void; 6],
    pub buffer: [usize; 3],
    pub threshold: usize,
    pub total: usize,
    pub estimate: usize,
    pub debt: usize,
    pub pause: c_int,
    pub step: c_int,
    pub panic: *const c_void,
    pub registry: u64,
    pub registry_kind: c_int,
    pub main: *mut State,
}

/// What mlua's allocator counts.
#[repr(C)]
pub struct Accounts {
    /// Bytes that Lua holds.
    pub used: isize,
    /// Bytes that it may hold; 0 is no limit.
    pub limit: isize,
    /// The limit does not matter for now.
    pub ignores_limit: bool,
}
