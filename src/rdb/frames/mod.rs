//! A file as a sequence of frames: where one ends and the next begins, by lengths only.

pub mod function;
pub mod held;
pub mod record;
pub mod scan;
pub(crate) mod skip;
