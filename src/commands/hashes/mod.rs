//! Hashes: HSET and family, and the expiry of single fields.
//!
//! * [`fields`]: reading and writing fields.
//! * [`walk`]: HGETALL, HKEYS, HVALS, HSCAN, HRANDFIELD.
//! * [`expire`], [`with_expiry`]: the expiry of fields.

mod expire;
mod fields;
#[cfg(test)]
mod tests;
mod walk;
mod with_expiry;

use engine::spec::{Command, Flags, Group, Keys};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "hset",
        arity: -4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is called with multiple field/value pairs.",
        summary: "Creates or modifies the value of a field in a hash.",
        run: fields::hset,
        ..Command::DEFAULT
    },
    Command {
        name: "hsetnx",
        arity: 4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1)",
        summary: "Sets the value of a field in a hash only when the field doesn't exist.",
        run: fields::hsetnx,
        ..Command::DEFAULT
    },
    Command {
        name: "hmset",
        arity: -4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields being set.",
        summary: "Sets the values of multiple fields.",
        run: fields::hmset,
        ..Command::DEFAULT
    },
    Command {
        name: "hget",
        arity: 3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1)",
        summary: "Returns the value of a field in a hash.",
        run: fields::hget,
        ..Command::DEFAULT
    },
    Command {
        name: "hmget",
        arity: -3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields being requested.",
        summary: "Returns the values of all fields in a hash.",
        run: fields::hmget,
        ..Command::DEFAULT
    },
    Command {
        name: "hdel",
        arity: -3,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields to be removed.",
        summary: "Deletes one or more fields and their values from a hash. Deletes the hash if no fields remain.",
        run: fields::hdel,
        ..Command::DEFAULT
    },
    Command {
        name: "hlen",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1)",
        summary: "Returns the number of fields in a hash.",
        run: fields::hlen,
        ..Command::DEFAULT
    },
    Command {
        name: "hstrlen",
        arity: 3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "3.2.0",
        complexity: "O(1)",
        summary: "Returns the length of the value of a field.",
        run: fields::hstrlen,
        ..Command::DEFAULT
    },
    Command {
        name: "hexists",
        arity: 3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1)",
        summary: "Determines whether a field exists in a hash.",
        run: fields::hexists,
        ..Command::DEFAULT
    },
    Command {
        name: "hgetall",
        arity: 2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the size of the hash.",
        summary: "Returns all fields and values in a hash.",
        run: walk::hgetall,
        ..Command::DEFAULT
    },
    Command {
        name: "hkeys",
        arity: 2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the size of the hash.",
        summary: "Returns all fields in a hash.",
        run: walk::hkeys,
        ..Command::DEFAULT
    },
    Command {
        name: "hvals",
        arity: 2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the size of the hash.",
        summary: "Returns all values in a hash.",
        run: walk::hvals,
        ..Command::DEFAULT
    },
    Command {
        name: "hincrby",
        arity: 4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1)",
        summary: "Increments the integer value of a field in a hash by a number. Uses 0 as initial value if the field doesn't exist.",
        run: fields::hincrby,
        ..Command::DEFAULT
    },
    Command {
        name: "hincrbyfloat",
        arity: 4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "2.6.0",
        complexity: "O(1)",
        summary: "Increments the floating point value of a field by a number. Uses 0 as initial value if the field doesn't exist.",
        run: fields::hincrbyfloat,
        ..Command::DEFAULT
    },
    Command {
        name: "hrandfield",
        arity: -2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        group: Group::Hash,
        since: "6.2.0",
        complexity: "O(N) where N is the number of fields returned",
        summary: "Returns one or more random fields from a hash.",
        run: walk::hrandfield,
        ..Command::DEFAULT
    },
    Command {
        name: "hscan",
        arity: -3,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        group: Group::Hash,
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
        summary: "Iterates over fields and values of a hash.",
        run: walk::hscan,
        ..Command::DEFAULT
    },
    Command {
        name: "hexpire",
        arity: -6,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Set expiry for hash field using relative time to expire (seconds)",
        run: expire::hexpire,
        ..Command::DEFAULT
    },
    Command {
        name: "hpexpire",
        arity: -6,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Set expiry for hash field using relative time to expire (milliseconds)",
        run: expire::hpexpire,
        ..Command::DEFAULT
    },
    Command {
        name: "hexpireat",
        arity: -6,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Set expiry for hash field using an absolute Unix timestamp (seconds)",
        run: expire::hexpireat,
        ..Command::DEFAULT
    },
    Command {
        name: "hpexpireat",
        arity: -6,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Set expiry for hash field using an absolute Unix timestamp (milliseconds)",
        run: expire::hpexpireat,
        ..Command::DEFAULT
    },
    Command {
        name: "httl",
        arity: -5,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Returns the TTL in seconds of a hash field.",
        run: expire::httl,
        ..Command::DEFAULT
    },
    Command {
        name: "hpttl",
        arity: -5,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Returns the TTL in milliseconds of a hash field.",
        run: expire::hpttl,
        ..Command::DEFAULT
    },
    Command {
        name: "hexpiretime",
        arity: -5,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Returns the expiration time of a hash field as a Unix timestamp, in seconds.",
        run: expire::hexpiretime,
        ..Command::DEFAULT
    },
    Command {
        name: "hpexpiretime",
        arity: -5,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Returns the expiration time of a hash field as a Unix timestamp, in msec.",
        run: expire::hpexpiretime,
        ..Command::DEFAULT
    },
    Command {
        name: "hpersist",
        arity: -5,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Removes the expiration time for each specified field",
        run: expire::hpersist,
        ..Command::DEFAULT
    },
    Command {
        name: "hgetex",
        arity: -5,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "8.0.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Get the value of one or more fields of a given hash key, and optionally set their expiration.",
        run: with_expiry::hgetex,
        ..Command::DEFAULT
    },
    Command {
        name: "hsetex",
        arity: -6,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "8.0.0",
        complexity: "O(N) where N is the number of fields being set.",
        summary: "Set the value of one or more fields of a given hash key, and optionally set their expiration.",
        run: with_expiry::hsetex,
        ..Command::DEFAULT
    },
    Command {
        name: "hgetdel",
        arity: -5,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Hash,
        since: "8.0.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Returns the value of a field and deletes it from the hash.",
        run: with_expiry::hgetdel,
        ..Command::DEFAULT
    },
];
