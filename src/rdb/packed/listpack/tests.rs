//! Listpacks against the specification's bytes and against a plain list of strings.

use super::*;
use base::testing::Rng;

fn build(items: &[&[u8]]) -> Vec<u8> {
    let mut builder = Builder::new();
    for item in items {
        builder.push_bytes(item);
    }
    builder.into_vec()
}

fn contents(lp: &[u8]) -> Vec<Vec<u8>> {
    Iter::new(lp).map(|item| item.to_vec()).collect()
}

#[test]
fn the_listpacks_of_real_dumps_are_built_and_read() {
    let list = b"\x12\0\0\0\x04\0\x81a\x02\x05\x01\xdf\xff\x02\xc1\x2c\x02\xff";
    assert_eq!(build(&[b"a", b"5", b"-1", b"300"]), list);
    assert_eq!(check(list).unwrap().count, 4);
    assert_eq!(contents(list), [&b"a"[..], b"5", b"-1", b"300"]);
    let zset = b"\x14\0\0\0\x04\0\x81a\x02\x01\x01\x81b\x02\x832.5\x04\xff";
    assert_eq!(build(&[b"a", b"1", b"b", b"2.5"]), zset);
}

#[test]
fn integers_take_their_smallest_form_and_come_back() {
    let edges = [
        0,
        127,
        128,
        4095,
        4096,
        32_767,
        32_768,
        8_388_607,
        8_388_608,
        i64::from(i32::MAX),
        1 << 31,
        i64::MAX,
    ];
    for n in edges.into_iter().flat_map(|n| [n, -n, -n - 1]) {
        let lp = build(&[n.to_string().as_bytes()]);
        assert_eq!(lp.len(), EMPTY_LEN + encoded_size(&Item::Int(n)), "{n}");
        assert!(check(&lp).unwrap().count_agrees);
        assert!(
            matches!(Iter::new(&lp).next(), Some(Item::Int(m)) if m == n),
            "{n}"
        );
    }
}

#[test]
fn both_back_length_forms_of_a_trapped_size_are_read() {
    for (len, trapped) in [
        (16_377, false),
        (16_378, true),
        (16_379, false),
        (122, false),
        (123, false),
        (2_097_146, true),
    ] {
        assert_eq!(is_trapped(len), trapped, "{len}");
        let text = vec![b'x'; len];
        let forms: &[BacklenForm] = &[BacklenForm::Old, BacklenForm::New];
        let lengths: Vec<usize> = forms
            .iter()
            .map(|&form| {
                let mut lp = EMPTY[..HEADER_LEN].to_vec();
                for item in [Item::Int(1), Item::Bytes(&text), Item::Int(2)] {
                    encode_form(&item, form, &mut lp);
                }
                lp.push(END);
                fix_total(&mut lp);
                let checked = check(&lp).unwrap();
                assert_eq!((checked.count, checked.has_trap), (3, trapped));
                assert_eq!(checked.has_new_form, trapped && form == BacklenForm::New);
                let backward: Vec<_> = Iter::new(&lp).rev().map(|i| i.len()).collect();
                assert_eq!(backward, [1, len, 1]);
                lp.len()
            })
            .collect();
        assert_eq!(lengths[0] - lengths[1], usize::from(trapped));
    }
    let mut old = Vec::new();
    encode(&Item::Bytes(&[b'x'; 16_378]), &mut old);
    assert!(old.ends_with(b"x\x00\xff\xff"));
    let mut new = Vec::new();
    encode_form(&Item::Bytes(&[b'x'; 16_378]), BacklenForm::New, &mut new);
    assert!(new.ends_with(b"x\x7f\xff"));
}

fn fix_total(lp: &mut [u8]) {
    let total = (lp.len() as u32).to_le_bytes();
    lp[..4].copy_from_slice(&total);
    fix_count(lp);
}

