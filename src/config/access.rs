//! CONFIG GET and CONFIG SET on a [`Config`].

use super::choices::Protection;
use super::directive::{Directive, Effect, Flags, Restore};
use super::{Config, DIRECTIVES, Place, directive, place};
use base::glob;
use std::collections::BTreeMap;

/// The directives that any of the patterns names, under the names that matched, with their values, each
/// once and in the order of the names.
pub fn get(config: &Config, patterns: &[&[u8]]) -> Vec<(String, String)> {
    let is_name = |p: &[u8]| !p.iter().any(|b| b"*?[".contains(b));
    let is_plain = |p: &[u8]| is_name(p) && !p.contains(&b'\\');
    // Each name that matches, by its place in the list, with the first pattern that it matches.
    let mut found: BTreeMap<Place, &[u8]> = BTreeMap::new();
    for pattern in patterns.iter().copied() {
        if is_plain(pattern) {
            let place = std::str::from_utf8(pattern).ok().and_then(place);
            if let Some(place) = place {
                found.entry(place).or_insert(pattern);
            }
            continue;
        }
        for (i, directive) in DIRECTIVES.iter().enumerate() {
            if directive.flags.contains(Flags::HIDDEN) && !is_name(pattern) {
                continue;
            }
            for (j, name) in directive.names().enumerate() {
                if glob::matches_in_any_case(pattern, name.as_bytes()) {
                    found.entry((i, j)).or_insert(pattern);
                }
            }
        }
    }
    let mut shown: Vec<_> = found
        .into_iter()
        .map(|((i, j), pattern)| {
            let directive = &DIRECTIVES[i];
            // A name is shown as it was written.
            let name = match is_name(pattern) {
                true => String::from_utf8_lossy(pattern).into_owned(),
                false => directive.names().nth(j).unwrap_or_default().to_owned(),
            };
            (name, (directive.get)(config))
        })
        .collect();
    shown.sort_unstable();
    shown
}

/// Why CONFIG SET did nothing: the text after `-ERR `.
#[derive(Debug, PartialEq, Eq)]
pub struct SetError(pub String);

impl SetError {
    /// The error that names the argument.
    pub fn at(name: &str, reason: &str) -> Self {
        SetError(format!(
            "ERR CONFIG SET failed (possibly related to argument '{}') - {reason}",
            up_to_zero(name)
        ))
    }
}

/// What C prints of a name.
fn up_to_zero(name: &str) -> &str {
    name.split('\0').next().unwrap_or(name)
}

/// The circumstances of a CONFIG SET, on which depends what is allowed.
#[derive(Clone, Copy, Debug, Default)]
pub struct SetContext {
    /// The client is connected from this machine.
    pub local: bool,
    /// The dataset is being loaded.
    pub loading: bool,
}

/// A directive that CONFIG SET has named, and its value before.
pub struct Named {
    /// Which one.
    pub directive: &'static Directive,
    shown: String,
    restore: Restore,
}

impl Named {
    fn new(directive: &'static Directive, config: &Config) -> Self {
        Named {
            directive,
            shown: (directive.get)(config),
            restore: (directive.hold)(config),
        }
    }

    /// True if it has another value now.
    pub fn has_changed(&self, config: &Config) -> bool {
        self.shown != (self.directive.get)(config)
    }
}

/// Sets all of `pairs` or nothing. Returns the directives that were named with the values that they had before, for
/// [`undo`] if one of them cannot take effect.
///
/// # Errors
/// The first pair that is wrong; `config` is as before then.
pub fn set(
    config: &mut Config,
    pairs: &[(&str, &str)],
    context: SetContext,
) -> Result<Vec<Named>, SetError> {
    let mut named: Vec<Named> = Vec::with_capacity(pairs.len());
    let had_tls_cluster = config.tls_cluster;
    for (name, _) in pairs {
        let Some(found) = directive(name) else {
            return Err(SetError(format!(
                "ERR Unknown option or number of arguments for CONFIG SET - '{}'",
                up_to_zero(name)
            )));
        };
        if found.flags.contains(Flags::START) {
            return Err(SetError::at(name, "can't set immutable config"));
        }
        let open = match config.enable_protected_configs {
            Protection::Yes => true,
            Protection::Local => context.local,
            Protection::No => false,
        };
        if found.flags.contains(Flags::PROTECTED) && !open {
            return Err(SetError::at(name, "can't set protected config"));
        }
        if context.loading && found.flags.contains(Flags::NOT_WHILE_LOADING) {
            return Err(SetError(
                "LOADING Redis is loading the dataset in memory".into(),
            ));
        }
        if named.iter().any(|d| std::ptr::eq(d.directive, found)) {
            return Err(SetError::at(name, "duplicate parameter"));
        }
        named.push(Named::new(found, config));
    }
    for (i, (name, value)) in pairs.iter().enumerate() {
        let directive = named[i].directive;
        let words: Vec<&str> = match (directive.many)() {
            true => value.split(' ').filter(|w| !w.is_empty()).collect(),
            false => vec![value],
        };
        let mut done = (directive.set)(config, &words, false);
        if directive.effect == Effect::Refused && !directive.is_default(config) {
            done = Err("not supported by Forebay yet".into());
        }
        if let Err(reason) = done {
            undo(config, named);
            return Err(SetError::at(name, &reason));
        }
    }
    if config.tls_cluster && !had_tls_cluster && !config.tls_replication {
        undo(config, named);
        return Err(SetError::at("tls-cluster", "not supported by Forebay yet"));
    }
    Ok(named)
}

