//! Command scripts: text files, one command a line as typed into redis-cli.
//!
//! ```text
//! # a comment
//! == lists keep their order        a section: fresh connections, empty databases; at its end the
//!                                  datasets (DEBUG DIGEST) and replication streams are compared
//! =~ random members                the same, streams not compared (chance decides what is sent)
//! =+ errors of later releases      the same, and what the oldest reference says does not count
//! RPUSH l a b                      replies equal to the byte (sets, hashes, times: see `Rule::of`)
//! ~ SORT s BY nosort               elements in any order
//! % CONFIG GET save                pairs in any order
//! ? RANDOMKEY                      same kind and number of elements
//! ^ OBJECT IDLETIME l              integers roughly equal
//! ! CLIENT ID                      run on both, not compared
//! b: SUBSCRIBE ch                  on a second connection (any letter)
//! b> BLPOP l 0                     sent on b; the reply is not read
//! b<                               one reply or push is read from b and compared
//! b< ~ 2                           two of them, in any order
//! @blocked 1                       wait until that many clients are blocked
//! @gone key                        wait until the key has expired
//! @scan SSCAN s {cursor} COUNT 3   follow the cursor to its end; all elements, without order
//! @info clients blocked_clients    the named fields of an INFO section are equal
//! @fields memory                   the subject's INFO section has every field of the reference's
//! ```
//!
//! `{id:b}` as a word stands for the number of connection b (which is asked for it).
//! `{N*text}` in a word stands for N times text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::compare::Rule;
use crate::panel::Panel;
use crate::side::{Command, Protocol};
use crate::support::client::Client;
use crate::support::resp::Value;
use crate::support::words;

/// Runs the script of a family; every line that differs is shown.
///
/// # Panics
/// When replies, datasets or streams differ.
pub fn run(family: &str, protocol: Protocol) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/compat/scripts/{family}.txt"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let Some(mut panel) = Panel::for_family(family, protocol) else {
        return;
    };
    panel.record_streams();
    let mut run = Run {
        panel: &mut panel,
        family,
        section: None,
        lines: 0,
        differences: Vec::new(),
    };
    for (number, line) in text.lines().enumerate() {
        run.line(number + 1, line);
    }
    run.end_section();
    let (lines, differences) = (run.lines, run.differences);
    assert!(lines > 0, "{family} has commands");
    let shown = std::env::var("FOREBAY_COMPAT_SHOWN")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(40);
    assert!(
        differences.is_empty(),
        "{} differences in {lines} commands of {family} ({protocol:?})\n{}",
        differences.len(),
        differences[..differences.len().min(shown)].join("\n"),
    );
}

struct Run<'a> {
    panel: &'a mut Panel,
    family: &'a str,
    section: Option<Section>,
    lines: usize,
    differences: Vec<String>,
}

struct Section {
    title: String,
    line: usize,
    streams: bool,
}

