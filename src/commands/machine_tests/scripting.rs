//! Scripts and functions on a bench.

use crate::testing::{Bench, check, check_effects};
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn a_script_calls_commands_and_its_value_is_the_reply() {
    check(&[
        ("SET k v", "+OK"),
        ("EVAL \"return redis.call('GET', KEYS[1])\" 1 k", "\"v\""),
        (
            "EVAL \"return {1, 2.9, 'a', true, false, {4}}\" 0",
            "[:1, :2, \"a\", :1, nil, [:4]]",
        ),
        ("EVAL \"return {1, nil, 3}\" 0", "[:1]"),
        ("EVAL \"return {ok='fine'}\" 0", "+fine"),
        ("EVAL \"return redis.error_reply('MY own')\" 0", "-MY own"),
        ("EVAL \"return redis.status_reply('x')\" 0", "+x"),
        (
            "EVAL \"return {KEYS[2], ARGV[1], #ARGV}\" 2 a b c d",
            "[\"b\", \"c\", :2]",
        ),
        (
            "EVAL \"return 1\" 2 a",
            "-ERR Number of keys can't be greater than number of args",
        ),
        (
            "EVAL \"return 1\" -1",
            "-ERR Number of keys can't be negative",
        ),
    ]);
}

#[test]
fn an_error_says_which_script_and_which_line() {
    check(&[
        (
            "EVAL \"return redis.call('nosuch')\" 0",
            "-ERR Unknown Redis command called from script script: 206396248e12c6e742fd7296250433c8d7343b74, on @user_script:1.",
        ),
        (
            "EVAL \"\\nerror('foo')\" 0",
            "-ERR user_script:2: foo script: 56c5a61bef59a552648d24375ec15f015715c7de, on @user_script:2.",
        ),
        (
            "EVAL \"local ok, e = pcall(redis.call, 'GET') return e\" 0",
            "\"ERR Wrong number of args calling Redis command from script\"",
        ),
        (
            "EVAL \"retur 1\" 0",
            "-ERR Error compiling script (new function): user_script:1: '=' expected near '1'",
        ),
    ]);
}

#[test]
fn what_scripts_share_cannot_be_changed() {
    let mut bench = Bench::new();
    for (script, error) in [
        ("x = 1", "Attempt to modify a readonly table"),
        (
            "return x",
            "Script attempted to access nonexistent global variable 'x'",
        ),
        ("redis.call = nil", "Attempt to modify a readonly table"),
        (
            "rawset(redis, 'x', 1)",
            "Attempt to modify a readonly table",
        ),
        (
            "table.insert(redis, 1)",
            "Attempt to modify a readonly table",
        ),
        ("setmetatable(_G, {})", "Attempt to modify a readonly table"),
        (
            "getmetatable(_G).__index = {}",
            "Attempt to modify a readonly table",
        ),
        (
            "getmetatable('').__index = {}",
            "Attempt to modify a readonly table",
        ),
        ("string.rep = nil", "Attempt to modify a readonly table"),
        ("cjson.encode = nil", "Attempt to modify a readonly table"),
        ("return io", "nonexistent global variable 'io'"),
        ("return debug", "nonexistent global variable 'debug'"),
        ("return dofile", "nonexistent global variable 'dofile'"),
        ("return getfenv", "nonexistent global variable 'getfenv'"),
    ] {
        let reply = bench.run(&format!("EVAL \"{script}\" 0"));
        assert!(
            reply.starts_with("-ERR ") && reply.contains(error),
            "{script}: {reply}"
        );
    }
    let kinds = "EVAL \"local n = 0 for k, v in pairs(redis) do n = n + 1 end return {n > 10, type(redis.call)}\" 0";
    assert_eq!(bench.run(kinds), "[:1, \"function\"]");
}

