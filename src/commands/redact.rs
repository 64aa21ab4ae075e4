//! Secrets in requests: what MONITOR and SLOWLOG show as `(redacted)`.

use super::Args;
use super::table::Entry;

/// What stands in the place of a secret.
pub const REDACTED: &[u8] = b"(redacted)";

/// Directives whose values nobody shall read in a log.
const SECRET_DIRECTIVES: [&str; 6] = [
    "masterauth",
    "masteruser",
    "primaryauth",
    "primaryuser",
    "requirepass",
    "tls-key-file-pass",
];

/// The arguments of a request as they may be shown.
pub fn shown<'a>(command: &Entry, args: Args<'a>) -> Vec<&'a [u8]> {
    let mut out = args.0.to_vec();
    let mut hide = |i: usize| {
        if let Some(arg) = out.get_mut(i) {
            *arg = REDACTED;
        }
    };
    match command.name {
        "auth" => hide(args.len() - 1),
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
                if SECRET_DIRECTIVES.iter().any(|name| args.is(i, name)) {
                    hide(i + 1);
                }
            }
        }
        "acl|setuser" => (2..args.len()).for_each(hide),
        _ => {}
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::table;

    #[test]
    fn passwords_are_not_shown() {
        for (request, seen) in [
            ("AUTH p", "AUTH (redacted)"),
            ("AUTH u p", "AUTH u (redacted)"),
            (
                "HELLO 3 AUTH u p SETNAME n",
                "HELLO 3 AUTH (redacted) (redacted) SETNAME n",
            ),
            (
                "MIGRATE h 1 k 0 10 COPY AUTH p",
                "MIGRATE h 1 k 0 10 COPY AUTH (redacted)",
            ),
            (
                "MIGRATE h 1 k 0 10 AUTH2 u p KEYS auth b",
                "MIGRATE h 1 k 0 10 AUTH2 (redacted) (redacted) KEYS auth b",
            ),
            (
                "CONFIG SET maxmemory 1 RequirePass p",
                "CONFIG SET maxmemory 1 RequirePass (redacted)",
            ),
            (
                "ACL SETUSER default on",
                "ACL SETUSER (redacted) (redacted)",
            ),
            ("SET auth p", "SET auth p"),
        ] {
            let words: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
            let args = Args(&words);
            let command = table::find(args).expect("it exists");
            let shown = shown(command, args).join(&b' ');
            assert_eq!(String::from_utf8_lossy(&shown), seen);
        }
    }
}
