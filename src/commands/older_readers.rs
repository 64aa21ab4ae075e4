//! Tests that commands and options newer than Redis 6.2 are sent to replicas in a form that Redis 6.2 understands.
//!
//! Every newer command in the table has examples here; a test fails for one that has none.

use super::testing::Bench;
use engine::spec::Flags;
use engine::table;
use rdb::target::Target;
use replication::Reads;
use std::collections::BTreeMap;

/// Runs before each example.
const GROUND: [&str; 12] = [
    "SET str abc",
    "SET other abd",
    "SET dying abc PX 100000",
    "RPUSH list a b c d",
    "ZADD zset 1 a 2 b 3 c",
    "HSET hash a 1 b 2",
    "HPEXPIRE hash 90000 FIELDS 1 a",
    "XADD stream 1-1 f v",
    "XADD stream 2-1 f v",
    "XADD stream 3-1 f v",
    "XGROUP CREATE stream group 0",
    "XREADGROUP GROUP group alice COUNT 2 STREAMS stream >",
];

/// Commands, options and kinds of outcome that are newer than Redis 6.2. Several commands are joined by `|`.
const EXAMPLES: &[&str] = &[
    "LMPOP 1 list LEFT COUNT 2",
    "BLMPOP 0 1 list RIGHT",
    "ZMPOP 1 zset MAX COUNT 2",
    "BZMPOP 0 1 zset MIN",
    "ZUNIONSTORE zset 2 zset other-zset AGGREGATE COUNT",
    "ZINTERSTORE fresh 2 zset zset WEIGHTS 2 3 AGGREGATE COUNT",
    "GEOADD map 13 38 a 15 37 b|GEOSEARCHSTORE fresh map BYPOLYGON 3 12 37 14 37 13 39",
    "MSETEX 2 str x other y EX 100 XX",
    "MSETEX 2 dying x new y KEEPTTL",
    "DELIFEQ str abc",
    "DELEX list",
    "DELEX str IFEQ abc",
    "DELEX str IFDNE 0000000000000000",
    "INCREX fresh BYINT 2 EX 100",
    "INCREX fresh BYFLOAT 0.5",
    "LMOVEM list fresh LEFT RIGHT COUNT 2 BULK",
    "LMOVEM list list LEFT LEFT EXACTLY 4 OBO",
    "BLMOVEM list fresh RIGHT LEFT 0",
    "SET str xyz IFEQ abc",
    "SET str xyz IFNE xyz GET",
    "SET str xyz IFDNE 0000000000000000 EX 100",
    "SET str xyz NX GET",
    "SET new xyz NX GET",
    "EXPIRE dying 5000 XX",
    "PEXPIRE dying 500000 GT",
    "PEXPIREAT dying 1000500 LT",
    "EXPIREAT str 5000 NX",
    "BITOP DIFF new str other",
    "BITOP DIFF1 new str other",
    "BITOP ANDOR new str other",
    "BITOP ONE str str other dying",
    "BITOP ONE str none nothing",
    "HEXPIRE hash 100 FIELDS 2 a b",
    "HPEXPIRE hash 100000 GT FIELDS 1 a",
    "HEXPIREAT hash 5000 FIELDS 1 a",
    "HPEXPIREAT hash 5000000 FIELDS 1 a",
    "HPEXPIRE hash 0 FIELDS 1 a",
    "HPERSIST hash FIELDS 1 a",
    "HGETEX hash EX 100 FIELDS 1 b",
    "HGETEX hash PERSIST FIELDS 1 a",
    "HGETDEL hash FIELDS 2 a b",
    "HSETEX hash FIELDS 1 c 1",
    "HSETEX hash FXX KEEPTTL FIELDS 2 a 9 b 9",
    "HSETEX hash EX 100 FIELDS 2 c 1 d 2",
    "HSETEX hash EXAT 1 FIELDS 1 a 1",
    "HINCRBYFLOAT hash a 1.5",
    "HIMPORT PREPARE names b a|HIMPORT SET hash names 1 2",
    "HIMPORT PREPARE names b a|HIMPORT SET fresh names 1 2",
    "XADD stream 4-* f v",
    "XADD stream KEEPREF MAXLEN 2 4-1 f v",
    "XADD stream KEEPREF MAXLEN ~ 1 4-1 f v",
    "XADD stream NOMKSTREAM DELREF MAXLEN 1 4-1 f v",
    "XADD stream ACKED MINID 3 * f v",
    "XADD stream DELREF 4-1 f v",
    "XADD stream IDMP producer name * f v",
    "XADD stream IDMPAUTO producer MAXLEN 2 * f v",
    "XADD stream IDMP producer name * f v|XADD stream IDMP producer name * f v",
    "XCFGSET stream IDMP-DURATION 7 IDMP-MAXSIZE 9",
    "XIDMPRECORD stream producer name 1-1",
    "XTRIM stream MAXLEN 1 KEEPREF",
    "XTRIM stream MAXLEN 0 DELREF",
    "XACK stream group 1-1 2-1|XTRIM stream MAXLEN 0 ACKED",
    "XACK stream group 2-1|XTRIM stream MAXLEN 0 ACKED",
    "XDELEX stream IDS 2 1-1 9-9",
    "XDELEX stream DELREF IDS 2 1-1 3-1",
    "XDELEX stream ACKED IDS 2 1-1 3-1",
    "XDEL stream 1-1|XDELEX stream DELREF IDS 1 1-1",
    "XACKDEL stream group IDS 2 1-1 9-9",
    "XGROUP CREATE stream second 0|XREADGROUP GROUP second x STREAMS stream >|XACKDEL stream group DELREF IDS 1 1-1",
    "XACKDEL stream group ACKED IDS 1 2-1",
    "XNACK stream group FAIL IDS 1 1-1",
    "XGROUP CREATE stream second 0 ENTRIESREAD 1",
    "XGROUP CREATE fresh second $ MKSTREAM ENTRIESREAD 0",
    "XGROUP SETID stream group 1-1 ENTRIESREAD 1",
    "XSETID stream 9-1 ENTRIESADDED 20 MAXDELETEDID 4-1",
    "XREADGROUP GROUP group bob NOACK STREAMS stream >",
    "XREADGROUP GROUP group bob STREAMS stream >",
    "XREADGROUP GROUP group bob STREAMS stream 0",
    "XDEL stream 1-1|XAUTOCLAIM stream group bob 0 0",
    "XDEL stream 1-1|XCLAIM stream group bob 0 1-1",
    "XCLAIM stream group bob 100000 1-1 LASTID 7-7",
    "XAUTOCLAIM stream group bob 100000 0",
    "ARSET array 5 x y",
    "ARMSET array 5 x 9 y",
    "ARINSERT array x y",
    "ARRING array 3 x y",
    "ARSET array 5 x y|ARSEEK array 7",
    "ARSET array 5 x y|ARDEL array 5",
    "ARSET array 5 x y|ARDELRANGE array 0 9",
    "FUNCTION FLUSH",
    "FUNCTION LOAD \"#!lua name=lib\\nredis.register_function('f', function() return 1 end)\"",
    "FUNCTION LOAD \"#!lua name=lib\\nredis.register_function('f', function() return 1 end)\"|FUNCTION DELETE lib",
    "FUNCTION RESTORE x",
    "SPUBLISH channel message",
];

