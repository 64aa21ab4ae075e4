//! Random commands on both servers, replies compared one by one, data and streams now and then.

use std::collections::VecDeque;

use crate::compare::Rule;
use crate::generate::Generator;
use crate::grammar::COMMON;
use crate::panel::Panel;
use crate::side::{Command, Protocol, line_of};

/// Commands between two comparisons of all data and of the replication streams.
const CHECK_EVERY: usize = 400;

/// One command in so many is of [`COMMON`].
const COMMON_SHARE: usize = 6;

/// Commands on the same keys shown with a difference.
const HISTORY: usize = 12;

/// Runs random commands of `grammar`.
///
/// # Panics
/// At the first difference, with the seed and the commands before it on the same keys.
pub fn run(family: &str, grammar: &[&str]) {
    run_with(family, grammar, true);
}

/// As [`run`], without a look at the replication streams.
///
/// # Panics
/// As [`run`].
pub fn run_replies(family: &str, grammar: &[&str]) {
    run_with(family, grammar, false);
}

fn run_with(family: &str, grammar: &[&str], streams: bool) {
    let number = |name: &str, or: u64| {
        std::env::var(name).ok().map_or(or, |v| {
            v.parse()
                .unwrap_or_else(|_| panic!("{name}={v} is no number"))
        })
    };
    let seed = number("FOREBAY_COMPAT_SEED", 20_240_229);
    let count = number("FOREBAY_COMPAT_OPS", 6_000) as usize;
    let protocol = match std::env::var("FOREBAY_COMPAT_PROTOCOL").as_deref() {
        Err(_) | Ok("2") => Protocol::Resp2,
        Ok("3") => Protocol::Resp3,
        Ok(other) => panic!("FOREBAY_COMPAT_PROTOCOL={other} is neither 2 nor 3"),
    };
    let Some(mut panel) = Panel::for_family(family, protocol) else {
        return;
    };
    if streams {
        panel.record_streams();
    }
    let mut own = Generator::new(grammar, seed);
    let mut common = Generator::new(COMMON, seed ^ 0x5eed);
    let mut history = VecDeque::new();
    for i in 0..count {
        let command = if own.random.below(COMMON_SHARE) == 0 {
            common.command()
        } else {
            own.command()
        };
        let rule = match family {
            // The one with SORT in it.
            "keys" if command[0] == b"OBJECT" => Rule::EncodingAfterSort,
            // Members that are equal up to a zero byte are equal to strcoll.
            "sets" if command[0] == b"SORT" => Rule::AnyOrder,
            _ => Rule::of(&command),
        };
        let difference = panel.run('a', &command, rule);
        let difference = difference.or_else(|| {
            ((i + 1) % CHECK_EVERY == 0 || i + 1 == count)
                .then(|| panel.compare_data().or_else(|| panel.compare_streams()))
                .flatten()
        });
        if let Some(difference) = difference {
            panic!(
                "{family}, seed {seed}, command {i}: {}\n{difference}\n  before it on the same keys:\n{}",
                line_of(&command),
                related(&history, &command)
            );
        }
        history.push_back(command);
        if history.len() > 2 * CHECK_EVERY {
            history.pop_front();
        }
    }
}

fn related(history: &VecDeque<Command>, command: &Command) -> String {
    let is_key = |w: &Vec<u8>| w.len() == 2 && w[0] == b'k';
    let keys: Vec<_> = command.iter().filter(|w| is_key(w)).collect();
    let touching = history
        .iter()
        .filter(|c| c.iter().any(|w| keys.contains(&w)));
    let lines: Vec<_> = touching.map(|c| format!("    {}", line_of(c))).collect();
    lines[lines.len().saturating_sub(HISTORY)..].join("\n")
}
