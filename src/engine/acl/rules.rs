//! Rules: how those of ACL SETUSER, `user` lines and ACL files change a user.
//!
//! Source: redis-server 7.0, 7.4 and 8.2, observed from outside; where they differ, 7.4. There is one exception: 7.4
//! accepts `%` without letters, while the other two refuse it, and so does this code. The rules about databases are those
//! of valkey-server 9.1.

use super::passwords::Digest;
use super::pattern::{KeyPattern, Rights};
use super::selector::{Defaults, Selector};
use super::user::User;
use crate::categories::{self, Categories};
use crate::table::{self, Entry};
use resp::words::split_words;
use std::fmt;

/// Why a rule is refused. `Display` is the text that follows the rule in Redis's errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the texts say it
pub enum RuleError {
    Unknown,
    Syntax,
    KeysAfterAll,
    ChannelsAfterAll,
    NoSuchPassword,
    BadDigest,
    DuplicateUser,
    FirstArgOfSubcommand,
    DatabaseOutOfRange,
    Format,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RuleError::Unknown => "Unknown command or category name in ACL",
            RuleError::Syntax => "Syntax error",
            RuleError::KeysAfterAll => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns"
            }
            RuleError::ChannelsAfterAll => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels"
            }
            RuleError::NoSuchPassword => {
                "The password you are trying to remove from the user does not exist"
            }
            RuleError::BadDigest => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
            }
            RuleError::DuplicateUser => {
                "Duplicate user found. A user can only be defined once in config files"
            }
            RuleError::FirstArgOfSubcommand => "Allowing first-arg of a subcommand is not supported",
            RuleError::DatabaseOutOfRange => "The provided database ID is out of range",
            RuleError::Format => "Wrong format",
        })
    }
}

impl User {
    /// Applies one rule. After an error the user may not be used.
    ///
    /// # Errors
    /// Why the rule is refused.
    pub fn apply(&mut self, rule: &[u8], defaults: Defaults) -> Result<(), RuleError> {
        match rule {
            [] => {}
            [b'>', password @ ..] => self.add_password(Digest::of(password)),
            [b'#', digest @ ..] => {
                self.add_password(Digest::parse(digest).ok_or(RuleError::BadDigest)?);
            }
            [b'<', password @ ..] => self.remove_password(Digest::of(password))?,
            [b'!', digest @ ..] => {
                self.remove_password(Digest::parse(digest).ok_or(RuleError::BadDigest)?)?;
            }
            [b'(', inner @ .., b')'] => {
                let mut selector = Selector::new(defaults);
                let words = split_words(inner).ok_or(RuleError::Syntax)?;
                for word in words {
                    selector.apply(&word)?;
                }
                self.selectors.push(selector);
            }
            _ => match rule.to_ascii_lowercase().as_slice() {
                b"on" => self.enabled = true,
                b"off" => self.enabled = false,
                b"nopass" => {
                    self.nopass = true;
                    self.passwords.clear();
                }
                b"resetpass" => {
                    self.nopass = false;
                    self.passwords.clear();
                }
                b"sanitize-payload" => self.sanitize = true,
                b"skip-sanitize-payload" => self.sanitize = false,
                b"clearselectors" => self.selectors.clear(),
                b"reset" => *self = User::new(&std::mem::take(&mut self.name), defaults),
                _ => self.root.apply(rule)?,
            },
        }
        Ok(())
    }

    fn add_password(&mut self, digest: Digest) {
        if !self.passwords.contains(&digest) {
            self.passwords.push(digest);
        }
        self.nopass = false;
    }

    fn remove_password(&mut self, digest: Digest) -> Result<(), RuleError> {
        let at = self.passwords.iter().position(|known| *known == digest);
        self.passwords.remove(at.ok_or(RuleError::NoSuchPassword)?);
        Ok(())
    }
}

