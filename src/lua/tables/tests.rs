//! Lua's tables: what they hold, in which order, and the effect of keys that were chosen to collide.

use super::super::inside::Table as Inside;
use super::super::{Answer, Ask, Kind, Run, Vm};
use super::place::{self, CHAIN_MAX};
use mlua::{LightUserData, Lua, Table, Value};
use std::collections::{HashMap, HashSet};
use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};

fn inside(table: &Table) -> &Inside {
    // SAFETY: the table lives as long as the reference to it.
    unsafe { &*table.to_pointer().cast() }
}

/// The nodes of the longest chain.
fn longest_chain(table: &Table) -> usize {
    let inside = inside(table);
    let nodes = 0..1_usize << inside.power;
    let length = |i: usize| {
        // SAFETY: the table is alive and has as many nodes; each leads to another one of it or to none.
        std::iter::successors(unsafe { inside.nodes.add(i).as_ref() }, |node| unsafe {
            node.next.as_ref()
        })
        .count()
    };
    nodes.map(length).max().unwrap_or(0)
}

/// Numbers that have the same place in tables of every size, by Lua's own hash.
fn colliding(count: u32) -> impl Iterator<Item = f64> {
    spread(count, 0)
}

/// Numbers of which every 32 have the same place by Lua's own hash, and all of them once the table has two to the
/// power of `power` nodes.
fn spread(count: u32, power: u32) -> impl Iterator<Item = f64> {
    (0..count).map(move |i| {
        let high = 0x4000_0000 + i;
        let sum = 12_345_u32.wrapping_add((i / 32).wrapping_mul((1 << power) - 1));
        f64::from_bits(u64::from(high) << 32 | u64::from(sum.wrapping_sub(high)))
    })
}

#[test]
fn numbers_that_lua_hashes_alike_share_no_long_chain() {
    let lua = Lua::new();
    let table = lua.create_table().expect("memory");
    for number in colliding(20_000) {
        table.raw_set(number, number).expect("memory");
    }
    assert!(longest_chain(&table) <= CHAIN_MAX);
    for number in colliding(20_000) {
        let value: f64 = table.raw_get(number).expect("the value");
        assert_eq!(value, number);
    }
}

#[test]
fn numbers_that_collide_when_a_table_grows_share_no_long_chain() {
    let lua = Lua::new();
    let table = lua.create_table().expect("memory");
    for number in spread((1 << 14) + 1, 15) {
        assert_eq!(inside(&table).keyed, 0, "before it grows for the last time");
        table.raw_set(number, number).expect("memory");
    }
    assert_eq!(inside(&table).power, 15);
    assert!(longest_chain(&table) <= CHAIN_MAX);
    let mut seen = 0;
    table
        .for_each(|key: f64, value: f64| {
            seen += 1;
            assert_eq!(key, value);
            Ok(())
        })
        .expect("all entries");
    assert_eq!(seen, (1 << 14) + 1);
}

#[test]
fn addresses_that_collide_share_no_long_chain() {
    let lua = Lua::new();
    let table = lua.create_table().expect("memory");
    let address = |i: usize| Value::LightUserData(LightUserData((i << 32) as *mut c_void));
    for i in 1..20_000 {
        table.raw_set(address(i), i).expect("memory");
    }
    assert!(longest_chain(&table) <= CHAIN_MAX);
    for i in 1..20_000 {
        let value: usize = table.raw_get(address(i)).expect("the value");
        assert_eq!(value, i);
    }
}