#[test]
fn each_broken_rule_is_found() {
    let good = b"\x12\0\0\0\x04\0\x81a\x02\x05\x01\xdf\xff\x02\xc1\x2c\x02\xff";
    let broken = |at: usize, byte: u8| {
        let mut lp = good.to_vec();
        lp[at] = byte;
        check(&lp).map(|c| c.count_agrees)
    };
    assert!(broken(0, 0x13).is_err(), "total");
    assert_eq!(broken(4, 3), Ok(false), "count");
    assert_eq!(
        broken(6, 0x80).unwrap_err().what,
        "a listpack element's back length is wrong"
    );
    assert!(broken(6, 0xbf).is_err(), "string past the end");
    assert!(broken(6, 0xf5).is_err(), "reserved first byte");
    assert!(broken(8, 3).is_err(), "back length");
    assert!(broken(17, 0).is_err(), "end mark");
    assert!(check(b"").is_err() && check(&EMPTY[..6]).is_err() && check(&EMPTY).is_ok());
    for cut in 0..good.len() {
        assert!(check(&good[..cut]).is_err());
    }
}

#[test]
fn edits_agree_with_a_plain_list() {
    let mut rng = Rng::new(11);
    for round in 0..60 {
        let mut lp = EMPTY.to_vec();
        let mut model: Vec<Vec<u8>> = Vec::new();
        for _ in 0..200 {
            let text = match rng.below(4) {
                0 => (rng.next() as i64 >> rng.below(64))
                    .to_string()
                    .into_bytes(),
                1 => {
                    let len = rng.below(5000);
                    rng.bytes(len)
                }
                _ => {
                    let len = rng.below(130);
                    rng.bytes(len)
                }
            };
            let at = rng.below(model.len() + 1);
            let offset = seek(&lp, at as i64).unwrap_or(lp.len() - 1);
            match rng.below(6) {
                0 => {
                    append(&mut lp, Item::of(&text));
                    model.push(text);
                }
                1 | 2 => {
                    insert(&mut lp, offset, Item::of(&text));
                    model.insert(at, text);
                }
                3 if at < model.len() => {
                    let next = replace(&mut lp, offset, Item::of(&text));
                    model[at] = text;
                    assert_eq!(seek(&lp, at as i64 + 1).unwrap_or(lp.len() - 1), next);
                }
                4 if at < model.len() => {
                    let n = 1 + rng.below(3);
                    let gone = delete(&mut lp, offset, n);
                    assert_eq!(gone, n.min(model.len() - at));
                    model.drain(at..at + gone);
                }
                _ => {
                    if let Some(wanted) = model.get(at) {
                        let found = find(&lp, HEADER_LEN, wanted, 1).expect("it is there");
                        let first = model.iter().position(|m| m == wanted).expect("it is there");
                        assert_eq!(Some(found.at), seek(&lp, first as i64));
                    }
                }
            }
            let checked = check(&lp).expect("sound after every edit");
            assert!(
                checked.count_agrees && checked.count == model.len(),
                "round {round}"
            );
        }
        assert_eq!(contents(&lp), model);
        let backward: Vec<_> = Iter::new(&lp).rev().map(|i| i.to_vec()).collect();
        assert!(backward.iter().eq(model.iter().rev()));
        for i in 0..model.len() as i64 {
            let at = seek(&lp, i).expect("in range");
            assert_eq!(entry_at(&lp, at).unwrap().item.to_vec(), model[i as usize]);
            assert_eq!(seek(&lp, i - model.len() as i64), Some(at));
        }
        for step in [1, 2, 3] {
            let places: smallvec::SmallVec<[u32; 8]> = offsets(&lp, step);
            let places: Vec<usize> = places.iter().map(|&at| at as usize).collect();
            let every = (0..model.len()).step_by(step);
            let known = every
                .clone()
                .map(|i| seek(&lp, i as i64).expect("in range"));
            assert!(known.eq(places.iter().copied()));
            // An element between the steps is not found.
            for wanted in model.iter().chain([&b"no such element".to_vec()]) {
                let first = every.clone().position(|i| model[i] == *wanted);
                let found = position(&lp, HEADER_LEN, wanted, step);
                assert_eq!(found.map(|(_, steps)| steps), first);
                let at = found.map(|(entry, _)| (entry.at, entry.item.to_vec()));
                assert_eq!(at, first.map(|i| (places[i], wanted.clone())));
            }
        }
        for end in 0..=model.len() {
            let at = seek(&lp, end as i64).unwrap_or(lp.len() - 1);
            let before = Iter::to_offset(&lp, at).rev().map(|item| item.to_vec());
            assert!(before.eq(model[..end].iter().rev().cloned()));
        }
        assert_eq!(seek(&lp, model.len() as i64), None);
        assert_eq!(seek(&lp, -(model.len() as i64) - 1), None);
    }
}

