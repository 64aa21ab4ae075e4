//! What happens when nobody writes.

use crate::support::server::Builder;
use crate::support::wait::wait_until;

/// Overwrites leave holes in the pages of the sizes that were; a pause closes them.
#[test]
fn values_move_together_in_a_pause_after_overwrites_by_shorter_ones() {
    const KEYS: usize = 10_000;
    let server = Builder::forebay().start();
    let mut client = server.client();
    let value = |i: usize, len| vec![b'a' + (i % 26) as u8; len];
    let set = |i, len| vec![b"SET".to_vec(), format!("key:{i}").into(), value(i, len)];
    let all: Vec<_> = (0..KEYS).map(|i| set(i, 4_000)).collect();
    client.pipeline(&all);
    // Of the places for 4,000 bytes every ninth becomes a hole.
    let shorter: Vec<_> = (0..KEYS).step_by(9).map(|i| set(i, 2_000)).collect();
    client.pipeline(&shorter);
    wait_until("fewer than 5 % of the pages' bytes are holes", || {
        let memory = client.info("memory");
        let figure = |name: &str| memory[name].parse::<u64>().unwrap();
        let (active, allocated) = (figure("allocator_active"), figure("allocator_allocated"));
        active - allocated < active / 20
    });
    for i in 0..KEYS {
        let len = if i.is_multiple_of(9) { 2_000 } else { 4_000 };
        let kept = client.cmd(&["GET", &format!("key:{i}")]);
        assert_eq!(kept.bytes(), Some(&value(i, len)[..]), "key:{i}");
    }
}
