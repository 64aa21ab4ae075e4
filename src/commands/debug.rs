//! DEBUG: subcommands for tests and for curious operators.

use crate::debug_sizes as sizes;
use crate::manual;
use base::LogLevel;
use engine::blocking::BlockedOn;
use engine::host::ReloadOptions;
use engine::spec::{Command, Flags, Group, Unlisted};
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx, Loading, heat};
use keyspace::digest::{self, Fingerprint, Manner};
use keyspace::value::set_packed_threshold;
use std::time::Duration;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "debug",
    arity: -2,
    flags: Flags::ADMIN
        .union(Flags::NOSCRIPT)
        .union(Flags::LOADING)
        .union(Flags::STALE)
        .union(Flags::PROTECTED),
    group: Group::Server,
    complexity: "Depends on subcommand.",
    summary: "A container for debugging commands.",
    docs: &manual::server::DEBUG,
    unlisted: UNLISTED,
    ..Command::growing(debug)
}];

/// The subcommands of DEBUG, in the order in which HELP lists them.
static UNLISTED: &[Unlisted] = &[
    Unlisted {
        name: "CHANGE-REPL-ID",
        takes: 2..=2,
        help: "Change the replication IDs of the instance.",
        run: change_repl_id,
    },
    Unlisted {
        name: "CONFIG-REWRITE-FORCE-ALL",
        takes: 2..=2,
        help: "Like CONFIG REWRITE, but write all directives, also those at their defaults.",
        run: |cx, _| {
            let done = cx.engine.host().rewrite_whole_config(cx.engine);
            done.map_err(|text| CommandError::new(format!("ERR {text}")))?;
            cx.client.reply.ok();
            Ok(())
        },
    },
    Unlisted {
        name: "DIGEST",
        takes: 2..=3,
        help: "Output a hex signature of the dataset in the form of Redis 7.0, or of redis-7.2 or valkey.",
        run: digest_all,
    },
    Unlisted {
        name: "DIGEST-VALUE",
        takes: 2..=usize::MAX,
        help: "Output a hex signature of the values of the given keys.",
        run: digest_value,
    },
    Unlisted {
        name: "ERROR",
        takes: 3..=3,
        help: "Return a Redis protocol error with <string> as message.",
        run: error,
    },
    Unlisted {
        name: "HTSTATS-KEY",
        takes: 3..=4,
        help: "Show the size of a collection that is not packed.",
        run: sizes::htstats_key,
    },
    Unlisted {
        name: "HTSTATS",
        takes: 3..=4,
        help: "Show how many keys the database <dbid> has, and how many that expire.",
        run: sizes::htstats,
    },
    Unlisted {
        name: "LISTPACK",
        takes: 3..=3,
        help: "Say whether the value of <key> is packed.",
        run: sizes::listpack,
    },
    Unlisted {
        name: "LOADAOF",
        takes: 2..=2,
        help: "Flush the append-only file to disk and reload the dataset from it.",
        run: load_log,
    },
    Unlisted {
        name: "LOG",
        takes: 3..=3,
        help: "Write <message> to the server log.",
        run: log,
    },
    Unlisted {
        name: "OBJECT",
        takes: 3..=4,
        help: "Show low level info about a key and its value.",
        run: object,
    },
    Unlisted {
        name: "PAUSE-CRON",
        takes: 3..=3,
        help: "Pause the periodic work for clients (1) or resume it (0).",
        run: pause_cron,
    },
    Unlisted {
        name: "POPULATE",
        takes: 3..=5,
        help: "Create <count> string keys: <prefix>:<num>, optionally of <size> bytes.",
        run: populate,
    },
    Unlisted {
        name: "PROTOCOL",
        takes: 3..=3,
        help: "Reply with a test value of the specified type.",
        run: super::debug_protocol::run,
    },
    Unlisted {
        name: "RELOAD",
        takes: 2..=5,
        help: "Save the dataset and reload it. Options: NOSAVE, NOFLUSH, MERGE.",
        run: reload,
    },
    Unlisted {
        name: "REPLICATE",
        takes: 3..=usize::MAX,
        help: "Put a command into the replication stream without running it.",
        run: replicate,
    },
    Unlisted {
        name: "SDSLEN",
        takes: 3..=3,
        help: "Show the lengths of <key> and of its text.",
        run: sizes::sdslen,
    },
    Unlisted {
        name: "SET-ACTIVE-EXPIRE",
        takes: 3..=3,
        help: "Pause the background deletion of expired keys (0) or resume it (1).",
        run: set_active_expire,
    },
    Unlisted {
        name: "SET-DISABLE-DENY-SCRIPTS",
        takes: 3..=3,
        help: "Allow scripts to call commands that are normally forbidden to them (1), or not (0).",
        run: set_disable_deny_scripts,
    },
    Unlisted {
        name: "SET-SKIP-CHECKSUM-VALIDATION",
        takes: 3..=3,
        help: "Load dumps and RESTORE payloads whose checksum is wrong (1), or not (0). Values are checked as always.",
        run: |cx, args| {
            cx.engine.skips_checksums = is_on(args);
            cx.client.reply.ok();
            Ok(())
        },
    },
    Unlisted {
        name: "AOF-FLUSH-SLEEP",
        takes: 3..=3,
        help: "Delay each write to the append-only file by <microseconds>.",
        run: aof_flush_sleep,
    },
    Unlisted {
        name: "SLEEP",
        takes: 3..=3,
        help: "Stop the server for <seconds>. Decimals allowed.",
        run: sleep,
    },
    Unlisted {
        name: "PANIC",
        takes: 2..=2,
        help: "Crash the server simulating a panic.",
        run: crash,
    },
    Unlisted {
        name: "SEGFAULT",
        takes: 2..=2,
        help: "Crash the server with sigsegv.",
        run: |cx, _| {
            cx.engine.host().fault();
            Err(CommandError::fixed(
                &"ERR the system has no memory to crash in",
            ))
        },
    },
    Unlisted {
        name: "QUICKLIST-PACKED-THRESHOLD",
        takes: 3..=3,
        help: "Write list elements of at least <size> bytes as separate nodes; 0 restores the default.",
        run: quicklist_packed_threshold,
    },
    // What the next three switch is not there. What they ask for, that it does not happen, is so already.
    Unlisted {
        name: "DICT-RESIZING",
        takes: 3..=3,
        help: "Has no effect: no hash table is resized.",
        run: nothing,
    },
    Unlisted {
        name: "DROP-CLUSTER-PACKET-FILTER",
        takes: 3..=3,
        help: "Has no effect: there is no cluster.",
        run: nothing,
    },
    Unlisted {
        name: "REPLYBUFFER",
        takes: 4..=4,
        help: "Has no effect: PEAK-RESET-TIME and RESIZING are for reply buffers that clients have for themselves.",
        run: reply_buffer,
    },
];

