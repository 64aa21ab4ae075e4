//! The outcome of a callback that Lua calls, which [`raising`](super::raw::raising) returns or raises.

use mlua::{IntoLua, IntoLuaMulti, Lua, MultiValue, Result, Table, Value};

/// The end of a callback.
pub enum Verdict {
    /// Returns nothing.
    Nothing,
    /// Returns a value.
    Value(Value),
    /// Returns as many of the table's elements.
    Values(Table, usize),
    /// Raises a text after the caller's position.
    Here(String),
    /// Raises an error about an argument (the first is 1).
    Argument(usize, String),
    /// Raises a value as it is.
    Raise(Value),
}

impl Verdict {
    /// Returns what `value` is in Lua.
    pub fn of(lua: &Lua, value: impl IntoLua) -> Result<Verdict> {
        Ok(Verdict::Value(value.into_lua(lua)?))
    }

    /// Argument `i` is not of type `expected`.
    pub fn not_a(expected: &str, i: usize, count: usize, got: &Value) -> Verdict {
        let got = if i > count {
            "no value"
        } else {
            type_name(got)
        };
        Verdict::Argument(i, format!("{expected} expected, got {got}"))
    }
}

impl IntoLuaMulti for Verdict {
    fn into_lua_multi(self, lua: &Lua) -> Result<MultiValue> {
        match self {
            Verdict::Nothing => true.into_lua_multi(lua),
            Verdict::Value(value) => (true, value).into_lua_multi(lua),
            Verdict::Values(table, count) => (table, count).into_lua_multi(lua),
            Verdict::Here(text) => (Value::Nil, text).into_lua_multi(lua),
            Verdict::Argument(i, text) => (i, text).into_lua_multi(lua),
            Verdict::Raise(value) => (false, value).into_lua_multi(lua),
        }
    }
}

/// A value's type as Lua names it.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) => "number",
        Value::LightUserData(_) | Value::Error(_) => "userdata",
        other => other.type_name(),
    }
}

/// The table of arguments that a packed callback gets.
pub struct Arguments {
    table: Table,
    /// How many there are.
    pub count: usize,
}

impl Arguments {
    /// Of what [`raising_packed`](super::raw::raising_packed) hands over.
    pub fn new(table: Table, count: usize) -> Self {
        Arguments { table, count }
    }

    /// Argument `i`, from 1 on; nil after the last.
    pub fn get(&self, i: usize) -> Result<Value> {
        self.table.raw_get(i)
    }

    /// Argument `i` as a number, as `luaL_checknumber` takes it.
    pub fn number(&self, lua: &Lua, i: usize) -> Result<std::result::Result<f64, Verdict>> {
        let value = self.get(i)?;
        Ok(match lua.coerce_number(value.clone())? {
            Some(number) => Ok(number),
            None => Err(Verdict::not_a("number", i, self.count, &value)),
        })
    }
}

/// `Ok` of a checked argument, or the callback ends in the verdict.
macro_rules! checked {
    ($argument:expr) => {
        match $argument? {
            Ok(value) => value,
            Err(verdict) => return Ok(verdict),
        }
    };
}
pub(super) use checked;
