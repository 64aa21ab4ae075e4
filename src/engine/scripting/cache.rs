//! The scripts that EVAL and SCRIPT LOAD have added, by the SHA-1 of their source.
//!
//!  * A script that SCRIPT LOAD added is kept until SCRIPT FLUSH.
//!  * Of those that EVAL added, the last [`EVAL_MAX`] are kept; otherwise clients that build scripts out of values
//!    would fill the memory.
//!  * They are in a queue by their last use, as far as it was known when they were put there: a call touches the
//!    script only, and eviction moves those that it finds used since then to their right place.

use crate::{CmdResult, CommandError, Engine};
use lua::flags::{self, ScriptFlags};
use lua::{Answer, Ask, Kind, Sha};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// Scripts that came by EVAL and may be called again by EVALSHA.
const EVAL_MAX: usize = 500;
/// What a script costs beside its source, roughly.
const OVERHEAD: usize = 160;

/// A cached script.
pub struct Script {
    /// Its number in the interpreter.
    pub id: u64,
    /// Its name.
    pub name: Rc<str>,
    /// Its flags.
    pub flags: ScriptFlags,
    source_len: usize,
    /// When it was last used, if it may be evicted.
    used: Option<u64>,
}

/// All of them.
#[derive(Default)]
pub struct Cache {
    scripts: HashMap<Rc<str>, Script>,
    /// Those that may be evicted, by a use: not after their last one, in ascending order.
    evictable: VecDeque<(u64, Rc<str>)>,
    uses: u64,
    bytes: usize,
    next_id: u64,
}

impl Cache {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.scripts.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.scripts.is_empty()
    }

    /// Bytes that they cost, without what the interpreter holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The script of that name (lower case).
    pub fn get(&self, sha: &str) -> Option<&Script> {
        self.scripts.get(sha)
    }

    /// As [`Cache::get`], by a call: it is not the first to be evicted.
    pub fn call(&mut self, sha: &str) -> Option<&Script> {
        let script = self.scripts.get_mut(sha)?;
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
        sha: &str,
        id: u64,
        source_len: usize,
        flags: ScriptFlags,
        by_eval: bool,
    ) -> Option<u64> {
        let evicted = match by_eval && self.evictable.len() >= EVAL_MAX {
            true => self.evict(),
            false => None,
        };
        self.uses += 1;
        let name: Rc<str> = sha.into();
        let script = Script {
            id,
            name: name.clone(),
            flags,
            source_len,
            used: by_eval.then_some(self.uses),
        };
        self.bytes += source_len + OVERHEAD;
        self.scripts.insert(name.clone(), script);
        if by_eval {
            self.evictable.push_back((self.uses, name));
        }
        evicted
    }

    /// SCRIPT LOAD named it: it stays.
    pub fn keep(&mut self, sha: &str) {
        if let Some(script) = self.scripts.get_mut(sha)
            && script.used.take().is_some()
        {
            self.evictable.retain(|(_, name)| &**name != sha);
        }
    }

    fn evict(&mut self) -> Option<u64> {
        loop {
            let (use_known, name) = self.evictable.pop_front()?;
            let last_use = self.scripts.get(&name).and_then(|s| s.used)?;
            if last_use == use_known {
                let script = self.scripts.remove(&name)?;
                self.bytes -= script.source_len + OVERHEAD;
                return Some(script.id);
            }
            let at = self.evictable.partition_point(|(at, _)| *at < last_use);
            self.evictable.insert(at, (last_use, name));
        }
    }
}

/// The longest time that compiling a script may take, because no other client is served meanwhile.
const COMPILE_MAX_NS: u64 = 5_000_000_000;

impl Engine {
    /// Compiles a script and puts it into the cache.
    pub fn add_script(&mut self, sha: &str, source: &[u8], by_eval: bool) -> CmdResult {
        let (flags, code) =
            flags::of_script(source).map_err(|text| CommandError::new(format!("ERR {text}")))?;
        let id = self.scripting.cache.next_id();
        let began = (self.timer)();
        let mut ask = Ask::Compile(id, source[code..].to_vec());
        let compiled = loop {
            ask = match self.ask_vm(Kind::Eval, ask) {
                Answer::Compiled(compiled) => break compiled,
                _ if (self.timer)() - began > COMPILE_MAX_NS => Ask::Kill("it takes too long"),
                _ => Ask::Continue,
            };
        };
        if let Err(why) = compiled {
            let why = String::from_utf8_lossy(&why);
            return Err(CommandError::new(format!(
                "ERR Error compiling script (new function): {why}"
            )));
        }
        let cache = &mut self.scripting.cache;
        if let Some(evicted) = cache.add(sha, id, source.len(), flags, by_eval) {
            self.stats.evicted_scripts += 1;
            self.ask_vm(Kind::Eval, Ask::Forget(evicted));
        }
        Ok(())
    }

    /// The script that a client names.
    pub fn cached(&self, sha: &[u8]) -> Option<&Script> {
        self.scripting.cache.get(Sha::given(sha)?.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Cache, EVAL_MAX, ScriptFlags};

    #[test]
    fn of_evals_scripts_the_last_five_hundred_stay() {
        let mut cache = Cache::default();
        let add = |cache: &mut Cache, name: &str, by_eval| {
            let id = cache.next_id();
            cache.add(name, id, 10, ScriptFlags::COMPAT, by_eval)
        };
        add(&mut cache, "loaded", false);
        add(&mut cache, "kept", true);
        cache.keep("kept");
        for i in 0..EVAL_MAX {
            assert_eq!(add(&mut cache, &i.to_string(), true), None);
        }
        cache.call("0");
        assert!(add(&mut cache, "one more", true).is_some());
        assert!(cache.get("0").is_some() && cache.get("1").is_none());
        assert!(cache.get("loaded").is_some() && cache.get("kept").is_some());
        assert_eq!(cache.len(), EVAL_MAX + 2);
    }
}
