//! The hash of the running request's key, if it is already known.
//!
//! The server hashes the keys of a batch to prefetch the memory that their look-ups will need; then the handler of each
//! request looks up the same key. A hint borrows the bytes of its key, as the request does. It cannot outlive them, so
//! bytes of another request at the same address can never be mistaken for them. Therefore a key can be recognized by
//! its address, without comparing its bytes.

/// A key that is about to be looked up, and its hash.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyHint<'a>(Option<(&'a [u8], u64)>);

impl<'a> KeyHint<'a> {
    /// A hint that `key` has this hash, which is the same in all databases.
    #[inline]
    pub fn new(key: &'a [u8], hash: u64) -> Self {
        KeyHint(Some((key, hash)))
    }

    /// The hash of `key`, if the hint is about these very bytes.
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
