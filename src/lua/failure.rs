//! The error handler of scripts, which turns errors into tables that say where they arose.

use super::checked;
use super::native::{closure, host_of};
use super::stack::{Stack, Value};
use mlua::ffi::lua_State;
use mlua::{Error, Function, Lua, Result};
use std::ffi::c_int;

/// Makes the handler.
///
/// # Errors
/// Only Lua's own, such as running out of memory.
pub fn handler(lua: &Lua) -> Result<Function> {
    let describe =
        lua.create_function(|lua, error: mlua::Value| lua.create_string(text_of(&error)))?;
    closure(lua, on_error, describe)
}

unsafe extern "C-unwind" fn on_error(state: *mut lua_State) -> c_int {
    // SAFETY: `handler` made the closure, which Lua calls with an error. Nothing here owns what a long jump would leak.
    let (host, stack) = unsafe { (host_of(state), &mut Stack::new(state)) };
    if host.pace.is_killed() {
        stack.push_copy(1);
        return 1;
    }
    let table = push_table(stack);
    // The handler of a script is called by one of ours.
    let level = 1 + c_int::from(stack.is_at_level(1, checked::handle));
    if let Some(line) = push_origin(stack, level) {
        stack.assign(table, c"source");
        stack.push_number(line as f64);
        stack.assign(table, c"line");
    }
    stack.push_copy(table);
    1
}

/// The place of the table that an error is, or else becomes.
fn push_table(stack: &mut Stack<'_>) -> c_int {
    if stack.value(1) == Value::Table {
        return 1;
    }
    stack.push_table(0, 3);
    let table = stack.top();
    stack.push_text(b"err");
    stack.push_text(b"ERR ");
    match stack.value(1) {
        Value::Text(_) | Value::Number(_) => stack.push_copy(1),
        _ => {
            stack.push_own(1);
            stack.push_copy(1);
            stack.call();
        }
    }
    stack.join();
    stack.set_field(table);
    table
}

/// Pushes the source of what raised an error at a level, or of what called it if that is a C function; its line.
fn push_origin(stack: &mut Stack<'_>, level: c_int) -> Option<i64> {
    let place = stack.push_source(level)?;
    if !place.is_c {
        return Some(place.line);
    }
    stack.pop(1);
    stack.push_source(level + 1).map(|place| place.line)
}

/// What `tostring` returns for an error.
pub fn text_of(error: &mlua::Value) -> Vec<u8> {
    match error {
        mlua::Value::String(text) => text.as_bytes().to_vec(),
        mlua::Value::Error(error) => message(error),
        mlua::Value::LightUserData(null) if null.0.is_null() => b"userdata: (nil)".to_vec(),
        other => match other.to_string() {
            Ok(text) => text.into_bytes(),
            Err(error) => message(&error),
        },
    }
}

/// Returns Lua's message without the further lines (such as a traceback) that `mlua` adds to some errors.
pub fn message(error: &Error) -> Vec<u8> {
    match error {
        Error::SyntaxError { message, .. } | Error::RuntimeError(message) => {
            message.clone().into_bytes()
        }
        Error::MemoryError(_) => b"not enough memory".to_vec(),
        Error::CallbackError { cause, .. } => message(cause),
        other => {
            let text = other.to_string();
            text.lines().next().unwrap_or("").as_bytes().to_vec()
        }
    }
}
