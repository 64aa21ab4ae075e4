//! `engine::table` with the commands of all families.

use engine::Args;
use engine::table::*;

#[test]
fn every_command_is_found_in_any_case_under_its_own_number() {
    engine::table::install(crate::FAMILIES);
    let mut seen = vec![false; count()];
    for entry in all() {
        let found = by_name(entry.name.to_ascii_uppercase().as_bytes()).expect("declared");
        assert_eq!(found.index, entry.index);
        for e in std::iter::once(entry).chain(&entry.subcommands) {
            assert!(!std::mem::replace(&mut seen[e.index], true), "{}", e.name);
        }
    }
    assert!(seen.iter().all(|s| *s));
}

#[test]
fn names_are_told_apart_by_every_byte_and_not_by_case() {
    engine::table::install(crate::FAMILIES);
    for name in [
        &b""[..],
        b"g",
        b"ge",
        b"get",
        b"getx",
        b"eval_ro",
        b"GEORADIUSBYMEMBER_RO",
    ] {
        let entry = by_name(name).map(|e| e.name.as_bytes().to_vec());
        let wanted = all().find(|e| e.name.as_bytes().eq_ignore_ascii_case(name));
        assert_eq!(entry, wanted.map(|e| e.name.as_bytes().to_vec()));
    }
    let names = all().map(|e| e.name.to_ascii_uppercase().into_bytes());
    for name in names.collect::<Vec<_>>() {
        for i in 0..name.len() {
            for bit in [0x01, 0x20, 0x40, 0x80] {
                let mut other = name.clone();
                other[i] ^= bit;
                let found = by_name(&other).is_some_and(|e| e.name.len() == name.len());
                let wanted = all().any(|e| e.name.as_bytes().eq_ignore_ascii_case(&other));
                assert_eq!(found, wanted, "{other:?}");
            }
        }
        assert!(by_name(&[&name[..], b"\0"].concat()).is_none());
    }
}

#[test]
fn an_unknown_command_is_answered_with_its_first_arguments() {
    engine::table::install(crate::FAMILIES);
    let error = find(Args(&[b"nope", b"a", b"b"])).err().expect("unknown");
    assert_eq!(
        error.to_string(),
        "ERR unknown command 'nope', with args beginning with: 'a' 'b' "
    );
}
