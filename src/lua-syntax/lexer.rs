//! The tokens of Lua 5.1, for the recognizer.

use super::SyntaxError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    End,
    Name(&'a [u8]),
    Keyword(&'a [u8]),
    Number,
    /// A string's source text, escapes and all.
    Text(&'a [u8]),
    Symbol(&'a [u8]),
}

const KEYWORDS: [&[u8]; 21] = [
    b"and",
    b"break",
    b"do",
    b"else",
    b"elseif",
    b"end",
    b"false",
    b"for",
    b"function",
    b"if",
    b"in",
    b"local",
    b"nil",
    b"not",
    b"or",
    b"repeat",
    b"return",
    b"then",
    b"true",
    b"until",
    b"while",
];

/// Longer ones first.
const SYMBOLS: [&[u8]; 26] = [
    b"...", b"..", b".", b"==", b"~=", b"<=", b">=", b"+", b"-", b"*", b"/", b"%", b"^", b"#",
    b"<", b">", b"=", b"(", b")", b"{", b"}", b"[", b"]", b";", b":", b",",
];

pub(crate) struct Lexer<'a> {
    source: &'a [u8],
    at: usize,
    line: u32,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(source: &'a [u8]) -> Self {
        Lexer {
            source,
            at: 0,
            line: 1,
        }
    }

    fn rest(&self) -> &'a [u8] {
        &self.source[self.at..]
    }

    pub(crate) fn fail<T>(&self, what: &'static str) -> Result<T, SyntaxError> {
        Err(SyntaxError {
            line: self.line,
            what,
        })
    }

    /// The first line belongs to the server if it starts with `#`.
    pub(crate) fn skip_shebang(&mut self) {
        if self.rest().starts_with(b"#") {
            self.at = memchr::memchr(b'\n', self.source).unwrap_or(self.source.len());
        }
    }

    fn take(&mut self, n: usize) -> &'a [u8] {
        let taken = &self.source[self.at..self.at + n];
        self.line += memchr::memchr_iter(b'\n', taken).count() as u32;
        self.at += n;
        taken
    }

    /// The next token.
    pub(crate) fn next(&mut self) -> Result<Token<'a>, SyntaxError> {
        loop {
            let blank = self
                .rest()
                .iter()
                .take_while(|b| b.is_ascii_whitespace() || **b == 0x0b)
                .count();
            self.take(blank);
            if !self.rest().starts_with(b"--") {
                break;
            }
            self.take(2);
            match self.long_level() {
                Some(level) => drop(self.long_bracket(level, "unfinished long comment")?),
                None => {
                    let line = memchr::memchr(b'\n', self.rest()).unwrap_or(self.rest().len());
                    self.take(line);
                }
            }
        }
        let rest = self.rest();
        match rest {
            [] => Ok(Token::End),
            [b'a'..=b'z' | b'A'..=b'Z' | b'_', ..] => {
                let n = rest
                    .iter()
                    .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
                    .count();
                let word = self.take(n);
                Ok(if KEYWORDS.contains(&word) {
                    Token::Keyword(word)
                } else {
                    Token::Name(word)
                })
            }
            [b'0'..=b'9', ..] | [b'.', b'0'..=b'9', ..] => self.number(),
            [b'"' | b'\'', ..] => self.quoted(),
            [b'[', ..] if self.long_level().is_some() => {
                let level = self.long_level().unwrap_or(0);
                self.long_bracket(level, "unfinished long string")
                    .map(Token::Text)
            }
            _ => match SYMBOLS.iter().find(|s| rest.starts_with(s)) {
                Some(symbol) => Ok(Token::Symbol(self.take(symbol.len()))),
                None => self.fail("unexpected symbol"),
            },
        }
    }

    fn number(&mut self) -> Result<Token<'a>, SyntaxError> {
        // As the real lexer: all that looks like a part of it, then one conversion.
        let rest = self.rest();
        let mut n = 0;
        while let Some(&b) = rest.get(n) {
            let signed = matches!(b, b'+' | b'-') && n > 0 && matches!(rest[n - 1], b'e' | b'E');
            if !(b.is_ascii_alphanumeric() || b == b'.' || b == b'_' || signed) {
                break;
            }
            n += 1;
        }
        let text = self.take(n);
        let hex = text
            .strip_prefix(b"0x")
            .or_else(|| text.strip_prefix(b"0X"));
        let good = match hex {
            Some(digits) => !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit),
            None => {
                let decimal = text
                    .iter()
                    .all(|b| b.is_ascii_digit() || b".eE+-".contains(b));
                decimal && std::str::from_utf8(text).is_ok_and(|t| t.parse::<f64>().is_ok())
            }
        };
        if good {
            Ok(Token::Number)
        } else {
            self.fail("malformed number")
        }
    }

    fn quoted(&mut self) -> Result<Token<'a>, SyntaxError> {
        let rest = self.rest();
        let quote = rest[0];
        let mut n = 1;
        loop {
            match rest.get(n) {
                None | Some(b'\n' | b'\r') => return self.fail("unfinished string"),
                Some(b'\\') => {
                    let digits = rest[n + 1..]
                        .iter()
                        .take(3)
                        .take_while(|b| b.is_ascii_digit())
                        .count();
                    if digits > 0 {
                        let code = rest[n + 1..n + 1 + digits]
                            .iter()
                            .fold(0u32, |c, d| c * 10 + u32::from(d - b'0'));
                        if code > 255 {
                            return self.fail("escape sequence too large");
                        }
                        n += 1 + digits;
                    } else if rest[n + 1..].starts_with(b"\r\n") {
                        n += 3;
                    } else if n + 1 < rest.len() {
                        n += 2;
                    } else {
                        return self.fail("unfinished string");
                    }
                }
                Some(&b) if b == quote => break,
                Some(_) => n += 1,
            }
        }
        let text = self.take(n + 1);
        Ok(Token::Text(&text[1..n]))
    }

    /// The level of a long bracket that opens here.
    fn long_level(&self) -> Option<usize> {
        let after = self.rest().strip_prefix(b"[")?;
        let level = after.iter().take_while(|b| **b == b'=').count();
        (after.get(level) == Some(&b'[')).then_some(level)
    }

    fn long_bracket(
        &mut self,
        level: usize,
        unfinished: &'static str,
    ) -> Result<&'a [u8], SyntaxError> {
        let open = self.take(level + 2).len();
        debug_assert_eq!(open, level + 2);
        let close = [b"]", &vec![b'='; level][..], b"]"].concat();
        match memchr::memmem::find(self.rest(), &close) {
            Some(n) => {
                let text = self.take(n);
                self.take(close.len());
                Ok(text)
            }
            None => self.fail(unfinished),
        }
    }
}
