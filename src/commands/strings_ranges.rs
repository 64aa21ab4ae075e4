//! Parts of strings: APPEND, GETRANGE, SETRANGE, STRLEN.

use super::strings::reply_text;
use crate::manual;
use engine::spec::{Access, Command, Flags, Group, KeyUse, Keys};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::Str;
use keyspace::{Loc, Value, ValueRef};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "append",
        arity: 3,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::ADD),
        group: Group::String,
        since: "2.0.0",
        complexity: "O(1). The amortized time complexity is O(1) assuming the appended value is small and the already present value is of any size, since the dynamic string library used by Redis will double the free space available on every reallocation.",
        summary: "Appends a string to the value of a key. Creates the key if it doesn't exist.",
        docs: &manual::strings::APPEND,
        ..Command::steady(append)
    },
    Command {
        name: "strlen",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::INSPECT),
        group: Group::String,
        since: "2.2.0",
        summary: "Returns the length of a string value.",
        docs: &manual::strings::STRLEN,
        ..Command::steady(strlen)
    },
    Command {
        name: "getrange",
        arity: 4,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::String,
        since: "2.4.0",
        complexity: "O(N) where N is the length of the returned string. The complexity is ultimately determined by the returned length, but because creating a substring from an existing string is very cheap, it can be considered O(1) for small strings.",
        summary: "Returns a substring of the string stored at a key.",
        docs: &manual::strings::GETRANGE,
        ..Command::steady(getrange)
    },
    Command {
        name: "substr",
        arity: 4,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::String,
        complexity: "O(N) where N is the length of the returned string. The complexity is ultimately determined by the returned length, but because creating a substring from an existing string is very cheap, it can be considered O(1) for small strings.",
        summary: "Returns a substring from a string value.",
        docs: &manual::strings::SUBSTR,
        ..Command::steady(substr)
    },
    Command {
        name: "setrange",
        arity: 4,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::String,
        since: "2.2.0",
        complexity: "O(1), not counting the time taken to copy the new string in place. Usually, this string is very small so the amortized complexity is O(1). Otherwise, complexity is O(M) with M being the length of the value argument.",
        summary: "Overwrites a part of a string value with another by an offset. Creates the key if it doesn't exist.",
        docs: &manual::strings::SETRANGE,
        ..Command::steady(setrange)
    },
];

/// What the commands that edit strings ask of their context.
pub(crate) trait RangeContext {
    /// Length of the string at `loc`, in bytes.
    fn string_len(&self, loc: Loc) -> Result<usize, CommandError>;

    /// `Err` if a string would grow beyond `proto-max-bulk-len`.
    fn check_string_size(&self, size: Option<usize>) -> CmdResult;

    /// Opens a string for change, or a new empty one; `f` gets it. Counts are the caller's.
    fn edit_string<R>(
        &mut self,
        key: &[u8],
        found: Option<Loc>,
        f: impl FnOnce(&mut Str) -> R,
    ) -> R;
}

impl RangeContext for Cx<'_> {
    fn string_len(&self, loc: Loc) -> Result<usize, CommandError> {
        match self.value(loc) {
            ValueRef::Str(s) => Ok(s.len()),
            _ => Err(CommandError::WRONG_TYPE),
        }
    }

    fn check_string_size(&self, size: Option<usize>) -> CmdResult {
        let max = self.engine.config.proto_max_bulk_len as usize;
        match size {
            Some(size) if size <= max => Ok(()),
            _ => Err(CommandError::fixed(
                &"ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            )),
        }
    }

    fn edit_string<R>(
        &mut self,
        key: &[u8],
        found: Option<Loc>,
        f: impl FnOnce(&mut Str) -> R,
    ) -> R {
        let db = self.client.db;
        let loc = found.unwrap_or_else(|| {
            let loc = self.db().insert(key, Value::Str(Str::new(b"")), None);
            self.engine.touch(db, loc);
            self.created(key);
            loc
        });
        self.db().edit_with(loc, |value| match value {
            Value::Str(s) => f(s),
            _ => unreachable!("the caller has checked the type"),
        })
    }
}

fn append(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, more) = (&args[1], &args[2]);
    let len = match cx.lookup_write(key) {
        None => {
            // As SET would make it: an integer stays one.
            let db = cx.client.db;
            let loc = cx.db().insert_str(key, more, None);
            cx.engine.touch(db, loc);
            cx.created(key);
            more.len()
        }
        Some(loc) => {
            let old = cx.string_len(loc)?;
            cx.check_string_size(old.checked_add(more.len()))?;
            cx.edit_string(key, Some(loc), |s| s.append(more))
        }
    };
    cx.changed(key, 1);
    cx.notify(Event::String, "append", key);
    cx.client.reply.int(len as i64);
    Ok(())
}

