//! How a running script lets the engine do other work in between.
//!
//! Work is counted: an instruction counts as one, and functions that work for long without executing instructions
//! report their work. After every [`PAUSE_EVERY`] the engine continues, and may decide that the script must end. From
//! then on, every report fails, and so does every instruction of the coroutine that noticed, whatever `pcall` catches.
//!
//! Lua's hook counts instructions. It calls no function of Lua, so it works at any depth of calls, even where Lua
//! refuses another call. A new coroutine begins a count of its own, so creating one is charged for the instructions
//! that it may execute uncounted.
//!
//! An instruction may take long if a script holds large strings or tables. The hook is then called sooner, if necessary
//! at once, and checks the time as well.

use super::inside::State;
use super::{Answer, Ask};
use corosensei::Yielder;
use mlua::ffi::{self, lua_Debug, lua_State};
use mlua::{Lua, Result};
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_int, c_void};
use std::ops::Range;
use std::ptr::NonNull;
use std::rc::Rc;

/// Work between two [`Answer::Pause`].
pub const PAUSE_EVERY: u32 = 100_000;

/// Nanoseconds after which the engine gets the word, however little work was counted.
const PAUSE_EVERY_NS: u64 = 10_000_000;

/// Instructions between two calls of the hook, in each coroutine, unless there are large blocks.
pub const HOOK_EVERY: u32 = 1000;

/// Blocks from this size on are large.
pub const BLOCK_NOTED: usize = BLOCK_WORK / HOOK_EVERY as usize;

/// Bytes that instructions may look at between two calls of the hook: there are fewer instructions where each may look
/// at more.
const BLOCK_WORK: usize = 256 << 20;

/// An interpreter that holds less has no block that is worth a closer look.
const LITTLE: usize = 8 << 20;

/// Entries of tables that are worked on before the engine may have the word.
const PIECE: usize = 4096;

/// What a script pays for them.
const PIECE_WORK: u32 = PIECE as u32 / 4;

/// Its address names the entry in Lua's registry that leads to the [`Pace`].
static KEY: u8 = 0;

/// The script has been killed.
#[derive(Debug)]
pub struct Killed;

impl From<Killed> for mlua::Error {
    fn from(_: Killed) -> Self {
        mlua::Error::runtime("killed")
    }
}

/// Why a script was killed, and where it was.
pub struct Death {
    /// What the one who killed it says.
    pub why: &'static str,
    /// The chunk and the line.
    pub place: Option<(String, i64)>,
}

/// The work of one interpreter.
pub struct Pace {
    yielder: NonNull<Yielder<Ask, Answer>>,
    left: Cell<u32>,
    timer: fn() -> u64,
    /// When the engine had the word last.
    since: Cell<u64>,
    death: RefCell<Option<Death>>,
    /// A script is compiled or runs: the engine expects to get the word.
    has_begun: Cell<bool>,
    /// The main state, once the pace is installed.
    main: Cell<*mut lua_State>,
    memory: Rc<Cell<usize>>,
}

impl Pace {
    /// The pace of an interpreter that communicates with the engine through `yielder`, and reports in `memory` how much
    /// memory Lua holds.
    ///
    /// # Safety
    /// The yielder outlives the pace.
    pub unsafe fn new(
        yielder: &Yielder<Ask, Answer>,
        memory: Rc<Cell<usize>>,
        timer: fn() -> u64,
    ) -> Rc<Pace> {
        Rc::new(Pace {
            yielder: NonNull::from(yielder),
            left: Cell::new(PAUSE_EVERY),
            timer,
            since: Cell::new(0),
            death: RefCell::new(None),
            has_begun: Cell::new(false),
            main: Cell::new(std::ptr::null_mut()),
            memory,
        })
    }

    /// Counts the instructions of `lua` from now on.
    pub fn install(self: &Rc<Self>, lua: &Lua) -> Result<()> {
        lua.set_app_data(self.clone());
        let pace = Rc::as_ptr(self).cast_mut().cast::<c_void>();
        let main = &self.main;
        // SAFETY: the entry is read by `of_state` alone; `lua` keeps the pace alive.
        unsafe {
            lua.exec_raw::<()>((), |state| {
                ffi::lua_pushlightuserdata(state, key());
                ffi::lua_pushlightuserdata(state, pace);
                ffi::lua_rawset(state, ffi::LUA_REGISTRYINDEX);
                main.set(main_of(state));
            })?;
        }
        Self::watch(lua, HOOK_EVERY)
    }