#[test]
fn what_a_script_could_do_to_the_process_is_bounded() {
    let mut bench = Bench::new();
    for (script, error) in [
        ("return #string.rep('x', 2^30)", "not enough memory"),
        (
            "local function f() return f() + 1 end return f()",
            "stack overflow",
        ),
        (
            "return string.rep('x', 200000):find(string.rep('x?', 200000))",
            "pattern too complex",
        ),
        (
            "local s = string.dump(function() end) return loadstring(s)()",
            "attempt to call a nil value",
        ),
        (
            "cjson.decode_max_depth(100000) return cjson.decode(string.rep('[', 100000))",
            "too many nested data structures",
        ),
        (
            "cjson.encode_max_depth(100000) local t = {} for i = 1, 100000 do t = {t} end return cjson.encode(t)",
            "excessive nesting (1501)",
        ),
        (
            "return cmsgpack.unpack(string.rep('\\x91', 100000))",
            "stack overflow",
        ),
    ] {
        let reply = bench.run(&format!("EVAL \"{script}\" 0"));
        assert!(
            reply.starts_with('-') && reply.contains(error),
            "{script}: {reply}"
        );
    }
    let deep: [&[u8]; 3] = [b"EVAL", b"local a = {} a[1] = {a} return a", b"0"];
    bench.engine.execute(bench.id, &deep);
    let reply = bench
        .engine
        .clients
        .get_mut(&bench.id)
        .map(|c| c.reply.take());
    let reply = reply.unwrap_or_default();
    assert!(reply.starts_with(b"*1\r\n*1\r\n"));
    assert!(reply.ends_with(b"*1\r\n-ERR reached lua stack limit\r\n"));
    let many = "EVAL \"local t = {} for i = 1, 7000 do t[i] = 'x' end return redis.call('RPUSH', 'l', unpack(t))\" 0";
    assert_eq!(bench.run(many), ":7000");
}

#[test]
fn scripts_stay_known_by_their_digest() {
    check(&[
        (
            "SCRIPT LOAD \"return 1\"",
            "\"e0e1f9fabfc9d4800c877a703b823ac0578ff8db\"",
        ),
        ("EVALSHA E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0", ":1"),
        (
            "SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db x",
            "[:1, :0]",
        ),
        (
            "EVALSHA x 0",
            "-NOSCRIPT No matching script. Please use EVAL.",
        ),
        ("SCRIPT FLUSH", "+OK"),
        (
            "SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
            "[:0]",
        ),
        ("SCRIPT KILL", "-NOTBUSY No scripts in execution right now."),
    ]);
}

#[test]
fn there_is_room_for_more_scripts_and_functions_than_references() {
    let mut bench = Bench::new();
    for i in 0..10_000 {
        bench.run(&format!("SCRIPT LOAD \"return {i}\""));
    }
    assert_eq!(bench.engine.scripting.cache.len(), 10_000);
    let library = "\"#!lua name=many\\nfor i = 1, 10000 do redis.register_function('f' .. i, function() return i end) end\"";
    assert_eq!(bench.run(&format!("FUNCTION LOAD {library}")), "\"many\"");
    assert_eq!(bench.run("FCALL f9999 0"), ":9999");
}

#[test]
fn functions_are_called_in_any_case_and_libraries_are_not() {
    let mut bench = Bench::new();
    let load = |name: &str, function: &str| {
        format!(
            "FUNCTION LOAD \"#!lua name={name}\\nredis.register_function('{function}', function() return 1 end)\""
        )
    };
    bench.check(&[
        (&load("lib", "f"), "\"lib\""),
        ("FCALL F 0", ":1"),
        (&load("LIB", "F"), "-ERR Function F already exists"),
        (&load("LIB", "g"), "\"LIB\""),
        ("FUNCTION DELETE Lib", "-ERR Library not found"),
    ]);
}

