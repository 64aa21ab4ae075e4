//! JSON as Lua values.

use super::super::output::spend;
use super::super::pace::Pace;
use super::super::verdict::{Arguments, Verdict, checked};
use super::Fault;
use super::{DEPTH_MAX, Settings, null};
use crate::commands::args::parse_float;
use mlua::{Lua, Result, Table, Value};
use std::rc::Rc;

/// `cjson.decode(text)`
pub(super) fn decode(lua: &Lua, settings: &Settings, args: &Arguments) -> Result<Verdict> {
    if args.count != 1 {
        return Ok(Verdict::Argument(1, "expected 1 argument".into()));
    }
    let text = checked!(args.string(lua, 1));
    let text = text.as_bytes();
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        let why = "JSON parser does not support UTF-16 or UTF-32";
        return Ok(Verdict::Here(why.into()));
    }
    let mut decoder = Decoder {
        lua,
        pace: Pace::of(lua),
        settings,
        text: &text,
        at: 0,
        depth: 0,
    };
    match decoder.document() {
        Ok(value) => Ok(Verdict::Value(value)),
        Err(fault) => fault.verdict(),
    }
}

type Decoded<T> = std::result::Result<T, Fault>;

enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    String(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

impl Token {
    fn name(&self) -> &'static str {
        match self {
            Token::ObjectBegin => "T_OBJ_BEGIN",
            Token::ObjectEnd => "T_OBJ_END",
            Token::ArrayBegin => "T_ARR_BEGIN",
            Token::ArrayEnd => "T_ARR_END",
            Token::String(_) => "T_STRING",
            Token::Number(_) => "T_NUMBER",
            Token::Boolean(_) => "T_BOOLEAN",
            Token::Null => "T_NULL",
            Token::Colon => "T_COLON",
            Token::Comma => "T_COMMA",
            Token::End => "T_END",
            Token::Error(what) => what,
        }
    }
}

struct Decoder<'a> {
    lua: &'a Lua,
    pace: Option<Rc<Pace>>,
    settings: &'a Settings,
    text: &'a [u8],
    at: usize,
    depth: i64,
}

