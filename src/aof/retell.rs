//! The bytes of the replication stream that sealed batches tell, as the bytes of the file come.
//!
//! ```text
//! file:    #REPL:own  SELECT 1  #REPL:say ping   SET a 1    #FOREBAY:1 ... crc=
//! stream:                       ping             SET a 1    (checked: length, checksum, offset)
//! ```
//!
//!  * What is given is given before the seal behind it has been seen. Who may only use what is proven retells a batch
//!    twice, or keeps what was given until [`Retelling::is_proven`].
//!  * Memory is one line and the name of a command, whatever the file says: arguments are passed on as they come.
//!  * An offset that is not the one that was reached is an error, and so is anything that is not the exact form.

use super::history::Word;
use super::seal::{self, Checked, Seal, Sealer};
use memchr::memchr;
use std::fmt;

/// Servers read an annotation into a buffer of 1,024 bytes with a zero at its end.
const LINE_MAX: usize = 1023;
/// A mark, the digits of the largest number, and the line end.
const NUMBER_MAX: usize = 28;
/// The longest name that matters here: MULTI.
const NAME_MAX: u64 = 5;

/// Why a file cannot be retold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untold {
    /// No request and no annotation.
    Form(&'static str),
    /// A batch is not the one that was sealed.
    Damaged,
    /// The file says that its position is `said`, where `reached` was reached.
    Elsewhere {
        /// What the file says.
        said: u64,
        /// The position according to what was retold.
        reached: u64,
    },
}

impl fmt::Display for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Untold::Form(what) => write!(f, "{what}"),
            Untold::Damaged => f.write_str("a batch does not match its seal"),
            Untold::Elsewhere { said, reached } => {
                write!(f, "it says offset {said}, where {reached} was reached")
            }
        }
    }
}

impl std::error::Error for Untold {}

/// Retells batches, from a seal (or the start of a file) onwards.
#[derive(Clone, Debug)]
pub struct Retelling {
    /// Bytes of the stream before the next one.
    offset: u64,
    since_seal: Sealer,
    part: Part,
    /// The line that has begun.
    line: Vec<u8>,
    /// Arguments of the request that are still to come.
    args: u64,
    /// The start of its first argument, if that may be MULTI or EXEC.
    name: Vec<u8>,
    /// The request is part of the stream.
    told: bool,
    /// The next request or transaction is not part of the stream.
    own: bool,
    /// A transaction is open.
    open: bool,
    /// The last byte that was taken ended a seal.
    proven: bool,
}

/// Where in an item the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Between items.
    Start,
    /// In an annotation.
    Annotation,
    /// In the number of arguments.
    Count,
    /// In the length of an argument.
    Length,
    /// So many bytes before the end of an argument; it is the first one.
    Argument(u64, bool),
    /// So many bytes before the end of the line end behind an argument.
    LineEnd(u8),
}

impl Retelling {
    /// What follows a seal after which the stream was at `offset`.
    pub fn at(offset: u64) -> Retelling {
        Retelling {
            offset,
            since_seal: Sealer::new(),
            part: Part::Start,
            line: Vec::new(),
            args: 0,
            name: Vec::new(),
            told: false,
            own: false,
            open: false,
            proven: true,
        }
    }

    /// Bytes of the stream before the next one.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// All that was given is proven by a seal.
    pub fn is_proven(&self) -> bool {
        self.proven
    }

