//! How libraries are added, replaced and removed.
//!
//!  * A change is made completely or not at all: a new library runs in the interpreter before anything existing is
//!    dropped.
//!  * [`Engine::functions`](crate::Engine) holds the sources, which are saved and sent to replicas.

use super::libraries::{Libraries, Library};
use crate::{CommandError, Engine};
use lua::flags;
use lua::{Answer, Ask, Kind};
use std::collections::{HashMap, HashSet};

/// How long a library may take to register its functions.
pub const LOAD_MAX_NS: u64 = 500_000_000;

/// The same for a library that another server, or this one before, has loaded. That may have been faster; but without
/// any limit, a library that does not end would stop the start or the replica.
pub const RELOAD_MAX_NS: u64 = 10 * LOAD_MAX_NS;

fn error(text: &str) -> CommandError {
    CommandError::new(format!("ERR {text}"))
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// What FUNCTION RESTORE does with the present libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// They are removed.
    Flush,
    /// The present libraries are kept, and the new ones must have other names.
    Append,
    /// Libraries with the same name replace them.
    Replace,
}

impl Engine {
    /// FUNCTION LOAD. Returns the name of the library.
    ///
    /// # Errors
    /// As the reference words them.
    pub fn load_library(
        &mut self,
        source: &[u8],
        replace: bool,
        limit_ns: u64,
    ) -> Result<Vec<u8>, CommandError> {
        let library = self.prepare_library(source, limit_ns, |libraries, name| {
            let taken = !replace && libraries.get(name).is_some();
            match taken {
                true => Err(error(&format!("Library '{}' already exists", shown(name)))),
                false => Ok(()),
            }
        })?;
        let libraries = &mut self.scripting.libraries;
        let collision = libraries.collision(&library.functions, &library.name);
        if let Some(function) = collision {
            self.ask_vm(Kind::Functions, Ask::Forget(library.id));
            let text = format!("Function {} already exists", shown(&function));
            return Err(error(&text));
        }
        let name = library.name.clone();
        self.forget_library(&name);
        self.scripting.libraries.add(library);
        Ok(name)
    }

    /// Runs the code of a library, which does not replace another one yet.
    fn prepare_library(
        &mut self,
        source: &[u8],
        limit_ns: u64,
        admit: impl FnOnce(&Libraries, &[u8]) -> Result<(), CommandError>,
    ) -> Result<Library, CommandError> {
        let (name, code) = flags::of_library(source).map_err(|text| error(&text))?;
        admit(&self.scripting.libraries, &name)?;
        self.scripting.libraries.next_id += 1;
        let id = self.scripting.libraries.next_id;
        let began = (self.timer)();
        let mut ask = Ask::Load(id, source[code..].to_vec());
        let functions = loop {
            ask = match self.ask_vm(Kind::Functions, ask) {
                Answer::Loaded(Ok(functions)) => break functions,
                Answer::Loaded(Err(why)) => return Err(error(&shown(&why))),
                Answer::Log(level, text) => {
                    self.log_of_script(level, &text);
                    Ask::Said(true)
                }
                _ if (self.timer)() - began > limit_ns => Ask::Kill("FUNCTION LOAD timeout"),
                _ => Ask::Continue,
            };
        };
        Ok(Library {
            name,
            id,
            source: source.to_vec(),
            functions,
        })
    }

    fn forget_library(&mut self, name: &[u8]) -> bool {
        match self.scripting.libraries.remove(name) {
            Some(library) => {
                self.ask_vm(Kind::Functions, Ask::Forget(library.id));
                true
            }
            None => false,
        }
    }

    /// FUNCTION DELETE
    pub fn delete_library(&mut self, name: &[u8]) -> Result<(), CommandError> {
        if !self.forget_library(name) {
            return Err(error("Library not found"));
        }
        Ok(())
    }

    /// FUNCTION FLUSH
    pub fn flush_libraries(&mut self) {
        self.scripting.libraries = self.scripting.libraries.without_any();
        self.scripting.drop_vm(Kind::Functions);
    }

