//! The lists of field names that a client has prepared for HIMPORT: it sends them once, and then values alone.

use keyspace::value::Template;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names of fields in the order in which they are stored: short ones first, and those of one length by their bytes.
#[derive(Debug)]
pub struct Fieldset {
    /// The names, which the hashes that are made of them share.
    template: Arc<Template>,
    /// Where the value of each name stands among those of a request.
    order: Box<[usize]>,
}

impl Fieldset {
    /// The names in the order in which their values will come; `None` if one is there twice.
    pub fn new(names: &[&[u8]]) -> Option<Fieldset> {
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_unstable_by_key(|at| (names[*at].len(), names[*at]));
        let is_twice = order
            .windows(2)
            .any(|pair| names[pair[0]] == names[pair[1]]);
        (!is_twice).then(|| Fieldset {
            template: Arc::new(Template::new(order.iter().map(|at| names[*at]))),
            order: order.into(),
        })
    }

    /// How many values a request has to have.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Never: a request without a name has no such list.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The names in the order in which they are stored.
    pub fn template(&self) -> &Arc<Template> {
        &self.template
    }

    /// The values in the order of the names; `values` are those of a request, as many as there are names.
    pub fn values<'a>(&'a self, values: &'a [&'a [u8]]) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.order.iter().map(move |at| values[*at])
    }

    fn memory(&self) -> usize {
        self.template.bytes() + self.len() * (size_of::<Box<[u8]>>() + size_of::<usize>())
    }
}

/// What an entry of the map costs beside its bytes.
const ENTRY: usize = 64;

/// The lists of one client, by their names.
#[derive(Debug, Default)]
pub struct Fieldsets {
    by_name: BTreeMap<Vec<u8>, Fieldset>,
    memory: usize,
}

impl Fieldsets {
    /// The one of this name.
    pub fn get(&self, name: &[u8]) -> Option<&Fieldset> {
        self.by_name.get(name)
    }

    /// Puts one in the place of whatever had its name.
    pub fn insert(&mut self, name: &[u8], fieldset: Fieldset) {
        self.remove(name);
        self.memory += name.len() + fieldset.memory() + ENTRY;
        self.by_name.insert(name.to_vec(), fieldset);
    }

    /// Whether there was one of this name, which is gone now.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let gone = self.by_name.remove(name);
        self.memory -= gone
            .as_ref()
            .map_or(0, |gone| name.len() + gone.memory() + ENTRY);
        gone.is_some()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Bytes that they take, roughly.
    pub fn memory(&self) -> usize {
        self.memory
    }
}
