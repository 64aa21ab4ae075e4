//! A typed command line split into arguments by redis-cli's rules.
//!
//! Words stand between blanks. `"..."` knows `\n \r \t \a \b \\ \"` and `\xHH`; `'...'` knows `\'`.
//! In addition `{N*text}` inside a word stands for `text` repeated N times, so that scripts can
//! name long values.

/// Splits `line`; `None` where a quote is not closed or is followed by something else than a blank.
pub fn split(line: &str) -> Option<Vec<Vec<u8>>> {
    let bytes = line.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        if at == bytes.len() {
            return Some(words);
        }
        let (word, next) = word(bytes, at)?;
        words.push(word);
        at = next;
    }
}

fn word(bytes: &[u8], start: usize) -> Option<(Vec<u8>, usize)> {
    let mut out = Vec::new();
    let mut at = start;
    while let Some(&b) = bytes.get(at) {
        match b {
            b'"' => {
                at = double_quoted(bytes, at + 1, &mut out)?;
                return ends_at(bytes, at).then_some((out, at));
            }
            b'\'' => {
                at = single_quoted(bytes, at + 1, &mut out)?;
                return ends_at(bytes, at).then_some((out, at));
            }
            b'{' => match repeat(&bytes[at..]) {
                Some((text, used)) => {
                    out.extend_from_slice(&text);
                    at += used;
                }
                None => {
                    out.push(b);
                    at += 1;
                }
            },
            b if b.is_ascii_whitespace() => break,
            b => {
                out.push(b);
                at += 1;
            }
        }
    }
    Some((out, at))
}

fn ends_at(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(u8::is_ascii_whitespace)
}

fn double_quoted(bytes: &[u8], mut at: usize, out: &mut Vec<u8>) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => {
                let escaped = *bytes.get(at + 1)?;
                at += 2;
                if escaped == b'x' {
                    let hex = std::str::from_utf8(bytes.get(at..at + 2)?).ok()?;
                    out.push(u8::from_str_radix(hex, 16).ok()?);
                    at += 2;
                } else {
                    out.push(match escaped {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'a' => 7,
                        b'b' => 8,
                        other => other,
                    });
                }
            }
            b => {
                out.push(b);
                at += 1;
            }
        }
    }
}

fn single_quoted(bytes: &[u8], mut at: usize, out: &mut Vec<u8>) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            b'\'' => return Some(at + 1),
            b'\\' if bytes.get(at + 1) == Some(&b'\'') => {
                out.push(b'\'');
                at += 2;
            }
            b => {
                out.push(b);
                at += 1;
            }
        }
    }
}

/// `{N*text}`: the repeated text and how many bytes it took here.
fn repeat(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let close = bytes.iter().position(|&b| b == b'}')?;
    let inner = std::str::from_utf8(&bytes[1..close]).ok()?;
    let (count, text) = inner.split_once('*')?;
    let count: usize = count.parse().ok()?;
    Some((text.repeat(count).into_bytes(), close + 1))
}

/// Bytes as redis-cli shows them: quoted where they are not plain words, `split` reads them back.
pub fn quoted(word: &[u8]) -> String {
    let plain = |b: &u8| b.is_ascii_graphic() && !b"\"'{\\".contains(b);
    if !word.is_empty() && word.iter().all(plain) {
        return String::from_utf8_lossy(word).into_owned();
    }
    let mut out = String::from("\"");
    for &b in word {
        match b {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(b));
            }
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b' '..=b'~' => out.push(char::from(b)),
            _ => out.push_str(&format!("\\x{b:02x}")),
        }
    }
    out.push('"');
    out
}
