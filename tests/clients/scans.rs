//! Cursors of SCAN, HSCAN, SSCAN and ZSCAN fit a double, and what stays during a scan is seen.

use std::collections::BTreeSet;

use crate::random::Random;
use crate::support::{Builder, Client, Value};

/// What a scan goes through: the command before the cursor, how an element comes and how it is removed, and how
/// many strings of the reply an element takes.
struct Kind {
    scan: &'static [&'static str],
    add: fn(&str) -> Vec<String>,
    remove: fn(&str) -> Vec<String>,
    width: usize,
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

const KINDS: [Kind; 4] = [
    Kind {
        scan: &["SCAN"],
        add: |e| words(&format!("SET {e} v")),
        remove: |e| words(&format!("DEL {e}")),
        width: 1,
    },
    Kind {
        scan: &["SSCAN", "set"],
        add: |e| words(&format!("SADD set {e}")),
        remove: |e| words(&format!("SREM set {e}")),
        width: 1,
    },
    Kind {
        scan: &["HSCAN", "hash"],
        add: |e| words(&format!("HSET hash {e} v")),
        remove: |e| words(&format!("HDEL hash {e}")),
        width: 2,
    },
    Kind {
        scan: &["ZSCAN", "zset"],
        add: |e| words(&format!("ZADD zset 1 {e}")),
        remove: |e| words(&format!("ZREM zset {e}")),
        width: 2,
    },
];

/// The cursor as it comes back from a client that keeps it in a double.
fn through_a_double(cursor: &str) -> String {
    let number: f64 = cursor.parse().expect("a cursor is a number");
    assert!(number < (1_u64 << 53) as f64, "{cursor}");
    format!("{number:.0}")
}

/// One step; the elements and the next cursor.
fn step(client: &mut Client, kind: &Kind, cursor: &str, count: &str) -> (Vec<String>, String) {
    let mut line = kind.scan.to_vec();
    line.extend([cursor, "COUNT", count]);
    let reply = client.cmd(&line);
    let [next, elements] = reply.items().expect("an array") else {
        panic!("{reply}");
    };
    let elements = elements.items().expect("elements");
    let elements = elements.iter().step_by(kind.width).map(Value::text);
    let elements = elements.map(|e| e.expect("text").to_owned()).collect();
    let next = next.text().expect("a cursor");
    (elements, through_a_double(next))
}

#[test]
fn what_stays_is_seen_while_other_elements_come_and_go() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    for (seed, kind) in KINDS.iter().cycle().take(12).enumerate() {
        let mut random = Random(seed as u64);
        client.ok("FLUSHALL");
        // From what stays packed to what splits often, by turns.
        let most = [20, 600, 4000][seed / 4 % 3];
        let stay: BTreeSet<String> = (0..most).map(|i| format!("stays:{i}")).collect();
        let adds: Vec<_> = stay.iter().map(|e| (kind.add)(e)).collect();
        client.pipeline(&adds);
        let (mut cursor, mut seen, mut steps) = ("0".to_owned(), BTreeSet::new(), 0);
        loop {
            let count = ["1", "7", "50", "300"][random.below(4)];
            let (elements, next) = step(&mut client, kind, &cursor, count);
            seen.extend(elements);
            cursor = next;
            steps += 1;
            assert!(steps < 5000, "{:?} does not end", kind.scan);
            if cursor == "0" {
                break;
            }
            let growing = steps / 3 % 2 == 0;
            let changes: Vec<_> = (0..random.below(150))
                .map(|_| format!("comes:{}", random.below(3000)))
                .map(|e| {
                    if growing {
                        (kind.add)(&e)
                    } else {
                        (kind.remove)(&e)
                    }
                })
                .collect();
            client.pipeline(&changes);
        }
        let missed: Vec<_> = stay.difference(&seen).collect();
        assert!(missed.is_empty(), "{:?} missed {missed:?}", kind.scan);
    }
}

#[test]
fn a_script_may_keep_the_cursor_as_a_number() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    for kind in &KINDS {
        client.ok("FLUSHALL");
        let adds: Vec<_> = (0..3000).map(|i| (kind.add)(&format!("e:{i}"))).collect();
        client.pipeline(&adds);
        let name = kind.scan[0];
        let key = kind
            .scan
            .get(1)
            .map_or(String::new(), |key| format!("'{key}', "));
        let script = format!(
            "local cursor, n, calls = 0, 0, 0
             repeat
               local reply = redis.call('{name}', {key}cursor, 'COUNT', 100)
               cursor, n, calls = tonumber(reply[1]), n + #reply[2], calls + 1
             until cursor == 0 or calls > 500
             return n"
        );
        let n = client.cmd(&["EVAL", &script, "0"]);
        assert_eq!(n.int(), Some(3000 * kind.width as i64), "{name}");
    }
}
