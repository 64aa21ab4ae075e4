//! The scripts that EVAL and SCRIPT LOAD have added, by the SHA-1 of their source.
//!
//!  * A script that SCRIPT LOAD added is kept until SCRIPT FLUSH.
//!  * Of those that EVAL added, the last [`EVAL_MAX`] are kept; otherwise clients that build scripts out of values
//!    would fill the memory.
//!  * They are queued in the order of their last use as it was known when they were queued. A call only updates the
//!    script, and eviction moves scripts that have been used since to their right place.

use lua::Sha;
use lua::flags::ScriptFlags;
use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// How many scripts of EVAL are kept for EVALSHA.
const EVAL_MAX: usize = 500;
/// Roughly what a script costs in addition to its source.
const OVERHEAD: usize = 160;

/// A cached script.
pub struct Script {
    /// Its number in the interpreter.
    pub id: u64,
    /// Its name.
    pub name: Rc<str>,
    /// Its flags.
    pub flags: ScriptFlags,
    /// What SCRIPT SHOW shows.
    pub source: Box<[u8]>,
    /// When it was last used, if it may be evicted.
    used: Option<u64>,
}

/// All cached scripts.
#[derive(Default)]
pub struct Cache {
    scripts: Vec<Script>,
    /// The place of each script in `scripts`, by its name.
    places: HashMap<Rc<str>, usize>,
    /// The place of the script that was looked up last. A call looks its script up more than once, and is often
    /// followed by a call of the same script.
    recent: Cell<usize>,
    /// The scripts that may be evicted, by a time of use that is at most their last one, in ascending order.
    evictable: VecDeque<(u64, Rc<str>)>,
    uses: u64,
    bytes: usize,
    next_id: u64,
}

impl Cache {
    /// Number of scripts.
    pub fn len(&self) -> usize {
        self.scripts.len()
    }

    /// True if there are no scripts.
    pub fn is_empty(&self) -> bool {
        self.scripts.is_empty()
    }

    /// Bytes that the scripts take, without those in the interpreter.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn place(&self, sha: &Sha) -> Option<usize> {
        let recent = self.recent.get();
        if let Some(script) = self.scripts.get(recent)
            && sha.is(&script.name)
        {
            return Some(recent);
        }
        let place = *self.places.get(sha.as_str())?;
        self.recent.set(place);
        Some(place)
    }

    /// The script of that name.
    pub fn get(&self, sha: &Sha) -> Option<&Script> {
        self.scripts.get(self.place(sha)?)
    }

    /// As [`Cache::get`], for a call, which counts as a use.
    pub fn call(&mut self, sha: &Sha) -> Option<&Script> {
        let place = self.place(sha)?;
        let script = self.scripts.get_mut(place)?;
        if let Some(used) = &mut script.used {
            self.uses += 1;
            *used = self.uses;
        }
        Some(script)
    }

    /// A number for a script that is about to be compiled.
    pub fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Adds a script; returns the number of the one that was evicted for it.
    pub fn add(
        &mut self,
        sha: &Sha,
        id: u64,
        source: &[u8],
        flags: ScriptFlags,
        by_eval: bool,
    ) -> Option<u64> {
        let evicted = match by_eval && self.evictable.len() >= EVAL_MAX {
            true => self.evict(),
            false => None,
        };
        self.uses += 1;
        let name: Rc<str> = sha.as_str().into();
        let script = Script {
            id,
            name: name.clone(),
            flags,
            source: source.into(),
            used: by_eval.then_some(self.uses),
        };
        self.bytes += source.len() + OVERHEAD;
        self.places.insert(name.clone(), self.scripts.len());
        self.scripts.push(script);
        if by_eval {
            self.evictable.push_back((self.uses, name));
        }
        evicted
    }

    /// Keeps a script for good, because SCRIPT LOAD has named it.
    pub fn keep(&mut self, sha: &Sha) {
        if let Some(place) = self.place(sha)
            && self.scripts[place].used.take().is_some()
        {
            self.evictable.retain(|(_, name)| !sha.is(name));
        }
    }

    fn evict(&mut self) -> Option<u64> {
        loop {
            let (use_known, name) = self.evictable.pop_front()?;
            let place = *self.places.get(&name)?;
            let last_use = self.scripts[place].used?;
            if last_use == use_known {
                self.places.remove(&name);
                let script = self.scripts.swap_remove(place);
                if let Some(moved) = self.scripts.get(place) {
                    self.places.insert(moved.name.clone(), place);
                }
                self.bytes -= script.source.len() + OVERHEAD;
                return Some(script.id);
            }
            let at = self.evictable.partition_point(|(at, _)| *at < last_use);
            self.evictable.insert(at, (last_use, name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cache, EVAL_MAX, ScriptFlags, Sha};

    fn sha(name: impl ToString) -> Sha {
        Sha::of(name.to_string().as_bytes())
    }

    fn add(cache: &mut Cache, name: impl ToString, by_eval: bool) -> Option<u64> {
        let id = cache.next_id();
        cache.add(&sha(name), id, b"return 1 1", ScriptFlags::COMPAT, by_eval)
    }

    #[test]
    fn of_evals_scripts_the_last_five_hundred_stay() {
        let mut cache = Cache::default();
        add(&mut cache, "loaded", false);
        add(&mut cache, "kept", true);
        cache.keep(&sha("kept"));
        for i in 0..EVAL_MAX {
            assert_eq!(add(&mut cache, i, true), None);
        }
        cache.call(&sha(0));
        assert!(add(&mut cache, "one more", true).is_some());
        assert!(cache.get(&sha(0)).is_some() && cache.get(&sha(1)).is_none());
        assert!(cache.get(&sha("loaded")).is_some() && cache.get(&sha("kept")).is_some());
        assert_eq!(cache.len(), EVAL_MAX + 2);
    }

    #[test]
    fn a_name_leads_to_its_script_whatever_was_evicted_before() {
        let mut cache = Cache::default();
        for i in 0..3 * EVAL_MAX {
            add(&mut cache, i, true);
            let _ = cache.call(&sha(i / 2));
            for known in [i, i / 2, i.saturating_sub(7)] {
                if let Some(script) = cache.get(&sha(known)) {
                    assert_eq!(
                        (&*script.name, script.id),
                        (sha(known).as_str(), known as u64 + 1)
                    );
                }
            }
        }
        assert!(cache.get(&sha(3 * EVAL_MAX - 1)).is_some() && cache.get(&sha(0)).is_none());
        assert_eq!(cache.len(), EVAL_MAX);
    }
}