/// Options that came later, by the command that has them.
const NEW_OPTIONS: [(&str, &[&str]); 10] = [
    ("geosearchstore", &["BYPOLYGON"]),
    ("zunionstore", &["COUNT"]),
    ("zinterstore", &["COUNT"]),
    ("pexpireat", &["NX", "XX", "GT", "LT"]),
    ("xadd", &["KEEPREF", "DELREF", "ACKED", "IDMP", "IDMPAUTO"]),
    ("xtrim", &["KEEPREF", "DELREF", "ACKED"]),
    ("xgroup", &["ENTRIESREAD"]),
    ("xsetid", &["ENTRIESADDED", "MAXDELETEDID"]),
    ("bitop", &["DIFF", "DIFF1", "ANDOR", "ONE"]),
    ("set", &["IFEQ", "IFNE", "IFDEQ", "IFDNE", "GET"]),
];

fn is_newer(since: &str) -> bool {
    let mut parts = since.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
    (parts.next(), parts.next()) > (Some(6), Some(2))
}

/// A bench with the ground laid and, if asked, a replica that is known to be older than Redis 7.0.
fn bench(old_replica: bool) -> Bench {
    let mut bench = Bench::new();
    for command in GROUND {
        let reply = bench.run(command);
        assert!(!reply.starts_with('-'), "{command}: {reply}");
    }
    if old_replica {
        let replica = bench.connect();
        bench.run_as(replica, "REPLCONF listening-port 1 version 6.2.0");
        bench.run_as(replica, "PSYNC ? -1");
        assert!(bench.engine.repl.readers_are_old());
    }
    bench.effects();
    bench
}

