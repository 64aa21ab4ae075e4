//! Users and the sessions that act as them: logging in, changing users, and which clients such a change disconnects.

use super::access::Access;
use super::selector::{Defaults, allows_channel};
use super::user::User;
use super::users::Users;
use crate::table;
use crate::{Action, ClientFlags, Engine, Session};
use config::choices::AclPubsub;
use std::rc::Rc;

impl Engine {
    /// What new users and selectors may do before any rule.
    pub fn acl_defaults(&self) -> Defaults {
        Defaults {
            all_channels: self.config.acl_pubsub_default == AclPubsub::Allchannels,
            commands: table::count(),
        }
    }

    /// A session of a new connection, or one that was reset: it acts as `default`.
    pub fn begin_as_default(&self, session: &mut Session) {
        let user = self.users.default_user();
        session.authenticated = !user.asks_password();
        session.user = Some(Rc::clone(user));
        session.access = self.users.access_of(session);
    }

    /// Logs a session in, if the name and the password are right.
    pub fn log_in(&self, session: &mut Session, name: &[u8], password: &[u8]) -> bool {
        let Some(user) = self.users.get(name).filter(|u| u.accepts(password)) else {
            return false;
        };
        session.user = Some(Rc::clone(user));
        session.authenticated = true;
        session.access = self.users.access_of(session);
        true
    }

    /// Logs in a session whose certificate names its user: the first of `names` that exists. Returns false if none
    /// exists; the session then keeps its user.
    pub fn log_in_by_certificate(&mut self, session: &mut Session, names: &[String]) -> bool {
        let mut users = names.iter().map(|name| self.users.get(name.as_bytes()));
        let Some(user) = users.find_map(|user| user.filter(|user| user.enabled)) else {
            let name = names.first().map_or("", String::as_str);
            self.note_failed_certificate(session, name.as_bytes());
            return false;
        };
        session.user = Some(Rc::clone(user));
        session.authenticated = true;
        session.access = self.users.access_of(session);
        true
    }

    /// Replaces the user of the same name: all sessions that act as this user have the new rights from now on. Those
    /// with subscriptions that it no longer allows are closed. `me` is the session whose request this is.
    pub fn put_user(&mut self, user: User, me: &mut Session) {
        let name = user.name.clone();
        let Some(old) = self.users.put(user) else {
            return;
        };
        let new = Rc::clone(self.users.get(&name).expect("it was just put there"));
        let takes_channels = takes_channels(&old, &new);
        self.for_each_session(me, |users, session, closes| {
            if is_user(session, &old) {
                session.user = Some(Rc::clone(&new));
                *closes = takes_channels && listens_without_right(session, &new);
            }
            session.access = users.access_of(session);
        });
    }

    /// Removes a user and closes the sessions that act as it. Returns false if there is no user of this name.
    pub fn delete_user(&mut self, name: &[u8], me: &mut Session) -> bool {
        let Some(user) = self.users.remove(name) else {
            return false;
        };
        self.for_each_session(me, |users, session, closes| {
            if is_user(session, &user) {
                users.strip(session);
                *closes = true;
            }
        });
        true
    }

    /// Replaces all users. Sessions whose user no longer exists, or no longer allows their subscriptions, are closed.
    pub fn put_users(&mut self, users: Users, me: &mut Session) {
        let old = std::mem::replace(&mut self.users, users);
        self.for_each_session(me, |users, session, closes| {
            if let Some(user) = session.user.clone() {
                let before = old.get(&user.name).unwrap_or(&user);
                match users.get(&user.name) {
                    Some(new) => {
                        session.user = Some(Rc::clone(new));
                        *closes =
                            takes_channels(before, new) && listens_without_right(session, new);
                    }
                    None => {
                        users.strip(session);
                        *closes = true;
                        return;
                    }
                }
            }
            session.access = users.access_of(session);
        });
    }

    /// `requirepass` has changed.
    pub fn take_password_of_config(&mut self, me: &mut Session) {
        let mut user = User::clone(self.users.default_user());
        user.set_only_password(&self.config.requirepass);
        self.put_user(user, me);
    }

    /// Calls `change` for each session, and closes those for which it sets its last argument.
    fn for_each_session(
        &mut self,
        me: &mut Session,
        mut change: impl FnMut(&Users, &mut Session, &mut bool),
    ) {
        let mut closes = false;
        change(&self.users, me, &mut closes);
        if closes {
            me.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
        }
        for session in self.clients.values_mut() {
            let mut closes = false;
            change(&self.users, session, &mut closes);
            if closes {
                session.flags.insert(ClientFlags::CLOSE_ASAP);
                self.actions.push(Action::Close(session.id));
            }
        }
    }
}

impl Users {
    fn access_of(&self, session: &Session) -> Access {
        match &session.user {
            None => Access::All,
            Some(_) if !session.authenticated && self.default_user().asks_password() => {
                Access::LoginFirst
            }
            Some(user) if user.may_all() => Access::All,
            Some(_) => Access::AsUserMay,
        }
    }

    /// The user of this session was removed: until the session is closed, it may do nothing, not even what `default`
    /// may.
    fn strip(&self, session: &mut Session) {
        session.user = Some(Rc::clone(self.default_user()));
        session.authenticated = false;
        session.access = Access::LoginFirst;
    }
}

fn is_user(session: &Session, user: &Rc<User>) -> bool {
    let its = session.user.as_ref();
    its.is_some_and(|its| Rc::ptr_eq(its, user))
}

/// The old user may have been allowed channels that the new one is not.
fn takes_channels(old: &User, new: &User) -> bool {
    if new.all_selectors().any(|s| s.all_channels) {
        return false;
    }
    let has = |channel| new.all_selectors().any(|s| s.channels.contains(channel));
    old.all_selectors()
        .any(|s| s.all_channels || !s.channels.iter().all(has))
}

/// The session has a subscription that its user does not allow.
fn listens_without_right(session: &Session, user: &User) -> bool {
    let may = |name: &Vec<u8>, is_pattern| {
        let mut selectors = user.all_selectors();
        selectors.any(|s| allows_channel(&s.channels, name, is_pattern))
    };
    !(session.patterns.iter().all(|name| may(name, true))
        && session.channels.iter().all(|name| may(name, false))
        && session.shard_channels.iter().all(|name| may(name, false)))
}
