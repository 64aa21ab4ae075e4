//! Rules about databases. The expected replies are those of valkey-server 9.1.

use crate::testing::Bench;
use engine::ClientId;

const DENIED: &str = "-NOPERM No permissions to access database";

fn restricted(rules: &str) -> (Bench, ClientId) {
    let mut bench = Bench::new();
    bench.run(&format!("ACL SETUSER u on nopass {rules}"));
    let client = bench.connect();
    bench.run_as(client, "AUTH u x");
    (bench, client)
}

#[test]
fn a_call_is_checked_with_the_database_in_which_it_runs_and_those_that_it_names() {
    let (mut bench, client) = restricted("~* +@all db=1");
    for (line, reply) in [
        ("GET k", DENIED),
        ("DBSIZE", DENIED),
        ("PING", "+PONG"),
        ("PUBLISH c m", "-NOPERM No permissions to access a channel"),
        ("SELECT 2", DENIED),
        ("SELECT x", "-ERR value is not an integer or out of range"),
        ("SELECT 99", "-ERR DB index is out of range"),
        ("SELECT 1", "+OK"),
        ("SET k v", "+OK"),
        ("MOVE k 0", DENIED),
        ("COPY k c", ":1"),
        ("COPY k c DB 0", DENIED),
        ("COPY k c REPLACE DB 0", DENIED),
        ("COPY k c DB 1 DB 0", DENIED),
        ("COPY k c DB 1 REPLACE", ":1"),
        ("SWAPDB 0 1", DENIED),
        ("SWAPDB 1 1", "+OK"),
        ("FLUSHDB", "+OK"),
        ("FLUSHALL", DENIED),
        (
            "EVAL \"return redis.pcall('select', 0).err\" 0",
            "\"ERR ACL failure in script: No permissions to access database\"",
        ),
    ] {
        assert_eq!(bench.run_as(client, line), reply, "{line}");
    }
}

#[test]
fn what_is_queued_runs_in_the_database_that_the_transaction_has_selected() {
    let (mut bench, client) = restricted("~* +@all db=1");
    for (line, reply) in [
        ("MULTI", "+OK"),
        ("SELECT 1", "+QUEUED"),
        ("SET k v", "+QUEUED"),
        ("EXEC", "[+OK, +OK]"),
        ("MULTI", "+OK"),
        ("SET k v", "+QUEUED"),
        ("SELECT 0", DENIED),
        (
            "EXEC",
            "-EXECABORT Transaction discarded because of previous errors.",
        ),
        ("MULTI", "+OK"),
        ("SET k v", "+QUEUED"),
    ] {
        assert_eq!(bench.run_as(client, line), reply, "{line}");
    }
    bench.run("ACL SETUSER u db=2");
    assert_eq!(
        bench.run_as(client, "EXEC"),
        "[-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: no permission]"
    );
    assert_eq!(bench.engine.stats.denied_databases, 2);
    let log = bench.run("ACL LOG");
    assert!(
        log.contains("\"database\"") && log.contains("\"set\""),
        "{log}"
    );
}

#[test]
fn rules_about_databases_are_described_only_where_there_are_some() {
    let mut bench = Bench::new();
    for (rules, text) in [
        ("db=3,1,1", "resetchannels db=1,3 -@all"),
        ("db=3,1 DB=0", "resetchannels db=0 -@all"),
        ("db=1 resetdbs", "resetchannels resetdbs -@all"),
        ("db=1 alldbs", "resetchannels -@all"),
        ("db=1 reset", "resetchannels -@all"),
        ("db=99", "resetchannels db=99 -@all"),
        (
            "(db=2 +get ~x)",
            "resetchannels -@all (~x resetchannels db=2 -@all +get)",
        ),
    ] {
        bench.run("ACL DELUSER u");
        bench.run(&format!("ACL SETUSER u {rules}"));
        let expected = format!("user u off sanitize-payload {text}");
        let list = bench.run("ACL LIST");
        assert!(list.contains(&format!("\"{expected}\"")), "{rules}: {list}");
        let shown = bench.run("ACL GETUSER u").contains("databases");
        assert_eq!(shown, text.contains("db"), "{rules}");
    }
    for (rule, error) in [
        ("db=", "Syntax error"),
        ("db=1,", "Syntax error"),
        ("db=a", "Syntax error"),
        ("db=-1", "The provided database ID is out of range"),
        ("db=2147483648", "The provided database ID is out of range"),
    ] {
        let expected = format!("-ERR Error in ACL SETUSER modifier '{rule}': {error}");
        assert_eq!(bench.run(&format!("ACL SETUSER u {rule}")), expected);
    }
}

/// Of several selectors that refuse a call, the one that comes nearest says why.
#[test]
fn a_database_is_the_least_reason() {
    let mut bench = Bench::new();
    bench.run("ACL SETUSER u on nopass ~* +@all db=1 (~* +set) (~b +get)");
    let dry = "ACL DRYRUN u";
    for (call, reply) in [
        (
            "get z",
            "\"User u has no permissions to access the \\'z\\' key\"",
        ),
        (
            "del z",
            "\"User u has no permissions to run the \\'del\\' command\"",
        ),
        ("get b", "+OK"),
    ] {
        assert_eq!(bench.run(&format!("{dry} {call}")), reply, "{call}");
    }
    bench.run("ACL SETUSER u clearselectors");
    for (call, what) in [
        ("get a", "get"),
        ("select 2", "2"),
        ("copy a b db 2", "2"),
        ("flushall", "flushall"),
    ] {
        let expected = format!("\"User u has no permissions to access database {what}\"");
        assert_eq!(bench.run(&format!("{dry} {call}")), expected, "{call}");
    }
}
