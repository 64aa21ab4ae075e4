//! A user: the rules that apply to it as a whole, and its selectors.

use super::passwords::Digest;
use super::selector::{Defaults, Selector};

/// The user that a new connection has.
pub const DEFAULT: &[u8] = b"default";

/// Who a client may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: Vec<u8>,
    /// It may log in.
    pub enabled: bool,
    /// Any password is right.
    pub nopass: bool,
    /// `sanitize-payload`. Payloads of RESTORE are checked for every user; the rule is kept for its description.
    pub sanitize: bool,
    /// The right passwords.
    pub passwords: Vec<Digest>,
    /// What the rules outside of parentheses allow.
    pub root: Selector,
    /// What each rule in parentheses allows.
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

    /// The user `default` as it is before any rule: with all rights, and with a password if that is not empty.
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

    /// `requirepass`: this password and no other; none is needed if it is empty.
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

    /// A selector allows everything.
    pub fn may_all(&self) -> bool {
        self.all_selectors().any(Selector::allows_all)
    }

    /// A connection must log in before it may act as this user.
    pub fn asks_password(&self) -> bool {
        !self.nopass || !self.enabled
    }

    /// It may log in with this password. All its passwords are compared.
    pub fn accepts(&self, password: &[u8]) -> bool {
        let given = Digest::of(password);
        let compared = self.passwords.iter().map(|right| *right == given);
        let found = compared.fold(false, |any, equal| any | equal);
        self.enabled && (self.nopass || found)
    }
}
