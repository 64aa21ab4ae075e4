//! Running a loaded script or function: one protected call of a function that builds the arguments, calls the script
//! and writes the reply.

use super::Run;
use super::host::Host;
use super::native::{closure, host_of};
use super::stack::{Stack, Value};
use super::to_reply::{FIELDS, Unwritten, Writer};
use super::words::Words;
use mlua::ffi::{self, lua_State};
use mlua::{Function, Lua, MultiValue, Result, Table};
use resp::Proto;
use std::ffi::{c_int, c_void};

/// What the function owns behind the names of [`FIELDS`].
const GLOBALS: c_int = FIELDS.len() as c_int + 1;
const SCRIPTS: c_int = GLOBALS + 1;
const LIBRARIES: c_int = SCRIPTS + 1;
const HANDLER: c_int = LIBRARIES + 1;
const KEYS: c_int = HANDLER + 1;
const ARGV: c_int = KEYS + 1;

/// Its address names the entry in Lua's registry that is the function.
static KEY: u8 = 0;

/// The way into an interpreter.
pub struct Entry {
    state: *mut lua_State,
}

/// A script that is run, and the writer of its reply.
struct Job<'a> {
    run: &'a Run,
    writer: Writer<'a>,
}

impl Entry {
    /// Of `lua`, whose global variables are the fields of `globals`. Scripts are functions by number, libraries tables
    /// of functions by number.
    ///
    /// # Errors
    /// Only Lua's own, such as running out of memory.
    pub fn new(
        lua: &Lua,
        globals: &Table,
        scripts: &Table,
        libraries: &Table,
        handler: &Function,
    ) -> Result<Entry> {
        let mut own = MultiValue::new();
        for name in FIELDS {
            own.push_back(mlua::Value::String(lua.create_string(name)?));
        }
        for table in [globals, scripts, libraries] {
            own.push_back(mlua::Value::Table(table.clone()));
        }
        own.push_back(mlua::Value::Function(handler.clone()));
        for name in ["KEYS", "ARGV"] {
            own.push_back(mlua::Value::String(lua.create_string(name)?));
        }
        let function = closure(lua, enter, own)?;
        let mut main = std::ptr::null_mut();
        // SAFETY: the function is on the stack and becomes a field of the registry. At this level `mlua` works on
        // the main coroutine, which lives as long as the interpreter.
        unsafe {
            lua.exec_raw::<()>(function, |state| {
                ffi::lua_pushlightuserdata(state, key());
                ffi::lua_insert(state, 1);
                ffi::lua_rawset(state, ffi::LUA_REGISTRYINDEX);
                main = state;
            })?;
        }
        Ok(Entry { state: main })
    }

    /// Runs something. If it is killed, what the outcome says is of no account. What its outcome holds is a buffer.
    ///
    /// # Safety
    /// The interpreter lives, and executes nothing else.
    pub unsafe fn run(&self, host: &Host, run: &mut Run) {
        host.proto.set(Proto::Resp2);
        let buffer = std::mem::take(&mut run.outcome.reply);
        let mut job = Job {
            run,
            writer: Writer::new(&host.pace, run.proto, run.reply_max, buffer),
        };
        let pointer = (&raw mut job).cast::<c_void>();
        // SAFETY: the actor, which owns both the interpreter and this entry, calls this between two other things that
        // the interpreter does, so the state is alive and nobody else uses its stack. Outside of all functions there is
        // room for 20 values, and pushing these needs no memory. Until the function has returned or failed, nothing
        // but the function uses the job.
        unsafe {
            let top = ffi::lua_gettop(self.state);
            ffi::lua_pushlightuserdata(self.state, key());
            ffi::lua_rawget_(self.state, ffi::LUA_REGISTRYINDEX);
            ffi::lua_pushlightuserdata(self.state, pointer);
            if ffi::lua_pcall(self.state, 1, 0, 0) != ffi::LUA_OK {
                let mut len = 0;
                let text = match ffi::lua_type(self.state, -1) {
                    ffi::LUA_TSTRING => {
                        let bytes = ffi::lua_tolstring(self.state, -1, &mut len);
                        std::slice::from_raw_parts(bytes.cast::<u8>(), len)
                    }
                    _ => b"unknown error",
                };
                job.fail(text);
            }
            ffi::lua_settop(self.state, top);
            // What a long jump has left behind.
            (*host.work.get()).trim();
        }
        run.outcome = job.writer.finish();
    }
}

