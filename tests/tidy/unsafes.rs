//! A comment on unsafe code says what holds at its own place.

use super::{assert_none, files, read, root, shown};

/// Beginnings that send the reader elsewhere.
const ELSEWHERE: [&str; 7] = [
    "as above",
    "as before",
    "the same",
    "see above",
    "called by Lua",
    "the caller's.",
    "the caller's promise",
];

#[test]
fn safety_comments_say_themselves_what_holds() {
    let mut found = Vec::new();
    for path in files(&root().join("src"), &[".rs"]) {
        for (number, line) in (1..).zip(read(&path).lines()) {
            let Some((_, says)) = line.split_once("// SAFETY: ") else {
                continue;
            };
            if ELSEWHERE.iter().any(|begin| says.starts_with(begin)) {
                found.push(format!("{}:{number}: {says}", shown(&path)));
            }
        }
    }
    assert_none("comments on unsafe code that lean on others", &found);
}