#[test]
fn flags_say_what_a_script_may_do() {
    check(&[
        (
            "EVAL \"#!lua flags=no-writes\\nreturn redis.call('SET', 'k', 1)\" 0",
            "-ERR Write commands are not allowed from read-only scripts. script: f78fe36918c7613e310cc4ed95ffbaa2d2f360f3, on @user_script:2.",
        ),
        (
            "EVAL \"#!lua flags=bad\\nreturn 1\" 0",
            "-ERR Unexpected flag in script shebang: bad",
        ),
        (
            "EVAL_RO \"#!lua\\nreturn 1\" 0",
            "-ERR Can not execute a script with write flag using *_ro command.",
        ),
        ("EVAL_RO \"return redis.call('GET', 'k')\" 1 k", "nil"),
        (
            "EVAL \"#!lua flags=no-writes,allow-oom\\nreturn 1\" 0",
            ":1",
        ),
    ]);
}

#[test]
fn the_effects_of_a_script_go_out_together() {
    check_effects(&[
        ("EVAL \"redis.call('SET', 'a', 1) return 1\" 0", "SET a 1"),
        (
            "EVAL \"redis.call('SET', 'a', 1) redis.call('INCR', 'a')\" 0",
            "MULTI|SET a 1|INCR a|EXEC",
        ),
        ("EVAL \"return redis.call('GET', 'a')\" 0", ""),
        ("EVAL \"redis.call('SET', 'a', 1) error('x')\" 0", "SET a 1"),
        (
            "EVAL \"redis.set_repl(redis.REPL_NONE) redis.call('SET', 'a', 1) redis.set_repl(redis.REPL_ALL) redis.call('INCR', 'a')\" 0",
            "INCR a",
        ),
        (
            "EVAL \"redis.call('SELECT', 1) redis.call('SET', 'b', 1)\" 0",
            "SET b 1",
        ),
    ]);
}

#[test]
fn a_function_is_called_with_its_keys_and_arguments() {
    let mut bench = Bench::new();
    let library = "\"#!lua name=lib\\nredis.register_function('f', function(keys, args) return {keys[1], args[1]} end)\\nredis.register_function{function_name='g', callback=function() return redis.call('SET', 'k', 1) end, flags={'no-writes'}}\"";
    bench.check(&[
        (&format!("FUNCTION LOAD {library}"), "\"lib\""),
        (&format!("FUNCTION LOAD {library}"), "-ERR Library 'lib' already exists"),
        (&format!("FUNCTION LOAD REPLACE {library}"), "\"lib\""),
        ("FCALL f 1 a b", "[\"a\", \"b\"]"),
        ("FCALL h 0", "-ERR Function not found"),
        (
            "FCALL g 0",
            "-ERR Write commands are not allowed from read-only scripts. script: g, on @user_function:3.",
        ),
        (
            "FUNCTION LOAD \"#!lua name=other\\nredis.register_function('f', function() end)\"",
            "-ERR Function f already exists",
        ),
        ("FUNCTION DELETE lib", "+OK"),
        ("FUNCTION DELETE lib", "-ERR Library not found"),
        ("FUNCTION LIST", "[]"),
    ]);
}

#[test]
fn libraries_survive_a_dump_and_its_restoration() {
    let mut bench = Bench::new();
    bench.run(
        "FUNCTION LOAD \"#!lua name=lib\\nredis.register_function('f', function() return 7 end)\"",
    );
    let payload = bench.run("FUNCTION DUMP");
    bench.check(&[
        (
            &format!("FUNCTION RESTORE {payload}"),
            "-ERR Library lib already exists",
        ),
        (&format!("FUNCTION RESTORE {payload} REPLACE"), "+OK"),
        ("FUNCTION FLUSH", "+OK"),
        ("FCALL f 0", "-ERR Function not found"),
        (&format!("FUNCTION RESTORE {payload}"), "+OK"),
        ("FCALL f 0", ":7"),
        (
            "FUNCTION RESTORE abc",
            "-ERR DUMP payload version or checksum are wrong",
        ),
    ]);
}

/// A clock that advances by 1 ms whenever it is read.
fn ticking() -> u64 {
    static NOW: AtomicU64 = AtomicU64::new(0);
    NOW.fetch_add(1_000_000, Ordering::Relaxed)
}

fn busy_bench() -> Bench {
    let mut bench = Bench::new();
    bench.engine.timer = ticking;
    bench.run("CONFIG SET busy-reply-threshold 1");
    bench.effects();
    bench
}

