//! Hash templates: field names that several hashes of a file share (Redis 8.10).

use std::collections::HashMap;
use std::sync::Arc;

use crate::tags::version::RdbVersion;

/// The field names of one template, in their order.
pub type Names = Arc<[Vec<u8>]>;

/// The templates of a file, by id.
#[derive(Debug, Clone, Default)]
pub struct Templates(HashMap<u64, Names>);

impl Templates {
    /// The names of template `id`.
    pub fn get(&self, id: u64) -> Option<&Names> {
        self.0.get(&id)
    }

    /// Adds a template; `false` if the id is taken.
    pub(crate) fn insert(&mut self, id: u64, names: Vec<Vec<u8>>) -> bool {
        match self.0.entry(id) {
            std::collections::hash_map::Entry::Occupied(_) => false,
            std::collections::hash_map::Entry::Vacant(slot) => {
                slot.insert(names.into());
                true
            }
        }
    }
}

/// Whether names are in the order that templates require: by length, then bytes, strictly ascending.
pub(crate) fn in_order(names: &[Vec<u8>]) -> bool {
    names.is_sorted_by(|a, b| (a.len(), a) < (b.len(), b))
}

/// What the bytes of a value mean beyond its type: the file's version and its templates. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// The version in the header, or of the DUMP footer.
    pub version: RdbVersion,
    /// The templates read so far.
    pub templates: Arc<Templates>,
}

impl Context {
    /// A context without templates.
    pub fn new(version: RdbVersion) -> Self {
        Context {
            version,
            templates: Arc::default(),
        }
    }

    /// The context of canonical values, as they are held in memory: there type 22 is Valkey's.
    pub fn held() -> Self {
        Context::new(RdbVersion::newest(crate::tags::version::Dialect::Valkey))
    }
}
