//! The table `redis`, which scripts use to call the server.

use super::Answer;
use super::call::{Call, CheckCommand, ProtectedCall, refused};
use super::host::{Host, Work};
use super::native::{Native, Raise, native};
use super::stack::{Stack, Value};
use super::to_lua::push_error;
use super::to_reply::as_c_text;
use crate::sha::sha1_digits;
use base::{LogLevel, REDIS_VERSION};
use mlua::{Lua, Result, Table};
use resp::Proto;
use resp::reply::trim_newlines;
use std::ffi::c_int;

/// Bytes of a line of the log.
const LOG_MAX: usize = 64 << 10;

const REPL_AOF: i64 = 1;
const REPL_REPLICA: i64 = 2;
const REPL_ALL: i64 = REPL_AOF | REPL_REPLICA;

/// How a native function ends.
type End = std::result::Result<c_int, Raise>;

/// The functions that both scripts and functions have.
pub fn common(lua: &Lua) -> Result<Table> {
    let redis = load_time(lua)?;
    redis.raw_set("call", native::<Call>(lua, ())?)?;
    redis.raw_set("pcall", native::<ProtectedCall>(lua, ())?)?;
    redis.raw_set("acl_check_cmd", native::<CheckCommand>(lua, ())?)?;
    redis.raw_set("error_reply", native::<ErrorReply>(lua, ())?)?;
    redis.raw_set("status_reply", native::<StatusReply>(lua, ())?)?;
    redis.raw_set("sha1hex", native::<Sha1Hex>(lua, ())?)?;
    redis.raw_set("setresp", native::<SetResp>(lua, ())?)?;
    redis.raw_set("set_repl", native::<SetRepl>(lua, ())?)?;
    for (name, flags) in [
        ("REPL_NONE", 0),
        ("REPL_AOF", REPL_AOF),
        ("REPL_SLAVE", REPL_REPLICA),
        ("REPL_REPLICA", REPL_REPLICA),
        ("REPL_ALL", REPL_ALL),
    ] {
        redis.raw_set(name, flags)?;
    }
    Ok(redis)
}

/// What EVAL scripts have in addition.
pub fn for_eval(lua: &Lua, redis: &Table) -> Result<()> {
    let yes = lua.create_function(|_, _: ()| Ok(true))?;
    redis.raw_set("replicate_commands", yes)?;
    let no = lua.create_function(|_, _: ()| Ok(false))?;
    redis.raw_set("breakpoint", no)?;
    let nothing = lua.create_function(|_, _: ()| Ok(()))?;
    redis.raw_set("debug", nothing)
}

/// What a library has while it is being loaded, but for `register_function`.
pub fn load_time(lua: &Lua) -> Result<Table> {
    let redis = lua.create_table()?;
    redis.raw_set("REDIS_VERSION", REDIS_VERSION)?;
    let number = REDIS_VERSION
        .split('.')
        .fold(0, |all, part| (all << 8) | part.parse::<i64>().unwrap_or(0));
    redis.raw_set("REDIS_VERSION_NUM", number)?;
    for (number, level) in LogLevel::ALL.into_iter().enumerate() {
        let name = match level {
            LogLevel::Debug => "LOG_DEBUG",
            LogLevel::Verbose => "LOG_VERBOSE",
            LogLevel::Notice => "LOG_NOTICE",
            LogLevel::Warning => "LOG_WARNING",
        };
        redis.raw_set(name, number)?;
    }
    redis.raw_set("log", native::<Log>(lua, ())?)?;
    Ok(redis)
}

/// `redis.error_reply`
struct ErrorReply;

impl Native for ErrorReply {
    fn run(stack: &mut Stack<'_>, _: &Host, work: &mut Work) -> End {
        match stack.text(1) {
            Some(text) if stack.top() == 1 => with_code(text, &mut work.text),
            _ => {
                push_error(stack, b"ERR wrong number or type of arguments", false);
                return Ok(1);
            }
        }
        push_error(stack, &work.text, false);
        Ok(1)
    }
}

