//! Groups of 16 slots: where the entries of a segment are, and their heat.
//!
//! ```text
//! group: 64 bytes = 16 tags, 16 offsets (u16 LE), 16 low bytes of heat      one cache line
//! after all groups of the segment, 32 bytes for each: 16 x upper 16 bits of heat
//! ```
//!
//! A tag is 8 bits of the hash; 0 means empty, 1 removed. A search for a key begins at its home group
//! and ends at the first group with an empty slot.

/// Slots in a group.
pub const SLOTS: usize = 16;
/// Bytes of a group.
pub const GROUP: usize = 64;
/// Bytes of a group's upper halves of heat.
pub const HEATS: usize = 32;

const EMPTY: u8 = 0;
const REMOVED: u8 = 1;

/// The slots of a segment: a view of the bytes of `count` groups and their heats.
#[derive(Clone, Copy)]
pub struct Slots<'a> {
    groups: &'a [[u8; GROUP]],
    heats: &'a [[u8; HEATS]],
}

/// As [`Slots`], to be changed.
pub struct SlotsMut<'a> {
    groups: &'a mut [[u8; GROUP]],
    heats: &'a mut [[u8; HEATS]],
}

/// Bytes that `count` groups take.
#[inline]
pub const fn bytes_for(count: usize) -> usize {
    count * (GROUP + HEATS)
}

/// The tag of a hash.
#[inline]
pub fn tag(hash: u64) -> u8 {
    let tag = hash as u8;
    if tag <= REMOVED { tag + 2 } else { tag }
}

/// The group in which a hash is looked for first.
#[inline]
pub fn home(hash: u64, count: usize) -> usize {
    ((hash >> 8 & 0xff_ffff) as usize * count) >> 24
}

/// One bit for each of 16 bytes that equals `byte`.
#[inline]
#[cfg(target_arch = "x86_64")]
pub fn matches(tags: &[u8; SLOTS], byte: u8) -> u16 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};
    let (low, high) = halves(tags);
    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        let tags = _mm_set_epi64x(high as i64, low as i64);
        _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8(byte as i8))) as u16
    }
}

/// One bit for each of 16 bytes that equals `byte`.
#[inline]
#[cfg(not(target_arch = "x86_64"))]
pub fn matches(tags: &[u8; SLOTS], byte: u8) -> u16 {
    matches_portably(tags, byte)
}

/// Bytes equal to `byte`, found in 64-bit words: exact in every byte, on any machine.
#[inline]
#[cfg_attr(target_arch = "x86_64", allow(dead_code))]
fn matches_portably(tags: &[u8; SLOTS], byte: u8) -> u16 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let word = |word: u64| {
        let differs = word ^ (0x0101_0101_0101_0101 * byte as u64);
        // The top bit of each byte that is zero; no carry leaves a byte.
        let zero = !(((differs & LOW) + LOW) | differs | LOW);
        // Gathers the eight top bits in the top byte.
        (zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
    };
    let (low, high) = halves(tags);
    (word(low) | word(high) << 8) as u16
}

#[inline(always)]
fn halves(tags: &[u8; SLOTS]) -> (u64, u64) {
    let word = |at: usize| u64::from_le_bytes(tags[at..at + 8].try_into().expect("8 bytes"));
    (word(0), word(8))
}

#[inline(always)]
fn tags(group: &[u8; GROUP]) -> &[u8; SLOTS] {
    group[..SLOTS].try_into().expect("16 bytes")
}

#[inline(always)]
fn offset(group: &[u8; GROUP], slot: usize) -> usize {
    let at = SLOTS + 2 * slot;
    u16::from_le_bytes([group[at], group[at + 1]]) as usize
}

fn occupied(group: &[u8; GROUP]) -> u16 {
    !(matches(tags(group), EMPTY) | matches(tags(group), REMOVED))
}

/// Where a record begins within its segment. It is obtained from a slot or by appending a record. No number is turned
/// into one outside this folder, so there always is a record at this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordAt(u16);

impl RecordAt {
    /// The place of a record that was written there.
    #[inline(always)]
    pub(super) fn written(offset: usize) -> Self {
        debug_assert!(offset <= usize::from(u16::MAX), "segments are smaller");
        RecordAt(offset as u16)
    }

    /// Bytes from the first record on.
    #[inline(always)]
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl<'a> Slots<'a> {
    /// The slots in `bytes`, whose length is [`bytes_for`] the number of groups.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        let count = bytes.len() / (GROUP + HEATS);
        let (groups, heats) = bytes.split_at(count * GROUP);
        Slots {
            groups: groups.as_chunks().0,
            heats: heats.as_chunks().0,
        }
    }

