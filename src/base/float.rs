//! Doubles as clients write them.

/// A double, as Redis's `getDoubleFromObject` takes it.
pub fn parse_float(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    if text.is_empty()
        || text.starts_with(char::is_whitespace)
        || text.ends_with(char::is_whitespace)
    {
        return None;
    }
    let x = match text.parse::<f64>() {
        Ok(x) => x,
        Err(_) => parse_hex_float(text)?,
    };
    // strtod reports a range error if a number becomes infinite or zero.
    let digits = || {
        text.bytes()
            .take_while(|b| !matches!(b, b'e' | b'E' | b'p' | b'P'))
    };
    let out_of_range = match x {
        _ if x.is_infinite() => digits().any(|b| b.is_ascii_digit()),
        _ if x == 0.0 => !text.contains(['x', 'X']) && digits().any(|b| matches!(b, b'1'..=b'9')),
        _ => false,
    };
    (!x.is_nan() && !out_of_range).then_some(x)
}

/// `0x...` integers and fractions, which C's strtod takes and Rust's parser does not.
fn parse_hex_float(text: &str) -> Option<f64> {
    let (sign, rest) = match text.as_bytes() {
        [b'-', ..] => (-1.0, &text[1..]),
        [b'+', ..] => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let hex = rest
        .strip_prefix("0x")
        .or_else(|| rest.strip_prefix("0X"))?;
    let (mantissa, exponent) = match hex.split_once(['p', 'P']) {
        Some((m, e)) => (m, e.parse::<i32>().ok()?),
        None => (hex, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut x = 0.0;
    for c in whole.chars() {
        x = x * 16.0 + f64::from(c.to_digit(16)?);
    }
    let mut scale = 1.0 / 16.0;
    for c in fraction.chars() {
        x += f64::from(c.to_digit(16)?) * scale;
        scale /= 16.0;
    }
    Some(sign * x * f64::from(exponent).exp2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_taken_as_strtod_takes_them() {
        assert_eq!(parse_float(b"1e3"), Some(1000.0));
        assert_eq!(parse_float(b"0x10"), Some(16.0));
        assert_eq!(parse_float(b"-inf"), Some(f64::NEG_INFINITY));
        for bad in ["", " 1", "1 ", "nan", "1x", "0x"] {
            assert_eq!(parse_float(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