fn key() -> *mut c_void {
    (&raw const KEY).cast_mut().cast()
}

unsafe extern "C-unwind" fn enter(state: *mut lua_State) -> c_int {
    // SAFETY: `Entry::new` made the closure, and `Entry::run` calls it with the address of a job that waits for it.
    // Nothing here owns what a long jump would leak.
    unsafe {
        let job = &mut *ffi::lua_touserdata(state, 1).cast::<Job<'_>>();
        job.execute(host_of(state), &mut Stack::new(state));
    }
    0
}

impl Job<'_> {
    fn execute(&mut self, host: &Host, stack: &mut Stack<'_>) {
        stack.push_own(HANDLER);
        let handler = stack.top();
        let arguments = self.push_call(stack);
        let succeeded = stack.call_protected(arguments, handler);
        if host.pace.is_killed() {
            return;
        }
        if !succeeded {
            return self.failure(stack);
        }
        match self.writer.returned(stack, host.proto.get()) {
            Ok(()) | Err(Unwritten::Killed) => {}
            Err(Unwritten::TooLarge) => self.writer.failed(b"ERR script's reply is too large"),
        }
    }

    /// Pushes the function to call and its arguments, and returns the number of arguments.
    fn push_call(&self, stack: &mut Stack<'_>) -> c_int {
        let run = self.run;
        let Some(name) = &run.function else {
            stack.push_own(GLOBALS);
            let globals = stack.top();
            for (name, words) in [(KEYS, &run.keys), (ARGV, &run.args)] {
                stack.push_own(name);
                push_words(stack, words);
                stack.set_field(globals);
            }
            stack.push_own(SCRIPTS);
            stack.push_number(run.id as f64);
            stack.key_to_field(stack.top() - 1);
            return 0;
        };
        stack.push_own(LIBRARIES);
        stack.push_number(run.id as f64);
        stack.key_to_field(stack.top() - 1);
        stack.push_field(stack.top(), name);
        push_words(stack, &run.keys);
        push_words(stack, &run.args);
        2
    }

    /// The last value is an error that the script has ended with.
    fn failure(&mut self, stack: &mut Stack<'_>) {
        let error = stack.top();
        match stack.value(error) {
            Value::Table => {}
            Value::Text(text) => return self.fail(&text[..text.len().min(100)]),
            _ => return self.fail(stack.type_name(error).as_bytes()),
        }
        for name in ["err", "ignore_error_stats_update", "source", "line"] {
            stack.push_field(error, name.as_bytes());
        }
        let text = stack.text(error + 1).unwrap_or(b"ERR unknown error");
        let counted = stack.value(error + 2) == Value::Boolean(true);
        match (stack.text(error + 3), stack.value(error + 4)) {
            (Some(source), Value::Number(line)) => {
                let source = String::from_utf8_lossy(source);
                let place = format!(" script: {}, on {source}:{line}.", self.run.shown());
                self.writer
                    .error(&[text, place.as_bytes()].concat(), counted);
            }
            _ => self.writer.error(text, counted),
        }
    }

    /// An error that is not a table: it did not come from the handler.
    fn fail(&mut self, why: &[u8]) {
        let what = format!("ERR Error running script {}, ", self.run.shown());
        self.writer.failed(&[what.as_bytes(), why].concat());
    }
}

/// Pushes a table of strings.
fn push_words(stack: &mut Stack<'_>, words: &Words) {
    stack.push_table(words.len(), 0);
    let table = stack.top();
    for (i, word) in words.iter().enumerate() {
        stack.push_text(word);
        stack.set_element(table, i + 1);
    }
}
