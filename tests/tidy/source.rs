//! Source text as tokens, so that a rule sees code and neither comments nor what is inside of strings.

/// A token of Rust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A name, a keyword or a number.
    Word(String),
    /// The inside of a string literal.
    Text(String),
    /// Any other character, one at a time.
    Mark(char),
}

impl Token {
    /// True for this name.
    pub fn is_word(&self, word: &str) -> bool {
        matches!(self, Token::Word(own) if own == word)
    }

    /// True for this character.
    pub fn is_mark(&self, mark: char) -> bool {
        *self == Token::Mark(mark)
    }

    /// The name, if it is one.
    pub fn word(&self) -> Option<&str> {
        match self {
            Token::Word(word) => Some(word),
            Token::Text(_) | Token::Mark(_) => None,
        }
    }
}

/// The tokens of a file. Comments, characters and lifetimes are left out.
pub fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let (mut out, mut i) = (Vec::new(), 0);
    while i < chars.len() {
        let c = chars[i];
        if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && chars[i] != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            loop {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
                if depth == 0 || i >= chars.len() {
                    break;
                }
            }
        } else if c == '"' {
            let start = i + 1;
            i = start;
            while i < chars.len() && chars[i] != '"' {
                i += if chars[i] == '\\' { 2 } else { 1 };
            }
            let end = i.min(chars.len());
            out.push(Token::Text(chars[start..end].iter().collect()));
            i += 1;
        } else if c == '\'' {
            // A character ends with another quote; a lifetime does not.
            if at(i + 1) == '\\' {
                i += 3;
                while i < chars.len() && chars[i] != '\'' {
                    i += 1;
                }
                i += 1;
            } else if at(i + 2) == '\'' {
                i += 3;
            } else {
                i += 1;
                while is_part(at(i)) {
                    i += 1;
                }
            }
        } else if is_part(c) {
            let start = i;
            while is_part(at(i)) {
                i += 1;
            }
            let word: String = chars[start..i].iter().collect();
            let hashes = chars[i..].iter().take_while(|c| **c == '#').count();
            let is_raw = ["r", "br", "cr"].contains(&word.as_str()) && at(i + hashes) == '"';
            if is_raw {
                let start = i + hashes + 1;
                i = start;
                let closes = |i: usize| at(i) == '"' && (1..=hashes).all(|n| at(i + n) == '#');
                while i < chars.len() && !closes(i) {
                    i += 1;
                }
                let end = i.min(chars.len());
                out.push(Token::Text(chars[start..end].iter().collect()));
                i += 1 + hashes;
            } else if !(["b", "c"].contains(&word.as_str()) && ['"', '\''].contains(&at(i))) {
                out.push(Token::Word(word));
            }
        } else {
            if !c.is_whitespace() {
                out.push(Token::Mark(c));
            }
            i += 1;
        }
    }
    out
}

/// The index after the group that opens at `open`, or after the one token that is there.
fn after_group(tokens: &[Token], open: usize) -> usize {
    let (mut depth, mut i) = (0usize, open);
    while i < tokens.len() {
        match tokens[i] {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => depth = depth.saturating_sub(1),
            Token::Word(_) | Token::Text(_) | Token::Mark(_) => {}
        }
        i += 1;
        if depth == 0 {
            break;
        }
    }
    i
}

/// The tokens without the items that are built for tests only.
pub fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let test_only = ["#", "[", "cfg", "(", "test", ")", "]"];
    let begins = |i: usize| {
        let there = tokens[i..].iter().zip(test_only);
        tokens.len() - i >= test_only.len()
            && there.clone().all(|(token, wanted)| match token {
                Token::Word(word) => word == wanted,
                Token::Mark(mark) => wanted.starts_with(*mark),
                Token::Text(_) => false,
            })
    };
    let (mut out, mut i) = (Vec::new(), 0);
    while i < tokens.len() {
        if !begins(i) {
            out.push(tokens[i].clone());
            i += 1;
            continue;
        }
        // The attributes, then the item: to its end mark, or to the end of its braces.
        while i < tokens.len() && tokens[i].is_mark('#') {
            i = after_group(tokens, i + 1);
        }
        while i < tokens.len() && !tokens[i].is_mark('}') {
            let ends = tokens[i].is_mark(';') || tokens[i].is_mark(',') || tokens[i].is_mark('{');
            i = after_group(tokens, i);
            if ends {
                break;
            }
        }
    }
    out
}

#[test]
fn comments_strings_characters_and_lifetimes_are_no_code() {
    let text = r##"a /* b /* c */ */ "d \" e" 'f' '\'' b'g' <'h> r#"i " j"# b"k" // l
        m.n"##;
    let mark = |c| Token::Mark(c);
    let word = |w: &str| Token::Word(w.to_owned());
    let string = |s: &str| Token::Text(s.to_owned());
    let wanted = [
        word("a"),
        string("d \\\" e"),
        mark('<'),
        mark('>'),
        string("i \" j"),
        string("k"),
        word("m"),
        mark('.'),
        word("n"),
    ];
    assert_eq!(tokens(text), wanted);
}

#[test]
fn items_for_tests_are_left_out_and_nothing_after_them_is() {
    let text =
        "#[cfg(test)] mod tests; use a::b; #[cfg(test)] #[path = \"x\"] mod more { fn f() { x; } }
        struct S { #[cfg(test)] t: [u8; 3], u: u8 } fn g() { #[cfg(test)] let x = h(1; 2); y }";
    let left = without_tests(&tokens(text));
    assert_eq!(left, tokens("use a::b; struct S { u: u8 } fn g() { y }"));
}
