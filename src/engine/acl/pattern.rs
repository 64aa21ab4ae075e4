//! A pattern of keys with what may be done to them.
//!
//! Most patterns are a literal, or a prefix with a star behind it, and may have question marks. These are compared with
//! a key byte by byte, the first eight at once; the others as any glob.

use base::glob;
use bitflags::bitflags;

bitflags! {
    /// What a pattern lets happen to the keys that it matches.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Rights: u8 {
        /// Their values are read.
        const READ = 1;
        /// They are changed, added to or removed.
        const WRITE = 1 << 1;
    }
}

/// Bytes that are compared at once.
const HEAD: usize = 8;

/// The keys that a selector allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPattern {
    pattern: Vec<u8>,
    /// What may be done with what it matches.
    pub rights: Rights,
    form: Form,
    /// The first bytes of a key that it matches, as a number, where [`KeyPattern::mask`] has ones.
    head: u64,
    /// 0 in the places of question marks, and behind the bytes of the pattern.
    mask: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// So many bytes and question marks, and nothing behind them.
    Exactly(usize),
    /// So many, and whatever is behind them.
    Prefix(usize),
    Glob,
}

impl KeyPattern {
    /// A pattern with its rights.
    pub fn new(pattern: &[u8], rights: Rights) -> Self {
        let stars = pattern.iter().rev().take_while(|b| **b == b'*').count();
        let fixed = &pattern[..pattern.len() - stars];
        let form = match fixed.iter().any(|b| b"*[\\".contains(b)) {
            true => Form::Glob,
            false if stars == 0 => Form::Exactly(fixed.len()),
            false => Form::Prefix(fixed.len()),
        };
        let (mut head, mut mask) = ([0; HEAD], [0; HEAD]);
        for (i, byte) in fixed.iter().take(HEAD).enumerate() {
            if *byte != b'?' {
                (head[i], mask[i]) = (*byte, u8::MAX);
            }
        }
        KeyPattern {
            pattern: pattern.to_vec(),
            rights,
            form,
            head: u64::from_le_bytes(head),
            mask: u64::from_le_bytes(mask),
        }
    }

    /// As it was written.
    pub fn pattern(&self) -> &[u8] {
        &self.pattern
    }

    /// Whether a key is one of its keys.
    #[inline]
    pub fn matches(&self, key: &[u8]) -> bool {
        let fits = match self.form {
            // No pattern but the empty one matches the empty key.
            Form::Prefix(len @ ..=HEAD) => key.len() >= len.max(1),
            Form::Exactly(len @ ..=HEAD) => key.len() == len,
            Form::Prefix(_) | Form::Exactly(_) | Form::Glob => return self.matches_slowly(key),
        };
        fits && head_of(key) & self.mask == self.head
    }

    /// As a glob, or byte by byte.
    #[inline(never)]
    fn matches_slowly(&self, key: &[u8]) -> bool {
        let fixed = match self.form {
            Form::Glob => return glob::matches(&self.pattern, key),
            Form::Exactly(len) if key.len() != len => return false,
            Form::Prefix(len) if key.len() < len => return false,
            Form::Exactly(len) | Form::Prefix(len) => &self.pattern[..len],
        };
        let mut pairs = fixed.iter().zip(key);
        pairs.all(|(wanted, byte)| wanted == byte || *wanted == b'?')
    }
}

/// The first eight bytes of a key as a number, with zeros for those that it does not have.
#[inline]
fn head_of(key: &[u8]) -> u64 {
    if let Some(head) = key.first_chunk::<HEAD>() {
        return u64::from_le_bytes(*head);
    }
    // Two halves that overlap, where there are enough bytes for them.
    if let (Some(first), Some(last)) = (key.first_chunk::<4>(), key.last_chunk::<4>()) {
        let behind = 8 * (key.len() - 4);
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return u64::from(first) | u64::from(last) << behind;
    }
    let bytes = key.iter().rev();
    bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_key_is_its_first_bytes() {
        let all = b"abcdefghijk";
        for len in 0..all.len() {
            let mut wanted = [0; HEAD];
            let some = len.min(HEAD);
            wanted[..some].copy_from_slice(&all[..some]);
            assert_eq!(head_of(&all[..len]).to_le_bytes(), wanted);
        }
    }

    #[test]
    fn patterns_match_what_globs_match() {
        // Few letters, so that many of the pairs match; lengths on both sides of eight.
        let mut seed = 7_u64;
        let mut draw = |below: u64| {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (seed >> 33) % below
        };
        let mut text = |letters: &[u8], max: u64| -> Vec<u8> {
            let len = draw(max + 1);
            (0..len)
                .map(|_| letters[draw(letters.len() as u64) as usize])
                .collect()
        };
        let (mut matched, mut simple) = (0, 0);
        for i in 0..200_000 {
            let letters: &[u8] = [&b"ab"[..], b"ab?", b"ab*", b"ab?*[]\\^-"][i % 4];
            let mut pattern = text(letters, 11);
            if i % 3 == 0 {
                pattern.push(b'*');
            }
            let key = text(b"ab", 13);
            let compiled = KeyPattern::new(&pattern, Rights::all());
            let expected = glob::matches(&pattern, &key);
            assert_eq!(
                compiled.matches(&key),
                expected,
                "{} {}",
                String::from_utf8_lossy(&pattern),
                String::from_utf8_lossy(&key)
            );
            matched += usize::from(expected);
            simple += usize::from(compiled.form != Form::Glob);
        }
        assert!(matched > 20_000 && simple > 50_000, "{matched} {simple}");
    }
}
