//! Lua values as JSON.

use super::super::number::format_g;
use super::super::output::Output;
use super::super::verdict::{Arguments, Verdict, type_name};
use super::Fault;
use super::{DEPTH_MAX, Invalid, Settings, null};
use mlua::{Lua, Result, Table, Value};

/// `cjson.encode(value)`
pub(super) fn encode(lua: &Lua, settings: &Settings, args: &Arguments) -> Result<Verdict> {
    if args.count != 1 {
        return Ok(Verdict::Argument(1, "expected 1 argument".into()));
    }
    let mut encoder = Encoder {
        settings,
        out: Output::new(lua),
    };
    match encoder.value(&args.get(1)?, 0) {
        Ok(()) => Verdict::of(lua, lua.create_string(encoder.out.bytes())?),
        Err(fault) => fault.verdict(),
    }
}

fn cannot(value: &Value, why: &str) -> Fault {
    Fault::Data(format!("Cannot serialise {}: {why}", type_name(value)))
}

struct Encoder<'a> {
    settings: &'a Settings,
    out: Output,
}

impl Encoder<'_> {
    fn value(&mut self, value: &Value, depth: i64) -> std::result::Result<(), Fault> {
        match value {
            Value::String(text) => self.string(&text.as_bytes())?,
            Value::Integer(n) => self.number(*n as f64)?,
            Value::Number(x) => self.number(*x)?,
            Value::Boolean(yes) => {
                let word: &[u8] = if *yes { b"true" } else { b"false" };
                self.out.for_value(0)?.extend_from_slice(word);
            }
            Value::Nil => self.null()?,
            Value::Table(table) => {
                let depth = depth + 1;
                if depth > self.settings.encode_depth.get().min(DEPTH_MAX) {
                    return Err(Fault::Data(format!(
                        "Cannot serialise, excessive nesting ({depth})"
                    )));
                }
                match self.array_length(table)? {
                    Some(length) if length > 0 => self.array(table, length, depth)?,
                    _ => self.object(table, depth)?,
                }
            }
            other if *other == null() => self.null()?,
            other => return Err(cannot(other, "type not supported")),
        }
        Ok(())
    }

    /// The last index of what can be an array; `None` for an object.
    fn array_length(&self, table: &Table) -> std::result::Result<Option<i64>, Fault> {
        let (mut last, mut items) = (0.0_f64, 0_i64);
        for pair in table.pairs::<Value, Value>() {
            let index = match pair?.0 {
                Value::Integer(n) => n as f64,
                Value::Number(x) => x,
                _ => return Ok(None),
            };
            if index < 1.0 || index.fract() != 0.0 {
                return Ok(None);
            }
            last = last.max(index);
            items += 1;
        }
        let (ratio, safe) = (
            self.settings.sparse_ratio.get(),
            self.settings.sparse_safe.get(),
        );
        if ratio > 0 && last > (items as f64) * ratio as f64 && last > safe as f64 {
            if !self.settings.sparse_convert.get() {
                return Err(Fault::Data(
                    "Cannot serialise table: excessively sparse array".into(),
                ));
            }
            return Ok(None);
        }
        Ok(Some(last as i64))
    }

    fn array(&mut self, table: &Table, length: i64, depth: i64) -> std::result::Result<(), Fault> {
        self.out.for_value(0)?.push(b'[');
        for i in 1..=length {
            if i > 1 {
                self.out.bytes().push(b',');
            }
            self.value(&table.raw_get(i)?, depth)?;
        }
        self.out.bytes().push(b']');
        Ok(())
    }

    fn object(&mut self, table: &Table, depth: i64) -> std::result::Result<(), Fault> {
        self.out.for_value(0)?.push(b'{');
        let mut first = true;
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair?;
            if !std::mem::replace(&mut first, false) {
                self.out.bytes().push(b',');
            }
            match &key {
                Value::String(text) => self.string(&text.as_bytes())?,
                Value::Integer(_) | Value::Number(_) => {
                    self.out.bytes().push(b'"');
                    self.value(&key, depth)?;
                    self.out.bytes().push(b'"');
                }
                other => return Err(cannot(other, "table key must be a number or string")),
            }
            self.out.bytes().push(b':');
            self.value(&value, depth)?;
        }
        self.out.bytes().push(b'}');
        Ok(())
    }

    fn number(&mut self, x: f64) -> std::result::Result<(), Fault> {
        if !x.is_finite() {
            match self.settings.encode_invalid.get() {
                Invalid::Written => {}
                Invalid::Null => return self.null(),
                Invalid::Refused => {
                    return Err(cannot(&Value::Number(x), "must not be NaN or Inf"));
                }
            }
        }
        let precision = self.settings.precision.get() as usize;
        let text = match x.is_nan() {
            true => "nan".to_owned(),
            false => format_g(x, precision),
        };
        self.out.for_value(0)?.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn null(&mut self) -> std::result::Result<(), Fault> {
        self.out.for_value(0)?.extend_from_slice(b"null");
        Ok(())
    }

    fn string(&mut self, text: &[u8]) -> std::result::Result<(), Fault> {
        let out = self.out.for_value(text.len())?;
        out.push(b'"');
        for &byte in text {
            match byte {
                b'"' | b'\\' | b'/' => out.extend_from_slice(&[b'\\', byte]),
                8 => out.extend_from_slice(b"\\b"),
                b'\t' => out.extend_from_slice(b"\\t"),
                b'\n' => out.extend_from_slice(b"\\n"),
                12 => out.extend_from_slice(b"\\f"),
                b'\r' => out.extend_from_slice(b"\\r"),
                0..=31 | 127 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => out.push(byte),
            }
        }
        out.push(b'"');
        Ok(())
    }
}
