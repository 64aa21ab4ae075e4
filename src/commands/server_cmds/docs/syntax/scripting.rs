//! What the commands of scripts and functions take.

/// Each command with its arguments, in the order of the names.
pub static SYNTAX: &[(&str, &str)] = &[
    ("eval", "script numkeys:int [key@0...] [arg...]"),
    ("eval_ro", "script numkeys:int [key@0...] [arg...]"),
    ("evalsha", "sha1 numkeys:int [key@0...] [arg...]"),
    ("evalsha_ro", "sha1 numkeys:int [key@0...] [arg...]"),
    ("fcall", "function numkeys:int [key@0...] [arg...]"),
    ("fcall_ro", "function numkeys:int [key@0...] [arg...]"),
    ("function|delete", "library-name"),
    ("function|flush", "[flush-type<ASYNC|SYNC>]"),
    (
        "function|list",
        "[LIBRARYNAME library-name-pattern] [WITHCODE]",
    ),
    ("function|load", "[REPLACE] function-code"),
    (
        "function|restore",
        "serialized-value [policy<FLUSH|APPEND|REPLACE>]",
    ),
    ("script|debug", "mode<YES|SYNC|NO>"),
    ("script|exists", "sha1..."),
    ("script|flush", "[flush-type<ASYNC|SYNC>^6.2.0]"),
    ("script|load", "script"),
];
