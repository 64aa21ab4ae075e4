//! All commands, by name.
//!
//! The declarations of the families are flattened into [`Entry`]s, each with a number of its own, so that
//! per-command statistics are an index and not a look-up. A name is found by its length and first eight letters
//! in lower case, which are one word: hashed once and, mostly, compared once.

use super::categories::Categories;
use super::key_specs::{OneKey, RestKeys};
use super::spec::{Command, Flags, KeySpec};
use super::{Args, CommandError, CommandId};
use base::error::up_to_zero;
use std::borrow::Cow;
use std::ops::Deref;
use std::sync::{LazyLock, OnceLock};

/// The families of commands, each with its declarations.
pub type Families = &'static [&'static [Command]];

static FAMILIES: OnceLock<Families> = OnceLock::new();
/// What the top-level commands are called, in the order of their declarations, where that was given.
static NAMES: OnceLock<Vec<Option<String>>> = OnceLock::new();

/// Puts the commands of all families into the table. A second call changes nothing.
pub fn install(families: Families) {
    let _ = FAMILIES.set(families);
}

/// As [`install`], with other names for some commands: pairs of a name and the new one, which is empty for a command
/// that nobody may call. Each pair sees what those before it did. To be called before the table is used.
///
/// # Errors
/// The index of the pair that is wrong, and why.
pub fn install_renamed(
    families: Families,
    renames: &[(&str, &str)],
) -> Result<(), (usize, &'static str)> {
    let declared = families.iter().flat_map(|family| family.iter());
    let mut names: Vec<Option<String>> = declared.map(|c| Some(c.name.to_owned())).collect();
    for (i, (old, new)) in renames.iter().enumerate() {
        let named = |wanted: &str| {
            let is = |name: &String| name.eq_ignore_ascii_case(wanted);
            names.iter().position(|name| name.as_ref().is_some_and(is))
        };
        let at = named(old).ok_or((i, "No such command in rename-command"))?;
        if !new.is_empty() && named(new).is_some_and(|other| other != at) {
            return Err((i, "Target command name already exists"));
        }
        names[at] = (!new.is_empty()).then(|| new.to_ascii_lowercase());
    }
    install(families);
    let _ = NAMES.set(names);
    Ok(())
}

/// A command in the table. Derefs to its declaration.
pub struct Entry {
    /// The declaration.
    pub command: &'static Command,
    /// What requests call it, in lower case: its name, unless `rename-command` says otherwise. `None` for one that
    /// nobody may call.
    pub called: Option<Cow<'static, str>>,
    /// Its number, subcommands included: the index of its statistics.
    pub index: usize,
    /// The container that it is a subcommand of.
    pub parent: Option<&'static str>,
    /// Its flags differ from request to request: those of EXEC depend on the queued commands, those of a script on what
    /// it declares.
    pub varies: bool,
    /// Where its keys are and what happens to them, for COMMAND.
    pub specs: Vec<KeySpec>,
    /// Its key, if it has one at a fixed place.
    pub one_key: Option<OneKey>,
    /// Its keys, if they are all arguments from a place on.
    pub rest_keys: Option<RestKeys>,
    /// Its access categories.
    pub access: Categories,
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
        // The names are compared from behind, where there is nothing to look for: no name has another bar in it.
        self.subcommands.iter().find(|s| {
            let own = s.command.name.as_bytes();
            let container = own.len().checked_sub(name.len() + 1);
            container.is_some_and(|at| own[at] == b'|' && own[at + 1..].eq_ignore_ascii_case(name))
        })
    }

    /// What it is remembered by.
    #[inline]
    pub fn id(&self) -> CommandId {
        CommandId::new(self.index)
    }

    fn is_called(&self, name: &[u8]) -> bool {
        let called = self.called.as_ref();
        called.is_some_and(|called| called.as_bytes().eq_ignore_ascii_case(name))
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
    /// Open addressing.
    slots: Vec<Slot>,
    count: usize,
}

