//! Doubles as the text that Redis (7.2 and later) and Valkey give them.
//!
//! The digits are those of Grisu2 (Florian Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with
//! Integers", 2010). They always read back as the same double, but one double in several thousand gets one digit more
//! than it needs, or a last digit that is not the nearest. The same data must give the same replies, digests and dumps
//! as on a real server, so this code follows the method exactly: the precision of the cached powers of ten, the choice
//! among them, and the rounding of products.
//!
//! In short, the method works like this. The double and the two limits between which every number reads back as that
//! double are multiplied by a power of ten that brings them into a fixed range of exponents. Digits of the upper limit
//! are emitted until the remainder is less than the distance between the limits; then the last digit is lowered towards
//! the double.

/// The text of one double, without allocating.
#[derive(Clone, Copy)]
pub struct DoubleText {
    bytes: [u8; Self::MAX],
    len: u8,
}

impl DoubleText {
    /// Room for the longest text: a sign, 17 digits and seven zeros, or a point and an exponent.
    const MAX: usize = 32;

    /// The text in a reply: integers of up to 62 bits are written in full.
    pub fn of(x: f64) -> Self {
        const INTEGERS: f64 = (1_u64 << 62) as f64;
        if x.abs() <= INTEGERS && x == x.trunc() && !(x == 0.0 && x.is_sign_negative()) {
            let mut text = Self::empty();
            text.push(itoa::Buffer::new().format(x as i64).as_bytes());
            return text;
        }
        Self::without_integers(x)
    }

    /// The text without the shortcut for integers: 10^8 is `1e+8`. Digests and scripts see this one.
    pub fn without_integers(x: f64) -> Self {
        let mut text = Self::empty();
        if x.is_nan() {
            text.push(b"nan");
            return text;
        }
        if x.is_sign_negative() {
            text.push(b"-");
        }
        if x.is_infinite() {
            text.push(b"inf");
        } else if x == 0.0 {
            text.push(b"0");
        } else {
            let mut digits = [0; DIGITS];
            let (count, scale) = shortest(x.abs(), &mut digits);
            text.lay_out(&digits[..count], scale);
        }
        text
    }

    fn empty() -> Self {
        DoubleText {
            bytes: [0; Self::MAX],
            len: 0,
        }
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        let at = usize::from(self.len);
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len() as u8;
    }

    fn zeros(&mut self, count: usize) {
        self.push(&[b'0'; 8][..count]);
    }

    /// Writes the number `digits` x 10^`scale`: plain while few zeros have to be added and the point is near the front,
    /// otherwise with an exponent.
    fn lay_out(&mut self, digits: &[u8], scale: i32) {
        let count = digits.len() as i32;
        let exponent = scale + count - 1;
        if scale >= 0 && exponent < count + 7 {
            self.push(digits);
            self.zeros(scale as usize);
        } else if scale < 0 && (scale > -7 || exponent.abs() < 4) {
            let point = count + scale;
            if point <= 0 {
                self.push(b"0.");
                self.zeros(-point as usize);
                self.push(digits);
            } else {
                let (whole, fraction) = digits.split_at(point as usize);
                self.push(whole);
                self.push(b".");
                self.push(fraction);
            }
        } else {
            self.push(&digits[..1]);
            if digits.len() > 1 {
                self.push(b".");
                self.push(&digits[1..]);
            }
            self.push(if exponent < 0 { b"e-" } else { b"e+" });
            let mut text = itoa::Buffer::new();
            self.push(text.format(exponent.unsigned_abs()).as_bytes());
        }
    }

    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("digits, signs and letters of ASCII")
    }
}

impl std::fmt::Debug for DoubleText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// More than the digits of any double: the limits differ in the 17th at the latest.
const DIGITS: usize = 20;

/// `f` x 2^`e`.
#[derive(Clone, Copy)]
struct Scaled {
    f: u64,
    e: i32,
}

impl Scaled {
    /// The product with a power of ten, rounded to 64 bits.
    #[inline]
    fn times(self, power: Scaled) -> Scaled {
        let product = u128::from(self.f) * u128::from(power.f) + (1 << 63);
        Scaled {
            f: (product >> 64) as u64,
            e: self.e + power.e + 64,
        }
    }
}

