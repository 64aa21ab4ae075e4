//! Numbers of six bits, packed without gaps, as the dense form of a HyperLogLog has them: many are compared at a time.

/// Raises each number of six bits in `own` to the one at its place in `other`, if that is higher; true if one was. Numbers
/// are packed from the lowest bit of each byte on, and there are whole multiples of 32.
pub fn raise(own: &mut [u8], other: &[u8]) -> bool {
    debug_assert!(own.len() == other.len() && own.len().is_multiple_of(TOGETHER));
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function is compiled for, as was asked just before.
        return unsafe { wide::raise(own, other) };
    }
    raise_plain(own, other)
}

/// Bytes of numbers of six bits that are compared together: 32 numbers.
const TOGETHER: usize = 24;

fn raise_plain(own: &mut [u8], other: &[u8]) -> bool {
    let (own, _) = own.as_chunks_mut::<TOGETHER>();
    let (other, _) = other.as_chunks::<TOGETHER>();
    let mut raised = false;
    for (own, other) in own.iter_mut().zip(other) {
        let (before, theirs) = (eights(own), eights(other));
        let [a, b, c, d]: [u64; 4] = std::array::from_fn(|i| larger_of(before[i], theirs[i]));
        // Mostly there is nothing to do.
        if [a, b, c, d] == before {
            continue;
        }
        own[..8].copy_from_slice(&(a | b << 48).to_le_bytes());
        own[8..16].copy_from_slice(&(b >> 16 | c << 32).to_le_bytes());
        own[16..].copy_from_slice(&(c >> 32 | d << 16).to_le_bytes());
        raised = true;
    }
    raised
}

/// How many of the numbers have each value; there are fewer than 65,536 of them, and a whole multiple of 32.
pub fn histogram(packed: &[u8]) -> [u32; 64] {
    // In eight tables, since equal values follow each other closely: an addition need not wait for the one before.
    let mut tables = [[0u16; 64]; 8];
    let (chunks, _) = packed.as_chunks::<TOGETHER>();
    for eight in chunks.iter().flat_map(eights) {
        for (i, table) in tables.iter_mut().enumerate() {
            table[(eight >> (6 * i) & 63) as usize] += 1;
        }
    }
    std::array::from_fn(|value| tables.iter().map(|table| u32::from(table[value])).sum())
}

/// The numbers, each in a byte, eight at a time: each eight are six bytes.
pub fn spread(packed: &[u8]) -> impl Iterator<Item = [u8; 8]> {
    let (sixes, _) = packed.as_chunks::<6>();
    sixes.iter().map(|&[a, b, c, d, e, f]| {
        let bits = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
        // Each step halves the groups, and gives both halves the same room.
        let bits = bits & 0xff_ffff | (bits & 0xffff_ff00_0000) << 8;
        let bits = bits & 0x0000_0fff_0000_0fff | (bits & 0x00ff_f000_00ff_f000) << 4;
        let bits = bits & 0x003f_003f_003f_003f | (bits & 0x0fc0_0fc0_0fc0_0fc0) << 2;
        bits.to_le_bytes()
    })
}

/// Packs numbers, of which each is in a byte.
pub fn pack(numbers: &[u8], packed: &mut [u8]) {
    let (eights, _) = numbers.as_chunks::<8>();
    let (sixes, _) = packed.as_chunks_mut::<6>();
    for (six, eight) in sixes.iter_mut().zip(eights) {
        let bits = u64::from_le_bytes(*eight);
        let bits = bits & 0x003f_003f_003f_003f | (bits & 0x3f00_3f00_3f00_3f00) >> 2;
        let bits = bits & 0x0000_0fff_0000_0fff | (bits & 0x0fff_0000_0fff_0000) >> 4;
        let bits = bits & 0xff_ffff | (bits & 0x00ff_ffff_0000_0000) >> 8;
        six.copy_from_slice(&bits.to_le_bytes()[..6]);
    }
}

/// The numbers, eight to a word: 48 bits.
#[inline(always)]
fn eights(bytes: &[u8; TOGETHER]) -> [u64; 4] {
    const LOW: u64 = (1 << 48) - 1;
    let (words, _) = bytes.as_chunks::<8>();
    let [a, b, c] = [words[0], words[1], words[2]].map(u64::from_le_bytes);
    [
        a & LOW,
        (a >> 48 | b << 16) & LOW,
        (b >> 32 | c << 32) & LOW,
        c >> 16,
    ]
}

/// The highest bit of each of eight numbers.
const HIGHEST: u64 = 0x8208_2082_0820;

