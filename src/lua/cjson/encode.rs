//! Lua values as JSON.

use super::super::host::{Host, Work};
use super::super::native::{NativeWith, Raise};
use super::super::number::push_g;
use super::super::stack::{Stack, Value};
use super::{DEPTH_MAX, Invalid, Settings, one_argument};
use std::ffi::c_int;

/// `cjson.encode(value)`
pub(super) struct Encode;

impl NativeWith<Settings> for Encode {
    fn run(
        stack: &mut Stack<'_>,
        host: &Host,
        work: &mut Work,
        settings: &Settings,
    ) -> Result<c_int, Raise> {
        one_argument(stack, work)?;
        work.out.clear();
        let mut encoder = Encoder {
            settings,
            host,
            work,
        };
        encoder.value(stack, 1, 0)?;
        stack.push_text(&work.out);
        Ok(1)
    }
}

struct Encoder<'a> {
    settings: &'a Settings,
    host: &'a Host,
    work: &'a mut Work,
}

impl Encoder<'_> {
    /// The bytes, for one more value with a content of `more` bytes.
    fn out(&mut self, more: usize) -> Result<&mut Vec<u8>, Raise> {
        self.work.out_for(self.host, more)
    }

    fn cannot(&mut self, kind: &str, why: &str) -> Raise {
        self.work.here(format!("Cannot serialise {kind}: {why}"))
    }

    /// The value at a place.
    fn value(&mut self, stack: &mut Stack<'_>, at: c_int, depth: i64) -> Result<(), Raise> {
        match stack.value(at) {
            Value::Text(text) => self.string(text),
            Value::Number(x) => self.number(x),
            Value::Boolean(yes) => {
                let word: &[u8] = if yes { b"true" } else { b"false" };
                self.out(0)?.extend_from_slice(word);
                Ok(())
            }
            Value::Nil => self.null(),
            Value::Pointer(address) if address.is_null() => self.null(),
            Value::Table => {
                let depth = depth + 1;
                if depth > self.settings.encode_depth.get().min(DEPTH_MAX) {
                    let text = format!("Cannot serialise, excessive nesting ({depth})");
                    return Err(self.work.here(text));
                }
                match self.array_length(stack, at)? {
                    Some(length) if length > 0 => self.array(stack, at, length, depth),
                    _ => self.object(stack, at, depth),
                }
            }
            _ => Err(self.cannot(stack.type_name(at), "type not supported")),
        }
    }

    /// The last index of what can be an array; `None` for an object.
    fn array_length(&mut self, stack: &mut Stack<'_>, at: c_int) -> Result<Option<i64>, Raise> {
        let (mut last, mut items) = (0.0_f64, 0_i64);
        stack.push_nil();
        while stack.next(at) {
            stack.pop(1);
            match stack.value(stack.top()) {
                Value::Number(x) if x >= 1.0 && x.fract() == 0.0 => last = last.max(x),
                _ => {
                    stack.pop(1);
                    return Ok(None);
                }
            }
            items += 1;
        }
        let (ratio, safe) = (
            self.settings.sparse_ratio.get(),
            self.settings.sparse_safe.get(),
        );
        if ratio > 0 && last > (items as f64) * ratio as f64 && last > safe as f64 {
            if !self.settings.sparse_convert.get() {
                let text = "Cannot serialise table: excessively sparse array";
                return Err(self.work.here(text));
            }
            return Ok(None);
        }
        self.host.pace.spend((items >> 3).min(1 << 30) as u32)?;
        Ok(Some(last as i64))
    }

    fn array(
        &mut self,
        stack: &mut Stack<'_>,
        at: c_int,
        length: i64,
        depth: i64,
    ) -> Result<(), Raise> {
        self.out(0)?.push(b'[');
        for i in 1..=length {
            if i > 1 {
                self.work.out.push(b',');
            }
            match usize::try_from(i) {
                Ok(i) if i <= i32::MAX as usize => stack.push_element(at, i),
                _ => stack.push_nil(),
            }
            self.value(stack, stack.top(), depth)?;
            stack.pop(1);
        }
        self.work.out.push(b']');
        Ok(())
    }

    fn object(&mut self, stack: &mut Stack<'_>, at: c_int, depth: i64) -> Result<(), Raise> {
        self.out(0)?.push(b'{');
        let mut first = true;
        stack.push_nil();
        while stack.next(at) {
            let value = stack.top();
            if !std::mem::replace(&mut first, false) {
                self.work.out.push(b',');
            }
            match stack.value(value - 1) {
                Value::Text(text) => self.string(text)?,
                Value::Number(x) => {
                    self.work.out.push(b'"');
                    self.number(x)?;
                    self.work.out.push(b'"');
                }
                _ => {
                    let kind = stack.type_name(value - 1);
                    return Err(self.cannot(kind, "table key must be a number or string"));
                }
            }
            self.work.out.push(b':');
            self.value(stack, value, depth)?;
            stack.pop(1);
        }
        self.work.out.push(b'}');
        Ok(())
    }

    fn number(&mut self, x: f64) -> Result<(), Raise> {
        if !x.is_finite() {
            match self.settings.encode_invalid.get() {
                Invalid::Written => {}
                Invalid::Null => return self.null(),
                Invalid::Refused => return Err(self.cannot("number", "must not be NaN or Inf")),
            }
        }
        let precision = self.settings.precision.get() as usize;
        let out = self.out(0)?;
        match x.is_nan() {
            true => out.extend_from_slice(b"nan"),
            false => push_g(out, x, precision),
        }
        Ok(())
    }

    fn null(&mut self) -> Result<(), Raise> {
        self.out(0)?.extend_from_slice(b"null");
        Ok(())
    }

    fn string(&mut self, text: &[u8]) -> Result<(), Raise> {
        let out = self.out(text.len())?;
        out.push(b'"');
        let mut rest = text;
        while let Some(at) = rest.iter().position(|&byte| is_escaped(byte)) {
            out.extend_from_slice(&rest[..at]);
            escape(out, rest[at]);
            rest = &rest[at + 1..];
        }
        out.extend_from_slice(rest);
        out.push(b'"');
        Ok(())
    }
}

fn is_escaped(byte: u8) -> bool {
    matches!(byte, 0..=31 | b'"' | b'\\' | b'/' | 127)
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
    match byte {
        b'"' | b'\\' | b'/' => out.extend_from_slice(&[b'\\', byte]),
        8 => out.extend_from_slice(b"\\b"),
        b'\t' => out.extend_from_slice(b"\\t"),
        b'\n' => out.extend_from_slice(b"\\n"),
        12 => out.extend_from_slice(b"\\f"),
        b'\r' => out.extend_from_slice(b"\\r"),
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[DIGITS[high], DIGITS[low]]);
        }
    }
}
