//! The table in which Lua keeps every string once, with a hash that cannot be foreseen from outside.
//!
//! Lua 5.1 hashes at most 32 bytes of a string, without a secret, so the author of a script's arguments can choose
//! thousands of strings that share one chain, and each further string has to be compared with all of it. The functions
//! here replace the three in Lua's `lstring.c`: they have the same names, so the linker uses them and never looks into
//! that object file. A string's hash depends on all of its bytes and on a secret of the process.
//!
//! Lua compares strings by address, so the only thing it expects of a hash is that it never changes.

use super::inside::{Object, State, Text, Userdata};
use super::memory::{luaM_realloc_, luaM_toobig};
use super::pace::in_pieces;
use base::hash::Hasher;
use base::secret::HashKey;
use mlua::ffi::{LUA_TSTRING, LUA_TUSERDATA};
use std::ffi::{c_int, c_uint, c_void};
use std::sync::OnceLock;

/// Strings up to this length get the pseudo-random function of keys; longer ones are reduced to 16 bytes first.
const SHORT_MAX: usize = 32;

/// What the hashes of this process depend on.
struct Secret {
    hasher: Hasher,
    lanes: [u64; 4],
}

static SECRET: OnceLock<Secret> = OnceLock::new();

/// Chooses the secret of this process; the first call counts, and only if no interpreter was made before.
pub fn choose_key(key: HashKey) {
    SECRET.get_or_init(|| Secret::new(key));
}

impl Secret {
    fn new(key: HashKey) -> Secret {
        let hasher = Hasher::new(key);
        let lane = |i: u8| hasher.hash(&[i]);
        Secret {
            hasher,
            lanes: [lane(0), lane(1), lane(2), lane(3)],
        }
    }

    fn hash(&self, bytes: &[u8]) -> c_uint {
        let hash = match bytes.len() {
            0..=SHORT_MAX => self.hasher.hash(bytes),
            _ => self.hasher.hash(&self.reduce(bytes)),
        };
        (hash ^ (hash >> 32)) as c_uint
    }

    /// Two lanes of multiplications by numbers that only this process knows, at the speed of copying.
    fn reduce(&self, bytes: &[u8]) -> [u8; 24] {
        let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap_or_default());
        let fold = |a: u64, b: u64| {
            let product = u128::from(a) * u128::from(b);
            product as u64 ^ (product >> 64) as u64
        };
        let [mut a, mut b, key_a, key_b] = self.lanes;
        let mut take = |block: &[u8; 32]| {
            a = fold(word(&block[..8]) ^ a, word(&block[8..16]) ^ key_a);
            b = fold(word(&block[16..24]) ^ b, word(&block[24..]) ^ key_b);
        };
        let (blocks, rest) = bytes.as_chunks::<32>();
        blocks.iter().for_each(&mut take);
        let mut last = [0; 32];
        last[..rest.len()].copy_from_slice(rest);
        take(&last);
        let mut reduced = [0; 24];
        reduced[..8].copy_from_slice(&a.to_le_bytes());
        reduced[8..16].copy_from_slice(&b.to_le_bytes());
        reduced[16..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        reduced
    }
}

fn secret() -> &'static Secret {
    SECRET.get_or_init(|| Secret::new(HashKey::fixed([0; 2])))
}

fn hash(bytes: &[u8]) -> c_uint {
    secret().hash(bytes)
}

/// The hash of a number or an address, which cannot be foreseen from outside either.
pub fn hash_word(word: u64) -> c_uint {
    secret().hasher.hash(&word.to_le_bytes()) as c_uint
}

/// The collector sweeps the chains: they must stay where they are.
const SWEEPING_TEXTS: u8 = 2;
/// The two colours that take turns in marking what has not been reached yet.
const WHITES: u8 = 3;

/// The chain of a hash. The table's size is a power of two.
fn chain(hash: c_uint, size: c_int) -> usize {
    (hash & (size as c_uint).wrapping_sub(1)) as usize
}

/// Gives the table `size` chains.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn luaS_resize(state: *mut State, size: c_int) {
    // SAFETY: Lua calls this with a live state. Objects in the chains are strings, each in one chain. The engine may
    // run in between, but it creates no strings in this interpreter.
    unsafe {
        let global = (*state).global;
        if (*global).phase == SWEEPING_TEXTS {
            return;
        }
        let bytes = |chains: c_int| chains as usize * size_of::<*mut Object>();
        let old_size = (*global).size;
        let chains = match size > old_size {
            true => luaM_realloc_(state, std::ptr::null_mut(), 0, bytes(size)).cast(),
            false => (*global).chains,
        };
        // A table that shrinks keeps its first half in place: the collector does this, and must not fail when there
        // is no memory left.
        let kept = match size > old_size {
            true => 0,
            false => size,
        };
        in_pieces(state, kept as usize, size as usize, |piece| {
            piece.for_each(|i| *chains.add(i) = std::ptr::null_mut());
            true
        });
        in_pieces(state, kept as usize, old_size as usize, |piece| {
            for i in piece {
                let mut text = *(*global).chains.add(i);
                while !text.is_null() {
                    let next = (*text).next;
                    let place = chains.add(chain((*text.cast::<Text>()).hash, size));
                    (*text).next = *place;
                    *place = text;
                    text = next;
                }
            }
            true
        });
        let chains = match size > old_size {
            true => {
                luaM_realloc_(state, (*global).chains.cast(), bytes(old_size), 0);
                chains
            }
            false => luaM_realloc_(state, chains.cast(), bytes(old_size), bytes(size)).cast(),
        };
        (*global).size = size;
        (*global).chains = chains;
    }
}

