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
//! | `messages` | what the engine and an interpreter say to each other |
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
mod messages;
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

pub use messages::{Answer, Ask, Call, Kind, Outcome, Registered, Run};
pub use sha::Sha;

use base::reserve;
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult};
use std::cell::Cell;
use std::io;
use std::rc::Rc;

/// Bytes of an interpreter's stack; only the pages that are touched cost memory. Lua nests at most 200 C calls, some of
/// which keep buffers of 8 KiB; patterns and nested data recurse within limits that fit, too.
const STACK: usize = 32 << 20;

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
