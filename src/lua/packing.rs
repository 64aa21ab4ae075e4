//! The library `struct`: values as the bytes of a C structure and back.
//!
//! | option | means |
//! |---|---|
//! | `<` `>` `=` | little, big, the machine's byte order |
//! | `!n` | alignment to at most `n` |
//! | `x` | one byte of padding |
//! | `b` `h` `l` `T` `in`, capitals unsigned | integers of 1, 2, 8, 8, `n` bytes |
//! | `f` `d` | floats |
//! | `s` | text up to a zero byte |
//! | `cn` | `n` bytes; `c0` as many as the number before said |

use super::host::{Host, Work};
use super::native::{Native, Raise, native};
use super::stack::{Stack, Value};
use mlua::{Lua, Result, Table};
use std::ffi::c_int;

/// Largest integer, in bytes.
const INTEGER_MAX: usize = 32;
/// What `!` without a number aligns to.
const ALIGN_MAX: usize = 8;

/// How a native function ends.
type End = std::result::Result<c_int, Raise>;

/// What is wrong with a format.
enum Fault {
    /// Something that the caller's position is told with.
    Here(String),
    /// The format itself, the first argument.
    Format(String),
}

impl Fault {
    fn raise(self, work: &mut Work) -> Raise {
        match self {
            Fault::Here(text) => work.here(text),
            Fault::Format(text) => work.fault(text, Raise::Argument(1)),
        }
    }
}

/// Walks over a format.
struct Format<'a> {
    rest: &'a [u8],
    big_endian: bool,
    align: usize,
}

enum Step {
    /// An option and the bytes that it takes (0 if that is not known yet).
    Option(u8, usize),
    End,
}

impl<'a> Format<'a> {
    fn new(format: &'a [u8]) -> Self {
        let end = format.iter().position(|&b| b == 0).unwrap_or(format.len());
        Format {
            rest: &format[..end],
            big_endian: false,
            align: 1,
        }
    }

    fn number(&mut self, default: usize) -> std::result::Result<usize, Fault> {
        let digits = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return Ok(default);
        }
        let (text, rest) = self.rest.split_at(digits);
        self.rest = rest;
        let mut n: usize = 0;
        for &digit in text {
            let digit = usize::from(digit - b'0');
            if n > i32::MAX as usize / 10 || n * 10 > i32::MAX as usize - digit {
                return Err(Fault::Here("integral size overflow".into()));
            }
            n = n * 10 + digit;
        }
        Ok(n)
    }

    /// The next option that produces or consumes bytes; those before it have taken effect.
    fn step(&mut self) -> std::result::Result<Step, Fault> {
        loop {
            let Some((&option, rest)) = self.rest.split_first() else {
                return Ok(Step::End);
            };
            self.rest = rest;
            let size = match option {
                b'b' | b'B' | b'x' => 1,
                b'h' | b'H' => 2,
                b'l' | b'L' | b'T' | b'd' => 8,
                b'f' => 4,
                b's' => 0,
                b'c' => self.number(1)?,
                b'i' | b'I' => {
                    let size = self.number(4)?;
                    if size > INTEGER_MAX {
                        return Err(Fault::Here(format!(
                            "integral size {size} is larger than limit of {INTEGER_MAX}"
                        )));
                    }
                    size
                }
                b' ' => continue,
                b'<' | b'=' => {
                    self.big_endian = false;
                    continue;
                }
                b'>' => {
                    self.big_endian = true;
                    continue;
                }
                b'!' => {
                    let align = self.number(ALIGN_MAX)?;
                    if !align.is_power_of_two() {
                        return Err(Fault::Here(format!(
                            "alignment {align} is not a power of 2"
                        )));
                    }
                    self.align = align;
                    continue;
                }
                other => {
                    let other = char::from(other);
                    let text = format!("invalid format option '{other}'");
                    return Err(Fault::Format(text));
                }
            };
            return Ok(Step::Option(option, size));
        }
    }

    /// Bytes of padding before an option at `position`.
    fn padding(&self, position: usize, option: u8, size: usize) -> usize {
        if size == 0 || option == b'c' {
            return 0;
        }
        let size = size.min(self.align);
        match size > 1 {
            true => (size - (position & (size - 1))) & (size - 1),
            false => 0,
        }
    }
}

/// The library's table.
pub fn library(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    for (name, function) in [
        ("pack", native::<Pack>(lua, ())?),
        ("unpack", native::<Unpack>(lua, ())?),
        ("size", native::<Size>(lua, ())?),
    ] {
        table.raw_set(name, function)?;
    }
    Ok(table)
}

/// Argument `i` as a string, as `luaL_checklstring` takes it.
fn text<'l>(
    stack: &mut Stack<'l>,
    work: &mut Work,
    i: c_int,
) -> std::result::Result<&'l [u8], Raise> {
    stack.make_text(i);
    let text = stack.keep_text(i);
    text.ok_or_else(|| work.not_a("string", stack, i))
}

/// Argument `i` as a number, as `luaL_checknumber` takes it.
fn number(stack: &Stack<'_>, work: &mut Work, i: c_int) -> std::result::Result<f64, Raise> {
    let number = stack.number(i);
    number.ok_or_else(|| work.not_a("number", stack, i))
}

/// A step, or the function ends.
macro_rules! step {
    ($format:expr, $work:expr) => {
        match $format.step() {
            Ok(Step::Option(option, size)) => (option, size),
            Ok(Step::End) => break,
            Err(fault) => return Err(fault.raise($work)),
        }
    };
}

/// `struct.pack`
struct Pack;

