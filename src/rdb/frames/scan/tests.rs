//! The scanner on the specification's file, on every prefix of it and on defects.

use super::*;
use crate::tags::rdb_type::RdbType;

/// Section 1.6 of the format's specification: loads in Redis 8.2, 8.6 and Valkey 8.1, 9.0, 9.1.
pub(crate) const SMALL: &[u8] = b"REDIS0011\
\xfa\x09redis-ver\x057.2.4\xfa\x0aredis-bits\xc0\x40\xfe\x00\xfb\x03\x01\
\xfc\x00\xd8\xc3\x2c\xbb\x03\x00\x00\x00\x01k\x01v\x00\x01n\xc1\x2c\x01\
\x12\x01l\x01\x02\x0c\x0c\x00\x00\x00\x02\x00\x81a\x02\x05\x01\xff\xff\x64\xd8\xbb\x78\x65\x3c\x77\x53";

fn frames(bytes: &[u8]) -> Result<Vec<Frame<'_>>, RdbError> {
    let mut scanner = Scanner::new();
    let (mut out, mut at) = (Vec::new(), 0);
    loop {
        match scanner.next(&bytes[at..])? {
            Step::Frame { frame, consumed } => {
                at += consumed;
                assert_eq!(scanner.offset(), at as u64);
                let done = matches!(frame, Frame::Eof { .. });
                out.push(frame);
                if done {
                    return Ok(out);
                }
            }
            Step::NeedMore { at_least } => {
                assert!(at_least > (bytes.len() - at) as u64);
                return Err(scanner.truncated());
            }
        }
    }
}

fn keys(body: &[u8]) -> Result<Vec<Record<'static>>, RdbError> {
    let bytes = [b"REDIS0011", body, b"\xff\0\0\0\0\0\0\0\0"].concat();
    let frames = frames(bytes.leak())?;
    Ok(frames
        .into_iter()
        .filter_map(|f| if let Frame::Key(r) = f { Some(r) } else { None })
        .collect())
}

#[test]
fn the_file_of_the_specification_gives_its_frames() {
    let got = frames(SMALL).unwrap();
    let text = |s: &'static str| Cow::Borrowed(s.as_bytes());
    assert_eq!(got[0], Frame::Header(RdbVersion::REDIS_11));
    assert_eq!(
        got[1],
        Frame::Aux {
            name: text("redis-ver"),
            value: text("7.2.4")
        }
    );
    assert_eq!(
        got[2],
        Frame::Aux {
            name: text("redis-bits"),
            value: text("64")
        }
    );
    assert_eq!(
        got[3..5],
        [
            Frame::SelectDb(0),
            Frame::ResizeDb {
                keys: 3,
                expires: 1
            }
        ]
    );
    let Frame::Key(k) = &got[5] else { panic!() };
    assert_eq!(
        (&*k.key, k.value, k.expire_ms),
        (&b"k"[..], &b"\x01v"[..], Some(4_102_444_800_000))
    );
    assert_eq!(
        (k.body, k.offset),
        (
            &b"\x00\x01k\x01v"[..],
            SMALL.windows(3).position(|w| w == b"\x00\x01k").unwrap() as u64
        )
    );
    let Frame::Key(n) = &got[6] else { panic!() };
    assert_eq!(
        (&*n.key, n.value, n.expire_ms),
        (&b"n"[..], &b"\xc1\x2c\x01"[..], None)
    );
    let Frame::Key(l) = &got[7] else { panic!() };
    assert_eq!(
        (l.rdb_type, &*l.key, l.value.len()),
        (RdbType::Quicklist2, &b"l"[..], 15)
    );
    let covered = SMALL.len() as u64 - 8;
    assert_eq!(
        got[8],
        Frame::Eof {
            checksum: Some(0x5377_3c65_78bb_d864),
            covered
        }
    );
    assert_eq!(
        crate::crc64::crc64(&SMALL[..covered as usize]),
        0x5377_3c65_78bb_d864
    );
}

#[test]
fn every_prefix_asks_for_more_and_reads_on_where_it_stopped() {
    let whole = frames(SMALL).unwrap();
    for cut in 0..SMALL.len() {
        assert_eq!(
            frames(&SMALL[..cut]).unwrap_err().kind,
            ErrorKind::Truncated,
            "cut at {cut}"
        );
    }
    // The window grows byte by byte: the same frames come out.
    let (mut scanner, mut at, mut end, mut got) = (Scanner::new(), 0, 0, Vec::new());
    while got.len() < whole.len() {
        match scanner.next(&SMALL[at..end]).unwrap() {
            Step::Frame { frame, consumed } => {
                got.push(frame);
                at += consumed;
            }
            Step::NeedMore { .. } => end += 1,
        }
    }
    assert_eq!(got, whole);
}

