//! The interpreters, and what has been loaded into them.

use super::cache::Cache;
use super::libraries::Libraries;
use super::running::Running;
use crate::{ClientFlags, ClientId, Session};
use lua::bounds::MEMORY_MIN;
use lua::{Answer, Ask, Kind, Run, Vm};

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
    pub(super) spare: Option<Box<Run>>,
    /// What scripts call commands as.
    client: Option<Box<Session>>,
    /// The last command that was admitted found too little memory.
    pub out_of_memory: bool,
    pub(super) memory_max: usize,
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
    pub(super) fn ask(&mut self, kind: Kind, timer: fn() -> u64, ask: Ask) -> Answer {
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