const BUSY: &str =
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";

/// The product of the largest threshold and a factor did not fit: the script was parked at once, or the server ended.
#[test]
fn the_largest_threshold_parks_no_script() {
    let mut bench = busy_bench();
    bench.run("CONFIG SET busy-reply-threshold 9223372036854775807");
    let loops = "for i = 1, 1000000 do end return 1";
    assert_eq!(bench.run(&format!("EVAL \"{loops}\" 0")), ":1");
}

#[test]
fn a_script_that_takes_long_is_parked_and_ends_in_slices() {
    let mut bench = busy_bench();
    let other = bench.connect();
    let slow = "EVAL \"local n = 0 for i = 1, 1000000 do n = n + 1 end redis.call('SET', 'k', n) redis.call('INCR', 'k') return n\" 0";
    assert_eq!(bench.run(slow), "");
    assert!(bench.engine.script_is_parked());
    assert!(bench.engine.at_rest().is_none());
    assert_eq!(bench.run_as(other, "GET k"), BUSY);
    assert_eq!(bench.run_as(other, "MULTI"), "+OK");
    assert_eq!(bench.effects(), "");
    while bench.engine.continue_script(1) {
        assert!(bench.engine.at_rest().is_none());
    }
    assert!(bench.engine.at_rest().is_some());
    assert_eq!(bench.output(bench.id), ":1000000");
    assert_eq!(bench.effects(), "MULTI|SET k 1000000|INCR k|EXEC");
    assert_eq!(bench.run("GET k"), "\"1000001\"");
}

#[test]
fn a_script_that_does_not_end_is_killed_even_in_pcall() {
    for script in [
        "while true do pcall(function() while true do end end) end",
        "while true do pcall(coroutine.wrap(function() while true do end end)) end",
        "local t = {} for i = 1, 100 do t[i] = i end while true do table.sort(t, function(a, b) return a < b end) end",
        "while true do pcall(redis.call, 'GET', 'k') end",
    ] {
        let mut bench = busy_bench();
        let other = bench.connect();
        assert_eq!(bench.run(&format!("EVAL \"{script}\" 0")), "");
        assert_eq!(bench.run_as(other, "FUNCTION KILL"), BUSY);
        assert_eq!(bench.run_as(other, "SCRIPT KILL"), "+OK");
        while bench.engine.continue_script(1) {}
        let reply = bench.output(bench.id);
        let killed = "-ERR Script killed by user with SCRIPT KILL... script: ";
        assert!(reply.starts_with(killed), "{script}: {reply}");
        assert_eq!(
            bench.run("EVAL \"for i = 1, 1000 do end return 1\" 0"),
            ":1"
        );
    }
}

/// The error said where in the server the compiler had been called.
#[test]
fn a_limit_of_the_compiler_is_an_error_of_one_line() {
    let mut bench = Bench::new();
    let constants = (0..1 << 18).map(|n| format!("x={n}.5 "));
    let text: String = constants.collect();
    let text = format!("local x {text}");
    let (text, mut replies) = (text.as_bytes(), Vec::new());
    bench.engine.execute(bench.id, &[b"SCRIPT", b"LOAD", text]);
    replies.push(bench.output(bench.id));
    bench.engine.execute(bench.id, &[b"EVAL", text, b"0"]);
    replies.push(bench.output(bench.id));
    let error = "-ERR Error compiling script (new function): constant table overflow";
    assert_eq!(replies, [error; 2]);
}

