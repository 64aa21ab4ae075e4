//! CONFIG: reading and changing directives at run time.

use crate::manual;
use base::LogLevel;
use config::access::{self, Named, SetContext, SetError};
use config::directive::{Change, Directive};
use engine::acl::User;
use engine::spec::{Command, Flags, Group, Secrets};
use engine::stats::CommandStats;
use engine::{Args, CmdResult, CommandError, Cx, Engine, Loading, table};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "config",
    arity: -2,
    group: Group::Server,
    since: "2.0.0",
    complexity: "Depends on subcommand.",
    summary: "A container for server configuration commands.",
    subcommands: &[
        Command {
            name: "config|get",
            arity: -3,
            flags: Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE),
            group: Group::Server,
            since: "2.0.0",
            complexity: "O(N) when N is the number of configuration parameters provided",
            summary: "Returns the effective values of configuration parameters.",
            docs: &manual::server::CONFIG_GET,
            ..Command::growing(config_get)
        },
        Command {
            name: "config|help",
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "5.0.0",
            summary: "Returns helpful text about the different subcommands.",
            ..Command::steady(config_help)
        },
        Command {
            name: "config|resetstat",
            arity: 2,
            flags: Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE),
            group: Group::Server,
            since: "2.0.0",
            summary: "Resets the server's statistics.",
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..Command::growing(config_resetstat)
        },
        Command {
            name: "config|rewrite",
            arity: 2,
            flags: Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE),
            group: Group::Server,
            since: "2.8.0",
            summary: "Persists the effective configuration to file.",
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..Command::growing(config_rewrite)
        },
        Command {
            name: "config|set",
            arity: -4,
            flags: Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE),
            secrets: Secrets::At(config_set_secrets),
            group: Group::Server,
            since: "2.0.0",
            complexity: "O(N) when N is the number of configuration parameters provided",
            summary: "Sets configuration parameters in-flight.",
            docs: &manual::server::CONFIG_SET,
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..Command::growing(config_set)
        },
    ],
    ..Command::CONTAINER
}];

fn config_get(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let found = access::get(&cx.engine.config, args.from(2));
    let reply = &mut cx.client.reply;
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk_str(&name);
        reply.bulk_str(&value);
    }
    Ok(())
}

fn config_set(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if !args.len().is_multiple_of(2) {
        return Err(CommandError::SYNTAX);
    }
    let words: Vec<String> = args
        .from(2)
        .iter()
        .map(|w| String::from_utf8_lossy(w).into_owned())
        .collect();
    let pairs: Vec<(&str, &str)> = words
        .chunks_exact(2)
        .map(|p| (p[0].as_str(), p[1].as_str()))
        .collect();
    let context = SetContext {
        local: cx.client.is_local(),
        loading: cx.engine.loading != Loading::No,
    };
    let to_error = |e: SetError| CommandError::new(e.0);
    let named = access::set(&mut cx.engine.config, &pairs, context).map_err(to_error)?;
    let has_password = |named: &Named| named.directive.change == Change::Password;
    let default = named.iter().any(has_password);
    let default = default.then(|| User::clone(cx.engine.users.default_user()));
    for (i, set) in named.iter().enumerate() {
        // The password that was set already is not set again: the user may have got others since.
        // And what is only read where it takes effect has nothing to take effect again.
        let change = set.directive.change;
        let may_stay = has_password(set) || matches!(change, Change::Read | Change::Links);
        if may_stay && !set.has_changed(&cx.engine.config) {
            continue;
        }
        if let Err(reason) = apply(cx, set.directive) {
            let done: Vec<_> = named[..=i].iter().map(|set| set.directive).collect();
            access::undo(&mut cx.engine.config, named);
            for directive in done {
                // What was in force before is in force again.
                let _ = apply(cx, directive);
            }
            if let Some(default) = default {
                cx.engine.put_user(default, cx.client);
            }
            return Err(to_error(SetError::at(pairs[i].0, &reason)));
        }
    }
    for set in &named {
        if set.has_changed(&cx.engine.config) {
            tell_change(cx.engine, set.directive);
        }
    }
    cx.client.reply.ok();
    Ok(())
}

/// How long the log says nothing more of changes of a directive, so that a client that changes it all the time does not
/// fill the log.
const TELL_AGAIN_MS: i64 = 1000;

/// Tells the log that a directive has another value.
fn tell_change(engine: &mut Engine, directive: &Directive) {
    let now = engine.clock.steady_ms;
    let told = engine.told_changes.get(directive.name);
    if told.is_some_and(|at| now - at < TELL_AGAIN_MS) {
        return;
    }
    engine.told_changes.insert(directive.name, now);
    let (level, line) = match directive.warning(&engine.config) {
        Some(warning) => (LogLevel::Warning, warning),
        // Without the value, which may be a secret.
        None => (
            LogLevel::Notice,
            format!("CONFIG SET has changed '{}'", directive.name),
        ),
    };
    engine.repl.log(level, line);
}

