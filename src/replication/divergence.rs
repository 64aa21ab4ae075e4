//! Requests in the primary's stream that this server, as a replica, could not run.
//!
//! The primary has run them, so from then on the two servers hold different data. Unless `propagation-error-behavior`
//! is `ignore`, the link does not continue as if nothing had happened: a full sync brings the result of such a request.

use std::collections::BTreeSet;

/// How many kinds of errors are remembered, so that each is logged once. Further kinds are logged each time.
const KINDS_MAX: usize = 256;

/// The fields of INFO replication about it.
#[derive(Debug, Default)]
pub struct Divergence {
    kinds: BTreeSet<String>,
    /// Requests whose command is not known here.
    pub unknown_commands: u64,
    /// Full syncs that were requested because of such an error.
    pub resyncs: u64,
    /// The last request that could not be run, and why.
    pub reason: String,
}

impl Divergence {
    /// True once for a kind: an error of a command.
    pub fn is_news(&mut self, command: &str, error: &str) -> bool {
        let code = error.split([' ', ',']).next().unwrap_or_default();
        let kind = format!("{} {code}", command.to_ascii_lowercase());
        match self.kinds.len() < KINDS_MAX {
            true => self.kinds.insert(kind),
            false => !self.kinds.contains(&kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_news_once_and_the_number_of_kinds_is_bounded() {
        let mut divergence = Divergence::default();
        assert!(divergence.is_news("ARSET", "ERR unknown command 'ARSET'"));
        assert!(!divergence.is_news("arset", "ERR unknown command 'arset'"));
        assert!(divergence.is_news("arset", "WRONGTYPE Operation"));
        for n in 0..2 * KINDS_MAX {
            assert!(divergence.is_news(&format!("c{n}"), "ERR"));
        }
        assert_eq!(divergence.kinds.len(), KINDS_MAX);
    }
}
