//! Regular expressions as Redis's ARGREP accepts them: extended expressions of POSIX, with some escapes of Perl.
//!
//! The expression is rewritten for the crate that matches it. Whatever the expression, matching takes time in
//! proportion to the text. Texts are bytes; letters and their case are those of ASCII.

use engine::CommandError;
use regex::bytes::{Regex, RegexBuilder};
use std::fmt::Write;

/// The longest expression.
const LENGTH_MAX: usize = 2048;
/// How often something may be repeated by numbers.
const REPETITIONS_MAX: u32 = 255;
/// Bytes that a compiled expression may take.
const SIZE_MAX: usize = 1 << 20;

/// What is wrong with an expression, in the words of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Whole(&'static str),
    Within(&'static str),
}

const INVALID: Fault = Fault::Within("Invalid regexp");
const REPETITION: Fault = Fault::Within("Invalid use of repetition operators");
const BRACES: Fault = Fault::Within("Invalid contents of {}");
const NO_BRACKET: Fault = Fault::Within("Missing ']'");
const NO_BRACE: Fault = Fault::Within("Missing '}'");

/// Compiles an expression.
pub(super) fn compile(pattern: &[u8], any_case: bool) -> Result<Regex, CommandError> {
    rewrite(pattern)
        .and_then(|text| {
            RegexBuilder::new(&text)
                .unicode(false)
                .case_insensitive(any_case)
                .dot_matches_new_line(true)
                .size_limit(SIZE_MAX)
                .build()
                .map_err(|error| match error {
                    regex::Error::CompiledTooBig(_) => Fault::Within("Out of memory"),
                    _ => INVALID,
                })
        })
        .map_err(|fault| match fault {
            Fault::Whole(text) => CommandError::new(format!("ERR regular expression {text}")),
            Fault::Within(text) => {
                CommandError::new(format!("ERR invalid regular expression: {text}"))
            }
        })
}

fn rewrite(pattern: &[u8]) -> Result<String, Fault> {
    if pattern.is_empty() {
        return Err(Fault::Whole("is empty"));
    }
    if pattern.len() > LENGTH_MAX {
        return Err(Fault::Whole("is too long, maximum is 2048 bytes"));
    }
    let mut rewriter = Rewriter {
        rest: pattern,
        ..Rewriter::default()
    };
    rewriter.run()?;
    Ok(rewriter.out)
}

#[derive(Default)]
struct Rewriter<'a> {
    /// The rest of the expression, which has not been read.
    rest: &'a [u8],
    out: String,
    /// Where the last item begins, which a sign of repetition would apply to.
    atom: Option<usize>,
    /// Where the open groups begin.
    open: Vec<usize>,
    groups: u32,
    /// The highest group that is referred to.
    reference: Option<u32>,
}

