//! What an interpreter does with each message.

use super::register::{Loading, register};
use super::sandbox::Globals;
use super::to_reply::Writer;
use super::{Answer, Ask, INSTRUCTIONS, Kind, Outcome, Registered, Run, api, raw, sandbox};
use crate::resp::Proto;
use corosensei::Yielder;
use mlua::chunk::ChunkMode;
use mlua::{
    Error, Function, HookTriggers, Lua, LuaOptions, Result, StdLib, Table, Thread, Value, VmState,
};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Gives the engine an answer and waits for what it asks next.
pub type Speak<'a> = &'a (dyn Fn(Answer) -> Ask + 'a);

/// The name under which the function that pauses is kept.
const PAUSE: &str = "pause";
/// The name under which the main coroutine is kept.
const MAIN: &str = "main";

/// What callbacks share.
#[derive(Default)]
pub struct State {
    /// What `redis.setresp` chose.
    pub proto: Cell<Proto>,
    /// What the library that is being loaded has registered.
    loading: RefCell<Option<Loading>>,
    /// The error that ends the running script whatever it does, and where it was.
    killed: Rc<RefCell<Option<Killed>>>,
}

struct Killed {
    why: &'static str,
    source: String,
    line: usize,
}

/// Runs until `Quit`.
///
/// # Panics
/// When there is no memory for an empty interpreter.
pub fn body(
    yielder: &Yielder<Ask, Answer>,
    first: Ask,
    kind: Kind,
    memory_max: usize,
    used: &Cell<usize>,
) {
    let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::OS;
    let options = LuaOptions::new().catch_rust_panics(false);
    let lua = Lua::new_with(libraries, options).expect("an empty interpreter");
    let speak = |answer| {
        used.set(lua.used_memory());
        yielder.suspend(answer)
    };
    let speak: Speak<'_> = &speak;
    let state = State::default();
    let state = &state;
    lua.scope(|scope| {
        let pause = scope.create_function(|_, ()| match speak(Answer::Pause) {
            Ask::Kill(why) => {
                let (source, line) = (String::new(), 0);
                state.killed.replace(Some(Killed { why, source, line }));
                Ok(true)
            }
            _ => Ok(false),
        })?;
        lua.set_named_registry_value(PAUSE, pause)?;
        lua.set_named_registry_value(MAIN, lua.current_thread())?;
        let redis = api::common(&lua, scope, speak, state)?;
        if kind == Kind::Eval {
            api::for_eval(&lua, &redis)?;
        }
        let xpcall: Function = lua.globals().raw_get("xpcall")?;
        let globals = sandbox::build(&lua, redis)?;
        let handler = lua.create_function(on_error)?;
        if kind == Kind::Eval {
            globals.hidden.raw_set("__redis__err__handler", &handler)?;
        }
        let call = lua.load(CALL).set_name("=call").call::<Function>(&xpcall)?;
        let library = match kind {
            Kind::Functions => {
                let redis = api::load_time(&lua, scope, speak)?;
                let register = scope.create_function(|lua, (table, count): (Table, usize)| {
                    register(lua, &state.loading, &table, count)
                })?;
                redis.raw_set("register_function", raw::raising_packed(&lua, register)?)?;
                sandbox::forbid_missing(&lua, &redis)?;
                let library = lua.create_table()?;
                let redis = raw::freeze(&lua, redis, None)?;
                library.raw_set("redis", &redis)?;
                // As libraries for Valkey call it.
                library.raw_set("server", redis)?;
                sandbox::forbid_missing(&lua, &library)?;
                Some(library)
            }
            Kind::Eval => None,
        };
        let _ = lua.set_memory_limit(memory_max);
        let mut interpreter = Interpreter {
            lua: &lua,
            state,
            globals,
            library,
            xpcall,
            call,
            handler,
            scripts: lua.create_table()?,
            libraries: lua.create_table()?,
            memory_max,
        };
        interpreter.watch()?;
        let mut ask = first;
        while let Some(answer) = interpreter.answer(ask) {
            ask = speak(answer);
        }
        Ok(())
    })
    .expect("an empty interpreter");
}

/// Calls a function with two arguments under an error handler.
const CALL: &str = "
local xpcall = ...
return function(f, keys, args, handler)
  return xpcall(function() return f(keys, args) end, handler)
end";

struct Interpreter<'a> {
    lua: &'a Lua,
    state: &'a State,
    globals: Globals,
    /// The globals of libraries that are being loaded.
    library: Option<Table>,
    xpcall: Function,
    call: Function,
    handler: Function,
    /// Number to function. In Lua's own table: Rust can hold some thousand references at most.
    scripts: Table,
    /// Number to table of functions by name.
    libraries: Table,
    memory_max: usize,
}