fn run(bench: &mut Bench, example: &str) -> String {
    for command in example.split('|') {
        bench.effects();
        bench.run(command);
    }
    bench.effects()
}

#[test]
fn every_newer_command_that_writes_has_examples() {
    table::install(crate::FAMILIES);
    let words = |text: &str| text.to_lowercase();
    let examples: Vec<String> = EXAMPLES.iter().map(|e| words(e)).collect();
    for entry in table::all() {
        let writes = entry.flags.intersects(Flags::WRITE | Flags::MAY_REPLICATE);
        let reads_by_script = entry.name.ends_with("_ro") || entry.name.starts_with("fcall");
        if !writes || reads_by_script || !is_newer(entry.command.since) {
            continue;
        }
        let name = entry.name.replace('|', " ");
        let is_container = !entry.command.subcommands.is_empty();
        let found = examples
            .iter()
            .flat_map(|e| e.split('|'))
            .any(|e| e == name || e.starts_with(&format!("{name} ")));
        assert!(found || is_container, "{name} has no example");
    }
}

#[test]
fn what_replicas_are_sent_is_known_to_the_eldest() {
    for example in EXAMPLES {
        let effects = run(&mut bench(true), example);
        for effect in effects
            .split('|')
            .filter(|e| !e.is_empty() && *e != "MULTI" && *e != "EXEC")
        {
            let mut words = effect.split(' ');
            let name = words.next().unwrap_or_default().to_lowercase();
            let options: Vec<String> = words.map(str::to_uppercase).collect();
            let entry = table::by_name(name.as_bytes()).expect("effects are commands");
            // What has no form for older servers ends the links to them.
            let argv: Vec<&str> = effect.split(' ').collect();
            let is_needed = !Reads::needed_by(&argv).is_empty();
            assert_eq!(
                is_needed,
                is_newer(entry.command.since),
                "{example}: {effect}"
            );
            let newer = NEW_OPTIONS.iter().find(|(command, _)| *command == name);
            for option in newer.map_or(&[][..], |(_, options)| options) {
                assert!(!options.iter().any(|o| o == option), "{example}: {effect}");
            }
        }
    }
}

/// Which real server knows which command, by their own word (`tests/replication/known.rs`).
struct Known {
    servers: Vec<(String, Target)>,
    /// By command, in the order of the servers.
    rows: BTreeMap<String, Vec<bool>>,
}

impl Known {
    fn read() -> Known {
        let text = include_str!("../../testdata/commands/known.txt");
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let head = lines.next().expect("a head").split(' ').skip(1);
        let server = |name: &str| {
            let (family, version) = name.split_once('-').expect("family-version");
            let (major, minor) = version.split_once('.').expect("major.minor");
            let [major, minor] = [major, minor].map(|n| n.parse().expect("a number"));
            let target = Target::of_server(family == "valkey", major, minor);
            (name.to_owned(), target)
        };
        let row = |line: &str| {
            let mut cells = line.split(' ');
            let name = cells.next().expect("a name").to_owned();
            (name, cells.map(|cell| cell == "+").collect())
        };
        Known {
            servers: head.map(server).collect(),
            rows: lines.map(row).collect(),
        }
    }

    /// A server that does not list the subcommands of a container is taken to know those that it had.
    fn knows(&self, server: usize, command: &str, sub: &str) -> bool {
        let row = |name: &str| self.rows.get(name).is_some_and(|row| row[server]);
        let within = format!("{command}|");
        let lists = self
            .rows
            .iter()
            .any(|(n, row)| row[server] && n.starts_with(&within));
        row(command) && (!lists || row(&format!("{within}{sub}")))
    }
}

#[test]
fn no_server_is_sent_what_its_own_list_of_commands_lacks() {
    let known = Known::read();
    assert_eq!(known.servers.len(), 10);
    let mut looked_at = 0;
    for (example, old_replica) in EXAMPLES.iter().flat_map(|e| [(e, true), (e, false)]) {
        let effects = run(&mut bench(old_replica), example);
        // A message is not data: it is sent unless all replicas are too old for it.
        let told = |e: &&str| !e.is_empty() && !e.starts_with("SPUBLISH");
        for effect in effects.split('|').filter(told) {
            let argv: Vec<&str> = effect.split(' ').collect();
            let needs = Reads::needed_by(&argv);
            let word = |i: usize| argv.get(i).map_or(String::new(), |w| w.to_lowercase());
            for (at, (server, target)) in known.servers.iter().enumerate() {
                // One that is not known to read it loses its link instead.
                if Reads::of_target(*target).contains(needs) {
                    looked_at += 1;
                    let knows = known.knows(at, &word(0), &word(1));
                    assert!(knows, "{example}: {server} is sent {effect}");
                }
            }
        }
    }
    assert!(looked_at > 1000, "{looked_at}");
}

