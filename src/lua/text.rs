//! Functions of Lua that build strings, with bounds and yielding to the engine: `string.rep`, `lower`, `upper`,
//! `reverse`, `format` and `table.concat`.
//!
//! Lua's own versions copy byte by byte for as long as it takes. Every function here may be left by a long jump: it
//! owns nothing that would have to be dropped.

use super::checked::forward;
use super::pace;
use mlua::ffi::{self, lua_CFunction, lua_State, luaL_Buffer};
use mlua::{Function, Lua, Table};
use std::ffi::{CStr, c_int};
use std::mem::MaybeUninit;

/// Longest string that a function here makes: the longest that a key may hold by default.
const TEXT_MAX: usize = 512 << 20;

/// Bytes that are worked on between two looks at the time.
const PIECE: usize = 64 << 10;

/// Results up to this size are made on the stack.
const LOCAL: usize = 512;

/// Puts the functions into the tables `string` and `table`.
pub fn install(lua: &Lua, string: &Table, table: &Table) -> mlua::Result<()> {
    for (owner, name, function) in [
        (string, "rep", rep as lua_CFunction),
        (string, "lower", lower),
        (string, "upper", upper),
        (string, "reverse", reverse),
        (table, "concat", concat),
    ] {
        // SAFETY: these are C functions for any state and arguments.
        owner.raw_set(name, unsafe { lua.create_c_function(function)? })?;
    }
    let inner: Function = string.raw_get("format")?;
    // SAFETY: the function calls its upvalue, a library function without upvalues of its own.
    let format: Function =
        unsafe { lua.exec_raw(inner, |state| ffi::lua_pushcclosure(state, format, 1))? };
    string.raw_set("format", format)
}

/// Counts the work of copying `bytes` bytes.
///
/// # Safety
/// As [`pace::spend`].
pub unsafe fn spend_bytes(state: *mut lua_State, bytes: usize) {
    if bytes >= 256 {
        // SAFETY: the callers are C functions, which Lua calls with a live state and room for 20 values; they leave
        // room for two and own nothing that a long jump would leak.
        unsafe { pace::spend(state, (bytes >> 8).min(u32::MAX as usize) as u32) };
    }
}

/// Raises the error of a result that would be too long.
unsafe fn too_long(state: *mut lua_State) {
    // SAFETY: any state with room for two values.
    unsafe { ffi::luaL_error(state, c"not enough memory".as_ptr()) };
}

/// A string that grows on Lua's stack.
///
/// Its pieces are Lua's, so a long jump leaves nothing behind. What is pushed after them must be taken off again
/// before anything is added.
pub struct Builder {
    buffer: MaybeUninit<luaL_Buffer>,
    state: *mut lua_State,
    total: usize,
}

impl Builder {
    /// Not usable before it has begun.
    pub fn new() -> Builder {
        Builder {
            buffer: MaybeUninit::uninit(),
            state: std::ptr::null_mut(),
            total: 0,
        }
    }

    /// An empty string on the stack of `state`. The builder must stay where it is.
    ///
    /// # Safety
    /// A live state with room for a few values, which outlives the builder.
    pub unsafe fn begin(&mut self, state: *mut lua_State) -> &mut Builder {
        self.state = state;
        // SAFETY: the callers are C functions, and the builder is a local variable of theirs, so the state outlives it
        // and it stays where it is. `luaL_buffinit` writes the whole header, which makes the buffer valid.
        unsafe { ffi::luaL_buffinit(state, self.buffer.as_mut_ptr()) };
        self
    }

    unsafe fn count(&mut self, bytes: usize) {
        self.total += bytes;
        // SAFETY: `begin` has set the state to that of the C function whose local variable the builder is.
        unsafe {
            if self.total > TEXT_MAX {
                too_long(self.state);
            }
            spend_bytes(self.state, bytes);
        }
    }

    /// Adds bytes, which Lua must not free meanwhile.
    ///
    /// # Safety
    /// It has begun, and the pieces are on top of the stack. May leave by a long jump.
    pub unsafe fn add(&mut self, bytes: &[u8]) {
        // SAFETY: the C functions that build a string call `begin` first and take off again what they push above the
        // pieces. The bytes are literals or parts of arguments, which stay on the stack.
        unsafe {
            self.count(bytes.len());
            ffi::luaL_addlstring(self.buffer.as_mut_ptr(), bytes.as_ptr().cast(), bytes.len());
        }
    }

    /// Adds the string or number on top of the stack and takes it off.
    ///
    /// # Safety
    /// As [`add`](Self::add), but for that value.
    pub unsafe fn add_top(&mut self) {
        // SAFETY: as for `add`, except that one value is above the pieces: a capture, a result of `look_up` or an
        // element that the caller has checked, so a string or a number. Asking for its length makes a number a string.
        unsafe {
            let bytes = ffi::lua_objlen(self.state, -1);
            self.count(bytes);
            ffi::luaL_addvalue(self.buffer.as_mut_ptr());
        }
    }