impl Selector {
    /// Applies a rule about commands, keys, channels or databases.
    fn apply(&mut self, rule: &[u8]) -> Result<(), RuleError> {
        match rule {
            [] => {}
            [b'~', pattern @ ..] if pattern != b"*" => {
                self.add_keys(pattern, Rights::all())?;
            }
            [b'%', ..] if self.all_keys => return Err(RuleError::KeysAfterAll),
            [b'%', rest @ ..] => {
                let (pattern, rights) = with_rights(rest)?;
                self.add_keys(pattern, rights)?;
            }
            [b'&', pattern @ ..] if pattern != b"*" => self.add_channels(pattern)?,
            [sign @ (b'+' | b'-'), category @ ..] if category.first() == Some(&b'@') => {
                self.apply_category(*sign == b'+', category)?;
            }
            [b'+', name @ ..] => self.add_command(name)?,
            [b'-', name @ ..] => {
                let entry = command(name).ok_or(RuleError::Unknown)?;
                allow_with_subcommands(self, entry, false);
                self.note_rule(false, entry.name.as_bytes());
            }
            _ => match rule.to_ascii_lowercase().as_slice() {
                [b'd', b'b', b'=', list @ ..] => self.databases = Some(databases(list)?),
                b"alldbs" => self.databases = None,
                b"resetdbs" => self.databases = Some(Vec::new()),
                b"allkeys" | b"~*" => {
                    self.all_keys = true;
                    self.keys.clear();
                }
                b"resetkeys" => {
                    self.all_keys = false;
                    self.keys.clear();
                }
                b"allchannels" | b"&*" => {
                    self.all_channels = true;
                    self.channels.clear();
                }
                b"resetchannels" => {
                    self.all_channels = false;
                    self.channels.clear();
                }
                b"allcommands" => self.allow_all_commands(true),
                b"nocommands" => self.allow_all_commands(false),
                _ => return Err(RuleError::Syntax),
            },
        }
        Ok(())
    }

    fn add_keys(&mut self, pattern: &[u8], rights: Rights) -> Result<(), RuleError> {
        if self.all_keys {
            return Err(RuleError::KeysAfterAll);
        }
        without_spaces(pattern)?;
        match self
            .keys
            .iter_mut()
            .find(|known| known.pattern() == pattern)
        {
            Some(known) => known.rights |= rights,
            None => self.keys.push(KeyPattern::new(pattern, rights)),
        }
        Ok(())
    }

    fn add_channels(&mut self, pattern: &[u8]) -> Result<(), RuleError> {
        if self.all_channels {
            return Err(RuleError::ChannelsAfterAll);
        }
        without_spaces(pattern)?;
        if !self.channels.iter().any(|known| known == pattern) {
            self.channels.push(pattern.to_vec());
        }
        Ok(())
    }

    fn apply_category(&mut self, allow: bool, name: &[u8]) -> Result<(), RuleError> {
        let category = name[1..].to_ascii_lowercase();
        if category == b"all" {
            self.allow_all_commands(allow);
            return Ok(());
        }
        let category = Categories::named(&category).ok_or(RuleError::Unknown)?;
        for entry in categories::members(category) {
            allow_with_subcommands(self, entry, allow);
        }
        self.note_rule(allow, name);
        Ok(())
    }

    /// A command, a subcommand, or a command with its first argument.
    fn add_command(&mut self, name: &[u8]) -> Result<(), RuleError> {
        let Some(bar) = name.iter().rposition(|b| *b == b'|') else {
            let entry = command(name).ok_or(RuleError::Unknown)?;
            allow_with_subcommands(self, entry, true);
            self.note_rule(true, entry.name.as_bytes());
            return Ok(());
        };
        let (container, first) = (&name[..bar], &name[bar + 1..]);
        let entry = command(container).ok_or(RuleError::Unknown)?;
        if entry.parent.is_some() {
            return Err(RuleError::FirstArgOfSubcommand);
        }
        if first.is_empty() {
            return Err(RuleError::Syntax);
        }
        match entry.subcommands.is_empty() {
            true => self.allow_first_arg(entry.index, first),
            false => {
                let subcommand = entry.subcommand(first).ok_or(RuleError::Unknown)?;
                self.allow(subcommand.index, true);
            }
        }
        self.note_rule(true, name);
        Ok(())
    }
}

