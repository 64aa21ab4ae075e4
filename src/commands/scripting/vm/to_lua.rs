//! Replies as Lua values.
//!
//! | reply | RESP2 | RESP3 |
//! |---|---|---|
//! | integer, bulk string | number, string | the same |
//! | status, error | `{ok=..}`, `{err=..}` | the same |
//! | null | `false` | `nil` |
//! | array | table from 1 on | the same |
//! | map, set | | `{map={..}}`, `{set={member=true}}` |
//! | double, boolean | | `{double=..}`, boolean |
//! | big number | | `{big_number=..}` |
//! | verbatim string | | `{verbatim_string={format=.., string=..}}` |

use mlua::{Lua, Result, Table, Value};

/// The error that a command replied with, or `redis.call` itself made: counted already, or not yet.
pub fn error_table(lua: &Lua, text: &[u8], counted: bool) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("err", lua.create_string(text)?)?;
    if counted {
        table.raw_set("ignore_error_stats_update", true)?;
    }
    Ok(table)
}

/// The text of an error that begins with its code; `ERR` where there is none but text.
pub fn with_code(text: &[u8]) -> Vec<u8> {
    let text = text.trim_ascii_end();
    match text.strip_prefix(b"-") {
        Some(coded) if coded.contains(&b' ') => coded.to_vec(),
        Some(text) => [b"ERR ", text].concat(),
        None => [b"ERR ", text].concat(),
    }
}

/// The first reply in `bytes`.
///
/// # Errors
/// Only Lua's own, such as running out of memory.
pub fn convert(lua: &Lua, bytes: &[u8]) -> Result<Value> {
    Parser { lua, bytes, at: 0 }.value()
}

struct Parser<'a> {
    lua: &'a Lua,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn line(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        let end = memchr::memchr(b'\r', rest).unwrap_or(rest.len());
        self.at += end + 2;
        &rest[..end]
    }

    fn blob(&mut self, length: i64) -> &'a [u8] {
        let end = (self.at + length as usize).min(self.bytes.len());
        let blob = &self.bytes[self.at..end];
        self.at = end + 2;
        blob
    }

    fn string(&self, bytes: &[u8]) -> Result<Value> {
        self.lua.create_string(bytes).map(Value::String)
    }

    /// A table with one field.
    fn only(&self, field: &str, value: Value) -> Result<Value> {
        let table = self.lua.create_table_with_capacity(0, 1)?;
        table.raw_set(field, value)?;
        Ok(Value::Table(table))
    }

    fn value(&mut self) -> Result<Value> {
        let line = self.line();
        let Some((&kind, text)) = line.split_first() else {
            return Ok(Value::Nil);
        };
        let number = crate::resp::integer::parse_int(text).unwrap_or(0);
        match kind {
            b'+' => self.only("ok", self.string(text)?),
            b'-' => Ok(Value::Table(error_table(self.lua, text, true)?)),
            b':' => Ok(Value::Number(number as f64)),
            b'$' | b'*' if number < 0 => Ok(Value::Boolean(false)),
            b'$' => {
                let blob = self.blob(number);
                self.string(blob)
            }
            b'*' | b'>' => {
                let table = self.lua.create_table_with_capacity(number as usize, 0)?;
                for i in 1..=number {
                    table.raw_set(i, self.value()?)?;
                }
                Ok(Value::Table(table))
            }
            b'%' => {
                let table = self.lua.create_table_with_capacity(0, number as usize)?;
                for _ in 0..number {
                    let key = self.value()?;
                    let value = self.value()?;
                    if !key.is_nil() {
                        table.raw_set(key, value)?;
                    }
                }
                self.only("map", Value::Table(table))
            }
            b'~' => {
                let table = self.lua.create_table_with_capacity(0, number as usize)?;
                for _ in 0..number {
                    let member = self.value()?;
                    if !member.is_nil() {
                        table.raw_set(member, true)?;
                    }
                }
                self.only("set", Value::Table(table))
            }
            b'_' => Ok(Value::Nil),
            b'#' => Ok(Value::Boolean(text == b"t")),
            b',' => {
                let text = std::str::from_utf8(text).unwrap_or("nan");
                self.only("double", Value::Number(text.parse().unwrap_or(f64::NAN)))
            }
            b'(' => self.only("big_number", self.string(text)?),
            b'=' => {
                let blob = self.blob(number);
                let (format, text) = blob.split_at(blob.len().min(4));
                let table = self.lua.create_table_with_capacity(0, 2)?;
                table.raw_set("format", self.string(&format[..format.len().min(3)])?)?;
                table.raw_set("string", self.string(text)?)?;
                self.only("verbatim_string", Value::Table(table))
            }
            _ => Ok(Value::Nil),
        }
    }
}
