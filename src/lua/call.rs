//! `redis.call`, `redis.pcall` and `redis.acl_check_cmd`: calling commands from scripts.

use super::bounds::ARGUMENTS_MAX;
use super::host::{Host, Work, empty};
use super::native::{Native, Raise};
use super::stack::{Stack, Value};
use super::to_lua::{push_error, push_reply};
use super::words::Words;
use super::{Answer, Ask, number};
use std::ffi::c_int;

/// An error that a function of the table `redis` raises.
pub fn refused(stack: &mut Stack<'_>, text: &str) -> Raise {
    push_error(stack, text.as_bytes(), false);
    Raise::Last
}

/// Copies all arguments into `words`.
fn collect(stack: &Stack<'_>, words: &mut Words) -> Result<(), &'static str> {
    words.clear();
    if stack.top() == 0 {
        return Err("ERR Please specify at least one argument for this redis lib call");
    }
    for i in 1..=stack.top() {
        match stack.value(i) {
            Value::Text(text) if words.bytes() + text.len() > ARGUMENTS_MAX.get() => {
                return Err("ERR Lua redis lib command arguments are too large");
            }
            Value::Text(text) => words.push(text),
            Value::Number(x) => number::with_argument(x, |text| words.push(text)),
            _ => return Err("ERR Lua redis lib command arguments must be strings or integers"),
        }
    }
    Ok(())
}

/// `redis.call`: raises errors.
pub struct Call;

impl Native for Call {
    fn run(stack: &mut Stack<'_>, host: &Host, work: &mut Work) -> Result<c_int, Raise> {
        match execute(stack, host, work) {
            Executed::Well => Ok(1),
            Executed::Badly => Err(Raise::Last),
            Executed::Not => Ok(0),
        }
    }
}

/// `redis.pcall`: returns errors.
pub struct ProtectedCall;

impl Native for ProtectedCall {
    fn run(stack: &mut Stack<'_>, host: &Host, work: &mut Work) -> Result<c_int, Raise> {
        match execute(stack, host, work) {
            Executed::Well | Executed::Badly => Ok(1),
            Executed::Not => Ok(0),
        }
    }
}

/// The value that [`execute`] has pushed.
enum Executed {
    /// A reply that is not an error.
    Well,
    /// An error.
    Badly,
    /// Nothing: the engine has answered with another message than a reply, as it does where it runs no commands.
    Not,
}

fn execute(stack: &mut Stack<'_>, host: &Host, work: &mut Work) -> Executed {
    let mut call = work.call.take().unwrap_or_default();
    if let Err(text) = collect(stack, &mut call.words) {
        work.call = Some(call);
        push_error(stack, text.as_bytes(), false);
        return Executed::Badly;
    }
    call.proto = host.proto.get();
    let Ask::Reply(call) = host.speak(stack.memory(), Answer::Call(call)) else {
        return Executed::Not;
    };
    let call = work.call.insert(call);
    push_reply(stack, &call.reply);
    let failed = call.reply.first() == Some(&b'-');
    call.words.empty();
    empty(&mut call.reply);
    match failed {
        true => Executed::Badly,
        false => Executed::Well,
    }
}

/// `redis.acl_check_cmd`
pub struct CheckCommand;

impl Native for CheckCommand {
    fn run(stack: &mut Stack<'_>, host: &Host, work: &mut Work) -> Result<c_int, Raise> {
        let mut call = work.call.take().unwrap_or_default();
        if let Err(text) = collect(stack, &mut call.words) {
            work.call = Some(call);
            return Err(refused(stack, text));
        }
        match host.speak(stack.memory(), Answer::CheckCommand(call)) {
            Ask::Allowed(Some(allowed)) => {
                stack.push_boolean(allowed);
                Ok(1)
            }
            _ => {
                let text = "ERR Invalid command passed to redis.acl_check_cmd()";
                Err(refused(stack, text))
            }
        }
    }
}
