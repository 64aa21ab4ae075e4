//! What COMMAND DOCS says about the commands for arrays.

use engine::spec::Docs;

pub static ARCOUNT: Docs = Docs::of("key@0");

pub static ARDEL: Docs = Docs::of("key@0 index:int...");

pub static ARDELRANGE: Docs = Docs::of("key@0 range{start:int end:int}...");

pub static ARGET: Docs = Docs::of("key@0 index:int");

pub static ARGETRANGE: Docs = Docs::of("key@0 start:int end:int");

pub static ARGREP: Docs = Docs::of(
    "key@0 start end predicate<exact{exact:EXACT string}|match{match:MATCH string}|glob{glob:GLOB pattern}|re{re:RE pattern}>... \
     [options<AND|OR|LIMIT limit:int|WITHVALUES|NOCASE>...]",
);

pub static ARINFO: Docs = Docs::of("key@0 [FULL]");

pub static ARINSERT: Docs = Docs::of("key@0 value...");

pub static ARLASTITEMS: Docs = Docs::of("key@0 count:int [REV]");

pub static ARLEN: Docs = Docs::of("key@0");

pub static ARMGET: Docs = Docs::of("key@0 index:int...");

pub static ARMSET: Docs = Docs::of("key@0 data{index:int value}...");

pub static ARNEXT: Docs = Docs::of("key@0");

pub static AROP: Docs = Docs::of(
    "key@0 start:int end:int operation<SUM|MIN|MAX|AND|OR|XOR|match{match:MATCH value}|USED>",
);

pub static ARRING: Docs = Docs::of("key@0 size:int value...");

pub static ARSCAN: Docs = Docs::of("key@0 start:int end:int [LIMIT limit:int]");

pub static ARSEEK: Docs = Docs::of("key@0 index:int");

pub static ARSET: Docs = Docs::of("key@0 index:int value...");
