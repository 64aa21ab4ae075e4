//! What a script declares about itself: the first line `#!lua name=.. flags=..`, and the flags of functions.

use bitflags::bitflags;

bitflags! {
    /// Flags of scripts and functions.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct ScriptFlags: u8 {
        /// Never writes.
        const NO_WRITES = 1;
        /// Runs though memory is above `maxmemory`.
        const ALLOW_OOM = 1 << 1;
        /// Runs on a replica whose data may be stale.
        const ALLOW_STALE = 1 << 2;
        /// Not in a cluster.
        const NO_CLUSTER = 1 << 3;
        /// Keys of several slots.
        const ALLOW_CROSS_SLOT = 1 << 4;
        /// A script without such a first line: its permissions are checked command by command.
        const COMPAT = 1 << 7;
    }
}

/// The names of the flags.
const NAMES: [(&str, ScriptFlags); 5] = [
    ("no-writes", ScriptFlags::NO_WRITES),
    ("allow-oom", ScriptFlags::ALLOW_OOM),
    ("allow-stale", ScriptFlags::ALLOW_STALE),
    ("no-cluster", ScriptFlags::NO_CLUSTER),
    ("allow-cross-slot-keys", ScriptFlags::ALLOW_CROSS_SLOT),
];

impl ScriptFlags {
    /// The flag of that name.
    pub fn by_name(name: &[u8]) -> Option<ScriptFlags> {
        let found = NAMES.iter().find(|(n, _)| n.as_bytes() == name);
        found.map(|(_, flag)| *flag)
    }

    /// The names of those that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let set = NAMES.iter().filter(move |(_, flag)| self.contains(*flag));
        set.map(|(name, _)| *name)
    }
}

/// The flags of an EVAL script, and where its code begins (at the end of the first line, so that line numbers
/// stay).
///
/// # Errors
/// The text of the error reply, without its code.
pub fn of_script(source: &[u8]) -> Result<(ScriptFlags, usize), String> {
    if !source.starts_with(b"#!") {
        return Ok((ScriptFlags::COMPAT, 0));
    }
    let Some(end) = memchr::memchr(b'\n', source) else {
        return Err("Invalid script shebang".into());
    };
    let words = split(&source[..end]).ok_or("Invalid engine in script shebang")?;
    let Some((engine, options)) = words.split_first() else {
        return Err("Invalid engine in script shebang".into());
    };
    if engine.as_slice() != b"#!lua" {
        let name = String::from_utf8_lossy(engine);
        return Err(format!("Unexpected engine in script shebang: {name}"));
    }
    let mut flags = ScriptFlags::empty();
    for option in options {
        let Some(list) = option.strip_prefix(b"flags=") else {
            let option = String::from_utf8_lossy(option);
            return Err(format!("Unknown lua shebang option: {option}"));
        };
        for name in list.split(|&b| b == b',').filter(|name| !name.is_empty()) {
            flags |= ScriptFlags::by_name(name).ok_or_else(|| {
                let name = String::from_utf8_lossy(name);
                format!("Unexpected flag in script shebang: {name}")
            })?;
        }
    }
    Ok((flags, end))
}

/// The name of a library, and where its code begins.
///
/// # Errors
/// The text of the error reply, without its code.
pub fn of_library(source: &[u8]) -> Result<(Vec<u8>, usize), String> {
    if !source.starts_with(b"#!") {
        return Err("Missing library metadata".into());
    }
    let Some(end) = memchr::memchr(b'\n', source) else {
        return Err("Invalid library metadata".into());
    };
    let words = split(&source[..end]).ok_or("Invalid library metadata")?;
    let Some((engine, options)) = words.split_first() else {
        return Err("Invalid library metadata".into());
    };
    let mut name = None;
    for option in options {
        match option.get(..5) {
            Some(field) if field.eq_ignore_ascii_case(b"name=") => {
                if name.is_some() {
                    return Err(
                        "Invalid metadata value, name argument was given multiple times".into(),
                    );
                }
                name = Some(option[5..].to_vec());
            }
            _ => {
                let option = String::from_utf8_lossy(option);
                return Err(format!("Invalid metadata value given: {option}"));
            }
        }
    }
    let name = name.ok_or("Library name was not given")?;
    if !is_name(&name) {
        return Err(BAD_NAME.into());
    }
    if !engine[2..].eq_ignore_ascii_case(b"lua") {
        let engine = String::from_utf8_lossy(&engine[2..]);
        return Err(format!("Engine '{engine}' not found"));
    }
    Ok((name, end))
}

/// What is wrong with a name that [`is_name`] does not take.
pub const BAD_NAME: &str = "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";

/// Letters, digits and underscores.
pub fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// Words between blanks; with quotes as `redis-cli` takes them. `None` for quotes that do not match.
fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut words, mut at) = (Vec::new(), 0);
    let peek = |at: usize| line.get(at).copied();
    loop {
        while peek(at).is_some_and(|b| b.is_ascii_whitespace()) {
            at += 1;
        }
        if peek(at).is_none() {
            return Some(words);
        }
        let mut word = Vec::new();
        while let Some(byte) = peek(at).filter(|b| !b.is_ascii_whitespace()) {
            at += 1;
            if byte != b'"' && byte != b'\'' {
                word.push(byte);
                continue;
            }
            loop {
                let quoted = peek(at)?;
                at += 1;
                if quoted == byte {
                    break;
                }
                let escaped = peek(at).filter(|_| quoted == b'\\');
                match (byte, escaped) {
                    (b'"', Some(b'x')) => {
                        let digits = line.get(at + 1..at + 3)?;
                        let digits = std::str::from_utf8(digits).ok()?;
                        word.push(u8::from_str_radix(digits, 16).ok()?);
                        at += 3;
                    }
                    (b'"', Some(escaped)) => {
                        word.push(match escaped {
                            b'n' => b'\n',
                            b'r' => b'\r',
                            b't' => b'\t',
                            b'b' => 8,
                            b'a' => 7,
                            other => other,
                        });
                        at += 1;
                    }
                    (_, Some(b'\'')) => {
                        word.push(b'\'');
                        at += 1;
                    }
                    _ => word.push(quoted),
                }
            }
            // What follows a closing quote must be a blank or the end.
            if peek(at).is_some_and(|b| !b.is_ascii_whitespace()) {
                return None;
            }
        }
        words.push(word);
    }
}
