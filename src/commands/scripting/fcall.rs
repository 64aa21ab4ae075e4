//! FCALL and FCALL_RO.

use super::eval::{KEYS, READS, RUNS};
use crate::manual;
use base::integer::parse_int;
use engine::scripting::run::{Start, keys_and_args};
use engine::spec::{Access, Command, Group, KeyUse, ScriptFrom};
use engine::{Args, CmdResult, CommandError, Cx};
use lua::Kind;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "fcall",
        arity: -3,
        flags: RUNS,
        keys: KEYS,
        uses: KeyUse::Noted(
            Access::READ_UPDATE,
            "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE",
        ),
        script: Some(ScriptFrom::Library),
        group: Group::Scripting,
        since: "7.0.0",
        complexity: "Depends on the function that is executed.",
        summary: "Invokes a function.",
        docs: &manual::scripting::FCALL,
        ..Command::growing(|cx, args| fcall(cx, args, false))
    },
    Command {
        name: "fcall_ro",
        arity: -3,
        flags: READS,
        keys: KEYS,
        uses: KeyUse::Noted(
            Access::READ,
            "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS",
        ),
        script: Some(ScriptFrom::Library),
        group: Group::Scripting,
        since: "7.0.0",
        complexity: "Depends on the function that is executed.",
        summary: "Invokes a read-only function.",
        docs: &manual::scripting::FCALL_RO,
        ..Command::growing(|cx, args| fcall(cx, args, true))
    },
];

fn fcall(cx: &mut Cx<'_>, args: Args<'_>, read_only: bool) -> CmdResult {
    let found = cx.engine.scripting.libraries.function(&args[1]);
    let (library, function) = found.ok_or(CommandError::fixed(&"ERR Function not found"))?;
    let (id, flags, name) = (library.id, function.flags, function.name.clone());
    let count =
        parse_int(&args[2]).ok_or(CommandError::fixed(&"ERR Bad number of keys provided"))?;
    let (keys, argv) = keys_and_args(args, count)?;
    let start = Start {
        kind: Kind::Functions,
        id,
        name: String::from_utf8_lossy(&name).into(),
        function: Some(name),
        flags,
        read_only,
        keys,
        args: argv,
    };
    cx.run_script(args, start)
}