/// `EMPTY`, or an index into the entries, with the letters that are compared first.
#[derive(Clone, Copy)]
struct Slot {
    start: Start,
    entry: u16,
}

const EMPTY: u16 = u16::MAX;
/// Several times the number of commands, so that chains are short.
const SLOTS: usize = 2048;

static TABLE: LazyLock<Table> = LazyLock::new(Table::build);

/// All commands in the order of their numbers.
static BY_NUMBER: LazyLock<Vec<&'static Entry>> = LazyLock::new(|| {
    let mut all = Vec::with_capacity(count());
    TABLE.entries.iter().for_each(|entry| entry.list(&mut all));
    all
});

impl Table {
    fn build() -> Table {
        let mut table = Table {
            entries: Vec::new(),
            slots: vec![
                Slot {
                    start: Start::of(b""),
                    entry: EMPTY
                };
                SLOTS
            ],
            count: 0,
        };
        let families = FAMILIES.get();
        let families = families.expect("the families are installed before a command is looked for");
        let renamed = NAMES.get().map(|names| names.iter());
        let mut renamed = renamed.into_iter().flatten();
        for command in families.iter().flat_map(|f| f.iter()) {
            let mut entry = Entry::number(command, None, &mut table.count);
            if let Some(name) = renamed.next()
                && name.as_deref() != Some(command.name)
            {
                entry.called = name.clone().map(Cow::Owned);
            }
            let Some(name) = entry.called.as_deref() else {
                table.entries.push(entry);
                continue;
            };
            assert!(
                table.find(name.as_bytes()).is_none(),
                "{name} is declared twice"
            );
            let start = Start::of(name.as_bytes());
            let mut slot = start.hash();
            while table.slots[slot].entry != EMPTY {
                slot = (slot + 1) % SLOTS;
            }
            table.slots[slot] = Slot {
                start,
                entry: table.entries.len() as u16,
            };
            table.entries.push(entry);
        }
        table
    }

    #[inline(always)]
    fn find(&self, name: &[u8]) -> Option<&Entry> {
        let start = Start::of(name);
        let mut at = start.hash();
        loop {
            let slot = self.slots[at];
            let entry = self.entries.get(slot.entry as usize)?;
            if slot.start == start && (name.len() <= Start::MAX || entry.is_called(name)) {
                return Some(entry);
            }
            at = (at + 1) % SLOTS;
        }
    }
}

/// The first letters of a name in lower case, and its length: of a short name all there is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Start {
    letters: u64,
    len: usize,
}

impl Start {
    /// Letters that it holds.
    const MAX: usize = 8;

    #[inline]
    fn of(name: &[u8]) -> Start {
        Start {
            letters: lower(first_bytes(name)),
            len: name.len(),
        }
    }

    /// Where the search for a name begins.
    #[inline]
    fn hash(self) -> usize {
        let mixed = (self.letters ^ self.len as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize % SLOTS
    }
}

/// Up to eight bytes, the first one lowest.
#[inline]
fn first_bytes(name: &[u8]) -> u64 {
    if let Some(first) = name.first_chunk() {
        return u64::from_le_bytes(*first);
    }
    if let (Some(low), Some(high)) = (name.first_chunk(), name.last_chunk()) {
        let high = u64::from(u32::from_le_bytes(*high)) << (8 * (name.len() - 4));
        return u64::from(u32::from_le_bytes(*low)) | high;
    }
    match *name {
        [] => 0,
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a, b, c, ..] => u64::from(u32::from_le_bytes([a, b, c, 0])),
    }
}

/// Eight letters at once in lower case; other bytes stay as they are.
#[inline]
fn lower(letters: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOP: u64 = 0x80 * ONES;
    let low = letters & !TOP;
    // The top bit of each byte that is `A` or above, and of those above `Z`: no carry leaves a byte.
    let from_a = low + (0x80 - u64::from(b'A')) * ONES;
    let above_z = low + (0x7f - u64::from(b'Z')) * ONES;
    let upper = from_a & !above_z & !letters & TOP;
    letters | upper >> 2
}

