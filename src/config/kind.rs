//! Kinds of directive values: how text is parsed into a value, and how a value is shown as text.
//!
//! Error texts are the reference server's, as CONFIG SET and the start-up error show them.

use std::fmt::Display;
use std::ops::RangeInclusive;

/// Reads and shows values of one kind.
pub trait Kind<T> {
    /// Reads the value from the words after the directive's name.
    ///
    /// # Errors
    /// The text that is shown to the user.
    fn parse(&self, words: &[&str]) -> Result<T, String>;
    /// Sets `value`; with `add` a list grows instead of being replaced.
    ///
    /// # Errors
    /// As [`Kind::parse`]; the value is as before then.
    fn update(&self, value: &mut T, words: &[&str], _add: bool) -> Result<(), String> {
        *value = self.parse(words)?;
        Ok(())
    }
    /// As CONFIG GET shows it.
    fn show(&self, value: &T) -> String;
    /// The text after the name in redis.conf, one element for each line.
    fn lines(&self, value: &T) -> Vec<String> {
        vec![self.show(value)]
    }
    /// Several words may follow the name; a single quoted one is split.
    fn many(&self) -> bool {
        false
    }
    /// For the documentation: what may be written.
    fn describe(&self) -> String;
}

/// The single word that most kinds take.
fn one<'a>(words: &[&'a str]) -> Result<&'a str, String> {
    match words {
        [word] => Ok(word),
        _ => Err(WRONG_NUMBER.into()),
    }
}

/// What a directive with too few or too many words is answered.
pub const WRONG_NUMBER: &str = "wrong number of arguments";

/// `yes` or `no`.
pub struct YesNo;

impl Kind<bool> for YesNo {
    fn parse(&self, words: &[&str]) -> Result<bool, String> {
        match one(words)? {
            w if w.eq_ignore_ascii_case("yes") => Ok(true),
            w if w.eq_ignore_ascii_case("no") => Ok(false),
            _ => Err("argument must be 'yes' or 'no'".into()),
        }
    }
    fn show(&self, value: &bool) -> String {
        yes_no(*value).into()
    }
    fn describe(&self) -> String {
        "`yes`, `no`".into()
    }
}

/// `yes` / `no`
pub fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// A whole number in a range.
pub struct Int(pub RangeInclusive<i64>);

impl Kind<i64> for Int {
    fn parse(&self, words: &[&str]) -> Result<i64, String> {
        let n = base::integer::parse_int(one(words)?.as_bytes())
            .ok_or("argument couldn't be parsed into an integer")?;
        within(n, &self.0)
    }
    fn show(&self, value: &i64) -> String {
        value.to_string()
    }
    fn describe(&self) -> String {
        describe_range(&self.0)
    }
}

/// A whole number in a range, of which only a part has an effect: what is outside of it is taken as its nearest number.
pub struct Near(pub RangeInclusive<i64>, pub RangeInclusive<i64>);

impl Kind<i64> for Near {
    fn parse(&self, words: &[&str]) -> Result<i64, String> {
        let n = Int(self.0.clone()).parse(words)?;
        Ok(n.clamp(*self.1.start(), *self.1.end()))
    }
    fn show(&self, value: &i64) -> String {
        value.to_string()
    }
    fn describe(&self) -> String {
        describe_range(&self.0)
    }
}

fn within(n: i64, range: &RangeInclusive<i64>) -> Result<i64, String> {
    if range.contains(&n) {
        return Ok(n);
    }
    Err(format!(
        "argument must be between {} and {} inclusive",
        range.start(),
        range.end()
    ))
}

fn describe_range(range: &RangeInclusive<i64>) -> String {
    match (*range.start(), *range.end()) {
        (min, i64::MAX) => format!("number, at least {min}"),
        (min, max) if max == i64::from(i32::MAX) => format!("number, at least {min}"),
        (min, max) => format!("number, {min} to {max}"),
    }
}

/// Bytes, with an optional unit: `k` = 1000, `kb` = 1024, and so on to `gb`.
pub struct Memory(pub RangeInclusive<i64>);

impl Kind<i64> for Memory {
    fn parse(&self, words: &[&str]) -> Result<i64, String> {
        let n = parse_memory(one(words)?).ok_or("argument must be a memory value")?;
        within(n, &self.0)
    }
    fn show(&self, value: &i64) -> String {
        value.to_string()
    }
    fn lines(&self, value: &i64) -> Vec<String> {
        vec![show_memory(*value)]
    }
    fn describe(&self) -> String {
        match *self.0.start() {
            0 => "bytes, with unit".into(),
            min => format!("bytes, with unit, at least {min}"),
        }
    }
}

