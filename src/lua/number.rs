//! Numbers as C prints them.

use base::double::DoubleText;

/// `%.<precision>g`
pub fn format_g(x: f64, precision: usize) -> String {
    if x.is_nan() {
        return if x.is_sign_negative() { "-nan" } else { "nan" }.into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf" } else { "-inf" }.into();
    }
    if x == 0.0 {
        return if x.is_sign_negative() { "-0" } else { "0" }.into();
    }
    let precision = precision.max(1);
    let scientific = format!("{:.*e}", precision - 1, x);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= precision as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs());
    }
    let decimals = (precision as i32 - 1 - exponent).max(0) as usize;
    trimmed(&format!("{x:.decimals$}")).to_owned()
}

/// Appends what [`format_g`] gives.
pub fn push_g(out: &mut Vec<u8>, x: f64, precision: usize) {
    const POWERS: [i64; 15] = {
        let mut powers = [1; 15];
        let mut i = 1;
        while i < powers.len() {
            powers[i] = 10 * powers[i - 1];
            i += 1;
        }
        powers
    };
    // An integer of not too many digits is written as one; zero has a sign.
    let bound = POWERS[precision.min(14)];
    match x as i64 {
        n if n as f64 == x && n != 0 && -bound < n && n < bound => {
            out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
        }
        _ => out.extend_from_slice(format_g(x, precision).as_bytes()),
    }
}

/// Without the zeros behind the point.
fn trimmed(text: &str) -> &str {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    }
}

/// The integer that a number is.
pub fn exact(x: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let n = x as i64;
    (n as f64 == x && x < LIMIT).then_some(n)
}

/// A number as an argument of a command: an integer if it is one, else digits that read back equal.
pub fn with_argument<T>(x: f64, use_it: impl FnOnce(&[u8]) -> T) -> T {
    /// Larger integers have more digits than say which number it is.
    const LIMIT: u64 = 1 << 52;
    match exact(x) {
        Some(n) if n.unsigned_abs() < LIMIT => use_it(itoa::Buffer::new().format(n).as_bytes()),
        _ if x.is_nan() && x.is_sign_negative() => use_it(b"-nan"),
        _ => use_it(DoubleText::of(x).as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::{exact, format_g, push_g, with_argument};

    #[test]
    fn numbers_look_as_printf_writes_them() {
        for (x, precision, text) in [
            (0.1, 14, "0.1"),
            (100.0, 14, "100"),
            (1e14, 14, "1e+14"),
            (123456789.12345679, 14, "123456789.12346"),
            (1e-5, 14, "1e-05"),
            (0.0001, 14, "0.0001"),
            (-1.5e300, 14, "-1.5e+300"),
            (3.0, 1, "3"),
            (10.0, 1, "1e+01"),
            (-999.0, 3, "-999"),
            (1000.0, 3, "1e+03"),
            (99_999_999_999_999.0, 14, "99999999999999"),
            (0.0, 14, "0"),
            (-0.0, 14, "-0"),
            (0.1, 17, "0.10000000000000001"),
        ] {
            assert_eq!(format_g(x, precision), text);
            let mut out = Vec::new();
            push_g(&mut out, x, precision);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }

    #[test]
    fn integers_are_exact() {
        for (x, n) in [
            (3.0, Some(3)),
            (-0.0, Some(0)),
            (-9_223_372_036_854_775_808.0, Some(i64::MIN)),
            (9_223_372_036_854_775_808.0, None),
            (3.5, None),
            (1e-17, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ] {
            assert_eq!(exact(x), n, "{x}");
        }
    }

    #[test]
    fn whole_numbers_are_sent_as_integers() {
        let argument = |x| with_argument(x, <[u8]>::to_vec);
        assert_eq!(argument(3.0), b"3");
        assert_eq!(argument(-9007199254740993.0), b"-9007199254740992");
        assert_eq!(argument(3.5), b"3.5");
        assert_eq!(argument(0.1), b"0.1");
        assert_eq!(argument(-0.0), b"0");
        assert_eq!(argument(f64::NAN.copysign(-1.0)), b"-nan");
        assert_eq!(argument(1e100), b"1e+100");
    }
}
