//! Lua scripts and functions: EVAL, SCRIPT, FUNCTION, FCALL and the like. [`engine::scripting`] runs scripts, and
//! [`lua`] is the interpreter.

pub mod eval;
pub mod fcall;
pub mod function;
pub mod script;
