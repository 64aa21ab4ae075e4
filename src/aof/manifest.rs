//! The manifest: a line for each file of the log.
//!
//! ```text
//! file appendonly.aof.3.base.rdb seq 3 type b
//! file appendonly.aof.3.incr.aof seq 3 type i startoffset 6 endoffset 7
//! ```
//!
//! Read exactly as real servers read it: names may be quoted, the order of the pairs is free, pairs with unknown
//! names are skipped, and numbers are parsed as by C's `atoll`.

use resp::words::split_words;
use std::fmt;
use std::io::Write;

/// The longest line, with its line end.
const LINE_MAX: usize = 1024;

/// What a file is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The dataset at the start of the first increment.
    Base,
    /// No longer needed, and to be removed.
    History,
    /// What was written after the file before it.
    Increment,
}

/// One file of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name in the directory of the manifest.
    pub name: Vec<u8>,
    /// Its number.
    pub seq: i64,
    /// What it is.
    pub kind: Kind,
    /// The replication offset at its start; Redis 8 writes it.
    pub start: Option<i64>,
    /// The replication offset at its end, if it was closed.
    pub end: Option<i64>,
}

/// All files of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The base. A log may be without one.
    pub base: Option<File>,
    /// Files to be removed.
    pub history: Vec<File>,
    /// In the order in which they were written.
    pub increments: Vec<File>,
}

/// A manifest that no server would start with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// The number of its line; 0 for a file without lines.
    pub line: usize,
    /// The line.
    pub text: Vec<u8>,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// What is wrong with a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It has no lines.
    Empty,
    /// A line has no end within the length that servers read.
    LongLine,
    /// A line does not say which file, number and type.
    Form,
    /// A file in another directory.
    Path,
    /// Two bases.
    SecondBase,
    /// Increments out of order.
    Order,
    /// An unknown type.
    UnknownType,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wrong::Empty => "Found an empty AOF manifest",
            Wrong::LongLine => "The AOF manifest file contains too long line",
            Wrong::Form => "Invalid AOF manifest file format",
            Wrong::Path => "File can't be a path, just a filename",
            Wrong::SecondBase => "Found duplicate base file information",
            Wrong::Order => "Found a non-monotonic sequence number",
            Wrong::UnknownType => "Unknown AOF file type",
        })
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => self.wrong.fmt(f),
            line => {
                let text = self.text.trim_ascii().escape_ascii();
                write!(f, "{} (line {line}: '{text}')", self.wrong)
            }
        }
    }
}

impl std::error::Error for ManifestError {}

