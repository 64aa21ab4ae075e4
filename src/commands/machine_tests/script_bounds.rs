//! Limits on scripts: they cannot take unlimited memory, end the process, or disturb other scripts.

use crate::testing::Bench;

/// A string of 1 MiB, and a table that holds it many times.
const MANY: &str = "local s = string.rep('x', 2^20) local t = {} for i = 1, 7000 do t[i] = s end ";

#[test]
fn a_script_that_wants_too_much_memory_fails_and_the_next_one_runs() {
    let mut bench = Bench::new();
    for script in [
        "local t = {} for i = 1, 1e9 do t[i] = {} end",
        "local t = {} for i = 1, 1e9 do t[i] = i .. '' end",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t[i] = coroutine.create(function() end) end",
        "local t = {} while true do t[#t + 1] = function() return t end end",
        "return string.rep('x', 2^30)",
        "return string.rep('x', 2^31 - 1)",
        "return string.rep(string.rep('x', 2^20), 2^20)",
        "return (string.gsub(string.rep('x', 2^20), '.', string.rep('y', 2^10)))",
        "return table.concat({string.rep('x', 2^25), string.rep('y', 2^25)})",
        "return string.format('%s%s%s', string.rep('x', 2^25), string.rep('y', 2^25), 'z')",
        "return cjson.decode(string.rep('[', 900) .. string.rep('{},', 2^20) .. '1')",
        "return cmsgpack.unpack('\\221' .. string.char(0, 255, 255, 255) .. string.rep('\\129\\1\\128', 2^22))",
        "local t = {} for i = 1, 1e9 do local ok = pcall(function() t[i] = string.rep('x', 2^20) .. i end) if not ok then return error('not enough memory') end end",
    ] {
        let reply = bench.run(&format!("EVAL \"{script}\" 0"));
        let told = reply.contains("not enough memory") || reply.contains("length overflow");
        assert!(reply.starts_with('-') && told, "{script}: {reply}");
        assert_eq!(bench.run("EVAL \"return 7\" 0"), ":7", "after {script}");
    }
    for script in [
        "return redis.call('RPUSH', 'l', unpack(t))",
        "return cmsgpack.pack(unpack(t))",
        "return struct.pack(string.rep('s', 7000), unpack(t))",
        "return cjson.encode(t)",
        "return t",
        "return {1, {map = {[1] = t}}}",
        "local u = {1} for i = 1, 60 do u = {u, u} end return u",
        "local u = {1} for i = 1, 60 do u = {u, u} end return cjson.encode(u)",
        "local u = {1} for i = 1, 16 do u = {u, u, u, u, u, u} end return cmsgpack.pack(u)",
        "cjson.encode_sparse_array(true, 0) return cjson.encode({[2^53] = 1})",
    ] {
        let reply = bench.run(&format!("EVAL \"{MANY}{script}\" 0"));
        let told = reply.contains("not enough memory") || reply.contains("too large");
        assert!(reply.starts_with('-') && told, "{script}: {reply}");
        assert_eq!(bench.run("EVAL \"return 7\" 0"), ":7", "after {script}");
    }
}

#[test]
fn memory_that_runs_out_amid_a_reply_harms_no_later_call() {
    let mut bench = Bench::new();
    let fill = "redis.call('SET', 'k', string.rep('x', 2^19)) local t = {} for i = 1, 1e9 do redis.call('SETRANGE', 'k', 0, i) t[i] = redis.call('GET', 'k') end";
    for _ in 0..3 {
        let reply = bench.run(&format!("EVAL \"{fill}\" 0"));
        assert!(reply.contains("not enough memory"), "{reply}");
        let length = bench.run("EVAL \"return #redis.call('GET', 'k')\" 0");
        assert_eq!(length, ":524288");
    }
}

#[test]
fn a_script_leaves_nothing_behind_that_slows_others() {
    let mut bench = Bench::new();
    for option in ["stop", "setpause", "setstepmul", "restart"] {
        let script = format!("EVAL \"return collectgarbage('{option}', 2^31 - 1)\" 0");
        assert_eq!(bench.run(&script), ":0");
    }
    // With the collector off, this would end at the bound.
    let churn = "local s for i = 1, 300 do s = string.rep('x', 2^20) .. i end return #s";
    assert_eq!(bench.run(&format!("EVAL \"{churn}\" 0")), ":1048579");
}

#[test]
fn checked_functions_do_what_those_of_lua_do() {
    let mut bench = Bench::new();
    for (script, reply) in [
        ("return {unpack({1, 2, 3})}", "[:1, :2, :3]"),
        ("return {unpack({1, 2, 3}, 2)}", "[:2, :3]"),
        ("return {unpack({1, 2, 3}, '2', 2.9)}", "[:2]"),
        ("return {unpack({1, 2, 3}, 3, 2)}", "[]"),
        ("return #{unpack({}, 2^31 - 1, 2^31)}", ":0"),
        ("return {select('#', unpack({}, -3, 3))}", "[:7]"),
        ("return string.rep('ab', 3)", "\"ababab\""),
        (
            "return ('ab'):rep(0) .. ('ab'):rep(-1) .. (''):rep(2^31)",
            "\"\"",
        ),
        ("return string.rep('ab', 1)", "\"ab\""),
        (
            "local t = {1, 2} table.insert(t, 3) return t",
            "[:1, :2, :3]",
        ),
        (
            "local t = {1, 2} table.insert(t, 1, 0) return t",
            "[:0, :1, :2]",
        ),
        (
            "local t = {1} table.insert(t, 3, 3) return {#t, t[3]}",
            "[:1, :3]",
        ),
        ("local t = {} table.insert(t, 0, 9) return t[0]", ":9"),
        (
            "return {xpcall(function() return 1, 2 end, error)}",
            "[:1, :1, :2]",
        ),
        (
            "return {select(2, xpcall(error, function(e) return 'seen' end))}",
            "[\"seen\"]",
        ),
        ("return loadstring('return ...')(5)", ":5"),
        (
            "return {pcall(loadstring('x x', 'name'))}",
            "[nil, \"attempt to call a nil value\"]",
        ),
        (
            "return ({loadstring('x x', 'a\\\\0b')})[2]",
            "\"[string \\\"a\\\"]:1: \\'=\\' expected near \\'x\\'\"",
        ),
        (
            "local t = {} for i = 1, 30000 do t[i] = -i end table.sort(t) return {t[1], t[30000]}",
            "[:-30000, :-1]",
        ),
        (
            "local t = {} for i = 1, 30000 do t[i] = {} end return {pcall(table.sort, t)}",
            "[nil, \"attempt to compare two table values\"]",
        ),
        ("return collectgarbage('count') > 0", ":1"),
        (
            "return {coroutine.resume(coroutine.create(function(a) return a end), 4)}",
            "[:1, :4]",
        ),
    ] {
        assert_eq!(
            bench.run(&format!("EVAL \"{script}\" 0")),
            reply,
            "{script}"
        );
    }
}
