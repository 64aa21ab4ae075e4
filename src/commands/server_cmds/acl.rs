//! ACL: users, their rules, and what was refused.

use crate::manual;
use base::hex::hex;
use engine::acl::{self, Denied, Selector, User, Users, rules};
use engine::categories::Categories;
use engine::spec::{Command, Flags, Group, Handler, Secrets};
use engine::{Args, CmdResult, CommandError, Cx, Engine, categories, table};
use resp::Reply;

const ANYWHERE: Flags = Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE);
const ADMIN: Flags = ANYWHERE.union(Flags::ADMIN);
/// How many entries ACL LOG shows by default.
const LOG_SHOWN: i64 = 10;
const GENPASS_BITS: i64 = 256;

const NO_FILE: CommandError = CommandError::fixed(
    &"ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.",
);

const fn subcommand(run: Handler) -> Command {
    Command {
        group: Group::Server,
        since: "6.0.0",
        complexity: "O(1)",
        flags: ADMIN,
        ..Command::growing(run)
    }
}

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "acl",
    arity: -2,
    group: Group::Server,
    since: "6.0.0",
    complexity: "Depends on subcommand.",
    summary: "A container for Access List Control commands.",
    subcommands: &[
        Command {
            name: "acl|cat",
            arity: -2,
            flags: ANYWHERE,
            summary: "Lists the ACL categories, or the commands inside a category.",
            docs: &manual::server::ACL_CAT,
            ..subcommand(acl_cat)
        },
        Command {
            name: "acl|deluser",
            arity: -3,
            secrets: Secrets::From(2),
            summary: "Deletes ACL users, and terminates their connections.",
            docs: &manual::server::ACL_DELUSER,
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..subcommand(acl_deluser)
        },
        Command {
            name: "acl|dryrun",
            arity: -4,
            since: "7.0.0",
            summary: "Simulates the execution of a command by a user, without executing the command.",
            docs: &manual::server::ACL_DRYRUN,
            ..subcommand(acl_dryrun)
        },
        Command {
            name: "acl|genpass",
            arity: -2,
            flags: ANYWHERE,
            summary: "Generates a pseudorandom, secure password that can be used to identify ACL users.",
            docs: &manual::server::ACL_GENPASS,
            ..subcommand(acl_genpass)
        },
        Command {
            name: "acl|getuser",
            arity: 3,
            secrets: Secrets::From(2),
            summary: "Lists the ACL rules of a user.",
            docs: &manual::server::ACL_GETUSER,
            ..subcommand(acl_getuser)
        },
        Command {
            name: "acl|help",
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            summary: "Returns helpful text about the different subcommands.",
            ..subcommand(acl_help)
        },
        Command {
            name: "acl|list",
            arity: 2,
            summary: "Dumps the effective rules in ACL file format.",
            ..subcommand(acl_list)
        },
        Command {
            name: "acl|load",
            arity: 2,
            summary: "Reloads the rules from the configured ACL file.",
            ..subcommand(acl_load)
        },
        Command {
            name: "acl|log",
            arity: -2,
            summary: "Lists recent security events generated due to ACL rules.",
            docs: &manual::server::ACL_LOG,
            ..subcommand(acl_log)
        },
        Command {
            name: "acl|save",
            arity: 2,
            summary: "Saves the effective ACL rules in the configured ACL file.",
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..subcommand(acl_save)
        },
        Command {
            name: "acl|setuser",
            arity: -3,
            secrets: Secrets::From(2),
            summary: "Creates and modifies an ACL user and its rules.",
            docs: &manual::server::ACL_SETUSER,
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..subcommand(acl_setuser)
        },
        Command {
            name: "acl|users",
            arity: 2,
            summary: "Lists all ACL users.",
            ..subcommand(acl_users)
        },
        Command {
            name: "acl|whoami",
            arity: 2,
            flags: ANYWHERE,
            summary: "Returns the authenticated username of the current connection.",
            ..subcommand(acl_whoami)
        },
    ],
    ..Command::CONTAINER
}];