#[test]
fn attributes_wait_for_the_next_key_and_are_then_gone() {
    let got =
        keys(b"\xfd\x01\0\0\0\xf8\x42\xbc\xf9\x07\xfe\x03\x00\x01a\x00\x00\x01b\x00").unwrap();
    assert_eq!(
        (got[0].expire_ms, got[0].idle_s, got[0].freq),
        (Some(1000), Some(700), Some(7))
    );
    assert_eq!(
        (got[1].expire_ms, got[1].idle_s, got[1].freq),
        (None, None, None)
    );
    let minus_one = keys(b"\xfc\xff\xff\xff\xff\xff\xff\xff\xff\x00\x01a\x00").unwrap();
    assert_eq!(minus_one[0].expire_ms, None);
    let twice = keys(b"\xfc\x01\0\0\0\0\0\0\0\xfc\x02\0\0\0\0\0\0\0\x02\x01a\x01\x01m").unwrap();
    assert_eq!(twice[0].expire_ms, Some(2));
}

#[test]
fn errors_tell_the_offset_and_the_key() {
    let error = keys(b"\x00\x01a\x01x\x02\x03key\x01\x82").unwrap_err();
    assert_eq!(
        (error.kind, error.offset, error.key.as_deref()),
        (ErrorKind::BadLength(0x82), 20, Some(&b"key"[..]))
    );
    let error = keys(b"\x08\x03key\x01\x82").unwrap_err();
    assert_eq!(
        (error.kind, error.offset, error.key.as_deref()),
        (ErrorKind::UnknownType(8), 9, Some(&b"key"[..]))
    );
    assert_eq!(
        keys(b"\xf3\x00").unwrap_err().kind,
        ErrorKind::UnknownOpcode(243)
    );
    assert_eq!(
        keys(b"\xf2\x00").unwrap_err().kind,
        ErrorKind::UnknownOpcode(242)
    );
    assert_eq!(
        keys(b"\xfe\x80\xff\xff\xff\xff").unwrap_err().kind,
        ErrorKind::BadCount(0xffff_ffff)
    );
    assert_eq!(
        keys(b"\x06\x01m\x00").unwrap_err().kind,
        ErrorKind::UnreadableType(6)
    );
    assert_eq!(
        keys(b"\x16\x01h\x00").unwrap_err().kind,
        ErrorKind::UnknownType(22)
    );
}

#[test]
fn a_declared_length_asks_for_its_bytes_and_allocates_nothing() {
    let bytes = b"REDIS0011\x00\x01k\x81\x00\xff\xff\xff\xff\xff\xff\xff";
    let mut scanner = Scanner::new();
    assert!(matches!(
        scanner.next(bytes),
        Ok(Step::Frame { consumed: 9, .. })
    ));
    assert_eq!(
        scanner.next(&bytes[9..]),
        Ok(Step::NeedMore {
            at_least: 12 + 0xff_ffff_ffff_ffff
        })
    );
    assert_eq!(scanner.truncated().key.as_deref(), Some(&b"k"[..]));
}

#[test]
fn module_values_and_auxiliary_data_are_found_whole() {
    let got = keys(b"\x07\x01m\x81\xbd\xe7\x2d\xa2\xbb\x1e\xb4\x00\x01\x05\x02\x06\x03\0\0\0\0\x04\0\0\0\0\0\0\0\0\x05\x01x\x00").unwrap();
    assert_eq!(
        (got[0].rdb_type, got[0].value.len()),
        (RdbType::Module2, 9 + 2 + 2 + 5 + 9 + 3 + 1)
    );
    let aux = b"REDIS0011\xf7\x05\x02\x01\x05\x01x\x00\xff\0\0\0\0\0\0\0\0";
    assert!(matches!(
        frames(aux).unwrap()[1],
        Frame::ModuleAux {
            when: 1,
            raw: [0xf7, .., 0],
            ..
        }
    ));
}

#[test]
fn the_dialect_decides_what_243_and_type_22_are() {
    let job = [
        b"VALKEY080\xf3\x28",
        &[b'j'; 40][..],
        b"\x01\x00\x42\x00\xff\0\0\0\0\0\0\0\0",
    ]
    .concat();
    assert!(
        matches!(&frames(&job).unwrap()[1], Frame::SlotImport { ranges, .. } if ranges == &[(0, 512)])
    );
    let hash =
        b"VALKEY080\x16\x01h\x01\x01f\x01v\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0";
    assert!(matches!(&frames(hash).unwrap()[1], Frame::Key(r) if r.value.len() == 13));
    let rc = b"REDIS0012\x16\x01h\x01\x00\x01f\x01v\xff\0\0\0\0\0\0\0\0";
    assert!(matches!(&frames(rc).unwrap()[1], Frame::Key(r) if r.value.len() == 6));
}

#[test]
fn versions_before_five_end_without_a_checksum() {
    let got = frames(b"REDIS0003\xfe\x00\x00\x01a\x01b\xff").unwrap();
    assert_eq!(
        got.last(),
        Some(&Frame::Eof {
            checksum: None,
            covered: 17
        })
    );
}
