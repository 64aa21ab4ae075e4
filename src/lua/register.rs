//! `redis.register_function`, which a library's code calls while it is being loaded.

use super::Registered;
use super::to_lua::error_table;
use super::verdict::Verdict;
use crate::flags::{self, ScriptFlags};
use mlua::{Function, Lua, Result, Table, Value};
use std::cell::RefCell;

/// A library that is being loaded.
pub struct Loading {
    /// The functions that were registered.
    pub registered: Vec<Registered>,
    /// Name to function.
    pub functions: Table,
}

/// `redis.register_function`
pub fn register(
    lua: &Lua,
    loading: &RefCell<Option<Loading>>,
    table: &Table,
    count: usize,
) -> Result<Verdict> {
    let (registered, function) = match registration(lua, table, count)? {
        Ok(registered) => registered,
        Err(text) => return refused(lua, text),
    };
    let mut loading = loading.borrow_mut();
    let Some(library) = &mut *loading else {
        let text = "redis.register_function can only be called on FUNCTION LOAD command";
        return refused(lua, text);
    };
    if !flags::is_name(&registered.name) {
        return refused(lua, flags::BAD_NAME);
    }
    let name = lua.create_string(&registered.name)?;
    if !library.functions.raw_get::<Value>(&name)?.is_nil() {
        return refused(lua, "Function already exists in the library");
    }
    library.functions.raw_set(name, function)?;
    library.registered.push(registered);
    Ok(Verdict::Nothing)
}

fn refused(lua: &Lua, text: &str) -> Result<Verdict> {
    let text = [b"ERR ", text.as_bytes()].concat();
    let table = error_table(lua, &text, false)?;
    Ok(Verdict::Raise(Value::Table(table)))
}

type Registration = std::result::Result<(Registered, Function), &'static str>;

fn registration(lua: &Lua, table: &Table, count: usize) -> Result<Registration> {
    if !(1..=2).contains(&count) {
        return Ok(Err("wrong number of arguments to redis.register_function"));
    }
    let text = |value: Value| -> Result<Option<Vec<u8>>> {
        Ok(lua
            .coerce_string(value)?
            .map(|text| text.as_bytes().to_vec()))
    };
    let (mut name, mut description, mut callback) = (None, None, None);
    let mut flags = ScriptFlags::empty();
    if count == 2 {
        name = text(table.raw_get(1)?)?;
        if name.is_none() {
            return Ok(Err(
                "first argument to redis.register_function must be a string",
            ));
        }
        match table.raw_get(2)? {
            Value::Function(function) => callback = Some(function),
            _ => {
                let text = "second argument to redis.register_function must be a function";
                return Ok(Err(text));
            }
        }
    } else {
        let Value::Table(named) = table.raw_get(1)? else {
            return Ok(Err(
                "calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).",
            ));
        };
        for pair in named.pairs::<Value, Value>() {
            let (key, value) = pair?;
            let Some(key) = lua.coerce_string(key)? else {
                let text = "named argument key given to redis.register_function is not a string";
                return Ok(Err(text));
            };
            match key.as_bytes().to_ascii_lowercase().as_slice() {
                b"function_name" => {
                    name = text(value)?;
                    if name.is_none() {
                        return Ok(Err(
                            "function_name argument given to redis.register_function must be a string",
                        ));
                    }
                }
                b"description" => {
                    description = text(value)?;
                    if description.is_none() {
                        return Ok(Err(
                            "description argument given to redis.register_function must be a string",
                        ));
                    }
                }
                b"callback" => match value {
                    Value::Function(function) => callback = Some(function),
                    _ => {
                        return Ok(Err(
                            "callback argument given to redis.register_function must be a function",
                        ));
                    }
                },
                b"flags" => {
                    let Value::Table(list) = value else {
                        return Ok(Err(
                            "flags argument to redis.register_function must be a table representing function flags",
                        ));
                    };
                    for i in 1.. {
                        let flag = match list.raw_get(i)? {
                            Value::Nil => break,
                            Value::String(flag) => ScriptFlags::by_name(&flag.as_bytes()),
                            _ => None,
                        };
                        match flag {
                            Some(flag) => flags |= flag,
                            None => return Ok(Err("unknown flag given")),
                        }
                    }
                }
                _ => return Ok(Err("unknown argument given to redis.register_function")),
            }
        }
    }
    let Some(name) = name else {
        return Ok(Err(
            "redis.register_function must get a function name argument",
        ));
    };
    let Some(callback) = callback else {
        return Ok(Err("redis.register_function must get a callback argument"));
    };
    let registered = Registered {
        name,
        description,
        flags,
    };
    Ok(Ok((registered, callback)))
}
