//! Glob patterns (KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG GET): `*`, `?`, `[abc]`, `[^a-z]`, `\x`.
//!
//! Time is bounded by pattern length times text length: after a mismatch, matching resumes at the last `*` only,
//! which finds every match that an earlier `*` would find. Oddities of the reference are kept: `*` does not match the
//! empty text, an unclosed class ends with the pattern, and nothing matches a pattern that needs more than
//! [`STARS_MAX`] runs of stars.

/// Runs of `*` that may take part in a match, not counting one that ends the pattern. The reference
/// server calls itself for each of them and gives up when it is this deep (since 7.4.1).
const STARS_MAX: usize = 1000;

/// True if `pattern` matches all of `text`.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    run(pattern, text, |b| b)
}

/// As [`matches()`], letters in any case.
pub fn matches_in_any_case(pattern: &[u8], text: &[u8]) -> bool {
    run(pattern, text, |b| b.to_ascii_lowercase())
}

fn run(pattern: &[u8], text: &[u8], fold: impl Fn(u8) -> u8 + Copy) -> bool {
    let (mut p, mut t) = (0, 0);
    // The position after the last `*` in the pattern, and the one in the text at that time.
    let mut star: Option<(usize, usize)> = None;
    let mut stars = 0;
    loop {
        if p == pattern.len() && t == text.len() {
            return true;
        }
        if p < pattern.len() && t < text.len() {
            if pattern[p] == b'*' {
                p = skip_stars(pattern, p);
                if p == pattern.len() {
                    return true;
                }
                stars += 1;
                if stars > STARS_MAX {
                    return false;
                }
                star = Some((p, t));
                continue;
            }
            if let Some(next) = one(pattern, p, text[t], fold) {
                p = next;
                t += 1;
                if t == text.len() {
                    p = skip_stars(pattern, p);
                }
                continue;
            }
        }
        match star {
            Some((behind, at)) if at + 1 < text.len() => {
                star = Some((behind, at + 1));
                (p, t) = (behind, at + 1);
            }
            _ => return false,
        }
    }
}

fn skip_stars(pattern: &[u8], p: usize) -> usize {
    p + pattern[p..].iter().take_while(|&&b| b == b'*').count()
}

/// Matches one byte against the element at `p`; gives the index after it.
fn one(pattern: &[u8], p: usize, byte: u8, fold: impl Fn(u8) -> u8 + Copy) -> Option<usize> {
    match pattern[p] {
        b'?' => Some(p + 1),
        b'[' => class(pattern, p + 1, byte, fold),
        b'\\' if p + 1 < pattern.len() => (fold(pattern[p + 1]) == fold(byte)).then_some(p + 2),
        other => (fold(other) == fold(byte)).then_some(p + 1),
    }
}

fn class(pattern: &[u8], mut p: usize, byte: u8, fold: impl Fn(u8) -> u8) -> Option<usize> {
    let negated = pattern.get(p) == Some(&b'^');
    p += usize::from(negated);
    let mut found = false;
    loop {
        match pattern[p.min(pattern.len())..] {
            // An escaped byte is compared as it is, whatever the case rule.
            [b'\\', escaped, ..] => {
                found |= escaped == byte;
                p += 2;
            }
            [b']', ..] => {
                p += 1;
                break;
            }
            [] => break,
            [from, b'-', to, ..] => {
                let (from, to) = (fold(from), fold(to));
                found |= (from.min(to)..=from.max(to)).contains(&fold(byte));
                p += 3;
            }
            [other, ..] => {
                found |= fold(other) == fold(byte);
                p += 1;
            }
        }
    }
    (found != negated).then_some(p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_the_reference() {
        // (pattern, text, as KEYS of a real server answers)
        let cases: &[(&str, &str, bool)] = &[
            ("*", "a", true),
            ("*", "", false),
            ("", "", true),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hbllo", true),
            ("h\\?llo", "h?llo", true),
            ("h\\?llo", "hello", false),
            ("a\\", "a\\", true),
            ("[\\]]", "]", true),
            ("[abc", "c", true),
            ("[^", "x", true),
            ("[", "[", false),
            ("a*b*", "ab", true),
            ("a**", "a", true),
            ("*a*a*b", "aaaab", true),
            ("*ab?", "abab", false),
            ("*?", "x", true),
        ];
        for &(pattern, text, expected) in cases {
            assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes()),
                expected,
                "{pattern:?} on {text:?}"
            );
        }
        assert!(matches_in_any_case(b"MAX[A-M]em*", b"maxmemory"));
    }

    #[test]
    fn a_thousand_runs_of_stars_are_the_most() {
        // As `KEYS` of redis-server 7.4.2 and 8.2 answers.
        let text = "a".repeat(3000);
        for (stars, expected) in [(1000, true), (1001, false)] {
            for (unit, end) in [("*a", ""), ("**a", ""), ("*?", ""), ("*a", "*")] {
                let pattern = unit.repeat(stars) + end;
                let matched = matches(pattern.as_bytes(), text.as_bytes());
                assert_eq!(matched, expected, "{unit} {stars} {end}");
            }
        }
    }

    #[test]
    fn a_hostile_pattern_ends_soon() {
        let pattern = "a*".repeat(50_000) + "b";
        assert!(!matches(pattern.as_bytes(), "a".repeat(20_000).as_bytes()));
    }
}
