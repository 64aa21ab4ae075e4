//! A user: the rules that apply to it as a whole, and its selectors.

use super::passwords::Digest;
use super::selector::{Defaults, Selector};

/// The user that a new connection has.
pub const DEFAULT: &[u8] = b"default";

/// A user: what a client that logs in as this user may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: Vec<u8>,
    /// Clients may log in as this user.
    pub enabled: bool,
    /// Any password is accepted (`nopass`).
    pub nopass: bool,
    /// `sanitize-payload`. Payloads of RESTORE are checked for every user; the rule is kept for its description.
    pub sanitize: bool,
    /// The passwords that are accepted.
    pub passwords: Vec<Digest>,
    /// What the rules outside parentheses allow.
    pub root: Selector,
    /// What each group of rules in parentheses allows.
    pub selectors: Vec<Selector>,
}

impl User {
    /// A new user, who may do nothing.
    pub fn new(name: &[u8], defaults: Defaults) -> Self {
        User {
            name: name.to_vec(),
            enabled: false,
            nopass: false,
            sanitize: true,
            passwords: Vec::new(),
            root: Selector::new(defaults),
            selectors: Vec::new(),
        }
    }

    /// The user `default` as it is before any rule: with all rights, and with this password unless it is empty.
    pub fn default_with(password: &str, commands: usize) -> Self {
        let defaults = Defaults {
            all_channels: true,
            commands,
        };
        let mut user = User::new(DEFAULT, defaults);
        user.enabled = true;
        user.root.allow_all_commands(true);
        user.root.all_keys = true;
        user.set_only_password(password);
        user
    }

    /// Sets `requirepass`: this password and no other is accepted; if it is empty, none is needed.
    pub fn set_only_password(&mut self, password: &str) {
        self.passwords.clear();
        self.nopass = password.is_empty();
        if !self.nopass {
            self.passwords.push(Digest::of(password.as_bytes()));
        }
    }

    /// All selectors: one that allows a call is enough.
    pub fn all_selectors(&self) -> impl Iterator<Item = &Selector> {
        std::iter::once(&self.root).chain(&self.selectors)
    }

    /// True if a rule says which databases may be used.
    pub fn has_rules_about_databases(&self) -> bool {
        self.all_selectors().any(|s| s.databases.is_some())
    }

    /// True if a selector allows everything.
    pub fn may_all(&self) -> bool {
        self.all_selectors().any(Selector::allows_all)
    }

    /// True if a connection must log in before it may act as this user.
    pub fn asks_password(&self) -> bool {
        !self.nopass || !self.enabled
    }

    /// True if this password is accepted. All passwords of the user are compared, so that the time does not show which
    /// one matched.
    pub fn accepts(&self, password: &[u8]) -> bool {
        let given = Digest::of(password);
        let compared = self.passwords.iter().map(|right| *right == given);
        let found = compared.fold(false, |any, equal| any | equal);
        self.enabled && (self.nopass || found)
    }
}
