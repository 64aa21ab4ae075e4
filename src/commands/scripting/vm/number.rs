//! Numbers as C prints them.

use crate::rdb::double::DoubleText;

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

/// Without the zeros behind the point.
fn trimmed(text: &str) -> &str {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    }
}

/// A number as an argument of a command: an integer if it is one, else digits that read back equal.
pub fn argument(x: f64) -> Vec<u8> {
    match x == 0.0 {
        true => b"0".to_vec(),
        false => DoubleText::of(x).as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::{argument, format_g};

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
            (0.1, 17, "0.10000000000000001"),
        ] {
            assert_eq!(format_g(x, precision), text);
        }
    }

    #[test]
    fn whole_numbers_are_sent_as_integers() {
        assert_eq!(argument(3.0), b"3");
        assert_eq!(argument(-9007199254740993.0), b"-9007199254740992");
        assert_eq!(argument(3.5), b"3.5");
        assert_eq!(argument(0.1), b"0.1");
        assert_eq!(argument(-0.0), b"0");
        assert_eq!(argument(1e100), b"1e+100");
    }
}
