//! `string.find`, `match`, `gmatch` and `gsub`, with a matcher that yields to the engine ([`super::pattern`]).
//!
//! The matcher owns memory while it searches, and does not call Lua in the meantime, so that a long jump never passes
//! it. Every function here may be left by a long jump: it owns nothing that would have to be dropped. The
//! strings that are searched are arguments or upvalues, so they live as long as the call.

use super::pace;
use super::pattern::{self, Capture, Captures, Error, Held};
use super::text::{self, Builder};
use mlua::ffi::{self, lua_CFunction, lua_State};
use mlua::{Lua, Result, Table};
use std::ffi::{CStr, c_int};

/// What makes a pattern more than plain text.
const SPECIALS: &[u8] = b"^$*+?.([%-";

/// Puts the functions into the table `string`.
pub fn install(lua: &Lua, string: &Table) -> Result<()> {
    for (name, function) in [
        ("find", find as lua_CFunction),
        ("match", match_),
        ("gmatch", gmatch),
        ("gsub", gsub),
    ] {
        // SAFETY: these are C functions for any state and arguments.
        string.raw_set(name, unsafe { lua.create_c_function(function)? })?;
    }
    Ok(())
}

/// Where a match begins and ends in its subject.
#[derive(Clone, Copy)]
struct Found {
    start: usize,
    end: usize,
}

/// Searches `subject` from `start` on. Raises an error if the pattern is wrong or the script has been killed.
///
/// # Safety
/// A live state with room for two values. May leave by a long jump.
unsafe fn search(
    state: *mut lua_State,
    subject: &[u8],
    pattern: &[u8],
    start: usize,
    anchored: bool,
    captures: &mut Captures,
) -> Option<Found> {
    // SAFETY: the callers are C functions, which Lua calls with a live state and room for 20 values, and they have
    // pushed fewer than 18. `pattern::find` has returned, and so has dropped what it owned, when an error is raised.
    unsafe {
        let pace = pace::of_state(state);
        let mut go_on = |steps| pace.is_none_or(|pace| pace.spend(steps).is_ok());
        match pattern::find(subject, pattern, start, anchored, captures, &mut go_on) {
            Ok(found) => found.map(|(start, end)| Found { start, end }),
            Err(Error::Ended) => pace::raise(state),
            Err(Error::Pattern(text)) => fail(state, text),
        }
    }
}

/// Raises an error with this text after the caller's position.
unsafe fn fail(state: *mut lua_State, text: &CStr) -> ! {
    // SAFETY: the callers are C functions with room for two values; the text is a `CStr`.
    unsafe {
        ffi::luaL_error(state, c"%s".as_ptr(), text.as_ptr());
    }
    unreachable!("an error was raised")
}

/// A string argument.
///
/// # Safety
/// As any function that takes arguments; the string must stay on the stack while the slice is used.
unsafe fn argument<'a>(state: *mut lua_State, i: c_int) -> &'a [u8] {
    let mut len = 0;
    // SAFETY: the callers are C functions that Lua has called with `state`, and `i` is an argument or an upvalue.
    // `luaL_checklstring` raises an error for what is not a string. None of the callers takes the string off while it
    // uses the slice, and Lua does not move strings.
    unsafe {
        let bytes = ffi::luaL_checklstring(state, i, &mut len);
        std::slice::from_raw_parts(bytes.cast(), len)
    }
}

/// The pattern without its anchor, and whether it had one.
fn anchor(pattern: &[u8]) -> (&[u8], bool) {
    match pattern.strip_prefix(b"^") {
        Some(rest) => (rest, true),
        None => (pattern, false),
    }
}

/// Pushes what capture `i` holds; the first is the whole match if the pattern has none.
unsafe fn push_capture(
    state: *mut lua_State,
    subject: &[u8],
    captures: &Captures,
    i: usize,
    whole: Found,
) {
    let whole = Capture {
        start: whole.start,
        held: Held::Bytes(whole.end - whole.start),
    };
    let capture = match captures.list().get(i) {
        Some(capture) => *capture,
        None if i == 0 => whole,
        // SAFETY: `push_captures`, `expand` and `look_up` have room for the two values of an error.
        None => unsafe { fail(state, c"invalid capture index") },
    };
    // SAFETY: a live state with room for the values that are pushed; captures lie within their subject.
    unsafe {
        match capture.held {
            Held::Unfinished => fail(state, c"unfinished capture"),
            Held::Position => ffi::lua_pushinteger(state, capture.start as i64 + 1),
            Held::Bytes(len) => {
                let bytes = &subject[capture.start..capture.start + len];
                ffi::lua_pushlstring(state, bytes.as_ptr().cast(), len);
            }
        }
    }
}

