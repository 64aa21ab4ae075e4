//! What COMMAND DOCS says about the commands for scripts and functions.

use engine::spec::Docs;

pub static EVAL: Docs = Docs::of("script numkeys:int [key@0...] [arg...]");

pub static EVAL_RO: Docs = Docs::of("script numkeys:int [key@0...] [arg...]");

pub static EVALSHA: Docs = Docs::of("sha1 numkeys:int [key@0...] [arg...]");

pub static EVALSHA_RO: Docs = Docs::of("sha1 numkeys:int [key@0...] [arg...]");

pub static FCALL: Docs = Docs::of("function numkeys:int [key@0...] [arg...]");

pub static FCALL_RO: Docs = Docs::of("function numkeys:int [key@0...] [arg...]");

pub static FUNCTION_DELETE: Docs = Docs::of("library-name");

pub static FUNCTION_FLUSH: Docs = Docs::of("[flush-type<ASYNC|SYNC>]");

pub static FUNCTION_LIST: Docs = Docs::of("[LIBRARYNAME library-name-pattern] [WITHCODE]");

pub static FUNCTION_LOAD: Docs = Docs::of("[REPLACE] function-code");

pub static FUNCTION_RESTORE: Docs = Docs::of("serialized-value [policy<FLUSH|APPEND|REPLACE>]");

pub static SCRIPT_DEBUG: Docs = Docs::of("mode<YES|SYNC|NO>");

pub static SCRIPT_EXISTS: Docs = Docs::of("sha1...");

pub static SCRIPT_FLUSH: Docs = Docs {
    arguments: "[flush-type<ASYNC|SYNC>^6.2.0]",
    history: &[("6.2.0", "The modes `ASYNC` and `SYNC`.")],
    ..Docs::NONE
};

pub static SCRIPT_SHOW: Docs = Docs::of("sha1");

pub static SCRIPT_LOAD: Docs = Docs::of("script");
