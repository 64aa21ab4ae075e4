//! What an interpreter does with each message.

use super::checked::SOURCE_MAX;
use super::pace::Pace;
use super::register::{Loading, register};
use super::sandbox::Globals;
use super::to_reply::Writer;
use super::{Answer, Ask, Kind, Outcome, Registered, Run, api, raw, sandbox, strings};
use crate::resp::Proto;
use corosensei::Yielder;
use mlua::chunk::ChunkMode;
use mlua::{Error, Function, Lua, LuaOptions, Result, StdLib, Table, Value};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Gives the engine an answer and waits for what it asks next.
pub type Speak<'a> = &'a (dyn Fn(Answer) -> Ask + 'a);

/// What callbacks share.
#[derive(Default)]
pub struct State {
    /// What `redis.setresp` chose.
    pub proto: Cell<Proto>,
    /// What the library that is being loaded has registered.
    loading: RefCell<Option<Loading>>,
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
    used: &Rc<Cell<usize>>,
) {
    assert!(strings::in_place());
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
    // SAFETY: the interpreter, which owns the pace, does not outlive this function.
    let pace = unsafe { Pace::new(yielder, used.clone()) };
    lua.scope(|scope| {
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
        pace.install(&lua)?;
        let mut interpreter = Interpreter {
            lua: &lua,
            state,
            pace: &pace,
            globals,
            library,
            xpcall,
            call,
            handler,
            scripts: lua.create_table()?,
            libraries: lua.create_table()?,
            memory_max,
        };
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
    pace: &'a Pace,
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
                self.collect();
                Answer::Ready
            }
            Ask::Run(run) => {
                let outcome = self.run(&run);
                // Lua 5.1 does not collect when it runs out of memory: the next script starts afresh.
                if self.lua.used_memory() > self.memory_max / 2 {
                    self.collect();
                }
                Answer::Done(outcome)
            }
            Ask::Quit => return None,
            Ask::Reply(_) | Ask::Said(_) | Ask::Continue | Ask::Kill(_) => Answer::Ready,
        })
    }

    /// Collects garbage. There may be no memory left for what that needs, so there is no limit meanwhile.
    fn collect(&self) {
        let _ = self.lua.set_memory_limit(0);
        let _ = self.lua.gc_collect();
        let _ = self.lua.set_memory_limit(self.memory_max);
    }

    fn compile(&self, source: &[u8], name: &str) -> std::result::Result<Function, Vec<u8>> {
        if source.len() > SOURCE_MAX {
            return Err(b"chunk is too large".to_vec());
        }
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
        if let Some(death) = self.pace.take_death(self.lua) {
            return Err(format!("ERR {}", death.why).into_bytes());
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

    fn run(&mut self, run: &Run) -> Outcome {
        self.state.proto.set(Proto::Resp2);
        let ended = self.call(run);
        let mut out = Writer::new(self.pace, run.proto, self.state.proto.get(), run.reply_max);
        let mut fail = |text: &[u8], counted: bool, at: Option<(&str, i64)>| {
            let mut text = text.to_vec();
            if let Some((source, line)) = at {
                let place = format!(" script: {}, on {source}:{line}.", run.name);
                text.extend_from_slice(place.as_bytes());
            }
            out.error(&text, counted);
        };
        if let Some(death) = self.pace.take_death(self.lua) {
            let text = format!("ERR {}", death.why);
            let place = death.place.as_ref();
            fail(
                text.as_bytes(),
                false,
                place.map(|(source, line)| (source.as_str(), *line)),
            );
            return out.finish();
        }
        match ended {
            Ok((true, value)) => {
                if let Err(error) = out.value(&value, 0) {
                    let why = match self.pace.take_death(self.lua) {
                        Some(death) => death.why.as_bytes().to_vec(),
                        None => message(&error),
                    };
                    out.failed(&[b"ERR ", &why[..]].concat());
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
