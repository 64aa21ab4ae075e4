//! A selector: which commands with which keys and channels, in which databases.
//!
//! Permissions for commands are a set of bits, indexed by the command's number in the table, so that a check is a
//! single look-up. The rules are also kept as they were given, to describe the selector.

use super::pattern::{KeyPattern, Rights};
use base::glob;
use std::collections::BTreeMap;

/// What new users and selectors have before any rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// `acl-pubsub-default allchannels`
    pub all_channels: bool,
    /// How many commands there are.
    pub commands: usize,
}

/// What a group of rules allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// Each command is allowed, with any argument.
    pub all_commands: bool,
    /// Commands that a later version may bring are allowed: the rules began with all.
    pub future_commands: bool,
    allowed: Vec<u64>,
    /// The only first arguments with which a command is allowed that is not allowed in whole.
    first_args: BTreeMap<usize, Vec<Vec<u8>>>,
    /// The rules about commands since the last `+@all` or `-@all`, without the sign; true for `+`.
    pub rules: Vec<(bool, Vec<u8>)>,
    /// Each key is allowed.
    pub all_keys: bool,
    /// The keys that are allowed.
    pub keys: Vec<KeyPattern>,
    /// Each channel is allowed.
    pub all_channels: bool,
    /// The channels that are allowed.
    pub channels: Vec<Vec<u8>>,
    /// The only databases that are allowed, in ascending order; `None`: all.
    pub databases: Option<Vec<usize>>,
}

impl Selector {
    /// One that allows nothing, except for channels where that is the default.
    pub fn new(defaults: Defaults) -> Self {
        Selector {
            all_commands: false,
            future_commands: false,
            allowed: vec![0; defaults.commands.div_ceil(64)],
            first_args: BTreeMap::new(),
            rules: Vec::new(),
            all_keys: false,
            keys: Vec::new(),
            all_channels: defaults.all_channels,
            channels: Vec::new(),
            databases: None,
        }
    }

    /// Everything is allowed.
    pub fn allows_all(&self) -> bool {
        self.all_commands && self.all_keys && self.all_channels && self.databases.is_none()
    }

    /// `+@all`, or `-@all`.
    pub fn allow_all_commands(&mut self, allow: bool) {
        self.all_commands = allow;
        self.future_commands = allow;
        self.allowed.fill(if allow { u64::MAX } else { 0 });
        self.first_args.clear();
        self.rules.clear();
    }

    /// Allows the command of this number, or takes that away.
    pub fn allow(&mut self, command: usize, allow: bool) {
        let (word, bit) = (command / 64, 1 << (command % 64));
        match allow {
            true => self.allowed[word] |= bit,
            false => {
                self.allowed[word] &= !bit;
                self.all_commands = false;
            }
        }
        self.first_args.remove(&command);
    }

    /// Allows the command of this number with this first argument.
    pub fn allow_first_arg(&mut self, command: usize, first: &[u8]) {
        let allowed = self.first_args.entry(command).or_default();
        if !allowed
            .iter()
            .any(|known| known.eq_ignore_ascii_case(first))
        {
            allowed.push(first.to_vec());
        }
    }

    /// Remembers a rule about commands. It replaces an earlier one about the same command or category, and those about
    /// the command's subcommands.
    pub fn note_rule(&mut self, allow: bool, rule: &[u8]) {
        let rule = rule.to_ascii_lowercase();
        self.rules.retain(|(_, known)| {
            let rest = known.strip_prefix(&rule[..]);
            !matches!(rest, Some([] | [b'|', ..]))
        });
        self.rules.push((allow, rule));
    }

    /// The command of this number is allowed, in whole or with this first argument.
    pub fn allows_command(&self, command: usize, first: Option<&[u8]>) -> bool {
        if self.all_commands || self.allows_all_of_command(command) {
            return true;
        }
        let only = self.first_args.get(&command).zip(first);
        only.is_some_and(|(only, first)| only.iter().any(|a| a.eq_ignore_ascii_case(first)))
    }

    /// The command of this number is allowed in whole.
    #[inline]
    pub fn allows_all_of_command(&self, command: usize) -> bool {
        self.allowed[command / 64] >> (command % 64) & 1 == 1
    }

    /// The key is allowed for all of this.
    #[inline]
    pub fn allows_key(&self, key: &[u8], wanted: Rights) -> bool {
        let matches = |p: &KeyPattern| p.rights.contains(wanted) && p.matches(key);
        self.all_keys || self.keys.iter().any(matches)
    }

    /// Whatever its name, a key may be read.
    pub fn reads_all_keys(&self) -> bool {
        let reads = |p: &KeyPattern| p.rights.contains(Rights::READ) && p.pattern() == b"*";
        self.all_keys || self.keys.iter().any(reads)
    }

    /// The channel is allowed.
    pub fn allows_channel(&self, channel: &[u8], is_pattern: bool) -> bool {
        self.all_channels || allows_channel(&self.channels, channel, is_pattern)
    }
}

/// One of the allowed channels matches. A pattern is allowed only literally, as what two patterns match cannot be
/// compared.
pub fn allows_channel(allowed: &[Vec<u8>], channel: &[u8], is_pattern: bool) -> bool {
    allowed.iter().any(|pattern| match is_pattern {
        true => pattern == channel,
        false => glob::matches(pattern, channel),
    })
}
