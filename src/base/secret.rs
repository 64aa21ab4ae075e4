//! Secrets, which must not be guessable from outside: keys of hash functions, names of runs and histories, marks.
//!
//! Each secret is generated separately by the system, so that one that is shown (`run_id`, a replication id) says
//! nothing about another. A [`HashKey`] can only come from [`Secrets`]: the generator that samples keys and members is
//! seeded from here, but clients can see its output, so it must not be used for secrets.

/// Where secrets come from.
#[derive(Clone, Debug)]
pub struct Secrets(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    /// The state of a sequence that follows from its seed.
    Predictable(u64),
}

// A seed is always passed on; only the source of secrets generates one.
#[expect(clippy::disallowed_methods, reason = "the one place that draws")]
impl Secrets {
    /// The system's random numbers.
    ///
    /// # Errors
    /// The system's, if it has none to give.
    pub fn of_the_system() -> Result<Self, getrandom::Error> {
        getrandom::fill(&mut [0; 8])?;
        Ok(Secrets(Source::System))
    }

    /// The same draws for the same seed, for tests and the simulator: they are not secret.
    pub fn predictable(seed: u64) -> Self {
        Secrets(Source::Predictable(seed))
    }

    /// Another source; a predictable one gives other draws than this one.
    pub fn another(&mut self) -> Self {
        match self.0 {
            Source::System => self.clone(),
            Source::Predictable(_) => Secrets::predictable(self.number()),
        }
    }

    /// Fills a buffer with random bytes.
    ///
    /// # Panics
    /// If the system, which gave random bytes at the start, gives none any more.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        match &mut self.0 {
            Source::System => getrandom::fill(bytes).expect("the system gave random bytes before"),
            Source::Predictable(state) => {
                for chunk in bytes.chunks_mut(8) {
                    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                    let mut mixed = *state;
                    mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
                    mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
                    mixed ^= mixed >> 32;
                    chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
                }
            }
        }
    }

    /// A random number: the seed of a generator whose numbers need not be secret.
    pub fn number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// The key of a hash function.
    pub fn hash_key(&mut self) -> HashKey {
        HashKey([self.number(), self.number()])
    }

    /// 40 lower-case hexadecimal digits: the name of a run or a history, or a mark.
    pub fn name(&mut self) -> [u8; 40] {
        let mut bytes = [0; 20];
        self.fill(&mut bytes);
        std::array::from_fn(|i| {
            let half = bytes[i / 2] >> (4 * (1 - i % 2)) & 15;
            b"0123456789abcdef"[usize::from(half)]
        })
    }
}

/// The key of a keyed hash function.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey([u64; 2]);

impl HashKey {
    /// A key that is known, for tests and benchmarks that must see the same order each time.
    pub const fn fixed(words: [u64; 2]) -> Self {
        HashKey(words)
    }

    /// The two words, for the hash function.
    #[inline]
    pub fn words(self) -> [u64; 2] {
        self.0
    }
}

impl std::fmt::Debug for HashKey {
    /// The key stays out of logs and messages.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_draw_of_the_system_is_another() {
        let mut one = Secrets::of_the_system().expect("random numbers");
        let mut other = one.another();
        let mut seen = HashSet::new();
        for _ in 0..50 {
            for secrets in [&mut one, &mut other] {
                assert!(seen.insert(secrets.name().to_vec()));
                assert!(seen.insert(secrets.hash_key().0.map(u64::to_le_bytes).concat()));
            }
        }
    }

    #[test]
    fn a_predictable_source_repeats_itself_and_its_branches_differ() {
        let draws = |mut secrets: Secrets| [0; 20].map(|_| secrets.number());
        assert_eq!(
            draws(Secrets::predictable(7)),
            draws(Secrets::predictable(7))
        );
        let mut first = Secrets::predictable(7);
        let branch = first.another();
        assert_ne!(draws(branch), draws(first));
    }

    #[test]
    fn a_name_is_forty_hexadecimal_digits() {
        let name = Secrets::predictable(3).name();
        let lower = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
        assert!(name.iter().all(lower));
        assert!(name.iter().collect::<HashSet<_>>().len() > 8);
    }
}
