//! Items in windows of any size, and what is no item.

use super::*;

fn args(bytes: &[u8]) -> Vec<Vec<u8>> {
    match Reader::at(0).next(bytes) {
        Ok(Step::Item {
            item: Item::Request(request),
            consumed,
        }) => {
            assert_eq!(consumed, bytes.len());
            request.args().map(<[u8]>::to_vec).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_and_annotations_are_found_one_after_the_other() {
    assert_eq!(args(b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n"), [&b"GET"[..], b""]);
    let file = b"#TS:17\r\n*1\r\n$4\r\nPING\r\n# other\n";
    let mut reader = Reader::at(100);
    let Ok(Step::Item { item, consumed: 8 }) = reader.next(file) else {
        panic!("an annotation is first");
    };
    assert_eq!(item, Item::Annotation(b"#TS:17"));
    let Ok(Step::Item { consumed: 14, .. }) = reader.next(&file[8..]) else {
        panic!("a request is next");
    };
    let Ok(Step::Item { item, .. }) = reader.next(&file[22..]) else {
        panic!("a line of others is last");
    };
    assert_eq!(item, Item::Annotation(b"# other"));
    assert_eq!(reader.offset(), 100 + file.len() as u64);
}

#[test]
fn a_window_that_ends_early_asks_for_more_and_gives_the_same_item_later() {
    let whole = b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$11\r\nhello world\r\n";
    for end in 1..whole.len() {
        let mut reader = Reader::at(0);
        match reader.next(&whole[..end]) {
            Ok(Step::NeedMore { at_least }) => {
                assert!(at_least > end as u64 && at_least <= whole.len() as u64);
            }
            other => panic!("{end}: {other:?}"),
        }
        let wrong = Wrong::CutOff { begun: 0 };
        assert_eq!(
            reader.cut_off(&whole[..end]),
            Defect::new(end as u64, wrong)
        );
        let again = reader.next(whole).expect("sound");
        assert!(matches!(again, Step::Item { consumed, .. } if consumed == whole.len()));
    }
}

#[test]
fn each_defect_has_its_byte() {
    let long = [b"#".as_slice(), &[b'x'; 1100], b"\r\n"].concat();
    let cases: [(&[u8], u64, Wrong); 12] = [
        (b"hello\r\n", 0, Wrong::NoItem(b'h')),
        (b"*0\r\n", 1, Wrong::BadNumber),
        (b"*-1\r\n", 1, Wrong::BadNumber),
        (b"*\r\n", 1, Wrong::BadNumber),
        (b"*2147483648\r\n", 1, Wrong::BadNumber),
        (b"*99999999999999999999\r\n", 1, Wrong::BadNumber),
        (b"*1x\r\n", 2, Wrong::NoLineEnd(*b"x\r")),
        (b"*1\r\n*4\r\n", 4, Wrong::NoArgument(b'*')),
        (b"*1\r\n$-4\r\n", 5, Wrong::BadNumber),
        (b"*1\r\n$9223372036854775808\r\n", 5, Wrong::BadNumber),
        (b"*1\r\n$4\r\nPINGXX", 12, Wrong::NoLineEnd(*b"XX")),
        (&long, 1023, Wrong::LongAnnotation),
    ];
    for (bytes, offset, wrong) in cases {
        let defect = Reader::at(1000).next(bytes).unwrap_err();
        assert_eq!(defect, Defect::new(1000 + offset, wrong));
    }
}

#[test]
fn what_a_number_claims_takes_no_memory() {
    let mut reader = Reader::at(0);
    let step = reader.next(b"*2147483647\r\n$1\r\na\r\n$1\r\nb\r\n");
    assert!(
        matches!(step, Ok(Step::NeedMore { at_least: 28 })),
        "{step:?}"
    );
    assert!(reader.spans.capacity() < 16);
    let step = reader.next(b"*1\r\n$9223372036854775807\r\nabc");
    let Ok(Step::NeedMore { at_least }) = step else {
        panic!("{step:?}");
    };
    assert!(at_least > i64::MAX as u64);
}
