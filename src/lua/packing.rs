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

use super::output::Output;
use super::raw;
use super::verdict::{Arguments, Verdict, checked};
use mlua::{Lua, Result, Table};

/// Largest integer, in bytes.
const INTEGER_MAX: usize = 32;
/// What `!` without a number aligns to.
const ALIGN_MAX: usize = 8;

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

    fn number(&mut self, default: usize) -> std::result::Result<usize, Verdict> {
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
                return Err(Verdict::Here("integral size overflow".into()));
            }
            n = n * 10 + digit;
        }
        Ok(n)
    }

    /// The next option that produces or consumes bytes; those before it have taken effect.
    fn step(&mut self) -> std::result::Result<Step, Verdict> {
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
                        return Err(Verdict::Here(format!(
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
                        return Err(Verdict::Here(format!(
                            "alignment {align} is not a power of 2"
                        )));
                    }
                    self.align = align;
                    continue;
                }
                other => {
                    let other = char::from(other);
                    let text = format!("invalid format option '{other}'");
                    return Err(Verdict::Argument(1, text));
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
        ("pack", lua.create_function(pack)?),
        ("unpack", lua.create_function(unpack)?),
        ("size", lua.create_function(size)?),
    ] {
        table.raw_set(name, raw::raising_packed(lua, function)?)?;
    }
    Ok(table)
}

/// A step, or the callback ends.
macro_rules! step {
    ($format:expr) => {
        match $format.step() {
            Ok(Step::Option(option, size)) => (option, size),
            Ok(Step::End) => break,
            Err(verdict) => return Ok(verdict),
        }
    };
}

fn pack(lua: &Lua, (table, count): (Table, usize)) -> Result<Verdict> {
    let args = Arguments::new(table, count);
    let text = checked!(args.string(lua, 1));
    let text = text.as_bytes();
    let mut format = Format::new(&text);
    let (mut all, mut next) = (Output::new(lua), 2);
    loop {
        let (option, size) = step!(format);
        let out = all.for_value(0)?;
        let padding = format.padding(out.len(), option, size);
        out.resize(out.len() + padding, 0);
        match option {
            b'x' => out.push(0),
            b'f' | b'd' => {
                let x = checked!(args.number(lua, next));
                next += 1;
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
                let bytes = checked!(args.string(lua, next));
                let bytes = bytes.as_bytes();
                let size = if size == 0 { bytes.len() } else { size };
                next += 1;
                if bytes.len() < size {
                    return Ok(Verdict::Argument(next, "string too short".into()));
                }
                let out = all.for_value(size)?;
                out.extend_from_slice(&bytes[..size]);
                if option == b's' {
                    out.push(0);
                }
            }
            _ => {
                let x = checked!(args.number(lua, next));
                next += 1;
                let n = if x < 0.0 { x as i64 as u64 } else { x as u64 };
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
    Verdict::of(lua, lua.create_string(all.bytes())?)
}

fn unpack(lua: &Lua, (table, count): (Table, usize)) -> Result<Verdict> {
    const SHORT: &str = "data string too short";
    let args = Arguments::new(table, count);
    let text = checked!(args.string(lua, 1));
    let text = text.as_bytes();
    let data = checked!(args.string(lua, 2));
    let data = data.as_bytes();
    let start = match args.get(3)?.is_nil() {
        true => 1.0,
        false => checked!(args.number(lua, 3)),
    };
    if start == 0.0 {
        return Ok(Verdict::Argument(3, "offset must be 1 or greater".into()));
    }
    // A negative one is a huge one in the reference.
    let mut at = match start < 0.0 {
        true => usize::MAX / 2,
        false => (start as usize).max(1) - 1,
    };
    let mut format = Format::new(&text);
    let results = lua.create_table()?;
    let mut found = 0;
    loop {
        let (option, mut size) = step!(format);
        at = at.saturating_add(format.padding(at, option, size));
        if size > data.len() || at > data.len() - size {
            return Ok(Verdict::Argument(2, SHORT.into()));
        }
        let bytes = &data[at..at + size];
        match option {
            b'x' => {}
            b'f' | b'd' => {
                let mut wide = [0; 8];
                wide[..size].copy_from_slice(bytes);
                if format.big_endian {
                    wide[..size].reverse();
                }
                let x = match option {
                    b'f' => f64::from(f32::from_le_bytes([wide[0], wide[1], wide[2], wide[3]])),
                    _ => f64::from_le_bytes(wide),
                };
                found += 1;
                results.raw_set(found, x)?;
            }
            b'c' => {
                if size == 0 {
                    let said = match found {
                        0 => None,
                        _ => lua.coerce_number(results.raw_get(found)?)?,
                    };
                    let Some(said) = said else {
                        let text = "format 'c0' needs a previous size";
                        return Ok(Verdict::Here(text.into()));
                    };
                    size = said as usize;
                    found -= 1;
                    if said < 0.0 || size > data.len() || at > data.len() - size {
                        return Ok(Verdict::Argument(2, SHORT.into()));
                    }
                }
                found += 1;
                results.raw_set(found, lua.create_string(&data[at..at + size])?)?;
            }
            b's' => {
                let Some(length) = memchr::memchr(0, &data[at..]) else {
                    return Ok(Verdict::Here("unfinished string in data".into()));
                };
                found += 1;
                results.raw_set(found, lua.create_string(&data[at..at + length])?)?;
                size = length + 1;
            }
            _ => {
                found += 1;
                results.raw_set(found, integer(bytes, format.big_endian, option))?;
            }
        }
        at += size;
    }
    results.raw_set(found + 1, at + 1)?;
    Ok(Verdict::Values(results, found + 1))
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

fn size(lua: &Lua, (table, count): (Table, usize)) -> Result<Verdict> {
    let args = Arguments::new(table, count);
    let text = checked!(args.string(lua, 1));
    let text = text.as_bytes();
    let mut format = Format::new(&text);
    let mut at: usize = 0;
    loop {
        let (option, size) = step!(format);
        if option == b's' {
            return Ok(Verdict::Argument(1, "option 's' has no fixed size".into()));
        }
        if option == b'c' && size == 0 {
            return Ok(Verdict::Argument(1, "option 'c0' has no fixed size".into()));
        }
        at += format.padding(at, option, size) + size;
    }
    Verdict::of(lua, at)
}
