//! Functions for scripts that work on Lua's stack: see [`Stack`].
//!
//! An error of Lua is a long jump, which drops nothing. Therefore a native function never raises one itself: it returns
//! a value that owns nothing, and [`enter`] raises the error after the function has returned and dropped what it owned.

use super::host::{Host, Work};
use super::pace::Killed;
use super::stack::Stack;
use mlua::ffi::{self, lua_CFunction, lua_State};
use mlua::{Function, IntoLuaMulti, LightUserData, Lua, Result};
use std::ffi::{c_int, c_void};
use std::rc::Rc;

/// A function for scripts.
pub trait Native {
    /// Does it. The last values on the stack are the results, as many as it says.
    ///
    /// # Errors
    /// How it ends instead.
    fn run(
        stack: &mut Stack<'_>,
        host: &Host,
        work: &mut Work,
    ) -> std::result::Result<c_int, Raise>;
}

/// An error that ends a native function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raise {
    /// The last value on the stack.
    Last,
    /// The text in [`Work::text`], preceded by the caller's position.
    Here,
    /// The text in [`Work::text`] as an error about the argument of this number; the first argument is 1.
    Argument(c_int),
    /// The text in [`Work::text`] as it is.
    Text,
    /// The script has been killed.
    Killed,
}

impl From<Killed> for Raise {
    fn from(_: Killed) -> Self {
        Raise::Killed
    }
}

/// A function for scripts that owns values.
pub trait NativeWith<T> {
    /// As [`Native::run`].
    ///
    /// # Errors
    /// How it ends instead.
    fn run(
        stack: &mut Stack<'_>,
        host: &Host,
        work: &mut Work,
        own: &T,
    ) -> std::result::Result<c_int, Raise>;
}

impl Work {
    /// Keeps the text of an error, to be raised after the caller's position.
    pub fn here(&mut self, text: impl AsRef<[u8]>) -> Raise {
        self.fault(text, Raise::Here)
    }

    /// Argument `i` is not a string, or whatever is expected.
    pub fn not_a(&mut self, expected: &str, stack: &Stack<'_>, i: c_int) -> Raise {
        let text = format!("{expected} expected, got {}", stack.type_name(i));
        self.fault(text, Raise::Argument(i))
    }

    /// Keeps the text of an error.
    pub fn fault(&mut self, text: impl AsRef<[u8]>, raise: Raise) -> Raise {
        self.text.clear();
        self.text.extend_from_slice(text.as_ref());
        raise
    }
}

/// Makes the function; `own` is what [`Stack::push_own`] pushes for it.
///
/// # Errors
/// Only Lua's own, such as running out of memory.
pub fn native<N: Native>(lua: &Lua, own: impl IntoLuaMulti) -> Result<Function> {
    closure(lua, enter::<N>, own)
}

/// As [`native`]; the function keeps `own`.
///
/// # Errors
/// Only Lua's own, such as running out of memory.
pub fn native_with<N: NativeWith<T>, T: 'static>(lua: &Lua, own: &Rc<T>) -> Result<Function> {
    let address = LightUserData(Rc::as_ptr(own).cast_mut().cast());
    let kept = own.clone();
    let keeper = lua.create_function(move |_, ()| {
        let _ = &kept;
        Ok(())
    })?;
    closure(lua, enter_with::<N, T>, (address, keeper))
}

/// As [`native`], of a C function. Its first upvalue is the address of the [`Host`], which lives as long as the
/// interpreter.
pub fn closure(lua: &Lua, function: lua_CFunction, own: impl IntoLuaMulti) -> Result<Function> {
    let host = Rc::as_ptr(&Host::of(lua)).cast_mut().cast::<c_void>();
    // SAFETY: `own` is all there is on the stack, and the closure takes it and the host's address as its upvalues.
    unsafe {
        lua.exec_raw(own, |state| {
            let own = ffi::lua_gettop(state);
            ffi::lua_pushlightuserdata(state, host);
            ffi::lua_insert(state, 1);
            ffi::lua_pushcclosure(state, function, 1 + own);
        })
    }
}

/// The host of a function that [`closure`] has made.
///
/// # Safety
/// The state that Lua called such a function with.
pub unsafe fn host_of<'a>(state: *mut lua_State) -> &'a Host {
    // SAFETY: only functions that `closure` has made call this, and their first upvalue is the address of the host. The
    // interpreter keeps the host as long as it lives ([`Host::install`]), and scripts cannot replace an upvalue.
    unsafe { &*ffi::lua_touserdata(state, ffi::lua_upvalueindex(1)).cast::<Host>() }
}

/// What Lua calls.
unsafe extern "C-unwind" fn enter<N: Native>(state: *mut lua_State) -> c_int {
    // SAFETY: `native` made the closure. Native functions call nothing that calls another, so the work is lent to one
    // at a time. Nothing here owns what a long jump would leak.
    unsafe {
        let host = host_of(state);
        let work = host.work.get();
        match N::run(&mut Stack::new(state), host, &mut *work) {
            Ok(results) => results,
            Err(why) => raise(state, why, work),
        }
    }
}

/// What Lua calls of [`native_with`].
unsafe extern "C-unwind" fn enter_with<N: NativeWith<T>, T>(state: *mut lua_State) -> c_int {
    // SAFETY: as in `enter`. The second upvalue is the address of what the third one keeps.
    unsafe {
        let host = host_of(state);
        let work = host.work.get();
        let own = &*ffi::lua_touserdata(state, ffi::lua_upvalueindex(2)).cast::<T>();
        match N::run(&mut Stack::new(state), host, &mut *work, own) {
            Ok(results) => results,
            Err(why) => raise(state, why, work),
        }
    }
}

/// # Safety
/// The state that Lua called a function with, which has returned and owns nothing any longer; nothing else uses
/// `work`.
unsafe fn raise(state: *mut lua_State, why: Raise, work: *const Work) -> c_int {
    // SAFETY: `enter` and `enter_with` call this last, with the state that Lua has called them with: the native
    // function has returned and owns nothing. Taking all values off first makes room for the new ones. The reference to
    // the text of `work` has ended before the error is raised, whose handler may be a native function that uses `work`.
    unsafe {
        let push = || {
            let text = &(*work).text;
            ffi::lua_pushlstring_(state, text.as_ptr().cast(), text.len());
        };
        if why != Raise::Last {
            ffi::lua_settop(state, 0);
        }
        match why {
            Raise::Last => {}
            Raise::Here => {
                ffi::luaL_where(state, 1);
                push();
                ffi::lua_concat(state, 2);
            }
            Raise::Argument(i) => {
                push();
                return ffi::luaL_argerror(state, i, ffi::lua_tostring(state, 1));
            }
            Raise::Text => push(),
            Raise::Killed => ffi::lua_pushlstring_(state, c"killed".as_ptr(), 6),
        }
        ffi::lua_error(state)
    }
}