/// The larger of each two numbers of six bits.
#[inline(always)]
fn larger_of(a: u64, b: u64) -> u64 {
    // Without the highest bits, of which those of `a` are set instead: nothing is borrowed from a neighbour, and a bit
    // stays where the lower bits of `a` are not below those of `b`.
    let rest = (a | HIGHEST) - (b & !HIGHEST);
    let differ = a ^ b;
    let lower = HIGHEST & !(differ & a | !differ & rest);
    // All six bits of each number that is lower.
    let mask = (lower << 1) - (lower >> 5);
    a ^ differ & mask
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use super::{HIGHEST, TOGETHER, raise_plain};
    use std::arch::x86_64::*;

    /// Bytes that are read at once: more than are compared.
    const READ: usize = 32;

    /// As [`raise_plain`], with the four words side by side.
    #[target_feature(enable = "avx2")]
    pub fn raise(own: &mut [u8], other: &[u8]) -> bool {
        let highest = _mm256_set1_epi64x(HIGHEST as i64);
        let (mut at, mut raised) = (0, false);
        while let (Some(to), Some(from)) = (
            own[at..].first_chunk_mut::<READ>(),
            other[at..].first_chunk::<READ>(),
        ) {
            let (a, b) = (eights(to), eights(from));
            let rest =
                _mm256_sub_epi64(_mm256_or_si256(a, highest), _mm256_andnot_si256(highest, b));
            let differ = _mm256_xor_si256(a, b);
            let holds = _mm256_or_si256(
                _mm256_and_si256(differ, a),
                _mm256_andnot_si256(differ, rest),
            );
            let lower = _mm256_andnot_si256(holds, highest);
            let mask = _mm256_sub_epi64(_mm256_slli_epi64(lower, 1), _mm256_srli_epi64(lower, 5));
            let change = _mm256_and_si256(differ, mask);
            if _mm256_testz_si256(change, change) == 0 {
                let packed = packed(_mm256_xor_si256(a, change));
                to[..TOGETHER].copy_from_slice(&packed[..TOGETHER]);
                raised = true;
            }
            at += TOGETHER;
        }
        raise_plain(&mut own[at..], &other[at..]) || raised
    }

    /// The first 24 bytes as four words of 48 bits.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn eights(bytes: &[u8; READ]) -> __m256i {
        let halves = _mm256_setr_epi32(0, 1, 2, 2, 3, 4, 5, 5);
        let words = _mm256_setr_epi8(
            0, 1, 2, 3, 4, 5, -1, -1, 6, 7, 8, 9, 10, 11, -1, -1, //
            0, 1, 2, 3, 4, 5, -1, -1, 6, 7, 8, 9, 10, 11, -1, -1,
        );
        // SAFETY: as many bytes are there as are read, and they need not be aligned.
        let bytes = unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) };
        _mm256_shuffle_epi8(_mm256_permutevar8x32_epi32(bytes, halves), words)
    }

    /// The inverse of [`eights`].
    #[inline]
    #[target_feature(enable = "avx2")]
    fn packed(words: __m256i) -> [u8; READ] {
        let bytes = _mm256_setr_epi8(
            0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, -1, -1, -1, -1, //
            0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, -1, -1, -1, -1,
        );
        let halves = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7);
        let packed = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(words, bytes), halves);
        let mut out = [0; READ];
        // SAFETY: there is room for as many bytes as are written, and they need not be aligned.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), packed) };
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rng;

    fn number(bytes: &[u8], i: usize) -> u8 {
        let bit = |at: usize| bytes[at / 8] >> (at % 8) & 1;
        (0..6).fold(0, |n, j| n | bit(6 * i + j) << j)
    }

    fn random(rng: &mut Rng, len: usize) -> Vec<u8> {
        (0..len).map(|_| rng.byte()).collect()
    }

    #[test]
    fn each_number_of_six_bits_becomes_the_larger_one() {
        let mut rng = Rng::new(2);
        for len in [0, TOGETHER, 2 * TOGETHER, 5 * TOGETHER, 12_288] {
            for same in [0, len / TOGETHER / 2 * TOGETHER, len] {
                let before = random(&mut rng, len);
                let mut other = random(&mut rng, len);
                other[..same].copy_from_slice(&before[..same]);
                let expected: Vec<u8> = (0..len * 8 / 6)
                    .map(|i| number(&before, i).max(number(&other, i)))
                    .collect();
                for raise in [raise, raise_plain] {
                    let mut own = before.clone();
                    assert_eq!(raise(&mut own, &other), own != before);
                    for (i, &expected) in expected.iter().enumerate() {
                        assert_eq!(number(&own, i), expected, "{i} of {len}");
                    }
                    assert!(!raise(&mut own, &other));
                }
            }
        }
    }

    #[test]
    fn each_pair_of_numbers_is_compared() {
        for (a, b) in (0..64u64).flat_map(|a| (0..64).map(move |b| (a, b))) {
            let eight =
                |n: u64, other: u64| (0..8).fold(0, |word, i| word | [n, other][i % 2] << (6 * i));
            let (left, right) = (eight(a, b), eight(b, a));
            assert_eq!(larger_of(left, right), eight(a.max(b), a.max(b)), "{a} {b}");
        }
    }

    #[test]
    fn numbers_are_counted_spread_and_packed() {
        let mut rng = Rng::new(3);
        for bytes in [
            vec![],
            random(&mut rng, 12_288),
            vec![0; 12_288],
            vec![0xff; 12_288],
        ] {
            let numbers: Vec<u8> = spread(&bytes).flatten().collect();
            let mut counts = [0; 64];
            for (i, &n) in numbers.iter().enumerate() {
                assert_eq!(n, number(&bytes, i), "{i}");
                counts[usize::from(n)] += 1;
            }
            assert_eq!(histogram(&bytes), counts);
            let mut again = vec![0; bytes.len()];
            pack(&numbers, &mut again);
            assert_eq!(again, bytes);
        }
    }
}
