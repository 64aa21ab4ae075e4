//! Lua values as replies.
//!
//! A table with a field `err`, `ok`, `double`, `map`, `set`, `big_number` or `verbatim_string` of the right type
//! becomes that kind of reply; any other table becomes an array up to its first nil.

use super::Outcome;
use super::bounds::REPLY_MAX;
use super::pace::{Killed, Pace};
use super::stack::{Stack, Value};
use resp::{Proto, Reply};
use std::ffi::c_int;

/// Nested deeper, a value is replaced by an error. Each level needs some of the interpreter's stack and of Lua's.
const DEPTH_MAX: usize = 1500;

/// The names of fields, in the order in which the function that writes replies owns them.
pub const FIELDS: [&str; 9] = [
    "err",
    "ok",
    "double",
    "map",
    "set",
    "big_number",
    "verbatim_string",
    "format",
    "string",
];

/// One of [`FIELDS`], by its place among what a function owns.
#[derive(Clone, Copy)]
enum Field {
    Err = 1,
    Ok,
    Double,
    Map,
    Set,
    BigNumber,
    Verbatim,
    Format,
    String,
}

/// Why a reply was not written to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritten {
    /// It is longer than a reply may be.
    TooLarge,
    /// The script was killed.
    Killed,
}

impl From<Killed> for Unwritten {
    fn from(_: Killed) -> Self {
        Unwritten::Killed
    }
}

type Written = Result<(), Unwritten>;

/// Writes replies for a client.
pub struct Writer<'a> {
    pace: &'a Pace,
    reply: Reply,
    errors: Vec<Vec<u8>>,
    counted: u64,
    script: Proto,
    /// The reply was given up because the client may not have so much pending.
    too_large: bool,
}

impl<'a> Writer<'a> {
    /// A writer for a client with the protocol `client`, which writes at most `max` bytes into an empty buffer.
    pub fn new(pace: &'a Pace, client: Proto, max: usize, mut buffer: Vec<u8>) -> Self {
        let mut reply = Reply::new(client);
        reply.output_mut().swap_buffer(&mut buffer);
        reply.output_mut().set_limit(max);
        Writer {
            pace,
            reply,
            errors: Vec::new(),
            counted: 0,
            script: Proto::Resp2,
            too_large: false,
        }
    }

    /// What has been written.
    pub fn finish(mut self) -> Outcome {
        Outcome {
            too_large: self.too_large || self.reply.is_overrun(),
            reply: self.reply.take(),
            errors: self.errors,
            counted: self.counted,
        }
    }

    /// An error.
    pub fn error(&mut self, text: &[u8], counted: bool) {
        self.reply.error_bytes(text);
        match counted {
            true => self.counted += 1,
            false => self.errors.push(text.to_vec()),
        }
    }

    /// Instead of all that was written: an error that ended it.
    pub fn failed(&mut self, text: &[u8]) {
        self.too_large = self.reply.is_overrun();
        self.reply.truncate(0);
        self.errors.clear();
        self.error(text, false);
    }

    /// What a script returned that has chosen the protocol `script`: the last value on the stack of a function that
    /// owns the names [`FIELDS`].
    ///
    /// # Errors
    /// It was given up.
    pub fn returned(&mut self, stack: &mut Stack<'_>, script: Proto) -> Written {
        self.script = script;
        self.value(stack, stack.top(), 0)
    }

    /// The value at a place.
    fn value(&mut self, stack: &mut Stack<'_>, at: c_int, depth: usize) -> Written {
        if depth > DEPTH_MAX {
            self.error(b"ERR reached lua stack limit", false);
            return Ok(());
        }
        if !self.plain(stack.value(at))? {
            self.table(stack, at, depth)?;
            stack.pop(stack.top() - at);
        }
        Ok(())
    }

    /// A value, unless it is a table: whether it is written.
    fn plain(&mut self, value: Value<'_>) -> Result<bool, Unwritten> {
        self.make_room(match value {
            Value::Text(text) => text.len(),
            _ => 0,
        })?;
        match value {
            Value::Table => return Ok(false),
            Value::Text(text) => self.reply.bulk(text),
            Value::Boolean(yes) if self.script == Proto::Resp3 => self.reply.bool(yes),
            Value::Boolean(true) => self.reply.int(1),
            Value::Number(x) => self.reply.int(truncated(x)),
            _ => self.reply.null(),
        }
        Ok(true)
    }

    /// Counts the work of writing `bytes` bytes. Fails if the reply would become too large by them.
    fn make_room(&self, bytes: usize) -> Written {
        if self.reply.is_overrun() || self.reply.len() + bytes > REPLY_MAX.get() {
            return Err(Unwritten::TooLarge);
        }
        Ok(self.pace.spend(4 + (bytes >> 8) as u32)?)
    }

