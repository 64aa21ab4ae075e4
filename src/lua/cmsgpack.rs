//! The library `cmsgpack`: values as MessagePack and back.

use super::host::{Host, Work};
use super::native::{Native, Raise, native};
use super::number::exact;
use super::stack::{Stack, Value};
use mlua::{Lua, Result, Table};
use std::ffi::c_int;

/// Tables nested deeper are packed as nil.
const NESTING_MAX: usize = 16;
/// Packed data nested deeper is refused: each level needs stack and references.
const DEPTH_MAX: usize = 1500;
/// Fields that a table gets room for before they are there: the data may lie.
const READY_MAX: usize = 16;

/// The library's table.
pub fn library(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("_NAME", "cmsgpack")?;
    table.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    table.raw_set("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo")?;
    table.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    table.raw_set("pack", native::<Pack>(lua, ())?)?;
    table.raw_set("unpack", native::<UnpackAll>(lua, ())?)?;
    table.raw_set("unpack_one", native::<UnpackOne>(lua, ())?)?;
    table.raw_set("unpack_limit", native::<UnpackLimit>(lua, ())?)?;
    Ok(table)
}

/// How a native function ends.
type End<T> = std::result::Result<T, Raise>;

/// `cmsgpack.pack`
struct Pack;

impl Native for Pack {
    fn run(stack: &mut Stack<'_>, host: &Host, work: &mut Work) -> End<c_int> {
        let count = stack.top();
        if count == 0 {
            return Err(work.fault("MessagePack pack needs input.", Raise::Argument(0)));
        }
        work.out.clear();
        let mut packer = Packer { host, work };
        for place in 1..=count {
            packer.value(stack, place, 0)?;
        }
        stack.push_text(&work.out);
        Ok(1)
    }
}

struct Packer<'a> {
    host: &'a Host,
    work: &'a mut Work,
}

impl Packer<'_> {
    /// The value at a place.
    fn value(&mut self, stack: &mut Stack<'_>, at: c_int, level: usize) -> End<()> {
        let value = stack.value(at);
        let out = self.work.out_for(
            self.host,
            match value {
                Value::Text(text) => text.len(),
                _ => 0,
            },
        )?;
        match value {
            Value::Text(text) => {
                match text.len() {
                    n @ 0..=31 => out.push(0xa0 | n as u8),
                    n @ 32..=0xff => out.extend_from_slice(&[0xd9, n as u8]),
                    n @ 0x100..=0xffff => header(out, 0xda, &(n as u16).to_be_bytes()),
                    n => header(out, 0xdb, &(n as u32).to_be_bytes()),
                }
                out.extend_from_slice(text);
            }
            Value::Boolean(yes) => out.push(if yes { 0xc3 } else { 0xc2 }),
            Value::Number(x) => {
                if let Some(n) = exact(x) {
                    pack_integer(out, n);
                } else if f64::from(x as f32) == x {
                    header(out, 0xca, &(x as f32).to_be_bytes());
                } else {
                    header(out, 0xcb, &x.to_be_bytes());
                }
            }
            Value::Table if level < NESTING_MAX => return self.table(stack, at, level + 1),
            _ => out.push(0xc0),
        }
        Ok(())
    }

    fn table(&mut self, stack: &mut Stack<'_>, at: c_int, level: usize) -> End<()> {
        let (is_array, count) = shape(stack, at);
        self.host.pace.spend((count >> 3).min(1 << 30) as u32)?;
        if is_array {
            sized(&mut self.work.out, count, 0x90, 0xdc);
            for i in 1..=count {
                stack.push_element(at, i);
                self.value(stack, stack.top(), level)?;
                stack.pop(1);
            }
            return Ok(());
        }
        sized(&mut self.work.out, count, 0x80, 0xde);
        stack.push_nil();
        while stack.next(at) {
            let value = stack.top();
            self.value(stack, value - 1, level)?;
            self.value(stack, value, level)?;
            stack.pop(1);
        }
        Ok(())
    }
}

