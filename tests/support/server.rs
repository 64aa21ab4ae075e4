//! One server process on a free loopback port, in a directory of its own, killed on drop.
//!
//! The same builder starts Forebay and every real server: they are given the same configuration
//! file. Saving is off, DEBUG is allowed and a diskless sync waits for nobody, unless a test says
//! otherwise.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::client::Client;
use super::filter::{self, Forbidden};
use super::peers;
use super::wait::{LONG, wait_for};

/// What each Forebay is given on its command line, beside the test's own configuration: `--io-threads 4` runs a whole
/// suite with I/O threads, except servers whose test chooses their number.
const ARGS: &str = "FOREBAY_TEST_ARGS";
/// How often a start is tried again when another process took the port in between.
const PORT_TRIES: usize = 5;

/// What to start, and how.
#[derive(Clone)]
pub struct Builder {
    name: String,
    binary: PathBuf,
    config: Vec<String>,
    environment: Vec<(String, String)>,
    dump: Option<PathBuf>,
    link_dump: bool,
    port: Option<u16>,
    password: Option<String>,
    survives_full_disk: bool,
    filter: Option<Forbidden>,
}

/// A running server.
pub struct Server {
    name: String,
    child: Child,
    port: u16,
    dir: TempDir,
    builder: Builder,
}

impl Builder {
    /// Any server binary; `name` is for messages and decides which defaults it knows.
    pub fn of(name: &str, binary: impl Into<PathBuf>) -> Builder {
        Builder {
            name: name.to_owned(),
            binary: binary.into(),
            config: Vec::new(),
            environment: Vec::new(),
            dump: None,
            link_dump: false,
            port: None,
            password: None,
            survives_full_disk: false,
            filter: None,
        }
    }

    /// The Forebay of this build.
    pub fn forebay() -> Builder {
        Builder::of("forebay", env!("CARGO_BIN_EXE_forebay-server"))
    }

    /// A real server by name; skips (see [`peers::require`]) where there is none.
    pub fn peer(name: &str) -> Option<Builder> {
        Some(Builder::of(name, peers::require(name)?))
    }

    /// `forebay`, or a peer by name.
    pub fn named(name: &str) -> Option<Builder> {
        if name == "forebay" {
            Some(Builder::forebay())
        } else {
            Builder::peer(name)
        }
    }

    /// One more line of the configuration file; a later line wins.
    pub fn config(mut self, line: impl Into<String>) -> Builder {
        self.config.push(line.into());
        self
    }

    /// An environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Builder {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts with a copy of this file as `dump.rdb`.
    pub fn dump(mut self, file: impl Into<PathBuf>) -> Builder {
        self.dump = Some(file.into());
        self
    }

    /// Starts with a hard link to this file as `dump.rdb`: for large files that only servers touch,
    /// which replace a dump and never write into it.
    pub fn link_dump(mut self, file: impl Into<PathBuf>) -> Builder {
        self.link_dump = true;
        self.dump(file)
    }

    /// Clients of the tests log in with it.
    pub fn password(mut self, password: &str) -> Builder {
        self.password = Some(password.to_owned());
        self
    }

    /// A fixed port instead of a free one.
    pub fn port(mut self, port: u16) -> Builder {
        self.port = Some(port);
        self
    }

    /// A real server takes a file that may grow no further as an error of the write, as Forebay does by itself.
    pub fn survives_full_disk(mut self) -> Builder {
        self.survives_full_disk = true;
        self
    }

    /// It may make only the system calls that a hardened unit allows.
    pub fn filtered(mut self, forbidden: Forbidden) -> Builder {
        self.filter = Some(forbidden);
        self
    }

    /// Follows `primary` from the start.
    pub fn replica_of(self, primary: &Server) -> Builder {
        self.config(format!("replicaof 127.0.0.1 {}", primary.port))
    }

    /// Starts the server and waits until it answers and has loaded its dump.
    ///
    /// # Panics
    /// When it exits instead, or is not ready in time; its log is shown.
    pub fn start(self) -> Server {
        self.start_within(LONG)
    }

    /// As [`Builder::start`], for loads that take longer than tests do.
    pub fn start_within(self, limit: Duration) -> Server {
        for _ in 0..PORT_TRIES {
            let mut server = self.spawn();
            match server.wait_ready(limit) {
                Ok(()) => return server,
                Err(log) if log.contains("Address already in use") => continue,
                Err(log) => panic!("{} did not start:\n{log}", server.name),
            }
        }
        panic!("{}: no free port in {PORT_TRIES} tries", self.name)
    }

    /// Starts a server that is expected to give up: its exit status and its log.
    pub fn start_failing(self) -> (ExitStatus, String) {
        let mut server = self.spawn();
        let status = wait_for(&format!("{} has exited", server.name), LONG, || {
            server.child.try_wait().expect("the child can be asked")
        });
        (status, server.log())
    }

