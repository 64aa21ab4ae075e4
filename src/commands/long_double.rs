//! x87 extended precision ("long double" on x86-64) in software. INCRBYFLOAT and HINCRBYFLOAT use it, and their results
//! must have the same digits on every machine.
//!
//! A number is `mantissa * 2^exponent` with the mantissa's top bit set (zero excepted). Reading,
//! adding and printing round to nearest, ties to even, as the hardware does. Numbers too small to be
//! normal keep their full precision here; printed with 17 decimals they are zero anyway.

use std::cmp::Ordering;

/// A finite extended-precision number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongDouble {
    negative: bool,
    mantissa: u64,
    exponent: i32,
}

/// The number that a text denotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A number.
    Finite(LongDouble),
    /// `inf` in one of its spellings.
    Infinite,
}

/// Exponent of the highest bit of the largest number.
const EXPONENT_MAX: i32 = 16383;
/// Exponent of the highest bit of the smallest number.
const EXPONENT_MIN: i32 = -16445;
/// Texts of this length and above are refused, as in the reference (bounds the work, too).
const TEXT_MAX: usize = 5 * 1024;
/// 10^4933 is out of range, and so is 10^-4970: no digits need to be looked at beyond these.
const MAGNITUDES: std::ops::Range<i64> = -4970..4935;

impl LongDouble {
    /// Zero.
    pub const ZERO: Self = LongDouble {
        negative: false,
        mantissa: 0,
        exponent: 0,
    };

    /// The largest number.
    pub const MAX: Self = LongDouble {
        negative: false,
        mantissa: u64::MAX,
        exponent: EXPONENT_MAX - 63,
    };

    /// An integer.
    pub fn from_int(n: i64) -> Self {
        let number = Self::round(n < 0, u128::from(n.unsigned_abs()), 0, false);
        number.expect("each integer of 64 bits is in range")
    }

    /// The integer that is left without the fraction, if it has 64 bits.
    pub fn whole(self) -> Option<i64> {
        let size = match self.exponent {
            0.. => u128::from(self.mantissa).checked_mul(1 << self.exponent.min(64))?,
            -63..0 => u128::from(self.mantissa >> -self.exponent),
            _ => 0,
        };
        let size = i128::try_from(size).ok()?;
        i64::try_from(if self.negative { -size } else { size }).ok()
    }

    /// The same with the other sign.
    pub fn negated(self) -> Self {
        LongDouble {
            negative: !self.negative && self.mantissa != 0,
            ..self
        }
    }

    /// True below zero.
    pub fn is_negative(self) -> bool {
        self.negative && self.mantissa != 0
    }

