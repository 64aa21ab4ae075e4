//! The table `redis`: what scripts ask of the server.

use super::actor::{Speak, State};
use super::raw;
use super::to_lua::{convert, error_table, with_code};
use super::verdict::{Arguments, Verdict};
use super::words::Words;
use super::{Answer, Ask, number};
use crate::resp::Proto;
use mlua::{Function, Lua, Result, Scope, Table, Value};

use crate::REDIS_VERSION;

/// Bytes of all arguments of a command: as many as a client may have in its query buffer.
const ARGUMENTS_MAX: usize = if cfg!(test) { 1 << 20 } else { 1 << 30 };

/// Bytes of a line of the log.
const LOG_MAX: usize = 64 << 10;

const LOG_LEVELS: [&str; 4] = ["LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING"];
const REPL_AOF: i64 = 1;
const REPL_REPLICA: i64 = 2;
const REPL_ALL: i64 = REPL_AOF | REPL_REPLICA;

/// An error that the functions of this table raise.
fn refused(lua: &Lua, text: &str) -> Result<Verdict> {
    let text = [b"ERR ", text.as_bytes()].concat();
    let table = error_table(lua, &text, false)?;
    Ok(Verdict::Raise(Value::Table(table)))
}

/// The functions that both scripts and functions have.
pub fn common<'scope, 'env>(
    lua: &Lua,
    scope: &'scope Scope<'scope, 'env>,
    speak: Speak<'scope>,
    state: &'scope State,
) -> Result<Table> {
    let redis = load_time(lua, scope, speak)?;
    redis.raw_set("call", commands(lua, scope, speak, state, true)?)?;
    redis.raw_set("pcall", commands(lua, scope, speak, state, false)?)?;
    for (name, flags) in [
        ("REPL_NONE", 0),
        ("REPL_AOF", REPL_AOF),
        ("REPL_SLAVE", REPL_REPLICA),
        ("REPL_REPLICA", REPL_REPLICA),
        ("REPL_ALL", REPL_ALL),
    ] {
        redis.raw_set(name, flags)?;
    }
    let add = |name: &str, function: Function| -> Result<()> {
        redis.raw_set(name, raw::raising_packed(lua, function)?)
    };
    add(
        "error_reply",
        lua.create_function(|lua, (table, count): (Table, usize)| {
            let table = match table.raw_get(1)? {
                Value::String(text) if count == 1 => {
                    let text = text.as_bytes();
                    let bare = text.strip_prefix(b"-").unwrap_or(&text);
                    let coded = with_code(&[b"-", bare].concat());
                    error_table(lua, &coded, false)?
                }
                _ => error_table(lua, b"ERR wrong number or type of arguments", false)?,
            };
            Verdict::of(lua, table)
        })?,
    )?;
    add(
        "status_reply",
        lua.create_function(
            |lua, (table, count): (Table, usize)| match table.raw_get(1)? {
                Value::String(text) if count == 1 => {
                    let status = lua.create_table()?;
                    status.raw_set("ok", text)?;
                    Verdict::of(lua, status)
                }
                _ => {
                    let error = error_table(lua, b"ERR wrong number or type of arguments", false)?;
                    Verdict::of(lua, error)
                }
            },
        )?,
    )?;
    add(
        "sha1hex",
        lua.create_function(|lua, (table, count): (Table, usize)| {
            if count != 1 {
                return refused(lua, "wrong number of arguments");
            }
            let text = lua.coerce_string(table.raw_get(1)?)?;
            let hex = match text {
                Some(text) => crate::commands::scripting::sha1_hex(&text.as_bytes()),
                None => crate::commands::scripting::sha1_hex(b""),
            };
            Verdict::of(lua, hex)
        })?,
    )?;
    add(
        "setresp",
        scope.create_function(move |lua, (table, count): (Table, usize)| {
            if count != 1 {
                return refused(lua, "redis.setresp() requires one argument.");
            }
            let version = lua.coerce_number(table.raw_get(1)?)?.unwrap_or(0.0);
            state.proto.set(match version as i64 {
                2 => Proto::Resp2,
                3 => Proto::Resp3,
                _ => return refused(lua, "RESP version must be 2 or 3."),
            });
            Ok(Verdict::Nothing)
        })?,
    )?;
    add(
        "set_repl",
        scope.create_function(move |lua, (table, count): (Table, usize)| {
            if count != 1 {
                return refused(lua, "redis.set_repl() requires one argument.");
            }
            let flags = lua.coerce_number(table.raw_get(1)?)?.unwrap_or(0.0) as i64;
            if flags & !REPL_ALL != 0 {
                return refused(
                    lua,
                    "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
                );
            }
            speak(Answer::SetRepl(flags));
            Ok(Verdict::Nothing)
        })?,
    )?;
    add(
        "acl_check_cmd",
        scope.create_function(move |lua, (table, count): (Table, usize)| {
            let words = match words(&Arguments::new(table, count))? {
                Ok(words) => words,
                Err(text) => return refused(lua, text),
            };
            match speak(Answer::CheckCommand(words)) {
                Ask::Said(true) => Verdict::of(lua, true),
                _ => refused(lua, "Invalid command passed to redis.acl_check_cmd()"),
            }
        })?,
    )?;
    Ok(redis)
}

