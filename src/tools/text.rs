//! Numbers, times and keys for eyes.

use base::secret::{HashKey, Secrets};
/// A count with its digits in groups of three.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A size in decimal units: `999 B`, `1.2 kB`, `34 MB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if n < 1000 {
        return format!("{n} B");
    }
    let (mut x, mut unit) = (n as f64 / 1000.0, 0);
    while x >= 999.5 && unit + 1 < UNITS.len() {
        (x, unit) = (x / 1000.0, unit + 1);
    }
    match x < 9.95 {
        true => format!("{x:.1} {}", UNITS[unit]),
        false => format!("{x:.0} {}", UNITS[unit]),
    }
}

/// "1 key", "2 keys".
pub fn plural(n: u64, noun: &str) -> String {
    match n {
        1 => format!("1 {noun}"),
        _ => format!("{} {noun}s", count(n)),
    }
}

/// A part of a whole: `12.3%`.
pub fn percent(part: u64, whole: u64) -> String {
    match whole {
        0 => "-".into(),
        _ => format!("{:.1}%", part as f64 * 100.0 / whole as f64),
    }
}

/// Printable text unchanged, other bytes as `\xNN`; at most `max` characters of the key's own.
pub fn printable(key: &[u8], max: usize) -> String {
    let shown = |text: &str| -> String {
        let mut out = String::new();
        for c in text.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                c if c.is_control() => {
                    let mut buf = [0; 4];
                    for b in c.encode_utf8(&mut buf).bytes() {
                        out.push_str(&format!("\\x{b:02x}"));
                    }
                }
                c => out.push(c),
            }
        }
        out
    };
    let mut out = String::new();
    let mut left = max;
    for chunk in key.utf8_chunks() {
        let part: String = chunk.valid().chars().take(left).collect();
        left -= part.chars().count();
        out.push_str(&shown(&part));
        for b in chunk.invalid().iter().take(left) {
            out.push_str(&format!("\\x{b:02x}"));
            left -= 1;
        }
        if left == 0 {
            break;
        }
    }
    if left == 0 && key.len() > max {
        out.push_str(&format!("... ({} bytes)", key.len()));
    }
    out
}

/// Unix seconds as `2024-03-01 12:34:56 UTC`; times beyond the year 9999 as a number.
pub fn time(unix_s: i64) -> String {
    const LAST: i64 = 253_402_300_799;
    if !(0..=LAST).contains(&unix_s) {
        return format!("{unix_s} s");
    }
    let (days, rest) = (unix_s / 86_400, unix_s % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest % 3600 / 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Days since 1970 as a date of the Gregorian calendar (Hinnant's `civil_from_days`, for days from 0).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Unix time now, milliseconds.
pub fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| d.as_millis() as i64)
}

/// A key for hashes that the author of the input cannot know.
///
/// # Panics
/// If the system has no random numbers to give.
pub fn hash_key() -> HashKey {
    let secrets = Secrets::of_the_system();
    secrets.expect("the system has random numbers").hash_key()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_sizes_are_short_and_readable() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1234567, "1,234,567"),
        ] {
            assert_eq!(count(n), text);
        }
        for (n, text) in [
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (9_960, "10 kB"),
            (999_600, "1.0 MB"),
            (34_000_000, "34 MB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (s, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_709_251_200, "2024-03-01 00:00:00 UTC"),
            (4_102_444_799, "2099-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(time(s), text);
        }
        assert_eq!(time(-5), "-5 s");
    }

    #[test]
    fn odd_bytes_are_shown_as_such_and_long_keys_cut() {
        assert_eq!(printable(b"a\x00\xff\\", 99), "a\\x00\\xff\\\\");
        assert_eq!(printable("zürich".as_bytes(), 99), "zürich");
        assert_eq!(printable(b"abcdef", 3), "abc... (6 bytes)");
        assert_eq!(printable(b"abc", 3), "abc");
    }
}
