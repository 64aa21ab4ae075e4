//! What the commands of bitmaps and HyperLogLogs take.

/// Each command with its arguments, in the order of the names.
pub static SYNTAX: &[(&str, &str)] = &[
    (
        "bitcount",
        "key@0 [range{start:int end:int [unit<BYTE|BIT>^7.0.0]}]",
    ),
    (
        "bitfield",
        "key@0 [operation<GET get-block{encoding offset:int}|write{[OVERFLOW \
         overflow-block<WRAP|SAT|FAIL>] write-operation<SET set-block{encoding offset:int \
         value:int}|INCRBY incrby-block{encoding offset:int increment:int}>}>...]",
    ),
    (
        "bitfield_ro",
        "key@0 [GET get-block{encoding offset:int}&...]",
    ),
    (
        "bitop",
        "operation<AND|OR|XOR|NOT|DIFF|DIFF1|ANDOR|ONE> destkey@0 key@1...",
    ),
    (
        "bitpos",
        "key@0 bit:int [range{start:int [end-unit-block{end:int [unit<BYTE|BIT>^7.0.0]}]}]",
    ),
    ("getbit", "key@0 offset:int"),
    ("pfadd", "key@0 [element...]"),
    ("pfcount", "key@0..."),
    ("pfdebug", "subcommand key@0"),
    ("pfmerge", "destkey@0 [sourcekey@1...]"),
    ("setbit", "key@0 offset:int value:int"),
];