impl Native for Pack {
    fn run(stack: &mut Stack<'_>, host: &Host, work: &mut Work) -> End {
        let mut format = Format::new(text(stack, work, 1)?);
        let mut next = 2;
        work.out.clear();
        loop {
            let (option, size) = step!(format, work);
            let out = work.out_for(host, 0)?;
            let padding = format.padding(out.len(), option, size);
            out.resize(out.len() + padding, 0);
            match option {
                b'x' => out.push(0),
                b'f' | b'd' => {
                    let x = number(stack, work, next)?;
                    next += 1;
                    let out = &mut work.out;
                    let at = out.len();
                    match option {
                        b'f' => out.extend_from_slice(&(x as f32).to_le_bytes()),
                        _ => out.extend_from_slice(&x.to_le_bytes()),
                    }
                    if format.big_endian {
                        out[at..].reverse();
                    }
                }
                b'c' | b's' => {
                    let bytes = text(stack, work, next)?;
                    let size = if size == 0 { bytes.len() } else { size };
                    next += 1;
                    if bytes.len() < size {
                        return Err(work.fault("string too short", Raise::Argument(next)));
                    }
                    let out = work.out_for(host, size)?;
                    out.extend_from_slice(&bytes[..size]);
                    if option == b's' {
                        out.push(0);
                    }
                }
                _ => {
                    let x = number(stack, work, next)?;
                    next += 1;
                    let n = if x < 0.0 { x as i64 as u64 } else { x as u64 };
                    let out = &mut work.out;
                    let at = out.len();
                    out.resize(at + size, 0);
                    for (byte, from) in out[at..].iter_mut().zip(n.to_le_bytes()) {
                        *byte = from;
                    }
                    if format.big_endian {
                        out[at..].reverse();
                    }
                }
            }
        }
        stack.push_text(&work.out);
        Ok(1)
    }
}

/// `struct.unpack`
struct Unpack;

impl Native for Unpack {
    fn run(stack: &mut Stack<'_>, _: &Host, work: &mut Work) -> End {
        const SHORT: &str = "data string too short";
        let mut format = Format::new(text(stack, work, 1)?);
        let data = text(stack, work, 2)?;
        let start = match stack.value(3) {
            Value::Nil => 1.0,
            _ => number(stack, work, 3)?,
        };
        if start == 0.0 {
            return Err(work.fault("offset must be 1 or greater", Raise::Argument(3)));
        }
        // A negative one is a huge one in the reference.
        let mut at = match start < 0.0 {
            true => usize::MAX / 2,
            false => (start as usize).max(1) - 1,
        };
        let arguments = stack.top();
        loop {
            let (option, mut size) = step!(format, work);
            at = at.saturating_add(format.padding(at, option, size));
            if size > data.len() || at > data.len() - size {
                return Err(work.fault(SHORT, Raise::Argument(2)));
            }
            stack.make_room(c"too many results");
            let bytes = &data[at..at + size];
            match option {
                b'x' => {}
                b'f' | b'd' => {
                    let mut wide = [0; 8];
                    wide[..size].copy_from_slice(bytes);
                    if format.big_endian {
                        wide[..size].reverse();
                    }
                    stack.push_number(match option {
                        b'f' => f64::from(f32::from_le_bytes([wide[0], wide[1], wide[2], wide[3]])),
                        _ => f64::from_le_bytes(wide),
                    });
                }
                b'c' => {
                    if size == 0 {
                        let said = match stack.top() > arguments {
                            true => stack.number(stack.top()),
                            false => None,
                        };
                        let Some(said) = said else {
                            return Err(work.here("format 'c0' needs a previous size"));
                        };
                        size = said as usize;
                        stack.pop(1);
                        if said < 0.0 || size > data.len() || at > data.len() - size {
                            return Err(work.fault(SHORT, Raise::Argument(2)));
                        }
                    }
                    stack.push_text(&data[at..at + size]);
                }
                b's' => {
                    let Some(length) = memchr::memchr(0, &data[at..]) else {
                        return Err(work.here("unfinished string in data"));
                    };
                    stack.push_text(&data[at..at + length]);
                    size = length + 1;
                }
                _ => stack.push_number(integer(bytes, format.big_endian, option)),
            }
            at += size;
        }
        stack.push_number((at + 1) as f64);
        Ok(stack.top() - arguments)
    }
}

/// The integer in `bytes`; lower case options are signed.
fn integer(bytes: &[u8], big_endian: bool, option: u8) -> f64 {
    let mut n: u64 = 0;
    let mut take = |byte: &u8| n = (n << 8) | u64::from(*byte);
    match big_endian {
        true => bytes.iter().for_each(&mut take),
        false => bytes.iter().rev().for_each(&mut take),
    }
    if option.is_ascii_uppercase() {
        return n as f64;
    }
    let unused = 64 - 8 * bytes.len().clamp(1, 8) as u32;
    ((n << unused) as i64 >> unused) as f64
}

/// `struct.size`
struct Size;

impl Native for Size {
    fn run(stack: &mut Stack<'_>, _: &Host, work: &mut Work) -> End {
        let mut format = Format::new(text(stack, work, 1)?);
        let mut at: usize = 0;
        loop {
            let (option, size) = step!(format, work);
            if size == 0 && (option == b's' || option == b'c') {
                let option = if option == b's' { "s" } else { "c0" };
                let text = format!("option '{option}' has no fixed size");
                return Err(work.fault(text, Raise::Argument(1)));
            }
            at += format.padding(at, option, size) + size;
        }
        stack.push_number(at as f64);
        Ok(1)
    }
}
