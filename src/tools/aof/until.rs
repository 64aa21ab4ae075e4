//! A moment in the past, as the user specifies it.
//!
//! A plain number is a replication offset, which seals record. A time is `@` followed by Unix seconds, optionally with
//! a fraction, or a date and a time of day in UTC: `2026-11-29 10:30:00`, optionally with `T` and `Z`, without seconds,
//! or with a fraction of a second.

use std::fmt;

/// Up to where to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// A position in the replication stream: what was written up to it.
    Offset(u64),
    /// Unix milliseconds: what was written up to it.
    Time(i64),
}

impl Until {
    /// Reads what the user wrote.
    ///
    /// # Errors
    /// With the forms that are understood.
    pub fn parse(text: &str) -> Result<Until, String> {
        let forms = "a replication offset, @UNIX-SECONDS, or 'YYYY-MM-DD HH:MM:SS' in UTC";
        let parsed = match text.strip_prefix('@') {
            Some(seconds) => millis(seconds).map(Until::Time),
            None if text.bytes().all(|b| b.is_ascii_digit()) => {
                text.parse().ok().map(Until::Offset)
            }
            None => date_and_time(text).map(Until::Time),
        };
        parsed.ok_or_else(|| format!("give {forms}"))
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Until::Offset(offset) => write!(f, "offset {offset}"),
            Until::Time(ms) => f.write_str(&crate::text::time(ms.div_euclid(1000))),
        }
    }
}

/// Seconds with up to three decimals; a time without decimals means the whole of its second.
fn millis(text: &str) -> Option<i64> {
    let (seconds, ms) = match text.split_once('.') {
        None => (text, 999),
        Some((seconds, part)) => (seconds, fraction(part)?),
    };
    let digits = !seconds.is_empty() && seconds.bytes().all(|b| b.is_ascii_digit());
    let seconds: i64 = digits.then(|| seconds.parse().ok())??;
    seconds.checked_mul(1000)?.checked_add(ms)
}

/// Milliseconds.
fn fraction(digits: &str) -> Option<i64> {
    let plain = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| format!("{digits:0<3}")[..3].parse().ok())?
}

/// `YYYY-MM-DD HH:MM[:SS[.fff]]`
fn date_and_time(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = text.split_once(['T', ' '])?;
    let [year, month, day] = numbers(date, '-')?[..] else {
        return None;
    };
    let (time, ms) = match time.split_once('.') {
        None => (time, None),
        Some((time, part)) => (time, Some(fraction(part)?)),
    };
    let time = numbers(time, ':')?;
    let (hour, minute, second) = match time[..] {
        // A time without seconds means the whole of its minute.
        [hour, minute] if ms.is_none() => (hour, minute, 59),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let there = (1970..=9999).contains(&year) && (1..=days).contains(&day);
    let there = there && hour < 24 && minute < 60 && second < 60;
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    there.then_some(seconds * 1000 + ms.unwrap_or(999))
}

fn numbers(text: &str, separator: char) -> Option<Vec<i64>> {
    let number = |part: &str| {
        let plain = (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse().ok())?
    };
    text.split(separator).map(number).collect()
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have their leap day at the end.
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    #[test]
    fn offsets_and_times_are_told_apart() {
        let time = |ms| Ok(Until::Time(ms));
        assert_eq!(Until::parse("1234"), Ok(Until::Offset(1234)));
        assert_eq!(Until::parse("@1795945707"), time(1_795_945_707_999));
        assert_eq!(Until::parse("@1795945707.25"), time(1_795_945_707_250));
        assert_eq!(Until::parse("1970-01-02 00:00:01"), time(86_401_999));
        assert_eq!(Until::parse("1970-01-02T00:00:01.5Z"), time(86_401_500));
        assert_eq!(Until::parse("1970-01-01 00:01"), time(119_999));
        for bad in [
            "",
            "@",
            "@-1",
            "x",
            "2026-13-01 00:00",
            "2026-02-29 00:00",
            "2026-01-01",
            "2026-01-01 24:00",
            "1969-01-01 00:00",
            "99999999999999999999",
        ] {
            assert!(Until::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dates_are_those_that_are_printed() {
        for day in (0..80_000).step_by(13) {
            let seconds = day * 86_400 + 3_723;
            let printed = text::time(seconds);
            let named = printed.strip_suffix(" UTC").unwrap();
            let expected = Ok(Until::Time(seconds * 1000 + 999));
            assert_eq!(Until::parse(named), expected, "{printed}");
        }
    }
}