/// Gives directives back the values that they had.
pub fn undo(config: &mut Config, named: Vec<Named>) {
    named.into_iter().for_each(|named| (named.restore)(config));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn try_set(config: &mut Config, pairs: &[(&str, &str)]) -> Result<(), String> {
        set(config, pairs, SetContext::default())
            .map(|_| ())
            .map_err(|e| e.0)
    }

    #[test]
    fn several_directives_are_set_together_or_not_at_all() {
        let mut config = Config::default();
        try_set(&mut config, &[("hz", "20"), ("maxmemory", "1kb")]).expect("both right");
        assert_eq!((config.hz, config.maxmemory), (20, 1024));
        let error = try_set(&mut config, &[("hz", "30"), ("maxmemory", "x")]);
        assert_eq!(error, Err("ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value".into()));
        assert_eq!(config.hz, 20);
    }

    #[test]
    fn what_was_set_is_undone_whatever_it_is() {
        let mut config = Config {
            enable_protected_configs: Protection::Yes,
            ..Config::default()
        };
        let before = config.clone();
        let pairs = [
            ("save", "60 10"),
            ("bind", "127.0.0.1"),
            ("requirepass", "secret"),
            ("client-output-buffer-limit", "replica 1mb 1mb 5"),
            ("hz", "20"),
        ];
        let named = set(&mut config, &pairs, SetContext::default()).map_err(|e| e.0);
        let named = named.expect("all are right");
        assert!(named.iter().all(|named| named.has_changed(&config)));
        assert_ne!(config, before);
        undo(&mut config, named);
        assert_eq!(config, before);
        let again = set(&mut config, &[("hz", "10")], SetContext::default()).map_err(|e| e.0);
        assert!(!again.expect("it is right")[0].has_changed(&config));
    }

    #[test]
    fn what_loading_depends_on_is_not_set_meanwhile() {
        let mut config = Config {
            enable_protected_configs: Protection::Yes,
            ..Config::default()
        };
        let context = SetContext {
            loading: true,
            ..SetContext::default()
        };
        for (name, value, refused) in [
            ("appendonly", "no", false),
            ("dir", "/tmp", true),
            ("repl-diskless-load", "swapdb", true),
            ("hz", "20", false),
        ] {
            let done = set(&mut config, &[(name, value)], context);
            assert_eq!(done.is_err(), refused, "{name}");
        }
        let done = set(&mut config, &[("dir", "/tmp")], SetContext::default());
        assert!(done.is_ok());
    }

    #[test]
    fn what_cannot_be_set_is_refused_as_the_reference_server_does() {
        let mut config = Config::default();
        for (pairs, text) in [
            (
                &[("nope", "1")][..],
                "ERR Unknown option or number of arguments for CONFIG SET - 'nope'",
            ),
            (
                &[("databases", "1")],
                "ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config",
            ),
            (
                &[("dbfilename", "a")],
                "ERR CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected config",
            ),
            (
                &[("hz", "1"), ("HZ", "2")],
                "ERR CONFIG SET failed (possibly related to argument 'HZ') - duplicate parameter",
            ),
        ] {
            assert_eq!(try_set(&mut config, pairs), Err(text.into()));
        }
        config.enable_protected_configs = Protection::Yes;
        try_set(&mut config, &[("dbfilename", "a.rdb")]).expect("allowed");
    }

    #[test]
    fn hidden_directives_are_shown_by_their_whole_name_only() {
        let config = Config::default();
        assert_eq!(get(&config, &[b"key-load-del?y", b"rdb-key-*"]), []);
        assert_eq!(
            get(&config, &[b"*", b"key-load-delay"])
                .iter()
                .filter(|(name, _)| name.contains("delay") && name.contains("key"))
                .collect::<Vec<_>>(),
            [&("key-load-delay".to_owned(), "0".to_owned())]
        );
    }

    #[test]
    fn get_shows_both_names_of_a_directive() {
        let config = Config::default();
        let found = get(
            &config,
            &[b"hash-MAX-zip*-entries", b"hash-max-*ist*-entries"],
        );
        let names: Vec<&str> = found.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(
            names,
            ["hash-max-listpack-entries", "hash-max-ziplist-entries"]
        );
        assert_eq!(
            get(&config, &[b"SAVE"]),
            [("SAVE".to_owned(), "3600 1 300 100 60 10000".to_owned())]
        );
    }
}
