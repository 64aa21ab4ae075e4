//! All commands, by name.

use super::spec::Command;
use super::{Args, CommandError};
use std::collections::HashMap;
use std::sync::LazyLock;

/// The families; each exports its declarations.
static FAMILIES: &[&[Command]] = &[super::connection::COMMANDS];

static BY_NAME: LazyLock<HashMap<&'static str, &'static Command>> = LazyLock::new(|| {
    FAMILIES
        .iter()
        .flat_map(|f| f.iter())
        .map(|c| (c.name, c))
        .collect()
});

/// Every top-level command.
pub fn all() -> impl Iterator<Item = &'static Command> {
    FAMILIES.iter().flat_map(|f| f.iter())
}

/// A top-level command by name, in any case.
pub fn by_name(name: &[u8]) -> Option<&'static Command> {
    let mut lower = [0u8; 32];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    BY_NAME.get(std::str::from_utf8(lower).ok()?).copied()
}

/// The command (or subcommand) that a request names.
pub fn find(args: Args<'_>) -> Result<&'static Command, CommandError> {
    let command = by_name(&args[0]).ok_or_else(|| unknown(args))?;
    if command.subcommands.is_empty() || args.len() < 2 {
        return Ok(command);
    }
    let sub = |c: &&Command| {
        c.name
            .split_once('|')
            .is_some_and(|(_, s)| args[1].eq_ignore_ascii_case(s.as_bytes()))
    };
    command.subcommands.iter().find(sub).ok_or_else(|| {
        CommandError::new(format!(
            "ERR unknown subcommand '{:.128}'. Try {} HELP.",
            String::from_utf8_lossy(&args[1]),
            command.name.to_ascii_uppercase()
        ))
    })
}

fn unknown(args: Args<'_>) -> CommandError {
    let mut shown = String::new();
    for arg in args.from(1) {
        if shown.len() >= 128 {
            break;
        }
        let room = 128 - shown.len();
        shown.push_str(&format!("'{:.room$}' ", String::from_utf8_lossy(arg)));
    }
    CommandError::new(format!(
        "ERR unknown command '{:.128}', with args beginning with: {shown}",
        String::from_utf8_lossy(&args[0])
    ))
}