#[test]
fn more_elements_than_the_header_can_count_are_walked() {
    let mut builder = Builder::new();
    for i in 0..70_000 {
        builder.push(Item::Int(i % 100));
    }
    let mut lp = builder.into_vec();
    assert_eq!(&lp[4..6], &[0xff, 0xff]);
    assert_eq!(count(&lp), 70_000);
    append(&mut lp, Item::Int(5));
    assert_eq!(count(&lp), 70_001);
    assert!(check(&lp).unwrap().count_agrees);
    assert!(entry_at(&lp, seek(&lp, -1).unwrap()).unwrap().item.is(b"5"));
    assert!(
        entry_at(&lp, seek(&lp, 65_600).unwrap())
            .unwrap()
            .item
            .is(b"0")
    );
}

#[test]
fn random_bytes_never_panic_in_any_function() {
    let mut rng = Rng::new(5);
    for _ in 0..20_000 {
        let len = rng.below(40);
        let mut lp = rng.bytes(len);
        if lp.len() >= 7 && rng.below(2) == 0 {
            fix_total_only(&mut lp);
        }
        let _ = check(&lp);
        let _ = Iter::new(&lp).take(100).count();
        let _ = Iter::new(&lp).rev().take(100).count();
        let _ = before(&lp, rng.below(50));
        let _ = seek(&lp, rng.below(10) as i64 - 5);
        let _ = find(&lp, HEADER_LEN, b"a", 2);
        let step = 1 + rng.below(3);
        let _: smallvec::SmallVec<[u32; 8]> = offsets(&lp, step);
        find_each(&lp, &[b"x", b"12"], step, |_, _| {});
    }
}

fn fix_total_only(lp: &mut [u8]) {
    let total = (lp.len() as u32).to_le_bytes();
    lp[..4].copy_from_slice(&total);
    let last = lp.len() - 1;
    lp[last] = END;
}

#[test]
fn a_single_string_is_written_as_the_builder_makes_it() {
    for len in [0, 1, 63, 64, 126, 127, 128, 4095, 4096, 16_378, 70_000] {
        let bytes = vec![b'x'; len];
        let mut built = Builder::new();
        built.push(Item::Bytes(&bytes));
        let mut written = vec![0; single_len(len)];
        write_single(&bytes, &mut written);
        assert!(written == built.into_vec(), "{len}");
    }
}

/// Elements of all forms, as they are written, and one that says its text in a longer way than needed.
fn all_forms() -> Vec<u8> {
    let mut builder = Builder::new();
    for n in [
        0,
        127,
        128,
        4095,
        -1,
        -4096,
        32_767,
        8_388_607,
        1 << 31,
        i64::MIN,
    ] {
        builder.push(Item::Int(n));
    }
    for len in [0, 1, 62, 63, 64, 125, 126, 4095, 4096, 70_000] {
        builder.push(Item::Bytes(&vec![b'x'; len]));
    }
    let mut lp = builder.into_vec();
    lp.pop();
    lp.extend_from_slice(b"\xe0\x03abc\x05\xff");
    fix_count(&mut lp);
    lp
}

#[test]
fn an_element_is_passed_over_by_the_size_that_it_has() {
    let lp = all_forms();
    let (mut at, mut elements) = (HEADER_LEN, 0);
    while let Some(entry) = entry_at(&lp, at) {
        assert_eq!(skip(&lp, at), Some(entry.next), "{:?}", entry.item);
        at = entry.next;
        elements += 1;
    }
    assert_eq!((elements, at), (21, lp.len() - 1));
    assert_eq!(skip(&lp, at), None);
}

