//! Memory may run out at any moment: the interpreter then replies with an error, and the process continues.

use super::words::Words;
use super::{Answer, Ask, Kind, Outcome, Run, Vm};
use resp::Proto;

/// What a limit is moved through: everything that makes Lua allocate.
const SCRIPT: &str = "
local seen = {}
local function f(n) if n > 0 then return f(n - 1) .. n end return '' end
for i = 1, 20 do seen[i] = {i, x = {tostring(i)}, f = function() return seen[i] end} end
seen.deep = f(30)
seen.text = string.format('%s %q %5.2f', ('x'):rep(300), ARGV[1], 1.5) .. ('ab'):rep(1000):upper()
seen.swapped = seen.text:gsub('(%w)(%w)', '%2%1'):gsub('x+', function(x) return #x end):gsub('%s', {})
for word in seen.text:gmatch('%S+') do seen[#seen + 1] = word end
seen.wrapped = coroutine.wrap(function(...) return coroutine.yield(...) end)(1, 2, 3)
seen.resumed = {coroutine.resume(coroutine.create(function() error({}) end))}
seen.failed = {pcall(error, {err = 'x'}), pcall(f, {}), xpcall(f, function(e) return e .. e end)}
seen.reply = {redis.call('GET', KEYS[1]), redis.pcall('GET', KEYS[1]), redis.sha1hex('x')}
seen.json = cjson.decode(cjson.encode({1, {a = 'b'}, 'c'}))
seen.packed = {cmsgpack.unpack(cmsgpack.pack({1, {a = 'b'}, 'c'}))}
seen.struct = struct.pack('>Is', 1, 'x')
seen.code = loadstring('local a, b = ... return function() return a, b end')(1, 2)
table.sort(seen, function(a, b) return tostring(a) < tostring(b) end)
local copy = {unpack(seen)}
table.insert(copy, 1, table.concat({1, 2, 3}, ','))
return {copy, {double = 1.5}, 'end'}";

/// Asks until it has ended.
fn run(vm: &mut Vm, id: u64) -> Outcome {
    let run = Run {
        id,
        keys: Words::of(&[b"key"]),
        args: Words::of(&[b"argument"]),
        proto: Proto::Resp2,
        reply_max: usize::MAX,
        name: Some("name".into()),
        ..Run::default()
    };
    let mut ask = Ask::Run(Box::new(run));
    loop {
        ask = match vm.ask(ask) {
            Answer::Done(run) => return run.outcome,
            Answer::Call(mut call) => {
                let reply = b"*2\r\n$3\r\nabc\r\n*1\r\n:7\r\n";
                call.reply.extend_from_slice(reply);
                Ask::Reply(call)
            }
            _ => Ask::Continue,
        };
    }
}

/// Bytes that an interpreter holds which has run nothing.
fn base(kind: Kind) -> usize {
    let mut vm = Vm::new(kind, 0, || 0).expect("memory");
    vm.ask(Ask::Collect);
    vm.ask(Ask::Collect);
    vm.memory()
}

fn is_about_memory(text: &[u8]) -> bool {
    String::from_utf8_lossy(text).contains("not enough memory")
}

#[test]
fn a_script_fails_wherever_its_memory_ends_and_the_interpreter_goes_on() {
    let (base, mut failed, mut ended) = (base(Kind::Eval), 0, 0);
    for limit in (base - 20_000..base + 120_000).step_by(467) {
        let mut vm = Vm::new(Kind::Eval, limit, || 0).expect("memory");
        let Answer::Compiled(compiled) = vm.ask(Ask::Compile(1, SCRIPT.into())) else {
            panic!("an answer of another kind");
        };
        match compiled {
            Err(why) => assert!(
                is_about_memory(&why),
                "{limit}: {}",
                String::from_utf8_lossy(&why)
            ),
            Ok(()) => {
                for _ in 0..2 {
                    let reply = run(&mut vm, 1).reply;
                    match reply.starts_with(b"-") {
                        true => failed += 1,
                        false => ended += 1,
                    }
                    let right = reply.ends_with(b"$3\r\nend\r\n") || is_about_memory(&reply);
                    assert!(right, "{limit}: {}", String::from_utf8_lossy(&reply));
                }
            }
        }
        vm.ask(Ask::Forget(1));
        vm.ask(Ask::Collect);
        assert!(
            vm.memory() <= limit.max(base) + 4096,
            "{limit}: {}",
            vm.memory()
        );
    }
    assert!(failed > 50 && ended > 50, "{failed} {ended}");
}

#[test]
fn a_library_fails_wherever_its_memory_ends() {
    let library = "local big = {} for i = 1, 500 do big[i] = {i .. ''} end
        for i = 1, 20 do
            redis.register_function{function_name = 'f' .. i, callback = function() return big end,
                flags = {'no-writes'}, description = ('x'):rep(100)}
        end";
    let (base, mut failed, mut loaded) = (base(Kind::Functions), 0, 0);
    for limit in (base - 20_000..base + 160_000).step_by(997) {
        let mut vm = Vm::new(Kind::Functions, limit, || 0).expect("memory");
        match vm.ask(Ask::Load(1, library.into())) {
            Answer::Loaded(Ok(functions)) => {
                assert_eq!(functions.len(), 20);
                loaded += 1;
            }
            Answer::Loaded(Err(why)) => {
                assert!(
                    is_about_memory(&why),
                    "{limit}: {}",
                    String::from_utf8_lossy(&why)
                );
                failed += 1;
            }
            _ => panic!("an answer of another kind"),
        }
    }
    assert!(failed > 20 && loaded > 20, "{failed} {loaded}");
}

#[test]
fn a_table_for_which_there_is_no_memory_to_grow_keeps_what_it_has() {
    // Both parts of the table grow, so either may be the one for which there is no memory.
    let script = "
local t, written = {}, 0
pcall(function()
    for i = 1, 1e9 do
        t[i] = i
        if i % 3 == 0 then t[-i] = i end
        written = i
    end
end)
for i = 1, written do
    if t[i] ~= i or i % 3 == 0 and t[-i] ~= i then return 'lost' end
end
return 'kept'";
    let base = base(Kind::Eval);
    for limit in (base + 10_000..base + 900_000).step_by(9_973) {
        let mut vm = Vm::new(Kind::Eval, limit, || 0).expect("memory");
        let compiled = vm.ask(Ask::Compile(1, script.into()));
        assert!(matches!(compiled, Answer::Compiled(Ok(()))), "{limit}");
        let reply = run(&mut vm, 1).reply;
        let right = reply == b"$4\r\nkept\r\n" || is_about_memory(&reply);
        assert!(right, "{limit}: {}", String::from_utf8_lossy(&reply));
    }
}