    fn watch(lua: &Lua, every: u32) -> Result<()> {
        // SAFETY: the hook is for any state.
        unsafe {
            lua.exec_raw::<()>((), |state| {
                ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, every as c_int);
            })
        }
    }

    /// A script begins to run.
    pub fn begin(&self, lua: &Lua) {
        self.has_begun.set(true);
        self.since.set((self.timer)());
        let main = self.main.get();
        // SAFETY: the interpreter lives, and so does its main state.
        let is_far =
            main.is_null() || unsafe { ffi::lua_gethookcount(main) } == HOOK_EVERY as c_int;
        if !is_far && lua.used_memory() < LITTLE {
            // Nothing is lost if this fails: the hook comes too often.
            Self::watch(lua, HOOK_EVERY).ok();
        }
    }

    /// Counts work; gives the engine the word when it is time.
    pub fn spend(&self, work: u32) -> std::result::Result<(), Killed> {
        if self.is_killed() {
            return Err(Killed);
        }
        match self.left.get().checked_sub(work) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => self.pause(),
        }
    }

    #[cold]
    fn pause(&self) -> std::result::Result<(), Killed> {
        self.left.set(PAUSE_EVERY);
        // SAFETY: `actor::body` has made the pace. The yielder is its parameter, and it drops the interpreter, whose
        // scripts alone spend time, before it returns.
        match unsafe { self.yielder.as_ref() }.suspend(Answer::Pause) {
            Ask::Kill(why) => {
                let place = None;
                self.death.replace(Some(Death { why, place }));
                Err(Killed)
            }
            _ => {
                self.since.set((self.timer)());
                Ok(())
            }
        }
    }

    /// As [`spend`](Self::spend), but gives the engine the word also when much time has passed.
    pub fn spend_time(&self, work: u32) -> std::result::Result<(), Killed> {
        self.spend(work)?;
        match (self.timer)().saturating_sub(self.since.get()) < PAUSE_EVERY_NS {
            true => Ok(()),
            false => self.pause(),
        }
    }

    /// As [`spend_time`](Self::spend_time), where nothing can fail and whatever the engine says: a script that must
    /// end does so afterwards.
    pub fn give_way(&self, work: u32) {
        if self.has_begun.get() {
            _ = self.spend_time(work);
        }
    }

    /// True if the script must end.
    pub fn is_killed(&self) -> bool {
        self.death.borrow().is_some()
    }

    /// What killed the script that has ended; the next one lives.
    pub fn take_death(&self, lua: &Lua) -> Option<Death> {
        self.has_begun.set(false);
        let death = self.death.take()?;
        self.left.set(PAUSE_EVERY);
        // The hook was set to come at once. Nothing is lost if this fails: it comes too often.
        let block = lua.used_memory().max(BLOCK_NOTED);
        Self::watch(lua, (BLOCK_WORK / block).max(1) as u32).ok();
        Some(death)
    }

    fn note_place(&self, source: &CStr, line: c_int) {
        if let Some(death) = &mut *self.death.borrow_mut() {
            let source = source.to_string_lossy().into_owned();
            death.place.get_or_insert((source, i64::from(line)));
        }
    }
}

fn key() -> *mut c_void {
    (&raw const KEY).cast_mut().cast()
}

/// The pace of the interpreter that `state` belongs to.
///
/// # Safety
/// A live state with room for two values; the reference must not outlive the interpreter.
pub unsafe fn of_state<'a>(state: *mut lua_State) -> Option<&'a Pace> {
    // SAFETY: `install` put the pointer there, and the interpreter keeps what it points to.
    unsafe {
        ffi::lua_pushlightuserdata(state, key());
        ffi::lua_rawget(state, ffi::LUA_REGISTRYINDEX);
        let pace = ffi::lua_touserdata(state, -1).cast::<Pace>();
        ffi::lua_pop(state, 1);
        pace.as_ref()
    }
}

/// Counts the work of a C function, and raises an error if the script has been killed.
///
/// # Safety
/// As [`of_state`]. May leave by a long jump.
pub unsafe fn spend(state: *mut lua_State, work: u32) {
    // SAFETY: the callers are C functions, which Lua calls with a live state and room for 20 values; they leave room
    // for two. Nothing here owns what a long jump would leak.
    unsafe {
        if let Some(pace) = of_state(state)
            && pace.spend(work).is_err()
        {
            raise(state);
        }
    }
}