#[test]
fn every_element_is_found_whatever_its_form() {
    let lp = all_forms();
    for (i, item) in contents(&lp).iter().enumerate() {
        let found =
            position(&lp, HEADER_LEN, item, 1).map(|(entry, steps)| (entry.item.to_vec(), steps));
        assert_eq!(found, Some((item.clone(), i)));
    }
    assert_eq!(position(&lp, HEADER_LEN, b"abd", 1), None);
    assert_eq!(
        position(&lp, HEADER_LEN, b"abc", 2).map(|(_, steps)| steps),
        Some(10)
    );
    assert_eq!(position(&lp, HEADER_LEN, b"x", 2), None);
}

#[test]
fn an_integer_replaces_any_other() {
    let edges = [0, 1, 127, 128, 129, 4095, 4096, -1, -4096, 1 << 40];
    for old in edges {
        for new in edges {
            let mut lp = build(&[b"a", old.to_string().as_bytes(), b"z"]);
            let at = skip(&lp, HEADER_LEN).unwrap();
            let after = replace(&mut lp, at, Item::Int(new));
            assert_eq!(
                lp,
                build(&[b"a", new.to_string().as_bytes(), b"z"]),
                "{old} {new}"
            );
            assert!(entry_at(&lp, after).is_some_and(|entry| entry.item.is(b"z")));
        }
    }
}

#[test]
fn an_integer_is_read_in_each_of_its_forms() {
    let forms = [
        0,
        1,
        127,
        128,
        4095,
        4096,
        -1,
        -4096,
        -4097,
        32_767,
        1 << 20,
        1 << 30,
    ];
    let mut lp = Builder::new();
    for n in forms.into_iter().chain([i64::MIN, i64::MAX]) {
        lp.push(Item::Int(n));
    }
    lp.push(Item::Bytes(b"12"));
    lp.push(Item::Bytes(b"no"));
    let lp = lp.into_vec();
    let mut at = HEADER_LEN;
    while let Some(entry) = entry_at(&lp, at) {
        let expected = entry.item.as_int().map(|n| (n, entry.next));
        assert_eq!(int_at(&lp, at), expected);
        at = entry.next;
    }
    assert_eq!(
        (at, int_at(&lp, at), int_at(&lp, at + 1)),
        (lp.len() - 1, None, None)
    );
}

#[test]
fn elements_are_found_in_one_walk_as_one_after_the_other() {
    let mut rng = Rng::new(11);
    for step in 1..=3 {
        for groups in [0, 1, 2, 3, 10, 121] {
            // Distinct first elements, as members and fields are; what follows them may be equal to some.
            let name = |i: usize| match i % 3 {
                0 => format!("{}", i * 37).into_bytes(),
                1 => format!("field:{i}").into_bytes(),
                _ => vec![b'a' + (i % 7) as u8; 1 + i * 2],
            };
            let mut lp = Builder::new();
            for i in 0..groups {
                lp.push_bytes(&name(i));
                (1..step).for_each(|_| lp.push_bytes(&name(rng.below(groups + 1))));
            }
            let lp = lp.into_vec();
            let wanted: Vec<Vec<u8>> = (0..12).map(|_| name(rng.below(groups + 5))).collect();
            let wanted: Vec<&[u8]> = wanted.iter().map(|name| &name[..]).collect();
            let mut together = vec![None; wanted.len()];
            find_each(&lp, &wanted, step, |i, entry| together[i] = Some(entry));
            for (name, together) in wanted.iter().zip(together) {
                let found = find(&lp, HEADER_LEN, name, step);
                assert_eq!(together, found);
            }
            let places: smallvec::SmallVec<[u32; 8]> = offsets(&lp, step);
            let firsts = places
                .iter()
                .map(|&at| entry_at(&lp, at as usize).unwrap().item.to_vec());
            assert!(firsts.eq((0..groups).map(name)));
        }
    }
}
