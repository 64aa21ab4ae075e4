//! Scripts that mean harm: the server survives them, answers others meanwhile and can kill them.

use crate::support::client::Client;
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;

fn start() -> Server {
    let builder = Builder::forebay().config("busy-reply-threshold 20");
    builder.config("enable-debug-command yes").start()
}

fn error_of(client: &mut Client, script: &str) -> String {
    client
        .try_cmd(&["EVAL", script, "0"])
        .expect("a live server")
        .to_string()
}

/// Runs a script that does not end until others are told so, kills it, and sees that the next one runs.
fn runs_until_killed(server: &Server, script: &str) {
    let mut busy = server.client();
    busy.send(&["EVAL", script, "0"]).expect("a live server");
    let mut client = server.client();
    wait_until("the script is busy", || {
        client.run("PING").to_string().contains("BUSY")
    });
    client.ok("SCRIPT KILL");
    let error = busy.read().expect("the script's error").to_string();
    assert!(error.contains("Script killed by user"), "{script}: {error}");
    assert_eq!(busy.int("EVAL \"return 7\" 0"), 7);
}

#[test]
fn a_script_is_killed_wherever_it_is() {
    let server = start();
    for script in [
        // At the limit of nested calls of C functions, where Lua refuses to call even one more.
        "local function f() while true do local ok, e = pcall(f) end end f()",
        "local function f() while true do xpcall(f, f) end end f()",
        // In an error handler, where hooks are off.
        "xpcall(function() while true do end end, function() while true do end end)",
        // In coroutines, each of which counts its own instructions.
        "while true do coroutine.wrap(function() for i = 1, 20000 do end end)() end",
        "local function f(d) while true do local c = coroutine.wrap(f) pcall(c, d + 1) end end f(0)",
        "local function f() for i = 1, 900 do end local c = coroutine.wrap(f) c() end while true do pcall(f) end",
        "while true do pcall(coroutine.wrap(function() while true do pcall(error) end end)) end",
        // In functions that execute no instructions.
        "while true do table.insert({}, -2^31, 1) end",
        "local t = {} for i = 1, 300000 do t[i] = -i end while true do table.sort(t) for i = 1, #t / 2 do t[i], t[#t - i] = t[#t - i], t[i] end end",
        "cjson.encode_sparse_array(true, 0) while true do pcall(cjson.encode, {[2^40] = 1}) end",
        "local t = {1} for i = 1, 60 do t = {t, t} end while true do pcall(cjson.encode, t) end",
        "local t = {1} for i = 1, 60 do t = {t, t} end return t",
        "local t = {1} for i = 1, 15 do t = {t, t, t, t, t, t} end while true do pcall(cmsgpack.pack, t) end",
        // In patterns that can match in very many ways.
        "return ('a'):rep(40):find(('a?'):rep(40) .. ('a'):rep(40))",
        "return ('x'):rep(20000):match('.-.-.-.-b')",
        "while true do pcall(string.match, ('x'):rep(20000), '(.*)(.*)(.*)%1y') end",
        "for word in ('x'):rep(20000):gmatch('x*x*x*y') do end",
        "return ('x'):rep(20000):gsub('.-.-.-b', function() end)",
        "return ('('):rep(1000000):gsub('%b()', {})",
        "return ('x'):rep(300000):gsub('[' .. ('a'):rep(300000) .. 'x]*y', '')",
        // In single instructions and calls that look at all of a large value.
        "local s = ('x'):rep(2^22) while true do local t = s .. 'a' end",
        "local a, b = ('x'):rep(2^23), ('x'):rep(2^23) .. 'a' while true do local t = a < b end",
        "local t = {} for i = 1, 2^19 do t[i] = 1 end for i = 1, 2^19 do t[i] = nil end while true do next(t) end",
        "local t, i = {}, 1 for i = 1, 2^17 do t[i + 0.5] = 1 end while true do t[i + 0.5] = nil t[-i] = 1 i = i + 1 end",
        "local t = {} for i = 1, 2^19 do t[i] = 1 end while true do table.remove(t, 1) t[#t + 1] = 1 end",
        "local s = ('x'):rep(2^22) while true do local t = s:sub(2) end",
        "local s = ('x'):rep(2^22) while true do string.format('%s%q', s, s) end",
        "local s = ('x'):rep(2^22) while true do s:reverse() s:lower() s:upper() end",
        "local s, t = ('x'):rep(2^20), {} for i = 1, 500 do t[i] = s end while true do table.sort(t) end",
        "local t = {} for i = 1, 2^19 do t[i] = i end while true do table.sort(t, rawequal) end",
        "local t = {} for i = 1, 2^18 do t = {t} end while true do collectgarbage() collectgarbage('step', 2^30) end",
        // In coroutines that were made before there was anything large.
        "local S local all = {} for i = 1, 100 do all[i] = coroutine.wrap(function() coroutine.yield() while true do local t = S .. i end end) all[i]() end S = ('x'):rep(2^22) for i = 1, 100 do all[i]() end",
        "local S local f = coroutine.create(function() coroutine.yield() while true do local t = S .. 'a' end end) coroutine.resume(f) S = ('x'):rep(2^22) coroutine.resume(f)",
        // In the compiler.
        "loadstring('return ' .. ('a or '):rep(2^19) .. 'a')",
        // In comparisons, metamethods and replacements.
        "local t = {} for i = 1, 1000 do t[i] = i end table.sort(t, function(a, b) while true do end end)",
        "local t = setmetatable({}, {__index = function(t, k) while true do end end}) return t.x",
        "return (string.gsub('x', '.', function() while true do pcall(error) end end))",
    ] {
        runs_until_killed(&server, script);
    }
}

#[test]
fn codes_of_errors_that_scripts_make_up_are_counted_up_to_a_limit() {
    let server = start();
    let mut client = server.client();
    for i in 0..300 {
        let script = format!("return redis.error_reply('F{i} x')");
        error_of(&mut client, &script);
    }
    let stats = client.run("INFO errorstats").to_string();
    assert_eq!(stats.matches("errorstat_").count(), 1, "{stats}");
    assert!(stats.contains("errorstat_ERRORSTATS_DISABLED:count=1"));
    client.ok("CONFIG RESETSTAT");
    error_of(&mut client, "return redis.error_reply('AGAIN x')");
    let stats = client.run("INFO errorstats").to_string();
    assert!(stats.contains("errorstat_AGAIN:count=1"), "{stats}");
}
