//! Secrets in requests: what MONITOR and SLOWLOG show as `(redacted)`.

use super::Args;
use super::table::Entry;

/// The text that replaces a secret.
pub const REDACTED: &[u8] = b"(redacted)";

/// Which arguments of a command are secret.
#[derive(Clone, Copy)]
pub enum Secrets {
    /// None.
    None,
    /// All arguments from this index on.
    From(usize),
    /// Those that a function finds. It calls its second argument with the index of each.
    At(fn(&Args<'_>, &mut dyn FnMut(usize))),
}

/// The arguments of a request as they may be shown.
pub fn shown<'a>(command: &Entry, args: Args<'a>) -> Vec<&'a [u8]> {
    let mut out = args.0.to_vec();
    let mut hide = |i: usize| {
        if let Some(arg) = out.get_mut(i) {
            *arg = REDACTED;
        }
    };
    match command.secrets {
        Secrets::None => {}
        Secrets::From(first) => (first..args.len()).for_each(hide),
        Secrets::At(find) => find(&args, &mut hide),
    }
    out
}