/// Runs `work` for the numbers from `start` to `end` in pieces, and yields to the engine in between, even though Lua is
/// in the middle of something that cannot fail. It stops at the first piece for which `work` returns false, and returns
/// false.
///
/// # Safety
/// A live state, above whose stack are the places for two values that Lua keeps for itself. What is changed is seen by
/// nothing but this interpreter.
pub unsafe fn in_pieces(
    state: *mut State,
    start: usize,
    end: usize,
    mut work: impl FnMut(Range<usize>) -> bool,
) -> bool {
    let pace = match end.saturating_sub(start) > PIECE {
        // SAFETY: the callers are functions of Lua's tables and strings, which have the live state from Lua. Above
        // every stack Lua keeps room for a few values of its own, of which two are used. The interpreter lives as long
        // as this function, which it has called.
        true => unsafe { of_state(state.cast()) },
        false => None,
    };
    (start..end).step_by(PIECE).all(|from| {
        if let Some(pace) = pace {
            pace.give_way(PIECE_WORK);
        }
        work(from..end.min(from + PIECE))
    })
}

/// Raises the error that ends a killed script.
///
/// # Safety
/// A live state with room for a value. Leaves by a long jump.
pub unsafe fn raise(state: *mut lua_State) -> ! {
    // SAFETY: any state with room for a value.
    unsafe {
        ffi::lua_pushstring(state, c"killed".as_ptr());
        ffi::lua_error(state)
    }
}

/// The state in which the hook's distance is kept for all coroutines.
///
/// # Safety
/// A live state.
unsafe fn main_of(state: *mut lua_State) -> *mut lua_State {
    // SAFETY: the mirrored fields are those of Lua 5.1.5.
    unsafe { (*(*state.cast::<State>()).global).main.cast() }
}

/// Lets the hook come sooner, in this coroutine and all that are resumed from now on, if a block of `bytes` bytes
/// makes instructions expensive.
///
/// # Safety
/// A live state and its main state.
#[cold]
pub unsafe fn hook_for_block(main: *mut lua_State, state: *mut lua_State, bytes: usize) {
    let every = (BLOCK_WORK / bytes).max(1) as c_int;
    // SAFETY: `try_realloc` passes the state that Lua has called it with, and the main state from its global state.
    // Asking for a hook and setting one allocates nothing, so this cannot recurse into the allocator.
    unsafe {
        // Interpreters without a pace have no such hook.
        if ffi::lua_gethook(main).is_some() && ffi::lua_gethookcount(main) > every {
            ffi::lua_sethook(main, Some(hook), ffi::LUA_MASKCOUNT, every);
        }
        match_main(state);
    }
}

/// Lets the hook come in this coroutine as soon as in the main one.
///
/// # Safety
/// A live state.
pub unsafe fn match_main(state: *mut lua_State) {
    // SAFETY: `hook_for_block` passes the state that Lua has called it with; the guards of coroutines pass one that is
    // on the stack, which the collector does not free.
    unsafe {
        let every = ffi::lua_gethookcount(main_of(state));
        if ffi::lua_gethookcount(state) > every {
            ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, every);
        }
    }
}

unsafe extern "C-unwind" fn hook(state: *mut lua_State, at: *mut lua_Debug) {
    // SAFETY: Lua calls hooks with room for 20 values and with what it knows of the place.
    unsafe {
        let Some(pace) = of_state(state) else {
            return;
        };
        let every = ffi::lua_gethookcount(state);
        if let Ok(memory) = usize::try_from(ffi::lua_gc(state, ffi::LUA_GCCOUNT, 0)) {
            pace.memory.set(memory << 10);
        }
        if pace.spend_time(every.unsigned_abs()).is_ok() {
            let main = ffi::lua_gethookcount(main_of(state));
            if every != main {
                ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, main);
            }
            return;
        }
        if ffi::lua_getinfo(state, c"Sl".as_ptr(), at) != 0 && !(*at).source.is_null() {
            pace.note_place(CStr::from_ptr((*at).source), (*at).currentline);
        }
        ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, 1);
        raise(state)
    }
}
