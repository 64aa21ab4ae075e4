//! What the README tells a newcomer to type, and what it says comes back.

use crate::by_hand::ByHand;
use crate::support::{peers, server::free_port};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Prompts with what is typed at them, and the lines that the README shows below each.
fn session(readme: &str) -> Vec<(String, String)> {
    let mut typed: Vec<(String, String)> = Vec::new();
    let from = readme.find("127.0.0.1:6379> ").expect("a session is shown");
    for line in readme[from..].lines().take_while(|l| *l != "```") {
        match line.strip_prefix("127.0.0.1:6379> ") {
            Some(command) => typed.push((command.into(), String::new())),
            None => {
                let shown = &mut typed.last_mut().expect("begins with a prompt").1;
                shown.push_str(line);
                shown.push('\n');
            }
        }
    }
    typed
}

#[test]
fn the_first_command_serves_the_sample_and_the_session_goes_as_shown() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let prefix = "cargo run --release -- ";
    let command = readme.lines().find_map(|l| l.strip_prefix(prefix)).unwrap();
    let words: Vec<&str> = command.split(' ').collect();
    let ["--dir", samples, "--dbfilename", dump] = words[..] else {
        panic!("another first command: {command}");
    };

    // A copy, since the session saves.
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join(samples)).unwrap();
    let sample = Path::new(samples).join(dump);
    fs::copy(root.join(&sample), dir.path().join(&sample)).unwrap();
    let port = free_port();
    let number = port.to_string();
    let args = [&words[..], &["--port", &number]].concat();
    let (server, mut client) = ByHand::start(dir.path(), &args, port);
    let entered = fs::canonicalize(dir.path().join(samples)).unwrap();
    assert_eq!(client.config("dir"), entered.to_str().map(str::to_owned));

    let typed = session(&readme);
    assert!(typed.len() > 4, "{typed:?}");
    match peers::tool("redis-cli") {
        None => peers::skipped("redis-cli is not on PATH"),
        Some(cli) => {
            for (line, shown) in typed.iter().filter(|(_, shown)| !shown.is_empty()) {
                let mut ask = Command::new(&cli);
                ask.args(["--no-raw", "-p", &number]);
                let out = ask.args(line.split(' ')).output().unwrap();
                assert_eq!(&String::from_utf8(out.stdout).unwrap(), shown, "{line}");
            }
        }
    }
    assert!(server.shut_down(&mut client).success());
}
