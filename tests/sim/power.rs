//! What a disk holds, and what of it is there after a power cut: what was synced, and any part of the rest.
//!
//! As POSIX has it: bytes after the last sync of their file may be lost, in whole or in part, even where the file has
//! grown. Names that were made, moved or removed after the last sync of their directory are as before or as after,
//! each by itself.

use super::dumps::Content;
use forebay::base::Rng;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

pub type Shared<T> = Arc<Mutex<T>>;

pub fn lock<T>(shared: &Shared<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("nothing panics with this lock")
}

/// The names of a disk.
pub type Names = BTreeMap<PathBuf, Shared<Held>>;

/// What a file holds.
#[derive(Debug, Default, Clone)]
pub struct Held {
    pub bytes: Vec<u8>,
    /// What the dataset was at the cut of this dump, and the number of the cut.
    pub cut: Option<(Content, u64)>,
    /// It ends too early: the disk lost power and had lied.
    pub torn: bool,
    /// So many of its first bytes are durable.
    synced: usize,
    /// What was durable before the file was cut off, which is not durable yet.
    before: Option<Vec<u8>>,
    /// A sync has failed: the system has dropped the bytes from here on, and later syncs do not tell.
    dropped_from: Option<usize>,
}

impl Held {
    /// It has lost all but its first bytes, although it was synced.
    pub fn tear(&mut self, len: usize) {
        self.bytes.truncate(len);
        (self.synced, self.torn) = (len, true);
    }

    pub fn truncate(&mut self, len: usize) {
        if len < self.synced {
            let durable = self.bytes[..self.synced].to_vec();
            self.before.get_or_insert(durable);
            self.synced = len;
        }
        self.dropped_from = self.dropped_from.filter(|from| *from < len);
        self.bytes.truncate(len);
    }

    pub fn sync(&mut self) {
        self.before = None;
        self.synced = self.dropped_from.unwrap_or(self.bytes.len());
    }

    pub fn fail_sync(&mut self) {
        let from = self.dropped_from.unwrap_or(self.synced);
        self.dropped_from = Some(from.min(self.synced));
    }

    /// What a failed sync has dropped is not there for the next process: it could not know that it is not durable.
    fn drop_now(&mut self) {
        if let Some(from) = self.dropped_from.take() {
            self.bytes.truncate(from);
            self.synced = self.synced.min(from);
        }
    }

    fn lose_power(&mut self, rng: &mut Rng) {
        if let Some(before) = self.before.take()
            && rng.below(2) == 0
        {
            self.bytes = before;
        } else {
            let (synced, all) = (self.synced, self.bytes.len());
            let left = match rng.below(4) {
                0 if self.dropped_from.is_none() => all,
                1 => synced,
                _ => synced + rng.below((all - synced) as u64 + 1) as usize,
            };
            self.bytes.truncate(left);
            // The file had grown, and what it had grown by was not written.
            if rng.below(3) == 0 {
                self.bytes.resize(all, 0);
            }
        }
        (self.synced, self.dropped_from) = (self.bytes.len(), None);
    }
}

/// A change of the names that is not durable.
#[derive(Debug, Clone)]
pub enum Naming {
    Made(PathBuf, Shared<Held>),
    Moved(PathBuf, PathBuf, Shared<Held>),
    Removed(PathBuf),
}

impl Naming {
    pub fn is_in(&self, directory: &Path) -> bool {
        let (Naming::Made(path, _) | Naming::Moved(_, path, _) | Naming::Removed(path)) = self;
        path.parent() == Some(directory)
    }

    /// Gives the file that had the name.
    pub fn apply(&self, names: &mut Names) -> Option<Shared<Held>> {
        match self {
            Naming::Made(path, held) => names.insert(path.clone(), held.clone()),
            Naming::Moved(from, to, held) => {
                names.remove(from);
                names.insert(to.clone(), held.clone())
            }
            Naming::Removed(path) => names.remove(path),
        }
    }
}

/// All files of a disk.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// As a process finds them.
    pub names: Names,
    /// As they are without those changes that are not durable.
    durable: Names,
    changes: Vec<Naming>,
}

impl Files {
    /// Gives the file that had the name.
    pub fn change(&mut self, naming: Naming) -> Option<Shared<Held>> {
        let replaced = naming.apply(&mut self.names);
        self.changes.push(naming);
        replaced
    }

    pub fn sync_directory(&mut self, directory: &Path) {
        let durable = &mut self.durable;
        self.changes.retain(|naming| {
            let inside = naming.is_in(directory);
            if inside {
                naming.apply(durable);
            }
            !inside
        });
    }

    /// The process ends.
    pub fn process_ends(&self) {
        for held in self.names.values().chain(self.durable.values()) {
            lock(held).drop_now();
        }
    }

    /// The machine loses power.
    pub fn lose_power(&mut self, rng: &mut Rng) {
        for naming in std::mem::take(&mut self.changes) {
            if rng.below(2) == 0 {
                naming.apply(&mut self.durable);
            }
        }
        for held in self.durable.values() {
            lock(held).lose_power(rng);
        }
        self.names.clone_from(&self.durable);
    }

    /// The same files, which do not change when these do.
    pub fn image(&self) -> Files {
        let mut copies = BTreeMap::new();
        let mut copy = |held: &Shared<Held>| {
            let copied = copies
                .entry(Arc::as_ptr(held))
                .or_insert_with(|| Arc::new(Mutex::new(lock(held).clone())));
            copied.clone()
        };
        let mut all = |names: &Names| -> Names {
            let copied = names.iter().map(|(path, held)| (path.clone(), copy(held)));
            copied.collect()
        };
        let (names, durable) = (all(&self.names), all(&self.durable));
        let changes = self.changes.iter().map(|naming| match naming {
            Naming::Made(path, held) => Naming::Made(path.clone(), copy(held)),
            Naming::Moved(from, to, held) => Naming::Moved(from.clone(), to.clone(), copy(held)),
            Naming::Removed(path) => Naming::Removed(path.clone()),
        });
        Files {
            changes: changes.collect(),
            names,
            durable,
        }
    }
}