    /// Adds a string as Lua reads it, in quotes.
    ///
    /// # Safety
    /// As [`add`](Self::add).
    unsafe fn add_quoted(&mut self, text: &[u8]) {
        let special = |b: &u8| matches!(b, b'"' | b'\\' | b'\n' | b'\r' | 0);
        // SAFETY: as for `add`. The text is an argument of `format`, which stays on the stack.
        unsafe {
            self.add(b"\"");
            let mut rest = text;
            while !rest.is_empty() {
                let piece = &rest[..rest.len().min(PIECE)];
                let plain = piece.iter().position(special).unwrap_or(piece.len());
                self.add(&piece[..plain]);
                rest = &rest[plain..];
                if let Some(byte) = piece.get(plain) {
                    match byte {
                        b'\r' => self.add(b"\\r"),
                        0 => self.add(b"\\000"),
                        other => self.add(&[b'\\', *other]),
                    }
                    rest = &rest[1..];
                }
            }
            self.add(b"\"");
        }
    }

    /// Leaves the string on the stack.
    ///
    /// # Safety
    /// As [`add`](Self::add).
    pub unsafe fn finish(&mut self) {
        // SAFETY: as for `add`: the builder has begun, and its pieces are on top of the stack.
        unsafe { ffi::luaL_pushresult(self.buffer.as_mut_ptr()) };
    }
}

/// Room for `len` bytes: the given one if it is large enough, else a userdata that is left on the stack.
unsafe fn room(state: *mut lua_State, local: &mut MaybeUninit<[u8; LOCAL]>, len: usize) -> *mut u8 {
    match len {
        0..=LOCAL => local.as_mut_ptr().cast(),
        // SAFETY: any state with room for a value.
        _ => unsafe { ffi::lua_newuserdata(state, len).cast() },
    }
}

unsafe extern "C-unwind" fn rep(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state. The piece is argument 1, which stays on the stack; the room
    // has `total` bytes, of which the first `filled` have been written.
    unsafe {
        let mut len = 0;
        let piece = ffi::luaL_checklstring(state, 1, &mut len).cast::<u8>();
        let times = (ffi::luaL_checkinteger(state, 2) as c_int).max(0) as usize;
        let total = len.saturating_mul(times);
        if total > TEXT_MAX {
            too_long(state);
        }
        let mut local = MaybeUninit::uninit();
        let made = room(state, &mut local, total);
        let mut filled = len.min(total);
        std::ptr::copy_nonoverlapping(piece, made, filled);
        while filled < total {
            // Copies of the bytes so far, which are whole pieces.
            let more = filled.min(total - filled).min(PIECE.max(len) / len * len);
            spend_bytes(state, more);
            std::ptr::copy_nonoverlapping(made, made.add(filled), more);
            filled += more;
        }
        ffi::lua_pushlstring(state, made.cast(), total);
        1
    }
}

unsafe extern "C-unwind" fn lower(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values, as `rewrite` asks.
    unsafe {
        rewrite(state, |text, at, to| {
            fill(to, &text[at..], u8::to_ascii_lowercase)
        })
    }
}

unsafe extern "C-unwind" fn upper(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values, as `rewrite` asks.
    unsafe {
        rewrite(state, |text, at, to| {
            fill(to, &text[at..], u8::to_ascii_uppercase)
        })
    }
}

unsafe extern "C-unwind" fn reverse(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values, as `rewrite` asks.
    unsafe {
        rewrite(state, |text, at, to| {
            fill(to, text[..text.len() - at].iter().rev(), u8::clone);
        })
    }
}

/// Writes what `change` makes of the bytes, one for each place.
fn fill<'a>(
    to: &mut [MaybeUninit<u8>],
    from: impl IntoIterator<Item = &'a u8>,
    change: impl Fn(&u8) -> u8,
) {
    for (to, from) in to.iter_mut().zip(from) {
        to.write(change(from));
    }
}

/// The string of as many bytes that `write` makes of argument 1, in pieces: it gets the text, where the piece begins,
/// and the piece, all of which it writes.
unsafe fn rewrite(
    state: *mut lua_State,
    write: impl Fn(&[u8], usize, &mut [MaybeUninit<u8>]),
) -> c_int {
    // SAFETY: Lua calls C functions with a live state. The text is argument 1, which stays on the stack; the room has
    // as many bytes, and none of them is read before it is written.
    unsafe {
        let mut len = 0;
        let text = ffi::luaL_checklstring(state, 1, &mut len).cast::<u8>();
        let text = std::slice::from_raw_parts(text, len);
        let mut local = MaybeUninit::uninit();
        let made = room(state, &mut local, len);
        for start in (0..len).step_by(PIECE) {
            let bytes = PIECE.min(len - start);
            spend_bytes(state, bytes);
            let piece = made.add(start).cast::<MaybeUninit<u8>>();
            write(text, start, std::slice::from_raw_parts_mut(piece, bytes));
        }
        ffi::lua_pushlstring(state, made.cast(), len);
        1
    }
}

