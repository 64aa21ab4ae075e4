//! Sealed files, whole, cut and flipped at every place.

use super::*;
use crate::search;
use base::request::encode_request;

const ID: [u8; 40] = [b'a'; 40];

/// A sealed log of some batches, and the ends of its batches.
fn sealed(batches: usize) -> (Vec<u8>, Vec<usize>) {
    let (mut file, mut ends, mut sealer) = (Vec::new(), vec![0], Sealer::new());
    sealer.seal(&ID, 0, 4999, &mut file);
    ends.push(file.len());
    for batch in 0..batches {
        let start = file.len();
        for n in 0..3 {
            let (key, value) = (format!("key:{batch}:{n}"), format!("value-{n}"));
            if n == 1 {
                encode_request(&mut file, &["MULTI"]);
            }
            encode_request(&mut file, &["SET", &key, &value]);
            encode_request(&mut file, &["APPEND", &key, "x"]);
            if n == 1 {
                encode_request(&mut file, &["EXEC"]);
            }
        }
        sealer.update(&file[start..]);
        let mut line = Vec::new();
        sealer.seal(&ID, file.len() as u64, 5000 + batch as u64, &mut line);
        file.extend_from_slice(&line);
        ends.push(file.len());
    }
    (file, ends)
}

/// The requests of a file up to an offset.
fn requests(bytes: &[u8], up_to: u64) -> Vec<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    judge(bytes, 0, |at, item| {
        if let Item::Request(request) = item
            && at < up_to
        {
            all.push(request.args().map(<[u8]>::to_vec).collect());
        }
    });
    all
}

#[test]
fn a_sound_file_is_whole_to_its_end() {
    let (file, _) = sealed(4);
    let verdict = judge(&file, 0, |_, _| {});
    assert_eq!(verdict.defect, None);
    assert_eq!(verdict.judge.whole(), file.len() as u64);
    assert_eq!(verdict.judge.proven(), file.len() as u64);
    assert_eq!(verdict.judge.last_seal().unwrap().ms, 5003);
}

