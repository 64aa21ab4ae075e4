//! The library `cjson`: settings, and the table that scripts see. Encoding and decoding are in their own files.

mod decode;
mod encode;

use super::host::Work;
use super::native::{Raise, native_with};
use super::raw;
use super::stack::Stack;
use super::verdict::{Arguments, Verdict, checked};
use mlua::{LightUserData, Lua, Result, Table, Value};
use std::cell::Cell;
use std::rc::Rc;

/// Neither may data be nested deeper, whatever the settings say: each level needs stack and references.
const DEPTH_MAX: i64 = 1500;

/// What scripts may set; one for each table that `new` made.
struct Settings {
    sparse_convert: Cell<bool>,
    sparse_ratio: Cell<i64>,
    sparse_safe: Cell<i64>,
    encode_depth: Cell<i64>,
    decode_depth: Cell<i64>,
    precision: Cell<i64>,
    keep_buffer: Cell<bool>,
    encode_invalid: Cell<Invalid>,
    decode_invalid: Cell<bool>,
}

/// Both functions take one argument, and say the same about any other number of them.
fn one_argument(stack: &Stack<'_>, work: &mut Work) -> std::result::Result<(), Raise> {
    match stack.top() {
        1 => Ok(()),
        _ => Err(work.fault("expected 1 argument", Raise::Argument(1))),
    }
}

/// How infinity and not-a-number are handled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Invalid {
    Refused,
    Written,
    Null,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            sparse_convert: Cell::new(false),
            sparse_ratio: Cell::new(2),
            sparse_safe: Cell::new(10),
            encode_depth: Cell::new(1000),
            decode_depth: Cell::new(1000),
            precision: Cell::new(14),
            keep_buffer: Cell::new(true),
            encode_invalid: Cell::new(Invalid::Refused),
            decode_invalid: Cell::new(true),
        }
    }
}

/// JSON's null.
fn null() -> Value {
    Value::LightUserData(LightUserData(std::ptr::null_mut()))
}

/// The library's table.
pub fn library(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("_NAME", "cjson")?;
    table.raw_set("_VERSION", "2.1.0")?;
    table.raw_set("null", null())?;
    let settings = Rc::new(Settings::default());
    let add = |name: &str, function| -> Result<()> {
        table.raw_set(name, raw::raising_packed(lua, function)?)
    };
    let encode = native_with::<encode::Encode, Settings>(lua, &settings)?;
    table.raw_set("encode", encode)?;
    let decode = native_with::<decode::Decode, Settings>(lua, &settings)?;
    table.raw_set("decode", decode)?;
    let s = settings.clone();
    add(
        "encode_max_depth",
        integer(
            lua,
            1,
            i64::from(i32::MAX),
            move || s.clone(),
            |s| &s.encode_depth,
        )?,
    )?;
    let s = settings.clone();
    add(
        "decode_max_depth",
        integer(
            lua,
            1,
            i64::from(i32::MAX),
            move || s.clone(),
            |s| &s.decode_depth,
        )?,
    )?;
    let s = settings.clone();
    add(
        "encode_number_precision",
        integer(lua, 1, 14, move || s.clone(), |s| &s.precision)?,
    )?;
    let s = settings.clone();
    add(
        "encode_keep_buffer",
        lua.create_function(move |lua, (args, count): (Table, usize)| {
            let args = Arguments::new(args, count);
            if count > 1 {
                return Ok(Verdict::Argument(2, "found too many arguments".into()));
            }
            if let Some(on) = checked!(switch(&args, 1)) {
                s.keep_buffer.set(on);
            }
            Verdict::of(lua, s.keep_buffer.get())
        })?,
    )?;
    let s = settings.clone();
    add(
        "encode_invalid_numbers",
        lua.create_function(move |lua, (args, count): (Table, usize)| {
            let args = Arguments::new(args, count);
            if count > 1 {
                return Ok(Verdict::Argument(2, "found too many arguments".into()));
            }
            match args.get(1)? {
                Value::String(word) if *word.as_bytes() == *b"null" => {
                    s.encode_invalid.set(Invalid::Null)
                }
                _ => {
                    if let Some(on) = checked!(switch(&args, 1)) {
                        s.encode_invalid.set(if on {
                            Invalid::Written
                        } else {
                            Invalid::Refused
                        });
                    }
                }
            }
            match s.encode_invalid.get() {
                Invalid::Null => Verdict::of(lua, "null"),
                written => Verdict::of(lua, written == Invalid::Written),
            }
        })?,
    )?;
    let s = settings.clone();
    add(
        "decode_invalid_numbers",
        lua.create_function(move |lua, (args, count): (Table, usize)| {
            let args = Arguments::new(args, count);
            if count > 1 {
                return Ok(Verdict::Argument(2, "found too many arguments".into()));
            }
            if let Some(on) = checked!(switch(&args, 1)) {
                s.decode_invalid.set(on);
            }
            Verdict::of(lua, s.decode_invalid.get())
        })?,
    )?;
    let s = settings;
    add(
        "encode_sparse_array",
        lua.create_function(move |lua, (args, count): (Table, usize)| {
            let args = Arguments::new(args, count);
            if count > 3 {
                return Ok(Verdict::Argument(4, "found too many arguments".into()));
            }
            if let Some(on) = checked!(switch(&args, 1)) {
                s.sparse_convert.set(on);
            }
            for (i, setting) in [(2, &s.sparse_ratio), (3, &s.sparse_safe)] {
                if !args.get(i)?.is_nil() {
                    setting.set(checked!(limited(lua, &args, i, 0, i64::from(i32::MAX))));
                }
            }
            let all = lua.create_sequence_from([
                Value::Boolean(s.sparse_convert.get()),
                Value::Integer(s.sparse_ratio.get()),
                Value::Integer(s.sparse_safe.get()),
            ])?;
            Ok(Verdict::Values(all, 3))
        })?,
    )?;
    add(
        "new",
        lua.create_function(|lua, _: ()| Verdict::of(lua, library(lua)?))?,
    )?;
    Ok(table)
}