    /// The order of numbers.
    pub fn compare(self, other: Self) -> Ordering {
        let size = |number: Self| (number.mantissa != 0, number.exponent, number.mantissa);
        match (self.is_negative(), other.is_negative()) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (true, true) => size(other).cmp(&size(self)),
            (false, false) if self.mantissa == 0 || other.mantissa == 0 => {
                (self.mantissa != 0).cmp(&(other.mantissa != 0))
            }
            (false, false) => size(self).cmp(&size(other)),
        }
    }

    /// Reads a number in any form that C's `strtold` reads completely, except with spaces, NaN and numbers out of
    /// range.
    pub fn parse(text: &[u8]) -> Option<Parsed> {
        if text.len() >= TEXT_MAX {
            return None;
        }
        let (negative, body) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        if body.eq_ignore_ascii_case(b"inf") || body.eq_ignore_ascii_case(b"infinity") {
            return Some(Parsed::Infinite);
        }
        let (bits, point, sticky) = match body {
            [b'0', b'x' | b'X', hex @ ..] => hexadecimal(hex)?,
            _ => decimal(body)?,
        };
        let number = bits.rounded(negative, point, sticky)?;
        Some(Parsed::Finite(number))
    }

    /// The sum; `None` when it is out of range.
    pub fn plus(self, other: Self) -> Option<Self> {
        if self.mantissa == 0 || other.mantissa == 0 {
            return Some(if self.mantissa == 0 { other } else { self });
        }
        let (big, small) =
            match (self.exponent, self.mantissa).cmp(&(other.exponent, other.mantissa)) {
                Ordering::Less => (other, self),
                _ => (self, other),
            };
        // Two guard bits and a sticky one are enough: the larger number is shifted up by 62 bits.
        let shift = (big.exponent - small.exponent) as u32;
        let high = u128::from(big.mantissa) << 62;
        let whole = u128::from(small.mantissa) << 62;
        let low = if shift < 128 { whole >> shift } else { 0 };
        let lost = shift >= 128 || low << shift != whole;
        let sum = if big.negative == small.negative {
            high + low
        } else {
            // What was lost would have been subtracted, too: one more, and the sticky bit brings it back.
            high - low - u128::from(lost)
        };
        if sum == 0 {
            return Some(Self::ZERO);
        }
        Self::round(big.negative, sum, big.exponent - 62, lost)
    }

    /// `bits * 2^exponent`, and something smaller than one more bit if `sticky`, rounded.
    fn round(negative: bool, bits: u128, exponent: i32, sticky: bool) -> Option<Self> {
        if bits == 0 {
            return Some(Self::ZERO);
        }
        let width = 128 - bits.leading_zeros() as i32;
        let drop = width - 64;
        if drop <= 0 {
            let mantissa = (bits << -drop) as u64;
            return Self::ranged(negative, mantissa, exponent + drop);
        }
        let mantissa = (bits >> drop) as u64;
        let rest = bits & ((1 << drop) - 1);
        let half = 1 << (drop - 1);
        let up = rest > half || (rest == half && (sticky || mantissa & 1 == 1));
        match mantissa.checked_add(u64::from(up)) {
            Some(mantissa) => Self::ranged(negative, mantissa, exponent + drop),
            None => Self::ranged(negative, 1 << 63, exponent + drop + 1),
        }
    }

    fn ranged(negative: bool, mantissa: u64, exponent: i32) -> Option<Self> {
        (EXPONENT_MIN..=EXPONENT_MAX)
            .contains(&(exponent + 63))
            .then_some(LongDouble {
                negative,
                mantissa,
                exponent,
            })
    }

    /// As C's `%.17Lg` prints it.
    pub fn to_general(self) -> String {
        const DIGITS: usize = 17;
        if self.mantissa == 0 {
            return "0".to_owned();
        }
        // All digits, and how many of them are after the point: m / 2^k = m * 5^k / 10^k.
        let mut whole = Big::from(u128::from(self.mantissa));
        let mut decimals = 0;
        if self.exponent >= 0 {
            whole.shift_left(self.exponent as u32);
        } else {
            decimals = self.exponent.unsigned_abs() as usize;
            (0..decimals).step_by(13).for_each(|done| {
                whole.multiply_add(5u32.pow((decimals - done).min(13) as u32), 0);
            });
        }
        let mut digits = whole.into_decimal();
        let mut exponent = digits.len() as i64 - 1 - decimals as i64;
        if digits.len() > DIGITS {
            let rest = digits.split_off(DIGITS);
            let more = rest[1..].iter().any(|&d| d != b'0');
            let odd = (digits[DIGITS - 1] - b'0') % 2 == 1;
            if rest[0] > b'5' || rest[0] == b'5' && (more || odd) {
                match digits.iter().rposition(|&d| d != b'9') {
                    Some(at) => {
                        digits[at] += 1;
                        digits[at + 1..].fill(b'0');
                    }
                    None => {
                        digits = vec![b'1'];
                        exponent += 1;
                    }
                }
            }
        }
        let kept = digits.iter().rposition(|&d| d != b'0').map_or(1, |i| i + 1);
        digits.truncate(kept);
        let mut text = String::from(if self.negative { "-" } else { "" });
        let digits = String::from_utf8(digits).expect("decimal digits are text");
        match exponent {
            -4..0 => {
                text.push_str("0.");
                text.extend(std::iter::repeat_n('0', (-exponent - 1) as usize));
                text.push_str(&digits);
            }
            0..17 => {
                let whole = exponent as usize + 1;
                text.push_str(&digits[..whole.min(digits.len())]);
                text.extend(std::iter::repeat_n('0', whole.saturating_sub(digits.len())));
                if digits.len() > whole {
                    text.push('.');
                    text.push_str(&digits[whole..]);
                }
            }
            _ => {
                text.push_str(&digits[..1]);
                if digits.len() > 1 {
                    text.push('.');
                    text.push_str(&digits[1..]);
                }
                let sign = if exponent < 0 { '-' } else { '+' };
                text.push_str(&format!("e{sign}{:02}", exponent.abs()));
            }
        }
        text
    }

    /// As C's `%.17Lf` prints it, without trailing zeros.
    pub fn to_text(self) -> String {
        let mut digits = if self.exponent >= 0 {
            let mut whole = Big::from(u128::from(self.mantissa));
            whole.shift_left(self.exponent as u32);
            let mut digits = whole.into_decimal();
            digits.extend([b'0'; 17]);
            digits
        } else {
            let scaled = u128::from(self.mantissa) * 10u128.pow(17);
            let shift = self.exponent.unsigned_abs();
            let rounded = match shift {
                1..128 => {
                    let (kept, rest) = (scaled >> shift, scaled & ((1 << shift) - 1));
                    let half = 1 << (shift - 1);
                    kept + u128::from(rest > half || (rest == half && kept & 1 == 1))
                }
                _ => 0,
            };
            format!("{rounded:018}").into_bytes()
        };
        let fraction = digits.split_off(digits.len() - 17);
        let kept = fraction
            .iter()
            .rposition(|&d| d != b'0')
            .map_or(0, |i| i + 1);
        if kept > 0 {
            digits.push(b'.');
            digits.extend_from_slice(&fraction[..kept]);
        }
        let digits = String::from_utf8(digits).expect("decimal digits are text");
        if self.negative && digits != "0" {
            format!("-{digits}")
        } else {
            digits
        }
    }
}

