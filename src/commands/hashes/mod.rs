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

use engine::spec::{Access, Command, Flags, Group, KeyUse, Keys};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "hset",
        arity: -4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is called with multiple field/value pairs.",
        summary: "Creates or modifies the value of a field in a hash.",
        ..Command::runs(fields::hset)
    },
    Command {
        name: "hsetnx",
        arity: 4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::ADD),
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1)",
        summary: "Sets the value of a field in a hash only when the field doesn't exist.",
        ..Command::runs(fields::hsetnx)
    },
    Command {
        name: "hmset",
        arity: -4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields being set.",
        summary: "Sets the values of multiple fields.",
        ..Command::runs(fields::hmset)
    },
    Command {
        name: "hget",
        arity: 3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1)",
        summary: "Returns the value of a field in a hash.",
        ..Command::runs(fields::hget)
    },
    Command {
        name: "hmget",
        arity: -3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields being requested.",
        summary: "Returns the values of all fields in a hash.",
        ..Command::runs(fields::hmget)
    },
    Command {
        name: "hdel",
        arity: -3,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::REMOVE_PART),
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields to be removed.",
        summary: "Deletes one or more fields and their values from a hash. Deletes the hash if no fields remain.",
        ..Command::runs(fields::hdel)
    },
    Command {
        name: "hlen",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::INSPECT),
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1)",
        summary: "Returns the number of fields in a hash.",
        ..Command::runs(fields::hlen)
    },
    Command {
        name: "hstrlen",
        arity: 3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::INSPECT),
        group: Group::Hash,
        since: "3.2.0",
        complexity: "O(1)",
        summary: "Returns the length of the value of a field.",
        ..Command::runs(fields::hstrlen)
    },
    Command {
        name: "hexists",
        arity: 3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::INSPECT),
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1)",
        summary: "Determines whether a field exists in a hash.",
        ..Command::runs(fields::hexists)
    },
    Command {
        name: "hgetall",
        arity: 2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the size of the hash.",
        summary: "Returns all fields and values in a hash.",
        tips: &["nondeterministic_output_order"],
        ..Command::runs(walk::hgetall)
    },
    Command {
        name: "hkeys",
        arity: 2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the size of the hash.",
        summary: "Returns all fields in a hash.",
        tips: &["nondeterministic_output_order"],
        ..Command::runs(walk::hkeys)
    },
    Command {
        name: "hvals",
        arity: 2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the size of the hash.",
        summary: "Returns all values in a hash.",
        tips: &["nondeterministic_output_order"],
        ..Command::runs(walk::hvals)
    },
    Command {
        name: "hincrby",
        arity: 4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_UPDATE),
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1)",
        summary: "Increments the integer value of a field in a hash by a number. Uses 0 as initial value if the field doesn't exist.",
        ..Command::runs(fields::hincrby)
    },
    Command {
        name: "hincrbyfloat",
        arity: 4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_UPDATE),
        group: Group::Hash,
        since: "2.6.0",
        complexity: "O(1)",
        summary: "Increments the floating point value of a field by a number. Uses 0 as initial value if the field doesn't exist.",
        ..Command::runs(fields::hincrbyfloat)
    },
    Command {
        name: "hrandfield",
        arity: -2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Hash,
        since: "6.2.0",
        complexity: "O(N) where N is the number of fields returned",
        summary: "Returns one or more random fields from a hash.",
        tips: &["nondeterministic_output"],
        ..Command::runs(walk::hrandfield)
    },
    Command {
        name: "hscan",
        arity: -3,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Hash,
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
        summary: "Iterates over fields and values of a hash.",
        tips: &["nondeterministic_output"],
        ..Command::runs(walk::hscan)
    },
    Command {
        name: "hexpire",
        arity: -6,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Set expiry for hash field using relative time to expire (seconds)",
        ..Command::runs(expire::hexpire)
    },
    Command {
        name: "hpexpire",
        arity: -6,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Set expiry for hash field using relative time to expire (milliseconds)",
        ..Command::runs(expire::hpexpire)
    },
    Command {
        name: "hexpireat",
        arity: -6,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Set expiry for hash field using an absolute Unix timestamp (seconds)",
        ..Command::runs(expire::hexpireat)
    },
    Command {
        name: "hpexpireat",
        arity: -6,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Set expiry for hash field using an absolute Unix timestamp (milliseconds)",
        ..Command::runs(expire::hpexpireat)
    },
    Command {
        name: "httl",
        arity: -5,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Returns the TTL in seconds of a hash field.",
        tips: &["nondeterministic_output"],
        ..Command::runs(expire::httl)
    },
    Command {
        name: "hpttl",
        arity: -5,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Returns the TTL in milliseconds of a hash field.",
        tips: &["nondeterministic_output"],
        ..Command::runs(expire::hpttl)
    },
    Command {
        name: "hexpiretime",
        arity: -5,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Returns the expiration time of a hash field as a Unix timestamp, in seconds.",
        ..Command::runs(expire::hexpiretime)
    },
    Command {
        name: "hpexpiretime",
        arity: -5,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Returns the expiration time of a hash field as a Unix timestamp, in msec.",
        ..Command::runs(expire::hpexpiretime)
    },
    Command {
        name: "hpersist",
        arity: -5,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Removes the expiration time for each specified field",
        ..Command::runs(expire::hpersist)
    },
    Command {
        name: "hgetex",
        arity: -5,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Noted(
            Access::READ_UPDATE,
            "RW and UPDATE because it changes the TTL",
        ),
        group: Group::Hash,
        since: "8.0.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Get the value of one or more fields of a given hash key, and optionally set their expiration.",
        ..Command::runs(with_expiry::hgetex)
    },
    Command {
        name: "hsetex",
        arity: -6,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::Hash,
        since: "8.0.0",
        complexity: "O(N) where N is the number of fields being set.",
        summary: "Set the value of one or more fields of a given hash key, and optionally set their expiration.",
        ..Command::runs(with_expiry::hsetex)
    },
    Command {
        name: "hgetdel",
        arity: -5,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_DELETE),
        group: Group::Hash,
        since: "8.0.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Returns the value of a field and deletes it from the hash.",
        ..Command::runs(with_expiry::hgetdel)
    },
];
