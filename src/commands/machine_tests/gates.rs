//! `engine::gates` with the commands of all families.

use crate::testing::Bench;
use config::Config;

#[test]
fn a_password_is_asked_for_before_anything_else_runs() {
    let mut bench = Bench::with(Config {
        requirepass: "secret".into(),
        ..Config::default()
    });
    assert_eq!(bench.run("GET a"), "-NOAUTH Authentication required.");
    assert_eq!(
        bench.run("NOPE"),
        "-ERR unknown command 'NOPE', with args beginning with: "
    );
    assert_eq!(
        bench.run("GET"),
        "-ERR wrong number of arguments for 'get' command"
    );
    assert_eq!(bench.run("AUTH secret"), "+OK");
    assert_eq!(bench.run("GET a"), "nil");
}

#[test]
fn writes_are_refused_after_a_failed_save_and_ping_tells() {
    let mut bench = Bench::new();
    bench.engine.save_failed = true;
    assert!(bench.run("SET a b").starts_with("-MISCONF "));
    assert!(bench.run("PING").starts_with("-MISCONF "));
    assert_eq!(bench.run("GET a"), "nil");
    bench.run("CONFIG SET stop-writes-on-bgsave-error no");
    assert_eq!(bench.run("SET a b"), "+OK");
}

#[test]
fn a_full_server_refuses_what_may_need_memory() {
    let mut bench = Bench::new();
    bench.engine.used_memory = |_| 2000;
    bench.engine.config.maxmemory = 1000;
    assert_eq!(
        bench.run("SET a b"),
        "-OOM command not allowed when used memory > 'maxmemory'."
    );
    assert_eq!(bench.run("DEL a"), ":0");
}

#[test]
fn a_subscriber_in_resp2_may_do_little() {
    let mut bench = Bench::new();
    bench.run("SUBSCRIBE a");
    assert_eq!(
        bench.run("GET a"),
        "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
    );
}

#[test]
fn while_loading_only_what_needs_no_data_is_answered() {
    let mut bench = Bench::new();
    bench.engine.loading = engine::Loading::Blocking;
    assert_eq!(
        bench.run("GET a"),
        "-LOADING Redis is loading the dataset in memory"
    );
    assert_eq!(bench.run("SELECT 1"), "+OK");
}

#[test]
fn too_few_replicas_keep_writes_out() {
    let mut bench = Bench::with(Config {
        min_replicas_to_write: 1,
        ..Config::default()
    });
    assert_eq!(
        bench.run("SET a b"),
        "-NOREPLICAS Not enough good replicas to write."
    );
}

#[test]
fn one_state_of_the_server_refuses_each_kind_of_caller_in_its_own_words() {
    let mut bench = Bench::new();
    bench.engine.save_failed = true;
    let client = bench.run("SET a b");
    assert!(client.starts_with("-MISCONF Redis is configured to save RDB snapshots"));
    assert_eq!(bench.run("MULTI"), "+OK");
    assert_eq!(bench.run("SET a b"), client);
    assert!(bench.run("EXEC").starts_with("-EXECABORT "));
    let call = bench.run("EVAL \"return redis.call('set', 'a', 'b')\" 0");
    assert!(call.starts_with("-MISCONF Redis is configured to save RDB snapshots"));
    assert!(call.contains("Please check the Redis logs"));
    let script = bench.run("EVAL \"#!lua\nreturn 1\" 0");
    // It declares that it writes, so that its request is refused as any client's.
    assert_eq!(script, client);
    assert_eq!(
        bench.run("EVAL \"#!lua flags=no-writes\nreturn 1\" 0"),
        ":1"
    );
    assert_eq!(bench.run("GET a"), "nil");
}

#[test]
fn a_call_is_refused_for_what_its_script_may_before_the_state_of_the_server() {
    let mut bench = Bench::new();
    bench.engine.save_failed = true;
    let call = bench.run("EVAL_RO \"return redis.call('set', 'a', 'b')\" 0");
    assert!(call.starts_with("-ERR Write commands are not allowed from read-only scripts."));
    let script = bench.run("EVAL_RO \"#!lua\nreturn 1\" 0");
    assert!(script.starts_with("-MISCONF "), "{script}");
    bench.engine.save_failed = false;
    let script = bench.run("EVAL_RO \"#!lua\nreturn 1\" 0");
    assert_eq!(
        script,
        "-ERR Can not execute a script with write flag using *_ro command."
    );
}