/// Pushes all captures, or the whole match if there are none and `or_whole`; gives their number.
unsafe fn push_captures(
    state: *mut lua_State,
    subject: &[u8],
    captures: &Captures,
    whole: Found,
    or_whole: bool,
) -> c_int {
    let count = captures.list().len().max(usize::from(or_whole));
    // SAFETY: room is made for the values that are pushed.
    unsafe {
        ffi::luaL_checkstack(state, count as c_int, c"too many captures".as_ptr());
        for i in 0..count {
            push_capture(state, subject, captures, i, whole);
        }
    }
    count as c_int
}

unsafe extern "C-unwind" fn find(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values, as `find_or_match` asks.
    unsafe { find_or_match(state, true) }
}

unsafe extern "C-unwind" fn match_(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values, as `find_or_match` asks.
    unsafe { find_or_match(state, false) }
}

unsafe fn find_or_match(state: *mut lua_State, find: bool) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values.
    unsafe {
        let subject = argument(state, 1);
        let pattern = argument(state, 2);
        let start = match ffi::luaL_optinteger(state, 3, 1) {
            from_end if from_end < 0 => subject
                .len()
                .saturating_sub(from_end.unsigned_abs() as usize),
            from_start => (from_start.unsigned_abs() as usize)
                .saturating_sub(1)
                .min(subject.len()),
        };
        if find && (ffi::lua_toboolean(state, 4) != 0 || is_plain(pattern)) {
            text::spend_bytes(state, subject.len() - start + pattern.len());
            return match memchr::memmem::find(&subject[start..], pattern) {
                Some(offset) => {
                    ffi::lua_pushinteger(state, (start + offset) as i64 + 1);
                    ffi::lua_pushinteger(state, (start + offset + pattern.len()) as i64);
                    2
                }
                None => {
                    ffi::lua_pushnil(state);
                    1
                }
            };
        }
        let (pattern, anchored) = anchor(pattern);
        let mut captures = Captures::new();
        let found = search(state, subject, pattern, start, anchored, &mut captures);
        let Some(found) = found else {
            ffi::lua_pushnil(state);
            return 1;
        };
        if find {
            ffi::lua_pushinteger(state, found.start as i64 + 1);
            ffi::lua_pushinteger(state, found.end as i64);
            return 2 + push_captures(state, subject, &captures, found, false);
        }
        push_captures(state, subject, &captures, found, true)
    }
}

/// The pattern has no special signs before its first zero byte.
fn is_plain(pattern: &[u8]) -> bool {
    let text = pattern.split(|&byte| byte == 0).next().unwrap_or_default();
    !text.iter().any(|byte| SPECIALS.contains(byte))
}

unsafe extern "C-unwind" fn gmatch(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values.
    unsafe {
        argument(state, 1);
        argument(state, 2);
        ffi::lua_settop(state, 2);
        ffi::lua_pushinteger(state, 0);
        ffi::lua_pushcclosure(state, next_match, 3);
        1
    }
}

/// What `gmatch` returns: its upvalues are the subject, the pattern, and the place from which to continue.
unsafe extern "C-unwind" fn next_match(state: *mut lua_State) -> c_int {
    // SAFETY: `gmatch` made the closure; its upvalues are strings while this runs.
    unsafe {
        let subject = argument(state, ffi::lua_upvalueindex(1));
        let pattern = argument(state, ffi::lua_upvalueindex(2));
        let start = ffi::lua_tointeger(state, ffi::lua_upvalueindex(3)) as usize;
        let mut captures = Captures::new();
        let Some(found) = search(state, subject, pattern, start, false, &mut captures) else {
            return 0;
        };
        // An empty match would be found there again.
        let next = found.end + usize::from(found.end == found.start);
        ffi::lua_pushinteger(state, next as i64);
        ffi::lua_replace(state, ffi::lua_upvalueindex(3));
        push_captures(state, subject, &captures, found, true)
    }
}

