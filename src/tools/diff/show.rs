//! Differences as text and as JSON Lines.
//!
//! ```text
//! - db0 cart:17 (hash, 3)             only in A
//! + db0 cart:18 (list, 2)             only in B
//! ~ db0 user:1 (hash)                 in both
//!     name: Ada -> Grace
//! ```

use super::entry::Entry;
use super::parts::{Part, differing, take_apart};
use super::{Counts, Listed, Options};
use crate::json_text::Json;
use crate::text::{count, plural, printable};
use std::io::{self, Write};

/// Characters of a part that are shown as text.
const SHOWN: usize = 60;
/// Bytes of equal text shown before the first byte that differs.
const BEFORE: usize = 12;

/// How to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For eyes.
    Text,
    /// One object a line.
    Json,
}

/// Tells differences one by one.
pub struct Printer<'p> {
    options: &'p Options,
    sides: [&'p Listed; 2],
    out: &'p mut dyn Write,
    /// Function libraries that are not on both sides alike.
    pub functions_differ: u64,
}

impl<'p> Printer<'p> {
    /// Writes to `out`.
    pub fn new(options: &'p Options, sides: [&'p Listed; 2], out: &'p mut dyn Write) -> Self {
        Printer {
            options,
            sides,
            out,
            functions_differ: 0,
        }
    }

    /// A key of A, of B, or of both with other values.
    pub fn key(&mut self, a: Option<Entry<'_>>, b: Option<Entry<'_>>) -> io::Result<()> {
        match (a, b) {
            (Some(a), Some(b)) => self.changed(a, b),
            (Some(a), None) => self.only("removed", '-', a),
            (None, Some(b)) => self.only("added", '+', b),
            (None, None) => Ok(()),
        }
    }

    fn only(&mut self, change: &str, sign: char, of: Entry<'_>) -> io::Result<()> {
        match self.options.form {
            Form::Text => writeln!(
                self.out,
                "{sign} db{} {} ({}, {})",
                of.db,
                printable(of.key, 200),
                of.kind,
                count(of.elements)
            ),
            Form::Json => self.line(change, &of, |j| {
                j.name("elements").int(of.elements);
                if let Some(time) = of.expire_ms {
                    j.name("expire_ms").int(time);
                }
            }),
        }
    }

    fn line(
        &mut self,
        change: &str,
        of: &Entry<'_>,
        more: impl FnOnce(&mut Json),
    ) -> io::Result<()> {
        let mut json = Json::new();
        json.object(|j| {
            j.name("change").text(change);
            j.name("db").int(of.db);
            j.name("key").bytes(of.key);
            j.name("type").text(of.kind);
            more(j);
        });
        json.end_line();
        self.out.write_all(json.as_bytes())
    }

    fn changed(&mut self, a: Entry<'_>, b: Entry<'_>) -> io::Result<()> {
        let expiry = !self.options.ignore_expiry && a.expire_ms != b.expire_ms;
        let parts = match (a.kind == b.kind, a.fingerprint == b.fingerprint) {
            (true, false) => self.parts(&a, &b),
            _ => Ok(Vec::new()),
        };
        if self.options.form == Form::Json {
            let parts_max = self.options.parts_max;
            return self.line("changed", &a, |j| {
                if a.kind != b.kind {
                    j.name("new_type").text(b.kind);
                }
                if expiry {
                    let time = |j: &mut Json, t: Option<i64>| match t {
                        Some(t) => j.int(t),
                        None => j.null(),
                    };
                    j.name("expire_ms").array(|j| {
                        time(j, a.expire_ms);
                        time(j, b.expire_ms);
                    });
                }
                match &parts {
                    Ok(parts) => {
                        j.name("parts_total").int(parts.len());
                        j.name("parts").array(|j| {
                            for part in parts.iter().take(parts_max) {
                                j.object(|j| part_json(j, part));
                            }
                        });
                    }
                    Err(why) => j.name("parts_unknown").text(why),
                }
            });
        }
        let key = printable(a.key, 200);
        match a.kind == b.kind {
            true => writeln!(self.out, "~ db{} {key} ({})", a.db, a.kind)?,
            false => writeln!(
                self.out,
                "~ db{} {key} ({}, {} -> {}, {})",
                a.db,
                a.kind,
                count(a.elements),
                b.kind,
                count(b.elements)
            )?,
        }
        if expiry {
            let time = |t: Option<i64>| t.map_or("never".into(), |t| format!("{t} ms"));
            let (old, new) = (time(a.expire_ms), time(b.expire_ms));
            writeln!(self.out, "    expires: {old} -> {new}")?;
        }
        match parts {
            Err(why) => writeln!(self.out, "    (cannot say where: {why})"),
            Ok(parts) => {
                let shown = &parts[..parts.len().min(self.options.parts_max)];
                for part in shown {
                    self.part(part, a.kind)?;
                }
                match parts.len() - shown.len() {
                    0 => Ok(()),
                    more => writeln!(self.out, "    ... and {} more", count(more as u64)),
                }
            }
        }
    }

    fn parts(&self, a: &Entry<'_>, b: &Entry<'_>) -> Result<Vec<Part>, String> {
        let [left, right] = self.sides;
        let old = take_apart(&left.file, a.place, &left.context)?;
        let new = take_apart(&right.file, b.place, &right.context)?;
        Ok(differing(old, new))
    }

    fn part(&mut self, part: &Part, kind: &str) -> io::Result<()> {
        if let (Some(a), Some(b)) = (&part.a, &part.b) {
            let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
            let skip = same.saturating_sub(BEFORE);
            let dots = if skip > 0 { "..." } else { "" };
            let (old, new) = (printable(&a[skip..], SHOWN), printable(&b[skip..], SHOWN));
            return match kind {
                "string" => writeln!(
                    self.out,
                    "    from byte {same} of {} / {}: {dots}{old} -> {dots}{new}",
                    count(a.len() as u64),
                    count(b.len() as u64)
                ),
                _ => writeln!(
                    self.out,
                    "    {}: {dots}{old} -> {dots}{new}",
                    name_of(part, kind)
                ),
            };
        }
        let (sign, value) = match (&part.a, &part.b) {
            (Some(a), _) => ('-', a),
            (_, Some(b)) => ('+', b),
            _ => return Ok(()),
        };
        match value.is_empty() && kind == "set" {
            true => writeln!(self.out, "    {sign} {}", name_of(part, kind)),
            false => writeln!(
                self.out,
                "    {sign} {}: {}",
                name_of(part, kind),
                printable(value, SHOWN)
            ),
        }
    }

    /// Function libraries that are not on both sides alike. A live server that was scanned has none to show.
    pub fn functions(&mut self) -> io::Result<()> {
        let [a, b] = self.sides;
        if a.scanned || b.scanned {
            return Ok(());
        }
        let names = a.functions.keys().chain(b.functions.keys());
        let names: std::collections::BTreeSet<&Vec<u8>> = names.collect();
        for name in names {
            let (old, new) = (a.functions.get(name), b.functions.get(name));
            if old == new {
                continue;
            }
            self.functions_differ += 1;
            let (change, sign) = match (old, new) {
                (Some(_), None) => ("removed", '-'),
                (None, _) => ("added", '+'),
                _ => ("changed", '~'),
            };
            let name_shown = printable(name, 200);
            match self.options.form {
                _ if self.options.summary => {}
                Form::Text => writeln!(self.out, "{sign} function library {name_shown}")?,
                Form::Json => {
                    let mut json = Json::new();
                    json.object(|j| {
                        j.name("change").text(change);
                        j.name("function_library").bytes(name);
                    });
                    json.end_line();
                    self.out.write_all(json.as_bytes())?;
                }
            }
        }
        Ok(())
    }

    /// The last line.
    pub fn summary(&mut self, counts: &Counts) -> io::Result<()> {
        let [a, b] = self.sides;
        match self.options.form {
            Form::Text => writeln!(
                self.out,
                "{}: {}; {}: {}; only in the first {}, only in the second {}, changed {}",
                a.name,
                plural(counts.a, "key"),
                b.name,
                plural(counts.b, "key"),
                count(counts.removed),
                count(counts.added),
                count(counts.changed)
            ),
            Form::Json => {
                let mut json = Json::new();
                json.object(|j| {
                    j.name("summary").object(|j| {
                        j.name("a").text(&a.name);
                        j.name("b").text(&b.name);
                        j.name("a_keys").int(counts.a);
                        j.name("b_keys").int(counts.b);
                        j.name("removed").int(counts.removed);
                        j.name("added").int(counts.added);
                        j.name("changed").int(counts.changed);
                    });
                });
                json.end_line();
                self.out.write_all(json.as_bytes())
            }
        }?;
        self.out.flush()
    }
}

fn part_json(j: &mut Json, part: &Part) {
    j.name("at").bytes(&part.at);
    for (name, value) in [("a", &part.a), ("b", &part.b)] {
        match value {
            Some(value) => j.name(name).bytes(value),
            None => j.name(name).null(),
        }
    }
}

/// An index without the zeros that keep the order.
fn name_of(part: &Part, kind: &str) -> String {
    let text = printable(&part.at, SHOWN);
    match kind {
        "list" | "array" => format!("[{}]", text.parse::<u64>().unwrap_or_default()),
        _ => text,
    }
}
