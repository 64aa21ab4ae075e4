//! The hash of keys: SipHash-1-3, keyed with a secret.
//!
//! A pseudo-random function, not merely a mixer, because SCAN shows hashes to clients (the cursor is
//! the next hash): what a client sees must not help it to find keys that collide.
//!
//! The bits of a hash are used as follows: 63..=32 by the directory (from the top), 31..=8 by the home group
//! within a segment, 7..=0 by the tag. Only a directory deeper than 32 levels reaches into the home
//! bits.

use super::secret::HashKey;

/// A keyed hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hasher {
    key: HashKey,
}

impl Hasher {
    /// The function named by a key.
    pub const fn new(key: HashKey) -> Self {
        Hasher { key }
    }

    /// The hash of `bytes`.
    #[inline]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        sip::<1, 3>(self.key.words(), bytes)
    }
}

/// SipHash-C-D (Aumasson and Bernstein, 2012).
#[inline(always)]
fn sip<const C: usize, const D: usize>(key: [u64; 2], bytes: &[u8]) -> u64 {
    let mut v = [
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ];
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        absorb::<C>(
            &mut v,
            u64::from_le_bytes(word.try_into().expect("8 bytes")),
        );
    }
    absorb::<C>(&mut v, tail(words.remainder()) | (bytes.len() as u64) << 56);
    v[2] ^= 0xff;
    for _ in 0..D {
        round(&mut v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

/// Up to 7 bytes, little-endian, without a loop over single bytes.
#[inline(always)]
fn tail(rest: &[u8]) -> u64 {
    let n = rest.len();
    if n >= 4 {
        let low = u32::from_le_bytes(rest[..4].try_into().expect("4 bytes")) as u64;
        let high = u32::from_le_bytes(rest[n - 4..].try_into().expect("4 bytes")) as u64;
        low | high << (8 * (n - 4))
    } else if n > 0 {
        let middle = (rest[n / 2] as u64) << (8 * (n / 2));
        rest[0] as u64 | middle | (rest[n - 1] as u64) << (8 * (n - 1))
    } else {
        0
    }
}

#[inline(always)]
fn absorb<const C: usize>(v: &mut [u64; 4], word: u64) {
    v[3] ^= word;
    for _ in 0..C {
        round(v);
    }
    v[0] ^= word;
}

#[inline(always)]
fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[2] = v[2].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[1]);
    v[0] = v[0].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of the paper's appendix: key 00..0f, message 00..0e, and the empty message.
    #[test]
    fn siphash_2_4_agrees_with_the_published_vectors() {
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(sip::<2, 4>(key, &message), 0xa129_ca61_49be_45e5);
        assert_eq!(sip::<2, 4>(key, b""), 0x726f_db47_dd0e_0e31);
    }

    #[test]
    #[expect(deprecated, reason = "the oracle")]
    fn siphash_agrees_with_the_standard_library_at_every_tail_length() {
        use std::hash::Hasher as _;
        let message: Vec<u8> = (0..64u8).map(|i| i.wrapping_mul(37)).collect();
        for n in 0..message.len() {
            let mut oracle = std::hash::SipHasher::new_with_keys(7, 9);
            oracle.write(&message[..n]);
            assert_eq!(sip::<2, 4>([7, 9], &message[..n]), oracle.finish(), "{n}");
        }
    }
}
