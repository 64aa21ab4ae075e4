//! HOTKEYS: which keys cost most.

use crate::manual;
use engine::hotkeys::{Cpu, HotKeys, Wanted};
use engine::spec::{Command, Flags, Group};
use engine::{Args, CmdResult, CommandError, Cx};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "hotkeys",
    arity: -2,
    group: Group::Server,
    since: "8.6.0",
    complexity: "Depends on subcommand.",
    summary: "A container for hotkeys tracking commands.",
    subcommands: &[
        Command {
            name: "hotkeys|get",
            arity: 2,
            flags: FLAGS,
            group: Group::Server,
            since: "8.6.0",
            complexity: "O(K) where K is the number of hotkeys returned.",
            summary: "Returns lists of top K hotkeys depending on metrics chosen in HOTKEYS START command.",
            tips: &[
                "nondeterministic_output",
                "request_policy:special",
                "response_policy:special",
            ],
            ..Command::steady(get)
        },
        Command {
            name: "hotkeys|help",
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "8.6.1",
            complexity: "O(1)",
            summary: "Return helpful text about HOTKEYS command parameters.",
            ..Command::steady(help)
        },
        Command {
            name: "hotkeys|reset",
            arity: 2,
            flags: FLAGS,
            group: Group::Server,
            since: "8.6.0",
            complexity: "O(1)",
            summary: "Release the resources used for hotkey tracking.",
            tips: &["request_policy:special"],
            ..Command::steady(reset)
        },
        Command {
            name: "hotkeys|start",
            arity: -2,
            flags: FLAGS,
            group: Group::Server,
            since: "8.6.0",
            complexity: "O(1)",
            summary: "Starts hotkeys tracking.",
            docs: &manual::server::HOTKEYS_START,
            tips: &["request_policy:special"],
            ..Command::steady(start)
        },
        Command {
            name: "hotkeys|stop",
            arity: 2,
            flags: FLAGS,
            group: Group::Server,
            since: "8.6.0",
            complexity: "O(1)",
            summary: "Stops hotkeys tracking.",
            tips: &["request_policy:special"],
            ..Command::steady(stop)
        },
    ],
    ..Command::CONTAINER
}];

const FLAGS: Flags = Flags::ADMIN.union(Flags::NOSCRIPT);

fn start(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let now = cx.steady_now();
    if let Some(hot) = &mut cx.engine.hotkeys {
        hot.look_at(now);
        if hot.active {
            return Err(CommandError::fixed(
                &"ERR hotkey tracking session already in progress",
            ));
        }
    }
    let wanted = wanted(args)?;
    let began = (cx.now(), now);
    let salt = cx.engine.rng.next_u64();
    let session = HotKeys::begin(wanted, began, cpu(cx), salt);
    cx.engine.hotkeys = Some(Box::new(session));
    cx.client.reply.ok();
    Ok(())
}

/// What HOTKEYS START asks for.
fn wanted(args: Args<'_>) -> Result<Wanted, CommandError> {
    const FEW: CommandError = CommandError::fixed(&"ERR METRICS count must be > 0 and <= 2");
    const OTHERS: CommandError =
        CommandError::fixed(&"ERR METRICS count does not match number of metric types provided");
    if !args.get(2).is_some_and(|_| args.is(2, "METRICS")) || args.len() < 4 {
        return Err(CommandError::fixed(&"ERR METRICS parameter is required"));
    }
    let metrics = args
        .int(3)
        .ok()
        .filter(|n| (1..=2).contains(n))
        .ok_or(FEW)?;
    let mut wanted = Wanted {
        cpu: false,
        net: false,
        count: 10,
        duration_ms: 0,
        sample: 1,
    };
    let mut at = 4;
    for _ in 0..metrics {
        let (metric, twice) = if at < args.len() && args.is(at, "CPU") {
            (&mut wanted.cpu, "ERR METRICS CPU defined more than once!")
        } else if at < args.len() && args.is(at, "NET") {
            (&mut wanted.net, "ERR METRICS NET defined more than once!")
        } else {
            break;
        };
        if std::mem::replace(metric, true) {
            return Err(CommandError::new(twice));
        }
        at += 1;
    }
    match at - 4 {
        0 if at < args.len() => {
            return Err(CommandError::fixed(
                &"ERR METRICS no valid metrics passed. Supported: CPU|NET",
            ));
        }
        n if n as i64 != metrics => return Err(OTHERS),
        _ => {}
    }
    while at < args.len() {
        let option = args.one_of(
            at,
            &[("COUNT", 0), ("DURATION", 1), ("SAMPLE", 2), ("SLOTS", 3)],
        );
        let (Some(option), Some(_)) = (option, args.get(at + 1)) else {
            return Err(CommandError::SYNTAX);
        };
        let number = args.int(at + 1).ok();
        let within = |most, error| {
            let number = number.filter(|n| (1..=most).contains(n));
            number.ok_or_else(|| CommandError::new(error))
        };
        match option {
            0 => wanted.count = within(64, "ERR COUNT must be between 1 and 64")? as usize,
            1 if number == Some(0) => wanted.duration_ms = 0,
            1 => {
                let error = "ERR DURATION must be between 1 and 1000000";
                wanted.duration_ms = within(1_000_000, error)? * 1000;
            }
            2 => wanted.sample = within(i64::MAX, "ERR SAMPLE ratio must be positive")? as u64,
            _ => {
                return Err(CommandError::fixed(
                    &"ERR SLOTS parameter cannot be used in non-cluster mode",
                ));
            }
        }
        at += 2;
    }
    Ok(wanted)
}