/// The string of these bytes, which is made if there is none.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn luaS_newlstr(
    state: *mut State,
    bytes: *const u8,
    len: usize,
) -> *mut Text {
    // SAFETY: Lua calls this with a live state and `len` readable bytes, which may lie within a string of its own:
    // nothing is freed before they are copied. Nothing here owns what a long jump would leak.
    unsafe {
        let given = match len {
            0 => &[],
            _ => std::slice::from_raw_parts(bytes, len),
        };
        let hash = hash(given);
        let global = (*state).global;
        let mut at = *(*global).chains.add(chain(hash, (*global).size));
        while !at.is_null() {
            let text = at.cast::<Text>();
            if (*text).hash == hash
                && (*text).len == len
                && std::slice::from_raw_parts(text.add(1).cast::<u8>(), len) == given
            {
                let other_white = (*global).current_white ^ WHITES;
                if (*at).marked & other_white & WHITES != 0 {
                    // The collector has not freed it yet and need not.
                    (*at).marked ^= WHITES;
                }
                return text;
            }
            at = (*at).next;
        }
        if len > isize::MAX as usize - size_of::<Text>() - 1 {
            luaM_toobig(state);
        }
        let block = luaM_realloc_(state, std::ptr::null_mut(), 0, size_of::<Text>() + len + 1);
        let text = block.cast::<Text>();
        let place = (*global).chains.add(chain(hash, (*global).size));
        text.write(Text {
            next: *place,
            kind: LUA_TSTRING as u8,
            marked: (*global).current_white & WHITES,
            reserved: 0,
            hash,
            len,
        });
        let copy = text.add(1).cast::<u8>();
        std::ptr::copy_nonoverlapping(bytes, copy, len);
        *copy.add(len) = 0;
        *place = text.cast();
        (*global).texts += 1;
        if (*global).texts > (*global).size as u32 && (*global).size <= c_int::MAX / 2 {
            luaS_resize(state, (*global).size * 2);
        }
        text
    }
}

/// A userdata of `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn luaS_newudata(
    state: *mut State,
    len: usize,
    env: *mut c_void,
) -> *mut Userdata {
    // SAFETY: Lua calls this with a live state; its list of userdata begins after the main coroutine.
    unsafe {
        if len > isize::MAX as usize - size_of::<Userdata>() {
            luaM_toobig(state);
        }
        let block = luaM_realloc_(state, std::ptr::null_mut(), 0, size_of::<Userdata>() + len);
        let userdata = block.cast::<Userdata>();
        let global = (*state).global;
        let main = (*global).main;
        userdata.write(Userdata {
            next: (*main).next,
            kind: LUA_TUSERDATA as u8,
            marked: (*global).current_white & WHITES,
            metatable: std::ptr::null_mut(),
            env,
            len,
        });
        (*main).next = userdata.cast();
        userdata
    }
}

/// Makes the linker take these functions before it looks into Lua's library.
pub fn in_place() -> bool {
    let ours: [*const (); 3] = [
        luaS_resize as *const (),
        luaS_newlstr as *const (),
        luaS_newudata as *const (),
    ];
    std::hint::black_box(ours).iter().all(|f| !f.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_hash_depends_on_every_byte_and_on_the_secret() {
        let (one, other) = (
            Secret::new(HashKey::fixed([1, 2])),
            Secret::new(HashKey::fixed([1, 3])),
        );
        for len in [1, 8, 31, 32, 33, 63, 64, 65, 200, 4096] {
            let text = vec![b'a'; len];
            let mut seen = HashSet::from([one.hash(&text)]);
            for i in 0..len {
                let mut changed = text.clone();
                changed[i] = b'b';
                seen.insert(one.hash(&changed));
            }
            assert!(seen.len() + 2 > len, "{len}: {}", seen.len());
            assert_ne!(one.hash(&text), other.hash(&text));
        }
        assert_ne!(one.hash(&[0; 40]), one.hash(&[0; 41]));
    }

    #[test]
    fn lua_hashes_its_strings_with_these_functions() {
        let lua = mlua::Lua::new();
        for len in [0, 5, 40, 100_000] {
            let bytes = vec![b'x'; len];
            let text = lua.create_string(&bytes).expect("memory for a string");
            // SAFETY: the pointer is to the bytes of a live string, which follow its header.
            let header = unsafe { &*text.to_pointer().cast::<Text>().sub(1) };
            assert_eq!((header.hash, header.len), (hash(&bytes), len));
        }
    }
}
