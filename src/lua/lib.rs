//! A Lua interpreter on a stack of its own.
//!
//! ```text
//!   engine                                  interpreter (coroutine)
//!     Ask::Run --------------------------->  the script runs
//!     <--- Answer::Call(SET k v) ----------  redis.call
//!     Ask::Reply(+OK) -------------------->  the script continues
//!     <--- Answer::Pause ------------------  after much work
//!     Ask::Continue or Ask::Kill --------->  the script continues, or is unwound by errors
//!     <--- Answer::Done(reply) ------------
//! ```
//!
//!  * The interpreter never accesses the engine: a script's request is a message, which the engine executes on its own
//!    stack. Therefore a script can wait between two messages while the server does other work.
//!  * An interpreter does one thing at a time: it is sent a message only after it has answered the previous one.
//!  * A script cannot end the process: its memory is bounded, and Lua's own limits bound its recursion; the stack is
//!    large enough for them. While the process [is short](base::reserve::is_short) of memory, scripts get none.
//!
//! | file | contents |
//! |---|---|
//! | `actor` | the coroutine's body: what each message does |
//! | `entry` | calling a script from there, in one protected call |
//! | `failure` | the error handler |
//! | `sandbox` | the globals that scripts see |
//! | `api`, `call` | the table `redis`, and the commands that scripts call |
//! | `register` | `redis.register_function` |
//! | `pace` | how a running script yields, and is killed |
//! | `native`, `stack`, `host` | functions that work on Lua's own stack, which scripts call very often |
//! | `raw` | Lua's C interface: raising errors, read-only tables |
//! | `checked` | library functions of Lua that are unsound or endless with hostile numbers |
//! | `pattern` | Lua's patterns, matched in steps |
//! | `matching` | `string.find`, `match`, `gmatch`, `gsub` |
//! | `text` | functions that build strings: `string.rep`, `table.concat` and others |
//! | `compile` | compiling source text, in pieces |
//! | `memory` | Lua's allocations: bounded, with an error if there is no memory |
//! | `inside` | Lua's own structures |
//! | `strings` | Lua's table of strings, with a secret hash |
//! | `tables` | Lua's tables, with a secret hash where keys collide |
//! | [`bounds`] | limits on what scripts build |
//! | `output` | bounded strings that functions build |
//! | `to_lua`, `to_reply` | replies as Lua values, and Lua values as replies |
//! | `cjson`, `cmsgpack`, `bitop`, `packing`, `random` | libraries |

mod actor;
mod api;
mod bitop;
pub mod bounds;
mod call;
mod checked;
mod cjson;
mod cmsgpack;
mod compile;
mod entry;
mod failure;
pub mod flags;
mod host;
mod inside;
#[cfg(test)]
mod limit_tests;
mod matching;
mod memory;
mod native;
mod number;
mod output;
mod pace;
mod packing;
mod pattern;
mod random;
mod raw;
mod register;
mod sandbox;
mod sha;
mod stack;
pub mod strings;
mod tables;
mod text;
mod to_lua;
mod to_reply;
mod verdict;
pub mod words;

use base::{LogLevel, reserve};
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult};
use resp::{Proto, Reply};
pub use sha::Sha;
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use words::Words;

/// Bytes of an interpreter's stack; only the pages that are touched cost memory. Lua nests at most 200 C calls, some of
/// which keep buffers of 8 KiB; patterns and nested data recurse within limits that fit, too.
const STACK: usize = 32 << 20;

/// What an interpreter is for: its globals differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// For EVAL, EVALSHA and their read-only variants.
    Eval,
    /// For the libraries of FUNCTION LOAD and the calls of FCALL.
    Functions,
}

