//! Logs: the same items and the same defect however the bytes are cut into windows, what is kept is sound by itself,
//! and a manifest that is read is written so that it is read again.
#![no_main]

use forebay_fuzz::aof::history::Word;
use forebay_fuzz::aof::judge::judge;
use forebay_fuzz::aof::reader::{Item, Reader, Step};
use forebay_fuzz::aof::search::Search;
use forebay_fuzz::aof::{Judge, Manifest, search};
use forebay_fuzz::flow::append::Reading;
use libfuzzer_sys::fuzz_target;

/// The offsets of the items that are found in two windows, the first of which ends at `cut`.
fn in_two_windows(bytes: &[u8], cut: usize) -> Vec<u64> {
    let (mut reader, mut at, mut offsets) = (Reader::at(0), 0, Vec::new());
    for end in [cut, bytes.len()] {
        while at < end {
            let offset = reader.offset();
            match reader.next(&bytes[at..end]) {
                Ok(Step::Item { consumed, .. }) => {
                    offsets.push(offset);
                    at += consumed;
                }
                Ok(Step::NeedMore { at_least }) => {
                    assert!(at_least > (end - at) as u64);
                    break;
                }
                Err(defect) => {
                    assert!(defect.offset <= bytes.len() as u64);
                    return offsets;
                }
            }
        }
    }
    offsets
}

/// What a log tells of the replication stream is no more than is there.
fn told(bytes: &[u8], cut: bool) {
    let (mut reader, mut judge, mut at) = (Reader::at(0), Judge::at(0), 0);
    let mut reading = Reading::new(1 << 10, 1 << 20);
    while let Ok(Step::Item { item, consumed }) = reader.next(&bytes[at..]) {
        if let Item::Annotation(line) = item
            && let Some(Word::At(place)) = Word::parse(line)
        {
            let mut printed = Vec::new();
            place.print(&mut printed);
            let line = printed.strip_suffix(b"\r\n").expect("a line");
            assert_eq!(Word::parse(line), Some(Word::At(place)));
        }
        let one = &bytes[at..at + consumed];
        let Ok(event) = judge.item(at as u64, one, &item) else {
            break;
        };
        at += consumed;
        reading.item(one, at as u64, &item, &event);
    }
    reading.end_file(cut);
    if let Ok(Some(told)) = reading.told() {
        let there: usize = told.past.bytes.iter().map(Vec::len).sum();
        assert!(there <= bytes.len());
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = Manifest::parse(bytes)
        && let Ok(printed) = manifest.print()
    {
        assert!(printed.is_empty() || Manifest::parse(&printed) == Ok(manifest));
    }
    let Some((&cut, bytes)) = bytes.split_first() else {
        return;
    };
    told(bytes, cut % 2 == 0);
    let cut = usize::from(cut).min(bytes.len());
    let (mut offsets, mut arguments) = (Vec::new(), 0);
    let verdict = judge(bytes, 0, |at, item| {
        offsets.push(at);
        if let Item::Request(request) = item {
            arguments += request.args().map(<[u8]>::len).sum::<usize>();
        }
    });
    assert!(arguments <= bytes.len());
    let two = in_two_windows(bytes, cut);
    assert!(
        two.starts_with(&offsets),
        "a judge may stop before a reader does"
    );
    let Some(defect) = verdict.defect else {
        assert_eq!(two, offsets);
        assert_eq!(verdict.judge.whole(), bytes.len() as u64);
        return;
    };
    assert!(defect.offset <= bytes.len() as u64 && !defect.to_string().is_empty());
    let kept = verdict.judge.keep(&defect) as usize;
    let again = judge(&bytes[..kept], 0, |_, _| {});
    assert_eq!((again.defect, again.judge.whole()), (None, kept as u64));
    // The search finds the same in two windows.
    let mut windows = Search::at(0);
    let (done, found) = windows.next(&bytes[..cut], false);
    let found = found.or_else(|| windows.next(&bytes[done..], true).1);
    assert_eq!(found, search::find(bytes));
});
