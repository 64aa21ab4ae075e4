//! The key of the members' hash: one for the process, fixed before the first tree is built.
//!
//! The place of a member in a tree follows from its hash, and trees are moved freely: between databases, from the
//! threads that load a dump, from one copy of a hash to another. So the key belongs to the process, not to a
//! keyspace, and must not change while there are trees. Cursors of HSCAN and its relatives show hashes to clients, so
//! a server draws the key from the system. Tests need a known order: if no key has been set, the first hash
//! sets a constant one, and a key that is set later is refused.

use base::Hasher;
use base::secret::HashKey;
use std::sync::OnceLock;

static HASHER: OnceLock<Hasher> = OnceLock::new();

/// The key that was given after the members' hash had been used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLate;

/// Sets the key of the members' hash for the whole process.
///
/// # Errors
/// If a key was set before, or a member was hashed without one.
pub fn set_member_key(key: HashKey) -> Result<(), TooLate> {
    HASHER.set(Hasher::new(key)).map_err(|_| TooLate)
}

/// The bits of a member's hash that order it.
#[inline]
pub(super) fn hash(member: &[u8]) -> u32 {
    let hasher = HASHER.get().unwrap_or_else(known_order);
    (hasher.hash(member) >> 32) as u32
}

#[cold]
fn known_order() -> &'static Hasher {
    const KEY: HashKey = HashKey::fixed([0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344]);
    HASHER.get_or_init(|| Hasher::new(KEY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_comes_after_the_first_member_is_refused() {
        let before = hash(b"member");
        assert_eq!(set_member_key(HashKey::fixed([1, 2])), Err(TooLate));
        assert_eq!(hash(b"member"), before);
    }
}