fn allow_with_subcommands(selector: &mut Selector, entry: &Entry, allow: bool) {
    selector.allow(entry.index, allow);
    let subcommands = entry.subcommands.iter();
    subcommands.for_each(|subcommand| selector.allow(subcommand.index, allow));
}

/// A command or subcommand by its own name, whatever `rename-command` calls it.
fn command(name: &[u8]) -> Option<&'static Entry> {
    match name.iter().position(|b| *b == b'|') {
        None => table::by_own_name(name),
        Some(bar) => table::by_own_name(&name[..bar])?.subcommand(&name[bar + 1..]),
    }
}

/// `R~`, `W~` or `RW~`, and the pattern after it. Without the tilde, the pattern is empty.
fn with_rights(text: &[u8]) -> Result<(&[u8], Rights), RuleError> {
    let mut rights = Rights::empty();
    let mut rest = text;
    while let [letter, behind @ ..] = rest {
        let right = match letter.to_ascii_uppercase() {
            b'R' => Rights::READ,
            b'W' => Rights::WRITE,
            b'~' if !rights.is_empty() => return Ok((behind, rights)),
            _ => return Err(RuleError::Syntax),
        };
        if rights.contains(right) {
            return Err(RuleError::Syntax);
        }
        rights |= right;
        rest = behind;
    }
    match rights.is_empty() {
        true => Err(RuleError::Syntax),
        false => Ok((rest, rights)),
    }
}

/// Numbers between commas, in ascending order. They may be larger than `databases`, which may be another one when the
/// rules are read again.
fn databases(list: &[u8]) -> Result<Vec<usize>, RuleError> {
    let mut databases = Vec::new();
    for number in list.split(|b| *b == b',') {
        let digits = number.strip_prefix(b"-").unwrap_or(number);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(RuleError::Syntax);
        }
        let number = std::str::from_utf8(number).ok();
        let number = number.and_then(|number| number.parse().ok());
        let number = number.filter(|db| *db <= i32::MAX as usize);
        databases.push(number.ok_or(RuleError::DatabaseOutOfRange)?);
    }
    databases.sort_unstable();
    databases.dedup();
    Ok(databases)
}

/// A pattern with white space could not be read back from a file.
fn without_spaces(pattern: &[u8]) -> Result<(), RuleError> {
    let breaks = |b: &u8| b.is_ascii_whitespace() || *b == 0x0b || *b == 0;
    match pattern.iter().any(breaks) {
        true => Err(RuleError::Syntax),
        false => Ok(()),
    }
}

/// Joins the words from one that opens a parenthesis to the one that closes it.
///
/// # Errors
/// The index of the word that opens a selector that is not closed.
pub fn join_selectors(words: &[&[u8]]) -> Result<Vec<Vec<u8>>, usize> {
    let mut rules = Vec::new();
    let mut open: Option<(usize, Vec<u8>)> = None;
    for (at, word) in words.iter().enumerate() {
        let closes = word.last() == Some(&b')');
        match &mut open {
            None if word.first() == Some(&b'(') && !closes => open = Some((at, word.to_vec())),
            None => rules.push(word.to_vec()),
            Some((_, selector)) => {
                selector.push(b' ');
                selector.extend_from_slice(word);
                if closes {
                    rules.extend(open.take().map(|(_, selector)| selector));
                }
            }
        }
    }
    match open {
        Some((at, _)) => Err(at),
        None => Ok(rules),
    }
}

/// A name that can be read back from a file.
pub fn is_user_name(name: &[u8]) -> bool {
    without_spaces(name).is_ok()
}
