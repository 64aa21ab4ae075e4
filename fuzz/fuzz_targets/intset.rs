//! Intsets: what passes the check is searched, rebuilt and edited.
#![no_main]

use forebay_fuzz::rdb::intset;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = intset::iter(bytes).take(1000).count();
    let _ = intset::search(bytes, 7);
    let Ok(count) = intset::check(bytes) else { return };
    let members: Vec<i64> = intset::iter(bytes).collect();
    assert_eq!(members.len(), count);
    assert!(members.is_sorted_by(|a, b| a < b));
    assert!(intset::iter(&intset::build(&members)).eq(members.iter().copied()));
    let mut set = bytes.to_vec();
    for n in [members[0], members[count / 2].wrapping_add(1), i64::MIN, i64::MAX] {
        let had = members.contains(&n);
        assert_eq!(intset::contains(&set, n), had);
        if !had {
            assert!(intset::insert(&mut set, n) && intset::contains(&set, n));
            assert!(intset::check(&set).is_ok());
            assert!(intset::remove(&mut set, n));
        }
    }
    assert!(intset::iter(&set).eq(members));
});
