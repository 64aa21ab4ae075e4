//! A server's secrets come from the system: what can be predicted is for tests.

use super::{assert_none, files, is_for_tests, product_code, read, root, shown};

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
    let mut found = Vec::new();
    for path in files(&root().join("src"), &[".rs"]) {
        let name = shown(&path);
        if is_for_tests(&path) || KNOWN_KEYS.iter().any(|(file, _)| *file == name) {
            continue;
        }
        for (number, line) in product_code(&read(&path)) {
            if predictable.iter().any(|word| line.contains(word)) {
                found.push(format!("{name}:{number}"));
            }
        }
    }
    assert_none("secrets are drawn from the system", &found);
}
