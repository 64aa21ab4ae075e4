//! EVAL, EVALSHA and their read-only forms.

use engine::scripting::run::{Part, Start, keys_and_args};
use engine::spec::{Command, Flags, Group, Keys};
use engine::{Args, CmdResult, CommandError, Cx};
use lua::Kind;
use lua::flags::ScriptFlags;
use lua::sha1_hex;

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