    /// Starts the process and does not wait.
    pub fn spawn(&self) -> Server {
        let dir = tempfile::Builder::new().prefix("forebay-test-").tempdir();
        let dir = dir.expect("a temporary directory can be made");
        if let Some(dump) = &self.dump {
            let place = dir.path().join("dump.rdb");
            let linked = self.link_dump && fs::hard_link(dump, &place).is_ok();
            let placed = if linked {
                Ok(0)
            } else {
                fs::copy(dump, &place)
            };
            placed.unwrap_or_else(|e| panic!("copy {}: {e}", dump.display()));
        }
        self.spawn_in(dir)
    }

    fn spawn_in(&self, dir: TempDir) -> Server {
        let port = self.port.unwrap_or_else(free_port);
        fs::write(
            dir.path().join("server.conf"),
            self.config_text(dir.path(), port),
        )
        .expect("the configuration file can be written");
        let log = fs::File::options()
            .append(true)
            .create(true)
            .open(dir.path().join("server.log"))
            .expect("the log file can be made");
        let mut command = self.command();
        if let Some(forbidden) = self.filter {
            let program = filter::program(forbidden);
            // SAFETY: `install` makes two system calls and nothing else.
            unsafe { command.pre_exec(move || filter::install(&program)) };
        }
        let chosen = self.config.iter().any(|line| line.contains("io-threads"));
        let more = match self.name.as_str() {
            "forebay" if !chosen => std::env::var(ARGS).unwrap_or_default(),
            _ => String::new(),
        };
        let child = command
            .arg(dir.path().join("server.conf"))
            .args(more.split_whitespace())
            .envs(self.environment.iter().map(|(k, v)| (k, v)))
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log file can be shared"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|e| panic!("start {}: {e}", self.binary.display()));
        Server {
            name: self.name.clone(),
            child,
            port,
            dir,
            builder: self.clone(),
        }
    }

    fn command(&self) -> Command {
        if !self.survives_full_disk {
            return Command::new(&self.binary);
        }
        let mut shell = Command::new("sh");
        // Ignored signals stay ignored in what is executed.
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
        shell.arg(&self.binary);
        shell
    }

    fn config_text(&self, dir: &Path, port: u16) -> String {
        let mut lines = vec![
            format!("port {port}"),
            "bind 127.0.0.1".to_owned(),
            "save \"\"".to_owned(),
            "repl-diskless-sync-delay 0".to_owned(),
        ];
        if self.name != "redis-6.2" {
            lines.push("enable-debug-command yes".to_owned());
        }
        lines.push(format!("dir {}", dir.display()));
        lines.extend(self.config.iter().cloned());
        lines.join("\n") + "\n"
    }
}

