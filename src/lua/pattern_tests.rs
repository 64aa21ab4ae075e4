//! What patterns match, and how much work it takes.

use super::*;

/// The match of `pattern` in `subject`, and its captures.
fn matched(subject: &str, pattern: &str) -> Result<Option<(String, Vec<String>)>, Error> {
    let mut captures = Captures::new();
    let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
    let found = find(subject, pattern, 0, false, &mut captures, &mut |_| true)?;
    Ok(found.map(|(start, end)| {
        let text = |range: &[u8]| String::from_utf8_lossy(range).into_owned();
        let held = |capture: &Capture| match capture.held {
            Held::Unfinished => "unfinished".to_owned(),
            Held::Position => format!("at {}", capture.start),
            Held::Bytes(len) => text(&subject[capture.start..capture.start + len]),
        };
        let captures = captures.list().iter().map(held).collect();
        (text(&subject[start..end]), captures)
    }))
}

#[test]
fn patterns_match_what_lua_matches() {
    for (subject, pattern, whole, captures) in [
        ("hello", "l+", "ll", &[][..]),
        ("hello", "l-o", "llo", &[]),
        ("hello", "(h)(.-)(l*)o", "hello", &["h", "e", "ll"]),
        (
            "key = value",
            "(%w+)%s*=%s*(%w+)",
            "key = value",
            &["key", "value"],
        ),
        ("aXb", "()%u()", "X", &["at 1", "at 2"]),
        ("f(a(b)c)d", "%b()", "(a(b)c)", &[]),
        ("THE (quick) fox", "%f[%a]%a+%f[%A]", "THE", &[]),
        ("abab", "(ab)%1", "abab", &["ab"]),
        ("a]b", "[]]", "]", &[]),
        ("a-z", "[a%-]+", "a-", &[]),
        ("x^y", "[x^]+", "x^", &[]),
        ("12ab", "[^%d]+", "ab", &[]),
        ("a.b", "%.", ".", &[]),
        ("aaa$", "a$", "", &[]),
        ("", "", "", &[]),
        ("abc", "a(b", "ab", &["unfinished"]),
        ("x\0y", "%z", "\0", &[]),
        ("xyz", "y\0z", "y", &[]),
    ] {
        let found = matched(subject, pattern);
        let expected = match pattern {
            "a$" => None,
            _ => Some((
                whole.to_owned(),
                captures.iter().map(|&c| c.to_owned()).collect(),
            )),
        };
        assert_eq!(found, Ok(expected), "{pattern} in {subject}");
    }
}

#[test]
fn malformed_patterns_are_refused_where_they_are_met() {
    for (subject, pattern, text) in [
        ("a", "%", c"malformed pattern (ends with '%')"),
        ("a", "[a", c"malformed pattern (missing ']')"),
        ("a", "[]", c"malformed pattern (missing ']')"),
        ("a", "[a%", c"malformed pattern (missing ']')"),
        ("a", "%f", c"missing '[' after '%f' in pattern"),
        ("a", "%b(", c"unbalanced pattern"),
        ("a", "a)", c"invalid pattern capture"),
        ("a", "%1", c"invalid capture index"),
        ("a", "(%1)", c"invalid capture index"),
        ("a", "%0", c"invalid capture index"),
    ] {
        assert_eq!(
            matched(subject, pattern),
            Err(Error::Pattern(text)),
            "{pattern}"
        );
    }
    let many = "()".repeat(CAPTURES_MAX);
    assert!(matched("", &many).is_ok());
    let text = c"too many captures";
    assert_eq!(matched("", &(many + "()")), Err(Error::Pattern(text)));
    assert_eq!(matched("b", "a%"), Ok(None));
    let text = c"pattern too complex";
    let deep = "x?".repeat(CHOICES_MAX + 1);
    assert_eq!(
        matched(&"x".repeat(CHOICES_MAX + 1), &deep),
        Err(Error::Pattern(text))
    );
    assert!(matched("x", &deep).is_ok());
}

#[test]
fn a_search_that_takes_for_ever_reports_and_can_be_ended() {
    for (subject, pattern) in [
        ("a".repeat(40), "a?".repeat(40) + &"a".repeat(40)),
        ("x".repeat(4000), ".-.-.-.-b".to_owned()),
        ("x".repeat(4000), ".*.*.*.*b".to_owned()),
        ("(".repeat(100_000), "%b()".to_owned()),
        ("x".repeat(100_000), "(.-)%1y".to_owned()),
        (
            "x".repeat(100_000),
            format!("[{}]*y", "a".repeat(100_000) + "x"),
        ),
    ] {
        let mut reports = 0;
        let mut captures = Captures::new();
        let mut go_on = |steps| {
            assert!((1..1 << 24).contains(&steps));
            reports += 1;
            reports < 100
        };
        let found = find(
            subject.as_bytes(),
            pattern.as_bytes(),
            0,
            false,
            &mut captures,
            &mut go_on,
        );
        assert_eq!((found, reports), (Err(Error::Ended), 100), "{pattern:.20}");
    }
}