/// It could not end, and because it had written, nothing but the end of the process could end it.
#[test]
fn a_script_that_waits_by_time_ends_and_keys_do_not_expire_meanwhile() {
    let script = "redis.call('SET', 'k', 1, 'PX', 100) local t = redis.call('TIME')[1] + 2 while redis.call('TIME')[1] + 0 < t do end return redis.call('PTTL', 'k')";
    for threshold in [1, 0] {
        let mut bench = busy_bench();
        bench.run(&format!("CONFIG SET busy-reply-threshold {threshold}"));
        bench.run("MULTI");
        bench.run("TIME");
        bench.run(&format!("EVAL \"{script}\" 0"));
        bench.run("TIME");
        bench.engine.execute(bench.id, &[b"EXEC"]);
        let slices = (0..100).take_while(|_| bench.engine.continue_script(1_000_000_000));
        assert!(slices.count() < 100, "{threshold}");
        let reply = bench.output(bench.id);
        let words: Vec<&str> = reply.split([' ', ',', '[', ']', '"', ':']).collect();
        let numbers = words.iter().filter_map(|word| word.parse::<i64>().ok());
        let [before, _, ttl, after, _] = numbers.collect::<Vec<_>>()[..] else {
            panic!("{reply}");
        };
        assert_eq!(ttl, 100, "{reply}");
        assert!(after >= before + 2, "{reply}");
    }
}

/// As on a real server, where a short script sees one moment.
#[test]
fn time_stands_still_in_a_script_until_it_has_taken_long() {
    let mut bench = busy_bench();
    bench.run("CONFIG SET busy-reply-threshold 100000000");
    let script = "local a = redis.call('TIME') for i = 1, 1000000 do end local b = redis.call('TIME') return a[1] == b[1] and a[2] == b[2]";
    assert_eq!(bench.run(&format!("EVAL \"{script}\" 0")), ":1");
}

#[test]
fn a_script_that_has_written_cannot_be_killed() {
    let mut bench = busy_bench();
    let other = bench.connect();
    bench.run("EVAL \"redis.call('SET', 'k', 1) for i = 1, 1000000 do end\" 0");
    let reply = bench.run_as(other, "SCRIPT KILL");
    assert!(
        reply.starts_with("-UNKILLABLE Sorry the script already executed write"),
        "{reply}"
    );
    while bench.engine.continue_script(1) {}
    assert_eq!(bench.output(bench.id), "nil");
}

#[test]
fn what_follows_a_long_script_in_a_transaction_runs_when_it_has_ended() {
    let mut bench = busy_bench();
    bench.run("MULTI");
    bench.run("SET a 1");
    bench.run("EVAL \"for i = 1, 1000000 do end return 'slow'\" 0");
    bench.run("INCR a");
    bench.run("EVAL \"for i = 1, 1000000 do end return 'again'\" 0");
    // The beginning of its reply is in the output already.
    bench.engine.execute(bench.id, &[b"EXEC"]);
    while bench.engine.continue_script(1) {}
    assert_eq!(bench.output(bench.id), "[+OK, \"slow\", :2, \"again\"]");
    assert_eq!(bench.effects(), "MULTI|SET a 1|INCR a|EXEC");
    assert_eq!(bench.engine.depth, 0);
    assert_eq!(bench.run("GET a"), "\"2\"");
}

#[test]
fn a_long_script_outlives_its_client() {
    let mut bench = busy_bench();
    let other = bench.connect();
    bench.run_as(
        other,
        "EVAL \"for i = 1, 1000000 do end redis.call('SET', 'k', 1)\" 0",
    );
    bench.engine.disconnect(other);
    while bench.engine.continue_script(1) {}
    assert_eq!(bench.run("GET k"), "\"1\"");
    assert_eq!(bench.effects(), "SET k 1");
}

#[test]
fn a_monitor_sees_exec_behind_what_it_runs_and_a_script_before() {
    let mut bench = Bench::new();
    let watcher = bench.connect();
    bench.run_as(watcher, "MONITOR");
    for line in [
        "MULTI",
        "SET a 1",
        "EVAL \"return redis.call('INCR', 'a')\" 0",
        "EXEC",
    ] {
        bench.run(line);
    }
    let seen = bench.output(watcher);
    let order = [
        "\"MULTI\"",
        "\"SET\"",
        "\"EVAL\"",
        "[0 lua] \"INCR\" \"a\"",
        "\"EXEC\"",
    ];
    let places: Vec<_> = order.iter().map(|word| seen.find(word)).collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{seen}"
    );
}
