//! The entry point of the image, with stand-ins for the programs that it calls.

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
