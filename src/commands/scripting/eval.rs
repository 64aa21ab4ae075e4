//! EVAL, EVALSHA and their read-only forms.

use crate::manual;
use engine::scripting::run::{Part, Start, keys_and_args};
use engine::spec::{Access, Command, Flags, Group, KeyUse, Keys, ScriptFrom};
use engine::{Args, CmdResult, CommandError, Cx, Engine};
use lua::{Kind, Sha};

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
        uses: KeyUse::Noted(
            Access::READ_UPDATE,
            "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE",
        ),
        script: Some(ScriptFrom::Text),
        group: Group::Scripting,
        since: "2.6.0",
        complexity: "Depends on the script that is executed.",
        summary: "Executes a server-side Lua script.",
        docs: &manual::scripting::EVAL,
        ..Command::growing(|cx, args| eval(cx, args, false))
    },
    Command {
        name: "evalsha",
        arity: -3,
        flags: RUNS,
        keys: KEYS,
        uses: KeyUse::Each(Access::READ_UPDATE),
        script: Some(ScriptFrom::Digest),
        group: Group::Scripting,
        since: "2.6.0",
        complexity: "Depends on the script that is executed.",
        summary: "Executes a server-side Lua script by SHA1 digest.",
        docs: &manual::scripting::EVALSHA,
        ..Command::growing(|cx, args| evalsha(cx, args, false))
    },
    Command {
        name: "eval_ro",
        arity: -3,
        flags: READS,
        keys: KEYS,
        uses: KeyUse::Noted(
            Access::READ,
            "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS",
        ),
        script: Some(ScriptFrom::Text),
        group: Group::Scripting,
        since: "7.0.0",
        complexity: "Depends on the script that is executed.",
        summary: "Executes a read-only server-side Lua script.",
        docs: &manual::scripting::EVAL_RO,
        ..Command::growing(|cx, args| eval(cx, args, true))
    },
    Command {
        name: "evalsha_ro",
        arity: -3,
        flags: READS,
        keys: KEYS,
        uses: KeyUse::Each(Access::READ),
        script: Some(ScriptFrom::Digest),
        group: Group::Scripting,
        since: "7.0.0",
        complexity: "Depends on the script that is executed.",
        summary: "Executes a read-only server-side Lua script by SHA1 digest.",
        docs: &manual::scripting::EVALSHA_RO,
        ..Command::growing(|cx, args| evalsha(cx, args, true))
    },
];

fn eval(cx: &mut Cx<'_>, args: Args<'_>, read_only: bool) -> CmdResult {
    let count = args.int(2)?;
    let (keys, argv) = keys_and_args(args, count)?;
    let sha = Sha::of(&args[1]);
    if cx.engine.scripting.cache.get(&sha).is_none() {
        cx.engine.add_script(&sha, &args[1], true)?;
    }
    let start = start(cx.engine, &sha, read_only, (keys, argv))?;
    cx.run_script(args, start)
}

fn evalsha(cx: &mut Cx<'_>, args: Args<'_>, read_only: bool) -> CmdResult {
    if args[1].len() != 40 {
        return Err(NO_SCRIPT);
    }
    let count = args.int(2)?;
    let (keys, argv) = keys_and_args(args, count)?;
    let sha = Sha::given(&args[1]).ok_or(NO_SCRIPT)?;
    let start = start(cx.engine, &sha, read_only, (keys, argv))?;
    cx.run_script(args, start)
}

const NO_SCRIPT: CommandError =
    CommandError::fixed(&"NOSCRIPT No matching script. Please use EVAL.");

/// A script of the cache, with its keys and arguments.
fn start<'a>(
    engine: &mut Engine,
    sha: &Sha,
    read_only: bool,
    (keys, args): (Part<'a>, Part<'a>),
) -> Result<Start<'a>, CommandError> {
    let script = engine.scripting.cache.call(sha);
    let script = script.ok_or(NO_SCRIPT)?;
    Ok(Start {
        kind: Kind::Eval,
        id: script.id,
        function: None,
        name: script.name.clone(),
        flags: script.flags,
        read_only,
        keys,
        args,
    })
}
