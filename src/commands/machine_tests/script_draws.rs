//! Calls every function that scripts can reach with random, hostile arguments.
//!
//! The interpreter itself lists the functions that can be reached, so new functions are included automatically.
//! Whatever a call does, the engine replies, kills scripts that do not end, and runs the next script as if nothing had
//! happened.

use crate::testing::Bench;
use base::Rng;
use std::sync::atomic::{AtomicU64, Ordering};

/// Values that have ended interpreters, and some that are merely right.
const VALUES: &[&str] = &[
    "nil",
    "true",
    "0",
    "-0",
    "1",
    "2.5",
    "-1",
    "7",
    "255",
    "8000",
    "2^31",
    "2^31-1",
    "-2^31",
    "-2^31-1",
    "2^32",
    "2^53",
    "2^63",
    "-2^63",
    "2^64",
    "1e308",
    "1/0",
    "-1/0",
    "0/0",
    "''",
    "'x'",
    "'0x10'",
    "'1e400'",
    "'\\0'",
    "'%'",
    "'['",
    "'[a-'",
    "'%b'",
    "'%f'",
    "'(()'",
    "'%1'",
    "'^(.-)%s*$'",
    "'%99999999d'",
    "'%5.99f%q%s%c'",
    "'a','b'",
    "S",
    "S:rep(9)",
    "('('):rep(40)",
    "('.-'):rep(16000)",
    "('x?'):rep(16000)",
    "('['):rep(2000)",
    "('{\"a\":'):rep(2000)",
    "('\\145'):rep(2000)",
    "('\\129\\1'):rep(500)",
    "'\\221\\255\\255\\255\\255'",
    "'\\223\\127\\255\\255\\255\\1'",
    "'\\219\\255\\255\\255\\255'",
    "'\\27Lua'",
    "string.dump(F)",
    "'return ' .. ('('):rep(500)",
    "'return ' .. ('{'):rep(500)",
    "'x=[' .. ('='):rep(5000) .. '['",
    "'goto = 1'",
    "'<!2147483647i32'",
    "'c2147483647'",
    "'>!4i3c0s'",
    "'i33'",
    "('s'):rep(300)",
    "{}",
    "{1, 2, 3}",
    "T",
    "DEEP",
    "WIDE",
    "CYCLE",
    "{[2^53] = 1}",
    "{[1e15] = 1, x = 2}",
    "{[0/1] = 1, [-1] = 2}",
    "setmetatable({}, {__index = F, __newindex = F, __call = F})",
    "setmetatable({}, {__index = function(t, k) return t[k + 1] end})",
    "setmetatable({}, {__tostring = function() return {} end})",
    "setmetatable({}, {__lt = F, __le = F, __eq = F, __concat = F, __len = F, __unm = F})",
    "setmetatable({}, {__mode = 'kv', __metatable = 1})",
    "{err = S, ok = 1, double = 'x', map = 3, set = {}, big_number = {}}",
    "{map = {a = {set = {b = 1}}}}",
    "F",
    "error",
    "function() error({}) end",
    "function() return pcall(error) end",
    "function(a, b) return true end",
    "function(a, b) return a end",
    "function() while true do end end",
    "coroutine.create(F)",
    "coroutine.wrap(function() coroutine.yield(1) end)",
    "coroutine.yield",
    "pcall",
    "_G",
    "redis",
    "string",
    "cjson.null",
    "'SET', 'k', S",
    "'GET', 'k'",
    "'EVAL', 'return 1', '0'",
    "'LRANGE', 'l', '-9223372036854775808', '9223372036854775807'",
    "'collect'",
    "'stop'",
    "'step', 2^31",
    "'setpause', -2^31",
];

/// What the values refer to.
const PRELUDE: &str = "local S = string.rep('xy', 5000) local function F(...) return ... end \
    local T = {} for i = 1, 5000 do T[i] = i end \
    local DEEP = {} for i = 1, 1600 do DEEP = {DEEP} end \
    local WIDE = {1} for i = 1, 40 do WIDE = {WIDE, WIDE} end \
    local CYCLE = {} CYCLE[1] = CYCLE CYCLE.x = CYCLE ";

/// All names of functions, libraries included.
const REACHABLE: &str = "local all = {} for name, value in pairs(_G) do \
    if type(value) == 'function' then all[#all + 1] = name end \
    if type(value) == 'table' and value ~= _G then for field, f in pairs(value) do \
    if type(f) == 'function' then all[#all + 1] = name .. '.' .. field end end end end \
    table.sort(all) return table.concat(all, ' ')";

/// A bench on which every look at the clock takes a while, so that scripts soon are busy.
fn impatient_bench() -> Bench {
    static NOW: AtomicU64 = AtomicU64::new(0);
    let mut bench = Bench::new();
    bench.engine.config.busy_reply_threshold = 1;
    bench.engine.timer = || NOW.fetch_add(200_000, Ordering::Relaxed);
    bench
}

/// Runs a script to its end, or kills it when it has had its share.
fn run(bench: &mut Bench, script: &[u8]) {
    const SHARE: u32 = 40;
    bench.run("SET k value");
    bench.engine.execute(bench.id, &[b"EVAL", script, b"0"]);
    let mut slices = 0;
    let other = bench.connect();
    while bench.engine.script_is_parked() {
        if slices == SHARE {
            let reply = bench.run_as(other, "SCRIPT KILL");
            assert!(
                reply == "+OK" || reply.starts_with("-UNKILLABLE"),
                "{reply}"
            );
        }
        assert!(slices < 100 * SHARE, "it goes on after it was killed");
        bench.engine.continue_script(1_000_000);
        slices += 1;
    }
    // What it replied need not be text.
    for id in [bench.id, other] {
        if let Some(client) = bench.engine.clients.get_mut(&id) {
            client.reply.truncate(0);
        }
    }
}

#[test]
fn no_function_ends_or_hangs_the_process_whatever_it_is_given() {
    let mut bench = impatient_bench();
    let names = bench.run(&format!("EVAL \"{REACHABLE}\" 0"));
    let names: Vec<&str> = names.trim_matches('"').split(' ').collect();
    for known in [
        "unpack",
        "string.gsub",
        "cjson.decode",
        "struct.pack",
        "redis.call",
        "bit.tohex",
    ] {
        assert!(names.contains(&known), "{known} is not among {names:?}");
    }
    let mut rng = Rng::new(1);
    let mut pick = |from: &[&str]| from[(rng.next_u64() % from.len() as u64) as usize].to_owned();
    for round in 0..ROUNDS {
        let name = match round < names.len() {
            true => names[round].to_owned(),
            false => pick(&names),
        };
        let count = round % 5;
        let args: Vec<String> = (0..count).map(|_| pick(VALUES)).collect();
        let call = format!("{name}({})", args.join(", "));
        let end = match round % 3 {
            0 => format!("return {call}"),
            1 => format!("return {{pcall(function() return {call} end)}}"),
            _ => format!(
                "return {{coroutine.resume(coroutine.create(function() return {call} end))}}"
            ),
        };
        let script = format!("{PRELUDE}{end}");
        // If the process ends, this is the last line that it has printed.
        println!("{call}");
        run(&mut bench, script.as_bytes());
        let next = bench.run("EVAL \"return {1, 'x' .. 2, #string.rep('a', 5)}\" 0");
        assert_eq!(next, "[:1, \"x2\", :5]", "after {end}");
    }
}

/// Calls that are drawn.
const ROUNDS: usize = 1500;