/// Digits, an optional point, an optional exponent: (bits, exponent of two, sticky).
fn decimal(text: &[u8]) -> Option<(Big, i32, bool)> {
    let (digits, exponent) = split_exponent(text, b'e')?;
    let (digits, decimals) = split_point(digits, |d| d.is_ascii_digit())?;
    let first = digits
        .iter()
        .position(|&d| d != b'0')
        .unwrap_or(digits.len());
    let mut bits = Big::default();
    for &d in &digits[first..] {
        bits.multiply_add(10, u32::from(d - b'0'));
    }
    if bits.is_zero() {
        return Some((bits, 0, false));
    }
    let ten = exponent - decimals as i64;
    if !MAGNITUDES.contains(&(ten + (digits.len() - first) as i64)) {
        return None;
    }
    // 10^n = 5^n * 2^n: the fives are multiplied or divided out, the twos are the exponent.
    let mut sticky = false;
    let mut two = ten as i32;
    let fives = (0..ten.unsigned_abs()).step_by(13);
    let fives = fives.map(|done| 5u32.pow((ten.unsigned_abs() - done).min(13) as u32));
    if ten >= 0 {
        fives.for_each(|factor| bits.multiply_add(factor, 0));
    } else {
        // Room for 130 bits of quotient: 5^n takes less than 2.33 n bits.
        let room = 130 + (ten.unsigned_abs() as u32) * 233 / 100;
        bits.shift_left(room);
        two -= room as i32;
        fives.for_each(|divisor| sticky |= bits.divide(divisor) != 0);
    }
    Some((bits, two, sticky))
}

/// Hex digits, an optional point, an optional binary exponent.
fn hexadecimal(text: &[u8]) -> Option<(Big, i32, bool)> {
    let (digits, exponent) = split_exponent(text, b'p')?;
    let (digits, decimals) = split_point(digits, |d| d.is_ascii_hexdigit())?;
    let mut bits = Big::default();
    for &d in &digits {
        bits.multiply_add(16, (d as char).to_digit(16)?);
    }
    let two = exponent - 4 * decimals as i64;
    Some((bits, i32::try_from(two).ok()?, false))
}

