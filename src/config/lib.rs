//! The directives of redis.conf.
//!
//! Pure: files are read and written by the caller.
//!
//! * [`directives`]: the table, from which the typed [`Config`] comes.
//! * [`load`] reads files and the command line, [`access`] serves CONFIG GET and SET, [`rewrite`]
//!   CONFIG REWRITE.
//! * [`foreign`]: directives of other servers that this one passes over or refuses.
//! * [`mod@document`] writes `docs/config.md`.
//! * [`mod@directive`]: what a row of it is. [`kind`], [`special`], [`choices`]: kinds of values.

#![forbid(unsafe_code)]

pub mod access;
pub mod choices;
mod declare;
pub mod directive;
pub mod directives;
mod document;
pub mod foreign;
pub mod kind;
pub mod load;
pub mod rewrite;
pub mod special;

pub use directives::{Config, DIRECTIVES};
pub use document::document;

use base::Limits;
use directive::Directive;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

/// A directive by its name or alias, in any case.
pub fn directive(name: &str) -> Option<&'static Directive> {
    place(name).map(|(at, _)| &DIRECTIVES[at])
}

/// Where a name is: the directive in [`DIRECTIVES`], and which of its names.
type Place = (usize, usize);

/// Where a name or alias is, in any case. Monitoring asks for single directives each second, so not all are looked at.
fn place(name: &str) -> Option<Place> {
    // By length first, so that few names are compared.
    static PLACES: LazyLock<BTreeMap<(usize, &str), Place>> = LazyLock::new(|| {
        let all = DIRECTIVES.iter().enumerate();
        all.flat_map(|(i, d)| d.names().enumerate().map(move |(j, name)| (name, (i, j))))
            .map(|(name, place)| ((name.len(), name), place))
            .collect()
    });
    // All names are in lower case.
    let name = name.to_ascii_lowercase();
    PLACES.get(&(name.len(), &*name)).copied()
}

impl Config {
    /// What holds where nothing is said.
    pub fn defaults() -> &'static Config {
        static DEFAULTS: LazyLock<Config> = LazyLock::new(Config::default);
        &DEFAULTS
    }

    /// How many fields a hash has that shares their names with others.
    pub fn hash_templates(&self) -> Option<RangeInclusive<usize>> {
        let size = |n: i64| usize::try_from(n).unwrap_or(usize::MAX);
        let least = size(self.hash_min_template_entries);
        let most = match size(self.hash_max_template_entries) {
            0 => usize::MAX,
            most => most,
        };
        (1..=most).contains(&least).then_some(least..=most)
    }

    /// The collection thresholds among the directives.
    pub fn limits(&self) -> Limits {
        let size = |n: i64| usize::try_from(n).unwrap_or(usize::MAX);
        Limits {
            hash_max_listpack_entries: size(self.hash_max_listpack_entries),
            hash_max_listpack_value: size(self.hash_max_listpack_value),
            list_max_listpack_size: self.list_max_listpack_size,
            set_max_intset_entries: size(self.set_max_intset_entries),
            set_max_listpack_entries: size(self.set_max_listpack_entries),
            set_max_listpack_value: size(self.set_max_listpack_value),
            zset_max_listpack_entries: size(self.zset_max_listpack_entries),
            zset_max_listpack_value: size(self.zset_max_listpack_value),
            stream_node_max_bytes: size(self.stream_node_max_bytes),
            stream_node_max_entries: size(self.stream_node_max_entries),
            stream_idmp_duration: self.stream_idmp_duration.unsigned_abs(),
            stream_idmp_maxsize: self.stream_idmp_maxsize.unsigned_abs(),
            hll_sparse_max_bytes: size(self.hll_sparse_max_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_to_its_directive_in_any_case() {
        for (i, directive) in DIRECTIVES.iter().enumerate() {
            for (j, name) in directive.names().enumerate() {
                assert_eq!(place(name), Some((i, j)), "{name}");
                assert_eq!(place(&name.to_ascii_uppercase()), Some((i, j)), "{name}");
            }
        }
        assert_eq!(place("no-such-directive"), None);
    }
}
