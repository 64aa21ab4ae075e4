//! No command whose declaration says that its work is steady takes more of it on a dataset a hundred times as large:
//! the cases of the sweep run on both, and bytes looked at and copied are counted, not time.

use super::testing::Bench;
use engine::table;
use keyspace::tree::work;

#[allow(dead_code, reason = "the bench uses more of it")]
#[path = "../../benches/sweep/cases.rs"]
mod cases;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../../tests/support/words.rs"]
mod words;

use cases::{Block, Case, Draw, Request};

/// How often a case runs on each dataset. The median counts, because a change sometimes also pays for earlier ones.
const TIMES: usize = 5;

/// The arguments of a request.
fn arguments(request: &Request, draw: &mut Draw, wanted: usize) -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    request.write(draw, wanted, &mut bytes);
    let mut rest = &bytes[..];
    let number = |rest: &mut &[u8]| {
        let end = rest.iter().position(|b| *b == b'\r').expect("a line");
        let text = std::str::from_utf8(&rest[1..end]).expect("digits");
        *rest = &rest[end + 2..];
        text.parse::<usize>().expect("a number")
    };
    let count = number(&mut rest);
    let argument = |_| {
        let len = number(&mut rest);
        let argument = rest[..len].to_vec();
        rest = &rest[len + 2..];
        argument
    };
    (0..count).map(argument).collect()
}

/// How many bytes each element counts as that a command removes or stores without sending it. A chunk of a tree is
/// rewritten for each, and eight bytes of work are allowed for each byte that is counted.
const ELEMENT: usize = 640;

/// Runs a request. Returns the work that it took, and the bytes that were sent, received, removed and stored.
fn run(bench: &mut Bench, request: &Request, draw: &mut Draw, wanted: usize) -> (u64, usize) {
    let argv = arguments(request, draw, wanted);
    let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
    let before = work();
    bench.engine.execute(bench.id, &argv);
    let took = work() - before;
    let client = bench.engine.clients.get_mut(&bench.id);
    let reply = client.expect("the client stays").reply.take();
    let asked: usize = argv.iter().map(|arg| arg.len()).sum();
    // These reply with the number of elements that they have removed or stored.
    let by_range = matches!(
        argv[0],
        b"ZRANGESTORE" | b"ZREMRANGEBYRANK" | b"ZREMRANGEBYSCORE" | b"ZREMRANGEBYLEX"
    );
    let moved = match by_range {
        true => integer(&reply),
        false => 0,
    };
    (took, asked + reply.len() + moved * ELEMENT)
}

/// The number in an integer reply.
fn integer(reply: &[u8]) -> usize {
    let text = reply
        .strip_prefix(b":")
        .and_then(|rest| rest.strip_suffix(b"\r\n"));
    let text = std::str::from_utf8(text.expect("an integer")).expect("digits");
    text.parse().expect("a number of elements")
}

fn filled(block: &Block, size: usize) -> Bench {
    let mut bench = Bench::new();
    for (seed, request) in block.fill.iter().enumerate() {
        let mut draw = Draw::new(size, seed as u64);
        while draw.counter < size {
            let wanted = size - draw.counter;
            run(&mut bench, request, &mut draw, wanted);
            draw.next_operation();
        }
    }
    for request in &block.before {
        run(&mut bench, request, &mut Draw::new(size, 0), 0);
    }
    bench
}

/// The medians of the work of a case on a dataset, and of the bytes that were sent and received.
fn cost(bench: &mut Bench, case: &Case, size: usize) -> (u64, usize) {
    let mut draw = Draw::new(size, 1);
    let mut costs: Vec<(u64, usize)> = (0..TIMES)
        .map(|_| {
            draw.next_operation();
            let requests = case.requests.iter();
            let each = requests.map(|request| run(bench, request, &mut draw, 0));
            each.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
        })
        .collect();
    costs.sort_unstable();
    costs[TIMES / 2]
}

/// True if all commands of a case are declared as steady. Cases that empty or exchange databases, or that would wait,
/// are left out.
fn is_steady(case: &Case) -> bool {
    case.most.is_none()
        && case.requests.iter().all(|request| {
            let name = request.name();
            let entry = table::by_name(name[0].as_bytes()).expect("a command of the table");
            let second = name.get(1).map_or("", String::as_str);
            let entry = entry.subcommand(second.as_bytes()).unwrap_or(entry);
            !entry.grows && entry.subcommands.is_empty()
        })
}

#[test]
fn steady_commands_take_no_more_work_on_a_dataset_a_hundred_times_as_large() {
    const SMALL: usize = 300;
    const LARGE: usize = 30_000;
    // The table of commands is there once there is an engine.
    drop(Bench::new());
    let (blocks, _) = cases::all();
    let (mut looked_at, mut grown) = (0, Vec::new());
    for block in &blocks {
        let sizes = block.sizes.iter();
        if sizes.max().is_none_or(|most| *most < LARGE / 30) || !block.cases.iter().any(is_steady) {
            continue;
        }
        // Values of so few bytes that the requests themselves remain small.
        let [mut small, mut large] = [SMALL, LARGE].map(|size| filled(block, size));
        for case in block.cases.iter().filter(|case| is_steady(case)) {
            let (little, _) = cost(&mut small, case, SMALL);
            let (much, bytes) = cost(&mut large, case, LARGE);
            looked_at += 1;
            // Allows for a tree that is one level deeper, for a chunk that is full only on the large dataset, and for
            // the bytes sent and received.
            let allowed = 3 * little + 40_000 + 8 * bytes as u64;
            if much > allowed {
                grown.push(format!(
                    "{} {}: {little} at {SMALL}, {much} at {LARGE}",
                    block.group, case.text
                ));
            }
        }
    }
    assert!(grown.is_empty(), "work that grows: {grown:#?}");
    assert!(looked_at > 250, "only {looked_at} cases");
}