fn acl_whoami(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    match &cx.client.user {
        Some(user) => cx.client.reply.bulk(&user.name),
        None => cx.client.reply.null(),
    }
    Ok(())
}

fn acl_users(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.client.reply.array(cx.engine.users.iter().count());
    let users = cx.engine.users.iter();
    users.for_each(|user| cx.client.reply.bulk(&user.name));
    Ok(())
}

fn acl_list(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.client.reply.array(cx.engine.users.iter().count());
    let users = cx.engine.users.iter();
    users.for_each(|user| cx.client.reply.bulk(&user.line()));
    Ok(())
}

fn acl_getuser(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let reply = &mut cx.client.reply;
    let Some(user) = cx.engine.users.get(&args[2]) else {
        reply.null();
        return Ok(());
    };
    let flags = user.flags();
    // Clients that know Redis see its fields, unless there is more to tell.
    let databases = user.has_rules_about_databases();
    reply.map(6 + usize::from(databases));
    reply.bulk_str("flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk_str(flag));
    reply.bulk_str("passwords");
    reply.array(user.passwords.len());
    let digests = user.passwords.iter();
    digests.for_each(|digest| reply.bulk_str(&digest.to_string()));
    show_selector(reply, &user.root, databases);
    reply.bulk_str("selectors");
    reply.array(user.selectors.len());
    for selector in &user.selectors {
        reply.map(3 + usize::from(databases));
        show_selector(reply, selector, databases);
    }
    Ok(())
}

fn show_selector(reply: &mut Reply, selector: &Selector, databases: bool) {
    for (name, rules) in [
        ("commands", selector.describe_commands()),
        ("keys", selector.describe_keys()),
        ("channels", selector.describe_channels()),
    ] {
        reply.bulk_str(name);
        reply.bulk(&rules);
    }
    if databases {
        reply.bulk_str("databases");
        match selector.databases.as_deref() {
            Some([]) => reply.bulk(b""),
            _ => reply.bulk(&selector.describe_databases()),
        }
    }
}

fn acl_setuser(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let name = args.0[2];
    if !rules::is_user_name(name) {
        return Err(CommandError::fixed(
            &"ERR Usernames can't contain spaces or null characters",
        ));
    }
    let words = args.from(3);
    let rules = rules::join_selectors(words).map_err(|at| {
        CommandError::quoting(
            "ERR Unmatched parenthesis in acl selector starting at '{}'.",
            &[words[at]],
        )
    })?;
    let defaults = cx.engine.acl_defaults();
    let mut user = match cx.engine.users.get(name) {
        Some(user) => User::clone(user),
        None => User::new(name, defaults),
    };
    for rule in rules {
        user.apply(&rule, defaults).map_err(|error| {
            let text = format!("ERR Error in ACL SETUSER modifier '{{}}': {error}");
            CommandError::quoting(&text, &[&rule])
        })?;
    }
    cx.engine.put_user(user, cx.client);
    cx.client.reply.ok();
    Ok(())
}

fn acl_deluser(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let names = args.from(2);
    if names.contains(&acl::DEFAULT) {
        return Err(CommandError::fixed(
            &"ERR The 'default' user cannot be removed",
        ));
    }
    let deleted = names
        .iter()
        .filter(|name| cx.engine.delete_user(name, cx.client));
    let deleted = deleted.count();
    cx.client.reply.int(deleted as i64);
    Ok(())
}

fn acl_load(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let path = file_path(cx)?;
    let users = read_users(cx.engine, &path);
    let users = users.map_err(|fault| CommandError::new(format!("ERR {fault}")))?;
    cx.engine.put_users(users, cx.client);
    cx.client.reply.ok();
    Ok(())
}

/// The users of the ACL file at `path`.
///
/// # Errors
/// Its errors, as the log and ACL LOAD report them.
pub fn read_users(engine: &Engine, path: &str) -> Result<Users, String> {
    let text = engine.host().read_acl_file(path);
    let text =
        text.map_err(|reason| format!("Error loading ACLs, opening file '{path}': {reason}"))?;
    acl::file::parse(path, &text, engine.acl_defaults())
}

fn acl_save(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let path = file_path(cx)?;
    let text = acl::file::text(&cx.engine.users);
    cx.engine.host().write_acl_file(&path, &text).map_err(|_| {
        CommandError::fixed(
            &"ERR There was an error trying to save the ACLs. Please check the server logs for more information",
        )
    })?;
    cx.client.reply.ok();
    Ok(())
}

fn file_path(cx: &Cx<'_>) -> Result<String, CommandError> {
    match cx.engine.config.aclfile.as_str() {
        "" => Err(NO_FILE),
        path => Ok(path.to_owned()),
    }
}

fn acl_cat(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    match args.len() {
        2 => {
            cx.client.reply.array(categories::ALL.len());
            let all = categories::ALL.iter();
            all.for_each(|c| cx.client.reply.bulk_str(c));
        }
        3 => {
            let wanted = Categories::named(&args[2].to_ascii_lowercase());
            let wanted = wanted
                .ok_or_else(|| CommandError::quoting("ERR Unknown category '{}'", &[&args[2]]))?;
            cx.client.reply.array(categories::members(wanted).count());
            let members = categories::members(wanted);
            members.for_each(|entry| cx.client.reply.bulk_str(entry.name));
        }
        _ => return Err(wrong_form(args)),
    }
    Ok(())
}

/// For a subcommand with more arguments than it takes.
fn wrong_form(args: Args<'_>) -> CommandError {
    CommandError::quoting(
        "ERR unknown subcommand or wrong number of arguments for '{128}'. Try ACL HELP.",
        &[&args[1]],
    )
}

fn acl_dryrun(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let user = cx.engine.users.get(&args[2]);
    let user = user.ok_or_else(|| CommandError::quoting("ERR User '{}' not found", &[&args[2]]))?;
    let request = Args(args.from(3));
    let entry = table::find(request)
        .map_err(|_| CommandError::quoting("ERR Command '{}' not found", &[&args[3]]))?;
    if !entry.arity_fits(request.len()) {
        return Err(CommandError::arity(entry.name));
    }
    let place = cx.engine.place_of(cx.client);
    let reply = &mut cx.client.reply;
    let (what, kind) = match acl::check(user, entry, request, place) {
        Ok(()) => {
            reply.ok();
            return Ok(());
        }
        Err(Denied::Command) => {
            let name = entry.name.as_bytes();
            reply.bulk(
                &[
                    b"User ",
                    &user.name[..],
                    b" has no permissions to run the '",
                    name,
                    b"' command",
                ]
                .concat(),
            );
            return Ok(());
        }
        Err(Denied::Database(at)) => {
            let text = b" has no permissions to access database ";
            reply.bulk(&[b"User ", &user.name[..], text, &request[at]].concat());
            return Ok(());
        }
        Err(Denied::Key(at)) => (&request[at], "key"),
        Err(Denied::Channel(at)) => (&request[at], "channel"),
    };
    reply.bulk(
        &[
            b"User ",
            &user.name[..],
            b" has no permissions to access the '",
            what,
            b"' ",
            kind.as_bytes(),
        ]
        .concat(),
    );
    Ok(())
}

fn acl_genpass(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let bits = match args.len() {
        2 => Ok(GENPASS_BITS),
        3 => args.int(2),
        _ => return Err(wrong_form(args)),
    };
    let bits = Some(bits?).filter(|bits| (1..=4096).contains(bits));
    let bits = bits.ok_or(CommandError::fixed(
        &"ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
    ))?;
    let digits = (bits as usize).div_ceil(4);
    let mut secret = vec![0; digits.div_ceil(2)];
    cx.engine.secrets.fill(&mut secret);
    cx.client.reply.bulk_str(&hex(&secret)[..digits]);
    Ok(())
}

fn acl_log(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let shown = match args.len() {
        2 => LOG_SHOWN,
        3 if args.is(2, "RESET") => {
            cx.engine.acl_log.entries.clear();
            cx.client.reply.ok();
            return Ok(());
        }
        3 => args.int(2)?.max(0),
        _ => return Err(wrong_form(args)),
    };
    let now = cx.now();
    let reply = &mut cx.client.reply;
    let entries = &cx.engine.acl_log.entries;
    let shown = entries
        .len()
        .min(usize::try_from(shown).unwrap_or(usize::MAX));
    reply.array(shown);
    for entry in entries.iter().take(shown) {
        reply.map(10);
        reply.bulk_str("count");
        reply.int(entry.count as i64);
        for (name, value) in [
            ("reason", entry.reason.name()),
            ("context", entry.context.name()),
        ] {
            reply.bulk_str(name);
            reply.bulk_str(value);
        }
        reply.bulk_str("object");
        reply.bulk(&entry.object);
        reply.bulk_str("username");
        reply.bulk(&entry.user);
        reply.bulk_str("age-seconds");
        reply.double((now - entry.updated_ms) as f64 / 1000.0);
        reply.bulk_str("client-info");
        reply.bulk_str(&entry.client);
        for (name, value) in [
            ("entry-id", entry.id as i64),
            ("timestamp-created", entry.created_ms),
            ("timestamp-last-updated", entry.updated_ms),
        ] {
            reply.bulk_str(name);
            reply.int(value);
        }
    }
    Ok(())
}

fn acl_help(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.help(
        "ACL",
        &[
            "CAT [<category>]",
            "    List all commands that belong to <category>, or all command categories",
            "    when no category is specified.",
            "DELUSER <username> [<username> ...]",
            "    Delete a list of users.",
            "DRYRUN <username> <command> [<arg> ...]",
            "    Returns whether the user can execute the given command without executing the command.",
            "GETUSER <username>",
            "    Get the user's details.",
            "GENPASS [<bits>]",
            "    Generate a secure 256-bit user password. The optional `bits` argument can",
            "    be used to specify a different size.",
            "LIST",
            "    Show users details in config file format.",
            "LOAD",
            "    Reload users from the ACL file.",
            "LOG [<count> | RESET]",
            "    Show the ACL log entries.",
            "SAVE",
            "    Save the current config to the ACL file.",
            "SETUSER <username> <attribute> [<attribute> ...]",
            "    Create or modify a user with the specified attributes.",
            "USERS",
            "    List all the registered usernames.",
            "WHOAMI",
            "    Return the current connection username.",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;
    use config::Config;

    #[test]
    fn the_password_is_shown_as_its_hash() {
        let mut bench = Bench::with(Config {
            requirepass: "x".into(),
            ..Config::default()
        });
        bench.run("AUTH x");
        let list = bench.run("ACL LIST");
        let hash = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
        assert!(
            list.contains(&format!("user default on sanitize-payload #{hash} ")),
            "{list}"
        );
    }

    #[test]
    fn failed_logins_are_logged_and_those_of_a_minute_are_one_entry() {
        let mut bench = Bench::with(Config {
            requirepass: "x".into(),
            ..Config::default()
        });
        bench.run("AUTH wrong");
        bench.run("AUTH wrong again");
        bench.run("AUTH wrong again");
        bench.run("AUTH x");
        let log = bench.run("ACL LOG");
        assert_eq!(log.matches("entry-id").count(), 2, "{log}");
        assert_eq!(bench.engine.stats.denied_auth, 3);
        assert_eq!(bench.run("ACL LOG RESET"), "+OK");
        assert_eq!(bench.run("ACL LOG"), "[]");
    }
}
