//! Patterns match what they match on a real server, whatever their shape.

use std::collections::BTreeSet;

use crate::random::Random;
use crate::support::{Builder, Client};

/// Letters, and every byte that means something in a pattern.
const ALPHABET: &[u8] = b"aabbcABC-]^\\*?[";

/// The keys that a pattern finds.
fn found(client: &mut Client, pattern: &[u8]) -> BTreeSet<Vec<u8>> {
    let reply = client.cmd(&[b"KEYS", pattern]);
    let keys = reply.items().expect("KEYS gives an array");
    let keys = keys.iter().map(|key| key.bytes().expect("a key").to_vec());
    keys.collect()
}

/// A pattern made of pieces that make sense more often than single bytes do.
fn pattern(random: &mut Random) -> Vec<u8> {
    const PIECES: [&[u8]; 16] = [
        b"*",
        b"*",
        b"?",
        b"a",
        b"b",
        b"[ab]",
        b"[^a]",
        b"[a-c]",
        b"[c-a]",
        b"[\\]-]",
        b"[^\\^-b]",
        b"\\*",
        b"\\",
        b"[",
        b"[a-",
        b"**",
    ];
    let mut pattern = Vec::new();
    for _ in 0..random.below(7) {
        match random.below(4) {
            0 => pattern.extend(random.text(ALPHABET, 1)),
            _ => pattern.extend_from_slice(PIECES[random.below(PIECES.len())]),
        }
    }
    pattern
}

#[test]
fn patterns_find_what_they_find_on_a_real_server() {
    let Some(peer) = Builder::peer("redis-8.2") else {
        return;
    };
    let (peer, forebay) = (peer.start(), Builder::forebay().start());
    let (mut peer, mut ours) = (peer.client(), forebay.client());
    let mut random = Random(7);
    for client in [&mut peer, &mut ours] {
        let mut random = Random(3);
        let keys = (0..600).map(|_| {
            let len = random.below(7);
            vec![b"SET".to_vec(), random.text(ALPHABET, len), b"v".to_vec()]
        });
        client.pipeline(&keys.collect::<Vec<_>>());
    }
    for _ in 0..3000 {
        let pattern = pattern(&mut random);
        assert_eq!(
            found(&mut ours, &pattern),
            found(&mut peer, &pattern),
            "{}",
            String::from_utf8_lossy(&pattern)
        );
    }
}

#[test]
fn a_pattern_of_more_than_a_thousand_stars_finds_nothing_and_costs_little() {
    let Some(peer) = Builder::peer("redis-8.2") else {
        return;
    };
    let (peer, forebay) = (peer.start(), Builder::forebay().start());
    for server in [&peer, &forebay] {
        let mut client = server.client();
        let text = "a".repeat(3000);
        client.cmd(&["SET", &text, "v"]);
        for (stars, expected) in [(1000, 1), (1001, 0), (50_000, 0)] {
            for unit in ["*?", "*a", "**a"] {
                let pattern = unit.repeat(stars);
                let n = found(&mut client, pattern.as_bytes()).len();
                assert_eq!(n, expected, "{} {unit} {stars}", server.name());
            }
        }
        let hostile = "a*".repeat(900) + "b";
        assert!(found(&mut client, hostile.as_bytes()).is_empty());
    }
}
