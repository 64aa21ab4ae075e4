//! Lua values as replies.
//!
//! A table with a field `err`, `ok`, `double`, `map`, `set`, `big_number` or `verbatim_string` of the right type
//! is such a reply; any other is an array up to its first nil.

use super::Outcome;
use super::pace::Pace;
use crate::resp::{Proto, Reply};
use mlua::{Error, Result, Table, Value};

/// Nested deeper, a value is replaced by an error. Each level needs some of the interpreter's stack and one of
/// its 8,000 references.
const DEPTH_MAX: usize = 1500;

/// Longest reply: tables that contain each other many times describe more bytes than any machine has.
const REPLY_MAX: usize = if cfg!(test) { 1 << 20 } else { 1 << 30 };

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
    /// For a client that speaks `client`, from a script that has chosen `script`: at most `max` bytes.
    pub fn new(pace: &'a Pace, client: Proto, script: Proto, max: usize) -> Self {
        let mut reply = Reply::new(client);
        reply.output_mut().set_limit(max);
        Writer {
            pace,
            reply,
            errors: Vec::new(),
            counted: 0,
            script,
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

    /// What a script returned.
    pub fn value(&mut self, value: &Value, depth: usize) -> Result<()> {
        if depth > DEPTH_MAX {
            self.error(b"ERR reached lua stack limit", false);
            return Ok(());
        }
        self.make_room(match value {
            Value::String(text) => text.as_bytes().len(),
            _ => 0,
        })?;
        match value {
            Value::String(text) => self.reply.bulk(&text.as_bytes()),
            Value::Boolean(yes) if self.script == Proto::Resp3 => self.reply.bool(*yes),
            Value::Boolean(true) => self.reply.int(1),
            Value::Integer(n) => self.reply.int(*n),
            Value::Number(x) => self.reply.int(truncated(*x)),
            Value::Table(table) => self.table(table, depth)?,
            _ => self.reply.null(),
        }
        Ok(())
    }

    /// Counts the work of writing so many bytes, and sees that there are not too many.
    fn make_room(&self, bytes: usize) -> Result<()> {
        if self.reply.is_overrun() || self.reply.len() + bytes > REPLY_MAX {
            return Err(Error::runtime("script's reply is too large"));
        }
        self.pace.spend(4 + (bytes >> 8) as u32)?;
        Ok(())
    }

    /// Counts the work of a header that comes before what was written since `mark`.
    fn move_since(&self, mark: usize) -> Result<()> {
        let bytes = self.reply.len() - mark;
        Ok(self.pace.spend((bytes >> 8) as u32)?)
    }

    fn table(&mut self, table: &Table, depth: usize) -> Result<()> {
        if let Value::String(text) = table.raw_get("err")? {
            let counted = table.raw_get::<Value>("ignore_error_stats_update")?;
            let counted = counted == Value::Boolean(true);
            self.error(&text.as_bytes(), counted);
            return Ok(());
        }
        if let Value::String(text) = table.raw_get("ok")? {
            self.reply.status(&text.as_bytes());
            return Ok(());
        }
        if let Value::Number(_) | Value::Integer(_) = table.raw_get("double")? {
            self.reply.double(table.raw_get("double")?);
            return Ok(());
        }
        if let Value::Table(map) = table.raw_get("map")? {
            let (mark, mut pairs) = (self.reply.len(), 0);
            map.for_each(|key: Value, value: Value| {
                pairs += 1;
                self.value(&key, depth + 1)?;
                self.value(&value, depth + 1)
            })?;
            self.move_since(mark)?;
            self.reply.map_at(mark, pairs);
            return Ok(());
        }
        if let Value::Table(set) = table.raw_get("set")? {
            let (mark, mut members) = (self.reply.len(), 0);
            set.for_each(|member: Value, _: Value| {
                members += 1;
                self.value(&member, depth + 1)
            })?;
            self.move_since(mark)?;
            self.reply.set_at(mark, members);
            return Ok(());
        }
        if let Value::String(digits) = table.raw_get("big_number")? {
            let digits: Vec<u8> = digits.as_bytes().iter().map(|&b| one_line(b)).collect();
            self.reply.big_number(&digits);
            return Ok(());
        }
        if let Value::Table(verbatim) = table.raw_get("verbatim_string")?
            && let Value::String(format) = verbatim.raw_get("format")?
            && let Value::String(text) = verbatim.raw_get("string")?
        {
            let mut padded = [b' '; 3];
            for (to, &from) in padded.iter_mut().zip(format.as_bytes().iter()) {
                *to = if from.is_ascii() {
                    one_line(from)
                } else {
                    b'?'
                };
            }
            let format = std::str::from_utf8(&padded).unwrap_or("txt");
            self.reply.verbatim(format, &text.as_bytes());
            return Ok(());
        }
        let (mark, mut elements) = (self.reply.len(), 0);
        loop {
            let element: Value = table.raw_get(elements + 1)?;
            if element.is_nil() {
                break;
            }
            elements += 1;
            self.value(&element, depth + 1)?;
        }
        self.move_since(mark)?;
        self.reply.array_at(mark, elements);
        Ok(())
    }
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