fn debug(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if args.is(1, "HELP") {
        return help(cx);
    }
    let name = &args[1];
    let named = |one: &&Unlisted| args.is(1, one.name) && one.takes.contains(&args.len());
    match UNLISTED.iter().find(named) {
        Some(one) => (one.run)(cx, args),
        None => Err(unknown(name)),
    }
}

fn unknown(name: &[u8]) -> CommandError {
    CommandError::quoting(
        "ERR unknown subcommand or wrong number of arguments for '{128}'. Try DEBUG HELP.",
        &[name],
    )
}

fn help(cx: &mut Cx<'_>) -> CmdResult {
    let told = || UNLISTED.iter().filter(|one| !one.help.is_empty());
    let reply = &mut cx.client.reply;
    reply.array(2 * told().count() + 3);
    reply.simple("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    for one in told() {
        reply.simple(one.name);
        reply.simple(&format!("    {}", one.help));
    }
    reply.simple("HELP");
    reply.simple("    Print this help.");
    Ok(())
}

fn change_repl_id(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.engine.repl.change_id();
    cx.client.reply.ok();
    Ok(())
}

fn digest_all(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let manner = match args.len() {
        2 => Manner::REDIS_7_0,
        _ if args.is(2, "redis-7.0") => Manner::REDIS_7_0,
        _ if args.is(2, "redis-7.2") => Manner::REDIS_7_2,
        _ if args.is(2, "valkey") => Manner::VALKEY,
        _ => return Err(CommandError::SYNTAX),
    };
    let mut all = Fingerprint::default();
    for db in 0..cx.engine.keyspace.count() {
        digest::database(&mut all, db as u32, cx.engine.keyspace.db(db), manner);
    }
    cx.client.reply.simple(&all.to_hex());
    Ok(())
}

