//! Seeded randomness for property tests: the same seed gives the same run.

/// SplitMix64.
pub struct Rng(u64);

impl Rng {
    /// A sequence that follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Rng(seed)
    }

    /// A uniform number.
    #[expect(clippy::should_implement_trait, reason = "a sequence without end")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0..n.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// A uniform byte.
    pub fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    /// `len` uniform bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }
}
