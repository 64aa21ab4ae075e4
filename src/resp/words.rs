//! Words with quotes, as redis.conf, redis-cli and inline requests have them.

/// Splits a line into words as redis.conf, redis-cli and inline requests have them: separated by white
/// space, `"..."` with `\n \r \t \b \a \xHH` and `\<any>`, `'...'` with `\'`. `None` if a quote
/// does not close or something other than white space follows a closing one.
pub fn split_words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut i = 0;
    let space = |b: u8| b.is_ascii_whitespace() || b == 0x0b;
    loop {
        while i < line.len() && space(line[i]) {
            i += 1;
        }
        if i >= line.len() || line[i] == 0 {
            return Some(words);
        }
        let mut word = Vec::new();
        while i < line.len() && !space(line[i]) && line[i] != 0 {
            match line[i] {
                b'"' => i = double_quoted(line, i + 1, &mut word)?,
                b'\'' => i = single_quoted(line, i + 1, &mut word)?,
                b => {
                    word.push(b);
                    i += 1;
                    continue;
                }
            }
            // A closing quote ends the word.
            if i < line.len() && !space(line[i]) {
                return None;
            }
            break;
        }
        words.push(word);
    }
}

/// Reads from after `"`; returns the index after the closing one.
fn double_quoted(line: &[u8], mut i: usize, word: &mut Vec<u8>) -> Option<usize> {
    let hex = |i: usize| char::from(*line.get(i)?).to_digit(16);
    loop {
        match *line.get(i)? {
            b'"' => return Some(i + 1),
            b'\\'
                if line.get(i + 1) == Some(&b'x')
                    && hex(i + 2).is_some()
                    && hex(i + 3).is_some() =>
            {
                word.push((hex(i + 2)? * 16 + hex(i + 3)?) as u8);
                i += 4;
            }
            b'\\' if i + 1 < line.len() => {
                word.push(match line[i + 1] {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => other,
                });
                i += 2;
            }
            b => {
                word.push(b);
                i += 1;
            }
        }
    }
}

/// Reads from after `'`; returns the index after the closing one.
fn single_quoted(line: &[u8], mut i: usize, word: &mut Vec<u8>) -> Option<usize> {
    loop {
        match *line.get(i)? {
            b'\'' => return Some(i + 1),
            b'\\' if line.get(i + 1) == Some(&b'\'') => {
                word.push(b'\'');
                i += 2;
            }
            b => {
                word.push(b);
                i += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_follow_the_quoting_of_redis_conf() {
        let cases: &[(&str, &[&[u8]])] = &[
            (
                r#"a "b c" 'd\'e' "\x41\n\"\z""#,
                &[b"a", b"b c", b"d'e", b"A\n\"z"],
            ),
            ("  ", &[]),
            (r#"save """#, &[b"save", b""]),
        ];
        for (line, expected) in cases {
            assert_eq!(
                split_words(line.as_bytes())
                    .as_deref()
                    .map(|w| w.iter().map(Vec::as_slice).collect::<Vec<_>>()),
                Some(expected.to_vec()),
                "{line}"
            );
        }
        assert_eq!(split_words(b"'a"), None);
    }
}
