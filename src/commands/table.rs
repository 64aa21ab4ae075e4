//! All commands, by name.
//!
//! The declarations of the families are flattened into [`Entry`]s, each with a number of its own, so that
//! per-command statistics are an index and not a look-up. A name is found by one hash of its letters in
//! lower case and, mostly, one comparison.

use super::spec::Command;
use super::{Args, CommandError};
use std::ops::Deref;
use std::sync::LazyLock;

/// The families; each exports its declarations.
static FAMILIES: &[&[Command]] = &[
    super::connection::COMMANDS,
    super::dataset::COMMANDS,
    super::debug::COMMANDS,
    super::strings::COMMANDS,
    super::strings_numbers::COMMANDS,
    super::strings_ranges::COMMANDS,
    super::strings_conditional::COMMANDS,
    super::strings_lcs::COMMANDS,
    super::bits::COMMANDS,
    super::bits_op::COMMANDS,
    super::bits_field::COMMANDS,
    super::keys::COMMANDS,
    super::hashes::COMMANDS,
    super::lists::COMMANDS,
    super::sets::COMMANDS,
    super::zsets::COMMANDS,
    super::streams::COMMANDS,
    super::expiry::COMMANDS,
    super::scan::COMMANDS,
    super::dump::COMMANDS,
    super::migrate::COMMANDS,
    super::sort::COMMANDS,
    super::hyperloglog::COMMANDS,
    super::geo::COMMANDS,
    super::geo_search::COMMANDS,
    super::replication_cmds::COMMANDS,
    super::failover::COMMANDS,
    super::transactions::COMMANDS,
    super::pubsub::COMMANDS,
    super::scripting::eval::COMMANDS,
    super::scripting::script::COMMANDS,
    super::scripting::fcall::COMMANDS,
    super::scripting::function::COMMANDS,
    super::server_cmds::acl::COMMANDS,
    super::server_cmds::admin::COMMANDS,
    super::server_cmds::cluster::COMMANDS,
    super::server_cmds::module::COMMANDS,
    super::server_cmds::client::COMMANDS,
    super::server_cmds::command::COMMANDS,
    super::server_cmds::config::COMMANDS,
    super::server_cmds::info::COMMANDS,
    super::server_cmds::latency::COMMANDS,
    super::server_cmds::memory::COMMANDS,
    super::server_cmds::monitor::COMMANDS,
    super::server_cmds::slowlog::COMMANDS,
];

/// A command in the table. Derefs to its declaration.
pub struct Entry {
    /// The declaration.
    pub command: &'static Command,
    /// Its number, subcommands included: the index of its statistics.
    pub index: usize,
    /// The container that it is a subcommand of.
    pub parent: Option<&'static str>,
    /// Subcommands.
    pub subcommands: Vec<Entry>,
}

impl Deref for Entry {
    type Target = Command;
    fn deref(&self) -> &Command {
        self.command
    }
}

impl Entry {
    /// The subcommand `name`, in any case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&Entry> {
        self.subcommands
            .iter()
            .find(|s| s.short_name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The name without the container: `get` of `config|get`.
    pub fn short_name(&self) -> &'static str {
        match self.command.name.split_once('|') {
            Some((_, short)) => short,
            None => self.command.name,
        }
    }
}

struct Table {
    entries: Vec<Entry>,
    /// Open addressing; `EMPTY`, or an index into `entries`.
    slots: Vec<u16>,
    count: usize,
}

const EMPTY: u16 = u16::MAX;
/// Several times the number of commands: chains stay short.
const SLOTS: usize = 2048;

static TABLE: LazyLock<Table> = LazyLock::new(Table::build);

impl Table {
    fn build() -> Table {
        let mut table = Table {
            entries: Vec::new(),
            slots: vec![EMPTY; SLOTS],
            count: 0,
        };
        for command in FAMILIES.iter().flat_map(|f| f.iter()) {
            assert!(
                table.find(command.name.as_bytes()).is_none(),
                "{} is declared twice",
                command.name
            );
            let entry = Entry::number(command, None, &mut table.count);
            let mut slot = hash(command.name.as_bytes());
            while table.slots[slot] != EMPTY {
                slot = (slot + 1) % SLOTS;
            }
            table.slots[slot] = table.entries.len() as u16;
            table.entries.push(entry);
        }
        table
    }

    fn find(&self, name: &[u8]) -> Option<&Entry> {
        let mut slot = hash(name);
        loop {
            let entry = self.entries.get(self.slots[slot] as usize)?;
            if entry.command.name.as_bytes().eq_ignore_ascii_case(name) {
                return Some(entry);
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

impl Entry {
    fn number(command: &'static Command, parent: Option<&'static str>, next: &mut usize) -> Entry {
        let index = *next;
        *next += 1;
        let subcommands = command.subcommands.iter();
        Entry {
            command,
            index,
            parent,
            subcommands: subcommands
                .map(|s| Entry::number(s, Some(command.name), next))
                .collect(),
        }
    }
}

/// FNV-1a of the letters in lower case (`| 0x20` is enough for names).
fn hash(name: &[u8]) -> usize {
    let mut h: u32 = 0x811c_9dc5;
    for &b in name {
        h = (h ^ u32::from(b | 0x20)).wrapping_mul(0x0100_0193);
    }
    (h ^ (h >> 15)) as usize % SLOTS
}

/// Every top-level command.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    TABLE.entries.iter()
}

/// How many numbers ([`Entry::index`]) there are.
pub fn count() -> usize {
    TABLE.count
}

/// A top-level command by name, in any case.
pub fn by_name(name: &[u8]) -> Option<&'static Entry> {
    TABLE.find(name)
}

/// The command (or subcommand) that a request names.
pub fn find(args: Args<'_>) -> Result<&'static Entry, CommandError> {
    let command = by_name(&args[0]).ok_or_else(|| unknown(args))?;
    if command.subcommands.is_empty() || args.len() < 2 {
        return Ok(command);
    }
    command.subcommand(&args[1]).ok_or_else(|| {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_in_any_case_under_its_own_number() {
        let mut seen = vec![false; count()];
        for entry in all() {
            let found = by_name(entry.name.to_ascii_uppercase().as_bytes()).expect("declared");
            assert_eq!(found.index, entry.index);
            for e in std::iter::once(entry).chain(&entry.subcommands) {
                assert!(!std::mem::replace(&mut seen[e.index], true), "{}", e.name);
            }
        }
        assert!(seen.iter().all(|s| *s));
    }

    #[test]
    fn an_unknown_command_is_answered_with_its_first_arguments() {
        let error = find(Args(&[b"nope", b"a", b"b"])).err().expect("unknown");
        assert_eq!(
            error.0,
            "ERR unknown command 'nope', with args beginning with: 'a' 'b' "
        );
    }
}