impl Server {
    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:port`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `forebay`, or the name of the peer.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its directory: `dump.rdb`, `server.conf`, `server.log`.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Where it saves.
    pub fn dump_path(&self) -> PathBuf {
        self.dir().join("dump.rdb")
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        self.connect()
            .unwrap_or_else(|e| panic!("connect to {}: {e}\n{}", self.name, self.log()))
    }

    fn connect(&self) -> io::Result<Client> {
        let mut client = Client::connect(self.address())?;
        if let Some(password) = &self.builder.password {
            client.try_cmd(&["AUTH", password])?;
        }
        Ok(client)
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.dir().join("server.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until the log has a line with this text.
    pub fn wait_log(&self, text: &str) {
        wait_for(&format!("{} logs {text:?}", self.name), LONG, || {
            self.log().contains(text).then_some(())
        });
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("the child can be asked")
            .is_none()
    }

    /// Waits until it exits by itself.
    pub fn wait_exit(&mut self) -> ExitStatus {
        wait_for(&format!("{} has exited", self.name), LONG, || {
            self.child.try_wait().expect("the child can be asked")
        })
    }

    /// Ends it as a crash does; the directory stays.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal by its number.
    pub fn signal(&self, signal: i32) {
        let status = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.pid().to_string())
            .status()
            .expect("kill can be run");
        assert!(status.success(), "signal {signal} to {}", self.name);
    }

    /// No file of it may grow past so many bytes, as if the disk were full; `None` gives the room back. Real servers
    /// die of that unless [`Builder::survives_full_disk`].
    pub fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or("unlimited".to_owned(), |n| n.to_string());
        self.limit(&format!("--fsize={limit}:"));
    }

    /// It gets no descriptor from this number on; `None` gives back as many as a process may have here.
    pub fn limit_descriptors(&self, first: Option<usize>) {
        let most = || {
            let limits = fs::read_to_string(format!("/proc/{}/limits", self.pid()));
            let limits = limits.expect("the process runs");
            let line = limits
                .lines()
                .find(|line| line.starts_with("Max open files"));
            let hard = line.and_then(|line| line.split_whitespace().nth(4));
            hard.expect("soft and hard limit").to_owned()
        };
        let limit = first.map_or_else(most, |n| n.to_string());
        self.limit(&format!("--nofile={limit}:"));
    }

    /// It may map so many bytes more than it has mapped now; `None`: as many as it likes.
    pub fn limit_addresses(&self, more: Option<usize>) {
        let pages = fs::read_to_string(format!("/proc/{}/statm", self.pid()));
        let pages = pages.expect("the process runs");
        let pages: usize = pages
            .split(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .expect("a number");
        let limit = more.map_or("unlimited".to_owned(), |n| (pages * 4096 + n).to_string());
        self.limit(&format!("--as={limit}:"));
    }

    /// Bytes of memory that it may write to: mapped, touched or not.
    pub fn memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
        let kb = line.and_then(|line| line.split_whitespace().next());
        kb.and_then(|kb| kb.parse::<usize>().ok())
            .expect("a number")
            << 10
    }

    /// It may have so many bytes more of memory than it has now; `None`: as many as it likes.
    pub fn limit_memory(&self, more: Option<usize>) {
        let limit = more.map_or("unlimited".to_owned(), |n| (self.memory() + n).to_string());
        self.limit(&format!("--data={limit}:"));
    }

    /// Sets a limit of the process as `prlimit` takes it.
    fn limit(&self, limit: &str) {
        let status = Command::new("prlimit")
            .arg(format!("--pid={}", self.pid()))
            .arg(limit)
            .status()
            .expect("prlimit (util-linux) can be run");
        assert!(status.success(), "limit of {}", self.name);
    }

    /// Names of temporary files in its directory.
    pub fn temporary_files(&self) -> Vec<String> {
        let names = fs::read_dir(self.dir()).expect("it is there");
        let names = names.map(|f| f.expect("it can be read").file_name());
        let names = names.map(|name| name.to_string_lossy().into_owned());
        names.filter(|name| name.contains("temp")).collect()
    }

    /// Kills it and starts it again in the same directory, on the same port.
    pub fn restart(self) -> Server {
        self.restart_with(|builder| builder)
    }

    /// As [`Server::restart`], with the builder changed in between.
    pub fn restart_with(mut self, change: impl FnOnce(Builder) -> Builder) -> Server {
        self.kill();
        let mut builder = change(self.builder.clone());
        builder.port = Some(self.port);
        let fresh = tempfile::tempdir().expect("a temporary directory can be made");
        let dir = std::mem::replace(&mut self.dir, fresh);
        let mut server = builder.spawn_in(dir);
        if let Err(log) = server.wait_ready(LONG) {
            panic!("{} did not start again:\n{log}", server.name);
        }
        server
    }

    /// The next process in the same directory and on the same port, as `builder` says; it is not waited for. The
    /// process of before has ended, or is killed.
    pub fn start_again(&mut self, mut builder: Builder) {
        self.kill();
        builder.port = Some(self.port);
        let fresh = tempfile::tempdir().expect("a temporary directory can be made");
        let dir = std::mem::replace(&mut self.dir, fresh);
        let next = builder.spawn_in(dir);
        *self = next;
    }

    /// Waits until it answers and has loaded its data; the log where it exits instead.
    ///
    /// # Errors
    /// The log, when the process ended.
    pub fn wait_ready(&mut self, limit: Duration) -> Result<(), String> {
        let what = format!("{} on port {} is ready", self.name, self.port);
        wait_for(&what, limit, || {
            if !self.is_running() {
                return Some(Err(self.log()));
            }
            self.is_ready().then_some(Ok(()))
        })
    }

    fn is_ready(&self) -> bool {
        let ping = || -> io::Result<bool> {
            let mut client = Client::connect(self.address())?;
            client.set_reply_limit(Some(Duration::from_secs(5)));
            let reply = client.try_cmd(&["PING"])?;
            let text = reply.text().unwrap_or_default();
            Ok(!text.starts_with("LOADING"))
        };
        ping().unwrap_or(false)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!(
                "--- log of {} (port {}) ---\n{}",
                self.name,
                self.port,
                tail(&self.log(), 25)
            );
        }
    }
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// A loopback port that nobody listens on right now, and that nobody else is given: neither by this function
/// (servers that are started at once bind later) nor by the system, whose own choices lie above.
pub fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const PORTS: u32 = 22_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(7_919) % PORTS;
    for _ in 0..PORTS {
        let nth = GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = (FIRST + (start + nth) % PORTS) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("loopback has no free port");
}
