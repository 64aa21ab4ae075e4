//! Compiling source text in pieces, so that the compiler yields to the engine.
//!
//! Some text takes the compiler quadratic time. The compiler requests its source piece by piece, and can be interrupted
//! there. Lua does not check compiled code, which could do anything, so a text that begins like it is read as source.
//!
//! Every function here may be left by a long jump: it owns nothing that would have to be dropped.

use super::pace::{self, Pace};
use mlua::ffi::{self, lua_State};
use mlua::{Function, Lua, LuaString, Result};
use std::ffi::{CStr, c_char, c_int, c_void};

/// Longer source text is not compiled: the compiler counts in `int`.
const SOURCE_MAX: usize = 64 << 20;

/// Bytes that the compiler gets at once.
const PIECE: usize = 1024;

/// Instructions that could be executed while one byte is compiled.
const WORK_A_BYTE: u32 = 8;

/// What marks compiled code.
const MARK: u8 = 27;

const TOO_LARGE: &CStr = c"chunk is too large";

/// Source text that is being read.
struct Source<'a> {
    /// Something to read before, which keeps the text from being taken for compiled code.
    ahead: &'static [u8],
    rest: &'a [u8],
    pace: Option<&'a Pace>,
}

/// Gives the compiler the next piece.
unsafe extern "C-unwind" fn read(
    state: *mut lua_State,
    source: *mut c_void,
    size: *mut usize,
) -> *const c_char {
    // SAFETY: `load` has passed the source, which outlives the compiler's work.
    unsafe {
        let source = &mut *source.cast::<Source<'_>>();
        let piece = match std::mem::take(&mut source.ahead) {
            [] => {
                let (piece, rest) = source.rest.split_at(source.rest.len().min(PIECE));
                source.rest = rest;
                piece
            }
            ahead => ahead,
        };
        let work = piece.len() as u32 * WORK_A_BYTE;
        if source
            .pace
            .is_some_and(|pace| pace.spend_time(work).is_err())
        {
            pace::raise(state);
        }
        *size = piece.len();
        piece.as_ptr().cast()
    }
}

/// Compiles text; leaves the function or an error on the stack and gives Lua's status.
///
/// # Safety
/// A live state with room for three values. May leave by a long jump.
unsafe fn load(state: *mut lua_State, text: &[u8], name: *const c_char) -> c_int {
    let ahead: &[u8] = match text.first() {
        Some(&MARK) => b" ",
        _ => b"",
    };
    // SAFETY: `loadstring` and `compile` pass the state that Lua or `exec_raw` has given them, with room for 20 values,
    // of which they use few. The source outlives `lua_load`, which alone calls `read`. A copy of the name stays on the
    // stack meanwhile, or the collector could free it.
    unsafe {
        let mut source = Source {
            ahead,
            rest: text,
            pace: pace::of_state(state),
        };
        ffi::lua_pushstring(state, name);
        let name = ffi::lua_tolstring(state, -1, std::ptr::null_mut());
        let status = ffi::lua_load(state, read, (&raw mut source).cast(), name);
        ffi::lua_remove(state, -2);
        status
    }
}

/// `loadstring`
pub unsafe extern "C-unwind" fn loadstring(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values; the strings are arguments, which stay
    // on the stack.
    unsafe {
        let mut len = 0;
        let text = ffi::luaL_checklstring(state, 1, &mut len);
        let name = ffi::luaL_optlstring(state, 2, text, std::ptr::null_mut());
        ffi::lua_pushnil(state);
        if len > SOURCE_MAX {
            ffi::lua_pushstring(state, TOO_LARGE.as_ptr());
            return 2;
        }
        let text = std::slice::from_raw_parts(text.cast(), len);
        let status = load(state, text, name);
        if pace::of_state(state).is_some_and(Pace::is_killed) {
            pace::raise(state);
        }
        if status == ffi::LUA_OK { 1 } else { 2 }
    }
}

/// Compiles `text` to a function, or gives the reason why it cannot be.
///
/// # Errors
/// There is no memory.
pub fn compile(
    lua: &Lua,
    text: &[u8],
    name: &CStr,
) -> Result<std::result::Result<Function, Vec<u8>>> {
    if text.len() > SOURCE_MAX {
        return Ok(Err(TOO_LARGE.to_bytes().to_vec()));
    }
    let mut status = ffi::LUA_OK;
    // SAFETY: nothing is owned where a long jump could leave; one or two values are left on the stack.
    let (function, error) = unsafe {
        lua.exec_raw::<(Option<Function>, Option<LuaString>)>((), |state| {
            status = load(state, text, name.as_ptr());
            match status {
                ffi::LUA_OK => ffi::lua_pushnil(state),
                _ => {
                    ffi::lua_pushnil(state);
                    ffi::lua_insert(state, -2);
                }
            }
        })?
    };
    Ok(match (function, error) {
        (Some(function), _) => Ok(function),
        // A limit of the compiler is not an error of syntax but one of execution, to which `mlua` adds a traceback.
        (None, Some(error)) if status == ffi::LUA_ERRRUN => Err(first_line(&error.as_bytes())),
        (None, Some(error)) => Err(error.as_bytes().to_vec()),
        (None, None) => Err(b"not enough memory".to_vec()),
    })
}

fn first_line(text: &[u8]) -> Vec<u8> {
    let end = text.iter().position(|&byte| byte == b'\n');
    text[..end.unwrap_or(text.len())].to_vec()
}
