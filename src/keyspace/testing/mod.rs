//! Random operations on a keyspace and on a model of it, for the tests of this crate and for the fuzz target
//! `keyspace`.
//!
//! * [`random`]: the source of random choices, which is a seed or the fuzzer's input.
//! * [`run`]: the operations. [`held`]: what the model holds for each type of value.
//! * [`image`]: comparing a snapshot with the model as it was at the cut.

pub mod held;
pub mod image;
pub mod random;
pub mod run;

pub use random::Random;
pub use run::Run;