    /// Takes bytes of the file, and appends those of the stream. Adds at most about four times as many.
    ///
    /// # Errors
    /// Nothing more can be retold, and what was given since the last seal must not be used.
    pub fn take(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Untold> {
        while let Some(&first) = bytes.first() {
            let n = match self.part {
                Part::Start => {
                    self.begin(first)?;
                    continue;
                }
                Part::Annotation => self.annotation(bytes, out)?,
                Part::Count | Part::Length => self.number(bytes, out)?,
                Part::Argument(left, is_name) => self.argument(bytes, left, is_name, out),
                Part::LineEnd(left) => self.line_end(first, left, out)?,
            };
            bytes = &bytes[n..];
        }
        Ok(())
    }

    fn begin(&mut self, first: u8) -> Result<(), Untold> {
        self.line.clear();
        self.proven = false;
        self.part = match first {
            b'#' => Part::Annotation,
            b'*' => {
                self.name.clear();
                if !self.open {
                    self.told = !std::mem::take(&mut self.own);
                }
                Part::Count
            }
            _ => return Err(Untold::Form("neither a request nor an annotation")),
        };
        Ok(())
    }

    /// Bytes of a request.
    fn pass(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.since_seal.update(bytes);
        self.tell(bytes, out);
    }

    fn tell(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.told {
            out.extend_from_slice(bytes);
            self.offset += bytes.len() as u64;
        }
    }

    /// Adds bytes to the line. Returns how many, and whether it ends with them.
    fn extend_line(
        &mut self,
        bytes: &[u8],
        max: usize,
        what: &'static str,
    ) -> Result<(usize, bool), Untold> {
        let end = memchr(b'\n', bytes).map(|at| at + 1);
        let n = end.unwrap_or(bytes.len());
        if self.line.len() + n > max {
            return Err(Untold::Form(what));
        }
        self.line.extend_from_slice(&bytes[..n]);
        Ok((n, end.is_some()))
    }

    fn annotation(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, Untold> {
        let (n, ends) = self.extend_line(bytes, LINE_MAX, "an annotation that is too long")?;
        if ends {
            let line = std::mem::take(&mut self.line);
            let result = self.annotated(&line, out);
            self.line = line;
            self.part = Part::Start;
            result?;
        }
        Ok(n)
    }

    fn annotated(&mut self, whole: &[u8], out: &mut Vec<u8>) -> Result<(), Untold> {
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(seal::MARK) {
            let seal = Seal::parse(line).filter(|_| !self.open && !self.own);
            let seal = seal.ok_or(Untold::Form("a seal that is none, or where none can be"))?;
            if self.since_seal.check(line, &seal) != Checked::Sound {
                return Err(Untold::Damaged);
            }
            self.proven = true;
            // At the start of a file it seals nothing.
            return match seal.bytes {
                0 => Ok(()),
                _ => self.is_at(seal.offset),
            };
        }
        self.since_seal.update(whole);
        match Word::parse(line) {
            Some(Word::At(at)) => self.is_at(at.offset),
            Some(_) if self.open => Err(Untold::Form("a word inside a transaction")),
            Some(Word::Readers | Word::Reader(_)) => Ok(()),
            Some(Word::Own) => {
                self.own = true;
                Ok(())
            }
            Some(Word::Bytes(bytes)) => {
                self.told = true;
                self.tell(&bytes, out);
                Ok(())
            }
            // A time, or a word that we do not know.
            None => Ok(()),
        }
    }

    fn is_at(&self, said: u64) -> Result<(), Untold> {
        match self.offset {
            reached if reached == said => Ok(()),
            reached => Err(Untold::Elsewhere { said, reached }),
        }
    }

    fn number(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, Untold> {
        let (n, ends) = self.extend_line(bytes, NUMBER_MAX, "a number that is too long")?;
        if !ends {
            return Ok(n);
        }
        let line = std::mem::take(&mut self.line);
        let (mark, is_count) = match self.part {
            Part::Count => (b'*', true),
            _ => (b'$', false),
        };
        let number = number(&line, mark);
        self.pass(&line, out);
        self.line = line;
        self.line.clear();
        let number = number.ok_or(Untold::Form("no number where one has to be"))?;
        self.part = match is_count {
            true if number == 0 => return Err(Untold::Form("a request without arguments")),
            true => {
                self.args = number;
                Part::Length
            }
            // The first argument is the one for which no name was noted.
            false => {
                let is_name = self.name.is_empty() && (1..=NAME_MAX).contains(&number);
                if self.name.is_empty() && !is_name {
                    self.name.push(0);
                }
                self.part_of(number, is_name)
            }
        };
        Ok(n)
    }

    fn part_of(&self, left: u64, is_name: bool) -> Part {
        match left {
            0 => Part::LineEnd(2),
            left => Part::Argument(left, is_name),
        }
    }

    fn argument(&mut self, bytes: &[u8], left: u64, is_name: bool, out: &mut Vec<u8>) -> usize {
        let n = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let bytes = &bytes[..n];
        if is_name {
            self.name.extend_from_slice(bytes);
        }
        self.pass(bytes, out);
        self.part = self.part_of(left - n as u64, is_name);
        n
    }

    fn line_end(&mut self, byte: u8, left: u8, out: &mut Vec<u8>) -> Result<usize, Untold> {
        let right = if left == 2 { b'\r' } else { b'\n' };
        if byte != right {
            return Err(Untold::Form("no line end behind an argument"));
        }
        self.pass(&[byte], out);
        self.part = match left {
            2 => Part::LineEnd(1),
            _ => {
                self.args -= 1;
                match self.args {
                    0 => self.request_ends()?,
                    _ => Part::Length,
                }
            }
        };
        Ok(1)
    }

    fn request_ends(&mut self) -> Result<Part, Untold> {
        let (begins, ends) = (
            self.name.eq_ignore_ascii_case(b"multi"),
            self.name.eq_ignore_ascii_case(b"exec"),
        );
        if (begins && self.open) || (ends && !self.open) {
            return Err(Untold::Form("MULTI or EXEC where it cannot be"));
        }
        self.open = (self.open || begins) && !ends;
        Ok(Part::Start)
    }
}

/// The number on a line that begins with `mark`, digits only.
fn number(line: &[u8], mark: u8) -> Option<u64> {
    let digits = line.strip_prefix(&[mark])?.strip_suffix(b"\r\n")?;
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok()?;
    let number: u64 = plain.then(|| text.parse().ok())??;
    (number <= i64::MAX as u64).then_some(number)
}

#[cfg(test)]
mod tests;
