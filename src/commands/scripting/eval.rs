//! EVAL, EVALSHA and their read-only forms.

use super::flags::{self, ScriptFlags};
use super::run::{Part, Start, keys_and_args};
use super::vm::{Answer, Ask, Kind};
use super::{Script, sha1_hex};
use crate::spec::{Command, Flags, Group, Keys};
use crate::{Args, CmdResult, CommandError, Cx, Engine};

/// What commands that run scripts have in common.
pub(super) const RUNS: Flags = Flags::NOSCRIPT
    .union(Flags::STALE)
    .union(Flags::SKIP_MONITOR)
    .union(Flags::MAY_REPLICATE)
    .union(Flags::NO_MANDATORY_KEYS)
    .union(Flags::MOVABLEKEYS);
/// As [`RUNS`], for the read-only forms.
pub(super) const READS: Flags = RUNS.difference(Flags::MAY_REPLICATE).union(Flags::READONLY);
/// Where they have their keys.
pub(super) const KEYS: Keys = Keys::Counted { count: 2, first: 0 };

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "eval",
        arity: -3,
        flags: RUNS,
        keys: KEYS,
        group: Group::Scripting,
        since: "2.6.0",
        complexity: "Depends on the script that is executed.",
        summary: "Executes a server-side Lua script.",
        run: |cx, args| eval(cx, args, false),
        ..Command::DEFAULT
    },
    Command {
        name: "evalsha",
        arity: -3,
        flags: RUNS,
        keys: KEYS,
        group: Group::Scripting,
        since: "2.6.0",
        complexity: "Depends on the script that is executed.",
        summary: "Executes a server-side Lua script by SHA1 digest.",
        run: |cx, args| evalsha(cx, args, false),
        ..Command::DEFAULT
    },
    Command {
        name: "eval_ro",
        arity: -3,
        flags: READS,
        keys: KEYS,
        group: Group::Scripting,
        since: "7.0.0",
        complexity: "Depends on the script that is executed.",
        summary: "Executes a read-only server-side Lua script.",
        run: |cx, args| eval(cx, args, true),
        ..Command::DEFAULT
    },
    Command {
        name: "evalsha_ro",
        arity: -3,
        flags: READS,
        keys: KEYS,
        group: Group::Scripting,
        since: "7.0.0",
        complexity: "Depends on the script that is executed.",
        summary: "Executes a read-only server-side Lua script by SHA1 digest.",
        run: |cx, args| evalsha(cx, args, true),
        ..Command::DEFAULT
    },
];

fn eval(cx: &mut Cx<'_>, args: Args<'_>, read_only: bool) -> CmdResult {
    let count = args.int(2)?;
    let (keys, argv) = keys_and_args(args, count)?;
    let sha = sha1_hex(&args[1]);
    let (id, flags) = match cx.engine.scripting.cache.call(&sha) {
        Some(found) => found,
        None => cx.engine.add_script(&sha, &args[1], true)?,
    };
    cx.run_script(args, start(id, sha, flags, read_only, (keys, argv)))
}

fn evalsha(cx: &mut Cx<'_>, args: Args<'_>, read_only: bool) -> CmdResult {
    let no_script = CommandError::fixed("NOSCRIPT No matching script. Please use EVAL.");
    if args[1].len() != 40 {
        return Err(no_script);
    }
    let count = args.int(2)?;
    let (keys, argv) = keys_and_args(args, count)?;
    let sha = String::from_utf8_lossy(&args[1]).to_ascii_lowercase();
    let found = cx.engine.scripting.cache.call(&sha);
    let (id, flags) = found.ok_or(no_script)?;
    cx.run_script(args, start(id, sha, flags, read_only, (keys, argv)))
}

/// A script of the cache, with its keys and arguments.
fn start<'a>(
    id: u64,
    sha: String,
    flags: ScriptFlags,
    read_only: bool,
    (keys, args): (Part<'a>, Part<'a>),
) -> Start<'a> {
    Start {
        kind: Kind::Eval,
        id,
        function: None,
        name: sha,
        flags,
        read_only,
        keys,
        args,
    }
}

/// Compiling a script takes no longer: nobody else is served meanwhile.
const COMPILE_MAX_NS: u64 = 5_000_000_000;

impl Engine {
    /// Compiles a script and puts it into the cache.
    pub(super) fn add_script(
        &mut self,
        sha: &str,
        source: &[u8],
        by_eval: bool,
    ) -> Result<(u64, ScriptFlags), CommandError> {
        let (flags, code) =
            flags::of_script(source).map_err(|text| CommandError::new(format!("ERR {text}")))?;
        let id = self.scripting.cache.next_id();
        let began = (self.timer)();
        let mut ask = Ask::Compile(id, source[code..].to_vec());
        let compiled = loop {
            ask = match self.ask_vm(Kind::Eval, ask) {
                Answer::Compiled(compiled) => break compiled,
                _ if (self.timer)() - began > COMPILE_MAX_NS => Ask::Kill("it takes too long"),
                _ => Ask::Continue,
            };
        };
        if let Err(why) = compiled {
            let why = String::from_utf8_lossy(&why);
            return Err(CommandError::new(format!(
                "ERR Error compiling script (new function): {why}"
            )));
        }
        let cache = &mut self.scripting.cache;
        if let Some(evicted) = cache.add(sha, id, source.len(), flags, by_eval) {
            self.stats.evicted_scripts += 1;
            self.ask_vm(Kind::Eval, Ask::Forget(evicted));
        }
        Ok((id, flags))
    }

    /// The script that a client names.
    pub(super) fn cached(&self, sha: &[u8]) -> Option<&Script> {
        let sha = std::str::from_utf8(sha).ok()?.to_ascii_lowercase();
        self.scripting.cache.get(&sha)
    }
}
