//! Numbers of six bits, packed without gaps, as the dense form of a HyperLogLog has them: many are compared at a time.

/// Bytes of numbers of six bits that are compared together: 128 numbers.
const TOGETHER: usize = 96;

/// Raises each number of six bits in `own` to the one at its place in `other`, if that is higher. Numbers are packed from
/// the lowest bit of each byte on, and there are whole multiples of 128.
pub fn raise(own: &mut [u8], other: &[u8]) {
    debug_assert!(own.len() == other.len() && own.len().is_multiple_of(TOGETHER));
    let (own, _) = own.as_chunks_mut::<TOGETHER>();
    let (other, _) = other.as_chunks::<TOGETHER>();
    for (own, other) in own.iter_mut().zip(other) {
        // Mostly there is nothing to do.
        if own == other {
            continue;
        }
        let (mut larger, theirs) = (eights(own), eights(other));
        for (own, theirs) in larger.iter_mut().zip(theirs) {
            *own = larger_of(*own, theirs);
        }
        let (words, _) = own.as_chunks_mut::<24>();
        let (larger, _) = larger.as_chunks::<4>();
        for (words, &[a, b, c, d]) in words.iter_mut().zip(larger) {
            words[..8].copy_from_slice(&(a | b << 48).to_le_bytes());
            words[8..16].copy_from_slice(&(b >> 16 | c << 32).to_le_bytes());
            words[16..].copy_from_slice(&(c >> 32 | d << 16).to_le_bytes());
        }
    }
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
#[inline]
fn eights(bytes: &[u8; TOGETHER]) -> [u64; TOGETHER / 6] {
    const LOW: u64 = (1 << 48) - 1;
    let mut eights = [0; TOGETHER / 6];
    let (words, _) = bytes.as_chunks::<8>();
    let (threes, _) = words.as_chunks::<3>();
    let (fours, _) = eights.as_chunks_mut::<4>();
    for (four, three) in fours.iter_mut().zip(threes) {
        let [a, b, c] = three.map(u64::from_le_bytes);
        *four = [
            a & LOW,
            (a >> 48 | b << 16) & LOW,
            (b >> 32 | c << 32) & LOW,
            c >> 16,
        ];
    }
    eights
}

/// The larger of each two numbers of six bits.
#[inline]
fn larger_of(a: u64, b: u64) -> u64 {
    /// Every other number, so that each has six bits to spare.
    const HALF: u64 = 0x03f0_3f03_f03f;
    /// The bit above each of these numbers.
    const ABOVE: u64 = 0x0400_4004_0040;
    let larger = |a: u64, b: u64| {
        // The bit above stays where nothing has to be borrowed from it.
        let holds = ((a | ABOVE) - b) & ABOVE;
        let mask = holds - (holds >> 6);
        b ^ (a ^ b) & mask
    };
    larger(a & HALF, b & HALF) | larger(a >> 6 & HALF, b >> 6 & HALF) << 6
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::testing::Rng;

    #[test]
    fn each_number_of_six_bits_becomes_the_larger_one() {
        let number = |bytes: &[u8], i: usize| {
            let bit = |at: usize| bytes[at / 8] >> (at % 8) & 1;
            (0..6).fold(0, |n, j| n | bit(6 * i + j) << j)
        };
        let mut rng = Rng::new(2);
        for len in [0, TOGETHER, 3 * TOGETHER, 12_288] {
            let mut own: Vec<u8> = (0..len).map(|_| rng.byte()).collect();
            let mut other: Vec<u8> = (0..len).map(|_| rng.byte()).collect();
            let same = len / TOGETHER / 2 * TOGETHER;
            other[..same].copy_from_slice(&own[..same]);
            let before = own.clone();
            raise(&mut own, &other);
            for i in 0..len * 8 / 6 {
                let expected = number(&before, i).max(number(&other, i));
                assert_eq!(number(&own, i), expected, "{i} of {len}");
            }
        }
    }
}
