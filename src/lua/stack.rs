//! A safe interface to the stack of a C function that Lua calls.
//!
//! `mlua` makes a protected call of every value that crosses between Rust and Lua, so that Lua's errors never jump
//! over Rust's frames. Functions that scripts call very often work on Lua's stack itself instead. Every place and
//! every type is checked here, and room is made before values are pushed.
//!
//! Callers only have to follow one rule: **every method that takes `&mut self` may leave by a long jump**,
//! when Lua has no memory. So code that holds a [`Stack`] must not own anything that would have to be dropped at such a
//! call: buffers belong to [`Work`](super::host::Work), which outlives the jump.

use mlua::ffi::{self, lua_State};
use std::ffi::{CStr, c_int, c_void};
use std::marker::PhantomData;

/// Places that Lua gives every C function.
const GIVEN: c_int = ffi::LUA_MINSTACK;

/// The values of a C function: its arguments from place 1 on, and what it has pushed since.
pub struct Stack<'l> {
    state: *mut lua_State,
    /// How many values there are.
    top: c_int,
    /// How many there may be before room must be made.
    room: c_int,
    /// How many stay until the function returns.
    kept: c_int,
    lua: PhantomData<&'l ()>,
}

/// A value, seen from Rust.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'s> {
    /// Nothing: also of a place where no value is.
    Nil,
    /// True or false.
    Boolean(bool),
    /// Every number of Lua 5.1.
    Number(f64),
    /// A string, which lives as long as it is on the stack.
    Text(&'s [u8]),
    /// A table.
    Table,
    /// An address; null is what JSON calls null.
    Pointer(*mut c_void),
    /// A function, a userdata or a coroutine.
    Other,
}

/// A function or a chunk that is being executed.
pub struct Place {
    /// It is a C function.
    pub is_c: bool,
    /// Where it is in its source, or -1.
    pub line: i64,
}

impl<'l> Stack<'l> {
    /// The stack of a C function that has just been called.
    ///
    /// # Safety
    /// `state` is what Lua called the function with, and the function uses no other access to the stack meanwhile.
    pub unsafe fn new(state: *mut lua_State) -> Self {
        // SAFETY: `native::enter`, `entry::enter` and the error handler pass the state that Lua has called them with.
        let top = unsafe { ffi::lua_gettop(state) };
        Stack {
            state,
            top,
            room: top + GIVEN,
            kept: 0,
            lua: PhantomData,
        }
    }

    /// How many values there are: also the place of the last.
    pub fn top(&self) -> c_int {
        self.top
    }

