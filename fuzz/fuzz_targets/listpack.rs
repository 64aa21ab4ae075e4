//! Listpacks: what passes the check is walked both ways, rebuilt and edited.
#![no_main]

use forebay_fuzz::rdb::listpack::{self, Builder, Item, Iter};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // No function panics on anything.
    let _ = Iter::new(bytes).take(1000).count();
    let _ = Iter::new(bytes).rev().take(1000).count();
    let _ = listpack::seek(bytes, -3);
    let _ = listpack::find(bytes, listpack::HEADER_LEN, b"1", 2);
    listpack::find_each(bytes, &[b"1", b"field"], 2, |_, _| {});
    let Ok(checked) = listpack::check(bytes) else { return };
    let forward: Vec<Vec<u8>> = Iter::new(bytes).map(|i| i.to_vec()).collect();
    let mut backward: Vec<Vec<u8>> = Iter::new(bytes).rev().map(|i| i.to_vec()).collect();
    backward.reverse();
    assert_eq!(forward, backward);
    assert_eq!(forward.len(), checked.count);
    let mut builder = Builder::new();
    forward.iter().for_each(|item| builder.push_bytes(item));
    let mut lp = builder.into_vec();
    assert!(Iter::new(&lp).map(|i| i.to_vec()).eq(forward.iter().cloned()));
    if let Some(at) = listpack::seek(&lp, forward.len() as i64 / 2) {
        listpack::insert(&mut lp, at, Item::Bytes(b"inserted"));
        assert_eq!(listpack::check(&lp).expect("sound").count, forward.len() + 1);
        let next = listpack::replace(&mut lp, at, Item::Int(-1));
        assert!(listpack::check(&lp).is_ok() && next <= lp.len());
        assert_eq!(listpack::delete(&mut lp, at, 1), 1);
        assert!(Iter::new(&lp).map(|i| i.to_vec()).eq(forward));
    }
});
