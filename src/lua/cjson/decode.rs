//! JSON as Lua values.

use super::super::host::{Host, Work};
use super::super::native::{NativeWith, Raise};
use super::super::stack::Stack;
use super::{DEPTH_MAX, Settings, one_argument};
use base::float::parse_float;
use std::ffi::c_int;

/// `cjson.decode(text)`
pub(super) struct Decode;

impl NativeWith<Settings> for Decode {
    fn run(
        stack: &mut Stack<'_>,
        host: &Host,
        work: &mut Work,
        settings: &Settings,
    ) -> Result<c_int, Raise> {
        one_argument(stack, work)?;
        stack.make_text(1);
        let Some(text) = stack.keep_text(1) else {
            return Err(work.not_a("string", stack, 1));
        };
        if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
            return Err(work.here("JSON parser does not support UTF-16 or UTF-32"));
        }
        let mut decoder = Decoder {
            settings,
            host,
            work,
            text,
            at: 0,
            depth: 0,
        };
        decoder.document(stack)?;
        Ok(1)
    }
}

#[derive(Clone, Copy)]
enum Token<'a> {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    String(&'a [u8]),
    /// A string with escapes, whose decoded form is in [`Work::out`].
    Unescaped,
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

impl Token<'_> {
    fn name(&self) -> &'static str {
        match self {
            Token::ObjectBegin => "T_OBJ_BEGIN",
            Token::ObjectEnd => "T_OBJ_END",
            Token::ArrayBegin => "T_ARR_BEGIN",
            Token::ArrayEnd => "T_ARR_END",
            Token::String(_) | Token::Unescaped => "T_STRING",
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
    settings: &'a Settings,
    host: &'a Host,
    work: &'a mut Work,
    text: &'a [u8],
    at: usize,
    depth: i64,
}

impl<'a> Decoder<'a> {
    fn document(&mut self, stack: &mut Stack<'_>) -> Result<(), Raise> {
        let (token, at) = self.token();
        self.value(stack, token, at)?;
        match self.token() {
            (Token::End, _) => Ok(()),
            (token, at) => Err(self.expected("the end", token, at)),
        }
    }

    fn expected(&mut self, what: &str, found: Token<'_>, at: usize) -> Raise {
        let (name, at) = (found.name(), at + 1);
        let text = format!("Expected {what} but found {name} at character {at}");
        self.work.here(text)
    }

    /// Pushes the value that begins with a token.
    fn value(&mut self, stack: &mut Stack<'_>, token: Token<'_>, at: usize) -> Result<(), Raise> {
        self.host.pace.spend(4)?;
        match token {
            Token::String(text) => stack.push_text(text),
            Token::Unescaped => stack.push_text(&self.work.out),
            Token::Number(x) => stack.push_number(x),
            Token::Boolean(yes) => stack.push_boolean(yes),
            Token::Null => stack.push_pointer(std::ptr::null_mut()),
            Token::ObjectBegin => self.object(stack)?,
            Token::ArrayBegin => self.array(stack)?,
            other => return Err(self.expected("value", other, at)),
        }
        Ok(())
    }

    fn descend(&mut self) -> Result<(), Raise> {
        self.depth += 1;
        if self.depth <= self.settings.decode_depth.get().min(DEPTH_MAX) {
            return Ok(());
        }
        let (depth, at) = (self.depth, self.at);
        let text = format!("Found too many nested data structures ({depth}) at character {at}");
        Err(self.work.here(text))
    }

    fn object(&mut self, stack: &mut Stack<'_>) -> Result<(), Raise> {
        self.descend()?;
        let (mut token, mut at) = self.token();
        let is_empty = matches!(token, Token::ObjectEnd);
        stack.push_table(0, if is_empty { 0 } else { 2 });
        let table = stack.top();
        if is_empty {
            self.depth -= 1;
            return Ok(());
        }
        loop {
            match token {
                Token::String(key) => stack.push_text(key),
                Token::Unescaped => stack.push_text(&self.work.out),
                other => return Err(self.expected("object key string", other, at)),
            }
            match self.token() {
                (Token::Colon, _) => {}
                (token, at) => return Err(self.expected("colon", token, at)),
            }
            let (next, next_at) = self.token();
            self.value(stack, next, next_at)?;
            stack.set_field(table);
            match self.token() {
                (Token::ObjectEnd, _) => break,
                (Token::Comma, _) => {}
                (token, at) => return Err(self.expected("comma or object end", token, at)),
            }
            (token, at) = self.token();
        }
        self.depth -= 1;
        Ok(())
    }

