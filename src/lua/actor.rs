//! How an interpreter handles each message.

use super::compile::compile;
use super::entry::Entry;
use super::failure::{self, message, text_of};
use super::host::Host;
use super::pace::Pace;
use super::register::{Loading, register};
use super::sandbox::Globals;
use super::{
    Answer, Ask, Kind, Outcome, Registered, Run, api, checked, memory, raw, sandbox, strings,
    tables,
};
use corosensei::Yielder;
use mlua::{Function, Lua, LuaOptions, StdLib, Table, Value};
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::rc::Rc;

/// Runs until `Quit`.
///
/// # Panics
/// When there is no memory for an empty interpreter.
pub fn body(
    yielder: &Yielder<Ask, Answer>,
    first: Ask,
    kind: Kind,
    memory_max: usize,
    timer: fn() -> u64,
    used: &Rc<Cell<usize>>,
) {
    assert!(strings::in_place() && tables::in_place() && memory::in_place());
    let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::OS;
    let options = LuaOptions::new().catch_rust_panics(false);
    let lua = Lua::new_with(libraries, options).expect("an empty interpreter");
    assert!(memory::mirrors(&lua).expect("an allocator with a limit"));
    // SAFETY: the interpreter, which owns them, does not outlive this function.
    let pace = unsafe { Pace::new(yielder, used.clone(), timer) };
    // SAFETY: the interpreter, which owns the host, does not outlive this function either.
    let host = unsafe { Host::new(yielder, used.clone(), pace.clone()) };
    host.install(&lua);
    let loading = RefCell::new(None);
    let loading = &loading;
    lua.scope(|scope| {
        let redis = api::common(&lua)?;
        if kind == Kind::Eval {
            api::for_eval(&lua, &redis)?;
        }
        let xpcall: Function = lua.globals().raw_get("xpcall")?;
        let globals = sandbox::build(&lua, redis)?;
        let handler = failure::handler(&lua)?;
        if kind == Kind::Eval {
            globals.hidden.raw_set("__redis__err__handler", &handler)?;
        }
        let library = match kind {
            Kind::Functions => {
                let redis = api::load_time(&lua)?;
                let register = scope.create_function(|lua, (table, count): (Table, usize)| {
                    register(lua, loading, &table, count)
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
        pace.install(&lua)?;
        let (scripts, libraries) = (lua.create_table()?, lua.create_table()?);
        let mut interpreter = Interpreter {
            entry: Entry::new(&lua, &globals.hidden, &scripts, &libraries, &handler)?,
            lua: &lua,
            host: &host,
            pace: &pace,
            loading,
            globals,
            library,
            xpcall,
            handler,
            scripts,
            libraries,
            memory_max,
        };
        // From here on anything may fail for lack of memory, and says so.
        let _ = lua.set_memory_limit(memory_max);
        let mut ask = first;
        while let Some(answer) = interpreter.answer(ask) {
            ask = host.speak(lua.used_memory(), answer);
        }
        Ok(())
    })
    .expect("an empty interpreter");
}

struct Interpreter<'a> {
    lua: &'a Lua,
    host: &'a Host,
    pace: &'a Pace,
    entry: Entry,
    /// What the library that is being loaded has registered.
    loading: &'a RefCell<Option<Loading>>,
    globals: Globals,
    /// The globals of libraries that are being loaded.
    library: Option<Table>,
    xpcall: Function,
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
                let compiled = self.compile(&source, c"@user_script");
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
                self.collect(|| ());
                Answer::Ready
            }
            Ask::Run(mut run) => {
                self.run(&mut run);
                // Lua 5.1 does not collect when it runs out of memory: the next script starts afresh.
                if self.lua.used_memory() > self.memory_max / 2 {
                    self.collect(|| _ = self.pace.spend_time(checked::COLLECT_WORK));
                    // Its reply is made: it is too late to end it.
                    self.pace.take_death(self.lua);
                }
                Answer::Done(run)
            }
            Ask::Quit => return None,
            Ask::Reply(..) | Ask::Allowed(_) | Ask::Said(_) | Ask::Continue | Ask::Kill(_) => {
                Answer::Ready
            }
        })
    }

    /// Collects garbage. There may be no memory left for what that needs, so there is no limit meanwhile.
    fn collect(&self, between: impl Fn()) {
        let _ = self.lua.set_memory_limit(0);
        // SAFETY: collecting is possible in any state; `between` leaves by no long jump.
        let _ = unsafe {
            self.lua.exec_raw::<()>((), |state| {
                checked::collect(state, |_| between());
            })
        };
        let _ = self.lua.set_memory_limit(self.memory_max);
    }

    fn compile(&self, source: &[u8], name: &CStr) -> std::result::Result<Function, Vec<u8>> {
        self.pace.begin(self.lua);
        let compiled = compile(self.lua, source, name);
        if let Some(death) = self.pace.take_death(self.lua) {
            return Err(death.why.as_bytes().to_vec());
        }
        compiled.map_err(|error| message(&error))?
    }

    fn load(&mut self, id: u64, source: &[u8]) -> std::result::Result<Vec<Registered>, Vec<u8>> {
        let failed = |what: &str, why: Vec<u8>| [what.as_bytes(), &why].concat();
        let code = self
            .compile(source, c"@user_function")
            .map_err(|why| failed("Error compiling function: ", why))?;
        let functions = self.lua.create_table().map_err(|error| message(&error))?;
        let loading = Loading {
            registered: Vec::new(),
            functions: functions.clone(),
        };
        self.loading.replace(Some(loading));
        let ended = self.load_with_globals(code);
        let registered = self.loading.take().map_or(Vec::new(), |l| l.registered);
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

    fn run(&mut self, run: &mut Run) {
        self.pace.begin(self.lua);
        // SAFETY: the interpreter lives, and its only thread of execution is here.
        unsafe { self.entry.run(self.host, run) };
        let Some(death) = self.pace.take_death(self.lua) else {
            return;
        };
        let mut text = format!("ERR {}", death.why);
        if let Some((source, line)) = death.place {
            text += &format!(" script: {}, on {source}:{line}.", run.shown());
        }
        run.outcome = Outcome::error(text.as_bytes());
    }
}
