//! How Lua scripts and functions run. The interpreter and the parser for the first line of a script are in the room
//! `lua`; EVAL, SCRIPT, FUNCTION, FCALL and related commands are in `commands`.
//!
//! | file | contents |
//! |---|---|
//! | `machines` | the interpreters and what they hold, independent of the engine |
//! | `cache`, `libraries` | what has been loaded |
//! | `compile`, `load` | how it is loaded |
//! | `payload` | libraries as bytes |
//! | `running`, `parked` | the running script, and a script that waits for its next slice |
//! | `run` | a script from its start to its end |
//! | `busy` | long-running scripts |
//!
//! Why an interpreter is a coroutine: `docs/decisions/0006-scripting.md`.

pub mod busy;
pub mod cache;
mod compile;
pub mod libraries;
pub mod load;
mod machines;
mod parked;
pub mod payload;
pub mod run;
mod running;

pub use busy::AtRest;
pub use cache::{Cache, Script};
pub use libraries::{Libraries, Library};
pub use machines::Scripting;
pub use parked::{CallRest, Rest};
pub use running::Running;

use crate::Engine;
use lua::bounds::MEMORY_MIN;
use lua::{Answer, Ask, Kind};

/// An interpreter may hold a quarter of the machine's memory, but at least [`MEMORY_MIN`] and at most this much.
/// No script has use for more, and collecting more takes seconds.
const MEMORY_MAX: usize = 4 << 30;

impl Engine {
    /// Sends a request to an interpreter, which is created if there is none yet.
    pub fn ask_vm(&mut self, kind: Kind, ask: Ask) -> Answer {
        if self.scripting.memory_max == 0 {
            let total = (self.total_memory)();
            self.scripting.memory_max = (total / 4).clamp(MEMORY_MIN.get(), MEMORY_MAX);
        }
        self.scripting.ask(kind, self.timer, ask)
    }
}