    fn array(&mut self, stack: &mut Stack<'_>) -> Result<(), Raise> {
        self.descend()?;
        let (mut token, mut at) = self.token();
        let is_empty = matches!(token, Token::ArrayEnd);
        stack.push_table(if is_empty { 0 } else { 4 }, 0);
        let table = stack.top();
        if is_empty {
            self.depth -= 1;
            return Ok(());
        }
        let mut i = 0;
        loop {
            i += 1;
            self.value(stack, token, at)?;
            stack.set_element(table, i);
            match self.token() {
                (Token::ArrayEnd, _) => break,
                (Token::Comma, _) => {}
                (token, at) => return Err(self.expected("comma or array end", token, at)),
            }
            (token, at) = self.token();
        }
        self.depth -= 1;
        Ok(())
    }

    /// The next token and where it begins.
    fn token(&mut self) -> (Token<'a>, usize) {
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

    fn string(&mut self) -> (Token<'a>, usize) {
        let start = self.at;
        self.at += 1;
        let text = self.text;
        let rest = &text[self.at..];
        let end = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
        self.at += end;
        match text.get(self.at) {
            Some(b'"') => {
                self.at += 1;
                (Token::String(&rest[..end]), start)
            }
            Some(_) => {
                self.work.out.clear();
                self.work.out.extend_from_slice(&rest[..end]);
                self.escaped(start)
            }
            None => (Token::Error("unexpected end of string"), self.at),
        }
    }

    /// The rest of a string from an escape on.
    fn escaped(&mut self, start: usize) -> (Token<'a>, usize) {
        loop {
            let byte = match self.text.get(self.at) {
                None => return (Token::Error("unexpected end of string"), self.at),
                Some(b'"') => {
                    self.at += 1;
                    return (Token::Unescaped, start);
                }
                Some(b'\\') => {
                    let byte = match self.text.get(self.at + 1) {
                        Some(&byte @ (b'"' | b'\\' | b'/')) => byte,
                        Some(b'b') => 8,
                        Some(b'f') => 12,
                        Some(b'n') => b'\n',
                        Some(b'r') => b'\r',
                        Some(b't') => b'\t',
                        Some(b'u') if self.unicode() => continue,
                        Some(b'u') => {
                            return (Token::Error("invalid unicode escape code"), self.at);
                        }
                        _ => return (Token::Error("invalid escape code"), self.at),
                    };
                    self.at += 1;
                    byte
                }
                Some(&byte) => byte,
            };
            self.work.out.push(byte);
            self.at += 1;
        }
    }

    /// `\u` with four hex digits, or two of them as a surrogate pair.
    fn unicode(&mut self) -> bool {
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
        let out = &mut self.work.out;
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        self.at += length;
        true
    }
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

/// A number of few digits and nothing else.
fn short_integer(text: &[u8]) -> Option<(Token<'_>, usize)> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let digits = text[sign..]
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .count();
    let end = sign + digits;
    let more = matches!(text.get(end), Some(b'.' | b'e' | b'E' | b'x' | b'X'));
    if !(1..=15).contains(&digits) || more {
        return None;
    }
    let add = |all: u64, b: &u8| 10 * all + u64::from(b - b'0');
    let n = text[sign..end].iter().fold(0, add) as f64;
    Some((Token::Number(if sign == 1 { -n } else { n }), end))
}

/// The longest number at the front of `text`, as `strtod` takes it.
fn number(text: &[u8]) -> (Token<'_>, usize) {
    if let Some(short) = short_integer(text) {
        return short;
    }
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
