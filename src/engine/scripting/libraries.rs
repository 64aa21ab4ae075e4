//! Function libraries, as FUNCTION LOAD adds them.
//!
//!  * Names of libraries are unique, and so are names of functions over all libraries.

use lua::Registered;
use std::collections::HashMap;
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
    list: Vec<Library>,
    /// The library of each function. Names are in lower case, as functions are called in any case.
    names: HashMap<Vec<u8>, u64>,
    pub(super) next_id: u64,
}

impl Libraries {
    /// The libraries, one after another.
    pub fn iter(&self) -> impl Iterator<Item = &Library> {
        self.list.iter()
    }

    /// `number_of_libraries`
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True if there are no libraries.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// `number_of_functions`
    pub fn functions(&self) -> usize {
        self.list.iter().map(|l| l.functions.len()).sum()
    }

    /// Bytes that the libraries take, without those in the interpreter.
    pub fn bytes(&self) -> usize {
        let one = |l: &Library| l.source.len() + OVERHEAD + l.functions.len() * OVERHEAD;
        self.list.iter().map(one).sum()
    }

    /// The library of that name.
    pub fn get(&self, name: &[u8]) -> Option<&Library> {
        self.list.iter().find(|l| l.name == name)
    }

    /// A function and its library.
    pub fn function(&self, name: &[u8]) -> Option<(&Library, &Registered)> {
        let id = self.names.get(&name.to_ascii_lowercase())?;
        let library = self.list.iter().find(|l| l.id == *id)?;
        let mut functions = library.functions.iter();
        let function = functions.find(|f| f.name.eq_ignore_ascii_case(name))?;
        Some((library, function))
    }

    /// An empty set. Its numbers continue after those of `self`, because the interpreter may still know the old ones.
    pub(super) fn without_any(&self) -> Libraries {
        Libraries {
            next_id: self.next_id,
            ..Libraries::default()
        }
    }

    pub(super) fn add(&mut self, library: Library) {
        let names = library.functions.iter();
        let names = names.map(|f| f.name.to_ascii_lowercase());
        self.names.extend(names.map(|name| (name, library.id)));
        self.list.push(library);
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Option<Library> {
        let at = self.list.iter().position(|l| l.name == name)?;
        let library = self.list.remove(at);
        for function in &library.functions {
            self.names.remove(&function.name.to_ascii_lowercase());
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