fn stop(cx: &mut Cx<'_>, _: Args<'_>) -> CmdResult {
    let now = cx.steady_now();
    if let Some(hot) = &mut cx.engine.hotkeys {
        hot.look_at(now);
        if hot.active {
            (hot.active, hot.ended) = (false, now);
            cx.client.reply.ok();
            return Ok(());
        }
    }
    cx.client.reply.null();
    Ok(())
}

fn reset(cx: &mut Cx<'_>, _: Args<'_>) -> CmdResult {
    let now = cx.steady_now();
    if let Some(hot) = &mut cx.engine.hotkeys {
        hot.look_at(now);
        if hot.active {
            return Err(CommandError::fixed(
                &"ERR hotkey tracking session in progress, stop tracking first",
            ));
        }
    }
    cx.engine.hotkeys = None;
    cx.client.reply.ok();
    Ok(())
}

fn get(cx: &mut Cx<'_>, _: Args<'_>) -> CmdResult {
    let (now, used) = (cx.steady_now(), cpu(cx));
    let Some(hot) = &mut cx.engine.hotkeys else {
        cx.client.reply.null();
        return Ok(());
    };
    hot.look_at(now);
    let (cpu, net) = (hot.wanted.cpu, hot.wanted.net);
    let reply = &mut cx.client.reply;
    reply.array(1);
    reply.map(7 + usize::from(cpu) * 3 + usize::from(net) * 2);
    let mut field = |name: &str, value: i64| {
        reply.bulk_str(name);
        reply.int(value);
    };
    field("tracking-active", i64::from(hot.active));
    field("sample-ratio", hot.wanted.sample as i64);
    reply.bulk_str("selected-slots");
    reply.array(1);
    reply.array(2);
    reply.int(0);
    reply.int(16383);
    let mut field = |name: &str, value: i64| {
        reply.bulk_str(name);
        reply.int(value);
    };
    field("all-commands-all-slots-us", (hot.all_nanos / 1000) as i64);
    field("net-bytes-all-commands-all-slots", hot.all_bytes as i64);
    field("collection-start-time-unix-ms", hot.began.0);
    field("collection-duration-ms", hot.duration_ms(now));
    if cpu {
        let since = |now: u64, then: u64| now.saturating_sub(then) as i64;
        field(
            "total-cpu-time-user-ms",
            since(used.user_ms, hot.cpu.user_ms),
        );
        field(
            "total-cpu-time-sys-ms",
            since(used.system_ms, hot.cpu.system_ms),
        );
    }
    if net {
        field("total-net-bytes", hot.bytes.total as i64);
    }
    for (wanted, name, counts) in [
        (cpu, "by-cpu-time-us", &hot.micros),
        (net, "by-net-bytes", &hot.bytes),
    ] {
        if wanted {
            let keys = counts.highest(hot.wanted.count);
            reply.bulk_str(name);
            reply.array(keys.len() * 2);
            for (key, count) in keys {
                reply.bulk(key);
                reply.int(count as i64);
            }
        }
    }
    Ok(())
}

/// What the process has used so far, as INFO shows it.
fn cpu(cx: &Cx<'_>) -> Cpu {
    let mut info = String::new();
    cx.engine.host().info(cx.engine, "cpu", &mut info);
    let of = |name: &str| {
        let seconds = info.lines().find_map(|line| line.strip_prefix(name));
        let seconds = seconds.and_then(|s| s.trim().parse::<f64>().ok());
        seconds.map_or(0, |s| (s * 1000.0) as u64)
    };
    Cpu {
        user_ms: of("used_cpu_user:"),
        system_ms: of("used_cpu_sys:"),
    }
}

fn help(cx: &mut Cx<'_>, _: Args<'_>) -> CmdResult {
    cx.help(
        "HOTKEYS",
        &[
            "START <METRICS count [CPU] [NET]> [COUNT k] [DURATION duration] [SAMPLE ratio] [SLOTS count slot...]",
            "    Starts hotkeys tracking with specified metrics.",
            "    * METRICS count [CPU] [NET]",
            "        Specify count of metrics and choose amongst:",
            "        - CPU: Track hotkeys by CPU time percentage",
            "        - NET: Track hotkeys by network bytes percentage",
            "    * COUNT k",
            "        Specifies the value of K for the top-K hotkeys tracking. Default: 10",
            "    * DURATION duration",
            "        Specifies tracking duration in seconds. 0 means tracking will continue until manually stopped. Default: 0",
            "    * SAMPLE ratio",
            "        Keys are tracked with probability 1/ratio. Default: 1 (tracks every key)",
            "    * SLOTS count slot...",
            "        Specify which slots to track keys from. Only available in cluster mode. Default: empty (track all slots)",
            "STOP",
            "    Stop hotkeys tracking. Results are still available via GET",
            "GET",
            "    Get results from hotkeys tracking.",
            "RESET",
            "    Reset memory used for hotkeys tracking. Tracking must have been stopped.",
            "    Results will no longer be available after this command.",
        ],
    );
    Ok(())
}