unsafe extern "C-unwind" fn gsub(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values. What is pushed above the builder's
    // pieces is taken off before it is used again.
    unsafe {
        let subject = argument(state, 1);
        let pattern = argument(state, 2);
        let kind = ffi::lua_type(state, 3);
        let all = subject.len() as i64 + 1;
        let most = ffi::luaL_optinteger(state, 4, all) as c_int;
        let kinds = [
            ffi::LUA_TNUMBER,
            ffi::LUA_TSTRING,
            ffi::LUA_TFUNCTION,
            ffi::LUA_TTABLE,
        ];
        if !kinds.contains(&kind) {
            let text = c"string/function/table expected";
            return ffi::luaL_argerror(state, 3, text.as_ptr());
        }
        let (pattern, anchored) = anchor(pattern);
        let mut captures = Captures::new();
        let mut builder = Builder::new();
        let builder = builder.begin(state);
        // Everything before this place has been replaced or copied.
        let mut copied = 0;
        let mut start = 0;
        let mut count = 0;
        while count < most && start <= subject.len() {
            let found = search(state, subject, pattern, start, anchored, &mut captures);
            let Some(found) = found else {
                break;
            };
            builder.add(&subject[copied..found.start]);
            count += 1;
            match kind {
                ffi::LUA_TNUMBER | ffi::LUA_TSTRING => {
                    expand(state, builder, subject, &captures, found);
                }
                _ => {
                    look_up(state, kind, subject, &captures, found);
                    builder.add_top();
                }
            }
            copied = found.end;
            start = found.end + usize::from(found.end == found.start);
            if anchored {
                break;
            }
        }
        builder.add(&subject[copied..]);
        builder.finish();
        ffi::lua_pushinteger(state, count as i64);
        2
    }
}

/// Adds the replacement text, which is argument 3, with captures in the places of `%0` to `%9`.
unsafe fn expand(
    state: *mut lua_State,
    builder: &mut Builder,
    subject: &[u8],
    captures: &Captures,
    whole: Found,
) {
    // SAFETY: `gsub` has made sure that the argument is a string or a number, which becomes a string in its place.
    let text = unsafe { argument(state, 3) };
    let mut rest = text;
    while let Some(percent) = memchr::memchr(b'%', rest) {
        // A percent sign at the end means the zero byte that Lua keeps after every string.
        let sign = rest.get(percent + 1).copied().unwrap_or(0);
        // SAFETY: the capture that is pushed is added, and gone.
        unsafe {
            builder.add(&rest[..percent]);
            match sign {
                b'0' => builder.add(&subject[whole.start..whole.end]),
                b'1'..=b'9' => {
                    push_capture(state, subject, captures, usize::from(sign - b'1'), whole);
                    builder.add_top();
                }
                other => builder.add(&[other]),
            }
        }
        rest = rest.get(percent + 2..).unwrap_or_default();
    }
    // SAFETY: nothing is above the builder's pieces.
    unsafe { builder.add(rest) };
}

/// Pushes what the function or the table that is argument 3 returns for a match: a string or a number.
unsafe fn look_up(
    state: *mut lua_State,
    kind: c_int,
    subject: &[u8],
    captures: &Captures,
    whole: Found,
) {
    // SAFETY: a live state; room is made for the captures.
    unsafe {
        if kind == ffi::LUA_TFUNCTION {
            ffi::lua_pushvalue(state, 3);
            let arguments = push_captures(state, subject, captures, whole, true);
            ffi::lua_call(state, arguments, 1);
        } else {
            push_capture(state, subject, captures, 0, whole);
            ffi::lua_gettable(state, 3);
        }
        if ffi::lua_toboolean(state, -1) == 0 {
            ffi::lua_pop(state, 1);
            let kept = &subject[whole.start..whole.end];
            ffi::lua_pushlstring(state, kept.as_ptr().cast(), kept.len());
        } else if ffi::lua_isstring(state, -1) == 0 {
            let text = c"invalid replacement value (a %s)";
            ffi::luaL_error(state, text.as_ptr(), ffi::luaL_typename(state, -1));
        }
    }
}