#[test]
fn ordinary_keys_are_walked_through_in_the_order_that_scripts_know() {
    let script = "
local out = {}
local function note(t) for k in pairs(t) do out[#out + 1] = tostring(k) end out[#out + 1] = '|' end
local t = {}
for i = 1, 20 do t[i * i * 97 % 1009] = true t[-i] = true t[i / 4] = true end
note(t)
for i = 2, 20, 2 do t[-i] = nil t[i / 4] = nil end
for i = 1, 6 do t[i * 2 ^ 30] = true t[2 ^ -i] = true end
note(t)
note({[10] = 1, [20] = 1, [30] = 1, [true] = 1, [false] = 1, 1, 2, [4] = 1, [1e300] = 1})
return table.concat(out, ' ')";
    let lua = Lua::new();
    let order: String = lua.load(script).eval().expect("a text");
    // What Redis 7.4 and Valkey 9.1 answer.
    let known = "1 2 1.75 2.5 -2 3.5 -3 5 -4 -5 -6 -7 -8 -10 -12 154 249 -20 543 4.25 616 -16 -13 97 -19 149 -14 -17 636 \
        638 2.75 388 3.75 4.5 711 790 4 717 458 -9 -11 851 -15 -18 794 465 850 3.25 0.25 4.75 407 619 0.5 3 0.75 \
        -1 2.25 1.25 1.5 873 | -19 6442450944 149 -3 -5 -7 850 154 249 543 4.25 616 0.015625 1.75 97 5368709120 \
        0.0625 0.125 -17 636 638 2.75 3.25 3.75 2.25 711 2147483648 0.03125 717 458 -9 -11 851 -15 1073741824 794 \
        465 -13 388 0.25 4.75 407 619 873 790 0.75 0.5 3221225472 1.25 4294967296 -1 | 1 2 20 true 10 1e+300 4 30 \
        false |";
    assert_eq!(order, known);
}

/// A key of any kind, and a name of it.
fn key(lua: &Lua, objects: &[Table], random: u64) -> (String, Value) {
    let i = random >> 8 & 0x3f;
    let value = match random % 8 {
        0..=2 => Value::Number(i as f64 + 1.0),
        3 => Value::Number(colliding(64).nth(i as usize).unwrap_or(0.0)),
        4 => Value::Number((i as f64 - 32.0) / 4.0),
        5 => Value::String(lua.create_string(i.to_string()).expect("memory")),
        6 => Value::Table(objects[i as usize % objects.len()].clone()),
        _ => Value::Boolean(i.is_multiple_of(2)),
    };
    (name(&value), value)
}

/// A name that two values share only if they are the same key.
fn name(value: &Value) -> String {
    match value {
        Value::Integer(i) => format!("number {:?}", *i as f64),
        // Adding makes a zero without a sign.
        Value::Number(n) => format!("number {:?}", n + 0.0),
        Value::String(text) => format!("text {}", text.to_string_lossy()),
        Value::Boolean(is) => format!("boolean {is}"),
        other => format!("object {:?}", other.to_pointer()),
    }
}

#[test]
fn a_table_holds_what_a_map_holds() {
    let lua = Lua::new();
    let mut random = 88_172_645_463_325_252_u64;
    let mut step = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random >> 8
    };
    let (mut keyed, mut with_array, mut with_both) = (0, 0, 0);
    for round in 0..60 {
        let objects: Vec<Table> = (0..8)
            .map(|_| lua.create_table().expect("memory"))
            .collect();
        let table = lua.create_table().expect("memory");
        let mut map: HashMap<String, u32> = HashMap::new();
        for i in 0..600 {
            let (name, key) = key(&lua, &objects, step());
            let (_, value) = table.raw_get::<Option<u32>>(key.clone()).map_or_else(
                |why| panic!("{why}"),
                |value| (assert_eq!(value, map.get(&name).copied(), "{name}"), value),
            );
            // Rounds in which most keys stay, and rounds in which they come and go.
            if value.is_some() && step() % 8 < round % 8 {
                table.raw_set(key, Value::Nil).expect("no memory needed");
                map.remove(&name);
            } else {
                table.raw_set(key, i).expect("memory");
                map.insert(name, i);
            }
        }
        lua.gc_collect().expect("a collection");
        let mut seen = HashSet::new();
        table
            .for_each(|key: Value, value: u32| {
                let name = name(&key);
                assert_eq!(map.get(&name), Some(&value), "{name}");
                assert!(seen.insert(name), "an entry comes twice");
                Ok(())
            })
            .expect("all entries");
        assert_eq!(seen.len(), map.len());
        let border = table.raw_len();
        let has = |index: usize| map.contains_key(&format!("number {:?}", index as f64));
        assert!((border == 0 || has(border)) && !has(border + 1), "{border}");
        keyed += usize::from(inside(&table).keyed != 0);
        with_array += usize::from(inside(&table).array_size > 0);
        with_both += usize::from(inside(&table).keyed != 0 && inside(&table).array_size > 0);
    }
    assert!(
        keyed > 5 && with_array > 5 && with_both > 2,
        "{keyed} {with_array} {with_both}"
    );
}

#[test]
fn nodes_are_where_lua_looks_for_them() {
    let lua = Lua::new();
    let table: Table = lua
        .load("return {1, 2, 3, a = 1, b = 2, c = 3}")
        .eval()
        .expect("a table");
    let inside = inside(&table);
    assert_eq!((inside.array_size, inside.power, inside.keyed), (3, 2, 0));
    // SAFETY: the table is alive.
    assert_eq!(unsafe { place::count(inside) }, 4);
}

/// Runs a script that logs something before and after one insertion, for which a table must grow. Says how often the
/// engine got the word between the two, and with what the script ended.
fn growing(vm: &mut Vm, at_pause: fn() -> Ask) -> (usize, Vec<u8>) {
    let script = "
local t = {}
for i = 1, 65536 do t[i + 0.5] = i end
redis.log(redis.LOG_NOTICE, 'before')
t[0.25] = 1
redis.log(redis.LOG_NOTICE, 'after')
return 'end'";
    let mut ask = Ask::Compile(1, script.into());
    let (mut logged, mut pauses) = (0, 0);
    loop {
        ask = match vm.ask(ask) {
            Answer::Compiled(_) => Ask::Run(Box::new(Run {
                id: 1,
                reply_max: usize::MAX,
                ..Run::default()
            })),
            Answer::Done(run) => return (pauses, run.outcome.reply),
            Answer::Log(..) => {
                logged += 1;
                Ask::Said(true)
            }
            Answer::Pause if logged == 1 => {
                pauses += 1;
                at_pause()
            }
            _ => Ask::Continue,
        }
    }
}

/// A clock that is late at every look.
fn late() -> u64 {
    static NOW: AtomicU64 = AtomicU64::new(0);
    NOW.fetch_add(1 << 30, Ordering::Relaxed)
}

#[test]
fn a_large_table_gives_way_while_it_grows() {
    let mut vm = Vm::new(Kind::Eval, 1 << 30, late).expect("memory");
    let (pauses, reply) = growing(&mut vm, || Ask::Continue);
    assert_eq!(reply, b"$3\r\nend\r\n");
    // Its nodes are counted, twice as many made, and its keys moved.
    assert!(pauses >= 4 * 65_536 / 4096, "{pauses}");
}

#[test]
fn a_script_that_is_killed_while_a_table_grows_ends_afterwards() {
    let mut vm = Vm::new(Kind::Eval, 1 << 30, late).expect("memory");
    let (pauses, reply) = growing(&mut vm, || Ask::Kill("killed"));
    assert_eq!(pauses, 1);
    assert!(
        reply.starts_with(b"-ERR killed"),
        "{}",
        reply.escape_ascii()
    );
    let (_, reply) = growing(&mut vm, || Ask::Continue);
    assert_eq!(reply, b"$3\r\nend\r\n");
}
