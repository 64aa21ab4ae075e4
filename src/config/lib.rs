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

/// A directive by its name or alias, in any case.
pub fn directive(name: &str) -> Option<&'static Directive> {
    DIRECTIVES.iter().find(|d| d.is_named(name))
}

impl Config {
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
            hll_sparse_max_bytes: size(self.hll_sparse_max_bytes),
        }
    }
}
