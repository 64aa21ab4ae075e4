//! What is measured: the tables in `cases/*.txt`, read into blocks of commands.
//!
//! A table has one statement a line:
//!
//! | line | means |
//! |---|---|
//! | `@ group 10 1000 ...` | a block: its cases run on a dataset of each of these sizes |
//! | `+ commands` | part of the dataset: repeated until each has named `n` elements |
//! | `! commands` | part of the dataset: run once |
//! | `= commands` | run once by each server after the block, to undo what `!` has set |
//! | `commands` | a case: all of them together are one operation |
//! | `[most] commands` | a case on a fresh dataset in each round, of at most `most` operations |
//! | `~ name ...: reason` | commands that are not measured, and why |
//! | `# words` | nothing |
//!
//! Several commands of a line stand apart by ` ; `, arguments are quoted as for redis-cli. Within arguments:
//!
//! | word | is |
//! |---|---|
//! | `{n}`, `{n-1}`, `{n/2}`, `{n*8}`, `{n+1}` | the size of the block, or a figure from it |
//! | `{i}` | how many elements or operations were named before |
//! | `{r}` | a number below `n`, one for each operation |
//! | `{s}` | a number below `n`, another each time |
//! | `{d}` | a number with 16 digits behind the point |
//! | `{lon}`, `{lat}` | a place |
//! | `{*100}`, `{*n}` | so many bytes |
//! | `<10 words >` | the arguments between, ten times; `<* words >` in `+` lines: as often as there are elements, in parts |

use super::words;

/// One table's worth of cases on the same dataset.
pub struct Block {
    /// What the rows are called first.
    pub group: String,
    /// The sizes.
    pub sizes: Vec<usize>,
    /// Run until they have named as many elements as the size.
    pub fill: Vec<Request>,
    /// Run once, after `fill`.
    pub before: Vec<Request>,
    /// Run once, after the last case.
    pub after: Vec<Request>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One operation that is measured.
pub struct Case {
    /// The line of the table: the name of the row.
    pub text: String,
    /// Its commands.
    pub requests: Vec<Request>,
    /// It runs on a fresh dataset, and so many times at most.
    pub most: Option<Amount>,
}

/// One command with blanks to fill in.
pub struct Request(Vec<Part>);

enum Part {
    Argument(Vec<Piece>),
    Repeat(Amount, Vec<Vec<Piece>>),
    /// As often as elements are wanted, at most [`PER_FILL`] times.
    RepeatForFill(Vec<Vec<Piece>>),
}

/// Elements that one command of a filling brings at most.
const PER_FILL: usize = 250;

enum Piece {
    Text(Vec<u8>),
    Filler(Amount),
    Size(Amount),
    Counter,
    PerOperation,
    Fresh,
    Double,
    Longitude,
    Latitude,
}

/// A figure that depends on the size.
#[derive(Clone, Copy)]
pub struct Amount {
    of_size: bool,
    operator: char,
    by: usize,
}

impl Amount {
    fn parse(text: &str) -> Option<Amount> {
        let fixed = |by| Amount {
            of_size: false,
            operator: '+',
            by,
        };
        if let Ok(by) = text.parse() {
            return Some(fixed(by));
        }
        let rest = text.strip_prefix('n')?;
        let mut letters = rest.chars();
        let amount = |operator, by| Amount {
            of_size: true,
            operator,
            by,
        };
        match letters.next() {
            None => Some(amount('+', 0)),
            Some(operator @ ('+' | '-' | '*' | '/')) => {
                Some(amount(operator, letters.as_str().parse().ok()?))
            }
            Some(_) => None,
        }
    }

    /// The figure for a size.
    pub fn at(self, size: usize) -> usize {
        let size = if self.of_size { size } else { 0 };
        match self.operator {
            '-' => size.saturating_sub(self.by),
            '*' => size * self.by,
            '/' => size / self.by,
            _ => size + self.by,
        }
    }
}

/// What fills the blanks: the same numbers for each server.
#[derive(Clone)]
pub struct Draw {
    /// The size of the block.
    pub size: usize,
    /// Elements or operations named so far.
    pub counter: usize,
    per_operation: usize,
    state: u64,
}

impl Draw {
    /// The numbers of `seed`.
    pub fn new(size: usize, seed: u64) -> Draw {
        let mut draw = Draw {
            size,
            counter: 0,
            per_operation: 0,
            state: seed,
        };
        draw.next_operation();
        draw.counter = 0;
        draw
    }