/// Splits off `e-12` (mark in any case); an exponent too long to matter is clamped.
fn split_exponent(text: &[u8], mark: u8) -> Option<(&[u8], i64)> {
    let Some(at) = text.iter().position(|b| b.to_ascii_lowercase() == mark) else {
        return Some((text, 0));
    };
    let (negative, digits) = match &text[at + 1..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits
        .iter()
        .fold(0i64, |n, &d| (n * 10 + i64::from(d - b'0')).min(1 << 40));
    Some((&text[..at], if negative { -value } else { value }))
}

/// The digits without their point, and how many of them follow it.
fn split_point(text: &[u8], is_digit: impl Fn(&u8) -> bool) -> Option<(Vec<u8>, usize)> {
    let at = text.iter().position(|&b| b == b'.').unwrap_or(text.len());
    let fraction = text.get(at + 1..).unwrap_or_default();
    let digits = [&text[..at], fraction].concat();
    (!digits.is_empty() && digits.iter().all(is_digit)).then_some((digits, fraction.len()))
}

/// A natural number, lowest limb first, without zero limbs at the top.
#[derive(Default)]
struct Big(Vec<u32>);

impl Big {
    fn from(n: u128) -> Self {
        let mut big = Big((0..4).map(|i| (n >> (32 * i)) as u32).collect());
        big.trim();
        big
    }

    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn multiply_add(&mut self, factor: u32, summand: u32) {
        let mut carry = u64::from(summand);
        for limb in &mut self.0 {
            carry += u64::from(*limb) * u64::from(factor);
            *limb = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    /// Divides and returns the remainder.
    fn divide(&mut self, divisor: u32) -> u32 {
        let mut rest = 0u64;
        for limb in self.0.iter_mut().rev() {
            rest = rest << 32 | u64::from(*limb);
            *limb = (rest / u64::from(divisor)) as u32;
            rest %= u64::from(divisor);
        }
        self.trim();
        rest as u32
    }

    fn shift_left(&mut self, bits: u32) {
        let (limbs, bits) = ((bits / 32) as usize, bits % 32);
        self.multiply_add(1 << bits, 0);
        self.0.splice(0..0, std::iter::repeat_n(0, limbs));
        self.trim();
    }

    fn into_decimal(mut self) -> Vec<u8> {
        let mut digits = Vec::new();
        while !self.is_zero() {
            let mut nine = self.divide(1_000_000_000);
            for _ in 0..9 {
                digits.push(b'0' + (nine % 10) as u8);
                nine /= 10;
            }
        }
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        if digits.is_empty() {
            digits.push(b'0');
        }
        digits.reverse();
        digits
    }

    /// `self * 2^exponent` (and a little more if `sticky`) as a [`LongDouble`]; `None` out of range.
    fn rounded(&self, negative: bool, exponent: i32, sticky: bool) -> Option<LongDouble> {
        let top = self.0.len().saturating_sub(4);
        let bits = self.0[top..]
            .iter()
            .rev()
            .fold(0u128, |n, &limb| n << 32 | u128::from(limb));
        let sticky = sticky || self.0[..top].iter().any(|&limb| limb != 0);
        let exponent = exponent.checked_add(32 * top as i32)?;
        LongDouble::round(negative, bits, exponent, sticky)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> LongDouble {
        match LongDouble::parse(text.as_bytes()) {
            Some(Parsed::Finite(n)) => n,
            other => panic!("{text} gave {other:?}"),
        }
    }

    fn sum(a: &str, b: &str) -> String {
        number(a).plus(number(b)).expect("in range").to_text()
    }

    #[test]
    fn sums_have_the_digits_of_the_hardware() {
        // Taken from INCRBYFLOAT of a real server.
        let cases = [
            ("0.1", "0.2", "0.3"),
            ("3", "1.1", "4.1"),
            ("10.5", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("1", "-1", "0"),
            ("1e-20", "0", "0"),
            ("-1e-20", "0", "0"),
        ];
        for (a, b, expected) in cases {
            assert_eq!(sum(a, b), expected, "{a} + {b}");
        }
    }

    #[test]
    fn what_is_no_number_or_out_of_range_is_refused() {
        for bad in [
            "", "-", " 1", "1 ", "nan", "0x", "1e", "1.2.3", "1e5000", "1e-6000", "e5", ".",
        ] {
            assert_eq!(LongDouble::parse(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(LongDouble::parse(b"-inf"), Some(Parsed::Infinite));
        assert_eq!(number("0x1.8p1").to_text(), "3");
    }
}
