//! Payloads of DUMP that both servers make of the same array, and each restores from the other.

use crate::generate::Generator;
use crate::grammar::ARRAYS;
use crate::support::client::Client;
use crate::support::resp::Value;
use crate::support::server::Builder;

/// The version and the checksum at the end.
const FOOTER: usize = 10;

fn payload(client: &mut Client, key: &str) -> Vec<u8> {
    let reply = client.cmd(&["DUMP", key]);
    reply.bytes().expect("the key is there").to_vec()
}

#[test]
fn an_array_is_dumped_as_the_reference_dumps_it_and_restored_by_both() {
    let Some(theirs) = Builder::peer("redis-8.10") else {
        return;
    };
    // What packing makes of a text is each server's own.
    let plain = |server: Builder| server.config("rdbcompression no").start();
    let (theirs, ours) = (plain(theirs), plain(Builder::forebay()));
    let (mut a, mut b) = (theirs.client(), ours.client());
    let mut compared = 0;
    for seed in 0..12 {
        let mut generator = Generator::new(ARRAYS, seed);
        for _ in 0..400 {
            let command = generator.command();
            let (x, y) = (a.cmd(&command), b.cmd(&command));
            assert_eq!(x.is_error(), y.is_error(), "{command:?}: {x:?} {y:?}");
        }
        for key in ["k0", "k1", "k2", "k3", "k4", "k5"] {
            if a.int(&format!("EXISTS {key}")) == 0 {
                continue;
            }
            compared += 1;
            let (x, y) = (payload(&mut a, key), payload(&mut b, key));
            assert_eq!(
                x[..x.len() - FOOTER],
                y[..y.len() - FOOTER],
                "{key}, seed {seed}"
            );
            for (client, bytes) in [(&mut a, &y), (&mut b, &x)] {
                let restore: [&[u8]; 4] = [b"RESTORE", b"again", b"0", bytes];
                assert_eq!(client.cmd(&restore), Value::Simple("OK".into()));
                let again = payload(client, "again");
                assert_eq!(again[..again.len() - FOOTER], x[..x.len() - FOOTER]);
                client.ok("DEL again");
            }
        }
        a.ok("FLUSHALL");
        b.ok("FLUSHALL");
    }
    assert!(compared > 20, "{compared}");
}
