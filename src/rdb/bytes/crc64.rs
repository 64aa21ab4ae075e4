//! CRC-64/Jones, the checksum of files and DUMP payloads, on the crate `crc-fast`.
//!
//! The polynomial is 0xad93d23594c935a9, reflected, with 0 as initial value and final xor.
//! docs/decisions/0001-checksum-crate.md says why this is not the better-known `crc64fast`.

use crc_fast::{CrcAlgorithm, Digest};

/// A running checksum.
#[derive(Clone, Copy)]
pub struct Crc64(Digest);

impl Crc64 {
    /// The checksum of no bytes, which is 0.
    pub fn new() -> Self {
        Crc64(Digest::new(CrcAlgorithm::Crc64Redis))
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum so far; more bytes may follow.
    pub fn value(&self) -> u64 {
        self.0.finalize()
    }
}

impl Default for Crc64 {
    fn default() -> Self {
        Crc64::new()
    }
}

impl std::fmt::Debug for Crc64 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Crc64({:016x})", self.value())
    }
}

/// The checksum of `bytes`.
pub fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Redis, bytes)
}

/// The checksum of `a` followed by `b`, from their checksums and the length of `b` in bytes.
pub fn combine(a: u64, b: u64, b_len: u64) -> u64 {
    crc_fast::checksum_combine(CrcAlgorithm::Crc64Redis, a, b, b_len)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bit by bit, from the definition.
    fn plain(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0, |crc, &b| {
            (0..8).fold(crc ^ u64::from(b), |c, _| {
                (c >> 1) ^ if c & 1 == 1 { 0x95ac_9329_ac4b_c9b5 } else { 0 }
            })
        })
    }

    #[test]
    fn the_check_value_is_that_of_crc_64_jones() {
        assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(b""), 0);
    }

    #[test]
    fn streaming_and_combining_give_the_checksum_of_the_whole() {
        let data: Vec<u8> = (0..10_000u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        let whole = crc64(&data);
        assert_eq!(whole, plain(&data));
        for cut in [0, 1, 7, 8, 255, 256, 4096, 9_999, 10_000] {
            let (a, b) = data.split_at(cut);
            let mut running = Crc64::new();
            running.update(a);
            running.update(b);
            assert_eq!(running.value(), whole, "cut at {cut}");
            assert_eq!(
                combine(crc64(a), crc64(b), b.len() as u64),
                whole,
                "cut at {cut}"
            );
        }
    }
}
