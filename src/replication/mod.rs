//! Who follows whom, from which offset.

use crate::commands::effects::Effects;
use crate::commands::engine::Rng;
use crate::config::Config;

/// Both sides of replication of this server.
pub struct Replication {
    offset: i64,
}

/// What a peer told about itself by REPLCONF, on its connection.
#[derive(Clone, Debug, Default)]
pub struct Replconf {
    /// `listening-port`: a label.
    pub listening_port: u16,
}

impl Replication {
    /// A primary without replicas and backlog.
    pub fn new(_config: &Config, _rng: &mut Rng) -> Self {
        Replication { offset: 0 }
    }

    /// True if effects must be encoded: there is a backlog or a replica.
    pub fn listening(&self) -> bool {
        false
    }

    /// True while we follow a primary.
    pub fn is_replica(&self) -> bool {
        false
    }

    /// `master_repl_offset`
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// Appends the effects of one top-level command to the stream.
    pub fn feed(&mut self, effects: &Effects, _unix_ms: i64) {
        self.offset += effects
            .iter()
            .map(|(_, bytes)| bytes.len() as i64)
            .sum::<i64>();
    }
}