    /// Counts the work of a header that comes before what was written since `mark`.
    fn move_since(&self, mark: usize) -> Written {
        let bytes = self.reply.len() - mark;
        Ok(self.pace.spend((bytes >> 8) as u32)?)
    }

    /// May leave values on the stack.
    fn table(&mut self, stack: &mut Stack<'_>, table: c_int, depth: usize) -> Written {
        let at = table + 1;
        push(stack, table, Field::Err);
        if stack.text(at).is_some() {
            stack.push_field(table, b"ignore_error_stats_update");
            let counted = stack.value(at + 1) == Value::Boolean(true);
            self.error(as_c_text(stack.text(at).unwrap_or(b"")), counted);
            return Ok(());
        }
        replace(stack, table, Field::Ok);
        if let Value::Text(text) = stack.value(at) {
            self.reply.status(as_c_text(text));
            return Ok(());
        }
        replace(stack, table, Field::Double);
        if let Value::Number(x) = stack.value(at) {
            self.reply.double(x);
            return Ok(());
        }
        replace(stack, table, Field::Map);
        if stack.value(at) == Value::Table {
            let (mark, mut pairs) = (self.reply.len(), 0);
            stack.push_nil();
            while stack.next(at) {
                pairs += 1;
                self.value(stack, at + 1, depth + 1)?;
                self.value(stack, at + 2, depth + 1)?;
                stack.pop(1);
            }
            self.move_since(mark)?;
            self.reply.map_at(mark, pairs);
            return Ok(());
        }
        replace(stack, table, Field::Set);
        if stack.value(at) == Value::Table {
            let (mark, mut members) = (self.reply.len(), 0);
            stack.push_nil();
            while stack.next(at) {
                members += 1;
                stack.pop(1);
                self.value(stack, at + 1, depth + 1)?;
            }
            self.move_since(mark)?;
            self.reply.set_at(mark, members);
            return Ok(());
        }
        replace(stack, table, Field::BigNumber);
        if let Value::Text(digits) = stack.value(at) {
            let digits: Vec<u8> = digits.iter().map(|&b| one_line(b)).collect();
            self.reply.big_number(&digits);
            return Ok(());
        }
        replace(stack, table, Field::Verbatim);
        if stack.value(at) == Value::Table {
            push(stack, at, Field::Format);
            push(stack, at, Field::String);
            if let (Some(format), Some(text)) = (stack.text(at + 1), stack.text(at + 2)) {
                self.verbatim(format, text);
                return Ok(());
            }
            stack.pop(2);
        }
        stack.pop(1);
        self.array(stack, table, depth)
    }

    fn verbatim(&mut self, format: &[u8], text: &[u8]) {
        let mut padded = [b' '; 3];
        for (to, &from) in padded.iter_mut().zip(format) {
            *to = match from.is_ascii() {
                true => one_line(from),
                false => b'?',
            };
        }
        let format = std::str::from_utf8(&padded).unwrap_or("txt");
        self.reply.verbatim(format, text);
    }

    fn array(&mut self, stack: &mut Stack<'_>, table: c_int, depth: usize) -> Written {
        let (mark, mut elements) = (self.reply.len(), 0);
        let (at, depth) = (table + 1, depth + 1);
        loop {
            stack.push_element(table, elements + 1);
            let value = stack.value(at);
            if matches!(value, Value::Nil) {
                break;
            }
            elements += 1;
            if depth > DEPTH_MAX || !self.plain(value)? {
                self.value(stack, at, depth)?;
            }
            stack.pop(1);
        }
        self.move_since(mark)?;
        self.reply.array_at(mark, elements);
        Ok(())
    }
}

/// Pushes a field of a table.
fn push(stack: &mut Stack<'_>, table: c_int, field: Field) {
    stack.push_own(field as c_int);
    stack.key_to_field(table);
}

/// Pushes a field of a table in the place of the last value.
fn replace(stack: &mut Stack<'_>, table: c_int, field: Field) {
    stack.pop(1);
    push(stack, table, field);
}

/// Lines end before a zero byte, as in the reference.
pub fn as_c_text(text: &[u8]) -> &[u8] {
    memchr::memchr(0, text).map_or(text, |end| &text[..end])
}

fn one_line(byte: u8) -> u8 {
    match byte {
        b'\r' | b'\n' => b' ',
        byte => byte,
    }
}

/// As C truncates on the machines that the reference runs on: what does not fit is the smallest integer.
fn truncated(x: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    match (-LIMIT..LIMIT).contains(&x) {
        true => x as i64,
        false => i64::MIN,
    }
}
