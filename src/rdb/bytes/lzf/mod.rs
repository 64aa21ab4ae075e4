//! LZF, the compression of strings: a decoder, a checker that writes nothing, and an encoder.
//!
//! A packed string is a row of items without header or end mark:
//!
//! ```text
//! 000nnnnn                        n+1 literal bytes follow
//! LLLooooo oooooooo               copy L+2 bytes from offset o+1 back   (L = 1..6)
//! 111ooooo LLLLLLLL oooooooo      copy L+9 bytes from offset o+1 back
//! ```
//!
//! Invariants: no input makes the decoder read or write outside its buffers or grow past the size that the
//! caller declared; a packed string is right only if it unpacks to exactly that size. Any stream of this form
//! is good for every reader, so the encoder need not (and does not) produce the bytes that Redis would.

use std::ops::Range;

/// The longest match an item can carry.
const MATCH_MAX: usize = 264;
/// The farthest an item can reach back.
const OFFSET_MAX: usize = 8192;
/// The longest literal run of one item.
const LITERAL_MAX: usize = 32;
/// Bytes that may be written past the end of the output, so that copies go in fixed steps.
const SLACK: usize = 32;

/// The size up to which a declared size is believed without looking at the packed bytes first.
const TRUSTED_MAX: usize = 1 << 20;

/// Whether `packed_len` bytes can unpack to `len` at all: three bytes give at most [`MATCH_MAX`].
///
/// Bounds what a declared size alone may make us allocate.
pub fn can_unpack_to(packed_len: usize, len: usize) -> bool {
    len as u64 <= (packed_len as u64).saturating_mul(MATCH_MAX as u64 / 3)
}

/// Whether `packed` unpacks to exactly `len` bytes, without unpacking it.
pub fn unpacks_to(packed: &[u8], len: usize) -> bool {
    let (mut i, mut o) = (0usize, 0usize);
    while let Some(&c) = packed.get(i) {
        let c = c as usize;
        if c < LITERAL_MAX {
            i += c + 2;
            o += c + 1;
        } else {
            let mut n = (c >> 5) + 2;
            i += 1;
            if n == 9 {
                let Some(&extra) = packed.get(i) else {
                    return false;
                };
                n += extra as usize;
                i += 1;
            }
            let Some(&low) = packed.get(i) else {
                return false;
            };
            i += 1;
            if ((c & 31) << 8) + low as usize >= o {
                return false;
            }
            o += n;
        }
        if o > len {
            return false;
        }
    }
    i == packed.len() && o == len
}

/// A reusable output buffer: grown once, never cleared between strings.
#[derive(Debug, Default, Clone)]
pub struct Unpacker {
    /// Bytes of earlier strings may follow the current one; only `[..len]` is ever shown.
    buf: Vec<u8>,
}

impl Unpacker {
    /// An empty buffer.
    pub fn new() -> Self {
        Unpacker::default()
    }

    /// Unpacks `packed` to exactly `len` bytes; `None` if it does not.
    ///
    /// Declared sizes that the packed bytes cannot reach allocate nothing.
    pub fn unpack(&mut self, packed: &[u8], len: usize) -> Option<&[u8]> {
        if !can_unpack_to(packed.len(), len) || (len > TRUSTED_MAX && !unpacks_to(packed, len)) {
            return None;
        }
        if self.buf.len() < len + SLACK {
            self.buf.resize(len + SLACK, 0);
        }
        unpack_into(packed, &mut self.buf[..len + SLACK], len)?;
        Some(&self.buf[..len])
    }

    /// Gives memory beyond `keep` bytes back.
    pub fn shrink(&mut self, keep: usize) {
        if self.buf.capacity() > keep {
            self.buf.truncate(keep);
            self.buf.shrink_to(keep);
        }
    }
}

/// Appends the `len` bytes that `packed` unpacks to; `None`, and `out` as before, if it does not.
pub fn unpack_append(packed: &[u8], len: usize, out: &mut Vec<u8>) -> Option<()> {
    if !can_unpack_to(packed.len(), len) || (len > TRUSTED_MAX && !unpacks_to(packed, len)) {
        return None;
    }
    let start = out.len();
    out.resize(start + len + SLACK, 0);
    let done = unpack_into(packed, &mut out[start..], len);
    out.truncate(if done.is_some() { start + len } else { start });
    done
}

