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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;
    use config::DIRECTIVES;

    #[test]
    fn every_sensitive_directive_is_hidden_under_each_of_its_names() {
        let sensitive = DIRECTIVES
            .iter()
            .filter(|d| d.flags.contains(Flags::SENSITIVE));
        for name in sensitive.flat_map(|d| d.names()) {
            let request: [&[u8]; 4] = [b"CONFIG", b"SET", name.as_bytes(), b"secret"];
            let command = table::find(Args(&request)).expect("it exists");
            assert_eq!(shown(command, Args(&request))[3], REDACTED, "{name}");
        }
        let passwords = DIRECTIVES
            .iter()
            .filter(|d| ["pass", "auth"].iter().any(|end| d.name.ends_with(end)));
        for directive in passwords {
            assert!(
                directive.flags.contains(Flags::SENSITIVE),
                "{}",
                directive.name
            );
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        for (request, seen) in [
            ("AUTH p", "AUTH (redacted)"),
            ("AUTH u p", "AUTH (redacted) (redacted)"),
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
            ("ACL GETUSER a", "ACL GETUSER (redacted)"),
            ("ACL DELUSER a b", "ACL DELUSER (redacted) (redacted)"),
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