/// What EVAL scripts have beside that.
pub fn for_eval(lua: &Lua, redis: &Table) -> Result<()> {
    let yes = lua.create_function(|_, _: ()| Ok(true))?;
    redis.raw_set("replicate_commands", yes)?;
    let no = lua.create_function(|_, _: ()| Ok(false))?;
    redis.raw_set("breakpoint", no)?;
    let nothing = lua.create_function(|_, _: ()| Ok(()))?;
    redis.raw_set("debug", nothing)
}

/// What a library has while it is being loaded, but for `register_function`.
pub fn load_time<'scope, 'env>(
    lua: &Lua,
    scope: &'scope Scope<'scope, 'env>,
    speak: Speak<'scope>,
) -> Result<Table> {
    let redis = lua.create_table()?;
    redis.raw_set("REDIS_VERSION", REDIS_VERSION)?;
    let number = REDIS_VERSION
        .split('.')
        .fold(0, |all, part| (all << 8) | part.parse::<i64>().unwrap_or(0));
    redis.raw_set("REDIS_VERSION_NUM", number)?;
    for (level, name) in LOG_LEVELS.iter().enumerate() {
        redis.raw_set(*name, level)?;
    }
    let log = scope.create_function(move |lua, (table, count): (Table, usize)| {
        if count < 2 {
            return refused(lua, "redis.log() requires two arguments or more.");
        }
        let level = match table.raw_get::<Value>(1)? {
            Value::Integer(n) => n,
            Value::Number(x) => x as i64,
            _ => return refused(lua, "First argument must be a number (log level)."),
        };
        if !(0..LOG_LEVELS.len() as i64).contains(&level) {
            return refused(lua, "Invalid log level.");
        }
        let mut text = Vec::new();
        for i in 2..=count {
            if let Some(part) = lua.coerce_string(table.raw_get(i)?)? {
                if i > 2 {
                    text.push(b' ');
                }
                let part = part.as_bytes();
                let room = LOG_MAX.saturating_sub(text.len());
                text.extend_from_slice(&part[..part.len().min(room)]);
            }
        }
        speak(Answer::Log(level, text));
        Ok(Verdict::Nothing)
    })?;
    redis.raw_set("log", raw::raising_packed(lua, log)?)?;
    Ok(redis)
}

/// The arguments of a command.
fn words(args: &Arguments) -> Result<std::result::Result<Words, &'static str>> {
    if args.count == 0 {
        return Ok(Err(
            "Please specify at least one argument for this redis lib call",
        ));
    }
    let mut words = Words::default();
    for i in 1..=args.count {
        match args.get(i)? {
            Value::String(text) => {
                let text = text.as_bytes();
                if words.bytes() + text.len() > ARGUMENTS_MAX {
                    return Ok(Err("Lua redis lib command arguments are too large"));
                }
                words.push(&text);
            }
            Value::Integer(n) => words.push(itoa::Buffer::new().format(n).as_bytes()),
            Value::Number(x) => words.push(&number::argument(x)),
            _ => {
                return Ok(Err(
                    "Lua redis lib command arguments must be strings or integers",
                ));
            }
        }
    }
    Ok(Ok(words))
}

/// `redis.call` and `redis.pcall`
fn commands<'scope, 'env>(
    lua: &Lua,
    scope: &'scope Scope<'scope, 'env>,
    speak: Speak<'scope>,
    state: &'scope State,
    raises: bool,
) -> Result<Function> {
    let function = scope.create_function(move |lua, (table, count): (Table, usize)| {
        let words = match words(&Arguments::new(table, count))? {
            Ok(words) => words,
            Err(text) => {
                let text = [b"ERR ", text.as_bytes()].concat();
                let error = Value::Table(error_table(lua, &text, false)?);
                return Ok(if raises {
                    Verdict::Raise(error)
                } else {
                    Verdict::Value(error)
                });
            }
        };
        let Ask::Reply(reply) = speak(Answer::Call(words, state.proto.get())) else {
            return Ok(Verdict::Nothing);
        };
        let value = convert(lua, &reply)?;
        Ok(match raises && reply.first() == Some(&b'-') {
            true => Verdict::Raise(value),
            false => Verdict::Value(value),
        })
    })?;
    raw::raising_packed(lua, function)
}
