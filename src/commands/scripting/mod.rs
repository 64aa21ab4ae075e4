//! Lua scripts and functions: EVAL, SCRIPT, FUNCTION, FCALL and related commands.
//!
//! | file | what |
//! |---|---|
//! | `vm` | the interpreter, on a stack of its own |
//! | `eval`, `script`, `fcall`, `function` | the commands |
//! | `flags` | what the first line of a script says |
//! | `cache`, `libraries` | what has been loaded |
//! | `payload` | libraries as bytes |
//! | `run` | a script's way from its start to its end |
//! | `busy` | scripts that take long |
//!
//! Why an interpreter is a coroutine: `docs/decisions/0006-scripting.md`.

#[cfg(test)]
mod bounds_tests;
mod busy;
mod cache;
#[cfg(test)]
mod drawn_tests;
pub mod eval;
pub mod fcall;
pub mod flags;
pub mod function;
mod libraries;
mod payload;
mod run;
pub mod script;
mod sha;
#[cfg(test)]
mod tests;
pub mod vm;

pub use busy::{AtRest, CallRest, Rest};
pub use cache::{Cache, Script};
pub use libraries::{Libraries, Library};
pub use run::Running;
pub use sha::sha1_hex;

use super::{ClientFlags, ClientId, Engine, Session};
use vm::{Answer, Ask, Kind, Vm};

/// An interpreter may hold a quarter of the machine's memory, but at least this much (little in unit tests, which
/// go to the limit): one value of the greatest length, and what a script makes of it.
const MEMORY_MIN: usize = if cfg!(test) { 64 << 20 } else { 1 << 30 };
/// No script has use for more, and collecting more takes seconds.
const MEMORY_MAX: usize = 4 << 30;

/// Interpreters, scripts and libraries.
#[derive(Default)]
pub struct Scripting {
    eval: Option<Vm>,
    functions: Option<Vm>,
    /// The scripts of EVAL.
    pub cache: Cache,
    /// The libraries of functions.
    pub libraries: Libraries,
    /// The script that is running.
    pub running: Option<Box<Running>>,
    /// What scripts call commands as.
    client: Option<Box<Session>>,
    /// The last command that was admitted found too little memory.
    pub out_of_memory: bool,
    memory_max: usize,
}

impl Scripting {
    fn slot(&mut self, kind: Kind) -> &mut Option<Vm> {
        match kind {
            Kind::Eval => &mut self.eval,
            Kind::Functions => &mut self.functions,
        }
    }

    fn vm(&mut self, kind: Kind, timer: fn() -> u64) -> &mut Vm {
        let memory_max = self.memory_max.max(MEMORY_MIN);
        self.slot(kind)
            .get_or_insert_with(|| Vm::new(kind, memory_max, timer))
    }

    fn drop_vm(&mut self, kind: Kind) {
        *self.slot(kind) = None;
    }

    fn take_vm(&mut self, kind: Kind) -> Option<Vm> {
        self.slot(kind).take()
    }

    fn put_vm(&mut self, kind: Kind, vm: Option<Vm>) {
        *self.slot(kind) = vm;
    }

    fn flush_scripts(&mut self) {
        self.cache = Cache::default();
        self.drop_vm(Kind::Eval);
    }

    fn client(&mut self) -> &mut Session {
        self.client.get_or_insert_with(|| {
            let mut client = Session::new(ClientId(u64::MAX), "".into(), "".into(), 0);
            client.flags = ClientFlags::INTERNAL | ClientFlags::DENY_BLOCKING;
            client.authenticated = true;
            Box::new(client)
        })
    }

    fn take_client(&mut self) -> Box<Session> {
        self.client();
        self.client.take().expect("it was just made")
    }

    fn put_client(&mut self, client: Box<Session>) {
        self.client = Some(client);
    }

    /// The running script does not want its effects to go to replicas.
    pub(crate) fn keeps_effects(&self) -> bool {
        self.running.as_ref().is_some_and(|r| !r.replicates())
    }

    /// `used_memory_vm_eval`
    pub fn eval_memory(&self) -> usize {
        self.eval.as_ref().map_or(0, Vm::memory)
    }

    /// `used_memory_vm_functions`
    pub fn functions_memory(&self) -> usize {
        self.functions.as_ref().map_or(0, Vm::memory)
    }
}

impl Engine {
    /// Asks an interpreter, which is made when there is none yet.
    fn ask_vm(&mut self, kind: Kind, ask: Ask) -> Answer {
        if self.scripting.memory_max == 0 {
            let total = (self.total_memory)();
            self.scripting.memory_max = (total / 4).clamp(MEMORY_MIN, MEMORY_MAX);
        }
        self.scripting.vm(kind, self.timer).ask(ask)
    }
}