/// Writes the digits of a positive, finite double. Returns their count and the power of ten of the last one.
fn shortest(x: f64, digits: &mut [u8; DIGITS]) -> (usize, i32) {
    const FRACTION: u32 = 52;
    const HIDDEN: u64 = 1 << FRACTION;
    const BIAS: i32 = 1023 + FRACTION as i32;
    let bits = x.to_bits();
    let (fraction, biased) = (bits & (HIDDEN - 1), (bits >> FRACTION) as i32);
    let (f, e) = match biased {
        0 => (fraction, 1 - BIAS),
        _ => (fraction | HIDDEN, biased - BIAS),
    };
    let shift = f.leading_zeros();
    let exact = Scaled {
        f: f << shift,
        e: e - shift as i32,
    };
    // The limits are half-way to the neighbours, in the exponent of the upper one. The lower neighbour of a power of
    // two is nearer.
    let shift = (2 * f + 1).leading_zeros();
    let upper = Scaled {
        f: (2 * f + 1) << shift,
        e: e - 1 - shift as i32,
    };
    let lower_f = match f == HIDDEN {
        true => (4 * f - 1) << (shift - 1),
        false => (2 * f - 1) << shift,
    };
    let lower = Scaled {
        f: lower_f,
        e: upper.e,
    };
    let (power, ten) = power_for(upper.e);
    let (exact, upper, lower) = (exact.times(power), upper.times(power), lower.times(power));
    // One unit for the error of the products: what lies between is sure to read back as the double.
    let upper = Scaled {
        f: upper.f - 1,
        e: upper.e,
    };
    let (count, last) = generate(upper, upper.f - exact.f, upper.f - lower.f - 1, digits);
    (count, last - ten)
}

/// Writes the fewest digits of a number that is at most `spread` below `upper`, then lowers the last one towards the
/// number that is `distance` below `upper`.
fn generate(
    upper: Scaled,
    distance: u64,
    mut spread: u64,
    digits: &mut [u8; DIGITS],
) -> (usize, i32) {
    let bits = -upper.e as u32;
    let one = 1_u64 << bits;
    // At least 28 bits and at most 32.
    let mut whole = (upper.f >> bits) as u32;
    let mut part = upper.f & (one - 1);
    let mut count = 0;
    let mut last = whole.checked_ilog10().map_or(0, |log| log as i32 + 1);
    while last > 0 {
        last -= 1;
        let unit = 10_u32.pow(last as u32);
        digits[count] = b'0' + (whole / unit) as u8;
        count += 1;
        whole %= unit;
        let rest = (u64::from(whole) << bits) + part;
        if rest <= spread {
            let unit = u64::from(unit) << bits;
            lower_last(&mut digits[count - 1], spread, rest, unit, distance);
            return (count, last);
        }
    }
    let mut scale = 1_u64;
    loop {
        part *= 10;
        spread *= 10;
        scale *= 10;
        last -= 1;
        let digit = (part >> bits) as u8;
        part &= one - 1;
        if digit != 0 || count != 0 {
            digits[count] = b'0' + digit;
            count += 1;
        }
        if part < spread {
            let distance = distance.wrapping_mul(scale);
            lower_last(&mut digits[count - 1], spread, part, one, distance);
            return (count, last);
        }
    }
}

/// Lowers a last digit, worth `unit`, while that brings the number nearer to the double, which is `distance` below the
/// upper limit. The number is `rest` below it and may be at most `spread` below it.
#[inline]
fn lower_last(digit: &mut u8, spread: u64, mut rest: u64, unit: u64, distance: u64) {
    while rest < distance
        && spread - rest >= unit
        && (rest + unit < distance || distance - rest > rest + unit - distance)
    {
        *digit -= 1;
        rest += unit;
    }
}

/// Exponents of a product with the chosen power: the digits before its point fit 32 bits, those after it times ten
/// fit 64.
const RANGE: std::ops::RangeInclusive<i32> = -60..=-32;

/// The power of ten that brings a number of 64 bits and exponent `e` into [`RANGE`], and its exponent of ten.
#[inline]
fn power_for(e: i32) -> (Scaled, i32) {
    // log10(2), so that the guess is the right power or a neighbour of it.
    let guess = (-f64::from(e + POWERS.len() as i32) * std::f64::consts::LOG10_2) as i32;
    let mut i = (guess - FIRST_POWER) / STEP;
    loop {
        let ten = FIRST_POWER + i * STEP;
        let power = Scaled {
            f: POWERS[i as usize],
            e: binary_exponent(ten),
        };
        let product = e + power.e + 64;
        if product < *RANGE.start() {
            i += 1;
        } else if product > *RANGE.end() {
            i -= 1;
        } else {
            return (power, ten);
        }
    }
}

/// The exponent of two of 10^`ten` as a number of 64 bits: its logarithm by a fraction that is exact enough here.
#[inline]
fn binary_exponent(ten: i32) -> i32 {
    ((ten * 217_706) >> 16) - 63
}

const FIRST_POWER: i32 = -348;
const STEP: i32 = 8;

