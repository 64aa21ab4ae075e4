//! What each command does with each of its keys: where they begin, how they continue, and whether they are read,
//! written or removed. COMMAND INFO shows this; COMMAND GETKEYSANDFLAGS and COMMAND GETKEYS apply it to a request.
//!
//! [`spec::Keys`](super::spec::Keys) is what dispatch needs to know. A specification says more, but not always enough:
//! if it is [`Access::INCOMPLETE`] or depends on the options ([`Access::VARIABLE_FLAGS`]), the request itself has to be
//! examined.
//!
//! [`KeyUse`] in a declaration says what the command does with its keys. Most commands do the same with all of them, at
//! the places that the declaration names anyway; the others have specifications of their own.
//!
//! Source: COMMAND INFO and COMMAND GETKEYSANDFLAGS of Redis 8.2 (and of Redis 8.10 and Valkey 9.1 for later commands,
//! and for requests that mislead a specification); how specifications are searched is `getKeysUsingKeySpecs` as
//! observed from outside.

use super::Args;
use super::args::parse_int;
use super::keys::Keys;
use bitflags::bitflags;

bitflags! {
    /// What happens to a key, in the order in which COMMAND shows it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Access: u16 {
        /// Read-only.
        const RO = 1;
        /// Read and written.
        const RW = 1 << 1;
        /// Overwritten, whatever it was.
        const OW = 1 << 2;
        /// Removed.
        const RM = 1 << 3;
        /// The value reaches the client or another key.
        const ACCESS = 1 << 4;
        /// The value is changed.
        const UPDATE = 1 << 5;
        /// Something is added, nothing changed or removed.
        const INSERT = 1 << 6;
        /// Something is removed.
        const DELETE = 1 << 7;
        /// It is routed like a key, but is none (a sharded channel).
        const NOT_KEY = 1 << 8;
        /// The specification may not find all keys.
        const INCOMPLETE = 1 << 9;
        /// The access depends on the options.
        const VARIABLE_FLAGS = 1 << 10;
    }
}

impl Access {
    /// The value is read and reaches the client or another key.
    pub const READ: Access = Access::RO.union(Access::ACCESS);
    /// Something is learned of the key, but not its value.
    pub const INSPECT: Access = Access::RO;
    /// The value is read, and changed.
    pub const READ_UPDATE: Access = Access::RW.union(Access::ACCESS).union(Access::UPDATE);
    /// A part of the value is read and removed.
    pub const READ_DELETE: Access = Access::RW.union(Access::ACCESS).union(Access::DELETE);
    /// The value is changed.
    pub const CHANGE: Access = Access::RW.union(Access::UPDATE);
    /// Something is added to the value.
    pub const ADD: Access = Access::RW.union(Access::INSERT);
    /// A part of the value is removed.
    pub const REMOVE_PART: Access = Access::RW.union(Access::DELETE);
    /// The value is replaced, whatever it was.
    pub const OVERWRITE: Access = Access::OW.union(Access::UPDATE);
    /// The key is made, where there is none.
    pub const CREATE: Access = Access::OW.union(Access::INSERT);
    /// The key is removed.
    pub const REMOVE: Access = Access::RM.union(Access::DELETE);

    /// The names that COMMAND shows.
    pub fn names(self) -> Vec<&'static str> {
        const NAMES: [&str; 11] = [
            "RO",
            "RW",
            "OW",
            "RM",
            "access",
            "update",
            "insert",
            "delete",
            "not_key",
            "incomplete",
            "variable_flags",
        ];
        let set = NAMES.iter().enumerate();
        set.filter(|(bit, _)| self.bits() & (1 << bit) != 0)
            .map(|(_, name)| *name)
            .collect()
    }
}