fn digest_value(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    cx.client.reply.array(args.len() - 2);
    for key in args.from(2) {
        let mut one = Fingerprint::default();
        let db = cx.engine.keyspace.db(cx.client.db);
        if let Some(loc) = db.find(key) {
            digest::entry(&mut one, db, loc, Manner::REDIS_7_0);
        }
        cx.client.reply.simple(&one.to_hex());
    }
    Ok(())
}

fn error(_cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let one_line = |b: &u8| if matches!(b, b'\r' | b'\n') { b' ' } else { *b };
    let text: Vec<u8> = args[2].iter().map(one_line).collect();
    Err(CommandError::new(text))
}

fn log(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let text = format!("DEBUG LOG: {}", String::from_utf8_lossy(&args[2]));
    (cx.engine.log)(LogLevel::Warning, &text);
    cx.client.reply.ok();
    Ok(())
}

fn object(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let db = cx.engine.keyspace.db(cx.client.db);
    let Some(loc) = db.find(&args[2]) else {
        return Err(CommandError::NO_SUCH_KEY);
    };
    let value = db.value(loc);
    let mut size = 0;
    value.to_rdb(&mut |piece| size += piece.len(), None);
    let clock = db.heat(loc);
    let idle = heat::lru_clock(cx.engine.clock.steady_ms).wrapping_sub(clock) & 0xff_ffff;
    let text = format!(
        "Value at:0x0 refcount:1 encoding:{} serializedlength:{size} lru:{clock} lru_seconds_idle:{idle}",
        value.encoding()
    );
    cx.client.reply.simple(&text);
    Ok(())
}

/// DEBUG may be called while a dataset is loaded; what would write into it may not.
fn refuse_while_loading(cx: &Cx<'_>) -> CmdResult {
    match cx.engine.loading {
        Loading::Blocking => Err(CommandError::LOADING),
        _ => Ok(()),
    }
}

fn populate(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    refuse_while_loading(cx)?;
    let positive = || CommandError::fixed(&"ERR value is out of range, must be positive");
    let count = args.int(2).ok().filter(|&n| n >= 0).ok_or_else(positive)?;
    let prefix = args.get(3).unwrap_or(b"key");
    // Without a size, and with 0, values are as long as their text.
    let size = match args.len() {
        5 => Some(usize::try_from(args.int(4).unwrap_or(-1)).map_err(|_| positive())?),
        _ => None,
    };
    let size = size.filter(|&size| size > 0);
    let (mut key, mut value) = (prefix.to_vec(), b"value:".to_vec());
    key.push(b':');
    let mut digits = itoa::Buffer::new();
    let heads = (key.len(), value.len());
    for n in 0..count {
        let n = digits.format(n).as_bytes();
        key.truncate(heads.0);
        key.extend_from_slice(n);
        value.truncate(heads.1);
        value.extend_from_slice(n);
        if let Some(size) = size {
            value.resize(size, 0);
            value[heads.1.min(size)..].fill(0);
            let end = (heads.1 + n.len()).min(size);
            let digits_at = heads.1.min(end);
            value[digits_at..end].copy_from_slice(&n[..end - digits_at]);
        }
        if cx.engine.lacks_memory() {
            return Err(CommandError::OOM);
        }
        let db = cx.db();
        if db.find(&key).is_none() {
            db.insert_str(&key, &value, None);
            let db = cx.client.db;
            cx.engine.key_changed(db, &key);
        }
        if size.is_some() {
            value.clear();
            value.extend_from_slice(b"value:");
        }
    }
    cx.client.reply.ok();
    Ok(())
}