    /// FUNCTION RESTORE: all of the sources, or none.
    pub fn restore_libraries(
        &mut self,
        sources: &[Vec<u8>],
        policy: Policy,
    ) -> Result<(), CommandError> {
        let mut fresh: Vec<Library> = Vec::new();
        let mut names = HashSet::new();
        let mut outcome = Ok(());
        for source in sources {
            let prepared = self.prepare_library(source, LOAD_MAX_NS, |_, name| {
                match names.insert(name.to_vec()) {
                    false => Err(error(&format!("Library '{}' already exists", shown(name)))),
                    true => Ok(()),
                }
            });
            match prepared {
                Ok(library) => fresh.push(library),
                Err(e) => {
                    outcome = Err(e);
                    break;
                }
            }
        }
        let outcome = outcome.and_then(|()| self.fits(&fresh, policy));
        if let Err(e) = outcome {
            for library in fresh {
                self.ask_vm(Kind::Functions, Ask::Forget(library.id));
            }
            return Err(e);
        }
        if policy == Policy::Flush {
            let names: Vec<_> = self
                .scripting
                .libraries
                .iter()
                .map(|l| l.name.clone())
                .collect();
            names.iter().for_each(|name| _ = self.forget_library(name));
        }
        for library in fresh {
            self.forget_library(&library.name);
            self.scripting.libraries.add(library);
        }
        Ok(())
    }

    /// Whether the names of `fresh` are free.
    fn fits(&self, fresh: &[Library], policy: Policy) -> Result<(), CommandError> {
        let exists = |name: &[u8]| error(&format!("Function {} already exists", shown(name)));
        let mut seen = HashMap::new();
        for library in fresh {
            for function in &library.functions {
                let name = function.name.to_ascii_lowercase();
                let before = seen.insert(name, library.id);
                if before.is_some_and(|id| id != library.id) {
                    return Err(exists(&function.name));
                }
            }
        }
        if policy == Policy::Flush {
            return Ok(());
        }
        let libraries = &self.scripting.libraries;
        if policy == Policy::Append
            && let Some(taken) = fresh.iter().find(|l| libraries.get(&l.name).is_some())
        {
            let text = format!("Library {} already exists", shown(&taken.name));
            return Err(error(&text));
        }
        for function in fresh.iter().flat_map(|l| &l.functions) {
            let owner = libraries.function(&function.name);
            // The functions of a library that is replaced become free.
            let stays = |owner: &Library| !fresh.iter().any(|l| l.name == owner.name);
            if owner.is_some_and(|(owner, _)| stays(owner)) {
                return Err(exists(&function.name));
            }
        }
        Ok(())
    }

    /// Adds the libraries of a dump. If `replace` is set, they replace those with the same names.
    ///
    /// # Errors
    /// A name is taken. Nothing has changed in that case.
    pub fn merge_functions(
        &mut self,
        sources: &[Vec<u8>],
        replace: bool,
    ) -> Result<(), CommandError> {
        let policy = match replace {
            true => Policy::Replace,
            false => Policy::Append,
        };
        self.restore_libraries(sources, policy)
    }

    /// Replaces the present libraries by those of a dump: all of them, or none if one does not load.
    ///
    /// # Errors
    /// The error of the first library that does not load. Nothing has changed in that case.
    pub fn install_functions(&mut self, sources: &[Vec<u8>]) -> Result<(), CommandError> {
        if sources.is_empty() && self.scripting.libraries.is_empty() {
            return Ok(());
        }
        let fresh = self.scripting.libraries.without_any();
        let old = std::mem::replace(&mut self.scripting.libraries, fresh);
        let old_vm = self.scripting.take_vm(Kind::Functions);
        let loaded = sources
            .iter()
            .try_for_each(|source| self.load_library(source, false, RELOAD_MAX_NS).map(drop));
        if loaded.is_err() {
            self.scripting.libraries = old;
            self.scripting.put_vm(Kind::Functions, old_vm);
        }
        loaded
    }

    /// Returns the libraries of a damaged dump that load together, and the errors of the others.
    pub fn sound_functions(&mut self, sources: Vec<Vec<u8>>) -> (Vec<Vec<u8>>, Vec<String>) {
        let (mut sound, mut faults) = (Vec::new(), Vec::new());
        for source in sources {
            sound.push(source);
            if let Err(error) = self.install_functions(&sound) {
                sound.pop();
                faults.push(error.to_string());
            }
        }
        (sound, faults)
    }
}