impl Run<'_> {
    fn line(&mut self, number: usize, line: &str) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        for (mark, streams, later) in [
            ("== ", true, false),
            ("=~ ", false, false),
            ("=+ ", true, true),
        ] {
            if let Some(title) = line.strip_prefix(mark) {
                self.end_section();
                self.panel.judge_by_later(later);
                self.panel.reset();
                self.section = Some(Section {
                    title: title.to_owned(),
                    line: number,
                    streams,
                });
                return;
            }
        }
        assert!(
            self.section.is_some(),
            "{}:{number}: a command before the first section",
            self.family
        );
        self.lines += 1;
        let difference = match line.strip_prefix('@') {
            Some(directive) => self.directive(number, directive),
            None => self.command(number, line),
        };
        if let Some(difference) = difference {
            self.report(number, line, &difference);
        }
    }

    fn report(&mut self, number: usize, what: &str, difference: &str) {
        let what: String = what.chars().take(160).collect();
        self.differences.push(format!(
            "  {}.txt:{number}: {what}\n{difference}",
            self.family
        ));
    }

    fn command(&mut self, number: usize, line: &str) -> Option<String> {
        let (connection, action, rest) = connection(line);
        let (rule, rest) = rule(rest);
        if action == Action::Read {
            let rule = rule.unwrap_or(Rule::Exact);
            return match rest.parse() {
                Ok(count) => self.panel.read_several(connection, count, rule),
                Err(_) => self.panel.read(connection, rule),
            };
        }
        let command = self.parse(number, rest);
        if action == Action::Send {
            self.panel.send(connection, &command);
            return None;
        }
        self.panel.run(
            connection,
            &command,
            rule.unwrap_or_else(|| Rule::of(&command)),
        )
    }

    fn parse(&self, number: usize, line: &str) -> Command {
        let command = words::split(line).unwrap_or_default();
        assert!(
            !command.is_empty(),
            "{}:{number}: no command: {line}",
            self.family
        );
        command
    }

    fn directive(&mut self, number: usize, line: &str) -> Option<String> {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        match name {
            "blocked" => {
                self.panel
                    .wait_on_all(&format!("{rest} clients are blocked"), |c| {
                        c.info_field("clients", "blocked_clients") == rest
                    });
                None
            }
            "gone" => {
                self.panel.wait_on_all(&format!("{rest} has expired"), |c| {
                    c.int(&format!("EXISTS {rest}")) == 0
                });
                None
            }
            "scan" => self.panel.judge(
                |side| scan(side.client('a'), rest).join(" "),
                |theirs, ours| theirs == ours,
            ),
            "info" => {
                let (section, fields) = rest.split_once(' ').unwrap_or((rest, ""));
                let shown = |info: &BTreeMap<String, String>| {
                    let line = |f| format!("{f}:{}", info.get(f).map_or("absent", String::as_str));
                    fields.split(',').map(line).collect::<Vec<_>>().join(" ")
                };
                self.panel.judge(
                    |side| shown(&side.connect().info(section)),
                    |theirs, ours| theirs == ours,
                )
            }
            "fields" => self.panel.judge(
                |side| {
                    let fields: Vec<_> = side.connect().info(rest).into_keys().collect();
                    fields.join(" ")
                },
                |theirs, ours| {
                    let ours: BTreeSet<_> = ours.split(' ').collect();
                    theirs.split(' ').all(|field| ours.contains(field))
                },
            ),
            other => panic!("{}:{number}: no directive @{other}", self.family),
        }
    }

    fn end_section(&mut self) {
        let Some(section) = self.section.take() else {
            return;
        };
        // Blocked or subscribed connections would not answer; the comparison has its own.
        if let Some(difference) = self.panel.compare_data() {
            self.report(
                section.line,
                &format!("== {} (data)", section.title),
                &difference,
            );
        }
        let difference = self.panel.compare_streams();
        if let Some(difference) = difference.filter(|_| section.streams) {
            self.report(
                section.line,
                &format!("== {} (replication stream)", section.title),
                &difference,
            );
        }
    }
}

#[derive(PartialEq, Eq)]
enum Action {
    SendAndRead,
    Send,
    Read,
}

/// `b: CMD`, `b> CMD`, `b<`: which connection, and what to do there.
fn connection(line: &str) -> (char, Action, &str) {
    let mut chars = line.chars();
    if let (Some(name), Some(mark)) = (chars.next(), chars.next())
        && name.is_ascii_lowercase()
    {
        let action = match mark {
            ':' => Some(Action::SendAndRead),
            '>' => Some(Action::Send),
            '<' => Some(Action::Read),
            _ => None,
        };
        if let Some(action) = action {
            return (name, action, line[2..].trim_start());
        }
    }
    ('a', Action::SendAndRead, line)
}

fn rule(line: &str) -> (Option<Rule>, &str) {
    let rules = [
        ("~", Rule::AnyOrder),
        ("%", Rule::PairsAnyOrder),
        ("?", Rule::Shape),
        ("^", Rule::Roughly),
        ("!", Rule::Ignore),
    ];
    for (mark, rule) in rules {
        if let Some(rest) = line.strip_prefix(mark)
            && (rest.is_empty() || rest.starts_with(' '))
        {
            return (Some(rule), rest.trim_start());
        }
    }
    (None, line)
}

/// Follows a cursor from 0 to 0; the elements (pairs for HSCAN and ZSCAN) in sorted order, each once.
fn scan(client: &mut Client, line: &str) -> Vec<String> {
    let mut cursor = "0".to_owned();
    let mut seen = BTreeSet::new();
    let upper = line.to_ascii_uppercase();
    let step = if upper.starts_with("HSCAN") || upper.starts_with("ZSCAN") {
        2
    } else {
        1
    };
    for _ in 0..100_000 {
        let reply = client.run(&line.replace("{cursor}", &cursor));
        let Value::Array(parts) = &reply else {
            return vec![reply.to_string()];
        };
        let items = parts[1].items().unwrap_or_default();
        for item in items.chunks(step) {
            seen.insert(
                item.iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("="),
            );
        }
        cursor = parts[0].text().unwrap_or_default().to_owned();
        if cursor == "0" {
            return seen.into_iter().collect();
        }
    }
    vec!["the cursor never comes back to 0".to_owned()]
}
