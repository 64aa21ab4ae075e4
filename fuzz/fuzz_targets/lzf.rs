//! LZF: the three readers agree, and what is packed unpacks.
#![no_main]

use forebay_fuzz::rdb::lzf::{Packer, Unpacker, can_unpack_to, unpack_append, unpacks_to};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut unpacker = Unpacker::new();
    if let [a, b, packed @ ..] = bytes {
        let len = usize::from(u16::from_le_bytes([*a, *b]));
        let out = unpacker.unpack(packed, len).map(<[u8]>::to_vec);
        assert_eq!(out.is_some(), unpacks_to(packed, len) && can_unpack_to(packed.len(), len));
        let mut appended = Vec::new();
        assert_eq!(unpack_append(packed, len, &mut appended).is_some(), out.is_some());
        assert_eq!(appended, out.unwrap_or_default());
    }
    let mut packed = Vec::new();
    // The second round meets the table that the first one left.
    let mut packer = Packer::new();
    for _ in 0..2 {
        packed.clear();
        if packer.pack(bytes, &mut packed) {
            assert!(packed.len() + 4 < bytes.len() + 1);
            assert_eq!(unpacker.unpack(&packed, bytes.len()), Some(bytes));
        }
    }
});
