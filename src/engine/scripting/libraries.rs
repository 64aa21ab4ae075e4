//! Function libraries, as FUNCTION LOAD adds them.
//!
//!  * Names of libraries are unique, and so are names of functions over all libraries.

use lua::Registered;
use std::collections::{BTreeMap, HashMap};

/// Roughly what a library costs in addition to its source.
const OVERHEAD: usize = 200;

/// A library.
pub struct Library {
    /// Its name.
    pub name: Vec<u8>,
    /// Its number in the interpreter.
    pub id: u64,
    /// What was loaded.
    pub source: Vec<u8>,
    /// The functions that the library registered.
    pub functions: Vec<Registered>,
}

/// All libraries, in the order in which they were loaded.
#[derive(Default)]
pub struct Libraries {
    /// By number, which grows with each load.
    all: BTreeMap<u64, Library>,
    /// The number of each library, by its name.
    numbers: HashMap<Vec<u8>, u64>,
    /// The library of each function, and the function's place in it. Names are in lower case, as functions are called
    /// in any case.
    functions: HashMap<Vec<u8>, (u64, usize)>,
    pub(super) next_id: u64,
}

impl Libraries {
    /// What was loaded, of each library.
    pub fn sources(&self) -> Vec<Vec<u8>> {
        self.iter().map(|l| l.source.clone()).collect()
    }

    /// The libraries, one after another.
    pub fn iter(&self) -> impl Iterator<Item = &Library> {
        self.all.values()
    }

    /// `number_of_libraries`
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// True if there are no libraries.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// `number_of_functions`
    pub fn functions(&self) -> usize {
        self.iter().map(|l| l.functions.len()).sum()
    }

    /// Bytes that the libraries take, without those in the interpreter.
    pub fn bytes(&self) -> usize {
        let one = |l: &Library| l.source.len() + OVERHEAD + l.functions.len() * OVERHEAD;
        self.iter().map(one).sum()
    }

    /// The library of that name.
    pub fn get(&self, name: &[u8]) -> Option<&Library> {
        self.all.get(self.numbers.get(name)?)
    }

    /// A function and its library.
    pub fn function(&self, name: &[u8]) -> Option<(&Library, &Registered)> {
        let (id, at) = self.functions.get(&name.to_ascii_lowercase())?;
        let library = self.all.get(id)?;
        Some((library, &library.functions[*at]))
    }

    /// An empty set. Its numbers continue after those of `self`, because the interpreter may still know the old ones.
    pub(super) fn without_any(&self) -> Libraries {
        Libraries {
            next_id: self.next_id,
            ..Libraries::default()
        }
    }

    pub(super) fn add(&mut self, library: Library) {
        for (at, function) in library.functions.iter().enumerate() {
            let name = function.name.to_ascii_lowercase();
            self.functions.insert(name, (library.id, at));
        }
        self.numbers.insert(library.name.clone(), library.id);
        self.all.insert(library.id, library);
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Option<Library> {
        let library = self.all.remove(&self.numbers.remove(name)?)?;
        for function in &library.functions {
            self.functions.remove(&function.name.to_ascii_lowercase());
        }
        Some(library)
    }

    /// The first of a library's functions whose name another library (except `except`) uses.
    pub(super) fn collision(&self, functions: &[Registered], except: &[u8]) -> Option<Vec<u8>> {
        let taken = |f: &&Registered| {
            let owner = self.function(&f.name);
            owner.is_some_and(|(library, _)| library.name != except)
        };
        functions.iter().find(taken).map(|f| f.name.clone())
    }
}