impl Manifest {
    /// That of a single file of an older server, which becomes the base under its own name.
    pub fn of_single(filename: &str) -> Manifest {
        Manifest {
            base: Some(File {
                name: filename.as_bytes().to_vec(),
                seq: 1,
                kind: Kind::Base,
                start: None,
                end: None,
            }),
            ..Manifest::default()
        }
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// The first line that real servers refuse.
    pub fn parse(bytes: &[u8]) -> Result<Manifest, ManifestError> {
        let mut manifest = Manifest::default();
        let (mut rest, mut number) = (bytes, 0);
        while !rest.is_empty() {
            let seen = &rest[..rest.len().min(LINE_MAX)];
            let end = memchr::memchr(b'\n', seen).map(|at| at + 1);
            let text = &rest[..end.unwrap_or(seen.len())];
            rest = &rest[text.len()..];
            number += 1;
            if text[0] == b'#' {
                continue;
            }
            let added = match end {
                // A zero ends a line for those who read it as a string.
                Some(_) if !text.contains(&0) => manifest.add(text),
                _ => Err(Wrong::LongLine),
            };
            added.map_err(|wrong| ManifestError {
                line: number,
                text: text.to_vec(),
                wrong,
            })?;
        }
        match number {
            0 => Err(ManifestError {
                line: 0,
                text: Vec::new(),
                wrong: Wrong::Empty,
            }),
            _ => Ok(manifest),
        }
    }

    fn add(&mut self, line: &[u8]) -> Result<(), Wrong> {
        let words = split_words(line).ok_or(Wrong::Form)?;
        if words.len() < 6 || words.len() % 2 == 1 {
            return Err(Wrong::Form);
        }
        let (mut name, mut seq, mut kind) = (None, 0, None);
        let (mut start, mut end) = (None, None);
        for pair in words.chunks_exact(2) {
            let [what, value] = pair else { continue };
            match &what.to_ascii_lowercase()[..] {
                b"file" if value.contains(&b'/') || value.contains(&b'\\') => {
                    return Err(Wrong::Path);
                }
                b"file" => name = Some(value),
                b"seq" => seq = atoll(value),
                b"type" => kind = value.first().copied().filter(|kind| *kind != 0),
                b"startoffset" => start = Some(atoll(value)),
                b"endoffset" => end = Some(atoll(value)),
                _ => {}
            }
        }
        let (Some(name), true, Some(kind)) = (name, seq != 0, kind) else {
            return Err(Wrong::Form);
        };
        let file = |kind| File {
            name: name.clone(),
            seq,
            kind,
            start,
            end,
        };
        match kind {
            b'b' if self.base.is_some() => return Err(Wrong::SecondBase),
            b'b' => self.base = Some(file(Kind::Base)),
            b'h' => self.history.push(file(Kind::History)),
            b'i' if seq <= self.increments.last().map_or(0, |last| last.seq) => {
                return Err(Wrong::Order);
            }
            b'i' => self.increments.push(file(Kind::Increment)),
            _ => return Err(Wrong::UnknownType),
        }
        Ok(())
    }

    /// The files that hold the dataset, in the order in which they are read.
    pub fn files(&self) -> impl DoubleEndedIterator<Item = &File> {
        self.base.iter().chain(&self.increments)
    }

    /// True without a file that holds data.
    pub fn is_empty(&self) -> bool {
        self.files().next().is_none()
    }

    /// As real servers write it.
    ///
    /// # Errors
    /// A line would be longer than it may be when it is read: quoting makes odd names four times as long.
    pub fn print(&self) -> Result<Vec<u8>, ManifestError> {
        let mut out = Vec::new();
        let files = self.base.iter().chain(&self.history);
        for (number, file) in (1..).zip(files.chain(&self.increments)) {
            let start = out.len();
            file.print(&mut out).expect("a vector takes everything");
            if out.len() - start > LINE_MAX {
                return Err(ManifestError {
                    line: number,
                    text: out.split_off(start),
                    wrong: Wrong::LongLine,
                });
            }
        }
        Ok(out)
    }
}

impl File {
    fn print(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        out.extend_from_slice(b"file ");
        print_name(&self.name, out);
        let kind = match self.kind {
            Kind::Base => 'b',
            Kind::History => 'h',
            Kind::Increment => 'i',
        };
        write!(out, " seq {} type {kind}", self.seq)?;
        if let Some(start) = self.start {
            write!(out, " startoffset {start}")?;
        }
        if let Some(end) = self.end {
            write!(out, " endoffset {end}")?;
        }
        out.push(b'\n');
        Ok(())
    }
}

/// A name, in quotes where it would not be read as one word.
fn print_name(name: &[u8], out: &mut Vec<u8>) {
    let plain = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\');
    if !name.is_empty() && name.iter().all(plain) {
        return out.extend_from_slice(name);
    }
    out.push(b'"');
    for &b in name {
        match b {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', b]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(b),
            _ => write!(out, "\\x{b:02x}").expect("a vector takes everything"),
        }
    }
    out.push(b'"');
}

/// A number as C reads it: spaces, a sign, digits as far as there are any; the nearest number that can be held.
fn atoll(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|b| b.is_ascii_digit());
    digits.fold(0i64, |n, digit| {
        let (n, digit) = (n.saturating_mul(10), i64::from(digit - b'0'));
        match negative {
            true => n.saturating_sub(digit),
            false => n.saturating_add(digit),
        }
    })
}

#[cfg(test)]
mod tests;
