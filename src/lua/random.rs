//! `math.random` and `math.randomseed`: the same numbers as in Redis, on every machine.
//!
//! This is a linear congruential generator modulo 2^48 (POSIX's `lrand48`), of which the upper 31 bits are used. Its
//! state is kept from one script to the next.

use super::host::{Host, Work};
use super::native::{NativeWith, Raise, native_with};
use super::stack::Stack;
use mlua::{Lua, Result, Table};
use std::cell::Cell;
use std::ffi::c_int;
use std::rc::Rc;

/// How a native function ends.
type End = std::result::Result<c_int, Raise>;

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
    math.raw_set("random", native_with::<Random, _>(lua, &generator)?)?;
    math.raw_set("randomseed", native_with::<Seed, _>(lua, &generator)?)
}

/// Argument `i` as a number, as `luaL_checknumber` takes it.
fn number(stack: &Stack<'_>, work: &mut Work, i: c_int) -> std::result::Result<f64, Raise> {
    let number = stack.number(i);
    number.ok_or_else(|| work.not_a("number", stack, i))
}

/// `math.random`
struct Random;

impl NativeWith<Generator> for Random {
    fn run(stack: &mut Stack<'_>, _: &Host, work: &mut Work, numbers: &Generator) -> End {
        let unit = numbers.next();
        let count = stack.top();
        let (low, high) = match count {
            0 => {
                stack.push_number(unit);
                return Ok(1);
            }
            1 => (1.0, number(stack, work, 1)?.trunc()),
            2 => {
                let low = number(stack, work, 1)?.trunc();
                (low, number(stack, work, 2)?.trunc())
            }
            _ => return Err(work.here("wrong number of arguments")),
        };
        if low > high {
            return Err(work.fault("interval is empty", Raise::Argument(count)));
        }
        stack.push_number((unit * (high - low + 1.0)).floor() + low);
        Ok(1)
    }
}

/// `math.randomseed`
struct Seed;

impl NativeWith<Generator> for Seed {
    fn run(stack: &mut Stack<'_>, _: &Host, work: &mut Work, numbers: &Generator) -> End {
        let seed = number(stack, work, 1)?;
        numbers.seed(seed as i64 as i32);
        Ok(0)
    }
}