/// Whether the keys of a table are 1, 2, 3 ..., and how many fields it has.
fn shape(stack: &mut Stack<'_>, at: c_int) -> (bool, usize) {
    let (mut count, mut last, mut is_array) = (0, 0, true);
    stack.push_nil();
    while stack.next(at) {
        count += 1;
        stack.pop(1);
        if is_array {
            match stack.value(stack.top()) {
                Value::Number(x) => match exact(x) {
                    Some(n) if n > 0 => last = last.max(n as usize),
                    _ => is_array = false,
                },
                _ => is_array = false,
            }
        }
    }
    (is_array && last == count, count)
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

/// How many values an unpacking function unpacks, and whether it returns the offset of the next one before them.
#[derive(Clone, Copy)]
enum Way {
    /// All values, without an offset.
    All,
    /// One value, which is at an offset that the script gives, with the offset of the next.
    One,
    /// At most as many values as the script says, with the offset of the next.
    Limited,
}

/// `cmsgpack.unpack`
struct UnpackAll;

impl Native for UnpackAll {
    fn run(stack: &mut Stack<'_>, host: &Host, work: &mut Work) -> End<c_int> {
        unpack(stack, host, work, Way::All)
    }
}

/// `cmsgpack.unpack_one`
struct UnpackOne;

impl Native for UnpackOne {
    fn run(stack: &mut Stack<'_>, host: &Host, work: &mut Work) -> End<c_int> {
        unpack(stack, host, work, Way::One)
    }
}

/// `cmsgpack.unpack_limit`
struct UnpackLimit;

impl Native for UnpackLimit {
    fn run(stack: &mut Stack<'_>, host: &Host, work: &mut Work) -> End<c_int> {
        unpack(stack, host, work, Way::Limited)
    }
}

fn unpack(stack: &mut Stack<'_>, host: &Host, work: &mut Work, way: Way) -> End<c_int> {
    stack.make_text(1);
    let Some(data) = stack.keep_text(1) else {
        return Err(work.not_a("string", stack, 1));
    };
    let (limit, offset) = match way {
        Way::All => (i64::MAX, 0.0),
        Way::One => (1, stack.number(2).unwrap_or(0.0)),
        Way::Limited => {
            let Some(limit) = stack.number(2) else {
                return Err(work.not_a("number", stack, 2));
            };
            (limit as i64, stack.number(3).unwrap_or(0.0))
        }
    };
    let (offset, len) = (offset as i64, data.len());
    if offset < 0 || limit < 0 {
        return Err(work.here(format!(
            "Invalid request to unpack with offset of {offset} and limit of {len}."
        )));
    }
    if offset > len as i64 {
        return Err(work.here(format!(
            "Start offset {offset} greater than input length {len}."
        )));
    }
    // No limit is one of 0, unless something is passed over.
    let (way, limit) = match (limit, offset) {
        (0, 0) => (Way::All, i64::MAX),
        _ => (way, limit),
    };
    let mut unpacker = Unpacker {
        host,
        work,
        rest: &data[offset as usize..],
    };
    let before = stack.top();
    let mut values = 0;
    while !unpacker.rest.is_empty() && values < limit {
        unpacker.value(stack, 0)?;
        values += 1;
    }
    if !matches!(way, Way::All) {
        let next = match unpacker.rest.len() {
            0 => -1.0,
            left => (len - left) as f64,
        };
        stack.push_number(next);
        stack.insert(before + 1);
    }
    Ok(stack.top() - before)
}

struct Unpacker<'a> {
    host: &'a Host,
    work: &'a mut Work,
    rest: &'a [u8],
}

impl<'a> Unpacker<'a> {
    fn take(&mut self, n: usize) -> End<&'a [u8]> {
        match self.rest.split_at_checked(n) {
            Some((front, rest)) => {
                self.rest = rest;
                Ok(front)
            }
            None => Err(self.work.here("Missing bytes in input.")),
        }
    }

    /// A big-endian number of `n` bytes.
    fn number(&mut self, n: usize) -> End<u64> {
        let bytes = self.take(n)?.iter();
        Ok(bytes.fold(0, |all, &b| (all << 8) | u64::from(b)))
    }

    fn signed(&mut self, n: usize) -> End<f64> {
        let unused = 64 - 8 * n as u32;
        Ok(((self.number(n)? << unused) as i64 >> unused) as f64)
    }

    fn string(&mut self, stack: &mut Stack<'_>, n: usize) -> End<()> {
        let bytes = self.take(n)?;
        stack.push_text(bytes);
        Ok(())
    }

    /// Pushes the next value.
    fn value(&mut self, stack: &mut Stack<'_>, depth: usize) -> End<()> {
        if depth > DEPTH_MAX {
            let text = "stack overflow (in function mp_decode_to_lua_array)";
            return Err(self.work.here(text));
        }
        self.host.pace.spend(4)?;
        let kind = self.number(1)? as u8;
        match kind {
            0x00..=0x7f => stack.push_number(f64::from(kind)),
            0xe0..=0xff => stack.push_number(f64::from(kind as i8)),
            0x80..=0x8f => self.map(stack, usize::from(kind & 15), depth)?,
            0x90..=0x9f => self.array(stack, usize::from(kind & 15), depth)?,
            0xa0..=0xbf => self.string(stack, usize::from(kind & 31))?,
            0xc0 => stack.push_nil(),
            0xc2 => stack.push_boolean(false),
            0xc3 => stack.push_boolean(true),
            0xca => {
                let x = f32::from_bits(self.number(4)? as u32);
                stack.push_number(f64::from(x));
            }
            0xcb => stack.push_number(f64::from_bits(self.number(8)?)),
            0xcc..=0xcf => {
                // Of 64 bits they become signed, as in the reference.
                let n = self.number(1 << (kind - 0xcc))?;
                stack.push_number(n as i64 as f64);
            }
            0xd0..=0xd3 => stack.push_number(self.signed(1 << (kind - 0xd0))?),
            0xd9..=0xdb => {
                let n = self.number(1 << (kind - 0xd9))?;
                self.string(stack, n as usize)?;
            }
            0xdc | 0xdd => {
                let n = self.number(2 << (kind - 0xdc))?;
                self.array(stack, n as usize, depth)?;
            }
            0xde | 0xdf => {
                let n = self.number(2 << (kind - 0xde))?;
                self.map(stack, n as usize, depth)?;
            }
            _ => return Err(self.work.here("Bad data format in input.")),
        }
        Ok(())
    }

    fn array(&mut self, stack: &mut Stack<'_>, n: usize, depth: usize) -> End<()> {
        stack.push_table(n.min(READY_MAX), 0);
        let table = stack.top();
        for i in 1..=n {
            self.value(stack, depth + 1)?;
            stack.set_element(table, i);
        }
        Ok(())
    }

    fn map(&mut self, stack: &mut Stack<'_>, n: usize, depth: usize) -> End<()> {
        stack.push_table(0, n.min(READY_MAX));
        let table = stack.top();
        for _ in 0..n {
            self.value(stack, depth + 1)?;
            self.value(stack, depth + 1)?;
            // Lua raises an error if it has no such keys.
            stack.set_field(table);
        }
        Ok(())
    }
}
