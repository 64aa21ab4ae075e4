//! Users at startup, from `user` lines or from the ACL file, and what CONFIG REWRITE writes about them.

use super::rewrite_file;
use config::Config;
use config::load::{ConfigError, Line};
use engine::Engine;
use engine::acl::{DEFAULT, Defaults, RuleError, User, Users, file, rules};
use std::fs;
use std::io;
use std::path::Path;

/// Why there are no users.
pub enum Fault {
    /// A line of the configuration is wrong.
    Config(ConfigError),
    /// Anything else; what is to be logged.
    Other(Vec<String>),
}

/// The users of `user` lines, and `default`.
///
/// # Errors
/// The first line that is wrong.
pub fn of_lines(config: &Config, lines: &[Line], defaults: Defaults) -> Result<Users, Fault> {
    let mut users = Users::new(&config.requirepass, defaults.commands);
    for (i, line) in lines.iter().enumerate() {
        let wrong = |word: &str, error: RuleError| {
            line.wrong(format!("Error in user declaration '{word}': {error}"))
        };
        let name = &line.words[0];
        if lines[..i].iter().any(|before| before.words[0] == *name) {
            let name = String::from_utf8_lossy(name);
            return Err(Fault::Config(wrong(&name, RuleError::DuplicateUser)));
        }
        if !rules::is_user_name(name) {
            return Err(critical("Spaces not allowed in ACL usernames".into()));
        }
        let words: Vec<&[u8]> = line.words.iter().map(Vec::as_slice).collect();
        let user = file::configured(&words, defaults).map_err(|(rule, error)| match rule {
            Some(rule) if error == RuleError::Unknown => critical(format!(
                "Error loading ACL rule '{}' for the user named '{}': {error}",
                String::from_utf8_lossy(&rule),
                String::from_utf8_lossy(name)
            )),
            _ => Fault::Config(wrong("user", error)),
        })?;
        users.put(user);
    }
    if !config.aclfile.is_empty() && !lines.is_empty() {
        return Err(Fault::Other(vec!["Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. This setup is very likely to lead to configuration errors and security holes, please define either an ACL file or declare users directly in your redis.conf, but not both.".into()]));
    }
    Ok(users)
}

fn critical(why: String) -> Fault {
    let end = "Critical error while loading ACLs. Exiting.";
    Fault::Other(vec![why, end.into()])
}

/// The users of the ACL file, if there is to be one.
///
/// # Errors
/// All its faults.
pub fn load_file(engine: &mut Engine) -> Result<(), String> {
    let path = engine.config.aclfile.clone();
    if path.is_empty() {
        return Ok(());
    }
    let users = commands::server_cmds::acl::read_users(engine, &path);
    engine.users = users
        .map_err(|faults| format!("Aborting Redis startup because of ACL errors: {faults}"))?;
    Ok(())
}

/// What CONFIG REWRITE writes after `user`: nothing if users come from a file, or if there is only `default` as
/// `requirepass` makes it.
pub fn config_lines(engine: &Engine) -> Vec<Vec<Vec<u8>>> {
    let only = User::default_with(&engine.config.requirepass, engine.acl_defaults().commands);
    let is_plain = |user: &User| user.name == DEFAULT && *user == only;
    if !engine.config.aclfile.is_empty() || engine.users.iter().all(|user| is_plain(user)) {
        return Vec::new();
    }
    let words = |user: &User| {
        let rules = user.rules();
        let rules = rules.split(|b| *b == b' ').map(<[u8]>::to_vec);
        std::iter::once(user.name.clone()).chain(rules).collect()
    };
    engine.users.iter().map(|user| words(user)).collect()
}

/// Reads the ACL file.
pub fn read(path: &str) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|e| super::strerror(&e))
}

/// Replaces the ACL file as a whole; the old one stays until the new one is complete.
pub fn write(path: &str, text: &[u8]) -> io::Result<()> {
    rewrite_file::replace(Path::new(path), text)
}