impl Decoder<'_> {
    fn document(&mut self) -> Decoded<Value> {
        let (token, at) = self.token();
        let value = self.value(token, at)?;
        match self.token() {
            (Token::End, _) => Ok(value),
            (token, at) => Err(expected("the end", &token, at)),
        }
    }

    fn value(&mut self, token: Token, at: usize) -> Decoded<Value> {
        spend(self.pace.as_deref(), 0)?;
        Ok(match token {
            Token::String(text) => Value::String(self.lua.create_string(&text)?),
            Token::Number(x) => Value::Number(x),
            Token::Boolean(yes) => Value::Boolean(yes),
            Token::Null => null(),
            Token::ObjectBegin => Value::Table(self.object()?),
            Token::ArrayBegin => Value::Table(self.array()?),
            other => return Err(expected("value", &other, at)),
        })
    }

    fn descend(&mut self) -> Decoded<()> {
        self.depth += 1;
        if self.depth <= self.settings.decode_depth.get().min(DEPTH_MAX) {
            return Ok(());
        }
        Err(Fault::Data(format!(
            "Found too many nested data structures ({}) at character {}",
            self.depth, self.at
        )))
    }

    fn object(&mut self) -> Decoded<Table> {
        self.descend()?;
        let table = self.lua.create_table()?;
        let (mut token, mut at) = self.token();
        if let Token::ObjectEnd = token {
            self.depth -= 1;
            return Ok(table);
        }
        loop {
            let Token::String(key) = token else {
                return Err(expected("object key string", &token, at));
            };
            match self.token() {
                (Token::Colon, _) => {}
                (token, at) => return Err(expected("colon", &token, at)),
            }
            let (next, next_at) = self.token();
            let value = self.value(next, next_at)?;
            table.raw_set(self.lua.create_string(&key)?, value)?;
            match self.token() {
                (Token::ObjectEnd, _) => break,
                (Token::Comma, _) => {}
                (token, at) => return Err(expected("comma or object end", &token, at)),
            }
            (token, at) = self.token();
        }
        self.depth -= 1;
        Ok(table)
    }

    fn array(&mut self) -> Decoded<Table> {
        self.descend()?;
        let table = self.lua.create_table()?;
        let (mut token, mut at) = self.token();
        if let Token::ArrayEnd = token {
            self.depth -= 1;
            return Ok(table);
        }
        for i in 1.. {
            let value = self.value(token, at)?;
            table.raw_set(i, value)?;
            match self.token() {
                (Token::ArrayEnd, _) => break,
                (Token::Comma, _) => {}
                (token, at) => return Err(expected("comma or array end", &token, at)),
            }
            (token, at) = self.token();
        }
        self.depth -= 1;
        Ok(table)
    }

    /// The next token and where it begins.
    fn token(&mut self) -> (Token, usize) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
        let start = self.at;
        let rest = &self.text[start.min(self.text.len())..];
        // A zero byte is no end, but no token either.
        let Some(&first) = rest.first() else {
            return (Token::End, start);
        };
        let (token, length) = match first {
            b'{' => (Token::ObjectBegin, 1),
            b'}' => (Token::ObjectEnd, 1),
            b'[' => (Token::ArrayBegin, 1),
            b']' => (Token::ArrayEnd, 1),
            b',' => (Token::Comma, 1),
            b':' => (Token::Colon, 1),
            b'"' => return self.string(),
            b'-' | b'0'..=b'9' => match self.settings.decode_invalid.get() || !is_invalid(rest) {
                true => number(rest),
                false => (Token::Error("invalid number"), 0),
            },
            _ if rest.starts_with(b"true") => (Token::Boolean(true), 4),
            _ if rest.starts_with(b"false") => (Token::Boolean(false), 5),
            _ if rest.starts_with(b"null") => (Token::Null, 4),
            _ if self.settings.decode_invalid.get() && is_invalid(rest) => number(rest),
            _ => (Token::Error("invalid token"), 0),
        };
        self.at += length;
        (token, start)
    }

    fn string(&mut self) -> (Token, usize) {
        let start = self.at;
        let mut out = Vec::new();
        self.at += 1;
        loop {
            match self.text.get(self.at) {
                None => return (Token::Error("unexpected end of string"), self.at),
                Some(b'"') => {
                    self.at += 1;
                    return (Token::String(out), start);
                }
                Some(b'\\') => {
                    let escaped = self.text.get(self.at + 1).copied();
                    let byte = match escaped {
                        Some(b'"' | b'\\' | b'/') => escaped.unwrap_or(b'/'),
                        Some(b'b') => 8,
                        Some(b'f') => 12,
                        Some(b'n') => b'\n',
                        Some(b'r') => b'\r',
                        Some(b't') => b'\t',
                        Some(b'u') => {
                            if !self.unicode(&mut out) {
                                return (Token::Error("invalid unicode escape code"), self.at);
                            }
                            continue;
                        }
                        _ => return (Token::Error("invalid escape code"), self.at),
                    };
                    out.push(byte);
                    self.at += 2;
                }
                Some(&byte) => {
                    out.push(byte);
                    self.at += 1;
                }
            }
        }
    }

    /// `\u` with four hex digits, or two of them as a surrogate pair.
    fn unicode(&mut self, out: &mut Vec<u8>) -> bool {
        let hex = |at: usize| -> Option<u32> {
            let digits = self.text.get(at + 2..at + 6)?;
            let digits = std::str::from_utf8(digits).ok()?;
            match digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                true => u32::from_str_radix(digits, 16).ok(),
                false => None,
            }
        };
        let Some(mut code) = hex(self.at) else {
            return false;
        };
        let mut length = 6;
        if code & 0xF800 == 0xD800 {
            // The second half must not come first.
            if code & 0x400 != 0 || self.text.get(self.at + 6..self.at + 8) != Some(b"\\u") {
                return false;
            }
            match hex(self.at + 6) {
                Some(low) if low & 0xFC00 == 0xDC00 => {
                    code = (((code & 0x3FF) << 10) | (low & 0x3FF)) + 0x1_0000;
                    length = 12;
                }
                _ => return false,
            }
        }
        let Some(character) = char::from_u32(code) else {
            return false;
        };
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        self.at += length;
        true
    }
}

