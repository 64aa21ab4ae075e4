//! The library `cmsgpack`: values as MessagePack and back.

use super::output::{Output, spend};
use super::pace::Pace;
use super::raw;
use super::verdict::{Arguments, Verdict, checked};
use mlua::{Lua, Result, Table, Value};
use std::rc::Rc;

/// Tables nested deeper are packed as nil.
const NESTING_MAX: usize = 16;
/// Packed data nested deeper is refused: each level needs stack and references.
const DEPTH_MAX: usize = 1500;

/// The library's table.
pub fn library(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("_NAME", "cmsgpack")?;
    table.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    table.raw_set("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo")?;
    table.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    let pack = lua.create_function(pack)?;
    table.raw_set("pack", raw::raising_packed(lua, pack)?)?;
    for (name, way) in [
        ("unpack", Way::All),
        ("unpack_one", Way::One),
        ("unpack_limit", Way::Limited),
    ] {
        let unpack = lua.create_function(move |lua, (args, count): (Table, usize)| {
            unpack(lua, &Arguments::new(args, count), way)
        })?;
        table.raw_set(name, raw::raising_packed(lua, unpack)?)?;
    }
    Ok(table)
}

fn pack(lua: &Lua, (table, count): (Table, usize)) -> Result<Verdict> {
    if count == 0 {
        return Ok(Verdict::Argument(0, "MessagePack pack needs input.".into()));
    }
    let mut out = Output::new(lua);
    for i in 1..=count {
        pack_value(&mut out, &table.raw_get(i)?, 0)?;
    }
    Verdict::of(lua, lua.create_string(out.bytes())?)
}

fn pack_value(all: &mut Output, value: &Value, level: usize) -> Result<()> {
    let out = match value {
        Value::String(text) => all.for_value(text.as_bytes().len())?,
        _ => all.for_value(0)?,
    };
    match value {
        Value::String(text) => {
            let text = text.as_bytes();
            match text.len() {
                n @ 0..=31 => out.push(0xa0 | n as u8),
                n @ 32..=0xff => out.extend_from_slice(&[0xd9, n as u8]),
                n @ 0x100..=0xffff => header(out, 0xda, &(n as u16).to_be_bytes()),
                n => header(out, 0xdb, &(n as u32).to_be_bytes()),
            }
            out.extend_from_slice(&text);
        }
        Value::Boolean(yes) => out.push(if *yes { 0xc3 } else { 0xc2 }),
        Value::Integer(n) => pack_integer(out, *n),
        Value::Number(x) => {
            let as_integer = *x as i64;
            if as_integer as f64 == *x && x.abs() < 9.3e18 {
                pack_integer(out, as_integer);
            } else if f64::from(*x as f32) == *x {
                header(out, 0xca, &(*x as f32).to_be_bytes());
            } else {
                header(out, 0xcb, &x.to_be_bytes());
            }
        }
        Value::Table(_) if level == NESTING_MAX => out.push(0xc0),
        Value::Table(table) => match array_length(table)? {
            Some(length) => {
                sized(out, length, 0x90, 0xdc);
                for i in 1..=length {
                    pack_value(all, &table.raw_get(i)?, level + 1)?;
                }
            }
            None => {
                let mut pairs = 0;
                for pair in table.pairs::<Value, Value>() {
                    pair?;
                    pairs += 1;
                }
                sized(out, pairs, 0x80, 0xde);
                for pair in table.pairs::<Value, Value>() {
                    let (key, value) = pair?;
                    pack_value(all, &key, level + 1)?;
                    pack_value(all, &value, level + 1)?;
                }
            }
        },
        _ => out.push(0xc0),
    }
    Ok(())
}

/// The header of an array or a map.
fn sized(out: &mut Vec<u8>, n: usize, small: u8, wide: u8) {
    match n {
        0..=15 => out.push(small | n as u8),
        16..=0xffff => header(out, wide, &(n as u16).to_be_bytes()),
        _ => header(out, wide + 1, &(n as u32).to_be_bytes()),
    }
}

fn header(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    out.push(kind);
    out.extend_from_slice(bytes);
}

fn pack_integer(out: &mut Vec<u8>, n: i64) {
    match n {
        0..=127 => out.push(n as u8),
        128..=0xff => out.extend_from_slice(&[0xcc, n as u8]),
        0x100..=0xffff => header(out, 0xcd, &(n as u16).to_be_bytes()),
        0x1_0000..=0xffff_ffff => header(out, 0xce, &(n as u32).to_be_bytes()),
        0x1_0000_0000.. => header(out, 0xcf, &n.to_be_bytes()),
        -32..=-1 => out.push(n as u8),
        -128..=-33 => out.extend_from_slice(&[0xd0, n as u8]),
        -32768..=-129 => header(out, 0xd1, &(n as i16).to_be_bytes()),
        -2147483648..=-32769 => header(out, 0xd2, &(n as i32).to_be_bytes()),
        _ => header(out, 0xd3, &n.to_be_bytes()),
    }
}

/// The length of a table whose keys are 1, 2, 3 ...
fn array_length(table: &Table) -> Result<Option<usize>> {
    let (mut count, mut last) = (0, 0);
    for pair in table.pairs::<Value, Value>() {
        match pair?.0 {
            Value::Integer(n) if n > 0 => last = last.max(n as usize),
            _ => return Ok(None),
        }
        count += 1;
    }
    Ok((last == count).then_some(count))
}

/// What is unpacked, and what is said of it.
#[derive(Clone, Copy)]
enum Way {
    /// Everything.
    All,
    /// One value from an offset on, behind the offset of the next.
    One,
    /// So many.
    Limited,
}

