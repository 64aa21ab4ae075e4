//! Huge pages (`disable-thp`): if the system also gives them to memory for which nobody has requested them (`always`),
//! memory that is used in small pieces takes more than it holds.
//!
//! The memory for keys requests huge pages where they are useful, and declines them elsewhere. This does not change that: it
//! only switches off huge pages that nobody has requested.

use config::Config;
use std::fs;
use std::io;

const SETTING: &str = "/sys/kernel/mm/transparent_hugepage/enabled";
/// `PR_THP_DISABLE_EXCEPT_ADVISED`, since Linux 6.18.
const EXCEPT_ADVISED: libc::c_ulong = 1 << 1;

/// Lets `config` take effect for the whole process.
pub fn apply(config: &Config) {
    if !config.disable_thp || !are_given_unasked(&fs::read_to_string(SETTING).unwrap_or_default()) {
        return;
    }
    if let Err(error) = give_only_to_those_who_ask() {
        tracing::warn!(
            "disable-thp has no effect: the kernel gives huge pages to all memory and cannot be told otherwise for this \
             process, which needs Linux 6.18 or later ({}). Memory use may be higher than needed; 'echo madvise > {SETTING}' \
             as root changes that for all processes.",
            super::strerror(&error)
        );
    }
}

/// What the kernel says of its setting: the one in brackets holds.
fn are_given_unasked(setting: &str) -> bool {
    setting.contains("[always]")
}

fn give_only_to_those_who_ask() -> io::Result<()> {
    let (on, none): (libc::c_ulong, libc::c_ulong) = (1, 0);
    // SAFETY: takes integers only.
    let done = unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, on, EXCEPT_ADVISED, none, none) };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_in_brackets_holds() {
        assert!(are_given_unasked("[always] madvise never\n"));
        assert!(!are_given_unasked("always [madvise] never\n"));
        assert!(!are_given_unasked(""));
    }

    #[test]
    fn the_kernel_takes_it_or_says_that_it_is_too_old() {
        match give_only_to_those_who_ask() {
            Ok(()) => {
                // SAFETY: takes integers only.
                let now = unsafe { libc::prctl(libc::PR_GET_THP_DISABLE, 0, 0, 0, 0) };
                assert_eq!(now, 1 | EXCEPT_ADVISED as libc::c_int);
            }
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EINVAL)),
        }
    }
}