impl Rewriter<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    /// Passes over a byte, if it is the next one.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.rest.first() == Some(&byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn run(&mut self) -> Result<(), Fault> {
        while let Some(byte) = self.next() {
            match byte {
                b'\\' => self.escape()?,
                b'[' => {
                    self.atom = Some(self.out.len());
                    self.bracket()?;
                }
                b'(' => self.group()?,
                b')' if !self.open.is_empty() => {
                    self.out.push(')');
                    self.atom = self.open.pop();
                }
                b'|' => {
                    self.out.push('|');
                    self.atom = None;
                }
                b'^' => self.add("(?:^)"),
                b'$' => self.add("(?:$)"),
                b'.' => self.add("."),
                b'*' | b'+' | b'?' | b'{' => self.repeat(byte)?,
                byte => self.literal(byte),
            }
        }
        if !self.open.is_empty() {
            return Err(Fault::Within("Missing ')'"));
        }
        match self.reference {
            Some(n) if n > self.groups => Err(Fault::Within("Invalid back reference")),
            Some(_) => Err(Fault::Whole("backreferences are not supported")),
            None => Ok(()),
        }
    }

    /// Adds something that can be repeated.
    fn add(&mut self, text: &str) {
        self.atom = Some(self.out.len());
        self.out.push_str(text);
    }

    fn literal(&mut self, byte: u8) {
        self.atom = Some(self.out.len());
        push_byte(&mut self.out, byte);
    }

    fn escape(&mut self) -> Result<(), Fault> {
        let byte = self.next().ok_or(Fault::Within("Trailing backslash"))?;
        match byte {
            b'w' | b'W' | b's' | b'S' | b'd' | b'D' => self.add(&format!("\\{}", byte as char)),
            b'b' | b'B' => self.add(&format!("(?:\\{})", byte as char)),
            b'<' => self.add("(?:\\b{start})"),
            b'>' => self.add("(?:\\b{end})"),
            b'a' => self.literal(7),
            b'e' => self.literal(27),
            b'f' => self.literal(12),
            b'n' => self.literal(b'\n'),
            b'r' => self.literal(b'\r'),
            b't' => self.literal(b'\t'),
            b'x' => self.hexadecimal()?,
            b'Q' => {
                while !self.rest.is_empty() && !self.rest.starts_with(b"\\E") {
                    let byte = self.rest[0];
                    self.rest = &self.rest[1..];
                    self.literal(byte);
                }
                self.rest = self.rest.get(2..).unwrap_or_default();
            }
            b'0'..=b'9' => {
                let n = u32::from(byte - b'0');
                self.reference = self.reference.max(Some(n));
                self.add("(?:)");
            }
            byte => self.literal(byte),
        }
        Ok(())
    }

    /// `\x41` or `\x{41}`.
    fn hexadecimal(&mut self) -> Result<(), Fault> {
        let braced = self.take(b'{');
        let most = if braced { 8 } else { 2 };
        let mut n = 0_u64;
        for _ in 0..most {
            let digit = self.rest.first().and_then(|b| (*b as char).to_digit(16));
            let Some(digit) = digit else { break };
            n = n * 16 + u64::from(digit);
            self.rest = &self.rest[1..];
        }
        if braced && !self.take(b'}') {
            return Err(NO_BRACE);
        }
        match u8::try_from(n) {
            Ok(byte) => self.literal(byte),
            // No byte matches.
            Err(_) => self.add("[^\\x00-\\xff]"),
        }
        Ok(())
    }

    fn group(&mut self) -> Result<(), Fault> {
        let start = self.out.len();
        if !self.take(b'?') {
            self.groups += 1;
            self.out.push_str("(?:");
            self.open.push(start);
            self.atom = None;
            return Ok(());
        }
        let mut flags = String::new();
        let mut off = false;
        loop {
            match self.next().ok_or(INVALID)? {
                b'-' if !off => off = true,
                b'i' => flags.push_str(if off { "-i" } else { "i" }),
                b'U' => flags.push_str(if off { "-U" } else { "U" }),
                b'n' => flags.push_str(if off { "s-m" } else { "m-s" }),
                // Which of several matches is taken does not matter here.
                b'r' => {}
                b':' => {
                    self.flags(&flags);
                    self.out.insert_str(start, "(?:");
                    self.open.push(start);
                    break;
                }
                b')' => {
                    self.flags(&flags);
                    break;
                }
                _ => return Err(INVALID),
            }
        }
        self.atom = None;
        Ok(())
    }

    /// Flags for the rest of the group. Each change is put into a separate group, so that a sign of repetition applies
    /// to this group alone.
    fn flags(&mut self, flags: &str) {
        if !flags.is_empty() {
            _ = write!(self.out, "(?{flags})");
        }
    }

    fn repeat(&mut self, operator: u8) -> Result<(), Fault> {
        let times = match operator {
            b'{' => self.bounds()?,
            other => (other as char).to_string(),
        };
        // The item may be a repetition itself.
        let at = self.atom.unwrap_or(self.out.len());
        self.out.insert_str(at, "(?:");
        self.out.push(')');
        self.out.push_str(&times);
        if self.take(b'?') {
            self.out.push('?');
        } else if operator != b'{' && matches!(self.rest.first(), Some(b'*' | b'+')) {
            return Err(REPETITION);
        }
        self.atom = Some(at);
        Ok(())
    }

    /// The numbers of `{2}`, `{2,}`, `{,3}` or `{2,3}`, whose first brace has been read.
    fn bounds(&mut self) -> Result<String, Fault> {
        let least = self.number();
        let mut most = least;
        let open_end = self.take(b',');
        if open_end {
            most = self.number();
        }
        if self.rest.is_empty() {
            return Err(NO_BRACE);
        }
        if !self.take(b'}') || (least.is_none() && !open_end) {
            return Err(BRACES);
        }
        if least.max(most).is_some_and(|n| n > REPETITIONS_MAX) {
            return Err(Fault::Within("Maximum repetition in {} larger than 255"));
        }
        match (least.unwrap_or(0), most) {
            (least, Some(most)) if least > most => Err(BRACES),
            (least, Some(most)) => Ok(format!("{{{least},{most}}}")),
            (least, None) => Ok(format!("{{{least},}}")),
        }
    }

    fn number(&mut self) -> Option<u32> {
        let mut n = None;
        while let Some(digit) = self.rest.first().filter(|b| b.is_ascii_digit()) {
            let so_far = n.unwrap_or(0_u32).saturating_mul(10);
            n = Some(so_far.saturating_add(u32::from(digit - b'0')));
            self.rest = &self.rest[1..];
        }
        n
    }

    /// A set of bytes, whose first bracket has been read.
    fn bracket(&mut self) -> Result<(), Fault> {
        self.out.push('[');
        if self.take(b'^') {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            match self.rest {
                [] => return Err(NO_BRACKET),
                [b']', rest @ ..] if !first => {
                    self.rest = rest;
                    self.out.push(']');
                    return Ok(());
                }
                [from, b'-', to, rest @ ..] if *to != b']' => {
                    if from > to {
                        return Err(Fault::Within("Invalid character range"));
                    }
                    push_byte(&mut self.out, *from);
                    self.out.push('-');
                    push_byte(&mut self.out, *to);
                    self.rest = rest;
                }
                [b'[', b'.' | b'=', ..] => {
                    return Err(Fault::Within("Unknown collating element"));
                }
                [b'[', b':', rest @ ..] => {
                    const NAMES: [&str; 12] = [
                        "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print",
                        "punct", "space", "upper", "xdigit",
                    ];
                    let known = NAMES.iter().find(|name| {
                        let after = rest.strip_prefix(name.as_bytes());
                        after.is_some_and(|after| after.starts_with(b":]"))
                    });
                    let name = known.ok_or(Fault::Within("Unknown character class name"))?;
                    _ = write!(self.out, "[:{name}:]");
                    self.rest = &rest[name.len() + 2..];
                }
                [b'-', next, ..] if !first && *next != b']' => {
                    return Err(Fault::Within("Invalid character range"));
                }
                [byte, rest @ ..] => {
                    push_byte(&mut self.out, *byte);
                    self.rest = rest;
                }
            }
            first = false;
        }
    }
}

