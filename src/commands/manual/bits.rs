//! What COMMAND DOCS says about the commands for bitmaps and HyperLogLogs.

use engine::spec::Docs;

pub static BITCOUNT: Docs = Docs {
    arguments: "key@0 [range{start:int end:int [unit<BYTE|BIT>^7.0.0]}]",
    history: &[("7.0.0", "The range may be in bits: `BYTE` or `BIT`.")],
    ..Docs::NONE
};

pub static BITFIELD: Docs = Docs::of(
    "key@0 [operation<GET get-block{encoding offset:int}|write{[OVERFLOW \
         overflow-block<WRAP|SAT|FAIL>] write-operation<SET set-block{encoding offset:int \
         value:int}|INCRBY incrby-block{encoding offset:int increment:int}>}>...]",
);

pub static BITFIELD_RO: Docs = Docs::of("key@0 [GET get-block{encoding offset:int}&...]");

pub static BITOP: Docs =
    Docs::of("operation<AND|OR|XOR|NOT|DIFF|DIFF1|ANDOR|ONE> destkey@0 key@1...");

pub static BITPOS: Docs = Docs {
    arguments: "key@0 bit:int [range{start:int [end-unit-block{end:int [unit<BYTE|BIT>^7.0.0]}]}]",
    history: &[("7.0.0", "The range may be in bits: `BYTE` or `BIT`.")],
    ..Docs::NONE
};

pub static GETBIT: Docs = Docs::of("key@0 offset:int");

pub static PFADD: Docs = Docs::of("key@0 [element...]");

pub static PFCOUNT: Docs = Docs::of("key@0...");

pub static PFDEBUG: Docs = Docs {
    arguments: "subcommand key@0",
    internal: true,
    ..Docs::NONE
};

pub static PFMERGE: Docs = Docs::of("destkey@0 [sourcekey@1...]");

pub static PFSELFTEST: Docs = Docs {
    internal: true,
    ..Docs::NONE
};

pub static SETBIT: Docs = Docs::of("key@0 offset:int value:int");
