//! A file as a sequence of frames. Only lengths decide where one ends and the next begins.

pub mod function;
pub mod held;
pub mod record;
pub mod scan;
pub(crate) mod skip;
