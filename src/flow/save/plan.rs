//! What is written with the keys of a dump, and in which form.

use base::secret::HashKey;
use keyspace::snapshot::Cut;
use rdb::RdbVersion;
use rdb::module::ModuleAux;
use rdb::target::{OnLoss, Target};

/// What the dump must contain in addition to the keys.
pub struct Plan {
    /// The version in the magic.
    pub version: RdbVersion,
    /// The server for which values are written; `Auto` means as they are held.
    pub target: Target,
    /// What happens to data that the target cannot hold.
    pub on_loss: OnLoss,
    /// AUX fields, in order.
    pub aux: Vec<(&'static str, Vec<u8>)>,
    /// What modules store in addition to their keys.
    pub module_aux: Vec<ModuleAux>,
    /// Sources of function libraries.
    pub functions: Vec<Vec<u8>>,
    /// The databases at the cut.
    pub cut: Cut,
    /// `rdbcompression`
    pub compress: bool,
    /// `rdbchecksum`
    pub checksum: bool,
    /// The meaning of the heats of the walk.
    pub heat: HeatAs,
    /// The key of the hashes by which duplicates inside a value are found.
    pub key: HashKey,
    /// `rdb-key-save-delay`
    pub key_delay: i64,
    /// Requests are written instead of a dump.
    pub requests: Option<AsRequests>,
}

/// How a base is written as requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsRequests {
    /// When it was cut, unix ms.
    pub ms: u64,
    /// `aof-timestamp-enabled`
    pub timestamp: bool,
}

impl Plan {
    /// The dump is marked as the base of an append-only file.
    pub fn set_base(&mut self) {
        let field = self.aux.iter_mut().find(|(name, _)| *name == "aof-base");
        if let Some((_, value)) = field {
            *value = b"1".to_vec();
        }
    }

    /// It is written as requests, which have no checksum at their end.
    pub fn set_requests(&mut self, how: AsRequests) {
        self.requests = Some(how);
        self.checksum = false;
        self.heat = HeatAs::Nothing;
    }
}

/// How heat is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeatAs {
    /// It is not written, because eviction does not depend on use.
    Nothing,
    /// IDLE seconds; the value is the LRU clock at the cut.
    Idle(u32),
    /// FREQ.
    Freq,
}