    /// The value at a place.
    pub fn value(&self, place: c_int) -> Value<'_> {
        let state = self.state;
        // SAFETY: Lua knows the type of the value at every place up to the top; places above the top count as empty.
        unsafe {
            match self.kind(place) {
                ffi::LUA_TBOOLEAN => Value::Boolean(ffi::lua_toboolean(state, place) != 0),
                ffi::LUA_TNUMBER => Value::Number(ffi::lua_tonumber(state, place)),
                ffi::LUA_TSTRING => Value::Text(self.bytes(place)),
                ffi::LUA_TTABLE => Value::Table,
                ffi::LUA_TLIGHTUSERDATA => Value::Pointer(ffi::lua_touserdata(state, place)),
                ffi::LUA_TNIL | ffi::LUA_TNONE => Value::Nil,
                _ => Value::Other,
            }
        }
    }

    /// The name of the type of a value.
    pub fn type_name(&self, place: c_int) -> &'static str {
        match self.kind(place) {
            ffi::LUA_TNONE => "no value",
            ffi::LUA_TNIL => "nil",
            ffi::LUA_TBOOLEAN => "boolean",
            ffi::LUA_TNUMBER => "number",
            ffi::LUA_TSTRING => "string",
            ffi::LUA_TTABLE => "table",
            ffi::LUA_TFUNCTION => "function",
            ffi::LUA_TTHREAD => "thread",
            _ => "userdata",
        }
    }

    fn kind(&self, place: c_int) -> c_int {
        if place < 1 || place > self.top {
            return ffi::LUA_TNONE;
        }
        // SAFETY: there is a value.
        unsafe { ffi::lua_type(self.state, place) }
    }

    /// The string at a place.
    pub fn text(&self, place: c_int) -> Option<&[u8]> {
        match self.kind(place) {
            // SAFETY: it is a string.
            ffi::LUA_TSTRING => Some(unsafe { self.bytes(place) }),
            _ => None,
        }
    }

    /// The bytes of a string, which Lua neither moves nor frees while it is on the stack: whatever takes values away
    /// takes `&mut self`.
    ///
    /// # Safety
    /// There is a string.
    unsafe fn bytes(&self, place: c_int) -> &[u8] {
        let mut len = 0;
        // SAFETY: `value` and `text` have asked Lua for the kind, and it is a string, which `lua_tolstring` does not
        // convert. The slice borrows the stack, and whatever takes values away needs `&mut self`.
        unsafe {
            let bytes = ffi::lua_tolstring(self.state, place, &mut len);
            std::slice::from_raw_parts(bytes.cast(), len)
        }
    }

    /// The string at a place, which stays there with all below it as long as the function runs.
    pub fn keep_text(&mut self, place: c_int) -> Option<&'l [u8]> {
        self.text(place)?;
        self.kept = self.kept.max(place);
        let mut len = 0;
        // SAFETY: there is a string. Nothing below `kept` is taken away or replaced before the function returns, and
        // the lifetime of a native function's stack ends there.
        unsafe {
            let bytes = ffi::lua_tolstring(self.state, place, &mut len);
            Some(std::slice::from_raw_parts(bytes.cast(), len))
        }
    }

    /// Makes a string of the number at a place; false if there is neither.
    pub fn make_text(&mut self, place: c_int) -> bool {
        match self.kind(place) {
            ffi::LUA_TSTRING => true,
            ffi::LUA_TNUMBER => {
                // SAFETY: there is a number, which is not the key of a traversal: `next` checks its own.
                unsafe { ffi::lua_tolstring(self.state, place, std::ptr::null_mut()) };
                true
            }
            _ => false,
        }
    }

    /// The number at a place, or in the string that is there.
    pub fn number(&self, place: c_int) -> Option<f64> {
        // SAFETY: there is a number or a string.
        unsafe {
            match self.kind(place) {
                ffi::LUA_TNUMBER => Some(ffi::lua_tonumber(self.state, place)),
                ffi::LUA_TSTRING if ffi::lua_isnumber(self.state, place) != 0 => {
                    Some(ffi::lua_tonumber(self.state, place))
                }
                _ => None,
            }
        }
    }

    /// Takes the last `n` values away.
    ///
    /// # Panics
    /// If there are fewer than `n` values.
    pub fn pop(&mut self, n: c_int) {
        self.release(n);
        // SAFETY: `release` has checked that there are `n` values.
        unsafe { ffi::lua_settop(self.state, self.top) };
    }

    /// Gives the places of the last `n` values back: they must not be used any more.
    fn release(&mut self, n: c_int) {
        let there = self.top - self.kept;
        assert!(0 <= n && n <= there, "values that are not there");
        self.top -= n;
    }

    /// Moves the last value to a place, and those that are there up.
    ///
    /// # Panics
    /// If that is not behind the values that stay, or behind the last.
    pub fn insert(&mut self, place: c_int) {
        assert!(
            self.kept < place && place <= self.top,
            "a value that is not there"
        );
        // SAFETY: there are values from the place to the top.
        unsafe { ffi::lua_insert(self.state, place) };
    }

    /// Makes room for one value more.
    fn claim(&mut self) {
        if self.top == self.room {
            self.grow();
        }
        self.top += 1;
    }

    #[cold]
    fn grow(&mut self) {
        self.make_room(c"too many values");
    }

    /// Makes room for one value more; without it, an error of Lua says so in these words.
    pub fn make_room(&mut self, why: &CStr) {
        if self.top == self.room {
            // SAFETY: any state. It raises an error if there may be no more values.
            unsafe { ffi::luaL_checkstack(self.state, GIVEN, why.as_ptr()) };
            self.room += GIVEN;
        }
    }

    /// Pushes a nil.
    pub fn push_nil(&mut self) {
        self.claim();
        // SAFETY: `claim` has made room for one value, and the state is that of a function that Lua runs.
        unsafe { ffi::lua_pushnil(self.state) };
    }

    /// Pushes true or false.
    pub fn push_boolean(&mut self, yes: bool) {
        self.claim();
        // SAFETY: `claim` has made room for one value.
        unsafe { ffi::lua_pushboolean(self.state, yes.into()) };
    }

    /// Pushes a number.
    pub fn push_number(&mut self, x: f64) {
        self.claim();
        // SAFETY: `claim` has made room for one value.
        unsafe { ffi::lua_pushnumber(self.state, x) };
    }

    /// Pushes a string.
    pub fn push_text(&mut self, text: &[u8]) {
        self.claim();
        // SAFETY: `claim` has made room for one value; Lua copies the bytes, and an empty slice has an address, too.
        unsafe { ffi::lua_pushlstring_(self.state, text.as_ptr().cast(), text.len()) };
    }

    /// Pushes an address.
    pub fn push_pointer(&mut self, address: *mut c_void) {
        self.claim();
        // SAFETY: `claim` has made room for one value.
        unsafe { ffi::lua_pushlightuserdata(self.state, address) };
    }

    /// Pushes a copy of the value at a place.
    ///
    /// # Panics
    /// If there is none.
    pub fn push_copy(&mut self, place: c_int) {
        assert!(1 <= place && place <= self.top, "a value that is not there");
        self.claim();
        // SAFETY: `claim` has made room for one value.
        unsafe { ffi::lua_pushvalue(self.state, place) };
    }

    /// Pushes what the function was made with: the first of it is 1.
    ///
    /// Behind the last there is nil.
    pub fn push_own(&mut self, i: c_int) {
        assert!((1..=100).contains(&i), "no upvalue");
        self.claim();
        // SAFETY: `claim` has made room for one value. Lua knows how many upvalues there are; the first is the host's
        // address.
        unsafe { ffi::lua_pushvalue(self.state, ffi::lua_upvalueindex(1 + i)) };
    }

    /// Pushes a table with room for `elements` elements of an array and for `fields` other fields.
    pub fn push_table(&mut self, elements: usize, fields: usize) {
        // More room than this is not reserved in advance: the table grows when it is filled.
        let bounded = |n: usize| n.min(1 << 26) as c_int;
        self.claim();
        // SAFETY: `claim` has made room for one value.
        unsafe { ffi::lua_createtable(self.state, bounded(elements), bounded(fields)) };
    }

    fn assert_table(&self, place: c_int) {
        assert!(self.kind(place) == ffi::LUA_TTABLE, "a value is no table");
    }

    /// Takes the last value away, which becomes element `i` of the table at a place.
    ///
    /// # Panics
    /// If there is no table, here and in the functions below.
    pub fn set_element(&mut self, table: c_int, i: usize) {
        self.assert_table(table);
        self.release(1);
        // SAFETY: there is a table, and a value behind it or the table itself.
        unsafe { ffi::lua_rawseti(self.state, table, i as _) };
    }

    /// Takes key and value away, which become a field of the table at a place. A key that is nil or not a number is an
    /// error of Lua.
    pub fn set_field(&mut self, table: c_int) {
        self.assert_table(table);
        self.release(2);
        // SAFETY: there is a table, and two values.
        unsafe { ffi::lua_rawset(self.state, table) };
    }

    /// Pushes element `i` of the table at a place.
    pub fn push_element(&mut self, table: c_int, i: usize) {
        self.assert_table(table);
        self.claim();
        // SAFETY: there is a table, and room.
        unsafe { ffi::lua_rawgeti(self.state, table, i as _) };
    }

    /// Replaces the last value, a key, by the field of the table at a place.
    pub fn key_to_field(&mut self, table: c_int) {
        self.assert_table(table);
        self.release(1);
        self.claim();
        // SAFETY: there is a table, and a value behind it or the table itself.
        unsafe { ffi::lua_rawget_(self.state, table) };
    }

    /// Pushes a field of the table at a place.
    pub fn push_field(&mut self, table: c_int, name: &[u8]) {
        self.push_text(name);
        self.key_to_field(table);
    }

    /// Replaces the last value, a key of the table at a place, by the next key and its value. Behind the last field
    /// it takes the key away and says so. The first key comes after nil.
    ///
    /// The table must not get other keys meanwhile, and the key must be as it was given.
    pub fn next(&mut self, table: c_int) -> bool {
        self.assert_table(table);
        assert!(self.top > table, "a key");
        // The key is popped, and the next key and its value are pushed.
        self.release(1);
        self.claim();
        self.claim();
        // SAFETY: there is a table, a key behind it, and room for one more. Lua looks the key up, and raises an
        // error if it is not there.
        match unsafe { ffi::lua_next(self.state, table) } {
            0 => {
                self.top -= 2;
                false
            }
            _ => true,
        }
    }

    /// Calls the function below the last `arguments` values, and replaces the function and them by its one result, or,
    /// if it fails, by the value that the error handler at the place `handler` returns. True if it succeeds.
    ///
    /// # Panics
    /// If there are fewer than `arguments` values, a function below them, and a handler below that.
    pub fn call_protected(&mut self, arguments: c_int, handler: c_int) -> bool {
        let function = self.top - arguments;
        assert!(
            arguments >= 0 && 0 < handler && handler < function,
            "values that are not there"
        );
        self.top = function;
        // SAFETY: there are a handler, a function and its arguments; the result takes the function's place.
        unsafe { ffi::lua_pcall(self.state, arguments, 1, handler) == ffi::LUA_OK }
    }

    /// Calls the function below the last value with that, in the place of both: one result.
    ///
    /// # Panics
    /// If there are no two values.
    pub fn call(&mut self) {
        self.release(2);
        self.top += 1;
        // SAFETY: there are a function and its argument.
        unsafe { ffi::lua_call(self.state, 1, 1) };
    }

    /// Puts the last two values, strings or numbers, together.
    ///
    /// # Panics
    /// If there are no two values.
    pub fn join(&mut self) {
        self.release(2);
        self.top += 1;
        // SAFETY: there are two values.
        unsafe { ffi::lua_concat(self.state, 2) };
    }

    /// Takes the last value away, which is assigned to a field of the value at a place, as a script would do it.
    ///
    /// # Panics
    /// If there are no such values.
    pub fn assign(&mut self, place: c_int, name: &CStr) {
        self.release(1);
        assert!(1 <= place && place <= self.top, "a value that is not there");
        // SAFETY: there are two values.
        unsafe { ffi::lua_setfield(self.state, place, name.as_ptr()) };
    }

    /// Bytes that Lua holds.
    pub fn memory(&self) -> usize {
        // SAFETY: any state; asking changes nothing.
        let kilobytes = unsafe { ffi::lua_gc(self.state, ffi::LUA_GCCOUNT, 0) };
        usize::try_from(kilobytes).unwrap_or(0) << 10
    }

    /// What is executed at a level: 0 is the function whose stack this is. Pushes the name of its source.
    pub fn push_source(&mut self, level: c_int) -> Option<Place> {
        self.claim();
        // SAFETY: Lua fills in what it is asked for; the name has a zero byte behind it and lives as long as the
        // function, which is being executed. There is room.
        unsafe {
            let mut at: ffi::lua_Debug = std::mem::zeroed();
            if ffi::lua_getstack(self.state, level, &mut at) == 0
                || ffi::lua_getinfo(self.state, c"Sl".as_ptr(), &mut at) == 0
            {
                self.top -= 1;
                return None;
            }
            ffi::lua_pushstring_(self.state, at.source);
            Some(Place {
                is_c: CStr::from_ptr(at.what) == c"C",
                line: i64::from(at.currentline),
            })
        }
    }

    /// The function at a level is this one.
    pub fn is_at_level(&mut self, level: c_int, function: ffi::lua_CFunction) -> bool {
        self.claim();
        self.top -= 1;
        // SAFETY: `claim` has made room for the function, which is pushed and taken away; all zeros is a value of
        // `lua_Debug`, which Lua fills.
        unsafe {
            let mut at: ffi::lua_Debug = std::mem::zeroed();
            if ffi::lua_getstack(self.state, level, &mut at) == 0
                || ffi::lua_getinfo(self.state, c"f".as_ptr(), &mut at) == 0
            {
                return false;
            }
            let found = ffi::lua_tocfunction(self.state, -1);
            ffi::lua_pop(self.state, 1);
            found.is_some_and(|found| std::ptr::fn_addr_eq(found, function))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlua::Table;

    /// Far more than Lua gives a function room for.
    const MANY: c_int = 50 * GIVEN;

    unsafe extern "C-unwind" fn many(state: *mut lua_State) -> c_int {
        // SAFETY: Lua calls this with a live state that nobody else uses meanwhile.
        let stack = &mut unsafe { Stack::new(state) };
        for i in 1..=MANY {
            stack.push_number(f64::from(i));
        }
        MANY
    }

    unsafe extern "C-unwind" fn fields(state: *mut lua_State) -> c_int {
        // SAFETY: Lua calls this with a live state that nobody else uses meanwhile.
        let stack = &mut unsafe { Stack::new(state) };
        let (mut fields, mut sum) = (0, 0.0);
        stack.push_nil();
        while stack.next(1) {
            fields += 1;
            sum += stack.number(stack.top()).unwrap_or(0.0);
            stack.pop(1);
        }
        stack.push_number(f64::from(fields));
        stack.push_number(sum);
        2
    }

    #[test]
    fn room_is_made_for_every_value() {
        let lua = mlua::Lua::new();
        // SAFETY: it is a C function for any state and arguments.
        let many = unsafe { lua.create_c_function(many) }.expect("a function");
        let values: mlua::MultiValue = many.call(()).expect("its values");
        let expected = (1..=i64::from(MANY)).map(mlua::Value::Integer);
        assert!(values.into_iter().eq(expected));
    }

    #[test]
    fn a_table_is_walked_through_field_by_field() {
        let lua = mlua::Lua::new();
        // SAFETY: it is a C function for tables.
        let fields = unsafe { lua.create_c_function(fields) }.expect("a function");
        let table = lua.load("{10, 20, x = 3, y = 'no number'}").eval::<Table>();
        let found = fields.call::<(i64, f64)>(table.expect("a table"));
        assert_eq!(found.expect("its fields"), (4, 33.0));
    }
}
