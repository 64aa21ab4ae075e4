//! Set bits of long texts, counted by the processor's own instruction where it has one.

/// The number of bits in `bytes` that are set.
#[inline]
pub fn count_ones(bytes: &[u8]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        if bytes.len() >= 256
            && std::is_x86_feature_detected!("avx512vpopcntdq")
            && std::is_x86_feature_detected!("avx512vl")
        {
            // SAFETY: the processor has what the function is compiled for, as was asked just before.
            return unsafe { wide::with_avx512(bytes) };
        }
        if bytes.len() >= 256 && std::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has what the function is compiled for, as was asked just before.
            return unsafe { wide::with_avx2(bytes) };
        }
        if std::is_x86_feature_detected!("popcnt") {
            // SAFETY: the processor has what the function is compiled for, as was asked just before.
            return unsafe { wide::with_popcnt(bytes) };
        }
    }
    count(bytes)
}

/// The code from which each of the functions is compiled.
#[inline(always)]
fn count(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_ne_bytes(*word));
    let words: u64 = words.map(|word| u64::from(word.count_ones())).sum();
    let rest = rest
        .iter()
        .fold(0, |word, byte| word << 8 | u64::from(*byte));
    words + u64::from(rest.count_ones())
}

#[cfg(target_arch = "x86_64")]
mod wide {
    /// One instruction for the words of a wide register.
    #[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq")]
    pub fn with_avx512(bytes: &[u8]) -> u64 {
        super::count(bytes)
    }

    /// The compiler counts many words side by side in wide registers.
    #[target_feature(enable = "avx2")]
    pub fn with_avx2(bytes: &[u8]) -> u64 {
        super::count(bytes)
    }

    /// One instruction for each word.
    #[target_feature(enable = "popcnt")]
    pub fn with_popcnt(bytes: &[u8]) -> u64 {
        super::count(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rng;

    #[test]
    fn each_way_of_counting_gives_what_the_bytes_have() {
        let mut rng = Rng::new(1);
        for len in (0..70).chain([255, 256, 257, 300, 1000, 1024, 5000]) {
            let bytes: Vec<u8> = (0..len).map(|_| rng.byte()).collect();
            let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
            assert_eq!(count_ones(&bytes), u64::from(ones), "{len}");
            assert_eq!(count(&bytes), u64::from(ones), "{len}");
            #[cfg(target_arch = "x86_64")]
            {
                // Those that this processor would not choose.
                if std::is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has what the function is compiled for, as was asked just before.
                    assert_eq!(unsafe { wide::with_avx2(&bytes) }, u64::from(ones));
                }
                if std::is_x86_feature_detected!("popcnt") {
                    // SAFETY: the processor has what the function is compiled for, as was asked just before.
                    assert_eq!(unsafe { wide::with_popcnt(&bytes) }, u64::from(ones));
                }
            }
        }
    }
}
