//! Strings against a vector of bytes.

use super::*;
use crate::value::Str;

fn same(string: &Str, model: &[u8]) {
    round_trip(&Value::Str(string.clone()), |value| {
        let ValueRef::Str(string) = value else {
            panic!("a string stays one")
        };
        assert_eq!(string.len(), model.len());
        assert_eq!(string.bytes(), model);
        string.with(|bytes| assert_eq!(bytes, model));
    });
}

#[test]
fn a_string_agrees_with_bytes_and_its_clones_never_change() {
    for seed in 0..rounds(60) {
        let mut rng = Rng::new(seed);
        let mut model = text(&mut rng, 5000);
        let mut string = Str::new(&model);
        let mut clones = Vec::new();
        let far = [50, 5000, 300_000][rng.below(3)];
        for _ in 0..200 {
            match rng.below(10) {
                0..=3 => {
                    let more = text(&mut rng, 5000);
                    model.extend_from_slice(&more);
                    assert_eq!(string.append(&more), model.len());
                }
                4..=7 => {
                    let (at, bytes) = (rng.below(far), text(&mut rng, 5000));
                    let end = (at + bytes.len()).max(model.len());
                    model.resize(end, 0);
                    model[at..at + bytes.len()].copy_from_slice(&bytes);
                    assert_eq!(string.write_at(at, &bytes), model.len());
                }
                8 => clones.push((string.clone(), model.clone())),
                _ => {
                    let start = rng.below(model.len() + 1);
                    let end = start + rng.below(model.len() - start + 1);
                    assert_eq!(&*string.as_ref().slice(start, end), &model[start..end]);
                    assert_eq!(&*string.as_ref().slice(start, usize::MAX), &model[start..]);
                }
            }
        }
        same(&string, &model);
        for (string, model) in &clones {
            same(string, model);
        }
    }
}

#[test]
fn encodings_follow_from_text_and_history() {
    let encoding = |string: &Str| string.as_ref().encoding();
    assert_eq!(encoding(&Str::new(b"9223372036854775807")), "int");
    assert_eq!(encoding(&Str::new(b"9223372036854775808")), "embstr");
    assert_eq!(encoding(&Str::new(b"007")), "embstr");
    assert_eq!(encoding(&Str::new(&[b'a'; 44])), "embstr");
    assert_eq!(encoding(&Str::new(&[b'a'; 45])), "raw");
    assert_eq!(encoding(&Str::new_text(b"3")), "embstr");
    let mut appended = Str::new(b"1");
    appended.append(b"0");
    assert_eq!(
        (encoding(&appended), appended.as_ref().int()),
        ("raw", Some(10))
    );
}
