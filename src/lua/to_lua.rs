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

use super::stack::{Stack, Value};
use mlua::{Lua, Result, Table};
use std::ffi::c_int;

/// The error that a command replied with, or `redis.call` itself made: counted already, or not yet.
pub fn error_table(lua: &Lua, text: &[u8], counted: bool) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("err", lua.create_string(text)?)?;
    if counted {
        table.raw_set("ignore_error_stats_update", true)?;
    }
    Ok(table)
}

/// As [`error_table`], on the stack.
pub fn push_error(stack: &mut Stack<'_>, text: &[u8], counted: bool) {
    stack.push_table(0, 1 + usize::from(counted));
    let table = stack.top();
    stack.push_text(b"err");
    stack.push_text(text);
    stack.set_field(table);
    if counted {
        stack.push_text(b"ignore_error_stats_update");
        stack.push_boolean(true);
        stack.set_field(table);
    }
}

/// Pushes the first reply in `bytes`.
pub fn push_reply(stack: &mut Stack<'_>, bytes: &[u8]) {
    Parser { bytes, at: 0 }.push(stack);
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn line(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        let end = match rest.iter().take(16).position(|&b| b == b'\r') {
            Some(end) => end,
            None => memchr::memchr(b'\r', rest).unwrap_or(rest.len()),
        };
        self.at += end + 2;
        &rest[..end]
    }

    fn blob(&mut self, length: i64) -> &'a [u8] {
        let end = (self.at + length as usize).min(self.bytes.len());
        let blob = &self.bytes[self.at..end];
        self.at = end + 2;
        blob
    }

    /// Pushes the next reply: one value.
    fn push(&mut self, stack: &mut Stack<'_>) {
        let line = self.line();
        let Some((&kind, text)) = line.split_first() else {
            return stack.push_nil();
        };
        let number = || base::integer::parse_int(text).unwrap_or(0);
        match kind {
            b'+' => {
                let table = begin(stack, b"ok");
                stack.push_text(text);
                stack.set_field(table);
            }
            b'-' => push_error(stack, text, true),
            b':' => stack.push_number(number() as f64),
            b'$' => match number() {
                ..0 => stack.push_boolean(false),
                length => stack.push_text(self.blob(length)),
            },
            b'*' | b'>' => match number() {
                ..0 => stack.push_boolean(false),
                length => self.push_array(stack, length as usize),
            },
            b'%' => self.push_map(stack, number() as usize),
            b'~' => self.push_set(stack, number() as usize),
            b'#' => stack.push_boolean(text == b"t"),
            b',' => {
                let text = std::str::from_utf8(text).unwrap_or("nan");
                let x = text.parse().unwrap_or(f64::NAN);
                let table = begin(stack, b"double");
                stack.push_number(x);
                stack.set_field(table);
            }
            b'(' => {
                let table = begin(stack, b"big_number");
                stack.push_text(text);
                stack.set_field(table);
            }
            b'=' => self.push_verbatim(stack, number()),
            _ => stack.push_nil(),
        }
    }

    fn push_array(&mut self, stack: &mut Stack<'_>, length: usize) {
        stack.push_table(length, 0);
        let table = stack.top();
        for i in 1..=length {
            self.push(stack);
            stack.set_element(table, i);
        }
    }

    fn push_map(&mut self, stack: &mut Stack<'_>, pairs: usize) {
        let outer = begin(stack, b"map");
        stack.push_table(0, pairs);
        let table = stack.top();
        for _ in 0..pairs {
            self.push(stack);
            self.push(stack);
            self.keep(stack, table);
        }
        stack.set_field(outer);
    }

    fn push_set(&mut self, stack: &mut Stack<'_>, members: usize) {
        let outer = begin(stack, b"set");
        stack.push_table(0, members);
        let table = stack.top();
        for _ in 0..members {
            self.push(stack);
            stack.push_boolean(true);
            self.keep(stack, table);
        }
        stack.set_field(outer);
    }

    /// Makes a field of the last two values, unless Lua knows no such key.
    fn keep(&self, stack: &mut Stack<'_>, table: c_int) {
        match stack.value(stack.top() - 1) {
            Value::Nil => stack.pop(2),
            _ => stack.set_field(table),
        }
    }

    fn push_verbatim(&mut self, stack: &mut Stack<'_>, length: i64) {
        let blob = self.blob(length);
        let (format, text) = blob.split_at(blob.len().min(4));
        let outer = begin(stack, b"verbatim_string");
        stack.push_table(0, 2);
        let table = stack.top();
        stack.push_text(b"format");
        stack.push_text(&format[..format.len().min(3)]);
        stack.set_field(table);
        stack.push_text(b"string");
        stack.push_text(text);
        stack.set_field(table);
        stack.set_field(outer);
    }
}

/// Pushes a table for one field and the field's name; the table's place.
fn begin(stack: &mut Stack<'_>, name: &[u8]) -> c_int {
    stack.push_table(0, 1);
    let table = stack.top();
    stack.push_text(name);
    table
}