/// A function that sets and returns a number within limits.
fn integer(
    lua: &Lua,
    min: i64,
    max: i64,
    settings: impl Fn() -> Rc<Settings> + 'static,
    which: fn(&Settings) -> &Cell<i64>,
) -> Result<mlua::Function> {
    lua.create_function(move |lua, (args, count): (Table, usize)| {
        let args = Arguments::new(args, count);
        if count > 1 {
            return Ok(Verdict::Argument(2, "found too many arguments".into()));
        }
        let settings = settings();
        if !args.get(1)?.is_nil() {
            which(&settings).set(checked!(limited(lua, &args, 1, min, max)));
        }
        Verdict::of(lua, which(&settings).get())
    })
}

fn limited(
    lua: &Lua,
    args: &Arguments,
    i: usize,
    min: i64,
    max: i64,
) -> Result<std::result::Result<i64, Verdict>> {
    let n = match args.number(lua, i)? {
        Ok(n) => n as i64,
        Err(verdict) => return Ok(Err(verdict)),
    };
    Ok(match (min..=max).contains(&n) {
        true => Ok(n),
        false => {
            // The reference blames the first argument, whichever it is.
            let text = format!("expected integer between {min} and {max}");
            Err(Verdict::Argument(1, text))
        }
    })
}

/// Argument `i` as a switch; `None` if it is not given.
fn switch(args: &Arguments, i: usize) -> Result<std::result::Result<Option<bool>, Verdict>> {
    Ok(match args.get(i)? {
        Value::Nil => Ok(None),
        Value::Boolean(on) => Ok(Some(on)),
        Value::String(word) if *word.as_bytes() == *b"on" => Ok(Some(true)),
        Value::String(word) if *word.as_bytes() == *b"off" => Ok(Some(false)),
        Value::String(word) => {
            let text = format!("invalid option '{}'", word.to_string_lossy());
            Err(Verdict::Argument(i, text))
        }
        other => Err(Verdict::not_a("string", i, args.count, &other)),
    })
}
