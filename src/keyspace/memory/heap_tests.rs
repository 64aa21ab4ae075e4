//! Extents are allocated, freed, enlarged and moved at random. Each keeps its bytes, and no two overlap.

use super::heap::{EXTENT_MAX, Extent, Heap, Kind};
use crate::testing::Random;

/// An extent, the number in all of its 8-byte words, and which of its bytes it filled.
struct Held {
    extent: Extent,
    mark: u64,
}

impl Held {
    fn fill(&mut self) {
        let mark = self.mark.to_le_bytes();
        let words = self.extent.bytes_mut().as_chunks_mut().0;
        words.iter_mut().for_each(|word| *word = mark);
    }

    fn check(&self, len: usize) {
        let mark = self.mark.to_le_bytes();
        let words = self.extent.bytes()[..len].as_chunks().0;
        assert!(words.iter().all(|&word| word == mark), "{}", self.mark);
    }
}

fn size(random: &mut Random) -> usize {
    let most = [600, 5000, EXTENT_MAX as u64][random.below(3) as usize];
    1 + random.below(most) as usize
}

/// Moves all extents out of the region with the largest holes.
fn drain(heap: &mut Heap, held: &mut [Held]) {
    let Some(region) = heap.drain_worst(1 << 18) else {
        return;
    };
    let mut unit = 0;
    while let Some((_, first, _, next)) = heap.extent_in(region, unit) {
        unit = next;
        let mark = u64::from_le_bytes(first[..8].try_into().unwrap());
        let held = held.iter_mut().find(|h| h.mark == mark).unwrap();
        let mut new = heap.alloc(held.extent.len(), Kind::Segment);
        new.bytes_mut().copy_from_slice(held.extent.bytes());
        heap.free(std::mem::replace(&mut held.extent, new));
    }
}

#[test]
fn extents_keep_their_bytes_and_never_overlap_whatever_happens_around_them() {
    for seed in 0..4 {
        let mut random = Random::Seed(seed);
        let (mut heap, mut held): (Heap, Vec<Held>) = Default::default();
        for step in 0..20_000u64 {
            // It swells to some 20 MB, then shrinks to nothing.
            let grows = step < 10_000;
            match random.below(10) {
                0..=4 if grows || random.one_in(4) => {
                    let mut new = Held {
                        extent: heap.alloc(size(&mut random), Kind::Segment),
                        mark: step,
                    };
                    new.fill();
                    held.push(new);
                }
                0..=6 if !held.is_empty() => {
                    let at = random.below(held.len() as u64) as usize;
                    let gone = held.swap_remove(at);
                    gone.check(gone.extent.len());
                    heap.free(gone.extent);
                }
                7 | 8 if !held.is_empty() => {
                    let at = random.below(held.len() as u64) as usize;
                    let (this, want) = (&mut held[at], size(&mut random));
                    let before = this.extent.len();
                    let grown = heap.grow(&mut this.extent, want);
                    assert!(!grown || this.extent.len() >= want);
                    this.check(before);
                    this.fill();
                }
                _ if random.one_in(20) => {
                    heap.purge(1 + random.below(3) as usize, random.below(20) as usize);
                }
                _ if random.one_in(20) => drain(&mut heap, &mut held),
                _ => {}
            }
        }
        held.iter().for_each(|h| h.check(h.extent.len()));
        let used: usize = held.iter().map(|h| h.extent.len()).sum();
        assert_eq!(heap.used_bytes(), used);
        held.into_iter().for_each(|h| heap.free(h.extent));
        heap.purge(usize::MAX, usize::MAX);
        assert_eq!(heap.used_bytes(), 0);
        // The first page of each region that stays holds its number.
        assert!(
            heap.resident_bytes() <= 2 * 4096,
            "{}",
            heap.resident_bytes()
        );
    }
}
