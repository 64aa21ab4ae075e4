//! Reading configuration text: redis.conf, standard input and the command line.
//!
//! All sources are one text, read line by line; the last value wins, except that `save` lines add up.
//! Files come through [`Files`], so that this stays pure.

use super::directive::{Change, Directive, Effect, Flags};
use super::foreign::foreign;
use super::kind::{WRONG_NUMBER, quote};
use super::{Config, directive};
use resp::request::split_words;
use std::fmt;

/// How `include` and `dir` reach the world.
pub trait Files {
    /// The content of a file.
    ///
    /// # Errors
    /// The system's text.
    fn read(&mut self, path: &str) -> Result<String, String>;
    /// The files that a pattern of `include` names, in order.
    fn glob(&mut self, pattern: &str) -> Vec<String>;
    /// `dir`: makes it the working directory and returns its absolute path.
    ///
    /// # Errors
    /// The system's text.
    fn enter(&mut self, dir: &str) -> Result<String, String>;
}

/// Why a configuration is refused. `Display` is the text that is printed before the server gives up.
#[derive(Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// A line is wrong.
    Line {
        /// Its number in its text, from 1.
        number: usize,
        /// The line.
        text: String,
        /// The reason.
        reason: String,
    },
    /// A file cannot be read.
    File {
        /// Its path.
        path: String,
        /// The system's text.
        reason: String,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Line {
                number,
                text,
                reason,
            } => write!(
                f,
                "\n*** FATAL CONFIG FILE ERROR (Redis {}) ***\nReading the configuration file, at line {number}\n>>> '{text}'\n{reason}",
                base::REDIS_VERSION
            ),
            ConfigError::File { path, reason } => {
                write!(f, "Fatal error, can't open config file '{path}': {reason}")
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// A configuration, and the warnings about it.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The directives.
    pub config: Config,
    /// One line for each directive that was given and does nothing.
    pub warnings: Vec<String>,
    /// `user` lines, in their order.
    pub users: Vec<Line>,
    /// `rename-command` lines, in their order.
    pub renames: Vec<Line>,
    /// The lists that lines of the file have replaced already.
    begun: Vec<&'static str>,
    /// With it, every line is judged, and none ends the reading.
    verdicts: Option<Vec<Verdict>>,
    /// The last line that says `tls-cluster yes`, and the place of its verdict: it is accepted only with
    /// `tls-replication`, which may follow.
    tls_cluster: Option<(usize, String, usize)>,
}

/// A line whose meaning only the rooms know that have users and commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in its text, from 1.
    pub number: usize,
    /// The line.
    pub text: String,
    /// Its words behind the first.
    pub words: Vec<Vec<u8>>,
}

impl Line {
    /// The error that says what is wrong with it.
    pub fn wrong(&self, reason: String) -> ConfigError {
        ConfigError::Line {
            number: self.number,
            text: self.text.clone(),
            reason,
        }
    }
}

/// The result for one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It does what it says.
    Works,
    /// It is accepted without effect.
    NoEffect,
    /// It is known and keeps the server from starting; why.
    Refused(String),
    /// There is no such directive.
    Unknown,
    /// The directive is known and its value is wrong; why.
    Wrong(String),
}

impl Outcome {
    /// True if the server starts with such a line.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Outcome::Works | Outcome::NoEffect)
    }

    /// As the start-up error says it; `None` if it is none.
    fn reason(self) -> Option<String> {
        match self {
            Outcome::Works | Outcome::NoEffect => None,
            Outcome::Unknown => Some("Bad directive or wrong number of arguments".into()),
            Outcome::Refused(why) | Outcome::Wrong(why) => Some(why),
        }
    }
}

/// The judgement of one line. Without its values, which may be secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The text that holds the line: a path, or what the caller of [`check`] named it.
    pub source: String,
    /// The line's number in it, from 1.
    pub number: usize,
    /// The directive, or the first word of the line.
    pub directive: String,
    /// The result.
    pub outcome: Outcome,
}

/// Directives of the reference server that cannot be honoured and must not be passed over: without
/// them data would be lost, access be opened, or commands be there that should not.
const REFUSED: &[&str] = &["loadmodule", "sentinel"];
/// Directives without effect since long ago, which the reference server passes over in silence.
const DEAD: &[&str] = &[
    "list-max-ziplist-entries",
    "list-max-ziplist-value",
    "lua-replicate-commands",
];
/// How deep `include` may nest.
const INCLUDE_DEPTH: u32 = 16;

/// Reads `text` on top of the defaults.
///
/// # Errors
/// The first line that is wrong.
pub fn load(text: &str, files: &mut dyn Files) -> Result<Loaded, ConfigError> {
    let mut loaded = Loaded::default();
    loaded.text("", text, files, 0)?;
    match loaded.refused_tls_cluster() {
        Some((number, text, _)) => Err(ConfigError::Line {
            number,
            text,
            reason: refusal("tls-cluster"),
        }),
        None => Ok(loaded),
    }
}

