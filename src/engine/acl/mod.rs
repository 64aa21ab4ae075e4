//! Access control: users, what each may do, and the verdict on a call.
//!
//!  * A [`User`] has passwords and one or more [`Selector`]s. A call is allowed if one selector allows all of it: the
//!    command, each of its keys with what happens to it, and each of its channels.
//!  * A user is changed by rules ([`rules`]), one after the other, and described by rules ([`describe`]), which make the
//!    same user again.
//!  * Users are values that are replaced, never changed in place. A session holds the user that it has logged in as, and
//!    what that means for its calls ([`Access`]), so that the gate asks one question of a client with all rights.
//!
//! Nothing of this is asked for the stream of our primary or for the append-only file: what they hold was allowed once.

mod access;
mod check;
pub mod describe;
pub mod file;
mod gate;
mod passwords;
pub mod rules;
mod selector;
mod sessions;
mod user;
mod users;

pub use access::{Access, Denied};
pub use check::{check, reads_all_keys};
pub use passwords::Digest;
pub use rules::RuleError;
pub use selector::{Defaults, KeyPattern, Selector};
pub use user::{DEFAULT, User};
pub use users::Users;