unsafe extern "C-unwind" fn concat(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state and room for 20 values. The separator is an argument, which
    // stays on the stack.
    unsafe {
        let mut len = 0;
        let separator = ffi::luaL_optlstring(state, 2, c"".as_ptr(), &mut len);
        let separator = std::slice::from_raw_parts(separator.cast::<u8>(), len);
        ffi::luaL_checktype(state, 1, ffi::LUA_TTABLE);
        let first = ffi::luaL_optinteger(state, 3, 1) as c_int;
        let last = match ffi::lua_isnoneornil(state, 4) {
            0 => ffi::luaL_checkinteger(state, 4) as c_int,
            _ => ffi::lua_objlen(state, 1) as c_int,
        };
        let mut builder = Builder::new();
        let builder = builder.begin(state);
        for i in first..=last {
            if i % 64 == 0 {
                pace::spend(state, 64);
            }
            ffi::lua_rawgeti(state, 1, i.into());
            if ffi::lua_isstring(state, -1) == 0 {
                let text = c"invalid value (%s) at index %d in table for 'concat'";
                return ffi::luaL_error(state, text.as_ptr(), ffi::luaL_typename(state, -1), i);
            }
            builder.add_top();
            if i < last && len > 0 {
                builder.add(separator);
            }
        }
        builder.finish();
        1
    }
}

/// `string.format`: Lua's own function where there is little text, else its items one by one.
unsafe extern "C-unwind" fn format(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls C functions with a live state; `install` made the closure.
    unsafe {
        let mut total = 0;
        for i in 1..=ffi::lua_gettop(state) {
            if ffi::lua_type(state, i) == ffi::LUA_TSTRING {
                total += ffi::lua_objlen(state, i);
            }
        }
        spend_bytes(state, total);
        match total <= PIECE {
            true => forward(state),
            false => format_long(state),
        }
    }
}

/// As Lua's function, which is the upvalue and formats short strings.
unsafe fn format_long(state: *mut lua_State) -> c_int {
    // SAFETY: as in `format`. The format is argument 1, which stays on the stack. Each value that is pushed above the
    // builder's pieces is added to them, which pops it.
    unsafe {
        let mut len = 0;
        let format = ffi::luaL_checklstring(state, 1, &mut len);
        let mut rest = std::slice::from_raw_parts(format.cast::<u8>(), len);
        let top = ffi::lua_gettop(state);
        let mut argument = 1;
        let mut builder = Builder::new();
        let builder = builder.begin(state);
        while let Some(percent) = memchr::memchr(b'%', rest) {
            builder.add(&rest[..percent]);
            rest = &rest[percent..];
            if rest.get(1) == Some(&b'%') {
                builder.add(b"%");
                rest = &rest[2..];
                continue;
            }
            argument += 1;
            if argument > top {
                return ffi::luaL_argerror(state, argument, c"no value".as_ptr());
            }
            let item = match item_len(rest) {
                Ok(len) => &rest[..len],
                Err(text) => return ffi::luaL_error(state, text.as_ptr()),
            };
            rest = &rest[item.len()..];
            let mut len = 0;
            match item[item.len() - 1] {
                b'q' => {
                    let text = ffi::luaL_checklstring(state, argument, &mut len);
                    builder.add_quoted(std::slice::from_raw_parts(text.cast(), len));
                    continue;
                }
                b's' => {
                    ffi::luaL_checklstring(state, argument, &mut len);
                    if len >= 100 && !item.contains(&b'.') {
                        ffi::lua_pushvalue(state, argument);
                        builder.add_top();
                        continue;
                    }
                }
                b'c' | b'd' | b'i' | b'o' | b'u' | b'x' | b'X' | b'e' | b'E' | b'f' | b'g'
                | b'G' => {
                    ffi::luaL_checknumber(state, argument);
                }
                other => {
                    let text = c"invalid option '%%%c' to 'format'";
                    return ffi::luaL_error(state, text.as_ptr(), c_int::from(other));
                }
            }
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
            ffi::lua_pushlstring(state, item.as_ptr().cast(), item.len());
            ffi::lua_pushvalue(state, argument);
            ffi::lua_call(state, 2, 1);
            builder.add_top();
        }
        builder.add(rest);
        builder.finish();
        1
    }
}

/// The length of the item that begins with this percent sign: flags, width, precision and the letter.
fn item_len(text: &[u8]) -> Result<usize, &'static CStr> {
    let count = |from: usize, most: usize, is: fn(&u8) -> bool| {
        text[from..].iter().take(most).take_while(|b| is(b)).count()
    };
    let flags = count(1, usize::MAX, |b| b"-+ #0".contains(b));
    if flags > 5 {
        return Err(c"invalid format (repeated flags)");
    }
    let mut at = 1 + flags;
    at += count(at, 2, u8::is_ascii_digit);
    if text.get(at) == Some(&b'.') {
        at += 1;
        at += count(at, 2, u8::is_ascii_digit);
    }
    match text.get(at) {
        Some(digit) if digit.is_ascii_digit() => {
            Err(c"invalid format (width or precision too long)")
        }
        Some(_) => Ok(at + 1),
        None => Err(c"invalid option '%%' to 'format'"),
    }
}
