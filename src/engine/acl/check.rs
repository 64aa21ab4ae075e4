//! The verdict on a call: whether one of a user's selectors allows it and, if none does, the most relevant reason.

use super::access::Denied;
use super::databases::{self, Place};
use super::pattern::Rights;
use super::selector::Selector;
use super::user::User;
use crate::Args;
use crate::key_specs::Access;
use crate::request_keys;
use crate::spec::{Channels, Flags};
use crate::table::Entry;
use std::cell::OnceCell;

/// A call with its keys, which are looked for at most once.
struct Call<'a> {
    entry: &'static Entry,
    args: Args<'a>,
    place: Place,
    keys: OnceCell<Vec<(usize, Access)>>,
}

impl Call<'_> {
    fn keys(&self) -> &[(usize, Access)] {
        self.keys
            .get_or_init(|| request_keys::keys_of(self.entry, &self.args).unwrap_or_default())
    }

    /// What this selector says.
    fn by(&self, selector: &Selector) -> Result<(), Denied> {
        let entry = self.entry;
        if let Some(database) = databases::refused(selector, entry, self.args, self.place) {
            return Err(Denied::Database(database));
        }
        let first = match entry.parent {
            Some(_) => self.args.get(2),
            None => self.args.get(1),
        };
        if !entry.flags.contains(Flags::NO_AUTH) && !selector.allows_command(entry.index, first) {
            return Err(Denied::Command);
        }
        if !selector.all_keys && !entry.specs.is_empty() {
            let refused = |(at, access): &&(usize, Access)| {
                !selector.allows_key(&self.args[*at], rights_for(*access))
            };
            let first_refused = match entry.one_key {
                Some(one) if one.at < self.args.len() => {
                    let key = (one.at, one.access(&self.args));
                    refused(&&key).then_some(one.at)
                }
                _ => self.keys().iter().find(refused).map(|(at, _)| *at),
            };
            if let Some(at) = first_refused {
                return Err(Denied::Key(at));
            }
        }
        if selector.all_channels {
            return Ok(());
        }
        let (channels, is_pattern) = match entry.channels {
            Channels::None => (0..0, false),
            Channels::First => (1..2, false),
            Channels::Names => (1..self.args.len(), false),
            Channels::Patterns => (1..self.args.len(), true),
        };
        let mut channels = channels;
        match channels.find(|at| !selector.allows_channel(&self.args[*at], is_pattern)) {
            Some(at) => Err(Denied::Channel(at)),
            None => Ok(()),
        }
    }
}

/// What has to be allowed for an access. One that only learns of a key, but not its value, needs no more than that some
/// pattern matches.
fn rights_for(access: Access) -> Rights {
    let mut rights = Rights::empty();
    rights.set(Rights::READ, access.contains(Access::ACCESS));
    let writes = Access::UPDATE | Access::INSERT | Access::DELETE;
    rights.set(Rights::WRITE, access.intersects(writes));
    rights
}

/// Whether a user may make a call, as far as that is seen at once; if not, [`check`] says so or finds it out. Most calls
/// have no key, one at a fixed place, or nothing but keys, and most users no selector that decides.
#[inline(never)]
pub fn may_surely(user: &User, entry: &'static Entry, args: Args<'_>) -> bool {
    let selector = &user.root;
    if !selector.allows_all_of_command(entry.index)
        || selector.databases.is_some()
        || (entry.channels != Channels::None && !selector.all_channels)
    {
        return false;
    }
    if selector.all_keys || entry.specs.is_empty() {
        return true;
    }
    match (entry.one_key, entry.rest_keys) {
        (Some(one), _) => {
            let key = args.get(one.at);
            key.is_some_and(|key| selector.allows_key(key, rights_for(one.access(&args))))
        }
        (None, Some(rest)) => {
            let rights = rights_for(rest.access);
            let mut keys = rest.places(args.len());
            keys.all(|at| selector.allows_key(&args[at], rights))
        }
        (None, None) => false,
    }
}

/// Whether a user may make a call at this place.
///
/// # Errors
/// Why not.
pub fn check(
    user: &User,
    entry: &'static Entry,
    args: Args<'_>,
    place: Place,
) -> Result<(), Denied> {
    let call = Call {
        entry,
        args,
        place,
        keys: OnceCell::new(),
    };
    let mut nearest = None;
    for selector in user.all_selectors() {
        match call.by(selector) {
            Ok(()) => return Ok(()),
            Err(denied) => nearest = nearest.max(Some(denied)),
        }
    }
    Err(nearest.unwrap_or(Denied::Command))
}

/// Whether a selector that allows this call at this place lets it read whatever key it comes upon.
pub fn reads_all_keys(user: &User, entry: &'static Entry, args: Args<'_>, place: Place) -> bool {
    let call = Call {
        entry,
        args,
        place,
        keys: OnceCell::new(),
    };
    let mut selectors = user.all_selectors();
    selectors.any(|s| s.reads_all_keys() && call.by(s).is_ok())
}
