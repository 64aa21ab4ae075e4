//! What native functions share: access to the engine, and buffers that outlive a long jump.

use super::pace::Pace;
use super::{Answer, Ask, Call};
use corosensei::Yielder;
use mlua::Lua;
use resp::Proto;
use std::cell::{Cell, UnsafeCell};
use std::ptr::NonNull;
use std::rc::Rc;

/// A buffer that has grown beyond this is freed after use.
const KEPT_MAX: usize = 64 << 10;

/// What an interpreter's native functions work for and with.
pub struct Host {
    yielder: NonNull<Yielder<Ask, Answer>>,
    /// How many bytes Lua holds, which the engine can read.
    memory: Rc<Cell<usize>>,
    /// The work of the script that is running.
    pub pace: Rc<Pace>,
    /// What `redis.setresp` chose.
    pub proto: Cell<Proto>,
    /// Lent to one native function at a time.
    pub(super) work: UnsafeCell<Work>,
}

/// Buffers of native functions. They are here and not in the functions because Lua leaves those by long jumps.
#[derive(Default)]
pub struct Work {
    /// A command, between two of them.
    pub call: Option<Box<Call>>,
    /// What a function puts together.
    pub out: Vec<u8>,
    /// An error's text.
    pub text: Vec<u8>,
}

impl Work {
    /// Gives back what one large value took.
    pub fn trim(&mut self) {
        if let Some(call) = &mut self.call {
            call.words.empty();
            empty(&mut call.reply);
        }
        empty(&mut self.out);
        empty(&mut self.text);
    }
}

/// Clears a buffer, and frees its memory if it has grown large.
pub fn empty(buffer: &mut Vec<u8>) {
    match buffer.capacity() > KEPT_MAX {
        true => *buffer = Vec::new(),
        false => buffer.clear(),
    }
}

impl Host {
    /// The host of an interpreter that communicates with the engine through `yielder`, and reports in `memory` how much
    /// memory Lua holds.
    ///
    /// # Safety
    /// The yielder outlives the host.
    pub unsafe fn new(
        yielder: &Yielder<Ask, Answer>,
        memory: Rc<Cell<usize>>,
        pace: Rc<Pace>,
    ) -> Rc<Host> {
        Rc::new(Host {
            yielder: NonNull::from(yielder),
            memory,
            pace,
            proto: Cell::new(Proto::Resp2),
            work: UnsafeCell::default(),
        })
    }

    /// Lets native functions of `lua` find it; see [`Host::of`].
    pub fn install(self: &Rc<Self>, lua: &Lua) {
        lua.set_app_data(self.clone());
    }

    /// The host of `lua`, which keeps it as long as it lives.
    ///
    /// # Panics
    /// Before it was installed.
    pub fn of(lua: &Lua) -> Rc<Host> {
        let host = lua.app_data_ref::<Rc<Host>>();
        host.map(|host| host.clone()).expect("an installed host")
    }

    /// Gives the engine an answer and waits for what it asks next; `memory` is what Lua holds.
    pub fn speak(&self, memory: usize, answer: Answer) -> Ask {
        self.memory.set(memory);
        // SAFETY: `actor::body` has made the host. The yielder is its parameter, and it drops the interpreter, which
        // keeps the host, before it returns.
        unsafe { self.yielder.as_ref() }.suspend(answer)
    }
}