    /// Number of groups.
    #[inline]
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The slot whose tag fits and for whose offset `is` says yes.
    #[inline(always)]
    pub fn find(&self, hash: u64, is: impl FnMut(usize) -> bool) -> Option<usize> {
        self.find_or_empty(hash, is).ok()
    }

    /// As [`Slots::find`]; if there is none, an empty slot where one would be found.
    #[inline(always)]
    pub fn find_or_empty(
        &self,
        hash: u64,
        mut is: impl FnMut(usize) -> bool,
    ) -> Result<usize, Option<usize>> {
        let count = self.groups.len();
        let tag = tag(hash);
        let mut at = home(hash, count);
        for _ in 0..count {
            let group = &self.groups[at];
            let mut bits = matches(tags(group), tag);
            while bits != 0 {
                let slot = bits.trailing_zeros() as usize;
                if is(offset(group, slot)) {
                    return Ok(at * SLOTS + slot);
                }
                bits &= bits - 1;
            }
            let empty = matches(tags(group), EMPTY);
            if empty != 0 {
                return Err(Some(at * SLOTS + empty.trailing_zeros() as usize));
            }
            at = if at + 1 == count { 0 } else { at + 1 };
        }
        Err(None)
    }

    /// The offset in a slot.
    #[inline]
    pub fn offset(&self, slot: usize) -> RecordAt {
        RecordAt::written(offset(&self.groups[slot / SLOTS], slot % SLOTS))
    }

    /// The heat in a slot.
    #[inline]
    pub fn heat(&self, slot: usize) -> u32 {
        let (group, slot) = (slot / SLOTS, slot % SLOTS);
        let low = self.groups[group][3 * SLOTS + slot];
        let high = &self.heats[group][2 * slot..];
        u32::from_le_bytes([low, high[0], high[1], 0])
    }

    /// True for a slot that holds an entry.
    #[inline]
    pub fn is_occupied(&self, slot: usize) -> bool {
        let group = self.groups.get(slot / SLOTS);
        group.is_some_and(|group| group[slot % SLOTS] > REMOVED)
    }

    /// The slots that hold entries, in order.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = usize> + 'a {
        (0..self.groups.len()).flat_map(move |group| self.occupied_in(group))
    }

    /// The slots of a group that hold entries.
    #[inline]
    pub fn occupied_in(&self, group: usize) -> impl Iterator<Item = usize> + use<> {
        let mut bits = occupied(&self.groups[group]);
        std::iter::from_fn(move || {
            let slot = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
            bits &= bits - 1;
            Some(group * SLOTS + slot)
        })
    }

    /// An occupied slot, if there is one: in a random group, or the next one with entries.
    pub fn random(&self, random: u64) -> Option<usize> {
        let count = self.groups.len();
        let start = (random as u32 as usize * count) >> 32;
        for at in (start..count).chain(0..start) {
            let mut bits = occupied(&self.groups[at]);
            if bits != 0 {
                for _ in 0..(random >> 32) as u32 % bits.count_ones() {
                    bits &= bits - 1;
                }
                return Some(at * SLOTS + bits.trailing_zeros() as usize);
            }
        }
        None
    }

    /// The offset in the first slot of the home group whose tag fits.
    #[inline]
    pub fn likely_offset(&self, hash: u64) -> Option<usize> {
        let group = &self.groups[home(hash, self.groups.len())];
        let bits = matches(tags(group), tag(hash));
        (bits != 0).then(|| offset(group, bits.trailing_zeros() as usize))
    }

    /// Address of the line in which a hash is looked for first, to be prefetched.
    #[inline]
    pub fn home_line(&self, hash: u64) -> *const u8 {
        self.groups[home(hash, self.groups.len())].as_ptr()
    }

    /// Address of the heats that go with that line.
    #[inline]
    pub fn home_heats(&self, hash: u64) -> *const u8 {
        self.heats[home(hash, self.heats.len())].as_ptr()
    }
}

impl<'a> SlotsMut<'a> {
    /// As [`Slots::new`].
    #[inline]
    pub fn new(bytes: &'a mut [u8]) -> Self {
        let count = bytes.len() / (GROUP + HEATS);
        let (groups, heats) = bytes.split_at_mut(count * GROUP);
        SlotsMut {
            groups: groups.as_chunks_mut().0,
            heats: heats.as_chunks_mut().0,
        }
    }