fn push_byte(out: &mut String, byte: u8) {
    match byte.is_ascii_alphanumeric() {
        true => out.push(byte as char),
        false => _ = write!(out, "\\x{byte:02x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        let compiled = compile(pattern.as_bytes(), false);
        compiled.expect(pattern).is_match(text.as_bytes())
    }

    #[test]
    fn expressions_mean_what_they_mean_there() {
        for (pattern, yes, no) in [
            ("^b", "banana", "cab"),
            ("a$b|c", "c", "ab"),
            ("[[:alpha:]]+n", "an", "1n"),
            ("[a\\]]", "a]", "a"),
            ("[]a]x", "]x", "x"),
            ("[^]a]", "b", "]a"),
            ("[--a]", "A", "b"),
            ("\\d{2,3}", "a12", "a1b2"),
            ("a{,2}b", "b", "a"),
            ("\\bab\\>", "x ab y", "xab"),
            ("\\x61\\x{62}", "ab", "ac"),
            ("\\Qa.c", "xa.c", "abc"),
            ("(?i:A)B", "aB", "ab"),
            ("(?i)A(?-i)B", "aB", "ab"),
            ("a)b", "a)b", "ab"),
            ("*a", "a", "b"),
            ("(a|b){2}{2}", "abab", "aba"),
            ("a.b", "a\nb", "ab"),
            ("\\.\\y", ".y", "ay"),
            ("(|a)c", "c", "a"),
            ("b|", "", "\u{0}x\u{1}nothing differs"),
        ] {
            assert!(matches(pattern, yes), "{pattern} {yes}");
            let is_any = pattern == "b|";
            assert_eq!(matches(pattern, no), is_any, "{pattern} {no}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_the_words_of_the_reference() {
        for (pattern, text) in [
            ("(", "Missing ')'"),
            ("[a-", "Missing ']'"),
            ("[[:alpha:]", "Missing ']'"),
            ("a{2", "Missing '}'"),
            ("a{", "Missing '}'"),
            ("a{x}", "Invalid contents of {}"),
            ("a{3,2}", "Invalid contents of {}"),
            ("a{1000}", "Maximum repetition in {} larger than 255"),
            ("a**", "Invalid use of repetition operators"),
            ("\\", "Trailing backslash"),
            ("[b-a]", "Invalid character range"),
            ("[a-c-e]", "Invalid character range"),
            ("[[:foo:]]", "Unknown character class name"),
            ("[[.a.]]", "Unknown collating element"),
            ("(?=a)", "Invalid regexp"),
            ("a\\2", "Invalid back reference"),
            ("((((a{255}){255}){255}){255})", "Out of memory"),
        ] {
            let fault = rewrite(pattern.as_bytes()).err();
            let wanted = Fault::Within(text);
            match text {
                "Out of memory" => assert!(compile(pattern.as_bytes(), false).is_err()),
                _ => assert_eq!(fault, Some(wanted), "{pattern}"),
            }
        }
        let whole = |pattern: &[u8]| matches!(rewrite(pattern), Err(Fault::Whole(_)));
        assert!(whole(b"") && whole(b"(a)\\1") && whole(&[b'a'; 2049]));
        assert!(!whole(&[b'a'; 2048]));
    }

    #[test]
    fn no_expression_panics() {
        let mut rng = base::testing::Rng::new(7);
        let alphabet = b"ab(){}[]|*+?^$.\\-:,0129xQEiU<>wd\xff\n";
        for _ in 0..20_000 {
            let pattern: Vec<u8> = (0..rng.below(12))
                .map(|_| alphabet[rng.below(alphabet.len())])
                .collect();
            if let Ok(compiled) = compile(&pattern, rng.below(2) == 0) {
                compiled.is_match(b"ab\xff\n");
            }
        }
    }
}