/// `64mb`, `1000`, `1k`: bytes.
pub fn parse_memory(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0); // as the reference reads it
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let n: i64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    n.checked_mul(unit)
}

/// In the largest binary unit that divides it, as CONFIG REWRITE writes it.
pub fn show_memory(n: i64) -> String {
    for (unit, name) in [(1i64 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")] {
        if n != 0 && n % unit == 0 {
            return format!("{}{name}", n / unit);
        }
    }
    n.to_string()
}

/// Bytes, or a percentage of `maxmemory` (held as a negative number).
pub struct MemoryOrPercent;

impl Kind<i64> for MemoryOrPercent {
    fn parse(&self, words: &[&str]) -> Result<i64, String> {
        let word = one(words)?;
        if let Some(percent) = word.strip_suffix('%') {
            let n: i64 = percent
                .parse()
                .ok()
                .filter(|n| *n >= 0)
                .ok_or("argument must be a memory or percent value")?;
            if n > 100 {
                return Err("percentage argument must be less or equal to 100".into());
            }
            return Ok(-n);
        }
        parse_memory(word).ok_or_else(|| "argument must be a memory or percent value".into())
    }
    fn show(&self, value: &i64) -> String {
        match *value {
            n if n < 0 => format!("{}%", -n),
            n => n.to_string(),
        }
    }
    fn lines(&self, value: &i64) -> Vec<String> {
        vec![match *value {
            n if n < 0 => format!("{}%", -n),
            n => show_memory(n),
        }]
    }
    fn describe(&self) -> String {
        "bytes with unit, or `N%` of maxmemory".into()
    }
}

/// File mode bits.
pub struct Octal;

impl Kind<i64> for Octal {
    fn parse(&self, words: &[&str]) -> Result<i64, String> {
        let text = match one(words)? {
            "" => "0",
            text => text,
        };
        let n = i64::from_str_radix(text, 8)
            .map_err(|_| "argument couldn't be parsed as an octal number")?;
        within(n, &(0..=0o777))
    }
    fn show(&self, value: &i64) -> String {
        format!("{value:o}")
    }
    fn describe(&self) -> String {
        "octal file mode".into()
    }
}

/// Any text.
pub struct Text;

/// `proc-title-template`
pub struct TitleTemplate;

/// What a template of the process title may name in braces.
const TITLE_VARIABLES: [&str; 7] = [
    "title",
    "listen-addr",
    "server-mode",
    "port",
    "tls-port",
    "unixsocket",
    "config-file",
];

impl Kind<String> for TitleTemplate {
    fn parse(&self, words: &[&str]) -> Result<String, String> {
        let template = one(words)?;
        let known = |name: &str| TITLE_VARIABLES.contains(&name).then(String::new);
        match fill_title(template, known) {
            Some(_) => Ok(template.to_owned()),
            None => Err("template format is invalid or contains unknown variables".into()),
        }
    }
    fn show(&self, value: &String) -> String {
        value.clone()
    }
    fn lines(&self, value: &String) -> Vec<String> {
        vec![quote(value)]
    }
    fn describe(&self) -> String {
        format!("text with {{{}}}", TITLE_VARIABLES.join("}, {"))
    }
}

/// A template with the value of each `{variable}` in its place; `None` if a brace is left open or a variable has none.
pub fn fill_title(template: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        filled += before;
        filled += &value(name)?;
        rest = after;
    }
    Some(filled + rest)
}

impl Kind<String> for Text {
    fn parse(&self, words: &[&str]) -> Result<String, String> {
        Ok(one(words)?.to_owned())
    }
    fn show(&self, value: &String) -> String {
        value.clone()
    }
    fn lines(&self, value: &String) -> Vec<String> {
        vec![quote(value)]
    }
    fn describe(&self) -> String {
        "text".into()
    }
}

/// `tls-expected-peer-name`
pub struct PeerNames;

