//! Library functions of Lua 5.1 that are unsound with hostile numbers, or work without end where no instruction
//! is executed: checked ones in their place.
//!
//! | function | what is checked |
//! |---|---|
//! | `unpack` | the count of results, without overflow |
//! | `table.insert` | moving elements gives way to the engine |
//! | `table.sort` | comparing many elements without a function gives way, too |
//! | `coroutine.create`, `wrap` | the instructions that a new coroutine may execute unseen are paid for |
//! | `xpcall` | a script that is killed executes no error handler |
//! | `collectgarbage` | a script cannot switch the collector off for those after it |
//! | `loadstring` | source text only, of a bounded size |
//!
//! Every function here may be left by a long jump: it owns nothing that would have to be dropped.

use super::pace::{self, HOOK_EVERY};
use mlua::ffi::{self, lua_CFunction, lua_State};
use mlua::{Function, Lua, Result, Table};
use std::ffi::{CStr, c_int};

/// Values that a function may return: what Lua's own stack of a C function holds, and room for a few more.
const RESULTS_MAX: i64 = 7990;

/// Longer source text is not compiled: the compiler does not give way, and counts in `int`.
pub const SOURCE_MAX: usize = 64 << 20;

/// Sorting more elements than this without a function compares them by one of ours.
const SORT_UNSEEN_MAX: usize = 20_000;

/// Puts the checked functions into the place of those in `globals`.
pub fn install(lua: &Lua, globals: &Table) -> Result<()> {
    let table: Table = globals.raw_get("table")?;
    let string: Table = globals.raw_get("string")?;
    super::text::install(lua, &string, &table)?;
    super::matching::install(lua, &string)?;
    let coroutine: Table = globals.raw_get("coroutine")?;
    for (owner, name, function) in [
        (globals, "unpack", unpack as lua_CFunction),
        (globals, "xpcall", xpcall),
        (&table, "insert", insert),
    ] {
        // SAFETY: these are C functions for any state and arguments.
        owner.raw_set(name, unsafe { lua.create_c_function(function)? })?;
    }
    for (owner, name, guard) in [
        (globals, "collectgarbage", collect_guard as lua_CFunction),
        (globals, "loadstring", text_guard),
        (&table, "sort", sort_guard),
        (&coroutine, "create", coroutine_guard),
        (&coroutine, "wrap", coroutine_guard),
    ] {
        let inner: Function = owner.raw_get(name)?;
        // SAFETY: the guards call their upvalue, a library function without upvalues of its own, with the state
        // that they got.
        let guarded: Function =
            unsafe { lua.exec_raw(inner, |state| ffi::lua_pushcclosure(state, guard, 1))? };
        owner.raw_set(name, guarded)?;
    }
    Ok(())
}

/// Calls the library function that is the guard's upvalue, in the guard's place.
///
/// # Safety
/// For C closures alone that were made with a C function as their first upvalue.
pub unsafe fn forward(state: *mut lua_State) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        match ffi::lua_tocfunction(state, ffi::lua_upvalueindex(1)) {
            Some(inner) => inner(state),
            None => 0,
        }
    }
}

unsafe extern "C-unwind" fn unpack(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state; the stack is made large enough before values are pushed.
    unsafe {
        ffi::luaL_checktype(state, 1, ffi::LUA_TTABLE);
        let integer = |i, default: i64| match ffi::lua_type(state, i) {
            ffi::LUA_TNONE | ffi::LUA_TNIL => default,
            _ => i64::from(ffi::luaL_checkinteger(state, i) as c_int),
        };
        let first = integer(2, 1);
        let last = match ffi::lua_type(state, 3) {
            ffi::LUA_TNONE | ffi::LUA_TNIL => ffi::lua_objlen(state, 1) as i64,
            _ => integer(3, 0),
        };
        if first > last {
            return 0;
        }
        let count = last - first + 1;
        if count > RESULTS_MAX || ffi::lua_checkstack(state, count as c_int) == 0 {
            return ffi::luaL_error(state, c"too many results to unpack".as_ptr());
        }
        for i in first..=last {
            ffi::lua_rawgeti(state, 1, i as _);
        }
        count as c_int
    }
}

