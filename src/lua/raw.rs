//! The uses of Lua's C interface: functions that raise errors as C functions do, and the guards of read-only tables.
//!
//! A Rust callback of `mlua` can raise nothing but an opaque object; scripts expect strings with a position and
//! tables with a field `err`. So callbacks *return* the error and [`raising`] raises it from a C function, as error
//! messages and their line numbers require.
//!
//! Lua 5.1 has no read-only tables. A frozen table is an empty one whose metatable redirects reads to a hidden table
//! and turns writes into an error. Library functions that ignore metatables are replaced by guards, which recognize a
//! frozen table by a mark in its metatable that no script can create.
//!
//! Every function here that Lua calls may be left by a long jump: it owns nothing that would have to be
//! dropped.

use super::checked::forward;
use mlua::ffi::{self, lua_CFunction, lua_State};
use mlua::{Function, LightUserData, Lua, Result, Table, Value};
use std::ffi::{c_int, c_void};

/// Its address is the mark of frozen tables.
static MARK: u8 = 0;

fn mark() -> LightUserData {
    LightUserData(&raw const MARK as *mut c_void)
}

/// Makes a function that calls `inner` and does what its first result says: `true` returns the other
/// results, a table returns as many of its elements as the second result says, `false` raises the second
/// result, `nil` raises it as text with the caller's position, a number as an error about the argument of that number.
pub fn raising(lua: &Lua, inner: Function) -> Result<Function> {
    // SAFETY: one value is on the stack and one is left there.
    unsafe { lua.exec_raw(inner, |state| ffi::lua_pushcclosure(state, raise, 1)) }
}

/// A read-only view of `hidden`; `metatable` is what `getmetatable` returns for it.
pub fn freeze(lua: &Lua, hidden: Table, metatable: Option<Table>) -> Result<Table> {
    let face = lua.create_table()?;
    let behind = lua.create_table()?;
    behind.raw_set("__index", hidden)?;
    // SAFETY: `refuse` is a C function for any state and arguments.
    behind.raw_set("__newindex", unsafe { lua.create_c_function(refuse)? })?;
    behind.raw_set("__metatable", metatable)?;
    behind.raw_set(Value::LightUserData(mark()), true)?;
    face.set_metatable(Some(behind))?;
    Ok(face)
}

/// Puts the guards into the place of the library functions in `globals`.
pub fn guard(lua: &Lua, globals: &Table) -> Result<()> {
    super::checked::install(lua, globals)?;
    let table: Table = globals.raw_get("table")?;
    for (owner, name, guard) in [
        (globals, "rawset", write_guard as lua_CFunction),
        (globals, "setmetatable", write_guard),
        (globals, "next", read_guard),
        (globals, "rawget", read_guard),
        (&table, "foreach", read_guard),
        (&table, "foreachi", read_guard),
        (globals, "getmetatable", metatable_guard),
    ] {
        let inner: Function = owner.raw_get(name)?;
        // SAFETY: one value is on the stack and one is left there. The guards call their upvalue with
        // the state that they got; these library functions have no upvalues of their own.
        let guarded: Function =
            unsafe { lua.exec_raw(inner, |state| ffi::lua_pushcclosure(state, guard, 1))? };
        owner.raw_set(name, guarded)?;
    }
    // SAFETY: `pcall` is a C function for any state and arguments.
    globals.raw_set("pcall", unsafe { lua.create_c_function(pcall)? })?;
    let next: Function = globals.raw_get("next")?;
    // SAFETY: one value is on the stack and one is left there.
    let pairs: Function =
        unsafe { lua.exec_raw(next, |state| ffi::lua_pushcclosure(state, pairs, 1))? };
    globals.raw_set("pairs", pairs)
}

/// As [`raising`]; `inner` gets all arguments as one table and their number, of which there may be more than
/// a callback can take.
pub fn raising_packed(lua: &Lua, inner: Function) -> Result<Function> {
    // SAFETY: one value is on the stack and one is left there.
    unsafe { lua.exec_raw(inner, |state| ffi::lua_pushcclosure(state, raise_packed, 1)) }
}

unsafe extern "C-unwind" fn raise(state: *mut lua_State) -> c_int {
    // SAFETY: the upvalue is the function that `raising` was given; C functions have room for 20 values.
    unsafe {
        let arguments = ffi::lua_gettop(state);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        ffi::lua_call(state, arguments, ffi::LUA_MULTRET);
        settle(state)
    }
}

unsafe extern "C-unwind" fn raise_packed(state: *mut lua_State) -> c_int {
    // SAFETY: as in `raise`; the table takes the arguments from the last to the first.
    unsafe {
        let arguments = ffi::lua_gettop(state);
        ffi::lua_createtable(state, arguments, 0);
        if arguments > 0 {
            ffi::lua_insert(state, 1);
        }
        for i in (1..=arguments).rev() {
            ffi::lua_rawseti(state, 1, i as _);
        }
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        ffi::lua_pushinteger(state, arguments as _);
        ffi::lua_call(state, 2, ffi::LUA_MULTRET);
        settle(state)
    }
}

