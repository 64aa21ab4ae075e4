//! Whether a text is a Lua 5.1 program, as far as its grammar goes. Nothing here runs it.
//!
//! A function library that does not compile keeps every real server from loading the file that holds it, and the same
//! applies here. This is a recognizer: it reads token by token, by recursive descent over the grammar of the reference
//! manual, with a bound on nesting like that of the real compiler. It accepts what it cannot check (limits on locals,
//! upvalues, constants).

#![forbid(unsafe_code)]

mod lexer;

use lexer::{Lexer, Token};

/// Nesting of blocks and expressions (`LUAI_MAXCCALLS` of Lua 5.1).
const DEPTH_MAX: u32 = 200;

/// Where a program breaks the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyntaxError {
    /// Line, from 1.
    pub line: u32,
    /// What is wrong.
    pub what: &'static str,
}

/// Checks the grammar of a whole program.
///
/// # Errors
/// The first place where it is broken.
pub fn check(source: &[u8]) -> Result<(), SyntaxError> {
    let mut parser = Parser {
        lexer: Lexer::new(source),
        token: Token::End,
        depth: 0,
        loops: 0,
        vararg: true,
    };
    parser.lexer.skip_shebang();
    parser.advance()?;
    parser.block()?;
    match parser.token {
        Token::End => Ok(()),
        _ => parser.fail("'<eof>' expected"),
    }
}

/// The names that string literals give to `register_function`, in both of its forms; for finding one twice.
pub fn registered_names(source: &[u8]) -> Vec<Vec<u8>> {
    let mut lexer = Lexer::new(source);
    lexer.skip_shebang();
    let mut tokens = Vec::new();
    while let Ok(token) = lexer.next() {
        if token == Token::End {
            break;
        }
        tokens.push(token);
    }
    let mut names = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        if *token != Token::Name(b"register_function") {
            continue;
        }
        let rest = &tokens[i + 1..];
        match rest {
            [Token::Symbol(b"("), Token::Text(name), ..] => names.push(name.to_vec()),
            [Token::Symbol(b"{"), ..] | [Token::Symbol(b"("), Token::Symbol(b"{"), ..] => {
                let named = rest
                    .windows(3)
                    .take_while(|w| w[0] != Token::Symbol(b"}"))
                    .find_map(|w| match w {
                        [
                            Token::Name(b"function_name"),
                            Token::Symbol(b"="),
                            Token::Text(name),
                        ] => Some(name.to_vec()),
                        _ => None,
                    });
                names.extend(named);
            }
            _ => {}
        }
    }
    names
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    depth: u32,
    /// Loops around this place in the current function.
    loops: u32,
    /// The current function takes `...`.
    vararg: bool,
}

type Parsed = Result<(), SyntaxError>;

/// What an expression suffix chain ended in.
#[derive(PartialEq)]
enum Ended {
    Variable,
    Call,
    Parenthesis,
}

impl<'a> Parser<'a> {
    fn fail<T>(&self, what: &'static str) -> Result<T, SyntaxError> {
        self.lexer.fail(what)
    }

    fn advance(&mut self) -> Parsed {
        self.token = self.lexer.next()?;
        Ok(())
    }

    fn is(&self, symbol: &[u8]) -> bool {
        matches!(self.token, Token::Symbol(s) if s == symbol)
    }

    fn is_word(&self, word: &[u8]) -> bool {
        matches!(self.token, Token::Keyword(w) if w == word)
    }