impl Entry {
    fn number(command: &'static Command, parent: Option<&'static str>, next: &mut usize) -> Entry {
        let index = *next;
        *next += 1;
        let subcommands = command.subcommands.iter();
        let specs = command.uses.specs(command.keys);
        Entry {
            command,
            called: Some(Cow::Borrowed(command.name)),
            index,
            parent,
            varies: command.flags.contains(Flags::RUNS_QUEUE) || command.script.is_some(),
            one_key: OneKey::of(command.uses, command.keys, &specs),
            rest_keys: RestKeys::of(command.uses, command.keys, &specs),
            specs,
            access: Categories::of(command),
            subcommands: subcommands
                .map(|s| Entry::number(s, Some(command.name), next))
                .collect(),
        }
    }

    /// It and its subcommands, in the order in which [`Entry::number`] has given them their numbers.
    fn list(&'static self, all: &mut Vec<&'static Entry>) {
        debug_assert_eq!(all.len(), self.index);
        all.push(self);
        self.subcommands.iter().for_each(|entry| entry.list(all));
    }
}

/// The command with this number.
pub fn of(id: CommandId) -> &'static Entry {
    BY_NUMBER[id.index()]
}

/// Every top-level command that can be called.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    declared().filter(|entry| entry.called.is_some())
}

/// Every top-level command, also those that `rename-command` lets nobody call.
pub fn declared() -> impl Iterator<Item = &'static Entry> {
    TABLE.entries.iter()
}

/// How many numbers ([`Entry::index`]) there are.
pub fn count() -> usize {
    TABLE.count
}

/// A top-level command by name, in any case.
#[inline]
pub fn by_name(name: &[u8]) -> Option<&'static Entry> {
    TABLE.find(name)
}

/// A top-level command by the name of its declaration, in any case.
pub fn by_own_name(name: &[u8]) -> Option<&'static Entry> {
    declared().find(|e| e.command.name.as_bytes().eq_ignore_ascii_case(name))
}

/// The command (or subcommand) that a request names.
#[inline]
pub fn find(args: Args<'_>) -> Result<&'static Entry, CommandError> {
    let command = by_name(&args[0]).ok_or_else(|| unknown(args))?;
    subcommand_of(command, args)
}

#[inline(always)]
fn subcommand_of(command: &'static Entry, args: Args<'_>) -> Result<&'static Entry, CommandError> {
    if command.subcommands.is_empty() || args.len() < 2 {
        return Ok(command);
    }
    command.subcommand(&args[1]).ok_or_else(|| {
        let called = command.called.as_deref().unwrap_or(command.name);
        CommandError::quoting(
            "ERR unknown subcommand '{128}'. Try {} HELP.",
            &[&args[1], called.to_ascii_uppercase().as_bytes()],
        )
    })
}

/// As [`find`], for what we have written ourselves or our primary has sent: settled effects have their own names, also
/// those that `rename-command` has taken from clients.
pub fn find_trusted(args: Args<'_>) -> Result<&'static Entry, CommandError> {
    if by_name(&args[0]).is_some() {
        return find(args);
    }
    let command = by_own_name(&args[0]).ok_or_else(|| unknown(args))?;
    subcommand_of(command, args)
}

fn unknown(args: Args<'_>) -> CommandError {
    let mut shown = Vec::new();
    for arg in args.from(1) {
        if shown.len() >= 128 {
            break;
        }
        let arg = up_to_zero(arg, 128 - shown.len());
        shown.extend_from_slice(&[b"'", arg, b"' "].concat());
    }
    CommandError::quoting(
        "ERR unknown command '{128}', with args beginning with: {}",
        &[&args[0], &shown],
    )
}
