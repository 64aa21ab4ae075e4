//! The library `bit`: operations on 32-bit integers.

use super::host::{Host, Work};
use super::native::{Native, Raise, native};
use super::stack::Stack;
use mlua::{Lua, Result, Table};
use std::ffi::c_int;
use std::marker::PhantomData;

/// 2^52 + 2^51: added to a number, it leaves its integer part, modulo 2^32, in the lower bits.
const MAGIC: f64 = 6_755_399_441_055_744.0;

/// How a native function ends.
type End = std::result::Result<c_int, Raise>;

fn bits(x: f64) -> u32 {
    (x + MAGIC).to_bits() as u32
}

/// Argument `i` as bits.
fn argument(stack: &Stack<'_>, work: &mut Work, i: c_int) -> std::result::Result<u32, Raise> {
    match stack.number(i) {
        Some(x) => Ok(bits(x)),
        None => Err(work.not_a("number", stack, i)),
    }
}

/// Ends with one number.
fn result(stack: &mut Stack<'_>, value: u32) -> End {
    stack.push_number(f64::from(value as i32));
    Ok(1)
}

/// An operation on one or two integers; one on a single integer ignores the second.
trait Operation {
    fn of(a: u32, b: u32) -> u32;
}

/// Declares operations.
macro_rules! operations {
    ($($name:ident = |$a:ident, $b:ident| $value:expr;)*) => {
        $(
            struct $name;
            impl Operation for $name {
                fn of($a: u32, $b: u32) -> u32 {
                    $value
                }
            }
        )*
    };
}

operations! {
    And = |a, b| a & b;
    Or = |a, b| a | b;
    Xor = |a, b| a ^ b;
    Same = |a, _b| a;
    Not = |a, _b| !a;
    Swap = |a, _b| a.swap_bytes();
    Left = |a, n| a << n;
    Right = |a, n| a >> n;
    SignedRight = |a, n| (a as i32 >> n) as u32;
    RotateLeft = |a, n| a.rotate_left(n);
    RotateRight = |a, n| a.rotate_right(n);
}

/// An operation on all arguments, from the first to the last.
struct Fold<O>(PhantomData<O>);

impl<O: Operation> Native for Fold<O> {
    fn run(stack: &mut Stack<'_>, _: &Host, work: &mut Work) -> End {
        let mut all = argument(stack, work, 1)?;
        for i in 2..=stack.top() {
            all = O::of(all, argument(stack, work, i)?);
        }
        result(stack, all)
    }
}

/// An operation on the first argument.
struct One<O>(PhantomData<O>);

impl<O: Operation> Native for One<O> {
    fn run(stack: &mut Stack<'_>, _: &Host, work: &mut Work) -> End {
        let value = argument(stack, work, 1)?;
        result(stack, O::of(value, 0))
    }
}

/// An operation on the first argument, by as many bits as the second says.
struct Shift<O>(PhantomData<O>);

impl<O: Operation> Native for Shift<O> {
    fn run(stack: &mut Stack<'_>, _: &Host, work: &mut Work) -> End {
        let value = argument(stack, work, 1)?;
        let by = argument(stack, work, 2)? & 31;
        result(stack, O::of(value, by))
    }
}

/// `bit.tohex`
struct ToHex;

impl Native for ToHex {
    fn run(stack: &mut Stack<'_>, _: &Host, work: &mut Work) -> End {
        let value = argument(stack, work, 1)?;
        let digits = match stack.type_name(2) {
            "no value" | "nil" => 8,
            _ => argument(stack, work, 2)? as i32,
        };
        let letters = match digits < 0 {
            true => b"0123456789ABCDEF",
            false => b"0123456789abcdef",
        };
        let mut all = [0; 8];
        for (i, digit) in all.iter_mut().enumerate() {
            *digit = letters[(value >> (28 - 4 * i) & 15) as usize];
        }
        let wanted = digits.unsigned_abs().min(8) as usize;
        stack.push_text(&all[8 - wanted..]);
        Ok(1)
    }
}

/// The library's table.
pub fn library(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    for (name, function) in [
        ("band", native::<Fold<And>>(lua, ())?),
        ("bor", native::<Fold<Or>>(lua, ())?),
        ("bxor", native::<Fold<Xor>>(lua, ())?),
        ("tobit", native::<One<Same>>(lua, ())?),
        ("bnot", native::<One<Not>>(lua, ())?),
        ("bswap", native::<One<Swap>>(lua, ())?),
        ("lshift", native::<Shift<Left>>(lua, ())?),
        ("rshift", native::<Shift<Right>>(lua, ())?),
        ("arshift", native::<Shift<SignedRight>>(lua, ())?),
        ("rol", native::<Shift<RotateLeft>>(lua, ())?),
        ("ror", native::<Shift<RotateRight>>(lua, ())?),
        ("tohex", native::<ToHex>(lua, ())?),
    ] {
        table.raw_set(name, function)?;
    }
    Ok(table)
}
