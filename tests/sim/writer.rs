//! What clients write: every type, several databases, transactions, expiry, and values in which a command that was
//! lost or ran twice shows for ever.

use super::node::Node;
use forebay::base::Rng;

/// Databases that are used.
pub const DATABASES: u64 = 3;
/// Two counters that only ever change together, in a transaction.
pub const PAIR: [&str; 2] = ["pair:a", "pair:b"];

/// Writes something; `token` is different each time.
pub fn write(node: &mut Node, rng: &mut Rng, token: u64, large: bool) {
    let key = format!("k{}", rng.below(40));
    let value = format!("v{token}");
    let run = |node: &mut Node, words: &[&str]| drop(node.run(words));
    match rng.below(24) {
        0 => run(node, &["SELECT", &rng.below(DATABASES).to_string()]),
        1 => run(node, &["DEL", &key]),
        2 | 3 => run(node, &["INCR", &format!("n{key}")]),
        4 => run(node, &["SET", &key, &value, "PX", "300"]),
        5 | 6 => {
            run(node, &["MULTI"]);
            run(node, &["INCR", PAIR[0]]);
            run(node, &["SET", &key, &value]);
            run(node, &["INCR", PAIR[1]]);
            run(node, &["EXEC"]);
        }
        7 => run(
            node,
            &["SET", &key, &value.repeat(if large { 2000 } else { 100 })],
        ),
        // Whatever is lost or done twice stays visible here.
        8..=10 => run(node, &["APPEND", "trace", &value]),
        11 => run(node, &["RPUSH", "list", &value]),
        12 => run(node, &["LPOP", "list"]),
        13 => run(node, &["SADD", "set", &value]),
        14 => run(node, &["SPOP", "set"]),
        15 => run(
            node,
            &["HSET", "hash", &format!("f{}", rng.below(20)), &value],
        ),
        16 => run(
            node,
            &["ZINCRBY", "zset", "1.5", &format!("m{}", rng.below(20))],
        ),
        17 => run(node, &["HINCRBYFLOAT", "hash", "float", "0.1"]),
        18 => run(node, &["PEXPIRE", &format!("n{key}"), "400"]),
        19 => run(node, &["RENAME", &key, &format!("k{}", rng.below(40))]),
        20 => run(node, &["GET", &key]),
        21 if rng.below(8) == 0 => run(node, &["SWAPDB", "0", "1"]),
        21 if rng.below(8) == 0 => run(node, &["FLUSHDB"]),
        _ => run(node, &["SET", &key, &value]),
    }
}
