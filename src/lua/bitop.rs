//! The library `bit`: operations on 32-bit integers.

use super::raw;
use super::verdict::{Arguments, Verdict, checked};
use mlua::{Lua, Result, Table};

/// 2^52 + 2^51: added to a number, it leaves its integer part, modulo 2^32, in the lower bits.
const MAGIC: f64 = 6_755_399_441_055_744.0;

fn bits(x: f64) -> u32 {
    (x + MAGIC).to_bits() as u32
}

/// The library's table.
pub fn library(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    fold(lua, &table, "band", |a, b| a & b)?;
    fold(lua, &table, "bor", |a, b| a | b)?;
    fold(lua, &table, "bxor", |a, b| a ^ b)?;
    one(lua, &table, "tobit", |a| a)?;
    one(lua, &table, "bnot", |a| !a)?;
    one(lua, &table, "bswap", u32::swap_bytes)?;
    shift(lua, &table, "lshift", |a, n| a << n)?;
    shift(lua, &table, "rshift", |a, n| a >> n)?;
    shift(lua, &table, "arshift", |a, n| (a as i32 >> n) as u32)?;
    shift(lua, &table, "rol", u32::rotate_left)?;
    shift(lua, &table, "ror", u32::rotate_right)?;
    let tohex = lua.create_function(|lua, (table, count): (Table, usize)| {
        let args = Arguments::new(table, count);
        let value = bits(checked!(args.number(lua, 1)));
        let digits = match args.get(2)?.is_nil() {
            true => 8,
            false => bits(checked!(args.number(lua, 2))) as i32,
        };
        let all = match digits < 0 {
            true => format!("{value:08X}"),
            false => format!("{value:08x}"),
        };
        let wanted = digits.unsigned_abs().min(8) as usize;
        Verdict::of(lua, &all[8 - wanted..])
    })?;
    table.raw_set("tohex", raw::raising_packed(lua, tohex)?)?;
    Ok(table)
}

fn one(lua: &Lua, table: &Table, name: &str, op: fn(u32) -> u32) -> Result<()> {
    let function = lua.create_function(move |lua, (table, count): (Table, usize)| {
        let args = Arguments::new(table, count);
        Verdict::of(lua, op(bits(checked!(args.number(lua, 1)))) as i32)
    })?;
    table.raw_set(name, raw::raising_packed(lua, function)?)
}

fn fold(lua: &Lua, table: &Table, name: &str, op: fn(u32, u32) -> u32) -> Result<()> {
    let function = lua.create_function(move |lua, (table, count): (Table, usize)| {
        let args = Arguments::new(table, count);
        let mut all = bits(checked!(args.number(lua, 1)));
        for i in 2..=count {
            all = op(all, bits(checked!(args.number(lua, i))));
        }
        Verdict::of(lua, all as i32)
    })?;
    table.raw_set(name, raw::raising_packed(lua, function)?)
}

fn shift(lua: &Lua, table: &Table, name: &str, op: fn(u32, u32) -> u32) -> Result<()> {
    let function = lua.create_function(move |lua, (table, count): (Table, usize)| {
        let args = Arguments::new(table, count);
        let value = bits(checked!(args.number(lua, 1)));
        let by = bits(checked!(args.number(lua, 2))) & 31;
        Verdict::of(lua, op(value, by) as i32)
    })?;
    table.raw_set(name, raw::raising_packed(lua, function)?)
}
