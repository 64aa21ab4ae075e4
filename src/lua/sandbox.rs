//! The globals that scripts see.
//!
//! Tables that scripts share are frozen ([`super::raw::freeze`]). Reading an unknown global is an error, and so
//! is setting any global. Functions that could reach outside (files, the process, compiled code) do not exist.

use super::verdict::Verdict;
use super::{bitop, cjson, cmsgpack, packing, random, raw};
use mlua::{Function, Lua, Result, Table, Value};

/// The builtin globals that scripts keep.
const BUILTINS: [&str; 22] = [
    "assert",
    "collectgarbage",
    "error",
    "gcinfo",
    "getmetatable",
    "ipairs",
    "load",
    "loadstring",
    "next",
    "pairs",
    "pcall",
    "rawequal",
    "rawget",
    "rawset",
    "select",
    "setmetatable",
    "tonumber",
    "tostring",
    "type",
    "unpack",
    "xpcall",
    "_VERSION",
];

/// The globals that scripts see, and the hidden table that holds them.
pub struct Globals {
    /// What scripts see.
    pub face: Table,
    /// The table that holds the globals.
    pub hidden: Table,
}

/// `load`, of source text in pieces.
const LOAD: &str = "
local loadstring, type, concat, error = ...
return function(reader, name)
  if type(reader) ~= 'function' then
    error(\"bad argument #1 to 'load' (function expected, got \" .. type(reader) .. ')', 2)
  end
  local pieces = {}
  while true do
    local piece = reader()
    if piece == nil or piece == '' then break end
    if type(piece) ~= 'string' and type(piece) ~= 'number' then
      return nil, 'reader function must return a string'
    end
    pieces[#pieces + 1] = piece
  end
  return loadstring(concat(pieces), name or '=(load)')
end";

/// Puts the globals together, `redis` among them.
pub fn build(lua: &Lua, redis: Table) -> Result<Globals> {
    let old = lua.globals();
    raw::guard(lua, &old)?;
    let loader: Function = lua.load(LOAD).set_name("=load").call((
        old.raw_get::<Value>("loadstring")?,
        old.raw_get::<Value>("type")?,
        old.raw_get::<Table>("table")?.raw_get::<Value>("concat")?,
        old.raw_get::<Value>("error")?,
    ))?;
    old.raw_set("load", loader)?;
    let hidden = lua.create_table()?;
    for name in BUILTINS {
        hidden.raw_set(name, old.raw_get::<Value>(name)?)?;
    }
    let math: Table = old.raw_get("math")?;
    random::install(lua, &math)?;
    let os = lua.create_table()?;
    let clock: Function = old.raw_get::<Table>("os")?.raw_get("clock")?;
    os.raw_set("clock", clock)?;
    let string: Table = old.raw_get("string")?;
    for (name, library) in [
        ("math", math),
        ("os", os),
        ("table", old.raw_get("table")?),
        ("coroutine", old.raw_get("coroutine")?),
        ("cjson", cjson::library(lua)?),
        ("cmsgpack", cmsgpack::library(lua)?),
        ("bit", bitop::library(lua)?),
        ("struct", packing::library(lua)?),
        ("redis", redis),
    ] {
        hidden.raw_set(name, raw::freeze(lua, library, None)?)?;
    }
    // As scripts for Valkey call it.
    hidden.raw_set("server", hidden.raw_get::<Table>("redis")?)?;
    let string_face = raw::freeze(lua, string.clone(), None)?;
    hidden.raw_set("string", string_face.clone())?;
    let methods = lua.create_table()?;
    methods.raw_set("__index", string_face)?;
    let shown = raw::freeze(lua, methods, None)?;
    let behind = lua.create_table()?;
    behind.raw_set("__index", string)?;
    behind.raw_set("__metatable", shown)?;
    lua.set_type_metatable::<mlua::LuaString>(Some(behind));

    let shown = lua.create_table()?;
    shown.raw_set("__index", missing(lua)?)?;
    let face = raw::freeze(lua, hidden.clone(), Some(raw::freeze(lua, shown, None)?))?;
    forbid_missing(lua, &hidden)?;
    hidden.raw_set("_G", face.clone())?;
    lua.set_globals(face.clone())?;
    Ok(Globals { face, hidden })
}

/// Reading a field that is not in `table` is an error.
pub fn forbid_missing(lua: &Lua, table: &Table) -> Result<()> {
    let behind = lua.create_table()?;
    behind.raw_set("__index", missing(lua)?)?;
    table.set_metatable(Some(behind))
}

fn missing(lua: &Lua) -> Result<Function> {
    let function = lua.create_function(|lua, (_, name): (Value, Value)| {
        let Some(name) = lua.coerce_string(name)? else {
            let text = "Second argument to luaProtectedTableError must be a string or number";
            return Ok(Verdict::Here(text.into()));
        };
        Ok(Verdict::Here(format!(
            "Script attempted to access nonexistent global variable '{}'",
            name.to_string_lossy()
        )))
    })?;
    raw::raising(lua, function)
}
