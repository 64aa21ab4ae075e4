//! Numbers from a seed, or from the input of a fuzzer.

/// A sequence of choices.
pub enum Random {
    /// SplitMix64.
    Seed(u64),
    /// The rest of an input, which is followed by zeroes.
    Input(Vec<u8>),
}

impl Random {
    /// The choices that an input encodes.
    pub fn of_input(bytes: &[u8]) -> Random {
        // They are taken from the end.
        Random::Input(bytes.iter().rev().copied().collect())
    }

    /// True at the end of an input.
    pub fn is_used_up(&self) -> bool {
        matches!(self, Random::Input(rest) if rest.is_empty())
    }

    /// Any number.
    #[expect(clippy::should_implement_trait, reason = "a sequence without end")]
    pub fn next(&mut self) -> u64 {
        match self {
            Random::Seed(seed) => {
                *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = *seed;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^ (z >> 31)
            }
            Random::Input(_) => self.number_of(8),
        }
    }

    /// 0..n.
    pub fn below(&mut self, n: u64) -> u64 {
        match self {
            Random::Seed(_) => self.next() % n,
            // Reads no more of the input than the choice needs, so that a change of a byte changes a choice.
            Random::Input(_) => {
                self.number_of((u64::BITS - (n - 1).leading_zeros()).div_ceil(8)) % n
            }
        }
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn number_of(&mut self, bytes: u32) -> u64 {
        let Random::Input(rest) = self else {
            unreachable!("only inputs are read in bytes");
        };
        (0..bytes).fold(0, |n, _| n << 8 | u64::from(rest.pop().unwrap_or(0)))
    }
}
