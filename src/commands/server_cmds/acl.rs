//! ACL, for the only user there is: `default`, who may do everything after giving the password.
//!
//! Failed logins are kept here for ACL LOG.

use super::command_info::{CATEGORIES, in_category};
use crate::manual;
use base::hex::hex;
use engine::spec::{Command, Flags, Group, Handler, Secrets};
use engine::{Args, CmdResult, CommandError, Cx, Engine, table};
use sha2::{Digest, Sha256};

const ANYWHERE: Flags = Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE);
const ADMIN: Flags = ANYWHERE.union(Flags::ADMIN);
/// Entries that ACL LOG shows unless told otherwise.
const LOG_SHOWN: i64 = 10;
const GENPASS_BITS: i64 = 256;

const NO_FILE: CommandError = CommandError::fixed(
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.",
);

const fn subcommand(run: Handler) -> Command {
    Command {
        group: Group::Server,
        since: "6.0.0",
        complexity: "O(1)",
        flags: ADMIN,
        ..Command::runs(run)
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
            ..subcommand(no_file)
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
            ..subcommand(no_file)
        },
        Command {
            name: "acl|setuser",
            arity: -3,
            secrets: Secrets::From(2),
            summary: "Creates and modifies an ACL user and its rules, which is not supported.",
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
    cx.client.reply.bulk(b"default");
    Ok(())
}

fn acl_users(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.client.reply.array(1);
    cx.client.reply.bulk(b"default");
    Ok(())
}

/// The password as its SHA-256, in hex; `None` without one.
fn password_hash(engine: &Engine) -> Option<String> {
    let password = &engine.config.requirepass;
    if password.is_empty() {
        return None;
    }
    Some(hex(&Sha256::digest(password.as_bytes())))
}

fn acl_list(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let secret = match password_hash(cx.engine) {
        Some(hash) => format!("#{hash}"),
        None => "nopass".to_owned(),
    };
    let line = format!("user default on {secret} sanitize-payload ~* &* +@all");
    cx.client.reply.array(1);
    cx.client.reply.bulk(line.as_bytes());
    Ok(())
}

fn acl_getuser(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if &args[2] != b"default" {
        cx.client.reply.null();
        return Ok(());
    }
    let hash = password_hash(cx.engine);
    let mut flags = vec!["on"];
    if hash.is_none() {
        flags.push("nopass");
    }
    flags.push("sanitize-payload");
    let reply = &mut cx.client.reply;
    reply.map(6);
    reply.bulk_str("flags");
    reply.set(flags.len());
    flags.iter().for_each(|f| reply.simple(f));
    reply.bulk_str("passwords");
    reply.array(hash.iter().len());
    hash.iter().for_each(|h| reply.bulk_str(h));
    for (name, rule) in [("commands", "+@all"), ("keys", "~*"), ("channels", "&*")] {
        reply.bulk_str(name);
        reply.bulk_str(rule);
    }
    reply.bulk_str("selectors");
    reply.array(0);
    Ok(())
}

fn acl_setuser(_cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    Err(CommandError::fixed(
        "ERR ACL SETUSER is not supported: there is only the user 'default', whose password is the directive requirepass",
    ))
}

fn acl_deluser(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if args.from(2).contains(&b"default".as_slice()) {
        return Err(CommandError::fixed(
            "ERR The 'default' user cannot be removed",
        ));
    }
    cx.client.reply.int(0);
    Ok(())
}

fn no_file(_cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    Err(NO_FILE)
}

fn acl_cat(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    match args.len() {
        2 => {
            cx.client.reply.array(CATEGORIES.len());
            CATEGORIES.iter().for_each(|c| cx.client.reply.bulk_str(c));
        }
        3 => {
            let wanted = String::from_utf8_lossy(&args[2]).to_ascii_lowercase();
            if !CATEGORIES.contains(&wanted.as_str()) {
                return Err(CommandError::quoting(
                    "ERR Unknown category '{}'",
                    &[&args[2]],
                ));
            }
            let names = in_category(&wanted);
            cx.client.reply.array(names.len());
            names.iter().for_each(|n| cx.client.reply.bulk_str(n));
        }
        _ => return Err(CommandError::SYNTAX),
    }
    Ok(())
}

fn acl_dryrun(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if &args[2] != b"default" {
        return Err(CommandError::quoting(
            "ERR User '{}' not found",
            &[&args[2]],
        ));
    }
    let request = Args(args.from(3));
    let entry = table::find(request)
        .map_err(|_| CommandError::quoting("ERR Command '{}' not found", &[&args[3]]))?;
    if !entry.arity_fits(request.len()) {
        return Err(CommandError::arity(entry.name));
    }
    cx.client.reply.ok();
    Ok(())
}

fn acl_genpass(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let bits = match args.len() {
        2 => Ok(GENPASS_BITS),
        3 => args.int(2),
        _ => return Err(CommandError::SYNTAX),
    };
    let bits = Some(bits?).filter(|bits| (1..=4096).contains(bits));
    let bits = bits.ok_or(CommandError::fixed(
        "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
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
        _ => return Err(CommandError::SYNTAX),
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
        for (name, value) in [("reason", "auth"), ("context", "toplevel")] {
            reply.bulk_str(name);
            reply.bulk_str(value);
        }
        reply.bulk_str("object");
        reply.bulk(&entry.command);
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
            list.contains(&format!("user default on #{hash} ")),
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