#[test]
fn later_servers_are_told_what_only_they_keep() {
    let mut bench = bench(false);
    for (command, effects) in [
        (
            "XREADGROUP GROUP group bob NOACK STREAMS stream >",
            "MULTI|XGROUP CREATECONSUMER stream group bob|XGROUP SETID stream group 3-1|XGROUP SETID stream group 3-1 ENTRIESREAD 3|EXEC",
        ),
        (
            "XGROUP CREATE stream second 0 ENTRIESREAD 1",
            "MULTI|XGROUP CREATE stream second 0|XGROUP SETID stream second 0-0 ENTRIESREAD 1|EXEC",
        ),
        (
            "XSETID stream 9-1 ENTRIESADDED 20",
            "MULTI|XSETID stream 9-1|XSETID stream 9-1 ENTRIESADDED 20|EXEC",
        ),
    ] {
        assert_eq!(run(&mut bench, command), effects);
    }
}

#[test]
fn what_a_newer_command_did_is_said_in_older_words() {
    for (command, effects) in [
        ("EXPIRE dying 5000 XX", "PEXPIREAT dying 6000000"),
        ("DELEX str IFNE xyz", "DEL str"),
        ("DELEX str IFNE abc", ""),
        (
            "LMOVEM list fresh LEFT LEFT COUNT 2 BULK",
            "MULTI|LPOP list 2|LPUSH fresh b a|EXEC",
        ),
        (
            "LMOVEM list list LEFT LEFT COUNT 9 OBO",
            "MULTI|LPUSH list a b c d|LTRIM list 0 3|EXEC",
        ),
        ("LMOVEM list fresh LEFT LEFT EXACTLY 9 BULK", ""),
        (
            "MSETEX 2 a 1 b 2 PX 5",
            "MULTI|SET a 1 PXAT 1000005|SET b 2 PXAT 1000005|EXEC",
        ),
        ("MSETEX 1 dying 1 KEEPTTL", "SET dying 1 KEEPTTL"),
        ("MSETEX 2 a 1 b 2", "MSET a 1 b 2"),
        ("BITOP ONE str none nothing", "DEL str"),
        ("BITOP DIFF none nothing here", ""),
        ("HSETEX hash FIELDS 1 c 1", "HSET hash c 1"),
        (
            "HSETEX hash KEEPTTL FIELDS 2 a 9 b 9",
            "MULTI|HSET hash a 9 b 9|HPEXPIREAT hash 1090000 FIELDS 1 a|EXEC",
        ),
        (
            "XADD stream KEEPREF MAXLEN 2 4-1 f v",
            "XADD stream MAXLEN 2 4-1 f v",
        ),
        (
            "XADD stream NOMKSTREAM DELREF MAXLEN 2 4-1 f v",
            "MULTI|XADD stream 4-1 f v|XTRIM stream MAXLEN = 2|XACK stream group 1-1 2-1|EXEC",
        ),
        (
            "XACK stream group 2-1|XTRIM stream MAXLEN 0 ACKED",
            "XDEL stream 2-1",
        ),
        (
            "XDELEX stream DELREF IDS 2 1-1 3-1",
            "MULTI|XACK stream group 1-1|XDEL stream 1-1 3-1|EXEC",
        ),
        (
            "XDEL stream 1-1|XAUTOCLAIM stream group alice 0 0 COUNT 1",
            "XACK stream group 1-1",
        ),
        (
            "XCLAIM stream group bob 100000 1-1",
            "XGROUP CREATECONSUMER stream group bob",
        ),
        (
            "XAUTOCLAIM stream group bob 100000 0",
            "XGROUP CREATECONSUMER stream group bob",
        ),
        (
            "XREADGROUP GROUP group bob STREAMS stream 0",
            "XGROUP CREATECONSUMER stream group bob",
        ),
    ] {
        assert_eq!(run(&mut bench(false), command), effects, "{command}");
    }
}