    /// Goes on to the next operation.
    pub fn next_operation(&mut self) {
        self.counter += 1;
        self.per_operation = self.below_size();
    }

    fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below_size(&mut self) -> usize {
        (self.bits() % self.size.max(1) as u64) as usize
    }

    fn unit(&mut self) -> f64 {
        self.bits() as f64 / u64::MAX as f64
    }
}

impl Request {
    /// Its words as the table has them: the name of the command first.
    pub fn name(&self) -> Vec<String> {
        let plain = |part: &Part| match part {
            Part::Argument(pieces) => match &pieces[..] {
                [Piece::Text(text)] => String::from_utf8_lossy(text).to_lowercase(),
                _ => String::new(),
            },
            _ => String::new(),
        };
        self.0.iter().take(2).map(plain).collect()
    }

    /// Appends the command with its blanks filled in; `wanted` elements are still to be named by a filling.
    pub fn write(&self, draw: &mut Draw, wanted: usize, out: &mut Vec<u8>) {
        let (mut words, mut count) = (Vec::new(), 0);
        let mut word = |pieces: &[Piece], draw: &mut Draw| {
            let argument: Vec<u8> = pieces.iter().flat_map(|piece| piece.shown(draw)).collect();
            words.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            words.extend_from_slice(&argument);
            words.extend_from_slice(b"\r\n");
            count += 1;
        };
        for part in &self.0 {
            let (times, arguments) = match part {
                Part::Argument(pieces) => {
                    word(pieces, draw);
                    continue;
                }
                Part::Repeat(times, arguments) => (times.at(draw.size), arguments),
                Part::RepeatForFill(arguments) => (wanted.min(PER_FILL), arguments),
            };
            for time in 0..times {
                if time > 0 {
                    draw.counter += 1;
                }
                arguments.iter().for_each(|pieces| word(pieces, draw));
            }
        }
        out.extend_from_slice(format!("*{count}\r\n").as_bytes());
        out.append(&mut words);
    }

