//! Random commands from a grammar, from a seed.
//!
//! A grammar is a list of lines like `SET $k $v [NX|XX] [EX $seconds]`:
//!
//! | form | stands for |
//! |---|---|
//! | `word` | itself |
//! | `a\|b` | one of them |
//! | `[ ... ]` | its content, or nothing |
//! | `( ... )+` | its content one to four times |
//! | `$name` | a random value of that kind, see [`Generator::value`] |

/// A small pseudo-random generator (SplitMix64): the same commands from the same seed everywhere.
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// 64 random bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// One of them.
    pub fn one_of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// Makes commands of one grammar.
pub struct Generator {
    pub random: Random,
    lines: Vec<Vec<Token>>,
}

#[derive(Clone, Debug)]
enum Token {
    Word(String),
    Optional(Vec<Token>),
    Repeated(Vec<Token>),
}

impl Generator {
    /// A generator for the lines of a grammar.
    pub fn new(grammar: &[&str], seed: u64) -> Generator {
        let lines = grammar.iter().map(|line| {
            let mut words = line.split_whitespace();
            parse(&mut words, None)
        });
        Generator {
            random: Random::new(seed),
            lines: lines.collect(),
        }
    }

    /// The next command.
    pub fn command(&mut self) -> Vec<Vec<u8>> {
        let tokens = self.lines[self.random.below(self.lines.len())].clone();
        let mut out = Vec::new();
        self.expand(&tokens, &mut out);
        out
    }

    fn expand(&mut self, tokens: &[Token], out: &mut Vec<Vec<u8>>) {
        for token in tokens {
            match token {
                Token::Word(word) => {
                    let choices: Vec<_> = word.split('|').collect();
                    let chosen = self.random.one_of(&choices);
                    out.push(match chosen.strip_prefix('$') {
                        Some(kind) => self.value(kind),
                        None => chosen.as_bytes().to_vec(),
                    });
                }
                Token::Optional(inner) if self.random.below(3) == 0 => self.expand(inner, out),
                Token::Optional(_) => {}
                Token::Repeated(inner) => {
                    for _ in 0..=self.random.below(4) {
                        self.expand(inner, out);
                    }
                }
            }
        }
    }