/// Judges every line of `texts`, each with the name of where it comes from, as [`load`] would read them one after the
/// other. `user` and `rename-command` lines are left to who knows users and commands, in what was read.
pub fn check(texts: &[(&str, &str)], files: &mut dyn Files) -> (Vec<Verdict>, Loaded) {
    let mut loaded = Loaded {
        verdicts: Some(Vec::new()),
        ..Loaded::default()
    };
    for (source, text) in texts {
        let read = loaded.text(source, text, files, 0);
        // Nothing ends the reading while there are verdicts.
        debug_assert!(read.is_ok());
    }
    let mut verdicts = loaded.verdicts.take().unwrap_or_default();
    if let Some((.., at)) = loaded.refused_tls_cluster()
        && let Some(verdict) = verdicts.get_mut(at)
    {
        verdict.outcome = Outcome::Refused(refusal("tls-cluster"));
    }
    (verdicts, loaded)
}

impl Loaded {
    fn text(
        &mut self,
        source: &str,
        text: &str,
        files: &mut dyn Files,
        depth: u32,
    ) -> Result<(), ConfigError> {
        for (i, line) in text.lines().enumerate() {
            let line = line.trim_matches([' ', '\t', '\r', '\n']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let number = i + 1;
            let (name, outcome) = match split_words(line.as_bytes()) {
                Some(words) if words.is_empty() => continue,
                Some(words) => self.words(number, line, &words, files, depth)?,
                None => {
                    let first = line.split_whitespace().next().unwrap_or_default();
                    let reason = "Unbalanced quotes in configuration line";
                    (first.to_owned(), Outcome::Wrong(reason.into()))
                }
            };
            if name.eq_ignore_ascii_case("tls-cluster") {
                let at = self.verdicts.as_ref().map_or(0, Vec::len);
                self.tls_cluster = Some((number, line.to_owned(), at));
            }
            if let Some(verdicts) = &mut self.verdicts {
                verdicts.push(Verdict {
                    source: source.to_owned(),
                    number,
                    directive: name,
                    outcome,
                });
            } else if let Some(reason) = outcome.reason() {
                return Err(ConfigError::Line {
                    number,
                    text: line.to_owned(),
                    reason,
                });
            }
        }
        Ok(())
    }

    /// The line that says `tls-cluster yes`, if nothing says that MIGRATE and replication use TLS.
    fn refused_tls_cluster(&mut self) -> Option<(usize, String, usize)> {
        if !self.config.tls_cluster || self.config.tls_replication {
            return None;
        }
        self.config.tls_cluster = false;
        self.tls_cluster.take()
    }

    /// What becomes of the words of a line, and their first one.
    fn words(
        &mut self,
        number: usize,
        line: &str,
        words: &[Vec<u8>],
        files: &mut dyn Files,
        depth: u32,
    ) -> Result<(String, Outcome), ConfigError> {
        let name = String::from_utf8_lossy(&words[0]).into_owned();
        if let Some(lines) = self.aside(words) {
            lines.push(Line {
                number,
                text: line.to_owned(),
                words: words[1..].to_vec(),
            });
            return Ok((name, Outcome::Works));
        }
        let values: Result<Vec<&str>, _> = words[1..]
            .iter()
            .map(|word| std::str::from_utf8(word))
            .collect();
        let outcome = match values.as_deref() {
            Err(_) => Outcome::Wrong("argument is not valid UTF-8".into()),
            Ok([path]) if name.eq_ignore_ascii_case("include") => {
                self.include(path, files, depth)?
            }
            Ok(values) => self.line(&name, values, files),
        };
        Ok((name, outcome))
    }

    /// Where a line is put that is looked at later, if it is one of those.
    fn aside(&mut self, words: &[Vec<u8>]) -> Option<&mut Vec<Line>> {
        let (name, values) = words.split_first()?;
        match values.len() {
            1.. if name.eq_ignore_ascii_case(b"user") => Some(&mut self.users),
            2 if name.eq_ignore_ascii_case(b"rename-command") => Some(&mut self.renames),
            _ => None,
        }
    }

    fn include(
        &mut self,
        path: &str,
        files: &mut dyn Files,
        depth: u32,
    ) -> Result<Outcome, ConfigError> {
        if depth == INCLUDE_DEPTH {
            return Ok(Outcome::Wrong("include nests too deeply".into()));
        }
        let paths = match path.contains(['*', '?', '[']) {
            true => files.glob(path),
            false => vec![path.to_owned()],
        };
        for path in paths {
            match files.read(&path) {
                Ok(text) => self.text(&path, &text, files, depth + 1)?,
                Err(reason) if self.verdicts.is_some() => return Ok(Outcome::Wrong(reason)),
                Err(reason) => return Err(ConfigError::File { path, reason }),
            }
        }
        Ok(Outcome::Works)
    }

    fn line(&mut self, name: &str, values: &[&str], files: &mut dyn Files) -> Outcome {
        let lower = name.to_ascii_lowercase();
        if DEAD.contains(&lower.as_str()) && !values.is_empty() {
            return Outcome::NoEffect;
        }
        if REFUSED.contains(&lower.as_str()) && !values.is_empty() {
            return Outcome::Refused(refusal(&lower));
        }
        if let Some(directive) = directive(name) {
            let set = self.set(directive, values);
            return match set.and_then(|()| self.take_effect(directive, files)) {
                Ok(outcome) => outcome,
                Err(reason) => Outcome::Wrong(reason),
            };
        }
        match foreign(name) {
            Some(_) if values.is_empty() => Outcome::Wrong(WRONG_NUMBER.into()),
            Some(foreign) if foreign.effect == Effect::Refused && !foreign.is_default(values) => {
                Outcome::Refused(format!(
                    "'{}' is not supported by Forebay: {}",
                    foreign.name, foreign.instead
                ))
            }
            Some(foreign) => {
                self.warnings.extend(foreign.warning(values));
                Outcome::NoEffect
            }
            None => Outcome::Unknown,
        }
    }

    /// Gives `directive` its new value.
    fn set(&mut self, directive: &'static Directive, values: &[&str]) -> Result<(), String> {
        let many = (directive.many)();
        let adds_up = directive.flags.contains(Flags::ADDS_UP);
        // What takes several words takes none, too: an empty list.
        if values.len() != 1 && !many {
            return Err(WRONG_NUMBER.into());
        }
        // A word of the command line may hold a whole line, with quotes of its own: `--save '""'`.
        let inner = match values {
            [one] if many && !one.is_empty() => {
                let words = split_words(one.as_bytes()).ok_or("Unbalanced quotes in the value")?;
                let words = words.into_iter().map(String::from_utf8);
                let words: Result<Vec<String>, _> = words.collect();
                Some(words.map_err(|_| "argument is not valid UTF-8")?)
            }
            _ => None,
        };
        let split: Vec<&str> = match (values, &inner) {
            (_, Some(words)) => words.iter().map(String::as_str).collect(),
            ([], None) if adds_up => vec![""],
            _ => values.to_vec(),
        };
        let add = adds_up && self.begun.contains(&directive.name);
        if adds_up && !add {
            self.begun.push(directive.name);
        }
        (directive.set)(&mut self.config, &split, add)
    }

    /// What the value that `directive` has now means.
    fn take_effect(
        &mut self,
        directive: &'static Directive,
        files: &mut dyn Files,
    ) -> Result<Outcome, String> {
        if directive.effect == Effect::Refused && !directive.is_default(&self.config) {
            // A check goes on, as if the line were not there.
            (directive.copy)(&mut self.config, &Config::default());
            return Ok(Outcome::Refused(refusal(directive.name)));
        }
        self.warnings.extend(directive.warning(&self.config));
        if directive.change == Change::Dir {
            // Made absolute, because the working directory is this one from now on.
            self.config.dir = files.enter(&self.config.dir)?;
        }
        Ok(match directive.effect {
            Effect::Idle => Outcome::NoEffect,
            Effect::Works | Effect::Refused => Outcome::Works,
        })
    }
}

/// Why `directive` keeps the server from starting, and what helps.
fn refusal(directive: &str) -> String {
    let reason = format!(
        "'{directive}' is not supported by Forebay yet: refusing to start, as ignoring it would lose data or open access"
    );
    let help = match directive {
        "loadmodule" => {
            "It loads no modules: remove the line. 'rdb-unknown-values' says what becomes of values of modules in a dump."
        }
        "cluster-enabled" => {
            "Set it to no: one server holds all slots, and replicas and Sentinel make it available. Clients connect without their cluster mode."
        }
        "sentinel" => {
            "Forebay is no Sentinel: give this file to redis-sentinel or valkey-sentinel, which watch Forebay as they watch Redis."
        }
        _ => return reason,
    };
    format!("{reason}. {help}")
}

/// The configuration lines that command-line words mean: `--port 7000 --save 60 1`.
pub fn command_line(args: &[String]) -> String {
    let mut text = String::new();
    // The word right after a name is its value, even if it starts with `--`.
    let mut name_may_come = true;
    for (i, arg) in args.iter().enumerate() {
        let name = arg.strip_prefix("--").filter(|_| name_may_come);
        let Some(name) = name else {
            text.push_str(&quote(arg));
            text.push(' ');
            name_may_come = true;
            continue;
        };
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(name);
        text.push(' ');
        let alone = name.split_whitespace().count() <= 1;
        name_may_come = !alone;
        if alone && directive(name.trim()).is_some_and(|d| d.flags.contains(Flags::ADDS_UP)) {
            // `--save` alone turns save points off.
            let next = args.get(i + 1);
            if next.is_none_or(|n| n.starts_with("--")) {
                text.push_str("\"\"");
                name_may_come = true;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests;
