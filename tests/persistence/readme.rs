//! What the README tells a newcomer to type, and what it says comes back.

use crate::support::{client::Client, peers, server::free_port, wait::LONG, wait::wait_for};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Ends with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

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
    let server = Command::new(env!("CARGO_BIN_EXE_forebay-server"))
        .args(&words)
        .args(["--port", &port.to_string()])
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .spawn();
    let mut server = Running(server.unwrap());
    let address = format!("127.0.0.1:{port}");
    let mut client = wait_for("it serves the sample", LONG, || {
        assert_eq!(server.0.try_wait().unwrap(), None, "it stopped");
        let mut client = Client::connect(&address).ok()?;
        let loaded = client.try_cmd(&["DBSIZE"]).ok()?;
        (!loaded.is_error()).then_some(client)
    });
    let entered = fs::canonicalize(dir.path().join(samples)).unwrap();
    assert_eq!(client.config("dir"), entered.to_str().map(str::to_owned));

    let typed = session(&readme);
    assert!(typed.len() > 4, "{typed:?}");
    match peers::tool("redis-cli") {
        None => peers::skipped("redis-cli is not on PATH"),
        Some(cli) => {
            for (line, shown) in typed.iter().filter(|(_, shown)| !shown.is_empty()) {
                let mut ask = Command::new(&cli);
                ask.args(["--no-raw", "-p", &port.to_string()]);
                let out = ask.args(line.split(' ')).output().unwrap();
                assert_eq!(&String::from_utf8(out.stdout).unwrap(), shown, "{line}");
            }
        }
    }
    client.send(&["SHUTDOWN", "NOSAVE"]).unwrap();
    assert!(server.0.wait().unwrap().success());
}