fn reload(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    refuse_while_loading(cx)?;
    let mut options = ReloadOptions::default();
    let mut words = args.options(2);
    while words.are_left() {
        if words.take("NOSAVE") {
            options.nosave = true;
        } else if words.take("NOFLUSH") {
            options.noflush = true;
        } else if words.take("MERGE") {
            options.merge = true;
        } else {
            return Err(CommandError::fixed(
                &"ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
            ));
        }
    }
    cx.no_propagate();
    cx.engine.host().reload(cx.engine, options)?;
    cx.client.reply.ok();
    Ok(())
}

fn load_log(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    refuse_while_loading(cx)?;
    cx.no_propagate();
    let may_wait = !cx.client.flags.contains(ClientFlags::DENY_BLOCKING);
    let waits = may_wait.then_some(cx.client.id);
    match cx.engine.host().load_log(cx.engine, waits)? {
        true => cx.wait(args, BlockedOn::Load, None),
        false => cx.client.reply.ok(),
    }
    Ok(())
}

fn replicate(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let mut bytes = Vec::new();
    base::request::encode_request(&mut bytes, args.from(2));
    cx.engine.repl.append_raw(&bytes);
    cx.client.reply.ok();
    Ok(())
}

/// Anything but a number counts as zero, as for atoi.
fn is_on(args: Args<'_>) -> bool {
    args.int(2).unwrap_or(0) != 0
}

fn nothing(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.client.reply.ok();
    Ok(())
}

fn reply_buffer(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    match (args.is(2, "PEAK-RESET-TIME"), args.is(2, "RESIZING")) {
        (true, _) if !args.is(3, "NEVER") && !args.is(3, "RESET") => _ = args.int(3)?,
        (true, _) | (_, true) => {}
        (false, false) => return Err(unknown(&args[1])),
    }
    cx.client.reply.ok();
    Ok(())
}

fn set_active_expire(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    cx.engine.active_expire = is_on(args);
    cx.client.reply.ok();
    Ok(())
}

fn set_disable_deny_scripts(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    cx.engine.scripts_may_all = is_on(args);
    cx.client.reply.ok();
    Ok(())
}

fn pause_cron(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    cx.engine.tick_paused = is_on(args);
    cx.client.reply.ok();
    Ok(())
}

fn sleep(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    // Anything but a number counts as zero, as for strtod.
    let seconds = args.float(2).unwrap_or(0.0);
    cx.sleep(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::ZERO));
    cx.client.reply.ok();
    Ok(())
}

fn aof_flush_sleep(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let micros = args.int(2).unwrap_or(0).max(0);
    cx.engine.host().sleep_before_log_writes(micros as u64);
    cx.client.reply.ok();
    Ok(())
}

fn crash(_cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    panic!("called Panic!");
}