/// `out` has [`SLACK`] bytes more than `len`; copies go in fixed steps that may spill into them.
fn unpack_into(packed: &[u8], out: &mut [u8], len: usize) -> Option<()> {
    debug_assert_eq!(out.len(), len + SLACK);
    let (mut i, mut o) = (0usize, 0usize);
    while let Some(&c) = packed.get(i) {
        let c = c as usize;
        i += 1;
        if c < LITERAL_MAX {
            let n = c + 1;
            if o + n > len {
                return None;
            }
            if let Some(run) = packed.get(i..i + LITERAL_MAX) {
                out[o..o + LITERAL_MAX].copy_from_slice(run);
            } else {
                out[o..o + n].copy_from_slice(packed.get(i..i + n)?);
            }
            i += n;
            o += n;
            if i > packed.len() {
                return None;
            }
        } else {
            let mut n = (c >> 5) + 2;
            if n == 9 {
                n += *packed.get(i)? as usize;
                i += 1;
            }
            let offset = ((c & 31) << 8) + *packed.get(i)? as usize + 1;
            i += 1;
            if offset > o || o + n > len {
                return None;
            }
            copy_match(out, o, offset, n);
            o += n;
        }
    }
    (o == len).then_some(())
}

/// Copies `n` bytes from `offset` back to `o`; may write up to 15 bytes too many.
#[inline]
fn copy_match(out: &mut [u8], o: usize, offset: usize, n: usize) {
    if offset >= 16 {
        let mut done = 0;
        while done < n {
            let from = o - offset + done;
            let step: [u8; 16] = out[from..from + 16].try_into().expect("sixteen bytes");
            out[o + done..o + done + 16].copy_from_slice(&step);
            done += 16;
        }
    } else if offset == 1 {
        let byte = out[o - 1];
        out[o..o + n].fill(byte);
    } else {
        // Source and target overlap: what was copied serves as source, twice as long each time.
        let (from, mut have) = (o - offset, offset);
        let end = offset + n;
        while have < end {
            let step = have.min(end - have);
            out.copy_within(from..from + step, from + have);
            have += step;
        }
    }
}

/// Bits of the encoder's table of recent positions.
const TABLE_BITS: u32 = 13;
/// Its places.
const TABLE: usize = 1 << TABLE_BITS;

/// The encoder, with its table of where three-byte sequences were seen last.
///
/// The table is never cleared: positions are counted on from string to string, and one that lies before the
/// current string is not a match.
#[derive(Debug, Clone)]
pub struct Packer {
    seen: Vec<u32>,
    /// The position that the first byte of the next string has.
    base: u32,
}

impl Packer {
    /// An encoder without a table, which is allocated (32 KiB) for the first string that is long enough.
    pub fn new() -> Self {
        Packer {
            seen: Vec::new(),
            base: 1,
        }
    }

    /// Appends `input` packed, if that saves at least four bytes; else `false` and `out` as before.
    ///
    /// Gives up early on what does not compress: the search step grows with the misses.
    pub fn pack(&mut self, input: &[u8], out: &mut Vec<u8>) -> bool {
        const MARGIN: usize = 4;
        let Some(limit) = input.len().checked_sub(MARGIN + 1) else {
            return false;
        };
        if input.len() >= (u32::MAX - 1) as usize {
            return false;
        }
        if u64::from(self.base) + input.len() as u64 > u64::from(u32::MAX) {
            self.seen.fill(0);
            self.base = 1;
        }
        if self.seen.is_empty() {
            self.seen = vec![0; TABLE];
        }
        let start = out.len();
        // Literals are copied with one control byte per 32: the worst case before the limit stops us.
        out.resize(start + input.len() + input.len() / LITERAL_MAX + SLACK, 0);
        let packed = self.pack_within(input, &mut out[start..], limit);
        self.base += input.len() as u32;
        out.truncate(start + packed.unwrap_or(0));
        packed.is_some()
    }

