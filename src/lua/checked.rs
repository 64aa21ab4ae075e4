//! Checked replacements for library functions of Lua 5.1 that are unsound with hostile numbers, or that can run
//! endlessly without executing an instruction.
//!
//! | function | what is added |
//! |---|---|
//! | `unpack` | counts results without overflow |
//! | `table.insert` | yields to the engine while it moves elements |
//! | `table.sort` | yields to the engine while it compares many or long elements without a function of the script |
//! | `coroutine.create`, `wrap` | charge for the instructions that a new coroutine may execute uncounted |
//! | `coroutine.resume` | calls the hook in the coroutine as soon as in the one that resumes it |
//! | `xpcall` | executes no error handler of a killed script |
//! | `collectgarbage` | yields to the engine; a script cannot switch off the collector for later scripts |
//!
//! Every function here may be left by a long jump: it owns nothing that would have to be dropped.

use super::pace::{self, HOOK_EVERY};
use mlua::ffi::{self, lua_CFunction, lua_State};
use mlua::{Function, Lua, Result, Table};
use std::ffi::{CStr, c_int};

/// Values that the stack of a C function holds in Lua 5.1 (`LUAI_MAXCSTACK`), arguments included.
const RESULTS_MAX: i64 = 8000;

/// Sorting more elements than this without a function compares them by one of ours.
const SORT_UNSEEN_MAX: usize = 1000;

/// Longer strings than this are compared by one of ours, too.
const COMPARE_UNSEEN_MAX: usize = 4096;

/// Kilobytes of work between two looks at the time while garbage is collected.
const COLLECT_STEP: c_int = 256;

/// What a script pays for that.
pub const COLLECT_WORK: u32 = 10_000;

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
        (globals, "loadstring", super::compile::loadstring),
        (&table, "insert", insert),
    ] {
        // SAFETY: these are C functions for any state and arguments.
        owner.raw_set(name, unsafe { lua.create_c_function(function)? })?;
    }
    for (owner, name, guard) in [
        (globals, "collectgarbage", collect_guard as lua_CFunction),
        (&table, "sort", sort_guard),
        (&coroutine, "create", create_guard),
        (&coroutine, "resume", resume_guard),
    ] {
        let inner: Function = owner.raw_get(name)?;
        // SAFETY: the guards call their upvalue, a library function without upvalues of its own, with the state
        // that they got.
        let guarded: Function =
            unsafe { lua.exec_raw(inner, |state| ffi::lua_pushcclosure(state, guard, 1))? };
        owner.raw_set(name, guarded)?;
    }
    let (create, resume): (Function, Function) =
        (coroutine.raw_get("create")?, coroutine.raw_get("resume")?);
    // SAFETY: two values are on the stack and one is left there.
    let wrap: Function = unsafe {
        lua.exec_raw((create, resume), |state| {
            ffi::lua_pushcclosure(state, wrap, 2);
        })?
    };
    coroutine.raw_set("wrap", wrap)
}

/// Calls the library function that is the guard's upvalue, in the guard's place.
///
/// # Safety
/// For C closures alone that were made with a C function as their first upvalue.
pub unsafe fn forward(state: *mut lua_State) -> c_int {
    // SAFETY: only the guards of this room call this, and each was made with a library function as its first upvalue,
    // which has no upvalues of its own. It gets the state that Lua has called the guard with, and its arguments.
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
        if ffi::lua_type(state, 1) == ffi::LUA_TTABLE {
            if ffi::lua_type(state, 2) <= ffi::LUA_TNIL {
                if compares_long(state) {
                    ffi::lua_settop(state, 1);
                    ffi::lua_pushcclosure(state, less, 0);
                }
            } else if ffi::lua_iscfunction(state, 2) != 0 {
                ffi::lua_settop(state, 2);
                ffi::lua_pushcclosure(state, counted, 1);
            }
        }
        forward(state)
    }
}

/// Sorting the table that is argument 1 without a function would take long: there are many elements or long ones.
unsafe fn compares_long(state: *mut lua_State) -> bool {
    // SAFETY: the caller's state has room for a value, which is taken off again.
    unsafe {
        let count = ffi::lua_objlen(state, 1);
        count > SORT_UNSEEN_MAX
            || (1..=count).any(|i| {
                ffi::lua_rawgeti(state, 1, i as i64);
                let long = ffi::lua_type(state, -1) == ffi::LUA_TSTRING
                    && ffi::lua_objlen(state, -1) > COMPARE_UNSEEN_MAX;
                ffi::lua_pop(state, 1);
                long
            })
    }
}