fn unpack(lua: &Lua, args: &Arguments, way: Way) -> Result<Verdict> {
    let data = checked!(args.string(lua, 1));
    let data = data.as_bytes();
    let (limit, offset) = match way {
        Way::All => (i64::MAX, 0.0),
        Way::One => (1, optional(lua, args, 2)?),
        Way::Limited => {
            let limit = checked!(args.number(lua, 2));
            (limit as i64, optional(lua, args, 3)?)
        }
    };
    let offset = offset as i64;
    if offset < 0 || limit < 0 {
        return Ok(Verdict::Here(format!(
            "Invalid request to unpack with offset of {offset} and limit of {}.",
            data.len()
        )));
    }
    if offset > data.len() as i64 {
        return Ok(Verdict::Here(format!(
            "Start offset {offset} greater than input length {}.",
            data.len()
        )));
    }
    let mut unpacker = Unpacker {
        lua,
        pace: Pace::of(lua),
        rest: &data[offset as usize..],
        fault: None,
    };
    let results = lua.create_table()?;
    let mut count = match way {
        Way::All => 0,
        _ => 1, // the next offset comes first
    };
    let mut values = 0;
    while !unpacker.rest.is_empty() && values < limit {
        let value = unpacker.value(0)?;
        if let Some(fault) = unpacker.fault {
            return Ok(Verdict::Here(fault.into()));
        }
        values += 1;
        count += 1;
        results.raw_set(count, value)?;
    }
    if !matches!(way, Way::All) {
        let left = unpacker.rest.len();
        let next = match left {
            0 => -1,
            _ => (data.len() - left) as i64,
        };
        results.raw_set(1, next)?;
    }
    Ok(Verdict::Values(results, count))
}

fn optional(lua: &Lua, args: &Arguments, i: usize) -> Result<f64> {
    Ok(lua.coerce_number(args.get(i)?)?.unwrap_or(0.0))
}

struct Unpacker<'a> {
    lua: &'a Lua,
    pace: Option<Rc<Pace>>,
    rest: &'a [u8],
    fault: Option<&'static str>,
}

impl<'a> Unpacker<'a> {
    fn take(&mut self, n: usize) -> &'a [u8] {
        match self.rest.split_at_checked(n) {
            Some((front, rest)) => {
                self.rest = rest;
                front
            }
            None => {
                self.fault = Some("Missing bytes in input.");
                self.rest = &[];
                &[]
            }
        }
    }

    /// A big-endian number of `n` bytes.
    fn number(&mut self, n: usize) -> u64 {
        let bytes = self.take(n).iter();
        bytes.fold(0, |all, &b| (all << 8) | u64::from(b))
    }

    fn signed(&mut self, n: usize) -> Value {
        let unused = 64 - 8 * n as u32;
        let number = (self.number(n) << unused) as i64 >> unused;
        Value::Number(number as f64)
    }

    fn string(&mut self, n: usize) -> Result<Value> {
        let bytes = self.take(n);
        self.lua.create_string(bytes).map(Value::String)
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        if depth > DEPTH_MAX {
            self.fault = Some("stack overflow (in function mp_decode_to_lua_array)");
        }
        if self.fault.is_some() {
            return Ok(Value::Nil);
        }
        spend(self.pace.as_deref(), 0)?;
        let kind = self.number(1) as u8;
        match kind {
            0x00..=0x7f => Ok(Value::Number(f64::from(kind))),
            0xe0..=0xff => Ok(Value::Number(f64::from(kind as i8))),
            0x80..=0x8f => self.map(usize::from(kind & 15), depth),
            0x90..=0x9f => self.array(usize::from(kind & 15), depth),
            0xa0..=0xbf => self.string(usize::from(kind & 31)),
            0xc0 => Ok(Value::Nil),
            0xc2 => Ok(Value::Boolean(false)),
            0xc3 => Ok(Value::Boolean(true)),
            0xca => {
                let x = f32::from_bits(self.number(4) as u32);
                Ok(Value::Number(f64::from(x)))
            }
            0xcb => Ok(Value::Number(f64::from_bits(self.number(8)))),
            0xcc..=0xcf => {
                // Of 64 bits they become signed, as in the reference.
                let n = self.number(1 << (kind - 0xcc));
                Ok(Value::Number(n as i64 as f64))
            }
            0xd0..=0xd3 => Ok(self.signed(1 << (kind - 0xd0))),
            0xd9..=0xdb => {
                let n = self.number(1 << (kind - 0xd9));
                self.string(n as usize)
            }
            0xdc | 0xdd => {
                let n = self.number(2 << (kind - 0xdc));
                self.array(n as usize, depth)
            }
            0xde | 0xdf => {
                let n = self.number(2 << (kind - 0xde));
                self.map(n as usize, depth)
            }
            _ => {
                self.fault = Some("Bad data format in input.");
                Ok(Value::Nil)
            }
        }
    }

    fn array(&mut self, n: usize, depth: usize) -> Result<Value> {
        let table = self.lua.create_table()?;
        for i in 1..=n {
            let value = self.value(depth + 1)?;
            if self.fault.is_some() {
                break;
            }
            table.raw_set(i, value)?;
        }
        Ok(Value::Table(table))
    }

    fn map(&mut self, n: usize, depth: usize) -> Result<Value> {
        let table = self.lua.create_table()?;
        for _ in 0..n {
            let key = self.value(depth + 1)?;
            let value = self.value(depth + 1)?;
            if self.fault.is_some() {
                break;
            }
            match key {
                // Lua has no such keys.
                Value::Nil => self.fault = Some("Bad data format in input."),
                Value::Number(x) if x.is_nan() => self.fault = Some("Bad data format in input."),
                key => table.raw_set(key, value)?,
            }
        }
        Ok(Value::Table(table))
    }
}