fn quicklist_packed_threshold(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let text = String::from_utf8_lossy(&args[2]).into_owned();
    let size = config::kind::parse_memory(&text);
    // As in the reference, a little below 4 GB is too much already.
    let Some(size) = size.filter(|size| *size <= (4 << 30) - (1 << 20)) else {
        return Err(CommandError::fixed(
            &"ERR argument must be a memory value bigger than 1 and smaller than 4gb",
        ));
    };
    set_packed_threshold(size as usize);
    cx.client.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;
    use config::Config;
    use config::choices::Protection;
    use engine::Loading;

    #[test]
    fn what_has_no_counterpart_is_accepted_as_the_reference_accepts_it() {
        let mut bench = Bench::new();
        bench.engine.config.enable_debug_command = Protection::Yes;
        let unknown = |name: &str| {
            format!(
                "-ERR unknown subcommand or wrong number of arguments for '{name}'. Try DEBUG HELP."
            )
        };
        let (buffer, resizing) = (unknown("REPLYBUFFER"), unknown("DICT-RESIZING"));
        bench.check(&[
            ("DEBUG DICT-RESIZING 0", "+OK"),
            ("DEBUG DICT-RESIZING", &resizing),
            ("DEBUG REPLYBUFFER resizing 0", "+OK"),
            ("DEBUG REPLYBUFFER peak-reset-time never", "+OK"),
            ("DEBUG REPLYBUFFER PEAK-RESET-TIME 100", "+OK"),
            (
                "DEBUG REPLYBUFFER PEAK-RESET-TIME x",
                "-ERR value is not an integer or out of range",
            ),
            ("DEBUG REPLYBUFFER resizing", &buffer),
            ("DEBUG REPLYBUFFER other 1", &buffer),
            ("DEBUG SET-ACTIVE-EXPIRE x", "+OK"),
            ("DEBUG SET-ACTIVE-EXPIRE 1", "+OK"),
        ]);
    }

    #[test]
    fn the_size_from_which_list_elements_are_nodes_has_bounds() {
        let mut bench = Bench::new();
        bench.engine.config.enable_debug_command = Protection::Yes;
        let too_much = "-ERR argument must be a memory value bigger than 1 and smaller than 4gb";
        bench.check(&[
            ("DEBUG QUICKLIST-PACKED-THRESHOLD 4gb", too_much),
            ("DEBUG QUICKLIST-PACKED-THRESHOLD 4294950912", too_much),
            ("DEBUG QUICKLIST-PACKED-THRESHOLD 0", "+OK"),
        ]);
    }

    #[test]
    fn debug_is_refused_unless_the_configuration_allows_it() {
        let mut bench = Bench::new();
        assert!(
            bench
                .run("DEBUG DIGEST")
                .starts_with("-ERR DEBUG command not allowed.")
        );
        let config = Config {
            enable_debug_command: Protection::Yes,
            ..Config::default()
        };
        let mut bench = Bench::with(config);
        assert_eq!(bench.run("DEBUG DIGEST"), format!("+{}", "0".repeat(40)));
        assert!(
            bench
                .run("DEBUG NONSENSE")
                .starts_with("-ERR unknown subcommand or wrong number")
        );
    }

    #[test]
    fn nothing_is_written_into_a_dataset_that_is_being_loaded() {
        let config = Config {
            enable_debug_command: Protection::Yes,
            ..Config::default()
        };
        let mut bench = Bench::with(config);
        let lines = ["DEBUG POPULATE 1", "DEBUG RELOAD NOSAVE", "DEBUG LOADAOF"];
        for loading in [Loading::Blocking, Loading::No] {
            bench.engine.loading = loading;
            for line in lines {
                let refused = bench.run(line).starts_with("-LOADING ");
                assert_eq!(refused, loading == Loading::Blocking, "{line}");
            }
        }
    }

    #[test]
    fn populate_makes_keys_that_are_not_there() {
        let config = Config {
            enable_debug_command: Protection::Yes,
            ..Config::default()
        };
        let mut bench = Bench::with(config);
        bench.run("SET key:1 mine");
        assert_eq!(bench.run("DEBUG POPULATE 12"), "+OK");
        assert_eq!(bench.run("DBSIZE"), ":12");
        assert_eq!(bench.run("GET key:11"), "\"value:11\"");
        assert_eq!(bench.run("GET key:1"), "\"mine\"");
        bench.run("DEBUG POPULATE 2 sized 4");
        assert_eq!(bench.run("GET sized:0"), "\"valu\"");
        bench.run("DEBUG POPULATE 2 unsized 0");
        assert_eq!(bench.run("GET unsized:1"), "\"value:1\"");
        bench.run("DEBUG POPULATE 2 long 10");
        assert_eq!(bench.run("STRLEN long:1"), ":10");
    }
}
