//! Lua scripts and functions: how they run. The interpreter, and what the first line of a script says, are the room
//! `lua`; the commands EVAL, SCRIPT, FUNCTION, FCALL and their relatives are in `commands`.
//!
//! | file | what |
//! |---|---|
//! | `cache`, `libraries` | what has been loaded |
//! | `payload` | libraries as bytes |
//! | `run` | a script from its start to its end |
//! | `busy` | scripts that take long |
//!
//! Why an interpreter is a coroutine: `docs/decisions/0006-scripting.md`.

pub mod busy;
pub mod cache;
pub mod libraries;
pub mod payload;
pub mod run;

pub use busy::{AtRest, CallRest, Rest};
pub use cache::{Cache, Script};
pub use libraries::{Libraries, Library};
pub use run::Running;

use super::{ClientFlags, ClientId, Engine, Session};
use lua::bounds::MEMORY_MIN;
use lua::{Answer, Ask, Kind, Run, Vm};

/// An interpreter may hold a quarter of the machine's memory, but at least [`MEMORY_MIN`] and at most this much.
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
    /// A run that is over: its buffers serve the next one.
    spare: Option<Box<Run>>,
    /// What scripts call commands as.
    client: Option<Box<Session>>,
    /// The last command that was admitted found too little memory.
    pub out_of_memory: bool,
    memory_max: usize,
}

impl Scripting {
    /// The place of an interpreter.
    pub fn slot(&mut self, kind: Kind) -> &mut Option<Vm> {
        match kind {
            Kind::Eval => &mut self.eval,
            Kind::Functions => &mut self.functions,
        }
    }

    /// Asks an interpreter, which is made when there is none yet. If the system has no memory for it, what was asked
    /// fails.
    fn ask(&mut self, kind: Kind, timer: fn() -> u64, ask: Ask) -> Answer {
        let memory_max = self.memory_max.max(MEMORY_MIN.get());
        let slot = self.slot(kind);
        let vm = match slot {
            Some(vm) => vm,
            None => match Vm::new(kind, memory_max, timer) {
                Ok(vm) => slot.insert(vm),
                Err(why) => return ask.refused(&why),
            },
        };
        vm.ask(ask)
    }

    /// Ends an interpreter and forgets what was loaded into it.
    pub fn drop_vm(&mut self, kind: Kind) {
        *self.slot(kind) = None;
    }

    /// Takes an interpreter out, to be put back.
    pub fn take_vm(&mut self, kind: Kind) -> Option<Vm> {
        self.slot(kind).take()
    }

    /// Puts an interpreter in.
    pub fn put_vm(&mut self, kind: Kind, vm: Option<Vm>) {
        *self.slot(kind) = vm;
    }

    /// Forgets the scripts of EVAL.
    pub fn flush_scripts(&mut self) {
        self.cache = Cache::default();
        self.drop_vm(Kind::Eval);
    }

    /// What scripts call commands as.
    pub fn client(&mut self) -> &mut Session {
        self.client.get_or_insert_with(|| {
            let mut client = Session::new(ClientId(u64::MAX), "".into(), "".into(), 0);
            client.flags = ClientFlags::INTERNAL | ClientFlags::DENY_BLOCKING;
            Box::new(client)
        })
    }

    /// Takes that session out, to be put back.
    pub fn take_client(&mut self) -> Box<Session> {
        self.client();
        self.client.take().expect("it was just made")
    }

    /// Puts that session back.
    pub fn put_client(&mut self, client: Box<Session>) {
        self.client = Some(client);
    }

    /// The running script does not want its effects to go to replicas.
    pub fn keeps_effects(&self) -> bool {
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
    pub fn ask_vm(&mut self, kind: Kind, ask: Ask) -> Answer {
        if self.scripting.memory_max == 0 {
            let total = (self.total_memory)();
            self.scripting.memory_max = (total / 4).clamp(MEMORY_MIN.get(), MEMORY_MAX);
        }
        self.scripting.ask(kind, self.timer, ask)
    }
}
