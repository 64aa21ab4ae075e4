//! Function libraries: checks whether a source can be one, without running it.

/// The contents of the first line of a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Library<'a> {
    /// The engine, as `lua`.
    pub engine: &'a [u8],
    /// The library's name.
    pub name: &'a [u8],
}

/// Reads the first line of a library: `#!<engine> name=<library>`.
///
/// # Errors
/// The defect, in the words of real servers where they have some.
pub fn check_library(code: &[u8]) -> Result<Library<'_>, &'static str> {
    let shebang = code.strip_prefix(b"#!").ok_or("Missing library metadata")?;
    let line = &shebang[..memchr::memchr(b'\n', shebang).ok_or("Invalid library metadata")?];
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|w| !w.is_empty());
    let engine = words.next().ok_or("Invalid library metadata")?;
    let mut name = None;
    for word in words {
        match word.strip_prefix(b"name=") {
            Some(_) if name.is_some() => {
                return Err("Invalid metadata value, name argument was given multiple times");
            }
            Some(given) => name = Some(given),
            None => return Err("Invalid metadata value given"),
        }
    }
    let name = name.ok_or("Library name was not given")?;
    let good = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    if name.is_empty() || !name.iter().all(good) {
        return Err(
            "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
        );
    }
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err("Engine not found");
    }
    lua_syntax::check(code).map_err(|e| e.what)?;
    if memchr::memmem::find(code, b"register_function").is_none() {
        return Err("No functions registered");
    }
    let mut names = lua_syntax::registered_names(code);
    names.sort_unstable();
    if !names.is_sorted_by(|a, b| a < b) {
        return Err("Function already exists in the library");
    }
    Ok(Library { engine, name })
}

/// The names under which a library registers its functions, as far as its text shows them. They must differ across
/// libraries.
pub fn function_names(code: &[u8]) -> Vec<Vec<u8>> {
    lua_syntax::registered_names(code)
}

/// The source of a library of a release candidate of 7.0 in the form of the release.
pub fn from_pre_ga(name: &[u8], engine: &[u8], code: &[u8]) -> Vec<u8> {
    [
        b"#!",
        &engine.to_ascii_lowercase()[..],
        b" name=",
        name,
        b"\n",
        code,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_names_engine_and_library() {
        let code = b"#!lua name=lib_1\nredis.register_function('f', function() return 1 end)";
        assert_eq!(
            check_library(code),
            Ok(Library {
                engine: b"lua",
                name: b"lib_1"
            })
        );
        assert_eq!(
            check_library(b"#!LUA  name=a\nserver.register_function{}").map(|l| l.name),
            Ok(&b"a"[..])
        );
        let old = from_pre_ga(b"lib", b"LUA", b"redis.register_function('f', f)");
        assert_eq!(
            check_library(&old),
            Ok(Library {
                engine: b"lua",
                name: b"lib"
            })
        );
    }

    #[test]
    fn what_cannot_be_a_library_is_refused() {
        let refused = |code: &[u8]| check_library(code).unwrap_err();
        assert_eq!(refused(b""), "Missing library metadata");
        assert_eq!(refused(b"return 1"), "Missing library metadata");
        assert_eq!(refused(b"#!lua name=a"), "Invalid library metadata");
        assert_eq!(
            refused(b"#!lua\nregister_function"),
            "Library name was not given"
        );
        assert_eq!(
            refused(b"#!lua nam=a\nregister_function"),
            "Invalid metadata value given"
        );
        assert!(refused(b"#!lua name=a name=b\nregister_function").contains("multiple times"));
        assert!(refused(b"#!lua name=a-b\nregister_function").contains("Library names"));
        assert_eq!(
            refused(b"#!js name=a\nregister_function"),
            "Engine not found"
        );
        assert_eq!(
            refused(b"#!lua name=a\nreturn 1"),
            "No functions registered"
        );
    }
}