fn strlen(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let len = match cx.lookup(&args[1]) {
        Some(loc) => cx.string_len(loc)?,
        None => 0,
    };
    cx.client.reply.int(len as i64);
    Ok(())
}

fn getrange(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (start, end) = (args.int(2)?, args.int(3)?);
    let found = cx.lookup(&args[1]);
    let reply = &mut cx.client.reply;
    let db = cx.engine.keyspace.db(cx.client.db);
    match found.map(|loc| db.value(loc)) {
        None => reply.bulk(b""),
        Some(ValueRef::Str(s)) => {
            let (start, end) = inclusive(start, end, s.len());
            reply_text(reply, s, start, end);
        }
        Some(_) => return Err(CommandError::WRONG_TYPE),
    }
    Ok(())
}

fn substr(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    getrange(cx, args)
}

/// `start..=end` with negative indexes from the end, as a half-open range within `len`.
pub(super) fn inclusive(start: i64, end: i64, len: usize) -> (usize, usize) {
    let absolute = |i: i64| if i < 0 { i + len as i64 } else { i };
    // An end before the beginning still takes the first byte, unless it is before the start.
    let (first, last) = (
        absolute(start).max(0),
        absolute(end).max(0).min(len as i64 - 1),
    );
    if first > last || (start < 0 && end < 0 && start > end) {
        return (0, 0);
    }
    (first as usize, last as usize + 1)
}

fn setrange(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, part) = (&args[1], &args[3]);
    let offset = usize::try_from(args.int(2)?)
        .map_err(|_| CommandError::fixed(&"ERR offset is out of range"))?;
    let found = cx.lookup_write(key);
    let old = match found {
        Some(loc) => cx.string_len(loc)?,
        None => 0,
    };
    if part.is_empty() {
        cx.client.reply.int(old as i64);
        return Ok(());
    }
    cx.check_string_size(offset.checked_add(part.len()))?;
    let len = cx.edit_string(key, found, |s| s.write_at(offset, part));
    cx.changed(key, 1);
    cx.notify(Event::String, "setrange", key);
    cx.client.reply.int(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check_effects};

    #[test]
    fn ranges_are_inclusive_and_count_from_both_ends() {
        check(&[
            ("SET k \"This is a string\"", "+OK"),
            ("GETRANGE k 0 3", "\"This\""),
            ("GETRANGE k -3 -1", "\"ing\""),
            ("GETRANGE k 0 -1", "\"This is a string\""),
            ("SUBSTR k 10 100", "\"string\""),
            ("GETRANGE k 5 3", "\"\""),
            ("GETRANGE k -1 -5", "\"\""),
            ("GETRANGE k 0 -100", "\"T\""),
            ("GETRANGE k -100 2", "\"Thi\""),
            ("GETRANGE none 0 -1", "\"\""),
            (
                "GETRANGE k a b",
                "-ERR value is not an integer or out of range",
            ),
        ]);
    }

    #[test]
    fn setrange_pads_with_zero_bytes() {
        check(&[
            ("SETRANGE k 3 ab", ":5"),
            ("GET k", "\"\\x00\\x00\\x00ab\""),
            ("SETRANGE k 1 \"\"", ":5"),
            ("SETRANGE none 1 \"\"", ":0"),
            ("EXISTS none", ":0"),
            ("SETRANGE k -1 a", "-ERR offset is out of range"),
            (
                "SETRANGE k 536870912 a",
                "-ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            ),
        ]);
    }

    #[test]
    fn only_what_changed_something_travels() {
        check_effects(&[
            ("APPEND k ab", "APPEND k ab"),
            ("setrange k 1 x", "setrange k 1 x"),
            ("SETRANGE k 1 \"\"", ""),
            ("STRLEN k", ""),
        ]);
    }
}
