//! The keys of a request, found by its command's specifications or, if these are not enough, by examining the request.

use super::Args;
use super::key_specs::{Access, KeySpec, KeyUse};
use super::keys::Keys;
use super::spec::Flags;
use super::table::Entry;

/// The key specifications of a command; empty if it has no keys.
pub fn of(entry: &Entry) -> &[KeySpec] {
    &entry.specs
}

/// True if some argument is a key.
pub fn takes_keys(entry: &Entry) -> bool {
    of(entry)
        .iter()
        .any(|s| !s.access.contains(Access::NOT_KEY))
}

/// The keys of a request, as indexes, with what would happen to each.
///
/// `None` where the request is not one that the command could run.
pub fn keys_of(entry: &Entry, args: &Args<'_>) -> Option<Vec<(usize, Access)>> {
    let specs = of(entry);
    let undecided = Access::INCOMPLETE | Access::VARIABLE_FLAGS;
    let told = match specs.iter().any(|s| s.access.intersects(undecided)) {
        true => None,
        false => by_specs(specs, args),
    };
    let found = told.or_else(|| by_looking(entry, specs, args));
    match entry.flags.contains(Flags::NO_MANDATORY_KEYS) {
        true => Some(found.unwrap_or_default()),
        false => found.filter(|keys| !keys.is_empty()),
    }
}

fn by_specs(specs: &[KeySpec], args: &Args<'_>) -> Option<Vec<(usize, Access)>> {
    let mut out = Vec::new();
    for spec in specs {
        if spec.access.contains(Access::NOT_KEY) {
            continue;
        }
        out.extend(spec.search(args)?.into_iter().map(|i| (i, spec.access)));
    }
    Some(out)
}

/// What the specifications leave out.
fn by_looking(entry: &Entry, specs: &[KeySpec], args: &Args<'_>) -> Option<Vec<(usize, Access)>> {
    let at = entry.keys.positions(args);
    let keys: Vec<_> = match entry.uses {
        KeyUse::AsAsked(_, _, look) => at.into_iter().map(|i| (i, look(args))).collect(),
        _ if matches!(entry.keys, Keys::Custom(_)) || specs.iter().any(KeySpec::is_unknown) => {
            let later = specs.last()?.access;
            let access = |n| if n == 0 { specs[0].access } else { later };
            let found = at.into_iter().enumerate();
            found
                .map(|(n, i)| (i, access(n) - Access::INCOMPLETE))
                .collect()
        }
        _ => return None,
    };
    (!keys.is_empty()).then_some(keys)
}
