//! Reading configuration text: redis.conf, standard input and the command line.
//!
//! All sources are one text, read line by line; the last value wins, except that `save` lines add up.
//! Files come through [`Files`], so that this stays pure.

use super::directive::{Change, Effect, Flags};
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
    loaded.text(text, files, 0)?;
    Ok(loaded)
}

impl Loaded {
    fn text(&mut self, text: &str, files: &mut dyn Files, depth: u32) -> Result<(), ConfigError> {
        for (i, line) in text.lines().enumerate() {
            let line = line.trim_matches([' ', '\t', '\r', '\n']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |reason: String| ConfigError::Line {
                number: i + 1,
                text: line.to_owned(),
                reason,
            };
            let words = split_words(line.as_bytes())
                .ok_or_else(|| wrong("Unbalanced quotes in configuration line".into()))?;
            if let Some(lines) = self.aside(&words) {
                lines.push(Line {
                    number: i + 1,
                    text: line.to_owned(),
                    words: words[1..].to_vec(),
                });
                continue;
            }
            let words: Result<Vec<String>, _> = words.into_iter().map(String::from_utf8).collect();
            let words = words.map_err(|_| wrong("argument is not valid UTF-8".into()))?;
            let Some((name, values)) = words.split_first() else {
                continue;
            };
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            if name.eq_ignore_ascii_case("include") && values.len() == 1 {
                if depth == INCLUDE_DEPTH {
                    return Err(wrong("include nests too deeply".into()));
                }
                self.include(values[0], files, depth)?;
                continue;
            }
            self.line(name, &values, files).map_err(wrong)?;
        }
        Ok(())
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
    ) -> Result<(), ConfigError> {
        let paths = match path.contains(['*', '?', '[']) {
            true => files.glob(path),
            false => vec![path.to_owned()],
        };
        for path in paths {
            let text = files
                .read(&path)
                .map_err(|reason| ConfigError::File { path, reason })?;
            self.text(&text, files, depth + 1)?;
        }
        Ok(())
    }

    fn line(&mut self, name: &str, values: &[&str], files: &mut dyn Files) -> Result<(), String> {
        let lower = name.to_ascii_lowercase();
        if DEAD.contains(&lower.as_str()) && !values.is_empty() {
            return Ok(());
        }
        if REFUSED.contains(&lower.as_str()) && !values.is_empty() {
            return Err(refusal(&lower));
        }
        let directive = directive(name).ok_or("Bad directive or wrong number of arguments")?;
        let many = (directive.many)();
        let adds_up = directive.flags.contains(Flags::ADDS_UP);
        // What takes several words takes none, too: an empty list.
        if values.len() != 1 && !many {
            return Err(WRONG_NUMBER.into());
        }
        let split: Vec<&str> = match values {
            [] if adds_up => vec![""],
            [one] if many && !one.is_empty() => one.split(' ').filter(|w| !w.is_empty()).collect(),
            _ => values.to_vec(),
        };
        let add = adds_up && self.begun.contains(&directive.name);
        if adds_up && !add {
            self.begun.push(directive.name);
        }
        (directive.set)(&mut self.config, &split, add)?;
        match directive.effect {
            Effect::Refused if !directive.is_default(&self.config) => {
                return Err(refusal(directive.name));
            }
            _ => self.warnings.extend(directive.warning(&self.config)),
        }
        if directive.change == Change::Dir {
            // Made absolute, because the working directory is this one from now on.
            self.config.dir = files.enter(&self.config.dir)?;
        }
        Ok(())
    }
}

/// Why `directive` keeps the server from starting.
fn refusal(directive: &str) -> String {
    format!(
        "'{directive}' is not supported by Forebay yet: refusing to start, as ignoring it would lose data or open access"
    )
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
mod tests {
    use super::*;
    use crate::special::SavePoint;
    use std::collections::BTreeMap;

    #[derive(Default)]
    struct Fake(BTreeMap<String, String>);

    impl Files for Fake {
        fn read(&mut self, path: &str) -> Result<String, String> {
            let found = self.0.get(path).cloned();
            found.ok_or_else(|| "No such file or directory".into())
        }
        fn glob(&mut self, pattern: &str) -> Vec<String> {
            let prefix = pattern.trim_end_matches('*');
            let paths = self.0.keys().filter(|k| k.starts_with(prefix));
            paths.cloned().collect()
        }
        fn enter(&mut self, dir: &str) -> Result<String, String> {
            Ok(format!("/there/{dir}"))
        }
    }

    fn reason(text: &str) -> String {
        match load(text, &mut Fake::default()) {
            Err(ConfigError::Line { reason, .. }) => reason,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_last_value_wins_and_save_lines_add_up() {
        let loaded = load(
            "# comment\n  port 1\nsave 10 1\nsave 20 2\nPORT 2\nrequirepass \"a b\\x41\"\n",
            &mut Fake::default(),
        )
        .expect("well formed");
        assert_eq!(loaded.config.port, 2);
        assert_eq!(loaded.config.requirepass, "a bA");
        let point = |seconds, changes| SavePoint { seconds, changes };
        assert_eq!(loaded.config.save, [point(10, 1), point(20, 2)]);
    }

    #[test]
    fn a_list_may_be_given_without_any_word() {
        let text = "save\nbind\nlatency-tracking-info-percentiles\nclient-output-buffer-limit\nmaxmemory \"\"\n";
        let config = load(text, &mut Fake::default())
            .expect("well formed")
            .config;
        assert_eq!(config.save, []);
        assert!(config.bind.is_empty() && config.latency_tracking_info_percentiles.is_empty());
        assert_eq!(config.maxmemory, 0);
        let loaded = load("save 10 1\nsave\nsave 20 2\n", &mut Fake::default());
        let point = |seconds, changes| SavePoint { seconds, changes };
        assert_eq!(loaded.expect("well formed").config.save, [point(20, 2)]);
    }

    #[test]
    fn included_files_are_read_in_their_place() {
        let mut files = Fake::default();
        files.0.insert("/a/1.conf".into(), "port 1\nhz 20".into());
        files.0.insert("/a/2.conf".into(), "port 3".into());
        let loaded = load("include /a/*\nhz 30\n", &mut files).expect("well formed");
        assert_eq!((loaded.config.port, loaded.config.hz), (3, 30));
        let error = load("include /nope", &mut files).expect_err("missing");
        assert_eq!(
            error.to_string(),
            "Fatal error, can't open config file '/nope': No such file or directory"
        );
        files.0.insert("/loop".into(), "include /loop".into());
        assert!(load("include /loop", &mut files).is_err());
    }

    #[test]
    fn a_relative_directory_is_made_absolute_when_it_is_entered() {
        let loaded = load("dir data\n", &mut Fake::default()).expect("well formed");
        assert_eq!(loaded.config.dir, "/there/data");
    }

    #[test]
    fn wrong_lines_are_answered_as_the_reference_server_answers_them() {
        for (text, expected) in [
            ("foo bar", "Bad directive or wrong number of arguments"),
            ("port", "wrong number of arguments"),
            ("replicaof", "wrong number of arguments"),
            ("oom-score-adj-values", "wrong number of arguments"),
            (
                "shutdown-on-sigterm",
                "argument(s) must be one of the following: default, save, nosave, now, force",
            ),
            ("appendfilename \"\"", "appendfilename can't be empty"),
            ("port 1 2", "wrong number of arguments"),
            ("port abc", "argument couldn't be parsed into an integer"),
            ("maxmemory 10zz", "argument must be a memory value"),
            ("save 10", "Invalid save parameters"),
            (
                "bind \"unbalanced",
                "Unbalanced quotes in configuration line",
            ),
            (
                "databases 0",
                "argument must be between 1 and 2147483647 inclusive",
            ),
            (
                "rename-command foo",
                "Bad directive or wrong number of arguments",
            ),
            ("user", "Bad directive or wrong number of arguments"),
            (
                "unixsocketperm 999",
                "argument couldn't be parsed as an octal number",
            ),
            ("replicaof a", "wrong number of arguments"),
            ("replicaof a b", "Invalid master port"),
            (
                "dbfilename a/b",
                "dbfilename can't be a path, just a filename",
            ),
        ] {
            assert_eq!(reason(text), expected, "{text}");
        }
    }

    #[test]
    fn what_would_lose_data_or_open_access_is_refused_by_name() {
        for text in [
            "loadmodule /a",
            "tls-port 6380",
            "tls-cert-file /a",
            "cluster-enabled yes",
        ] {
            let name = text.split(' ').next().expect("a name");
            assert!(
                reason(text).starts_with(&format!("'{name}' is not supported")),
                "{text}"
            );
        }
        load(
            "appendonly no\ntls-port 0\ncluster-enabled no",
            &mut Fake::default(),
        )
        .expect("defaults");
    }

    #[test]
    fn idle_directives_are_accepted_with_a_warning() {
        let loaded = load("activedefrag yes\nio-threads 1", &mut Fake::default()).expect("known");
        assert_eq!(loaded.warnings.len(), 1);
        assert!(loaded.warnings[0].contains("activedefrag"));
    }

    #[test]
    fn the_error_shows_line_number_and_line() {
        let error = load("\nhz 10\nfoo \"bar\"", &mut Fake::default()).expect_err("foo");
        let expected = format!(
            "\n*** FATAL CONFIG FILE ERROR (Redis {}) ***\nReading the configuration file, at line 3\n>>> 'foo \"bar\"'\nBad directive or wrong number of arguments",
            base::REDIS_VERSION
        );
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn the_command_line_becomes_lines() {
        for (args, text) in [
            (
                &["--port", "1", "--save", "60", "1"][..],
                "port \"1\" \nsave \"60\" \"1\" ",
            ),
            (&["--save", "--hz", "20"], "save \"\"\nhz \"20\" "),
            (&["--save"], "save \"\""),
            (&["--requirepass", "--secret"], "requirepass \"--secret\" "),
            (&["--port 7", "--hz", "1"], "port 7 \nhz \"1\" "),
        ] {
            let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
            assert_eq!(command_line(&args), text);
        }
    }
}
