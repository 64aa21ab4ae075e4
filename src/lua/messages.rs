//! What the engine and an interpreter say to each other: [`Ask`] and [`Answer`], and what these carry.

use crate::flags;
use crate::host;
use crate::words::Words;
use base::LogLevel;
use resp::{Proto, Reply};
use std::io;
use std::rc::Rc;

/// What an interpreter is for: its globals differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// For EVAL, EVALSHA and their read-only variants.
    Eval,
    /// For the libraries of FUNCTION LOAD and the calls of FCALL.
    Functions,
}

/// A message to an interpreter. The name after a colon is the [`Answer`] to it.
pub enum Ask {
    /// Compile the body of a script and keep it under a number: `Compiled`. May pause.
    Compile(u64, Vec<u8>),
    /// Run a library's code, which registers functions, and keep them under a number: `Loaded`. May pause.
    Load(u64, Vec<u8>),
    /// Forget the functions that are kept under a number: `Ready`.
    Forget(u64),
    /// Collect garbage: `Ready`.
    Collect,
    /// Run something: `Done`, after any number of other answers.
    Run(Box<Run>),
    /// The `Call`, with its reply.
    Reply(Box<Call>),
    /// The answer to a `CheckCommand`: whether the client may run it; `None` if there is no such command.
    Allowed(Option<bool>),
    /// The answer to a `SetRepl` or a `Log`.
    Said(bool),
    /// Go on after a `Pause`.
    Continue,
    /// Instead of `Continue`: end with this error.
    Kill(&'static str),
    /// End the interpreter.
    Quit,
}

impl Ask {
    /// The answer of an interpreter that could not be made.
    pub fn refused(self, why: &io::Error) -> Answer {
        let text = format!("no memory for an interpreter: {why}");
        match self {
            Ask::Compile(..) => Answer::Compiled(Err(text.into())),
            Ask::Load(..) => Answer::Loaded(Err(text.into())),
            Ask::Run(mut run) => {
                run.outcome = Outcome::error(format!("ERR {text}").as_bytes());
                Answer::Done(run)
            }
            _ => Answer::Ready,
        }
    }
}

/// A command that a script calls.
#[derive(Default)]
pub struct Call {
    /// Its name and its arguments.
    pub words: Words,
    /// What it replies; nothing yet when it is called.
    pub reply: Vec<u8>,
    /// The protocol that the script has chosen.
    pub proto: Proto,
}

/// What to run.
#[derive(Default)]
pub struct Run {
    /// The number under which it is kept.
    pub id: u64,
    /// Which of a library's functions.
    pub function: Option<Vec<u8>>,
    /// `KEYS`
    pub keys: Words,
    /// `ARGV`
    pub args: Words,
    /// The protocol of the client that gets the reply.
    pub proto: Proto,
    /// Bytes that the reply may have.
    pub reply_max: usize,
    /// What errors call it.
    pub name: Option<Rc<str>>,
    /// What has come of it. Before that, a buffer for the reply.
    pub outcome: Outcome,
}

impl Run {
    /// What errors call it.
    pub(crate) fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Keeps the buffer of a reply that has been read.
    pub fn keep_buffer(&mut self, mut reply: Vec<u8>) {
        host::empty(&mut reply);
        self.outcome.reply = reply;
    }
}

/// What an interpreter answers.
pub enum Answer {
    /// It is done and has nothing to tell.
    Ready,
    /// The result of `Compile`; the error is Lua's message.
    Compiled(Result<(), Vec<u8>>),
    /// The result of `Load`.
    Loaded(Result<Vec<Registered>, Vec<u8>>),
    /// The script calls a command.
    Call(Box<Call>),
    /// `redis.set_repl`: the flags.
    SetRepl(i64),
    /// `redis.log`
    Log(LogLevel, Vec<u8>),
    /// `redis.acl_check_cmd`: is this a command that the client may run?
    CheckCommand(Box<Call>),
    /// Some time has passed.
    Pause,
    /// The script has ended, with the outcome of the run.
    Done(Box<Run>),
}

/// What a script ended with.
#[derive(Default)]
pub struct Outcome {
    /// The reply, encoded.
    pub reply: Vec<u8>,
    /// It would have been larger than the client may have pending.
    pub too_large: bool,
    /// The errors in it that have not been counted yet.
    pub errors: Vec<Vec<u8>>,
    /// How many of its errors have been counted where they arose.
    pub counted: u64,
}

impl Outcome {
    /// An error that has not been counted.
    pub(crate) fn error(text: &[u8]) -> Outcome {
        let mut reply = Reply::new(Proto::Resp2);
        reply.error_bytes(text);
        Outcome {
            reply: reply.take(),
            errors: vec![text.to_vec()],
            ..Outcome::default()
        }
    }
}

/// A function that a library registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its name.
    pub name: Vec<u8>,
    /// Its description.
    pub description: Option<Vec<u8>>,
    /// Its flags.
    pub flags: flags::ScriptFlags,
}
