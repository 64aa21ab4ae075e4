//! One line of a log of Redis, Valkey or Forebay.
//!
//! ```text
//! 1248:M 22 Nov 2026 08:49:09.912 * text                             as all of them write by default; local time
//! 1248:M 2026-11-22T08:49:09.912345+01:00 * text                     log-timestamp-format iso8601
//! 1248:M 1795337349912 * text                                        log-timestamp-format milliseconds
//! pid=1248 role=primary timestamp="..." level=notice message="text"  Valkey's log-format logfmt
//! ```
//!
//! Text that a journal or a container puts before the process number is skipped. Banners and broken lines are ignored.

/// A line that is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Unix time in µs; a time without a zone is taken as UTC.
    pub unix_us: i64,
    /// Digits that the time has: 1000 = milliseconds.
    pub grain_us: i64,
    /// The time says its zone.
    pub zoned: bool,
    /// The process.
    pub pid: u32,
    /// `M`, `S`, `C`, `X`.
    pub role: char,
    /// A warning (`#`), the gravest level there is.
    pub warning: bool,
    /// Without time and level.
    pub text: String,
}

/// Parses a line; `None` if it has not the form of one.
pub fn parse(line: &str) -> Option<Line> {
    if line.contains("timestamp=") {
        return logfmt(line);
    }
    // Behind what a journal writes: the first word that is `<digits>:<role>`.
    let mut from = 0;
    loop {
        let word_end = line[from..].find(' ').map(|n| from + n)?;
        if let Some((pid, role)) = process(&line[from..word_end]) {
            return plain(pid, role, &line[word_end + 1..]);
        }
        from = word_end + 1;
        // Half a line of other things is no longer a prefix.
        if from > 200 {
            return None;
        }
    }
}

fn process(word: &str) -> Option<(u32, char)> {
    let (pid, role) = word.split_once(':')?;
    let mut letters = role.chars();
    let letter = letters.next()?;
    let known = matches!(letter, 'M' | 'S' | 'C' | 'X') && letters.next().is_none();
    Some((pid.parse().ok().filter(|_| known)?, letter))
}

fn plain(pid: u32, role: char, rest: &str) -> Option<Line> {
    let first = rest.split(' ').next()?;
    let words = match first {
        _ if first.contains('T') || first.len() >= 10 => 1,
        _ => 4,
    };
    let (stamp, rest) = split_words(rest, words)?;
    let (unix_us, grain_us, zoned) = time(stamp)?;
    let (level, text) = rest.split_once(' ').unwrap_or((rest, ""));
    if !matches!(level, "." | "-" | "*" | "#") {
        return None;
    }
    Some(Line {
        unix_us,
        grain_us,
        zoned,
        pid,
        role,
        warning: level == "#",
        text: text.trim_end().to_owned(),
    })
}

fn split_words(text: &str, words: usize) -> Option<(&str, &str)> {
    let mut spaces = text.match_indices(' ');
    let (at, _) = spaces.nth(words - 1)?;
    Some((&text[..at], &text[at + 1..]))
}

fn logfmt(line: &str) -> Option<Line> {
    let field = |name: &str| {
        let at = line.find(&format!("{name}="))? + name.len() + 1;
        let rest = &line[at..];
        match rest.strip_prefix('"') {
            Some(quoted) if name == "message" => {
                Some(quoted.trim_end().strip_suffix('"').unwrap_or(quoted))
            }
            Some(quoted) => quoted.split('"').next(),
            None => rest.split(' ').next(),
        }
    };
    let (unix_us, grain_us, zoned) = time(field("timestamp")?)?;
    let role = match field("role")? {
        "primary" | "master" => 'M',
        "replica" | "slave" => 'S',
        "sentinel" => 'X',
        _ => 'C',
    };
    Some(Line {
        unix_us,
        grain_us,
        zoned,
        pid: field("pid")?.parse().ok()?,
        role,
        warning: field("level") == Some("warning"),
        text: field("message")?.to_owned(),
    })
}

