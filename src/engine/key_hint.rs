//! The hash of the key of the running request, if it is known already.
//!
//! The server hashes the keys of a batch to prefetch what their look-ups will need; then the handler of each request
//! looks the same key up. A hint borrows the bytes that it is about, as the request does: it cannot outlive them, and
//! so another request's bytes at the same address can never be taken for them. That is why a key may be recognized by
//! its place, without a look at its bytes.

/// A key that is about to be looked up, and its hash.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyHint<'a>(Option<(&'a [u8], u64)>);

impl<'a> KeyHint<'a> {
    /// `hash` is that of `key` in all databases.
    #[inline]
    pub fn new(key: &'a [u8], hash: u64) -> Self {
        KeyHint(Some((key, hash)))
    }

    /// The hash of `key`, if these are the bytes that the hint is about.
    #[inline]
    pub fn hash_of(&self, key: &[u8]) -> Option<u64> {
        let (known, hash) = self.0?;
        std::ptr::eq(known, key).then_some(hash)
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
        assert_eq!(KeyHint::default().hash_of(&[]), None);
    }
}