    /// Packs into `out`, which is long enough for literals alone; the packed size, if it is within `limit`.
    fn pack_within(&mut self, input: &[u8], out: &mut [u8], limit: usize) -> Option<usize> {
        let table = self.seen.first_chunk_mut::<TABLE>()?;
        let (mut at, mut literal_from, mut misses, mut o) = (0usize, 0usize, 0usize, 0usize);
        while at + 4 <= input.len() {
            let word = word_at(input, at);
            let here = self.base + at as u32;
            let seen = std::mem::replace(&mut table[slot(word)], here);
            // What was seen in an earlier string is farther back than this one reaches.
            let offset = (here - seen) as usize;
            let is_match =
                offset <= at.min(OFFSET_MAX) && (word_at(input, at - offset) ^ word) << 8 == 0;
            if !is_match {
                at += 1 + misses / 32;
                misses += 1;
                // The bytes before this place will be written as literals at least.
                if at - literal_from >= 1024 && o + (at - literal_from) > limit {
                    return None;
                }
                continue;
            }
            let n = match_len(input, at - offset, at);
            o = literals(input, literal_from..at, out, o);
            o = reference(offset, n, out, o);
            if o > limit {
                return None;
            }
            at += n;
            literal_from = at;
            misses = 0;
            if at + 3 <= input.len() {
                table[self::slot(word_at(input, at - 1))] = self.base + (at - 1) as u32;
            }
        }
        o = literals(input, literal_from..input.len(), out, o);
        (o <= limit).then_some(o)
    }
}

impl Default for Packer {
    fn default() -> Self {
        Packer::new()
    }
}

#[inline]
fn word_at(input: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(input[at..at + 4].try_into().expect("four bytes"))
}

/// The table slot of the three low bytes of `word`.
#[inline]
fn slot(word: u32) -> usize {
    ((word << 8).wrapping_mul(0x9e37_79b1) >> (32 - TABLE_BITS)) as usize
}

/// How many bytes agree at `from` and `at` (three do already), at most [`MATCH_MAX`].
#[inline]
fn match_len(input: &[u8], from: usize, at: usize) -> usize {
    let max = MATCH_MAX.min(input.len() - at);
    let (old, new) = (&input[from..from + max], &input[at..at + max]);
    let mut n = 3;
    // Most are short. A branch is guessed, so that the search goes on while the bytes are still on their way.
    while n < max.min(11) {
        if old[n] != new[n] {
            return n;
        }
        n += 1;
    }
    while n + 8 <= max {
        let a = u64::from_le_bytes(old[n..n + 8].try_into().expect("eight bytes"));
        let b = u64::from_le_bytes(new[n..n + 8].try_into().expect("eight bytes"));
        if a != b {
            return n + ((a ^ b).trailing_zeros() / 8) as usize;
        }
        n += 8;
    }
    while n < max && old[n] == new[n] {
        n += 1;
    }
    n
}

/// Writes bytes of the input as they are to `out` from `o` on; returns the end. Short runs, nearly all, take no branch
/// that depends on their length.
#[inline]
fn literals(input: &[u8], mut run: Range<usize>, out: &mut [u8], mut o: usize) -> usize {
    const STEP: usize = 16;
    if run.len() <= STEP
        && let Some(from) = input.get(run.start..run.start + STEP)
        && let Some(to) = out.get_mut(o..o + 1 + STEP)
    {
        to[0] = (run.len() as u8).wrapping_sub(1);
        to[1..].copy_from_slice(from);
        return o + run.len() + usize::from(!run.is_empty());
    }
    while !run.is_empty() {
        let n = run.len().min(LITERAL_MAX);
        out[o] = (n - 1) as u8;
        out[o + 1..o + 1 + n].copy_from_slice(&input[run.start..run.start + n]);
        o += 1 + n;
        run.start += n;
    }
    o
}

/// Writes a copy of `n` bytes from `offset` back to `out` from `o` on; returns the end.
#[inline]
fn reference(offset: usize, n: usize, out: &mut [u8], o: usize) -> usize {
    let (back, coded) = (offset - 1, n - 2);
    let more = usize::from(coded >= 7);
    let out = &mut out[o..o + 3];
    out[0] = (coded.min(7) << 5) as u8 | (back >> 8) as u8;
    out[1] = (coded as u8).wrapping_sub(7);
    out[1 + more] = back as u8;
    o + 2 + more
}

#[cfg(test)]
mod tests;
