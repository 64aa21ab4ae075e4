//! The memory of a window, which is mapped from the system and returned to it, in large pages if there are any.
//!
//! The loader threads read a window's records in hash order, and therefore at random places. With small pages, most
//! of these reads also miss the translation cache.

use memmap2::MmapMut;
use std::io;
use std::ops::Deref;

/// Bytes that are appended to, and read from anywhere.
#[derive(Default)]
pub struct Buffer {
    map: Option<MmapMut>,
    len: usize,
}

impl Buffer {
    /// The `count` bytes after the filled part, to be written to. The buffer grows at least by doubling.
    ///
    /// # Errors
    /// The system has no memory left.
    pub fn space(&mut self, count: usize, large_pages: bool) -> io::Result<&mut [u8]> {
        let needed = self.len + count;
        if self.capacity() < needed {
            let mut map =
                MmapMut::map_anon(needed.max(2 * self.capacity()).next_multiple_of(LARGE_PAGE))?;
            if large_pages {
                ask_for_large_pages(&map);
            }
            map[..self.len].copy_from_slice(self);
            self.map = Some(map);
        }
        Ok(match &mut self.map {
            Some(map) => &mut map[self.len..needed],
            None => &mut [],
        })
    }

    /// `count` bytes of the space have been written.
    ///
    /// # Panics
    /// When there is no such space.
    pub fn filled(&mut self, count: usize) {
        assert!(self.len + count <= self.capacity());
        self.len += count;
    }

    /// Forgets all bytes from `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Forgets all bytes; keeps the memory unless it is more than `at_most` bytes.
    pub fn clear(&mut self, at_most: usize) {
        self.len = 0;
        if self.capacity() > at_most {
            self.map = None;
        }
    }

    /// Bytes that there is memory for.
    pub fn capacity(&self) -> usize {
        self.map.as_ref().map_or(0, |map| map.len())
    }
}

/// Mappings are multiples of it, so that they can be made of such pages.
const LARGE_PAGE: usize = 2 << 20;

#[cfg(target_os = "linux")]
fn ask_for_large_pages(map: &MmapMut) {
    // A kernel without them refuses, which is fine.
    let _ = map.advise(memmap2::Advice::HugePage);
}

#[cfg(not(target_os = "linux"))]
fn ask_for_large_pages(_: &MmapMut) {}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.map {
            Some(map) => &map[..self.len],
            None => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_filled_stays_while_it_grows() {
        let mut buffer = Buffer::default();
        assert!(buffer.is_empty() && buffer.capacity() == 0);
        let data: Vec<u8> = (0..5_000_000u32).map(|i| (i / 7) as u8).collect();
        for (i, part) in data.chunks(300_001).enumerate() {
            buffer.space(part.len(), i % 2 == 0).unwrap()[..part.len()].copy_from_slice(part);
            buffer.filled(part.len());
        }
        assert!(*buffer == data[..]);
        buffer.truncate(10);
        assert_eq!(&buffer[..], &data[..10]);
        buffer.clear(1 << 30);
        assert!(buffer.is_empty() && buffer.capacity() >= data.len());
        buffer.clear(1 << 20);
        assert_eq!(buffer.capacity(), 0);
    }
}
