//! How EVAL adds a script to the cache.

use super::cache::Script;
use crate::{CmdResult, CommandError, Engine};
use lua::flags;
use lua::{Answer, Ask, Kind, Sha};

/// The longest time that compiling a script may take, because no other client is served in the meantime.
const COMPILE_MAX_NS: u64 = 5_000_000_000;

impl Engine {
    /// Compiles a script and puts it into the cache.
    pub fn add_script(&mut self, sha: &Sha, source: &[u8], by_eval: bool) -> CmdResult {
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
        if let Some(evicted) = cache.add(sha, id, source, flags, by_eval) {
            self.stats.evicted_scripts += 1;
            self.ask_vm(Kind::Eval, Ask::Forget(evicted));
        }
        Ok(())
    }

    /// The script that a client names.
    pub fn cached(&self, sha: &[u8]) -> Option<&Script> {
        self.scripting.cache.get(&Sha::given(sha)?)
    }
}