fn expected(what: &str, found: &Token, at: usize) -> Fault {
    Fault::Data(format!(
        "Expected {what} but found {} at character {}",
        found.name(),
        at + 1
    ))
}

/// Numbers that JSON does not know and C does: hexadecimal, leading zeros, infinity, not-a-number.
fn is_invalid(text: &[u8]) -> bool {
    let digits = match text {
        [b'+', ..] => return true,
        [b'-', rest @ ..] => rest,
        rest => rest,
    };
    match digits {
        [b'0', b'x' | b'X', ..] => true,
        [b'0', b'0'..=b'9', ..] => true,
        [b'0'..=b'9', ..] => false,
        other => {
            let begins = |word: &[u8]| {
                other
                    .get(..word.len())
                    .is_some_and(|o| o.eq_ignore_ascii_case(word))
            };
            begins(b"inf") || begins(b"nan")
        }
    }
}

/// The longest number at the front of `text`, as `strtod` takes it.
fn number(text: &[u8]) -> (Token, usize) {
    let unsigned = match text {
        [b'-' | b'+', rest @ ..] => rest,
        rest => rest,
    };
    let sign = text.len() - unsigned.len();
    let word = |word: &[u8]| {
        let same = |w: &[u8]| w.eq_ignore_ascii_case(word);
        unsigned.get(..word.len()).is_some_and(same)
    };
    let negative = text.first() == Some(&b'-');
    for (name, x) in [
        (&b"infinity"[..], f64::INFINITY),
        (b"inf", f64::INFINITY),
        (b"nan", f64::NAN),
    ] {
        if word(name) {
            return (
                Token::Number(if negative { -x } else { x }),
                sign + name.len(),
            );
        }
    }
    let run = |from: usize, ok: fn(&u8) -> bool| {
        unsigned[from.min(unsigned.len())..]
            .iter()
            .take_while(|b| ok(b))
            .count()
    };
    let hex = unsigned.len() > 2
        && unsigned[..2].eq_ignore_ascii_case(b"0x")
        && unsigned[2].is_ascii_hexdigit();
    let is_digit: fn(&u8) -> bool = if hex {
        u8::is_ascii_hexdigit
    } else {
        u8::is_ascii_digit
    };
    let mut end = if hex { 2 } else { 0 };
    let whole = run(end, is_digit);
    end += whole;
    let mut fraction = 0;
    if unsigned.get(end) == Some(&b'.') {
        fraction = run(end + 1, is_digit);
        if whole + fraction > 0 {
            end += 1 + fraction;
        }
    }
    if whole + fraction == 0 {
        return (Token::Error("invalid number"), 0);
    }
    let mark = if hex { b"pP" } else { b"eE" };
    if unsigned.get(end).is_some_and(|b| mark.contains(b)) {
        let signed = usize::from(matches!(unsigned.get(end + 1), Some(b'+' | b'-')));
        let digits = run(end + 1 + signed, u8::is_ascii_digit);
        if digits > 0 {
            end += 1 + signed + digits;
        }
    }
    let digits = std::str::from_utf8(&unsigned[..end]).unwrap_or("nan");
    let x = digits
        .parse::<f64>()
        .ok()
        .or_else(|| parse_float(digits.as_bytes()))
        .unwrap_or(0.0);
    (Token::Number(if negative { -x } else { x }), sign + end)
}
