//! The codec against the specification's vectors, against itself and against the crate `lzf`.

use super::*;
use base::testing::Rng;

fn unpack(packed: &[u8], len: usize) -> Option<Vec<u8>> {
    let checked = unpacks_to(packed, len);
    let mut unpacker = Unpacker::new();
    let out = unpacker.unpack(packed, len).map(<[u8]>::to_vec);
    assert_eq!(checked && can_unpack_to(packed.len(), len), out.is_some());
    let mut appended = b"before".to_vec();
    assert_eq!(
        unpack_append(packed, len, &mut appended).is_some(),
        out.is_some()
    );
    assert_eq!(&appended[6..], out.as_deref().unwrap_or_default());
    out
}

#[test]
fn the_vectors_of_the_specification_unpack() {
    assert_eq!(unpack(b"\x01aa\xe0\x0a\x00", 21).unwrap(), vec![b'a'; 21]);
    assert_eq!(
        unpack(b"\x01aa\xe0\x0a\x00\x00a", 22).unwrap(),
        vec![b'a'; 22]
    );
    assert_eq!(unpack(b"", 0).unwrap(), b"");
}

#[test]
fn wrong_sizes_truncations_and_references_before_the_start_are_refused() {
    let packed = b"\x01aa\xe0\x0a\x00\x00a";
    for len in [0, 1, 20, 21, 23, 1 << 40, usize::MAX] {
        assert_eq!(unpack(packed, len), None, "declared {len}");
    }
    for cut in 0..packed.len() {
        assert_eq!(unpack(&packed[..cut], 22), None, "cut at {cut}");
    }
    assert_eq!(unpack(b"\x00a\x20\x01", 4), None);
    assert_eq!(unpack(b"\x00a\x20\x00", 4).unwrap(), b"aaaa");
    assert_eq!(unpack(b"\x20\x00", 3), None);
    assert_eq!(unpack(b"\x1fabc", 32), None);
}

/// Bytes with repetitions at many distances, so that every form of item occurs.
fn sample(rng: &mut Rng) -> Vec<u8> {
    let len = match rng.below(4) {
        0 => rng.below(64),
        1 => rng.below(1024),
        _ => rng.below(40_000),
    };
    let letters = [1, 2, 4, 16, 256][rng.below(5)];
    let mut data: Vec<u8> = Vec::new();
    while data.len() < len {
        if !data.is_empty() && rng.below(3) == 0 {
            let from = rng.below(data.len());
            let n = (1 + rng.below(400)).min(len - data.len());
            for i in 0..n {
                data.push(data[from + i]);
            }
        } else {
            data.push(rng.below(letters) as u8);
        }
    }
    data
}

#[test]
fn packing_and_unpacking_give_the_input_back_here_and_in_the_oracle() {
    let mut rng = Rng::new(0x1f2f);
    let mut packer = Packer::new();
    let mut packed_some = 0;
    for _ in 0..2_000 {
        let data = sample(&mut rng);
        let mut packed = b"x".to_vec();
        if !packer.pack(&data, &mut packed) {
            assert_eq!(packed, b"x");
            continue;
        }
        packed_some += 1;
        let packed = &packed[1..];
        assert!(packed.len() + 4 < data.len() + 1);
        assert_eq!(unpack(packed, data.len()).as_deref(), Some(&data[..]));
        assert_eq!(
            lzf::decompress(packed, data.len()).as_deref(),
            Ok(&data[..])
        );
    }
    assert!(packed_some > 1_000);
}

#[test]
fn what_the_oracle_packs_unpacks() {
    let mut rng = Rng::new(7);
    for _ in 0..500 {
        let data = sample(&mut rng);
        if let Ok(packed) = lzf::compress(&data) {
            assert_eq!(unpack(&packed, data.len()).as_deref(), Some(&data[..]));
        }
    }
}

#[test]
fn random_bytes_agree_with_the_oracle_and_never_panic() {
    let mut rng = Rng::new(99);
    let mut unpacker = Unpacker::new();
    for _ in 0..50_000 {
        let packed: Vec<u8> = (0..rng.below(40)).map(|_| rng.byte()).collect();
        let len = rng.below(400);
        let ours = unpacker.unpack(&packed, len).map(<[u8]>::to_vec);
        assert_eq!(unpacks_to(&packed, len), ours.is_some());
        let theirs = lzf::decompress(&packed, len)
            .ok()
            .filter(|d| d.len() == len);
        if len > 0 && can_unpack_to(packed.len(), len) {
            assert_eq!(ours, theirs, "{packed:02x?} to {len}");
        }
    }
}

#[test]
fn a_table_left_by_earlier_strings_gives_no_false_match() {
    let mut packer = Packer::new();
    packer.base = u32::MAX - 5_000; // wraps within the loop
    for round in 0..40u32 {
        let data: Vec<u8> = (0..2_000u32).map(|i| (i / 7 + round) as u8).collect();
        let mut packed = Vec::new();
        assert!(packer.pack(&data, &mut packed));
        assert_eq!(unpack(&packed, data.len()).as_deref(), Some(&data[..]));
    }
}
