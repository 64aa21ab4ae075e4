//! Secrets in requests: what MONITOR and SLOWLOG show as `(redacted)`.

use super::Args;
use super::table::Entry;
use config::directive::Flags;

/// The text that replaces a secret.
pub const REDACTED: &[u8] = b"(redacted)";

/// The arguments of a request as they may be shown.
pub fn shown<'a>(command: &Entry, args: Args<'a>) -> Vec<&'a [u8]> {
    let mut out = args.0.to_vec();
    let mut hide = |i: usize| {
        if let Some(arg) = out.get_mut(i) {
            *arg = REDACTED;
        }
    };
    match command.name {
        "auth" => (1..args.len()).for_each(hide),
        "hello" => {
            if let Some(at) = (2..args.len()).find(|i| args.is(*i, "AUTH")) {
                hide(at + 1);
                hide(at + 2);
            }
        }
        "migrate" => {
            let mut i = 6;
            while i < args.len() && !args.is(i, "KEYS") {
                let secrets = match () {
                    () if args.is(i, "AUTH") => 1,
                    () if args.is(i, "AUTH2") => 2,
                    () => 0,
                };
                (i + 1..=i + secrets).for_each(&mut hide);
                i += 1 + secrets;
            }
        }
        "config|set" => {
            for i in (2..args.len()).step_by(2) {
                let name = std::str::from_utf8(&args[i]).unwrap_or_default();
                let directive = config::directive(name);
                if directive.is_some_and(|d| d.flags.contains(Flags::SENSITIVE)) {
                    hide(i + 1);
                }
            }
        }
        "acl|setuser" | "acl|deluser" | "acl|getuser" => (2..args.len()).for_each(hide),
        _ => {}
    }
    out
}
