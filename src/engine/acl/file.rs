//! The text of an ACL file: one `user` line for each user. It is read as a whole, and all its errors are
//! reported together.

use super::rules::{RuleError, is_user_name, join_selectors};
use super::selector::Defaults;
use super::user::{DEFAULT, User};
use super::users::Users;

/// What a faulty file changes.
const NOTHING_DONE: &str =
    "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";

/// Reads the text of the file at `path`. If it has no line for `default`, that user is as it was before any rule.
///
/// # Errors
/// All faults, as one text.
pub fn parse(path: &str, text: &[u8], defaults: Defaults) -> Result<Users, String> {
    let mut users = Users::new("", defaults.commands);
    let mut seen: Vec<Vec<u8>> = Vec::new();
    let mut faults = String::new();
    for (i, line) in text.split(|b| *b == b'\n').enumerate() {
        let number = i + 1;
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let words: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
        let (name, rules) = match words.as_slice() {
            [b"user", name, rules @ ..] => (*name, rules),
            _ => {
                faults.push_str(&format!(
                    "{path}:{number} should start with user keyword followed by the username. "
                ));
                continue;
            }
        };
        if !is_user_name(name) {
            faults.push_str(&format!(
                "'{path}:{number}: username '{}' contains invalid characters. ",
                name.escape_ascii()
            ));
            continue;
        }
        if seen.iter().any(|known| known == name) {
            let name = String::from_utf8_lossy(name);
            faults.push_str(&format!(
                "WARNING: Duplicate user '{name}' found on line {number}. "
            ));
            continue;
        }
        seen.push(name.to_vec());
        let Ok(rules) = join_selectors(rules) else {
            faults.push_str(&format!(
                "{path}:{number}: Unmatched parenthesis in selector definition."
            ));
            continue;
        };
        match user_of(name, &rules, defaults) {
            Ok(user) => drop(users.put(user)),
            Err(told) => told.iter().for_each(|fault| {
                faults.push_str(&format!("{path}:{number}: {fault}. "));
            }),
        }
    }
    match faults.is_empty() {
        true => Ok(users),
        false => Err(faults + NOTHING_DONE),
    }
}

/// A user of a file, built from a new one. The first of its errors and every unknown name are reported.
fn user_of(name: &[u8], rules: &[Vec<u8>], defaults: Defaults) -> Result<User, Vec<String>> {
    let mut user = User::new(name, defaults);
    let mut faults = Vec::new();
    for rule in rules {
        let rule = rule.trim_ascii();
        match user.apply(rule, defaults) {
            Ok(()) => {}
            Err(RuleError::Unknown) => faults.push(format!(
                "Error in applying operation '{}': {}",
                String::from_utf8_lossy(rule),
                RuleError::Unknown
            )),
            Err(error) if faults.is_empty() => faults.push(error.to_string()),
            Err(_) => {}
        }
    }
    match faults.is_empty() {
        true => Ok(user),
        false => Err(faults),
    }
}

/// The text of a file for these users.
pub fn text(users: &Users) -> Vec<u8> {
    let lines = users.iter().flat_map(|user| {
        let mut line = user.line();
        line.push(b'\n');
        line
    });
    lines.collect()
}

/// A user of the configuration, from the words of its line after `user`; it is `default` or a new user.
///
/// # Errors
/// The rule that is refused, if the fault is in a rule, and the reason.
pub fn configured(
    words: &[&[u8]],
    defaults: Defaults,
) -> Result<User, (Option<Vec<u8>>, RuleError)> {
    let (name, rules) = words.split_first().unwrap_or((&DEFAULT, &[]));
    let rules = join_selectors(rules).map_err(|_| (None, RuleError::Format))?;
    let mut user = User::new(name, defaults);
    for rule in rules {
        let applied = user.apply(&rule, defaults);
        applied.map_err(|error| (Some(rule), error))?;
    }
    Ok(user)
}