/// Returns or raises the results on the stack; [`raising`] says which.
unsafe fn settle(state: *mut lua_State) -> c_int {
    // SAFETY: called by `raise` with its callback's results, which are all there is on the stack.
    unsafe {
        match ffi::lua_type(state, 1) {
            ffi::LUA_TTABLE => {
                let count = ffi::lua_tointeger(state, 2) as c_int;
                ffi::lua_settop(state, 1);
                ffi::luaL_checkstack(state, count, c"too many results".as_ptr());
                for i in 1..=count {
                    ffi::lua_rawgeti(state, 1, i as _);
                }
                count
            }
            ffi::LUA_TBOOLEAN if ffi::lua_toboolean(state, 1) != 0 => {
                ffi::lua_remove(state, 1);
                ffi::lua_gettop(state)
            }
            ffi::LUA_TBOOLEAN => {
                ffi::lua_settop(state, 2);
                ffi::lua_error(state)
            }
            ffi::LUA_TNUMBER => {
                let argument = ffi::lua_tointeger(state, 1) as c_int;
                ffi::luaL_argerror(state, argument, ffi::lua_tostring(state, 2))
            }
            _ => {
                ffi::luaL_where(state, 1);
                ffi::lua_pushvalue(state, 2);
                ffi::lua_concat(state, 2);
                ffi::lua_error(state)
            }
        }
    }
}

unsafe extern "C-unwind" fn refuse(state: *mut lua_State) -> c_int {
    // SAFETY: any state will do.
    unsafe { ffi::luaL_error(state, c"Attempt to modify a readonly table".as_ptr()) }
}

/// Pushes the metatable of a frozen table at `index` and gives true, or pushes nothing.
///
/// # Safety
/// A live state with room for two values.
pub unsafe fn push_frozen(state: *mut lua_State, index: c_int) -> bool {
    // SAFETY: all values that are pushed are popped, up to the metatable; C functions have room for 20 values.
    unsafe {
        if ffi::lua_type(state, index) != ffi::LUA_TTABLE
            || ffi::lua_getmetatable(state, index) == 0
        {
            return false;
        }
        ffi::lua_pushlightuserdata(state, mark().0);
        ffi::lua_rawget(state, -2);
        let frozen = ffi::lua_toboolean(state, -1) != 0;
        ffi::lua_pop(state, if frozen { 1 } else { 2 });
        frozen
    }
}

unsafe extern "C-unwind" fn write_guard(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values; fewer are pushed.
    unsafe {
        if push_frozen(state, 1) {
            ffi::lua_pushstring(state, c"Attempt to modify a readonly table".as_ptr());
            ffi::lua_error(state)
        }
        forward(state)
    }
}

unsafe extern "C-unwind" fn read_guard(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values. The metatable on top gives way to the
    // hidden table, which replaces argument 1.
    unsafe {
        if push_frozen(state, 1) {
            ffi::lua_pushstring(state, c"__index".as_ptr());
            ffi::lua_rawget(state, -2);
            ffi::lua_replace(state, 1);
            ffi::lua_pop(state, 1);
        }
        forward(state)
    }
}

unsafe extern "C-unwind" fn metatable_guard(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values; fewer are pushed.
    unsafe {
        if push_frozen(state, 1) {
            ffi::lua_pushstring(state, c"__metatable".as_ptr());
            ffi::lua_rawget(state, -2);
            return 1;
        }
        forward(state)
    }
}

/// `pairs`: its upvalue is the guarded `next`.
unsafe extern "C-unwind" fn pairs(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values; fewer are pushed.
    unsafe {
        ffi::luaL_checktype(state, 1, ffi::LUA_TTABLE);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_pushvalue(state, 1);
        ffi::lua_pushnil(state);
        3
    }
}

/// `pcall`: of an error that is a table with a field `err`, scripts see that field.
unsafe extern "C-unwind" fn pcall(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values. A failed call leaves one value in the
    // place of function and arguments, and
    // the placeholder has made room for one more.
    unsafe {
        let arguments = ffi::lua_gettop(state);
        if arguments == 0 {
            return ffi::luaL_argerror(state, 1, c"value expected".as_ptr());
        }
        ffi::lua_pushboolean(state, 1);
        ffi::lua_insert(state, 1);
        if ffi::lua_pcall(state, arguments - 1, ffi::LUA_MULTRET, 0) != ffi::LUA_OK {
            ffi::lua_remove(state, 1);
            if ffi::lua_type(state, -1) == ffi::LUA_TTABLE {
                ffi::lua_pushstring(state, c"err".as_ptr());
                ffi::lua_rawget(state, -2);
                match ffi::lua_isstring(state, -1) != 0 {
                    true => ffi::lua_replace(state, -2),
                    false => ffi::lua_pop(state, 1),
                }
            }
            ffi::lua_pushboolean(state, 0);
            ffi::lua_insert(state, 1);
        }
        ffi::lua_gettop(state)
    }
}