/// Where to look for the first key.
#[derive(Clone, Copy)]
pub enum Begin {
    /// At this argument.
    Index(i32),
    /// Behind a word, searched from this argument on (from the end where negative).
    Keyword(&'static str, i32),
    /// The arguments alone do not determine it.
    Unknown,
}

/// How the keys continue from there.
#[derive(Clone, Copy)]
pub enum Find {
    /// To `last` from the first (from the end of the request where negative), in steps of `step`; `limit` 2 says that
    /// only the first half of the remaining arguments are keys.
    Range {
        /// Distance of the last key.
        last: i32,
        /// Distance between keys.
        step: i32,
        /// The share of the rest; 0 and 1 are all.
        limit: i32,
    },
    /// Their number is at the first place; the keys follow in steps of `step`.
    Counted {
        /// Distance between keys.
        step: i32,
    },
    /// The arguments alone do not determine it.
    Unknown,
}

/// What a command does with its keys, as its declaration says it.
#[derive(Clone, Copy)]
pub enum KeyUse {
    /// It has no keys.
    None,
    /// The same with each, at the places that the declaration names.
    Each(Access),
    /// The same with each, and a remark for the reader.
    Noted(Access, &'static str),
    /// As its options say: the access that COMMAND shows, a remark, and what looks at a request.
    AsAsked(Access, &'static str, fn(&Args<'_>) -> Access),
    /// Several kinds of keys, or keys that the declaration finds by a function.
    Own(&'static [KeySpec]),
}

impl KeyUse {
    /// The specifications of a command that uses its keys, at these places, like this.
    ///
    /// # Panics
    /// If `keys` names no place for those that are all used alike: a defect of the declaration.
    pub(super) fn specs(self, keys: Keys) -> Vec<KeySpec> {
        match self {
            KeyUse::None => Vec::new(),
            KeyUse::Own(specs) => specs.to_vec(),
            KeyUse::Each(access) => vec![at_home(keys, access, "")],
            KeyUse::Noted(access, note) => vec![at_home(keys, access, note)],
            KeyUse::AsAsked(access, note, _) => {
                vec![at_home(keys, access.union(Access::VARIABLE_FLAGS), note)]
            }
        }
    }
}

/// The specification of the keys at the place that a declaration names.
fn at_home(keys: Keys, access: Access, note: &'static str) -> KeySpec {
    let (begin, find) = match keys {
        Keys::Range { first, last, step } => {
            let last = if last < 0 { last } else { last - first };
            let limit = 0;
            (first, Find::Range { last, step, limit })
        }
        Keys::Counted { count, .. } => (count as i32, Find::Counted { step: 1 }),
        Keys::None | Keys::Custom(_) => panic!("a declaration names no place of its keys"),
    };
    KeySpec::new(Begin::Index(begin), find, access).noted(note)
}

/// One specification.
#[derive(Clone, Copy)]
pub struct KeySpec {
    /// Where to look for the first key.
    pub begin: Begin,
    /// How the keys continue.
    pub find: Find,
    /// What happens to them.
    pub access: Access,
    /// A remark for the reader; empty for most.
    pub note: &'static str,
}

impl KeySpec {
    /// Keys that are searched like this.
    pub const fn new(begin: Begin, find: Find, access: Access) -> KeySpec {
        KeySpec {
            begin,
            find,
            access,
            note: "",
        }
    }

    /// The one key at `index`.
    pub const fn at(index: i32, access: Access) -> KeySpec {
        KeySpec::new(Begin::Index(index), ONE, access)
    }

    /// All arguments from `index` on.
    pub const fn rest(index: i32, access: Access) -> KeySpec {
        KeySpec::new(Begin::Index(index), REST, access)
    }

    /// With a remark.
    pub const fn noted(self, note: &'static str) -> KeySpec {
        KeySpec { note, ..self }
    }

    /// True if the arguments alone do not determine where the keys are.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.begin, Begin::Unknown)
    }