#[test]
fn a_file_cut_at_any_byte_keeps_what_is_whole_before_the_cut() {
    let (file, ends) = sealed(3);
    let all = requests(&file, u64::MAX);
    for cut in 0..file.len() {
        let torn = &file[..cut];
        let verdict = judge(torn, 0, |_, _| {});
        let kept = match &verdict.defect {
            None => cut as u64,
            Some(defect) => {
                assert!(defect.is_cut_off(), "cut at {cut}: {defect}");
                assert_eq!(defect.offset, cut as u64);
                verdict.judge.keep(defect)
            }
        };
        let last = ends.iter().rev().find(|end| **end <= cut).unwrap();
        assert_eq!(verdict.judge.proven(), *last as u64);
        assert!(kept >= *last as u64 && kept <= cut as u64);
        let there = requests(torn, kept);
        assert_eq!(there, all[..there.len()]);
        let depth = there.iter().fold(0, |depth, r| match &r[0][..] {
            b"MULTI" => depth + 1,
            b"EXEC" => depth - 1,
            _ => depth,
        });
        assert_eq!(depth, 0, "cut at {cut}: half a transaction");
        assert_eq!(search::find(&torn[*last..]), None, "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_loses_no_more_than_its_batch_and_is_never_taken_for_data() {
    let (file, ends) = sealed(4);
    let all = requests(&file, u64::MAX);
    for (at, bit) in (0..file.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut bad = file.clone();
        bad[at] ^= 1 << bit;
        let verdict = judge(&bad, 0, |_, _| {});
        let Some(defect) = &verdict.defect else {
            // An annotation that is none of ours any more: the requests are those that were written.
            assert!(at > ends[ends.len() - 2], "byte {at}, bit {bit}");
            assert_eq!(requests(&bad, u64::MAX), all, "byte {at}, bit {bit}");
            continue;
        };
        let batch = ends.iter().rposition(|end| *end <= at).unwrap();
        assert_eq!(verdict.judge.proven(), ends[batch] as u64, "{defect}");
        let kept = verdict.judge.keep(defect);
        let there = requests(&bad, kept);
        assert_eq!(there, all[..there.len()], "byte {at}, bit {bit}: {defect}");
        // With a whole batch and one more seal after it, the damage is known not to be a torn tail.
        let after = search::find(&bad[ends[batch]..]);
        let known = match batch {
            0..=2 => true,
            3 => intact_seal(&bad, ends[4]),
            _ => false,
        };
        assert_eq!(after.is_some(), known, "byte {at}, bit {bit}: {defect}");
        if let Some(after) = after {
            let sound = ends[batch] as u64 + after;
            assert!(ends.contains(&(sound as usize)));
        }
    }
}

/// True if the line that ends here is a seal.
fn intact_seal(bytes: &[u8], end: usize) -> bool {
    let line = &bytes[..end - 2];
    let start = memchr::memmem::rfind(line, seal::MARK);
    let line = start.map(|start| &line[start..]);
    bytes[end - 2..end] == *b"\r\n" && line.is_some_and(|line| Seal::parse(line).is_some())
}

#[test]
fn what_others_append_after_a_seal_is_sealed_by_the_next() {
    let (mut file, _) = sealed(1);
    let proven = file.len() as u64;
    encode_request(&mut file, &["DEL", "key:0:0"]);
    let verdict = judge(&file, 0, |_, _| {});
    assert_eq!((verdict.defect, verdict.judge.proven()), (None, proven));
    let mut sealer = verdict.judge.into_sealer();
    let mut line = Vec::new();
    sealer.seal(&ID, 1, 2, &mut line);
    file.extend_from_slice(&line);
    let verdict = judge(&file, 0, |_, _| {});
    assert_eq!(verdict.defect, None);
    assert_eq!(verdict.judge.proven(), file.len() as u64);
}

#[test]
fn transactions_out_of_order_are_defects_where_redis_check_aof_sees_them() {
    let file = |names: &[&str]| {
        let mut file = Vec::new();
        names
            .iter()
            .for_each(|name| encode_request(&mut file, &[name]));
        judge(&file, 0, |_, _| {})
    };
    let nested = file(&["PING", "MULTI", "MULTI"]);
    assert_eq!(nested.defect, Some(Defect::new(29, Wrong::NestedMulti)));
    assert_eq!(nested.judge.whole(), 14);
    let lone = file(&["PING", "EXEC"]);
    assert_eq!(lone.defect, Some(Defect::new(14, Wrong::LoneExec)));
    let open = file(&["PING", "multi", "PING"]);
    let wrong = Wrong::OpenTransaction { begun: 14 };
    assert_eq!(open.defect, Some(Defect::new(43, wrong)));
    assert_eq!(open.judge.whole(), 14);
}

#[test]
fn each_byte_of_the_last_64_kb_cut_or_flipped_loses_the_last_batch_at_most() {
    let (mut file, _) = sealed(3);
    let proven = file.len() as u64;
    let mut sealer = Sealer::new();
    for n in 0..24 {
        let value = vec![b'a' + n; 100 << (n % 6)];
        encode_request(&mut file, &[&b"SET"[..], &[n], &value]);
        if n % 5 == 0 {
            for words in [&["MULTI"][..], &["INCR", "a"], &["EXEC"]] {
                encode_request(&mut file, words);
            }
        }
    }
    while file.len() < 64 << 10 {
        encode_request(&mut file, &["APPEND", "rest", &"r".repeat(5000)]);
    }
    sealer.update(&file[proven as usize..]);
    sealer.seal(&ID, 9, 9, &mut file);
    // Where a file may end after whole requests and transactions.
    let mut ends = vec![proven];
    let (mut reader, mut judged) = (Reader::at(proven), Judge::at(proven));
    while reader.offset() < file.len() as u64 {
        let at = reader.offset();
        let Ok(Step::Item { item, consumed }) = reader.next(&file[at as usize..]) else {
            panic!("it is sound");
        };
        let bytes = &file[at as usize..][..consumed];
        judged.item(at, bytes, &item).unwrap();
        ends.push(judged.whole());
    }
    let ends = |place: u64| ends.binary_search(&place).is_ok();
    for at in proven as usize..file.len() {
        let verdict = judge(&file[..at], 0, |_, _| {});
        if let Some(defect) = &verdict.defect {
            let keep = verdict.judge.keep(defect);
            assert!(defect.is_cut_off() && ends(keep), "cut at {at}: {defect}");
            assert!((proven..=at as u64).contains(&keep), "cut at {at}: {keep}");
        }
        file[at] ^= 1 << (at % 8);
        let verdict = judge(&file, 0, |_, _| {});
        if let Some(defect) = &verdict.defect {
            let keep = verdict.judge.keep(defect);
            assert!(ends(keep), "byte {at}: {defect}");
            assert!((proven..=at as u64).contains(&keep), "byte {at}: {keep}");
            assert_eq!(search::find(&file[proven as usize..]), None);
        } else {
            let seal = file.len() - 200;
            assert!(
                at > seal,
                "byte {at}: a seal may become a foreign annotation"
            );
        }
        file[at] ^= 1 << (at % 8);
    }
}
