//! Lua scripts and functions: EVAL, SCRIPT, FUNCTION, FCALL and the like. How a script runs is a matter of
//! [`engine::scripting`], the interpreter one of [`lua`].

pub mod eval;
pub mod fcall;
pub mod function;
pub mod script;
