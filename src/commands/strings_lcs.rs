//! LCS: the longest common subsequence of two strings.

use crate::manual;
use engine::args::int_of;
use engine::spec::{Access, Command, Flags, Group, KeyUse, Keys};
use engine::{Args, CmdResult, CommandError, Cx};
use keyspace::ValueRef;
use std::ops::RangeInclusive;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "lcs",
    arity: -3,
    flags: Flags::READONLY,
    keys: Keys::TWO,
    uses: KeyUse::Each(Access::READ),
    group: Group::String,
    since: "7.0.0",
    complexity: "O(N*M) where N and M are the lengths of s1 and s2, respectively",
    summary: "Finds the longest common substring.",
    docs: &manual::strings::LCS,
    ..Command::growing(lcs)
}];

#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    with_match_len: bool,
    min_match_len: usize,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut words = args.options(3);
        while words.are_left() {
            if words.take("IDX") {
                options.idx = true;
            } else if words.take("LEN") {
                options.len = true;
            } else if words.take("WITHMATCHLEN") {
                options.with_match_len = true;
            } else if let Some(least) = words.take_value("MINMATCHLEN") {
                options.min_match_len = int_of(least)?.max(0) as usize;
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        if options.idx && options.len {
            return Err(CommandError::fixed(
                &"ERR If you want both the length and indexes, please just use IDX.",
            ));
        }
        Ok(options)
    }
}

/// A run of bytes that both strings share.
struct Match {
    a: RangeInclusive<usize>,
    b: RangeInclusive<usize>,
}

impl Match {
    fn len(&self) -> usize {
        self.a.end() - self.a.start() + 1
    }
}

fn lcs(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let a = string(cx, &args[1])?;
    let b = string(cx, &args[2])?;
    let options = Options::parse(args)?;
    let cells = (a.len() as u128 + 1) * (b.len() as u128 + 1);
    if cells * size_of::<u32>() as u128 > cx.engine.config.proto_max_bulk_len as u128 {
        return Err(CommandError::fixed(
            &"ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    let table = Table::new(&a, &b);
    let reply = &mut cx.client.reply;
    if options.len {
        reply.int(table.at(a.len(), b.len()).into());
        return Ok(());
    }
    let (text, matches) = table.walk_back(&a, &b);
    if !options.idx {
        reply.bulk(&text);
        return Ok(());
    }
    let long_enough = |m: &&Match| options.min_match_len == 0 || m.len() >= options.min_match_len;
    let shown: Vec<_> = matches.iter().filter(long_enough).collect();
    reply.map(2);
    reply.bulk_str("matches");
    reply.array(shown.len());
    for m in shown {
        reply.array(2 + usize::from(options.with_match_len));
        for range in [&m.a, &m.b] {
            reply.array(2);
            reply.int(*range.start() as i64);
            reply.int(*range.end() as i64);
        }
        if options.with_match_len {
            reply.int(m.len() as i64);
        }
    }
    reply.bulk_str("len");
    reply.int(text.len() as i64);
    Ok(())
}

fn string(cx: &mut Cx<'_>, key: &[u8]) -> Result<Vec<u8>, CommandError> {
    match cx.lookup(key).map(|loc| cx.value(loc)) {
        None => Ok(Vec::new()),
        Some(ValueRef::Str(s)) => Ok(s.bytes().into_owned()),
        Some(_) => Err(CommandError::fixed(
            &"ERR The specified keys must contain string values",
        )),
    }
}

/// Length of the longest common subsequence of each pair of prefixes.
struct Table {
    cells: Vec<u32>,
    width: usize,
}

impl Table {
    fn new(a: &[u8], b: &[u8]) -> Self {
        let width = b.len() + 1;
        let mut cells = vec![0u32; (a.len() + 1) * width];
        for (i, x) in a.iter().enumerate() {
            let (above, row) = cells[i * width..(i + 2) * width].split_at_mut(width);
            for (j, y) in b.iter().enumerate() {
                row[j + 1] = if x == y {
                    above[j] + 1
                } else {
                    row[j].max(above[j + 1])
                };
            }
        }
        Table { cells, width }
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells[i * self.width + j]
    }

    /// The subsequence, and the runs that make it, last one first.
    fn walk_back(&self, a: &[u8], b: &[u8]) -> (Vec<u8>, Vec<Match>) {
        let (mut i, mut j) = (a.len(), b.len());
        let mut text = Vec::with_capacity(self.at(i, j) as usize);
        let mut matches: Vec<Match> = Vec::new();
        let mut in_run = false;
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                text.push(a[i]);
                match matches.last_mut().filter(|_| in_run) {
                    Some(run) => {
                        run.a = i..=*run.a.end();
                        run.b = j..=*run.b.end();
                    }
                    None => matches.push(Match { a: i..=i, b: j..=j }),
                }
                in_run = true;
            } else {
                if self.at(i - 1, j) > self.at(i, j - 1) {
                    i -= 1;
                } else {
                    j -= 1;
                }
                in_run = false;
            }
        }
        text.reverse();
        (text, matches)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn the_common_subsequence_comes_as_text_length_or_runs() {
        check(&[
            ("MSET a ohmytext b mynewtext", "+OK"),
            ("LCS a b", "\"mytext\""),
            ("LCS a b LEN", ":6"),
            (
                "LCS a b IDX",
                "[\"matches\", [[[:4, :7], [:5, :8]], [[:2, :3], [:0, :1]]], \"len\", :6]",
            ),
            (
                "LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN",
                "[\"matches\", [[[:4, :7], [:5, :8], :4]], \"len\", :6]",
            ),
            ("LCS a none", "\"\""),
            (
                "LCS a b LEN IDX",
                "-ERR If you want both the length and indexes, please just use IDX.",
            ),
            ("LCS a b MINMATCHLEN", "-ERR syntax error"),
        ]);
    }
}
