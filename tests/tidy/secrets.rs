//! A server's secrets come from the system: what can be predicted is for tests.

use super::{assert_none, phrases_in};

/// Product code that may use a key that everybody knows, and why.
const KNOWN_KEYS: [(&str, &str); 4] = [
    ("src/base/secret.rs", "declares them"),
    (
        "src/keyspace/tree/seed.rs",
        "the order of members where no server runs",
    ),
    (
        "src/lua/strings.rs",
        "strings of interpreters where no server runs",
    ),
    (
        "src/tools/diff/entry.rs",
        "only the order in which differences are told follows from it",
    ),
];

#[test]
fn product_code_makes_no_secret_that_can_be_predicted() {
    let predictable = ["HashKey::fixed", "Secrets::predictable"];
    let mut found = phrases_in(&[""], &predictable);
    found.retain(|line| !KNOWN_KEYS.iter().any(|(file, _)| line.starts_with(file)));
    assert_none("secrets are drawn from the system", &found);
}
