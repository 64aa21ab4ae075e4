//! The users of a server.

use super::user::{DEFAULT, User};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The users of this server, by name. There is always one named `default`.
pub struct Users {
    by_name: BTreeMap<Vec<u8>, Rc<User>>,
    default: Rc<User>,
}

impl Users {
    /// Only the user `default`, with all rights, and with this password unless it is empty.
    pub fn new(password: &str, commands: usize) -> Self {
        let default = Rc::new(User::default_with(password, commands));
        Users {
            by_name: BTreeMap::from([(DEFAULT.to_vec(), Rc::clone(&default))]),
            default,
        }
    }

    /// The user of that name.
    pub fn get(&self, name: &[u8]) -> Option<&Rc<User>> {
        self.by_name.get(name)
    }

    /// The user `default`.
    pub fn default_user(&self) -> &Rc<User> {
        &self.default
    }

    /// All users in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Rc<User>> {
        self.by_name.values()
    }

    /// Adds a user, and returns the one of the same name that it replaces.
    pub fn put(&mut self, user: User) -> Option<Rc<User>> {
        let user = Rc::new(user);
        if user.name == DEFAULT {
            self.default = Rc::clone(&user);
        }
        self.by_name.insert(user.name.clone(), user)
    }

    /// Removes a user. The user `default` stays.
    pub fn remove(&mut self, name: &[u8]) -> Option<Rc<User>> {
        match name == DEFAULT {
            true => None,
            false => self.by_name.remove(name),
        }
    }
}
