//! `math.random` and `math.randomseed`: the same numbers as in Redis, on every machine.
//!
//! This is a linear congruential generator modulo 2^48 (POSIX's `lrand48`), of which the upper 31 bits are used. Its
//! state is kept from one script to the next.

use super::raw;
use super::verdict::{Arguments, Verdict, checked};
use mlua::{Lua, Result, Table};
use std::cell::Cell;
use std::rc::Rc;

/// `lrand48` of an untouched process begins here.
const FIRST: u64 = 0x1234_ABCD_330E;
const FACTOR: u64 = 0x5_DEEC_E66D;
const ADDEND: u64 = 0xB;
const MODULUS_MASK: u64 = (1 << 48) - 1;
/// What a seed's lower 16 bits are.
const SEED_LOW: u64 = 0x330E;

struct Generator(Cell<u64>);

impl Generator {
    fn seed(&self, seed: i32) {
        self.0.set((u64::from(seed as u32) << 16) | SEED_LOW);
    }

    /// Uniform in [0, 1).
    fn next(&self) -> f64 {
        let state = self.0.get().wrapping_mul(FACTOR).wrapping_add(ADDEND) & MODULUS_MASK;
        self.0.set(state);
        let bits = (state >> 17) as i32;
        f64::from(bits % i32::MAX) / f64::from(i32::MAX)
    }
}

/// Replaces the functions in `math`.
pub fn install(lua: &Lua, math: &Table) -> Result<()> {
    let generator = Rc::new(Generator(Cell::new(FIRST)));
    let numbers = generator.clone();
    let random = lua.create_function(move |lua, (table, count): (Table, usize)| {
        let args = Arguments::new(table, count);
        let unit = numbers.next();
        let (low, high) = match count {
            0 => return Verdict::of(lua, unit),
            1 => (1.0, checked!(args.number(lua, 1)).trunc()),
            2 => {
                let low = checked!(args.number(lua, 1)).trunc();
                (low, checked!(args.number(lua, 2)).trunc())
            }
            _ => return Ok(Verdict::Here("wrong number of arguments".into())),
        };
        if low > high {
            return Ok(Verdict::Argument(count, "interval is empty".into()));
        }
        Verdict::of(lua, (unit * (high - low + 1.0)).floor() + low)
    })?;
    math.raw_set("random", raw::raising_packed(lua, random)?)?;
    let seed = lua.create_function(move |lua, (table, count): (Table, usize)| {
        let args = Arguments::new(table, count);
        let seed = checked!(args.number(lua, 1));
        generator.seed(seed as i64 as i32);
        Ok(Verdict::Nothing)
    })?;
    math.raw_set("randomseed", raw::raising_packed(lua, seed)?)
}
