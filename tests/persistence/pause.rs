//! What happens when nobody writes.

use crate::support::server::Builder;
use crate::support::wait::wait_until;

/// Overwrites leave holes in the pages of the sizes that were; a pause closes them.
#[test]
fn values_move_together_in_a_pause_after_overwrites_by_shorter_ones() {
    const KEYS: usize = 10_000;
    let server = Builder::forebay().start();
    let mut client = server.client();
    // One in nine is made shorter: of the places for 4,000 bytes every ninth is a hole.
    let value = |i: usize, round: usize| {
        let len = if round == 1 && i.is_multiple_of(9) {
            2_000
        } else {
            4_000
        };
        vec![b'a' + (i % 26) as u8; len]
    };
    for round in 0..2 {
        for start in (0..KEYS).step_by(500) {
            let changed = (start..start + 500).filter(|i| round == 0 || i.is_multiple_of(9));
            let commands: Vec<Vec<Vec<u8>>> = changed
                .map(|i| vec![b"SET".to_vec(), format!("key:{i}").into(), value(i, round)])
                .collect();
            client.pipeline(&commands);
        }
    }
    wait_until("fewer than 5 % of the pages' bytes are holes", || {
        let memory = client.info("memory");
        let figure = |name: &str| memory[name].parse::<u64>().unwrap();
        let (active, allocated) = (figure("allocator_active"), figure("allocator_allocated"));
        active - allocated < active / 20
    });
    for i in 0..KEYS {
        let kept = client.cmd(&["GET", &format!("key:{i}")]);
        assert_eq!(kept.bytes(), Some(&value(i, 1)[..]), "key:{i}");
    }
}