impl Kind<String> for PeerNames {
    fn parse(&self, words: &[&str]) -> Result<String, String> {
        let names = one(words)?;
        if names.contains(['\t', '\n', '\r', '\x0b', '\x0c']) {
            return Err("tls-expected-peer-name must not contain whitespace other than spaces separating names; use an empty string to disable it".into());
        }
        if !names.is_empty() && names.trim_matches(' ').is_empty() {
            return Err(
                "tls-expected-peer-name contains no usable name; use an empty string to disable it"
                    .into(),
            );
        }
        Ok(names.to_owned())
    }
    fn show(&self, value: &String) -> String {
        value.clone()
    }
    fn lines(&self, value: &String) -> Vec<String> {
        vec![quote(value)]
    }
    fn describe(&self) -> String {
        "names with blanks between them".into()
    }
}

/// The name of a file in `dir`.
pub struct FileName(pub &'static str);

impl Kind<String> for FileName {
    fn parse(&self, words: &[&str]) -> Result<String, String> {
        let word = one(words)?;
        if word.contains(['/', '\\']) {
            let what = match self.0.contains("dir") {
                true => "dirname",
                false => "filename",
            };
            return Err(format!("{} can't be a path, just a {what}", self.0));
        }
        // The name of a dump may be empty, one of the append-only file may not.
        if word.is_empty() && self.0.starts_with("append") {
            return Err(format!("{} can't be empty", self.0));
        }
        Ok(word.to_owned())
    }
    fn show(&self, value: &String) -> String {
        value.clone()
    }
    fn lines(&self, value: &String) -> Vec<String> {
        vec![quote(value)]
    }
    fn describe(&self) -> String {
        "file name without a path".into()
    }
}

/// Bytes in double quotes, with unprintable ones escaped: for the configuration file, MONITOR, the log.
pub fn quote(text: impl AsRef<[u8]>) -> String {
    let mut out = String::from("\"");
    for &b in text.as_ref() {
        match b {
            b'\\' | b'"' => out.extend(['\\', char::from(b)]),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x07 => out.push_str("\\a"),
            0x08 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(b)),
            _ => out.push_str(&format!("\\x{b:02x}")),
        }
    }
    out.push('"');
    out
}

/// A value out of a list of names.
pub trait Choice: Copy + PartialEq + 'static {
    /// Each value with its name, in the order in which error texts list them. A value may have several
    /// names; the first is shown.
    const NAMES: &'static [(&'static str, Self)];

    /// The name.
    fn name(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(_, v)| *v == self);
        named.expect("every value has a name").0
    }
}

/// One of the names of `T`.
pub struct OneOf;

impl<T: Choice> Kind<T> for OneOf {
    fn parse(&self, words: &[&str]) -> Result<T, String> {
        let word = one(words)?;
        let found = T::NAMES.iter().find(|(n, _)| n.eq_ignore_ascii_case(word));
        found
            .map(|(_, v)| *v)
            .ok_or_else(|| must_be_one_of(T::NAMES.iter().map(|(n, _)| *n)))
    }
    fn show(&self, value: &T) -> String {
        value.name().into()
    }
    fn describe(&self) -> String {
        list(T::NAMES.iter().map(|(n, _)| format!("`{n}`")))
    }
}

/// The error text that lists the names.
pub fn must_be_one_of(names: impl Iterator<Item = &'static str>) -> String {
    format!("argument(s) must be one of the following: {}", list(names))
}

fn list<T: Display>(items: impl Iterator<Item = T>) -> String {
    let items: Vec<String> = items.map(|i| i.to_string()).collect();
    items.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_decimal_and_binary_units() {
        let cases = [
            ("0", Some(0)),
            ("1k", Some(1000)),
            ("1KB", Some(1024)),
            ("2mb", Some(2 << 20)),
            ("3gb", Some(3 << 30)),
            ("5b", Some(5)),
            ("-1", None),
            ("1tb", None),
            ("1 kb", None),
            ("", Some(0)),
            ("9223372036854775807gb", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_memory(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_rewritten_size_takes_the_largest_unit_that_divides_it() {
        assert_eq!(show_memory(0), "0");
        assert_eq!(show_memory(1 << 30), "1gb");
        assert_eq!(show_memory(3 << 20), "3mb");
        assert_eq!(show_memory(1025), "1025");
    }

    #[test]
    fn a_percentage_is_held_as_a_negative_number() {
        assert_eq!(MemoryOrPercent.parse(&["5%"]), Ok(-5));
        assert_eq!(MemoryOrPercent.show(&-5), "5%");
        assert!(MemoryOrPercent.parse(&["101%"]).is_err());
    }

    #[test]
    fn a_number_out_of_range_is_answered_with_the_range() {
        assert_eq!(
            Int(1..=10).parse(&["11"]),
            Err("argument must be between 1 and 10 inclusive".into())
        );
    }
}
