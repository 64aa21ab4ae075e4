//! The operator's tools.
fn main() {}