    fn parse(words: &[Vec<u8>]) -> Option<Request> {
        let (mut parts, mut repeated) = (Vec::new(), None);
        for word in words {
            let text = std::str::from_utf8(word).unwrap_or("\0");
            match (text.strip_prefix('<'), &mut repeated) {
                (Some("*"), None) => repeated = Some((None, Vec::new())),
                (Some(times), None) => repeated = Some((Some(Amount::parse(times)?), Vec::new())),
                (_, Some(_)) if text == ">" => {
                    parts.push(match repeated.take()? {
                        (Some(times), arguments) => Part::Repeat(times, arguments),
                        (None, arguments) => Part::RepeatForFill(arguments),
                    });
                }
                (_, Some((_, arguments))) => arguments.push(pieces(word)),
                (_, None) => parts.push(Part::Argument(pieces(word))),
            }
        }
        (repeated.is_none() && !parts.is_empty()).then_some(Request(parts))
    }
}

impl Piece {
    fn shown(&self, draw: &mut Draw) -> Vec<u8> {
        let text = match self {
            Piece::Text(text) => return text.clone(),
            Piece::Filler(amount) => {
                let letters = b"The quick brown fox jumps over the lazy dog. ".iter();
                return letters
                    .cycle()
                    .take(amount.at(draw.size))
                    .copied()
                    .collect();
            }
            Piece::Size(amount) => amount.at(draw.size).to_string(),
            Piece::Counter => draw.counter.to_string(),
            Piece::PerOperation => draw.per_operation.to_string(),
            Piece::Fresh => draw.below_size().to_string(),
            Piece::Double => format!("{:.16}", draw.unit()),
            Piece::Longitude => format!("{:.6}", draw.unit() * 10.0 + 5.0),
            Piece::Latitude => format!("{:.6}", draw.unit() * 10.0 + 45.0),
        };
        text.into_bytes()
    }
}

fn pieces(word: &[u8]) -> Vec<Piece> {
    let (mut found, mut rest) = (Vec::new(), word);
    let mut text = Vec::new();
    while let Some((&first, behind)) = rest.split_first() {
        let end = rest.iter().position(|&b| b == b'}').unwrap_or(0);
        let blank = (first == b'{').then(|| std::str::from_utf8(&rest[1..end.max(1)]).ok());
        let Some(piece) = blank.flatten().and_then(piece) else {
            text.push(first);
            rest = behind;
            continue;
        };
        if !text.is_empty() {
            found.push(Piece::Text(std::mem::take(&mut text)));
        }
        found.push(piece);
        rest = &rest[end + 1..];
    }
    if !text.is_empty() || found.is_empty() {
        found.push(Piece::Text(text));
    }
    found
}

fn piece(blank: &str) -> Option<Piece> {
    Some(match blank {
        "i" => Piece::Counter,
        "r" => Piece::PerOperation,
        "s" => Piece::Fresh,
        "d" => Piece::Double,
        "lon" => Piece::Longitude,
        "lat" => Piece::Latitude,
        _ => match blank.strip_prefix('*') {
            Some(bytes) => Piece::Filler(Amount::parse(bytes)?),
            None => Piece::Size(Amount::parse(blank).filter(|amount| amount.of_size)?),
        },
    })
}

/// The tables.
const TABLES: [(&str, &str); 11] = [
    ("strings", include_str!("cases/strings.txt")),
    ("lists", include_str!("cases/lists.txt")),
    ("sets", include_str!("cases/sets.txt")),
    ("hashes", include_str!("cases/hashes.txt")),
    ("zsets", include_str!("cases/zsets.txt")),
    ("streams", include_str!("cases/streams.txt")),
    ("arrays", include_str!("cases/arrays.txt")),
    ("keys", include_str!("cases/keys.txt")),
    ("server", include_str!("cases/server.txt")),
    ("options", include_str!("cases/options.txt")),
    ("further", include_str!("cases/further.txt")),
];

/// All blocks, and the commands that are not measured.
///
/// # Panics
/// When a table has a line that means nothing.
pub fn all() -> (Vec<Block>, Vec<String>) {
    let (mut blocks, mut skipped) = (Vec::new(), Vec::new());
    for (table, text) in TABLES {
        for (number, line) in text.lines().enumerate() {
            read(line.trim(), &mut blocks, &mut skipped)
                .unwrap_or_else(|| panic!("{table}.txt:{}: {line}", number + 1));
        }
    }
    (blocks, skipped)
}

fn read(line: &str, blocks: &mut Vec<Block>, skipped: &mut Vec<String>) -> Option<()> {
    let mut letters = line.chars();
    let first = letters.next();
    let rest = letters.as_str();
    match first {
        None | Some('#') => {}
        Some('@') => {
            let mut words = rest.split_whitespace();
            blocks.push(Block {
                group: words.next()?.to_owned(),
                sizes: words.map(|word| word.parse().ok()).collect::<Option<_>>()?,
                fill: Vec::new(),
                before: Vec::new(),
                after: Vec::new(),
                cases: Vec::new(),
            });
        }
        Some('~') => {
            let (names, reason) = rest.split_once(": ")?;
            if reason.trim().is_empty() {
                return None;
            }
            skipped.extend(names.split_whitespace().map(str::to_owned));
        }
        Some('+') => blocks.last_mut()?.fill.extend(requests(rest)?),
        Some('!') => blocks.last_mut()?.before.extend(requests(rest)?),
        Some('=') => blocks.last_mut()?.after.extend(requests(rest)?),
        Some('[') => {
            let (most, commands) = rest.split_once("] ")?;
            blocks.last_mut()?.cases.push(Case {
                text: commands.to_owned(),
                requests: requests(commands)?,
                most: Some(Amount::parse(most)?),
            });
        }
        Some(_) => blocks.last_mut()?.cases.push(Case {
            text: line.to_owned(),
            requests: requests(line)?,
            most: None,
        }),
    }
    Some(())
}

fn requests(line: &str) -> Option<Vec<Request>> {
    let words = words::split(line)?;
    let commands = words.split(|word| word == b";");
    commands.map(Request::parse).collect()
}