    /// The indexes of its keys in a request; `None` where the request does not fit it.
    pub(super) fn search(&self, args: &Args<'_>) -> Option<Vec<usize>> {
        let n = args.len() as i64;
        let mut first = match self.begin {
            Begin::Index(i) => i64::from(i),
            Begin::Keyword(word, from) if from > 0 => {
                match (from as usize..args.len()).find(|i| args.is(*i, word)) {
                    Some(i) => i as i64 + 1,
                    None => return Some(Vec::new()),
                }
            }
            // The reference looks at one place only.
            Begin::Keyword(word, from) => {
                let at = n + i64::from(from);
                match usize::try_from(at).is_ok_and(|i| args.is(i, word)) {
                    true => at + 1,
                    false => return Some(Vec::new()),
                }
            }
            Begin::Unknown => return None,
        };
        let (last, step) = match self.find {
            Find::Range { last, step, .. } if last >= 0 => (first + i64::from(last), step),
            Find::Range { last, step, limit } => {
                let end = match limit {
                    0 | 1 => n,
                    _ => first + (n - first) / i64::from(limit),
                };
                (end + i64::from(last), step)
            }
            Find::Counted { step } => {
                let count = args
                    .get(first as usize)
                    .and_then(parse_int)
                    .filter(|c| *c >= 0)?;
                first += 1;
                let span = (count - 1).checked_mul(i64::from(step))?;
                (first.checked_add(span)?, step)
            }
            Find::Unknown => return None,
        };
        if last >= n || last < first || first >= n {
            return None;
        }
        let keys = (first..=last).step_by(step.max(1) as usize);
        Some(keys.map(|i| i as usize).collect())
    }
}

/// The key of a command that has one, at a place that the arguments do not change. Most have: asking for it costs no
/// list of keys.
#[derive(Clone, Copy)]
pub struct OneKey {
    /// Its index.
    pub at: usize,
    access: OneAccess,
}

#[derive(Clone, Copy)]
enum OneAccess {
    Always(Access),
    AsAsked(fn(&Args<'_>) -> Access),
}

impl OneKey {
    /// Of a command with these specifications.
    pub(super) fn of(uses: KeyUse, keys: Keys, specs: &[KeySpec]) -> Option<OneKey> {
        let [spec] = specs else {
            return None;
        };
        let (Begin::Index(first), Find::Range { last: 0, .. }) = (spec.begin, spec.find) else {
            return None;
        };
        let at = usize::try_from(first).ok()?;
        let uncertain = Access::NOT_KEY | Access::INCOMPLETE;
        let access = match (uses, keys) {
            _ if spec.access.intersects(uncertain) => return None,
            (KeyUse::AsAsked(_, _, look), Keys::Range { .. }) => OneAccess::AsAsked(look),
            (_, Keys::Custom(_)) => return None,
            _ if spec.access.contains(Access::VARIABLE_FLAGS) => return None,
            _ => OneAccess::Always(spec.access),
        };
        Some(OneKey { at, access })
    }

    /// What a request does with it.
    pub fn access(&self, args: &Args<'_>) -> Access {
        match self.access {
            OneAccess::Always(access) => access,
            OneAccess::AsAsked(look) => look(args),
        }
    }
}

/// The keys of a command that are all of its arguments from a place on, or every other of them: they are found without a
/// list, too.
#[derive(Clone, Copy)]
pub struct RestKeys {
    from: usize,
    step: usize,
    /// What every request does with each of them.
    pub access: Access,
}

impl RestKeys {
    /// Of a command with these specifications.
    pub(super) fn of(uses: KeyUse, keys: Keys, specs: &[KeySpec]) -> Option<RestKeys> {
        let [spec] = specs else {
            return None;
        };
        let Begin::Index(first) = spec.begin else {
            return None;
        };
        let Find::Range {
            last: -1,
            step,
            limit: 0 | 1,
        } = spec.find
        else {
            return None;
        };
        let uncertain = Access::NOT_KEY | Access::INCOMPLETE | Access::VARIABLE_FLAGS;
        let looks = matches!(uses, KeyUse::AsAsked(..)) || matches!(keys, Keys::Custom(_));
        if looks || spec.access.intersects(uncertain) {
            return None;
        }
        Some(RestKeys {
            from: usize::try_from(first).ok()?,
            step: usize::try_from(step.max(1)).ok()?,
            access: spec.access,
        })
    }

    /// Where they are among so many arguments.
    pub fn places(&self, len: usize) -> impl Iterator<Item = usize> {
        (self.from..len).step_by(self.step)
    }
}

/// One key.
pub const ONE: Find = Find::Range {
    last: 0,
    step: 1,
    limit: 0,
};
/// All remaining arguments.
pub const REST: Find = Find::Range {
    last: -1,
    step: 1,
    limit: 0,
};
/// The first half of the remaining arguments: the keys of XREAD, before as many ids.
pub const HALF: Find = Find::Range {
    last: -1,
    step: 1,
    limit: 2,
};

/// The destination, then the source.
pub const STORE_OF_TWO: &[KeySpec] = &[
    KeySpec::at(1, Access::OVERWRITE),
    KeySpec::at(2, Access::READ),
];
/// The destination, then sets up to the end.
pub const STORE_OF_SETS: &[KeySpec] = &[
    KeySpec::at(1, Access::OVERWRITE),
    KeySpec::rest(2, Access::READ),
];
/// The destination, then the number of sources, then the sources.
pub const STORE_OF_COUNTED: &[KeySpec] = &[
    KeySpec::at(1, Access::OVERWRITE),
    KeySpec::new(Begin::Index(2), Find::Counted { step: 1 }, Access::READ),
];
/// A part of the first key moves to the second.
pub const FROM_ONE_TO_ANOTHER: &[KeySpec] = &[
    KeySpec::at(1, Access::READ_DELETE),
    KeySpec::at(2, Access::ADD),
];
