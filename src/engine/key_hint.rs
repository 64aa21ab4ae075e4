//! The hash of the key of the running request, if it is known already.
//!
//! The server hashes the keys of a batch to prefetch what their look-ups will need; then the handler of each request
//! looks the same key up. A key is recognized by its address, without a look at its bytes, which belong to the
//! request and do not change while it runs. The server clears the hint as soon as the request has run.

/// A key that is about to be looked up, and its hash.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyHint {
    /// The address of its first byte; 0 for no hint.
    start: usize,
    len: usize,
    hash: u64,
}

impl KeyHint {
    /// `hash` is that of `key` in all databases.
    #[inline]
    pub fn new(key: &[u8], hash: u64) -> Self {
        KeyHint {
            start: key.as_ptr().addr(),
            len: key.len(),
            hash,
        }
    }

    /// The hash of `key`, if these are the bytes that the hint is about.
    #[inline]
    pub fn hash_of(&self, key: &[u8]) -> Option<u64> {
        let same = self.start == key.as_ptr().addr() && self.len == key.len();
        same.then_some(self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_bytes_of_the_hint_are_recognized() {
        let request = b"abcabc".to_vec();
        let hint = KeyHint::new(&request[..3], 7);
        assert_eq!(hint.hash_of(&request[..3]), Some(7));
        assert_eq!(hint.hash_of(&request[3..]), None);
        assert_eq!(hint.hash_of(&request[..2]), None);
        assert_eq!(KeyHint::default().hash_of(&request[..3]), None);
    }
}
