//! Lua's allocations.
//!
//! mlua's allocator counts what Lua holds and has a limit, but ends the process when the system has no memory. The
//! functions here replace the three in Lua's `lmem.c`, in the same way as those in [`super::strings`]: whatever the
//! reason why there is no memory, Lua raises its error. It also does so as long as the process is short of memory,
//! because what is left then ([`base::reserve`]) is for code that cannot fail.
//!
//! They also see how large the blocks are that a script uses. One instruction may copy, compare, sort into place or
//! iterate over a whole block, so the hook that counts instructions is called sooner if blocks are large
//! ([`super::pace::hook_for_block`]).

use super::inside::{Accounts, State};
use super::pace;
use base::reserve;
use mlua::ffi::{self, LUA_ERRMEM, SYS_MIN_ALIGN};
use mlua::{Lua, Result};
use std::alloc::{Layout, alloc, dealloc, realloc};
use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;

/// Elements that a growing vector has at least.
const ELEMENTS_MIN: c_int = 4;

unsafe extern "C-unwind" {
    /// Leaves by a long jump.
    fn luaD_throw(state: *mut State, status: c_int) -> !;
    /// Raises an error with this text.
    fn luaG_runerror(state: *mut State, format: *const c_char, ...) -> !;
}

/// The layout of a block of `bytes` bytes, as mlua's allocator makes them, so that its blocks can be freed here.
fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes, SYS_MIN_ALIGN).ok()
}

/// Makes `block` of `old` bytes one of `new` bytes; 0 bytes are no block. Raises an error if there is no memory.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn luaM_realloc_(
    state: *mut State,
    block: *mut c_void,
    old: usize,
    new: usize,
) -> *mut c_void {
    // SAFETY: Lua calls this with a live state and a block of this size that was made here or by mlua's allocator.
    // Nothing here owns what a long jump would leak.
    unsafe {
        let made = try_realloc(state, block, old, new);
        if made.is_null() && new > 0 {
            raise(state);
        }
        made
    }
}

/// As [`luaM_realloc_`], but gives null if there is no memory; then the old block is as it was.
///
/// # Safety
/// A live state and a block of this size that was made here or by mlua's allocator, which has the same layout and the
/// same accounts.
#[inline]
pub unsafe fn try_realloc(
    state: *mut State,
    block: *mut c_void,
    old: usize,
    new: usize,
) -> *mut c_void {
    // SAFETY: `luaM_realloc_` has its arguments from Lua, and `tables::resize` has them from a live table, whose sizes
    // it keeps right. The mirrored fields are those of Lua 5.1.5, and the data of the allocator is mlua's, which
    // `mirrors` has compared with `Accounts` before the first script runs.
    unsafe {
        let global = (*state).global;
        let made = place(&mut *(*global).allocator_data, block.cast(), old, new);
        if made.is_null() && new > 0 {
            return null_mut();
        }
        (*global).total = ((*global).total - old) + new;
        if new >= pace::BLOCK_NOTED {
            pace::hook_for_block((*global).main.cast(), state.cast(), new);
        }
        made.cast()
    }
}

/// Raises the error of missing memory.
///
/// # Safety
/// A live state. Leaves by a long jump.
pub unsafe fn raise(state: *mut State) -> ! {
    // SAFETY: `luaM_realloc_`, `tables::resize` and `luaH_new` pass the live state that Lua has called them with, and
    // own nothing that a long jump would leak. Lua has a place to jump to: all scripts run in protected calls.
    unsafe { luaD_throw(state, LUA_ERRMEM) }
}

/// The new block, or null if there is no memory for it.
///
/// # Safety
/// `block` has `old` bytes and was made here, or is null.
#[inline]
unsafe fn place(accounts: &mut Accounts, block: *mut u8, old: usize, new: usize) -> *mut u8 {
    if new > isize::MAX as usize - SYS_MIN_ALIGN {
        return null_mut();
    }
    let old = if block.is_null() { 0 } else { old };
    let more = new as isize - old as isize;
    if more > 0
        && accounts.limit > 0
        && (accounts.used + more > accounts.limit || reserve::is_short())
        && !accounts.ignores_limit
    {
        return null_mut();
    }
    let (Some(from), Some(to)) = (layout(old), layout(new)) else {
        return null_mut();
    };
    // SAFETY: Lua passes the size with which it has asked for the block, and mlua's allocator makes blocks of the same
    // layout, so `from` is the layout of `block`. The system is never asked for 0 bytes.
    let made = unsafe {
        match (old, new) {
            (0, 0) => return null_mut(),
            (0, _) => alloc(to),
            (_, 0) => {
                dealloc(block, from);
                std::ptr::null_mut()
            }
            _ => realloc(block, from, new),
        }
    };
    if made.is_null() && new > 0 {
        // Lua relies on it that a block can be made smaller.
        return if new <= old { block } else { made };
    }
    accounts.used += more;
    made
}

/// Raises the error of a size that cannot be.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn luaM_toobig(state: *mut State) -> *mut c_void {
    // SAFETY: Lua calls this with a live state.
    unsafe { luaG_runerror(state, c"memory allocation error: block too big".as_ptr()) }
}

/// Doubles a vector of `size` elements, up to `limit` elements.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn luaM_growaux_(
    state: *mut State,
    block: *mut c_void,
    size: *mut c_int,
    bytes: usize,
    limit: c_int,
    text: *const c_char,
) -> *mut c_void {
    // SAFETY: Lua calls this with a live state and a vector of its own.
    unsafe {
        let old = *size;
        let new = match old >= limit / 2 {
            true if old >= limit => luaG_runerror(state, text),
            true => limit,
            false => (old * 2).max(ELEMENTS_MIN),
        };
        let Some(total) = (new as usize).checked_mul(bytes) else {
            return luaM_toobig(state);
        };
        let made = luaM_realloc_(state, block, old as usize * bytes, total);
        *size = new;
        made
    }
}

/// Makes the linker take these functions before it looks into Lua's library.
pub fn in_place() -> bool {
    let ours: [*const (); 3] = [
        luaM_realloc_ as *const (),
        luaM_toobig as *const (),
        luaM_growaux_ as *const (),
    ];
    std::hint::black_box(ours).iter().all(|f| !f.is_null())
}

/// True if mlua's count of memory for `lua` is where these functions look for it.
///
/// # Errors
/// Those of mlua.
pub fn mirrors(lua: &Lua) -> Result<bool> {
    const MARK: usize = 0x7fff_1234_5678;
    let mut data = std::ptr::null_mut();
    // SAFETY: asking for the allocator is possible in any state.
    unsafe {
        let data = &raw mut data;
        lua.exec_raw::<()>((), |state| _ = ffi::lua_getallocf(state, data))?;
    }
    let before = lua.set_memory_limit(MARK)?;
    // SAFETY: mlua's data has this size and alignment at least, whatever its fields are.
    let seen = unsafe { &*data.cast::<Accounts>() };
    let mirrors = seen.limit == MARK as isize
        && seen.used == lua.used_memory() as isize
        && !seen.ignores_limit;
    lua.set_memory_limit(before)?;
    Ok(mirrors)
}
