//! The `forebay` command as its users run it: the built binary on real dumps, good and corrupt.

mod check;
mod run;
