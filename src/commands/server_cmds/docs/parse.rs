//! The notation for the arguments of a command, and its parser.
//!
//! | notation | meaning |
//! |---|---|
//! | `value` | an argument of type string |
//! | `count:int` | an argument of another type: `int`, `double`, `pattern` or `time` |
//! | `key@0` | a key, described by the first key specification of the command |
//! | `addr=ip:port` | an argument that is displayed as `ip:port` instead of its name |
//! | `NX`, `change:CH`, `equal:'='` | a word that is sent literally; its name is the word in lower case unless another is given |
//! | `COUNT count:int` | an argument that follows a word |
//! | `unit<M\|KM>` | one of several arguments |
//! | `limit{offset:int count:int}` | several arguments together |
//! | `[...]` around an argument | it is optional |
//! | `...` after an argument | it may be repeated; with `&...`, its word is repeated as well |
//! | `^6.2.0`, `~2.8.12` | the version that introduced it, the version that deprecated it |
//!
//! The suffixes have the order `:int`, `@0`, `=name`, `...`, `^6.2.0`, `~2.8.12`.

use std::borrow::Cow;

/// One argument of a command, as COMMAND DOCS describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name, which is unique among the arguments on the same level.
    pub name: Cow<'static, str>,
    /// The kind of argument.
    pub kind: Kind,
    /// The text that is displayed to people. Arguments that consist of others need none.
    pub display: Option<&'static str>,
    /// The key specification that finds the key, or the keys that a pattern matches.
    pub key_spec: Option<i64>,
    /// The word before it, or the word that it is.
    pub token: Option<&'static str>,
    /// The version that brought it, where the command is older.
    pub since: Option<&'static str>,
    /// The version that deprecated it.
    pub deprecated_since: Option<&'static str>,
    /// True if it may be left out.
    pub optional: bool,
    /// If and how it may be repeated.
    pub repeated: Repeated,
}

/// What an argument is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value of the type that has this name in COMMAND DOCS.
    Value(&'static str),
    /// A word that is sent as it is.
    PureToken,
    /// One of these arguments.
    OneOf(Vec<Argument>),
    /// All of these arguments, in this order.
    Block(Vec<Argument>),
}

/// Repetition of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeated {
    /// It is given once.
    No,
    /// It may be repeated. A word before it is given once.
    Alone,
    /// It may be repeated, each time with its word.
    WithToken,
}

/// The offset in bytes at which a text breaks the rules of the notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub usize);

/// The arguments that `syntax` describes.
pub fn parse(syntax: &'static str) -> Result<Vec<Argument>, Malformed> {
    let mut parser = Parser { syntax, at: 0 };
    let arguments = parser.separated_by(' ')?;
    match parser.rest() {
        "" => Ok(arguments),
        _ => Err(parser.malformed()),
    }
}

struct Parser {
    syntax: &'static str,
    at: usize,
}

impl Parser {
    fn rest(&self) -> &'static str {
        &self.syntax[self.at..]
    }

    fn malformed(&self) -> Malformed {
        Malformed(self.at)
    }

    /// Skips `text` if it comes next.
    fn skips(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn expect(&mut self, text: &str) -> Result<(), Malformed> {
        match self.skips(text) {
            true => Ok(()),
            false => Err(self.malformed()),
        }
    }

    /// The longest run of characters that `belongs` accepts, which must not be empty.
    fn run(&mut self, belongs: impl Fn(char) -> bool) -> Result<&'static str, Malformed> {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.malformed());
        }
        self.at += end;
        Ok(&rest[..end])
    }

    fn separated_by(&mut self, separator: char) -> Result<Vec<Argument>, Malformed> {
        let mut arguments = vec![self.argument()?];
        while self.rest().starts_with(separator) {
            self.at += separator.len_utf8();
            arguments.push(self.argument()?);
        }
        Ok(arguments)
    }

    fn argument(&mut self) -> Result<Argument, Malformed> {
        if self.skips("[") {
            let mut argument = self.argument()?;
            self.expect("]")?;
            argument.optional = true;
            return Ok(argument);
        }
        let mut argument = match self.token()? {
            None => self.named()?,
            Some(token) if self.a_value_follows() => {
                self.expect(" ")?;
                let mut argument = self.named()?;
                argument.token = Some(token);
                argument
            }
            Some(token) => Argument {
                token: Some(token),
                ..Argument::new(token.to_ascii_lowercase().into(), Kind::PureToken)
            },
        };
        self.suffixes(&mut argument)?;
        Ok(argument)
    }

    /// A word in capital letters, or any in quotes; `None` where something else comes next.
    fn token(&mut self) -> Result<Option<&'static str>, Malformed> {
        if self.skips("'") {
            let rest = self.rest();
            let end = rest.find('\'').ok_or(self.malformed())?;
            self.at += end + 1;
            return Ok(Some(&rest[..end]));
        }
        if !self.rest().starts_with(|c: char| c.is_ascii_uppercase()) {
            return Ok(None);
        }
        let belongs = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
        self.run(belongs).map(Some)
    }

    fn a_value_follows(&self) -> bool {
        let next = self.rest().strip_prefix(' ');
        next.is_some_and(|n| n.starts_with(|c: char| c.is_ascii_lowercase()))
    }

    /// An argument that begins with its name, up to its key specification.
    fn named(&mut self) -> Result<Argument, Malformed> {
        let name = self.run(belongs_to_names)?;
        let mut argument = Argument::new(name.into(), Kind::Value("string"));
        if self.skips("<") {
            argument.kind = Kind::OneOf(self.separated_by('|')?);
            self.expect(">")?;
        } else if self.skips("{") {
            argument.kind = Kind::Block(self.separated_by(' ')?);
            self.expect("}")?;
        } else if self.skips(":") {
            match self.token()? {
                Some(token) => {
                    argument.kind = Kind::PureToken;
                    argument.token = Some(token);
                }
                None => argument.kind = Kind::Value(self.value_type()?),
            }
        }
        if self.skips("@") {
            let digits = self.run(|c| c.is_ascii_digit())?;
            argument.key_spec = digits.parse().ok();
            if argument.kind == Kind::Value("string") {
                argument.kind = Kind::Value("key");
            }
        }
        Ok(argument)
    }

    fn value_type(&mut self) -> Result<&'static str, Malformed> {
        const TYPES: [(&str, &str); 4] = [
            ("int", "integer"),
            ("double", "double"),
            ("pattern", "pattern"),
            ("time", "unix-time"),
        ];
        let unknown = self.malformed();
        let word = self.run(belongs_to_names)?;
        let known = TYPES.iter().find(|(short, _)| *short == word);
        known.map(|(_, whole)| *whole).ok_or(unknown)
    }

    fn suffixes(&mut self, argument: &mut Argument) -> Result<(), Malformed> {
        if self.skips("=") {
            argument.display = Some(self.run(|c| belongs_to_names(c) || c == ':')?);
        }
        if self.skips("...") {
            argument.repeated = Repeated::Alone;
        } else if self.skips("&...") {
            argument.repeated = Repeated::WithToken;
        }
        if self.skips("^") {
            argument.since = Some(self.version()?);
        }
        if self.skips("~") {
            argument.deprecated_since = Some(self.version()?);
        }
        Ok(())
    }

    fn version(&mut self) -> Result<&'static str, Malformed> {
        self.run(|c| c.is_ascii_digit() || c == '.')
    }
}

