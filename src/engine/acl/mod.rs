//! Access control: users, what each may do, and the verdict on a call.
//!
//!  * A [`User`] has passwords and one or more [`Selector`]s. A call is allowed if one selector allows all of it: the
//!    command, each of its keys with what happens to it, each of its channels and the databases that it uses.
//!  * Rules ([`rules`]) are applied to a user one after another, and rules describe it ([`describe`]); reading these
//!    back gives the same user.
//!  * Users are values that are replaced, never changed in place. A session holds the user that it has logged in as,
//!    and what that allows ([`Access`]), so that the gate needs a single check for a client with all permissions.
//!
//! The stream of our primary and the append-only file are not checked: their contents were permitted when they were
//! written.

mod access;
mod check;
mod databases;
pub mod describe;
pub mod file;
mod gate;
mod passwords;
mod pattern;
pub mod rules;
mod selector;
mod sessions;
mod user;
mod users;

pub use access::{Access, Denied};
pub use check::{check, may_surely, reads_all_keys};
pub use databases::Place;
pub use passwords::Digest;
pub use pattern::KeyPattern;
pub use rules::RuleError;
pub use selector::{Defaults, Selector};
pub use user::{DEFAULT, User};
pub use users::Users;