impl Interpreter<'_> {
    fn answer(&mut self, ask: Ask) -> Option<Answer> {
        Some(match ask {
            Ask::Compile(id, source) => {
                let compiled = self.compile(&source, "@user_script");
                Answer::Compiled(compiled.and_then(|script| {
                    let kept = self.scripts.raw_set(id, script);
                    kept.map_err(|error| message(&error))
                }))
            }
            Ask::Load(id, source) => Answer::Loaded(self.load(id, &source)),
            Ask::Forget(id) => {
                let _ = self.scripts.raw_set(id, Value::Nil);
                let _ = self.libraries.raw_set(id, Value::Nil);
                Answer::Ready
            }
            Ask::Collect => {
                let _ = self.lua.gc_collect();
                Answer::Ready
            }
            Ask::Run(run) => {
                let outcome = self.run(&run);
                // Lua 5.1 does not collect when it runs out of memory: the next script starts afresh.
                if self.lua.used_memory() > self.memory_max / 2 {
                    let _ = self.lua.gc_collect();
                }
                Answer::Done(outcome)
            }
            Ask::Quit => return None,
            Ask::Reply(_) | Ask::Said(_) | Ask::Continue | Ask::Kill(_) => Answer::Ready,
        })
    }

    /// Looks up every so often whether the engine wants something.
    fn watch(&self) -> Result<()> {
        let killed = self.state.killed.clone();
        let every = HookTriggers::new().every_nth_instruction(INSTRUCTIONS);
        self.lua.set_global_hook(every, move |lua, debug| {
            let pause: Function = lua.named_registry_value(PAUSE)?;
            if !pause.call::<bool>(())? {
                return Ok(VmState::Continue);
            }
            let source = debug
                .source()
                .source
                .map_or(String::new(), |s| s.into_owned());
            if let Some(killed) = &mut *killed.borrow_mut() {
                killed.source = source;
                killed.line = debug.current_line().unwrap_or(0);
            }
            // At every instruction from now on: `pcall` catches it in vain.
            let always = HookTriggers::new().every_nth_instruction(1);
            lua.set_global_hook(always, |_, _| Err(Error::runtime("killed")))?;
            // Of the coroutine that runs, and of the one that all others return to.
            let main: Thread = lua.named_registry_value(MAIN)?;
            main.set_hook(always, |_, _| Err(Error::runtime("killed")))?;
            Err(Error::runtime("killed"))
        })
    }

    fn compile(&self, source: &[u8], name: &str) -> std::result::Result<Function, Vec<u8>> {
        let marked;
        let source = match source.first() {
            // Behind a space it is no compiled code, but text that cannot be read.
            Some(27) => {
                marked = [b" ", source].concat();
                &marked
            }
            _ => source,
        };
        let chunk = self
            .lua
            .load(source)
            .set_name(name)
            .set_mode(ChunkMode::Text);
        chunk.into_function().map_err(|error| message(&error))
    }

    fn load(&mut self, id: u64, source: &[u8]) -> std::result::Result<Vec<Registered>, Vec<u8>> {
        let failed = |what: &str, why: Vec<u8>| [what.as_bytes(), &why].concat();
        let code = self
            .compile(source, "@user_function")
            .map_err(|why| failed("Error compiling function: ", why))?;
        let functions = self.lua.create_table().map_err(|error| message(&error))?;
        let loading = Loading {
            registered: Vec::new(),
            functions: functions.clone(),
        };
        self.state.loading.replace(Some(loading));
        let ended = self.load_with_globals(code);
        let registered = self
            .state
            .loading
            .take()
            .map_or(Vec::new(), |l| l.registered);
        ended.map_err(|why| failed("Error registering functions: ", why))?;
        if registered.is_empty() {
            return Err(b"No functions registered".to_vec());
        }
        let kept = self.libraries.raw_set(id, functions);
        kept.map_err(|error| message(&error))?;
        Ok(registered)
    }

    fn load_with_globals(&mut self, code: Function) -> std::result::Result<(), Vec<u8>> {
        let behind = self.globals.face.metatable();
        let show = |globals: &Table| match &behind {
            Some(behind) => behind.raw_set("__index", globals),
            None => Ok(()),
        };
        if let Some(library) = &self.library {
            show(library).map_err(|error| message(&error))?;
        }
        let ended = self.xpcall.call::<(bool, Value)>((code, &self.handler));
        show(&self.globals.hidden).map_err(|error| message(&error))?;
        if let Some(killed) = self.take_killed() {
            return Err(format!("ERR {}", killed.why).into_bytes());
        }
        match ended {
            Ok((true, _)) => Ok(()),
            Ok((false, error)) => Err(match &error {
                Value::Table(error) => match error.raw_get("err") {
                    Ok(Value::String(text)) => text.as_bytes().to_vec(),
                    _ => b"ERR unknown error".to_vec(),
                },
                other => text_of(other),
            }),
            Err(error) => Err(message(&error)),
        }
    }

    /// What killed the script, and the hook as it is for the next one.
    fn take_killed(&self) -> Option<Killed> {
        let killed = self.state.killed.take()?;
        self.watch().ok();
        Some(killed)
    }

    fn run(&mut self, run: &Run) -> Outcome {
        self.state.proto.set(Proto::Resp2);
        let ended = self.call(run);
        let mut out = Writer::new(run.proto, self.state.proto.get());
        let mut fail = |text: &[u8], counted: bool, at: Option<(&str, i64)>| {
            let mut text = text.to_vec();
            if let Some((source, line)) = at {
                let place = format!(" script: {}, on {source}:{line}.", run.name);
                text.extend_from_slice(place.as_bytes());
            }
            out.error(&text, counted);
        };
        if let Some(killed) = self.take_killed() {
            let text = format!("ERR {}", killed.why);
            let at = Some((killed.source.as_str(), killed.line as i64));
            fail(text.as_bytes(), false, at);
            return out.finish();
        }
        match ended {
            Ok((true, value)) => {
                if let Err(error) = out.value(&value, 0) {
                    out.error(&[b"ERR ", &message(&error)[..]].concat(), false);
                }
            }
            Ok((false, Value::Table(error))) => {
                let text = match error.raw_get("err") {
                    Ok(Value::String(text)) => text.as_bytes().to_vec(),
                    _ => b"ERR unknown error".to_vec(),
                };
                let counted = error.raw_get("ignore_error_stats_update").unwrap_or(false);
                let source: Option<String> = error.raw_get("source").unwrap_or(None);
                let line: Option<i64> = error.raw_get("line").unwrap_or(None);
                fail(&text, counted, source.as_deref().zip(line));
            }
            Ok((false, other)) => {
                let mut why = text_of(&other);
                why.truncate(100);
                let what = format!("ERR Error running script {}, ", run.name);
                fail(&[what.as_bytes(), &why].concat(), false, None);
            }
            Err(error) => {
                let what = format!("ERR Error running script {}, ", run.name);
                fail(&[what.as_bytes(), &message(&error)].concat(), false, None);
            }
        }
        out.finish()
    }

    fn call(&self, run: &Run) -> Result<(bool, Value)> {
        let list = |words: &super::words::Words| -> Result<Table> {
            let table = self.lua.create_table_with_capacity(words.len(), 0)?;
            for (i, word) in words.iter().enumerate() {
                table.raw_set(i + 1, self.lua.create_string(word)?)?;
            }
            Ok(table)
        };
        let (keys, args) = (list(&run.keys)?, list(&run.args)?);
        match &run.function {
            None => {
                self.globals.hidden.raw_set("KEYS", keys)?;
                self.globals.hidden.raw_set("ARGV", args)?;
                let script: Function = self.scripts.raw_get(run.id)?;
                self.xpcall.call((script, &self.handler))
            }
            Some(name) => {
                let library: Table = self.libraries.raw_get(run.id)?;
                let function: Function = library.raw_get(self.lua.create_string(name)?)?;
                self.call.call((function, keys, args, &self.handler))
            }
        }
    }
}

