//! What is already known about the running request: the hash of its key, and its bytes as they came.
//!
//! The server hashes the keys of a batch to prefetch the memory that their look-ups will need; then the handler of each
//! request looks up the same key. A hint borrows the bytes of its key, as the request does. It cannot outlive them, so
//! bytes of another request at the same address can never be mistaken for them. Therefore a key can be recognized by
//! its address, without comparing its bytes.
//!
//! What is propagated is usually the request itself, encoded as most clients have sent it. Copying those bytes costs a
//! fraction of what encoding them costs.

/// What is known about a request that is about to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hint<'a> {
    /// A key that is about to be looked up, and its hash.
    key: Option<(&'a [u8], u64)>,
    /// What an encoder would write for its arguments.
    frame: Option<&'a [u8]>,
}

impl<'a> Hint<'a> {
    /// A hint that `key` has this hash, which is the same in all databases.
    #[inline]
    pub fn new(key: &'a [u8], hash: u64) -> Self {
        Hint {
            key: Some((key, hash)),
            frame: None,
        }
    }

    /// The same hint, and that these bytes are what an encoder would write for the arguments.
    #[inline]
    pub fn framed(self, frame: Option<&'a [u8]>) -> Self {
        Hint { frame, ..self }
    }

    /// What an encoder would write for the arguments, if that is known.
    #[inline]
    pub fn frame(&self) -> Option<&'a [u8]> {
        self.frame
    }

    /// The hash of `key`, if the hint is about these very bytes.
    #[inline]
    pub fn hash_of(&self, key: &[u8]) -> Option<u64> {
        let (known, hash) = self.key?;
        std::ptr::eq(known, key).then_some(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_bytes_of_the_hint_are_recognized() {
        let request = b"abcabc".to_vec();
        let hint = Hint::new(&request[..3], 7);
        assert_eq!(hint.hash_of(&request[..3]), Some(7));
        assert_eq!(hint.hash_of(&request[3..]), None);
        assert_eq!(hint.hash_of(&request[..2]), None);
        assert_eq!(Hint::default().hash_of(&request[..3]), None);
        assert_eq!(Hint::default().hash_of(&[]), None);
    }
}