unsafe extern "C-unwind" fn insert(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values.
    unsafe {
        if super::raw::push_frozen(state, 1) {
            ffi::lua_pushstring(state, c"Attempt to modify a readonly table".as_ptr());
            ffi::lua_error(state)
        }
        ffi::luaL_checktype(state, 1, ffi::LUA_TTABLE);
        let end = ffi::lua_objlen(state, 1) as i64 + 1;
        let place = match ffi::lua_gettop(state) {
            2 => end,
            3 => {
                let place = i64::from(ffi::luaL_checkinteger(state, 2) as c_int);
                for i in (place + 1..=end).rev() {
                    if i % 64 == 0 {
                        pace::spend(state, 64);
                    }
                    ffi::lua_rawgeti(state, 1, (i - 1) as _);
                    ffi::lua_rawseti(state, 1, i as _);
                }
                place
            }
            _ => {
                let text = c"wrong number of arguments to 'insert'";
                return ffi::luaL_error(state, text.as_ptr());
            }
        };
        ffi::lua_rawseti(state, 1, place as _);
        0
    }
}

unsafe extern "C-unwind" fn sort_guard(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values; `install` made the closure.
    unsafe {
        if ffi::lua_type(state, 1) == ffi::LUA_TTABLE
            && ffi::lua_type(state, 2) <= ffi::LUA_TNIL
            && ffi::lua_objlen(state, 1) > SORT_UNSEEN_MAX
        {
            ffi::lua_settop(state, 1);
            ffi::lua_pushcclosure(state, less, 0);
        }
        forward(state)
    }
}

unsafe extern "C-unwind" fn less(state: *mut lua_State) -> c_int {
    // SAFETY: `table.sort` calls this with two values.
    unsafe {
        pace::spend(state, 1);
        let less = ffi::lua_lessthan(state, 1, 2);
        ffi::lua_pushboolean(state, less);
        1
    }
}

unsafe extern "C-unwind" fn coroutine_guard(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values; `install` made the closure.
    unsafe {
        pace::spend(state, HOOK_EVERY);
        forward(state)
    }
}

/// `xpcall`: the script's handler is called by one of ours.
unsafe extern "C-unwind" fn xpcall(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values.
    unsafe {
        ffi::luaL_checkany(state, 2);
        ffi::lua_settop(state, 2);
        ffi::lua_pushcclosure(state, handle, 1);
        ffi::lua_insert(state, 1);
        let status = ffi::lua_pcall(state, 0, ffi::LUA_MULTRET, 1);
        ffi::lua_pushboolean(state, (status == ffi::LUA_OK).into());
        ffi::lua_replace(state, 1);
        ffi::lua_gettop(state)
    }
}

/// Hooks are off while a handler deals with an error that a hook has raised, so a script that has been killed could
/// go on in its handler for ever.
pub(super) unsafe extern "C-unwind" fn handle(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls error handlers with the error; `xpcall` made the closure with the script's own handler.
    unsafe {
        if pace::of_state(state).is_some_and(pace::Pace::is_killed) {
            return 1;
        }
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        ffi::lua_call(state, ffi::lua_gettop(state) - 1, 1);
        1
    }
}

unsafe extern "C-unwind" fn collect_guard(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state; the option is a string with a zero byte behind it that stays
    // on the stack; `install` made the closure.
    unsafe {
        if ffi::lua_type(state, 1) == ffi::LUA_TSTRING {
            let option = CStr::from_ptr(ffi::lua_tolstring(state, 1, std::ptr::null_mut()));
            let settings = [c"stop", c"restart", c"setpause", c"setstepmul"];
            if settings.contains(&option) {
                ffi::lua_pushinteger(state, 0);
                return 1;
            }
        }
        forward(state)
    }
}

/// `loadstring`: source text only. Compiled code is not checked by Lua and could do anything; behind a space it is
/// read as the text that it is not. The chunk's name stays on the stack, so that the collector does not free it
/// while the compiler works.
unsafe extern "C-unwind" fn text_guard(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values; the strings stay on the stack while
    // they are looked at; `install` made the closure.
    unsafe {
        let mut length = 0;
        let text = ffi::luaL_checklstring(state, 1, &mut length);
        if length > SOURCE_MAX {
            ffi::lua_pushnil(state);
            ffi::lua_pushstring(state, c"chunk is too large".as_ptr());
            return 2;
        }
        ffi::lua_settop(state, 2);
        if ffi::lua_type(state, 2) == ffi::LUA_TNIL {
            ffi::lua_pushvalue(state, 1);
            ffi::lua_replace(state, 2);
        }
        if length > 0 && *text == 27 {
            ffi::lua_pushstring(state, c" ".as_ptr());
            ffi::lua_pushvalue(state, 1);
            ffi::lua_concat(state, 2);
            ffi::lua_replace(state, 1);
        }
        ffi::lua_pushstring(
            state,
            ffi::luaL_checklstring(state, 2, std::ptr::null_mut()),
        );
        forward(state)
    }
}
