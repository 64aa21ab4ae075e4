//! What clients chose or sent, as lines of the log show it: keys, arguments, names (`hide-user-data-from-log`).
//!
//! A line that shows such a text wraps it in [`UserData`]. Whether it may be shown is known to the whole process,
//! because errors travel between threads before somebody logs them.

use std::fmt::{self, Display};
use std::sync::atomic::{AtomicBool, Ordering};

static HIDDEN: AtomicBool = AtomicBool::new(false);

/// Decides for the whole process whether the log shows user data. It does until somebody hides them.
pub fn hide(hidden: bool) {
    HIDDEN.store(hidden, Ordering::Relaxed);
}

/// Whether user data are left out.
pub fn hidden() -> bool {
    HIDDEN.load(Ordering::Relaxed)
}

/// A text that is shown as it is, or as `*redacted*` if user data are hidden.
pub struct UserData<T>(pub T);

impl<T: Display> Display for UserData<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match hidden() {
            true => f.write_str("*redacted*"),
            false => self.0.fmt(f),
        }
    }
}