/// The text of an error that begins with its code: `ERR` where there is none but text.
fn with_code(text: &[u8], to: &mut Vec<u8>) {
    let text = as_c_text(text);
    let bare = trim_newlines(text.strip_prefix(b"-").unwrap_or(text));
    to.clear();
    if !bare.contains(&b' ') {
        to.extend_from_slice(b"ERR ");
    }
    to.extend_from_slice(bare);
}

/// `redis.status_reply`
struct StatusReply;

impl Native for StatusReply {
    fn run(stack: &mut Stack<'_>, _: &Host, _: &mut Work) -> End {
        if stack.top() != 1 || stack.text(1).is_none() {
            push_error(stack, b"ERR wrong number or type of arguments", false);
            return Ok(1);
        }
        stack.push_table(0, 1);
        stack.push_text(b"ok");
        stack.push_copy(1);
        stack.set_field(2);
        Ok(1)
    }
}

/// `redis.sha1hex`
struct Sha1Hex;

impl Native for Sha1Hex {
    fn run(stack: &mut Stack<'_>, _: &Host, _: &mut Work) -> End {
        if stack.top() != 1 {
            return Err(refused(stack, "ERR wrong number of arguments"));
        }
        stack.make_text(1);
        let digits = sha1_digits(stack.text(1).unwrap_or(b""));
        stack.push_text(&digits);
        Ok(1)
    }
}

/// `redis.setresp`
struct SetResp;

impl Native for SetResp {
    fn run(stack: &mut Stack<'_>, host: &Host, _: &mut Work) -> End {
        if stack.top() != 1 {
            let text = "ERR redis.setresp() requires one argument.";
            return Err(refused(stack, text));
        }
        host.proto.set(match stack.number(1).unwrap_or(0.0) as i64 {
            2 => Proto::Resp2,
            3 => Proto::Resp3,
            _ => return Err(refused(stack, "ERR RESP version must be 2 or 3.")),
        });
        Ok(0)
    }
}

/// `redis.set_repl`
struct SetRepl;

impl Native for SetRepl {
    fn run(stack: &mut Stack<'_>, host: &Host, _: &mut Work) -> End {
        if stack.top() != 1 {
            let text = "ERR redis.set_repl() requires one argument.";
            return Err(refused(stack, text));
        }
        let flags = stack.number(1).unwrap_or(0.0) as i64;
        if flags & !REPL_ALL != 0 {
            return Err(refused(
                stack,
                "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
            ));
        }
        host.speak(stack.memory(), Answer::SetRepl(flags));
        Ok(0)
    }
}

/// `redis.log`
struct Log;

impl Native for Log {
    fn run(stack: &mut Stack<'_>, host: &Host, work: &mut Work) -> End {
        let count = stack.top();
        if count < 2 {
            let text = "ERR redis.log() requires two arguments or more.";
            return Err(refused(stack, text));
        }
        let Value::Number(level) = stack.value(1) else {
            let text = "ERR First argument must be a number (log level).";
            return Err(refused(stack, text));
        };
        let Some(level) = LogLevel::from_number(level as i64) else {
            return Err(refused(stack, "ERR Invalid log level."));
        };
        work.out.clear();
        for i in 2..=count {
            if stack.make_text(i)
                && let Some(part) = stack.text(i)
            {
                if i > 2 {
                    work.out.push(b' ');
                }
                let room = LOG_MAX.saturating_sub(work.out.len());
                work.out.extend_from_slice(&part[..part.len().min(room)]);
            }
        }
        let line = std::mem::take(&mut work.out);
        host.speak(stack.memory(), Answer::Log(level, line));
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::with_code;

    #[test]
    fn an_error_begins_with_a_code() {
        for (given, text) in [
            ("CODE text", "CODE text"),
            ("-CODE text\r\n", "CODE text"),
            ("text", "ERR text"),
            ("-text", "ERR text"),
            ("--text", "ERR -text"),
            ("", "ERR "),
            ("\ntext\n", "ERR text"),
            ("CODE text\0more", "CODE text"),
        ] {
            let mut out = b"before".to_vec();
            with_code(given.as_bytes(), &mut out);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }
}