/// A time in one of the three forms: µs, grain, whether the zone is known.
fn time(text: &str) -> Option<(i64, i64, bool)> {
    if let Ok(ms) = text.parse::<i64>() {
        // Milliseconds since 1970 have 12 to 14 digits for a long time.
        return (11..=14)
            .contains(&text.len())
            .then_some((ms * 1000, 1000, true));
    }
    if let Some((date, clock)) = text.split_once('T') {
        let mut parts = date.splitn(3, '-').map(str::parse::<i64>);
        let (y, m, d) = (
            parts.next()?.ok()?,
            parts.next()?.ok()?,
            parts.next()?.ok()?,
        );
        let zone_at = clock.find(['+', '-', 'Z']).unwrap_or(clock.len());
        let (clock, zone) = clock.split_at(zone_at);
        let (us, grain) = clock_us(clock)?;
        let days = days(y, m, d)?;
        let zone_us = zone_us(zone)?;
        let at = days * 86_400_000_000 + us - zone_us.unwrap_or(0);
        return Some((at, grain, zone_us.is_some()));
    }
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let mut words = text.split(' ');
    let day = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = MONTHS
        .find(name)
        .filter(|at| at % 3 == 0 && name.len() == 3)?
        / 3
        + 1;
    let year = words.next()?.parse().ok()?;
    let (us, grain) = clock_us(words.next()?)?;
    let days = days(year, month as i64, day)?;
    Some((days * 86_400_000_000 + us, grain, false))
}

/// `HH:MM:SS.fraction` in µs, and the grain of the fraction.
fn clock_us(text: &str) -> Option<(i64, i64)> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let mut parts = whole.splitn(3, ':').map(str::parse::<i64>);
    let (h, m, s) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    if !(0..24).contains(&h) || !(0..60).contains(&m) || !(0..61).contains(&s) {
        return None;
    }
    let digits = fraction.len().min(6) as u32;
    let value: i64 = match digits {
        0 => 0,
        _ => fraction.get(..digits as usize)?.parse().ok()?,
    };
    let grain = 10_i64.pow(6 - digits);
    Some((((h * 60 + m) * 60 + s) * 1_000_000 + value * grain, grain))
}

/// `+01:00`, `+0100`, `Z` in µs; `Some(None)` if there is none.
fn zone_us(text: &str) -> Option<Option<i64>> {
    match text {
        "" => return Some(None),
        "Z" => return Some(Some(0)),
        _ => {}
    }
    let (sign, rest) = text.split_at_checked(1)?;
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes: i64 = if minutes.is_empty() {
        0
    } else {
        minutes.parse().ok()?
    };
    let total = (hours.parse::<i64>().ok()? * 60 + minutes) * 60_000_000;
    Some(Some(if sign == "-" { -total } else { total }))
}

/// Days since 1970 of a date of the Gregorian calendar (Hinnant's `days_from_civil`, for years from 1).
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year / 400, year % 400);
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some(era * 146_097 + of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: i64 = 1_795_337_349_912_000;

    #[test]
    fn the_same_instant_is_read_from_every_form() {
        let texts = [
            "1248:M 22 Nov 2026 08:49:09.912 * a text",
            "1248:M 2026-11-22T08:49:09.912+00:00 * a text",
            "1248:M 2026-11-22T09:49:09.912000+01:00 * a text",
            "1248:M 2026-11-22T08:49:09.912Z * a text",
            "1248:M 1795337349912 * a text",
            "pid=1248 role=primary timestamp=\"22 Nov 2026 08:49:09.912\" level=notice message=\"a text\"",
            "Nov 22 08:49:09 db1 redis-server[7]: 1248:M 22 Nov 2026 08:49:09.912 * a text",
            "redis-1  | 1248:M 22 Nov 2026 08:49:09.912 * a text\r",
        ];
        for text in texts {
            let line = parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(
                (line.unix_us, line.pid, line.role),
                (AT, 1248, 'M'),
                "{text}"
            );
            assert_eq!(line.text, "a text", "{text}");
        }
    }

    #[test]
    fn microseconds_are_kept_and_the_grain_is_told() {
        let line = parse("7:S 2026-11-22T08:49:09.912345+00:00 # x").unwrap();
        assert_eq!(
            (line.unix_us, line.grain_us, line.zoned),
            (AT + 345, 1, true)
        );
        let line = parse("7:S 22 Nov 2026 08:49:09.912 # x").unwrap();
        assert_eq!((line.grain_us, line.zoned), (1000, false));
    }

    #[test]
    fn what_is_no_line_is_none() {
        for text in [
            "",
            " ",
            "                _._",
            "1248:M",
            "1248:M 22 Nov 2026",
            "1248:M 22 Foo 2026 08:49:09.912 * x",
            "1248:M 22 Nov 2026 25:49:09.912 * x",
            "1248:M 22 Nov 2026 08:49:09.912 ! x",
            "1248:signal-handler (1795337349) Received SIGTERM scheduling shutdown...",
            "x:M 1795337349912 * x",
            "1248:M 2026-11-22T * x",
            "timestamp=",
            "1248:M 2026-11-22T08:49:09.9é2 * x",
            "1248:M 99999999999999999999999 * x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