unsafe extern "C-unwind" fn less(state: *mut lua_State) -> c_int {
    // SAFETY: `table.sort` calls this with two values.
    unsafe {
        let string = |i| ffi::lua_type(state, i) == ffi::LUA_TSTRING;
        let bytes = match string(1) && string(2) {
            true => ffi::lua_objlen(state, 1).min(ffi::lua_objlen(state, 2)),
            false => 0,
        };
        pace::spend(state, 1 + (bytes >> 6) as u32);
        let less = ffi::lua_lessthan(state, 1, 2);
        ffi::lua_pushboolean(state, less);
        1
    }
}

/// A function of the library that compares: it executes no instructions, so its calls are counted.
unsafe extern "C-unwind" fn counted(state: *mut lua_State) -> c_int {
    // SAFETY: `sort_guard` made the closure; `table.sort` calls it with two values.
    unsafe {
        pace::spend(state, 1);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        ffi::lua_call(state, ffi::lua_gettop(state) - 1, 1);
        1
    }
}

unsafe extern "C-unwind" fn create_guard(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values; `install` made the closure.
    unsafe {
        pace::spend(state, HOOK_EVERY);
        forward(state)
    }
}

unsafe extern "C-unwind" fn resume_guard(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state; `install` made the closure.
    unsafe {
        let coroutine = ffi::lua_tothread(state, 1);
        if !coroutine.is_null() {
            pace::match_main(coroutine);
        }
        forward(state)
    }
}

/// `coroutine.wrap`: its upvalues are our `create` and `resume`.
unsafe extern "C-unwind" fn wrap(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values; `install` made the closure. Lua's
    // function of the first upvalue leaves a coroutine on top.
    unsafe {
        pace::spend(state, HOOK_EVERY);
        ffi::lua_getupvalue(state, ffi::lua_upvalueindex(1), 1);
        let create = ffi::lua_tocfunction(state, -1);
        ffi::lua_pop(state, 1);
        let Some(create) = create else {
            return 0;
        };
        create(state);
        ffi::lua_getupvalue(state, ffi::lua_upvalueindex(2), 1);
        ffi::lua_pushcclosure(state, call_wrapped, 2);
        1
    }
}

/// What `coroutine.wrap` returns: its upvalues are the coroutine and Lua's own `resume`, which is called in this
/// function's place: one call more would count for the limit of nested calls.
unsafe extern "C-unwind" fn call_wrapped(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values; `wrap` made the closure. `resume` leaves
    // its results on top, the first of which tells whether there was an error.
    unsafe {
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        pace::match_main(ffi::lua_tothread(state, 1));
        let Some(resume) = ffi::lua_tocfunction(state, ffi::lua_upvalueindex(2)) else {
            return 0;
        };
        let results = resume(state);
        if ffi::lua_toboolean(state, -results) != 0 {
            return results - 1;
        }
        if ffi::lua_isstring(state, -1) != 0 {
            ffi::luaL_where(state, 1);
            ffi::lua_insert(state, -2);
            ffi::lua_concat(state, 2);
        }
        ffi::lua_error(state)
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

/// `collectgarbage`: collects in steps, between which the engine gets the word.
unsafe extern "C-unwind" fn collect_guard(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state; the option is a string with a zero byte behind it that stays
    // on the stack; `install` made the closure.
    unsafe {
        let option = ffi::luaL_optlstring(state, 1, c"collect".as_ptr(), std::ptr::null_mut());
        match CStr::from_ptr(option).to_bytes() {
            b"collect" => {
                collect(state, |state| pace::spend(state, COLLECT_WORK));
                ffi::lua_pushinteger(state, 0);
                1
            }
            b"step" => {
                let mut left = ffi::luaL_optinteger(state, 2, 0) as c_int;
                let ended = loop {
                    let ended = ffi::lua_gc(state, ffi::LUA_GCSTEP, left.clamp(0, COLLECT_STEP));
                    left = left.saturating_sub(COLLECT_STEP);
                    if ended != 0 || left <= 0 {
                        break ended;
                    }
                    pace::spend(state, COLLECT_WORK);
                };
                ffi::lua_pushboolean(state, ended);
                1
            }
            b"stop" | b"restart" | b"setpause" | b"setstepmul" => {
                ffi::lua_pushinteger(state, 0);
                1
            }
            _ => forward(state),
        }
    }
}

/// Collects all garbage: finishes the cycle that has begun, and does a whole one after it. Calls `between` after each
/// step that does not end a cycle.
///
/// # Safety
/// A live state. May leave by a long jump, as `between` may.
pub unsafe fn collect(state: *mut lua_State, between: impl Fn(*mut lua_State)) {
    for _ in 0..2 {
        // SAFETY: `collectgarbage` passes the state that Lua has called it with, and the actor the state that
        // `exec_raw` has lent it. Nothing here owns what a long jump would leak.
        while unsafe { ffi::lua_gc(state, ffi::LUA_GCSTEP, COLLECT_STEP) } == 0 {
            between(state);
        }
    }
}
