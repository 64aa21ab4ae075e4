//! The lists of field names that a client has prepared for HIMPORT: it sends them once, and then values alone.

use std::collections::BTreeMap;

/// Names of fields in the order in which they are stored: short ones first, and those of one length by their bytes.
#[derive(Debug)]
pub struct Fieldset {
    /// The names, and where the value of each stands among those of a request.
    fields: Box<[(Box<[u8]>, usize)]>,
}

impl Fieldset {
    /// The names in the order in which their values will come; `None` if one is there twice.
    pub fn new(names: &[&[u8]]) -> Option<Fieldset> {
        let mut fields: Vec<(Box<[u8]>, usize)> = names
            .iter()
            .enumerate()
            .map(|(at, name)| ((*name).into(), at))
            .collect();
        fields.sort_unstable_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
        let is_twice = fields.windows(2).any(|pair| pair[0].0 == pair[1].0);
        let fields = fields.into_boxed_slice();
        (!is_twice).then_some(Fieldset { fields })
    }

    /// How many values a request has to have.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Never: a request without a name has no such list.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Each field with its value; `values` are as many as the fields.
    pub fn pairs<'a>(
        &'a self,
        values: &'a [&'a [u8]],
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.fields
            .iter()
            .map(move |(name, at)| (&**name, values[*at]))
    }

    fn memory(&self) -> usize {
        let of_one = |(name, _): &(Box<[u8]>, usize)| name.len() + size_of::<(Box<[u8]>, usize)>();
        self.fields.iter().map(of_one).sum()
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