/// Lets a directive's new value take effect.
fn apply(cx: &mut Cx<'_>, directive: &Directive) -> Result<(), String> {
    let engine = &mut *cx.engine;
    engine.limits = engine.config.limits();
    engine.keyspace.share_names(engine.config.hash_templates());
    engine.watch_slow_commands();
    match directive.change {
        // A new password leaves clients that have logged in as they are.
        Change::Password => engine.take_password_of_config(cx.client),
        // It is not known while there is no limit. Those that are too many are closed when this turn ends.
        Change::ClientMemory => engine.count_clients(),
        Change::LatencyTracking if !engine.config.latency_tracking => {
            let stats = engine.stats.per_command.iter_mut();
            stats.for_each(|s| s.times = Default::default());
        }
        _ => {}
    }
    engine.host().apply_config(engine, directive.change)
}

fn config_resetstat(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let peak = (cx.engine.used_memory)(cx.engine);
    let facts = cx.engine.host().facts(cx.engine);
    cx.engine.stats = engine::stats::Stats {
        per_command: vec![CommandStats::default(); table::count()],
        peak_memory: peak,
        peak_memory_s: cx.engine.clock.unix_ms / 1000,
        lazyfreed_before: facts.lazyfreed,
        ..Default::default()
    };
    cx.engine.rates = Default::default();
    cx.client.reply.ok();
    Ok(())
}

fn config_rewrite(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let done = cx.engine.host().rewrite_config(cx.engine);
    done.map_err(|text| CommandError::new(format!("ERR {text}")))?;
    cx.client.reply.ok();
    Ok(())
}

fn config_help(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.help(
        "CONFIG",
        &[
            "GET <pattern>",
            "    Return parameters matching the glob-like <pattern> and their values.",
            "SET <directive> <value>",
            "    Set the configuration <directive> to <value>.",
            "RESETSTAT",
            "    Reset statistics reported by the INFO command.",
            "REWRITE",
            "    Rewrite the configuration file.",
        ],
    );
    Ok(())
}

/// The values of directives that are secrets.
fn config_set_secrets(args: &Args<'_>, hide: &mut dyn FnMut(usize)) {
    for i in (2..args.len()).step_by(2) {
        let name = std::str::from_utf8(&args[i]).unwrap_or_default();
        let directive = config::directive(name);
        if directive.is_some_and(|d| d.flags.contains(config::directive::Flags::SENSITIVE)) {
            hide(i + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, check};

    #[test]
    fn directives_are_shown_and_set() {
        check(&[
            ("CONFIG GET maxmemory", "[\"maxmemory\", \"0\"]"),
            ("CONFIG SET maxmemory 1kb hz 20", "+OK"),
            ("CONFIG GET maxmemory", "[\"maxmemory\", \"1024\"]"),
            ("CONFIG SET maxmemory 0", "+OK"),
            (
                "CONFIG SET hz",
                "-ERR wrong number of arguments for 'config|set' command",
            ),
            (
                "CONFIG SET nope 1",
                "-ERR Unknown option or number of arguments for CONFIG SET - 'nope'",
            ),
            (
                "CONFIG SET tls-cluster yes",
                "-ERR CONFIG SET failed (possibly related to argument 'tls-cluster') - not supported by Forebay yet",
            ),
        ]);
    }

    #[test]
    fn thresholds_follow_the_directives() {
        let mut bench = Bench::new();
        bench.run("CONFIG SET hash-max-ziplist-entries 3 slowlog-log-slower-than 5");
        assert_eq!(bench.engine.limits.hash_max_listpack_entries, 3);
        assert_eq!(bench.engine.watch_from_ns, 5000);
    }

    #[test]
    fn the_log_is_told_of_a_directive_that_changes_all_the_time_once_a_second() {
        let mut bench = Bench::new();
        let told = |bench: &mut Bench, line: &str| {
            bench.run(line);
            let actions = bench.engine.repl.take_actions().into_iter();
            let lines = actions.filter(|action| matches!(action, replication::Action::Log(..)));
            lines.count()
        };
        assert_eq!(told(&mut bench, "CONFIG SET hz 20"), 1);
        assert_eq!(told(&mut bench, "CONFIG SET hz 30"), 0);
        assert_eq!(told(&mut bench, "CONFIG SET timeout 3"), 1);
        bench.advance(1000);
        assert_eq!(told(&mut bench, "CONFIG SET hz 30"), 0);
        assert_eq!(told(&mut bench, "CONFIG SET hz 40"), 1);
    }
}