/// A message to an interpreter. The name after a colon is the [`Answer`] to it.
pub enum Ask {
    /// Compile the body of a script and keep it under a number: `Compiled`. May pause.
    Compile(u64, Vec<u8>),
    /// Run a library's code, which registers functions, and keep them under a number: `Loaded`. May pause.
    Load(u64, Vec<u8>),
    /// Forget the functions that are kept under a number: `Ready`.
    Forget(u64),
    /// Collect garbage: `Ready`.
    Collect,
    /// Run something: `Done`, after any number of other answers.
    Run(Box<Run>),
    /// The `Call`, with its reply.
    Reply(Box<Call>),
    /// The answer to a `CheckCommand`: whether the client may run it; `None` if there is no such command.
    Allowed(Option<bool>),
    /// The answer to a `SetRepl` or a `Log`.
    Said(bool),
    /// Go on after a `Pause`.
    Continue,
    /// Instead of `Continue`: end with this error.
    Kill(&'static str),
    /// End the interpreter.
    Quit,
}

impl Ask {
    /// The answer of an interpreter that could not be made.
    pub fn refused(self, why: &io::Error) -> Answer {
        let text = format!("no memory for an interpreter: {why}");
        match self {
            Ask::Compile(..) => Answer::Compiled(Err(text.into())),
            Ask::Load(..) => Answer::Loaded(Err(text.into())),
            Ask::Run(mut run) => {
                run.outcome = Outcome::error(format!("ERR {text}").as_bytes());
                Answer::Done(run)
            }
            _ => Answer::Ready,
        }
    }
}

/// A command that a script calls.
#[derive(Default)]
pub struct Call {
    /// Its name and its arguments.
    pub words: Words,
    /// What it replies; nothing yet when it is called.
    pub reply: Vec<u8>,
    /// The protocol that the script has chosen.
    pub proto: Proto,
}

/// What to run.
#[derive(Default)]
pub struct Run {
    /// The number under which it is kept.
    pub id: u64,
    /// Which of a library's functions.
    pub function: Option<Vec<u8>>,
    /// `KEYS`
    pub keys: Words,
    /// `ARGV`
    pub args: Words,
    /// The protocol of the client that gets the reply.
    pub proto: Proto,
    /// Bytes that the reply may have.
    pub reply_max: usize,
    /// What errors call it.
    pub name: Option<Rc<str>>,
    /// What has come of it. Before that, a buffer for the reply.
    pub outcome: Outcome,
}

impl Run {
    /// What errors call it.
    fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Keeps the buffer of a reply that has been read.
    pub fn keep_buffer(&mut self, mut reply: Vec<u8>) {
        host::empty(&mut reply);
        self.outcome.reply = reply;
    }
}

/// What an interpreter answers.
pub enum Answer {
    /// It is done and has nothing to tell.
    Ready,
    /// The result of `Compile`; the error is Lua's message.
    Compiled(Result<(), Vec<u8>>),
    /// The result of `Load`.
    Loaded(Result<Vec<Registered>, Vec<u8>>),
    /// The script calls a command.
    Call(Box<Call>),
    /// `redis.set_repl`: the flags.
    SetRepl(i64),
    /// `redis.log`
    Log(LogLevel, Vec<u8>),
    /// `redis.acl_check_cmd`: is this a command that the client may run?
    CheckCommand(Box<Call>),
    /// Some time has passed.
    Pause,
    /// The script has ended, with the outcome of the run.
    Done(Box<Run>),
}

/// What a script ended with.
#[derive(Default)]
pub struct Outcome {
    /// The reply, encoded.
    pub reply: Vec<u8>,
    /// It would have been larger than the client may have pending.
    pub too_large: bool,
    /// The errors in it that have not been counted yet.
    pub errors: Vec<Vec<u8>>,
    /// How many of its errors have been counted where they arose.
    pub counted: u64,
}

impl Outcome {
    /// An error that has not been counted.
    fn error(text: &[u8]) -> Outcome {
        let mut reply = Reply::new(Proto::Resp2);
        reply.error_bytes(text);
        Outcome {
            reply: reply.take(),
            errors: vec![text.to_vec()],
            ..Outcome::default()
        }
    }
}

/// A function that a library registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its name.
    pub name: Vec<u8>,
    /// Its description.
    pub description: Option<Vec<u8>>,
    /// Its flags.
    pub flags: flags::ScriptFlags,
}

/// A running interpreter.
pub struct Vm {
    coroutine: Option<Coroutine<Ask, Answer, ()>>,
    memory: Rc<Cell<usize>>,
    /// It waits for the answer to something that it asked in the middle of a script.
    midway: bool,
}

impl Vm {
    /// A fresh interpreter whose scripts may hold `memory_max` bytes. `timer` is a clock, in nanoseconds.
    ///
    /// # Errors
    /// The system refuses the memory for its stack, or has refused some a moment ago: what an empty interpreter needs
    /// must not be refused while it is created.
    pub fn new(kind: Kind, memory_max: usize, timer: fn() -> u64) -> io::Result<Vm> {
        reserve::check()?;
        let memory = Rc::new(Cell::new(0));
        let used = memory.clone();
        let stack = DefaultStack::new(STACK)?;
        let coroutine = Coroutine::with_stack(stack, move |yielder, first: Ask| {
            actor::body(yielder, first, kind, memory_max, timer, &used);
        });
        Ok(Vm {
            coroutine: Some(coroutine),
            memory,
            midway: false,
        })
    }

    /// Asks, and runs the interpreter until it answers.
    ///
    /// # Panics
    /// After `Quit`.
    pub fn ask(&mut self, ask: Ask) -> Answer {
        let coroutine = self.coroutine.as_mut().expect("asked after it ended");
        match coroutine.resume(ask) {
            CoroutineResult::Yield(answer) => {
                self.midway = !matches!(
                    answer,
                    Answer::Ready | Answer::Compiled(_) | Answer::Loaded(_) | Answer::Done(_)
                );
                answer
            }
            CoroutineResult::Return(()) => {
                self.coroutine = None;
                Answer::Ready
            }
        }
    }

    /// Bytes that Lua holds.
    pub fn memory(&self) -> usize {
        self.memory.get()
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        if self.midway {
            // Unwinding through Lua's frames is not possible, and the process is about to end.
            std::mem::forget(self.coroutine.take());
        } else if self.coroutine.is_some() {
            self.ask(Ask::Quit);
        }
    }
}
