//! The entry point of the image, with stand-ins for the programs that it calls; its health check; and what its file names.

use crate::support::peers;
use crate::support::server::Builder;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const ENTRY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/docker-entrypoint.sh");

/// A folder of programs that print what they are called with, one argument a line.
fn stand_ins(dir: &Path, user: &str) {
    let program = |name: &str, text: String| {
        let path = dir.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
    };
    for name in ["forebay-server", "redis-server", "setpriv", "find", "tool"] {
        program(
            name,
            format!("for word in {name} \"$@\"; do echo \"$word\"; done"),
        );
    }
    program("id", format!("echo {user}"));
}

fn called(user: &str, args: &[&str], file: &str) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a directory");
    stand_ins(dir.path(), user);
    fs::write(dir.path().join("redis.conf"), file).expect("written");
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    let output = Command::new("sh")
        .arg(ENTRY)
        .args(args)
        .env("PATH", path)
        .current_dir(dir.path())
        .output()
        .expect("sh runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn options_or_a_file_alone_mean_the_server() {
    const OPEN: [&str; 2] = ["--protected-mode", "no"];
    let server = |program: &str, args: &[&str]| -> Vec<String> {
        let words = std::iter::once(&program).chain(args);
        words.map(|word| (*word).to_owned()).collect()
    };
    for (args, file, expected) in [
        (&[][..], "", server("forebay-server", &OPEN)),
        (
            &["--requirepass", "a b"],
            "",
            server(
                "forebay-server",
                &["--protected-mode", "no", "--requirepass", "a b"],
            ),
        ),
        (
            &["redis-server", "--appendonly", "yes"],
            "",
            server(
                "redis-server",
                &["--protected-mode", "no", "--appendonly", "yes"],
            ),
        ),
        (
            &["redis.conf", "--port", "1"],
            "hz 10\n",
            server(
                "forebay-server",
                &["redis.conf", "--protected-mode", "no", "--port", "1"],
            ),
        ),
        (
            &["redis-server", "redis.conf"],
            " protected-mode yes\n",
            server("redis-server", &["redis.conf"]),
        ),
        (&["--version"], "", server("forebay-server", &["--version"])),
        (&["tool", "-x"], "", server("tool", &["-x"])),
    ] {
        assert_eq!(called("999", args, file), expected, "{args:?}");
    }
}

#[test]
fn a_container_of_roots_gives_its_data_away_and_drops_its_privileges() {
    let called = called("0", &["--appendonly", "yes"], "");
    let find = [
        "find",
        ".",
        "!",
        "-user",
        "redis",
        "-exec",
        "chown",
        "redis:redis",
        "{}",
        "+",
    ];
    assert_eq!(called[..find.len()], find);
    let rest = &called[find.len()..];
    assert_eq!(
        rest[..4],
        ["setpriv", "--reuid=redis", "--regid=redis", "--init-groups"]
    );
    assert_eq!(rest[4..], [ENTRY, "forebay-server", "--appendonly", "yes"]);
}

/// The instructions of the Dockerfile, each in one line.
fn instructions() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("contrib/Dockerfile")).expect("it is there");
    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let joined = kept.join("\n").replace("\\\n", " ");
    let lines = joined.lines().filter(|line| !line.trim().is_empty());
    let split = |line: &str| {
        let (name, rest) = line.split_once(' ').expect("an instruction has a value");
        (name.to_owned(), rest.trim().to_owned())
    };
    lines.map(split).collect()
}

#[test]
fn what_the_image_is_made_of_is_there_and_shells_can_read_its_steps() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, value) in instructions() {
        match name.as_str() {
            "RUN" => {
                let read = Command::new("sh").args(["-n", "-c", &value]).output();
                assert!(read.expect("sh runs").status.success(), "{value}");
            }
            "COPY" if !value.contains("--from=") => {
                let words = value
                    .split_whitespace()
                    .filter(|word| !word.starts_with("--"));
                let words: Vec<&str> = words.collect();
                for source in &words[..words.len() - 1] {
                    assert!(root.join(source).exists(), "{source}");
                }
            }
            "FROM" | "WORKDIR" | "COPY" | "VOLUME" | "EXPOSE" | "HEALTHCHECK" => {}
            // A list, or it would run in a shell that gets the signals.
            "ENTRYPOINT" | "CMD" => assert!(value.starts_with("[\""), "{value}"),
            other => panic!("{other} is no instruction that this test knows"),
        }
    }
    // The package brings a user of its own if there is none.
    let run = instructions()
        .into_iter()
        .find(|(name, run)| name == "RUN" && run.contains("useradd"));
    let (_, run) = run.expect("there is a user");
    assert!(run.find("useradd") < run.find("apt-get install"), "{run}");
}

#[test]
fn the_health_check_finds_servers_that_live() {
    let check = instructions()
        .into_iter()
        .find(|(name, _)| name == "HEALTHCHECK");
    let (_, check) = check.expect("there is one");
    let (_, command) = check.split_once("CMD ").expect("it has a command");
    let Some(cli) = peers::tool("redis-cli") else {
        return peers::skipped("there is no redis-cli on this machine");
    };
    let path = format!(
        "{}:/usr/bin:/bin",
        cli.parent().expect("a folder").display()
    );
    let is_well = |port: u16| {
        let mut sh = Command::new("sh");
        sh.args(["-c", command])
            .env("PATH", &path)
            .env("REDIS_PORT", port.to_string());
        sh.status().expect("sh runs").success()
    };
    let mut server = Builder::forebay().start();
    assert!(is_well(server.port()));
    server.client().ok("CONFIG SET requirepass secret");
    assert!(is_well(server.port()));
    server.kill();
    assert!(!is_well(server.port()));
}