    /// Number of groups.
    #[inline]
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Marks all slots empty, with offset 0.
    pub fn clear(&mut self) {
        for group in &mut *self.groups {
            group[..3 * SLOTS].fill(EMPTY);
        }
    }

    /// Sets the offset of slots without an entry to 0, because the records that they had are about to be removed.
    pub fn forget_removed(&mut self) {
        for group in &mut *self.groups {
            let mut vacant = !occupied(group);
            while vacant != 0 {
                let at = SLOTS + 2 * vacant.trailing_zeros() as usize;
                group[at..at + 2].fill(0);
                vacant &= vacant - 1;
            }
        }
    }

    /// Stores an entry in the first free slot on its path, which must exist. Returns the slot, and whether an entry had
    /// been removed from it.
    #[inline]
    pub fn place(&mut self, hash: u64, offset: RecordAt, heat: u32) -> (usize, bool) {
        let count = self.groups.len();
        let mut at = home(hash, count);
        loop {
            let group = &mut self.groups[at];
            let bits = matches(tags(group), EMPTY) | matches(tags(group), REMOVED);
            if bits != 0 {
                let slot = bits.trailing_zeros() as usize;
                let was_removed = group[slot] == REMOVED;
                let slot = at * SLOTS + slot;
                self.fill(slot, hash, offset, heat);
                return (slot, was_removed);
            }
            at = if at + 1 == count { 0 } else { at + 1 };
        }
    }

    /// Stores an entry in a slot that is free and on its path.
    #[inline]
    pub fn fill(&mut self, slot: usize, hash: u64, offset: RecordAt, heat: u32) {
        self.groups[slot / SLOTS][slot % SLOTS] = tag(hash);
        self.set_offset(slot, offset);
        self.set_heat(slot, heat);
    }

    /// Removes an entry; true if its slot cannot be empty yet, because a key further on its path may
    /// be looked for through it.
    #[inline]
    pub fn remove(&mut self, slot: usize) -> bool {
        let group = &mut self.groups[slot / SLOTS];
        let stays = matches(tags(group), EMPTY) == 0;
        group[slot % SLOTS] = if stays { REMOVED } else { EMPTY };
        stays
    }

    /// Points a slot at another record.
    #[inline]
    pub fn set_offset(&mut self, slot: usize, offset: RecordAt) {
        let at = SLOTS + 2 * (slot % SLOTS);
        let bytes = offset.0.to_le_bytes();
        self.groups[slot / SLOTS][at..at + 2].copy_from_slice(&bytes);
    }

    /// Sets the heat in a slot.
    #[inline]
    pub fn set_heat(&mut self, slot: usize, heat: u32) {
        let (group, slot) = (slot / SLOTS, slot % SLOTS);
        let [low, a, b, _] = heat.to_le_bytes();
        self.groups[group][3 * SLOTS + slot] = low;
        self.heats[group][2 * slot..2 * slot + 2].copy_from_slice(&[a, b]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portable_probe_agrees_with_the_vector_probe() {
        let mut state = 88_172_645_463_325_252u64;
        for _ in 0..10_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // Few values, so that neighbours match often.
            let bytes = (state as u128) << 64 | (state.rotate_left(23) as u128);
            let tags = (bytes & (u128::MAX / 255 * 3)).to_le_bytes();
            for byte in [0, 1, 2, 3, 0x80, 0xff] {
                let plain = (0..16).fold(0, |bits, i| bits | ((tags[i] == byte) as u16) << i);
                assert_eq!(matches(&tags, byte), plain);
                assert_eq!(matches_portably(&tags, byte), plain);
            }
        }
        assert_eq!(matches_portably(&[0x80; 16], 0), 0);
        assert_eq!(matches_portably(&[0xff; 16], 0xff), 0xffff);
    }

    #[test]
    fn a_key_that_overflowed_its_group_is_found_after_removals_before_it() {
        let mut bytes = vec![0; bytes_for(3)];
        let mut slots = SlotsMut::new(&mut bytes);
        for offset in 0..40 {
            slots.place(7, RecordAt::written(offset), offset as u32 * 0x1111);
        }
        assert!(slots.remove(3), "the group was full");
        let slots = Slots::new(&bytes);
        for offset in (0..40).filter(|&o| o != 3) {
            let slot = slots.find(7, |o| o == offset).expect("still there");
            assert_eq!(
                (slots.offset(slot), slots.heat(slot)),
                (RecordAt::written(offset), offset as u32 * 0x1111)
            );
        }
        assert_eq!(slots.find(7, |o| o == 3), None);
        assert_eq!(slots.iter().count(), 39);
    }
}