/// 10^-348, 10^-340, ... 10^340, rounded to 64 bits.
#[rustfmt::skip]
const POWERS: [u64; 87] = [
    0xfa8f_d5a0_081c_0288, 0xbaae_e17f_a23e_bf76, 0x8b16_fb20_3055_ac76, 0xcf42_894a_5dce_35ea,
    0x9a6b_b0aa_5565_3b2d, 0xe61a_cf03_3d1a_45df, 0xab70_fe17_c79a_c6ca, 0xff77_b1fc_bebc_dc4f,
    0xbe56_91ef_416b_d60c, 0x8dd0_1fad_907f_fc3c, 0xd351_5c28_3155_9a83, 0x9d71_ac8f_ada6_c9b5,
    0xea9c_2277_23ee_8bcb, 0xaecc_4991_4078_536d, 0x823c_1279_5db6_ce57, 0xc210_9436_4dfb_5637,
    0x9096_ea6f_3848_984f, 0xd774_85cb_2582_3ac7, 0xa086_cfcd_97bf_97f4, 0xef34_0a98_172a_ace5,
    0xb238_67fb_2a35_b28e, 0x84c8_d4df_d2c6_3f3b, 0xc5dd_4427_1ad3_cdba, 0x936b_9fce_bb25_c996,
    0xdbac_6c24_7d62_a584, 0xa3ab_6658_0d5f_daf6, 0xf3e2_f893_dec3_f126, 0xb5b5_ada8_aaff_80b8,
    0x8762_5f05_6c7c_4a8b, 0xc9bc_ff60_34c1_3053, 0x964e_858c_91ba_2655, 0xdff9_7724_7029_7ebd,
    0xa6df_bd9f_b8e5_b88f, 0xf8a9_5fcf_8874_7d94, 0xb944_7093_8fa8_9bcf, 0x8a08_f0f8_bf0f_156b,
    0xcdb0_2555_6531_31b6, 0x993f_e2c6_d07b_7fac, 0xe45c_10c4_2a2b_3b06, 0xaa24_2499_6973_92d3,
    0xfd87_b5f2_8300_ca0e, 0xbce5_0864_9211_1aeb, 0x8cbc_cc09_6f50_88cc, 0xd1b7_1758_e219_652c,
    0x9c40_0000_0000_0000, 0xe8d4_a510_0000_0000, 0xad78_ebc5_ac62_0000, 0x813f_3978_f894_0984,
    0xc097_ce7b_c907_15b3, 0x8f7e_32ce_7bea_5c70, 0xd5d2_38a4_abe9_8068, 0x9f4f_2726_179a_2245,
    0xed63_a231_d4c4_fb27, 0xb0de_6538_8cc8_ada8, 0x83c7_088e_1aab_65db, 0xc45d_1df9_4271_1d9a,
    0x924d_692c_a61b_e758, 0xda01_ee64_1a70_8dea, 0xa26d_a399_9aef_774a, 0xf209_787b_b47d_6b85,
    0xb454_e4a1_79dd_1877, 0x865b_8692_5b9b_c5c2, 0xc835_53c5_c896_5d3d, 0x952a_b45c_fa97_a0b3,
    0xde46_9fbd_99a0_5fe3, 0xa59b_c234_db39_8c25, 0xf6c6_9a72_a398_9f5c, 0xb7dc_bf53_54e9_bece,
    0x88fc_f317_f222_41e2, 0xcc20_ce9b_d35c_78a5, 0x9816_5af3_7b21_53df, 0xe2a0_b5dc_971f_303a,
    0xa8d9_d153_5ce3_b396, 0xfb9b_7cd9_a4a7_443c, 0xbb76_4c4c_a7a4_4410, 0x8bab_8eef_b640_9c1a,
    0xd01f_ef10_a657_842c, 0x9b10_a4e5_e991_3129, 0xe710_9bfb_a19c_0c9d, 0xac28_20d9_623b_f429,
    0x8044_4b5e_7aa7_cf85, 0xbf21_e440_03ac_dd2d, 0x8e67_9c2f_5e44_ff8f, 0xd433_179d_9c8c_b841,
    0x9e19_db92_b4e3_1ba9, 0xeb96_bf6e_badf_77d9, 0xaf87_023b_9bf0_ee6b,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_real_servers() {
        // As redis-server 8.2 and valkey-server 9.1 show them with ZSCORE.
        for (x, text) in [
            (3.0, "3"),
            (-2.5, "-2.5"),
            (0.1, "0.1"),
            (1e-7, "1e-7"),
            (1e-5, "0.00001"),
            (1.5e-10, "1.5e-10"),
            (669_461.797_129_898_6, "6.694617971298986e+5"),
            (1234.5, "1234.5"),
            (1e15, "1000000000000000"),
            (1e17, "100000000000000000"),
            (1e20, "1e+20"),
            (123_456_789_012_345_678.0, "123456789012345680"),
            (0.000_123_456_78, "1.2345678e-4"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (0.0, "0"),
            (-0.0, "-0"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(DoubleText::of(x).as_str(), text);
        }
    }

    #[test]
    fn without_the_shortcut_for_integers_round_ones_have_an_exponent() {
        // Found by DEBUG DIGEST-VALUE of redis-server 8.2.3.
        for (x, text) in [
            (3.0, "3"),
            (123_456_789.0, "123456789"),
            (1e8, "1e+8"),
            (1e15, "1e+15"),
            (-9_007_199_254_740_992.0, "-9007199254740992"),
            (9_223_372_036_854_775_807.0, "9223372036854776000"),
        ] {
            assert_eq!(DoubleText::without_integers(x).as_str(), text);
        }
    }

    /// 10^`ten` as an exact binary number, least significant word first, or its inverse times 2^`-shift`.
    fn bits_of_ten_to_the(ten: u32) -> Vec<u32> {
        let mut words = vec![1_u32];
        for _ in 0..ten {
            let mut carry = 0;
            for word in &mut words {
                let n = u64::from(*word) * 10 + carry;
                *word = n as u32;
                carry = n >> 32;
            }
            if carry > 0 {
                words.push(carry as u32);
            }
        }
        words
    }

    /// Bit `at` of a number.
    fn bit(words: &[u32], at: usize) -> u64 {
        u64::from(words[at / 32] >> (at % 32) & 1)
    }

    #[test]
    fn the_powers_are_ten_to_the_powers_rounded() {
        for (i, &power) in POWERS.iter().enumerate() {
            let ten = FIRST_POWER + i as i32 * STEP;
            let words = bits_of_ten_to_the(ten.unsigned_abs());
            let bits = words.len() * 32 - words[words.len() - 1].leading_zeros() as usize;
            let (mantissa, exponent) = if ten >= 0 {
                // The first 64 bits and the one that rounds.
                let at = |n: usize| {
                    if n < bits {
                        bit(&words, bits - 1 - n)
                    } else {
                        0
                    }
                };
                let top = (0..64).fold(0_u64, |m, n| m << 1 | at(n));
                (top + at(64), bits as i32 - 64)
            } else {
                // Long division of 2^(bits + 64) by the power, one bit at a time: 64 or 65 bits of quotient.
                let (mut rest, mut quotient) = (vec![0_u32; words.len() + 1], 0_u128);
                let mut divisor = words.clone();
                divisor.push(0);
                for n in 0..=bits + 64 {
                    let mut carry = u32::from(n == 0);
                    for word in &mut rest {
                        (*word, carry) = (*word << 1 | carry, *word >> 31);
                    }
                    quotient <<= 1;
                    if rest.iter().rev().ge(divisor.iter().rev()) {
                        quotient |= 1;
                        let mut borrow = false;
                        for (r, d) in rest.iter_mut().zip(&divisor) {
                            let (a, one) = r.overflowing_sub(*d);
                            let (b, two) = a.overflowing_sub(u32::from(borrow));
                            (*r, borrow) = (b, one | two);
                        }
                    }
                }
                // The quotient has 65 bits; its last one rounds.
                (((quotient + 1) >> 1) as u64, -(bits as i32) - 63)
            };
            assert_eq!(power, mantissa, "10^{ten}");
            assert_eq!(binary_exponent(ten), exponent, "10^{ten}");
        }
    }

    #[test]
    fn every_text_reads_back_equal_and_is_hardly_longer_than_needed() {
        let mut rng = crate::testing::Rng::new(23);
        let (mut longer, mut drawn) = (0, 0);
        for round in 0..60_000_u64 {
            let bits = rng.next();
            let x = match round % 6 {
                0..=2 => f64::from_bits(bits),
                3 => f64::from_bits(bits >> 12),
                4 => (bits >> (bits % 64)) as f64,
                _ => (bits % 1_000_000_000) as f64 / 10_f64.powi((bits >> 40) as i32 % 20),
            };
            if x.is_nan() {
                continue;
            }
            let text = DoubleText::without_integers(x);
            let back: f64 = text.as_str().parse().expect("a number");
            assert_eq!(back.to_bits(), x.to_bits(), "{text:?}");
            let shown = DoubleText::of(x);
            assert_eq!(shown.as_str().parse::<f64>().expect("a number"), x);
            drawn += 1;
            let digits = |text: &str| {
                let mantissa = text.split('e').next().unwrap_or_default();
                let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
                digits.trim_matches('0').len()
            };
            longer += u32::from(digits(text.as_str()) > digits(&format!("{x:e}")));
        }
        assert!(longer * 200 < drawn, "{longer} of {drawn} are longer");
        assert!(
            longer > 0,
            "Grisu2 finds the shortest text nearly always, not always"
        );
    }
}