    fn accept(&mut self, symbol: &[u8]) -> Result<bool, SyntaxError> {
        let there = self.is(symbol);
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    fn accept_word(&mut self, word: &[u8]) -> Result<bool, SyntaxError> {
        let there = self.is_word(word);
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    fn expect(&mut self, symbol: &[u8], what: &'static str) -> Parsed {
        if self.accept(symbol)? {
            Ok(())
        } else {
            self.fail(what)
        }
    }

    fn expect_word(&mut self, word: &[u8], what: &'static str) -> Parsed {
        if self.accept_word(word)? {
            Ok(())
        } else {
            self.fail(what)
        }
    }

    fn name(&mut self) -> Parsed {
        match self.token {
            Token::Name(_) => self.advance(),
            _ => self.fail("'<name>' expected"),
        }
    }

    fn nested(&mut self, parse: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.fail("chunk has too many syntax levels");
        }
        parse(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn at_block_end(&self) -> bool {
        self.token == Token::End
            || [&b"end"[..], b"else", b"elseif", b"until"]
                .iter()
                .any(|w| self.is_word(w))
    }

    fn block(&mut self) -> Parsed {
        self.nested(|p| {
            while !p.at_block_end() {
                let last = p.statement()?;
                p.accept(b";")?;
                if last {
                    break;
                }
            }
            Ok(())
        })
    }

    fn loop_block(&mut self) -> Parsed {
        self.loops += 1;
        self.block()?;
        self.loops -= 1;
        Ok(())
    }

    /// One statement; whether it must be the last of its block.
    fn statement(&mut self) -> Result<bool, SyntaxError> {
        let Token::Keyword(word) = self.token else {
            self.expression_statement()?;
            return Ok(false);
        };
        match word {
            b"if" => self.if_statement()?,
            b"while" => {
                self.advance()?;
                self.expression()?;
                self.expect_word(b"do", "'do' expected")?;
                self.loop_block()?;
                self.expect_word(b"end", "'end' expected")?;
            }
            b"do" => {
                self.advance()?;
                self.block()?;
                self.expect_word(b"end", "'end' expected")?;
            }
            b"for" => self.for_statement()?,
            b"repeat" => {
                self.advance()?;
                self.loop_block()?;
                self.expect_word(b"until", "'until' expected")?;
                self.expression()?;
            }
            b"function" => {
                self.advance()?;
                self.name()?;
                while self.accept(b".")? {
                    self.name()?;
                }
                if self.accept(b":")? {
                    self.name()?;
                }
                self.function_body()?;
            }
            b"local" => self.local_statement()?,
            b"return" => {
                self.advance()?;
                if !self.at_block_end() && !self.is(b";") {
                    self.expressions()?;
                }
                return Ok(true);
            }
            b"break" => {
                if self.loops == 0 {
                    return self.fail("no loop to break");
                }
                self.advance()?;
                return Ok(true);
            }
            _ => self.expression_statement()?,
        }
        Ok(false)
    }

    fn if_statement(&mut self) -> Parsed {
        while self.is_word(b"if") || self.is_word(b"elseif") {
            self.advance()?;
            self.expression()?;
            self.expect_word(b"then", "'then' expected")?;
            self.block()?;
            if !self.is_word(b"elseif") {
                break;
            }
        }
        if self.accept_word(b"else")? {
            self.block()?;
        }
        self.expect_word(b"end", "'end' expected")
    }

    fn for_statement(&mut self) -> Parsed {
        self.advance()?;
        self.name()?;
        if self.accept(b"=")? {
            self.expression()?;
            self.expect(b",", "',' expected")?;
            self.expression()?;
            if self.accept(b",")? {
                self.expression()?;
            }
        } else {
            while self.accept(b",")? {
                self.name()?;
            }
            self.expect_word(b"in", "'=' or 'in' expected")?;
            self.expressions()?;
        }
        self.expect_word(b"do", "'do' expected")?;
        self.loop_block()?;
        self.expect_word(b"end", "'end' expected")
    }

    fn local_statement(&mut self) -> Parsed {
        self.advance()?;
        if self.accept_word(b"function")? {
            self.name()?;
            return self.function_body();
        }
        self.name()?;
        while self.accept(b",")? {
            self.name()?;
        }
        if self.accept(b"=")? {
            self.expressions()
        } else {
            Ok(())
        }
    }

    /// A call, or an assignment to variables.
    fn expression_statement(&mut self) -> Parsed {
        let first = self.suffixed()?;
        if first == Ended::Call && !self.is(b"=") && !self.is(b",") {
            return Ok(());
        }
        let mut last = first;
        loop {
            if last != Ended::Variable {
                return self.fail("syntax error");
            }
            if !self.accept(b",")? {
                break;
            }
            last = self.suffixed()?;
        }
        self.expect(b"=", "'=' expected")?;
        self.expressions()
    }

    fn function_body(&mut self) -> Parsed {
        let (loops, vararg) = (
            std::mem::take(&mut self.loops),
            std::mem::take(&mut self.vararg),
        );
        self.expect(b"(", "'(' expected")?;
        while !self.is(b")") {
            if self.accept(b"...")? {
                self.vararg = true;
                break;
            }
            self.name()?;
            if !self.accept(b",")? {
                break;
            }
            if self.is(b")") {
                return self.fail("'<name>' expected");
            }
        }
        self.expect(b")", "')' expected")?;
        self.block()?;
        self.expect_word(b"end", "'end' expected")?;
        (self.loops, self.vararg) = (loops, vararg);
        Ok(())
    }

    fn expressions(&mut self) -> Parsed {
        self.expression()?;
        while self.accept(b",")? {
            self.expression()?;
        }
        Ok(())
    }

    /// Operators need no precedence to be recognised: operands with operators between them.
    fn expression(&mut self) -> Parsed {
        const BINARY: [&[u8]; 13] = [
            b"+", b"-", b"*", b"/", b"%", b"^", b"..", b"==", b"~=", b"<=", b">=", b"<", b">",
        ];
        self.nested(|p| {
            loop {
                while p.is(b"-") || p.is(b"#") || p.is_word(b"not") {
                    p.advance()?;
                }
                p.operand()?;
                if !(BINARY.iter().any(|s| p.is(s)) || p.is_word(b"and") || p.is_word(b"or")) {
                    return Ok(());
                }
                p.advance()?;
            }
        })
    }

    fn operand(&mut self) -> Parsed {
        match self.token {
            Token::Number | Token::Text(_) => self.advance(),
            Token::Keyword(b"nil" | b"true" | b"false") => self.advance(),
            Token::Keyword(b"function") => {
                self.advance()?;
                self.function_body()
            }
            Token::Symbol(b"...") if self.vararg => self.advance(),
            Token::Symbol(b"...") => self.fail("cannot use '...' outside a vararg function"),
            Token::Symbol(b"{") => self.table(),
            _ => self.suffixed().map(|_| ()),
        }
    }

    fn table(&mut self) -> Parsed {
        self.nested(|p| {
            p.expect(b"{", "'{' expected")?;
            while !p.is(b"}") {
                if p.accept(b"[")? {
                    p.expression()?;
                    p.expect(b"]", "']' expected")?;
                    p.expect(b"=", "'=' expected")?;
                    p.expression()?;
                } else {
                    // `name =` is a field, `name` alone starts an expression; either way an expression comes first.
                    let name = matches!(p.token, Token::Name(_));
                    p.expression()?;
                    if name && p.accept(b"=")? {
                        p.expression()?;
                    }
                }
                if !p.accept(b",")? && !p.accept(b";")? {
                    break;
                }
            }
            p.expect(b"}", "'}' expected")
        })
    }

    /// A name or parenthesis with its indexes and calls.
    fn suffixed(&mut self) -> Result<Ended, SyntaxError> {
        let mut ended = match self.token {
            Token::Name(_) => {
                self.advance()?;
                Ended::Variable
            }
            Token::Symbol(b"(") => {
                self.advance()?;
                self.expression()?;
                self.expect(b")", "')' expected")?;
                Ended::Parenthesis
            }
            _ => return self.fail("unexpected symbol"),
        };
        loop {
            match self.token {
                Token::Symbol(b".") => {
                    self.advance()?;
                    self.name()?;
                    ended = Ended::Variable;
                }
                Token::Symbol(b"[") => {
                    self.advance()?;
                    self.expression()?;
                    self.expect(b"]", "']' expected")?;
                    ended = Ended::Variable;
                }
                Token::Symbol(b":") => {
                    self.advance()?;
                    self.name()?;
                    self.arguments()?;
                    ended = Ended::Call;
                }
                Token::Symbol(b"(" | b"{") | Token::Text(_) => {
                    self.arguments()?;
                    ended = Ended::Call;
                }
                _ => return Ok(ended),
            }
        }
    }

    fn arguments(&mut self) -> Parsed {
        match self.token {
            Token::Text(_) => self.advance(),
            Token::Symbol(b"{") => self.table(),
            Token::Symbol(b"(") => {
                self.advance()?;
                if !self.is(b")") {
                    self.expressions()?;
                }
                self.expect(b")", "')' expected")
            }
            _ => self.fail("function arguments expected"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_pass() {
        for source in [
            "",
            "#!lua name=lib\nredis.register_function('f', function(keys, args) return redis.call('GET', keys[1]) end)",
            "local a, b = 1, 2; a, b = b, a\nreturn a",
            "for i = 1, 10, 2 do if i > 3 then break end end for k, v in pairs(t) do print(k, v) end",
            "while true do repeat local x = f() until x == nil or not x end",
            "local function f(a, ...) local t = {...} return #t, select('#', ...) end",
            "function a.b.c:d(x) self.y = x; return end",
            "t = {1, 2; x = 3, ['y z'] = 4, f(), function() end, n}",
            "s = 'a\\'b\\065\\\nnext' .. \"q\" .. [[long\n]] .. [==[ ]] ]==] -- comment\n--[[ long\ncomment ]] x = 1",
            "f'text' f{1} f[[x]] a.b['c']:d 'e'.f = 1",
            "x = - -2 ^ 2 * 3 % 4 / 5 + 1e10 - 0xff .. 3. .. .5",
            "return function() return (f)(1)(2) end",
        ] {
            assert_eq!(check(source.as_bytes()), Ok(()), "{source}");
        }
    }

    #[test]
    fn what_does_not_compile_is_found() {
        for (source, line) in [
            ("x = ", 1),
            ("x", 1),
            ("this is not lua", 1),
            ("#!lua name=lib\nlocal function f( return 1 end", 2),
            ("if x then", 1),
            ("return 1 x = 2", 1),
            ("break", 1),
            ("for i = 1 do end", 1),
            ("f() = 1", 1),
            ("(a) = 1", 1),
            ("x = 'open", 1),
            ("x = [[open", 1),
            ("x = 3x", 1),
            ("x = '\\300'", 1),
            ("x = @", 1),
            ("x = 1\ny = = 2", 2),
            ("function f() return ... end", 1),
            ("goto done", 1),
            ("end", 1),
            ("x = {1, 2", 1),
            ("x\0= 1", 1),
        ] {
            assert_eq!(
                check(source.as_bytes()).map_err(|e| e.line),
                Err(line),
                "{source}"
            );
        }
    }

    #[test]
    fn deep_nesting_is_refused_not_followed() {
        let deep = [&b"x = "[..], &vec![b'('; 100_000], b"1"].concat();
        assert_eq!(
            check(&deep).unwrap_err().what,
            "chunk has too many syntax levels"
        );
        let blocks = "do ".repeat(10_000);
        assert!(check(blocks.as_bytes()).is_err());
    }

    #[test]
    fn registered_names_are_found_in_both_forms() {
        let source = b"#!lua name=l\nredis.register_function('a', f)\nredis.register_function{\n function_name = 'b', callback = f }\nserver.register_function(\"c\", f) -- register_function('d'";
        assert_eq!(registered_names(source), [b"a", b"b", b"c"]);
    }

    #[test]
    fn random_bytes_never_panic() {
        let mut rng = base::testing::Rng::new(40);
        let words: [&[u8]; 24] = [
            b"x",
            b" = ",
            b"1 ",
            b"(",
            b")",
            b"{",
            b"}",
            b"[",
            b"]",
            b"[[",
            b"]]",
            b"'",
            b"\\",
            b" end ",
            b" do ",
            b" function ",
            b" if ",
            b" then ",
            b"--",
            b"\n",
            b" return ",
            b",",
            b"..",
            b"...",
        ];
        for _ in 0..20_000 {
            let source: Vec<u8> = (0..rng.below(20))
                .flat_map(|_| words[rng.below(words.len())].to_vec())
                .collect();
            let _ = check(&source);
            let _ = registered_names(&source);
        }
    }
}
