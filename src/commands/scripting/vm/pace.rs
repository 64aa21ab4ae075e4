//! How a running script gives way.
//!
//! Work is counted: an instruction is one, and functions that work for long without executing instructions
//! report what they do. Every [`PAUSE_EVERY`] the engine gets the word, and may say that the script is to end. From
//! then on every report fails, and so does every instruction of the coroutine that noticed, whatever `pcall` catches.
//!
//! Lua's hook does the counting of instructions. It calls no function of Lua, so it works at any depth of calls,
//! also where Lua refuses one call more. A new coroutine begins to count afresh: whoever makes one pays for the
//! instructions that it may execute unseen.

use super::{Answer, Ask};
use corosensei::Yielder;
use mlua::ffi::{self, lua_Debug, lua_State};
use mlua::{Lua, Result};
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_int, c_void};
use std::ptr::NonNull;
use std::rc::Rc;

/// Work between two [`Answer::Pause`].
pub const PAUSE_EVERY: u32 = 100_000;

/// Instructions between two calls of the hook, in each coroutine.
pub const HOOK_EVERY: u32 = 1000;

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
    death: RefCell<Option<Death>>,
    memory: Rc<Cell<usize>>,
}

impl Pace {
    /// Of an interpreter that speaks to the engine through `yielder`, and lets it know in `memory` how much Lua holds.
    ///
    /// # Safety
    /// The yielder outlives the pace.
    pub unsafe fn new(yielder: &Yielder<Ask, Answer>, memory: Rc<Cell<usize>>) -> Rc<Pace> {
        Rc::new(Pace {
            yielder: NonNull::from(yielder),
            left: Cell::new(PAUSE_EVERY),
            death: RefCell::new(None),
            memory,
        })
    }

    /// Counts the instructions of `lua` from now on.
    pub fn install(self: &Rc<Self>, lua: &Lua) -> Result<()> {
        lua.set_app_data(self.clone());
        let pace = Rc::as_ptr(self).cast_mut().cast::<c_void>();
        // SAFETY: the entry is read by `of_state` alone; `lua` keeps the pace alive.
        unsafe {
            lua.exec_raw::<()>((), |state| {
                ffi::lua_pushlightuserdata(state, key());
                ffi::lua_pushlightuserdata(state, pace);
                ffi::lua_rawset(state, ffi::LUA_REGISTRYINDEX);
            })?;
        }
        Self::watch(lua)
    }

    fn watch(lua: &Lua) -> Result<()> {
        // SAFETY: the hook is for any state.
        unsafe {
            lua.exec_raw::<()>((), |state| {
                ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, HOOK_EVERY as c_int);
            })
        }
    }

    /// The pace of `lua`.
    pub fn of(lua: &Lua) -> Option<Rc<Pace>> {
        lua.app_data_ref::<Rc<Pace>>().map(|pace| pace.clone())
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
        // SAFETY: the yielder outlives the pace, as the caller of `new` has promised.
        match unsafe { self.yielder.as_ref() }.suspend(Answer::Pause) {
            Ask::Kill(why) => {
                let place = None;
                self.death.replace(Some(Death { why, place }));
                Err(Killed)
            }
            _ => Ok(()),
        }
    }

    /// The script is to end.
    pub fn is_killed(&self) -> bool {
        self.death.borrow().is_some()
    }

    /// What killed the script that has ended; the next one lives.
    pub fn take_death(&self, lua: &Lua) -> Option<Death> {
        let death = self.death.take()?;
        self.left.set(PAUSE_EVERY);
        // Nothing is lost if this fails: the hook resets itself.
        Self::watch(lua).ok();
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
    // SAFETY: the caller's promise; nothing here owns what a long jump would leak.
    unsafe {
        if let Some(pace) = of_state(state)
            && pace.spend(work).is_err()
        {
            raise(state);
        }
    }
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
        if pace.spend(every.unsigned_abs()).is_ok() {
            if every != HOOK_EVERY as c_int {
                ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, HOOK_EVERY as c_int);
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
