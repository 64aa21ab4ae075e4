//! How bytes and work pass between threads, with bounded memory.
//!
//! * [`window`]: the windows through which a dump is read; [`buffer`]: their memory.
//! * [`queue`]: work that several threads take from one place.

#![forbid(unsafe_code)]

pub mod buffer;
pub mod queue;
pub mod window;