/// The error handler: errors become tables that say where they came from.
fn on_error(lua: &Lua, error: Value) -> Result<Table> {
    let place = |level| {
        lua.inspect_stack(level, |debug| {
            let source = debug.source();
            let name = source.source.map_or(String::new(), |s| s.into_owned());
            (
                source.what == "C",
                name,
                debug.current_line().map_or(-1, |l| l as i64),
            )
        })
    };
    // The innermost are this callback's own frames; then what raised the error, a C function perhaps.
    let mut at = place(2);
    if let Some((true, ..)) = at {
        at = place(3);
    }
    let table = match error {
        Value::Table(table) => table,
        other => {
            let text = [b"ERR ", &text_of(&other)[..]].concat();
            let table = lua.create_table()?;
            table.raw_set("err", lua.create_string(text)?)?;
            table
        }
    };
    if let Some((_, source, line)) = at {
        table.set("source", source)?;
        table.set("line", line)?;
    }
    Ok(table)
}

/// What `tostring` says of an error.
fn text_of(error: &Value) -> Vec<u8> {
    match error {
        Value::String(text) => text.as_bytes().to_vec(),
        Value::Error(error) => message(error),
        other => match other.to_string() {
            Ok(text) => text.into_bytes(),
            Err(error) => message(&error),
        },
    }
}

/// Lua's message, without what is said of it on further lines.
fn message(error: &Error) -> Vec<u8> {
    match error {
        Error::SyntaxError { message, .. } | Error::RuntimeError(message) => {
            message.clone().into_bytes()
        }
        Error::MemoryError(_) => b"not enough memory".to_vec(),
        Error::CallbackError { cause, .. } => message(cause),
        other => {
            let text = other.to_string();
            text.lines().next().unwrap_or("").as_bytes().to_vec()
        }
    }
}