fn belongs_to_names(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_'
}

impl Argument {
    fn new(name: Cow<'static, str>, kind: Kind) -> Argument {
        Argument {
            name,
            kind,
            display: None,
            key_spec: None,
            token: None,
            since: None,
            deprecated_since: None,
            optional: false,
            repeated: Repeated::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(syntax: &'static str) -> Argument {
        let mut arguments = parse(syntax).expect("it follows the notation");
        assert_eq!(arguments.len(), 1, "{syntax}");
        arguments.remove(0)
    }

    #[test]
    fn a_value_has_its_type_and_its_suffixes() {
        let expected = Argument {
            display: Some("ip:port"),
            token: Some("ADDR"),
            since: Some("2.6.0"),
            deprecated_since: Some("2.8.12"),
            optional: true,
            repeated: Repeated::WithToken,
            ..Argument::new("addr".into(), Kind::Value("integer"))
        };
        assert_eq!(one("[ADDR addr:int=ip:port&...^2.6.0~2.8.12]"), expected);
        assert_eq!(
            one("value"),
            Argument::new("value".into(), Kind::Value("string"))
        );
    }

    #[test]
    fn what_a_key_specification_finds_is_a_key_unless_it_is_a_pattern() {
        let key = one("key@1");
        assert_eq!((key.kind, key.key_spec), (Kind::Value("key"), Some(1)));
        let pattern = one("by:pattern@2");
        assert_eq!(
            (pattern.kind, pattern.key_spec),
            (Kind::Value("pattern"), Some(2))
        );
    }

    #[test]
    fn a_word_takes_the_value_behind_it_and_nothing_else() {
        let names = |syntax| -> Vec<(String, Option<&str>)> {
            let arguments = parse(syntax).expect("it follows the notation");
            let shown = arguments.into_iter();
            shown.map(|a| (a.name.into_owned(), a.token)).collect()
        };
        assert_eq!(names("COUNT n:int"), [("n".to_owned(), Some("COUNT"))]);
        assert_eq!(
            names("NO ONE [GET] exact:'=' empty:''"),
            [
                ("no".to_owned(), Some("NO")),
                ("one".to_owned(), Some("ONE")),
                ("get".to_owned(), Some("GET")),
                ("exact".to_owned(), Some("=")),
                ("empty".to_owned(), Some("")),
            ]
        );
    }

    #[test]
    fn groups_hold_arguments_and_may_have_a_word() {
        let limit = one("[LIMIT limit{offset:int unit<M|KM>}...]");
        assert_eq!((limit.token, limit.optional), (Some("LIMIT"), true));
        assert_eq!(limit.repeated, Repeated::Alone);
        let Kind::Block(parts) = limit.kind else {
            panic!("a block, not {:?}", limit.kind);
        };
        assert_eq!(parts[0].name, "offset");
        let Kind::OneOf(units) = &parts[1].kind else {
            panic!("one of several, not {:?}", parts[1].kind);
        };
        let units: Vec<_> = units.iter().map(|u| (&*u.name, &u.kind)).collect();
        assert_eq!(units, [("m", &Kind::PureToken), ("km", &Kind::PureToken)]);
    }

    #[test]
    fn a_broken_text_is_refused_where_it_breaks() {
        for (syntax, at) in [
            ("", 0),
            ("key  value", 4),
            ("[key", 4),
            ("key]", 3),
            ("n:number", 2),
            ("a<b|c", 5),
            ("a{b c>", 5),
            ("e:'=", 3),
            ("key@", 4),
            ("a^6.2.0=b", 7),
        ] {
            assert_eq!(parse(syntax), Err(Malformed(at)), "{syntax}");
        }
    }
}
