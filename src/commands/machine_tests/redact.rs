//! `engine::redact` with the commands of all families.

use config::DIRECTIVES;
use config::directive::Flags;
use engine::Args;
use engine::redact::*;
use engine::table;

#[test]
fn every_sensitive_directive_is_hidden_under_each_of_its_names() {
    engine::table::install(crate::FAMILIES);
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
    engine::table::install(crate::FAMILIES);
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