    /// A value of a kind: `k` key, `m` member or field, `v` value, `i` integer argument (sometimes
    /// none), `f` float, `s` score, `n` small count, `x` index, `p` pattern, `bit` 0 or 1 or wrong,
    /// `at` offset, `lex` and `score` range ends, `ms` a time far away, `id` and `idend` of streams, `g` group,
    /// `c` consumer; `ai` index of an array, `av` what looks like a number; `re` expression; `$` alone stands for itself.
    fn value(&mut self, kind: &str) -> Vec<u8> {
        let random = &mut self.random;
        match kind {
            "k" => format!("k{}", random.below(6)).into_bytes(),
            "m" => match random.below(12) {
                0 => Vec::new(),
                1 => format!("{}", random.below(2000) as i64 - 1000).into_bytes(),
                2 => random.next().to_le_bytes().to_vec(),
                3 => vec![b'L'; 60 + random.below(10)],
                _ => format!("m{}", random.below(24)).into_bytes(),
            },
            "v" => match random.below(14) {
                0 => Vec::new(),
                1 => vec![b'x'; random.below(200)],
                2 => random.next().to_le_bytes()[..random.below(9)].to_vec(),
                3 => (random.next() as i64).to_string().into_bytes(),
                4 => format!("{}.5", random.below(100)).into_bytes(),
                5 => vec![b'z'; 2000],
                6 | 7 => format!("{}", random.below(300) as i64 - 20).into_bytes(),
                _ => format!("v{}", random.below(40)).into_bytes(),
            },
            "i" => match random.below(20) {
                0 => b"notanumber".to_vec(),
                1 => i64::MAX.to_string().into_bytes(),
                2 => i64::MIN.to_string().into_bytes(),
                3 => b"9223372036854775808".to_vec(),
                4 => b" 1".to_vec(),
                _ => format!("{}", random.below(40) as i64 - 10).into_bytes(),
            },
            "f" => random
                .one_of(&[
                    "0",
                    "1.5",
                    "-2.25",
                    "3",
                    "1e3",
                    "0.1",
                    "-0.1",
                    "nan",
                    "inf",
                    "x",
                    "10.0",
                    "1e-5",
                    "12345678.9",
                ])
                .as_bytes()
                .to_vec(),
            "s" => random
                .one_of(&[
                    "0", "1", "2", "3", "-1", "1.5", "2.25", "-0.5", "inf", "-inf", "1e10", "0.1",
                    "3.3", "17", "100", "x", "-0", "nan",
                ])
                .as_bytes()
                .to_vec(),
            "n" => match random.below(16) {
                0 => b"-1".to_vec(),
                1 => b"x".to_vec(),
                _ => random.below(8).to_string().into_bytes(),
            },
            "x" => match random.below(12) {
                0 => b"100000".to_vec(),
                1 => b"-100000".to_vec(),
                _ => format!("{}", random.below(14) as i64 - 6).into_bytes(),
            },
            "p" => random
                .one_of(&[
                    "*", "k*", "k?", "k[0-3]", "k[^0]", "\\k1", "nothing", "m1*", "*1", "m[1-3]?",
                ])
                .as_bytes()
                .to_vec(),
            "bit" => random
                .one_of(&["0", "1", "0", "1", "0", "1", "2", "x"])
                .as_bytes()
                .to_vec(),
            "at" => match random.below(20) {
                0 => b"-1".to_vec(),
                1 => b"4294967296".to_vec(),
                _ => random.below(300).to_string().into_bytes(),
            },
            "lex" => random
                .one_of(&[
                    "-", "+", "[m1", "(m1", "[m2", "[a", "(m9", "[m20", "[", "(", "m1", "[m5",
                ])
                .as_bytes()
                .to_vec(),
            "score" => random
                .one_of(&[
                    "-inf", "+inf", "inf", "0", "1", "(1", "(0", "2", "-1", "1.5", "(3.3", "x",
                    "(inf", "(-inf",
                ])
                .as_bytes()
                .to_vec(),
            // Ids that stand close together, so that many are known; now and then none, or a large one.
            "id" => match random.below(40) {
                0 => b"x-1".to_vec(),
                1 => b"0-0".to_vec(),
                2 => format!("{}-*", random.below(60)).into_bytes(),
                3 => b"18446744073709551615-18446744073709551614".to_vec(),
                4..10 => random.below(60).to_string().into_bytes(),
                _ => format!("{}-{}", random.below(60), random.below(4)).into_bytes(),
            },
            // The digest of the reference takes in each missing element: an index is never far.
            "ai" => match random.below(60) {
                0 => b"18446744073709551615".to_vec(),
                1 => b"x".to_vec(),
                2 => b"-1".to_vec(),
                3 => b"+7".to_vec(),
                4 | 5 => random.below(20_000).to_string().into_bytes(),
                6..12 => (4090 + random.below(12)).to_string().into_bytes(),
                _ => random.below(24).to_string().into_bytes(),
            },
            "av" => match random.below(9) {
                0 => (random.next() as i64 >> random.below(63))
                    .to_string()
                    .into_bytes(),
                1 => format!("{}.{}", random.below(3000) as i64 - 500, random.below(100))
                    .into_bytes(),
                2 => format!("{:?}", (random.next() as i32) as f64 / 1024.0).into_bytes(),
                3 => random
                    .one_of(&[
                        "inf",
                        "-inf",
                        "nan",
                        "0x1f",
                        "1e3",
                        "1e400",
                        "-0",
                        "-0.0",
                        ".5",
                        "5.",
                        "007",
                        "1e-7",
                        "9223372036854775808",
                        "2305843009213693952",
                        "100000000000000000000.0",
                    ])
                    .as_bytes()
                    .to_vec(),
                _ => format!("{}", random.below(300) as i64 - 100).into_bytes(),
            },
            "re" => random
                .one_of(&[
                    "^v",
                    "[0-9]+",
                    "v1|v2",
                    "(v)+3",
                    "\\d{2}",
                    "^$",
                    "V",
                    "z*",
                    "[[:alpha:]]1",
                    "(",
                    "[a",
                    "a{3,2}",
                    "\\",
                    "v.?",
                    "^[^v]",
                    "*",
                ])
                .as_bytes()
                .to_vec(),
            "" => b"$".to_vec(),
            "g" => format!("g{}", random.below(2)).into_bytes(),
            "c" => format!("c{}", random.below(3)).into_bytes(),
            "idend" => match random.below(4) {
                0 => random.one_of(&["-", "+"]).as_bytes().to_vec(),
                1 => format!("({}-{}", random.below(60), random.below(4)).into_bytes(),
                _ => random.below(60).to_string().into_bytes(),
            },
            "ms" => (4_000_000_000_000u64 + random.below(1_000_000) as u64)
                .to_string()
                .into_bytes(),
            other => panic!("no kind of value is called {other}"),
        }
    }
}

/// Parses up to `close` (or the end).
fn parse<'a>(words: &mut impl Iterator<Item = &'a str>, close: Option<&str>) -> Vec<Token> {
    let mut tokens = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "[" => tokens.push(Token::Optional(parse(words, Some("]")))),
            "(" => tokens.push(Token::Repeated(parse(words, Some(")+")))),
            word if Some(word) == close => return tokens,
            word => tokens.push(Token::Word(word.to_owned())),
        }
    }
    assert!(close.is_none(), "a group of the grammar is not closed");
    tokens
}
