//! The server: `forebay-server [CONF] [--directive value...]`.
fn main() {}
