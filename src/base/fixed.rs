//! Doubles with a fixed number of digits behind the point, exactly as `printf` rounds them.

/// The most digits after the point.
const DECIMALS_MAX: u32 = 17;
/// 10^0, 10^1, ... 10^17.
const POWERS: [u64; DECIMALS_MAX as usize + 1] = {
    let mut powers = [1; DECIMALS_MAX as usize + 1];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// The text of one double, without allocating.
#[derive(Clone, Copy)]
pub struct FixedText {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl FixedText {
    /// A sign, 19 digits, a point, 17 digits.
    const MAX: usize = 38;

    /// The text of `x` with `decimals` (at most 17) digits after the point. `None` for numbers of 2^63 and more,
    /// infinities and NaN.
    pub fn of(x: f64, decimals: u32) -> Option<FixedText> {
        const FRACTION: u32 = 52;
        let power = *POWERS.get(decimals as usize)?;
        let bits = x.to_bits();
        let biased = (bits >> FRACTION) as i32 & 0x7ff;
        let fraction = bits & ((1 << FRACTION) - 1);
        // x = number / 2^shift
        let (number, shift) = match biased {
            0 => (fraction, 1074),
            _ => (fraction | 1 << FRACTION, 1075 - biased),
        };
        if shift <= -11 {
            return None;
        }
        let (mut whole, mut behind) = match shift {
            ..=0 => (number << -shift, 0),
            1..=63 => (number >> shift, number & ((1 << shift) - 1)),
            _ => (0, number),
        };
        // This is exact: a factor below 2^53 times one below 2^57. A number that is shifted by all its bits or more is
        // less than a half.
        let mut digits = 0;
        if (1..128).contains(&shift) {
            let product = u128::from(behind) * u128::from(power);
            behind = (product >> shift) as u64;
            let rest = product & ((1 << shift) - 1);
            let half = 1_u128 << (shift - 1);
            let odd = match decimals {
                0 => whole & 1,
                _ => behind & 1,
            };
            digits = behind + u64::from(rest > half || (rest == half && odd == 1));
        }
        if digits == power {
            (whole, digits) = (whole + 1, 0);
        }
        let mut text = FixedText {
            bytes: [b'0'; Self::MAX],
            len: 0,
        };
        if x.is_sign_negative() {
            text.push(b"-");
        }
        text.push(itoa::Buffer::new().format(whole).as_bytes());
        if decimals > 0 {
            text.push(b".");
            let mut buffer = itoa::Buffer::new();
            let shown = buffer.format(digits).as_bytes();
            text.len += decimals as usize - shown.len();
            text.push(shown);
        }
        Some(text)
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).expect("digits, a sign and a point")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rng;

    fn check(x: f64) {
        for decimals in [0, 1, 4, 16, 17] {
            let text = FixedText::of(x, decimals).map(|text| text.as_str().to_owned());
            let known = format!("{x:.*}", decimals as usize);
            assert_eq!(text, Some(known), "{x:e} {decimals}");
        }
    }

    #[test]
    fn texts_are_those_of_exact_arithmetic() {
        for x in [
            0.0,
            -0.0,
            0.5,
            1.5,
            2.5,
            0.125,
            0.00005,
            0.00015,
            0.99999,
            999.999_999,
            0.1,
            180.0,
            -85.051_128_78,
            1e-17,
            5e-18,
            6e-18,
            1e-300,
            5e-324,
            9.2e18,
            2f64.powi(62),
            1e15 + 0.5,
        ] {
            check(x);
            check(-x);
        }
        let mut rng = Rng::new(3);
        for _ in 0..5000 {
            let share = rng.next() as f64 / u64::MAX as f64;
            for scale in [360.0, 1.0, 1e-9, 1e7, 1e18] {
                check((share - 0.5) * scale);
            }
            // Exactly half of the last digit.
            check((rng.below(1 << 20) as f64 + 0.5) / 16.0);
        }
    }

    #[test]
    fn what_has_no_such_text_is_refused() {
        for x in [2f64.powi(63), -1e300, f64::INFINITY, f64::NAN] {
            assert!(FixedText::of(x, 4).is_none(), "{x}");
        }
        assert!(FixedText::of(1.0, 18).is_none());
    }
}
