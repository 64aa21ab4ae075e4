//! Servers that are started for a measurement. Each has a directory of its own, which is removed with it.
//!
//!  * A server ends with its [`Process`]: when that is dropped, even if a panic unwinds, and through PR_SET_PDEATHSIG when
//!    this process is killed.
//!  * It is killed with its process group, so that a child that it has forked for a save is killed, too.
//!  * Its log uses UTC, and it saves nothing unless a sync requires it.

use super::client::{Client, Place};
use super::interrupt;
use super::plan::{Binary, Family};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tls::Connecting;
use tools::source::Trouble;

/// Between two looks at a server that starts.
const LOOK: Duration = Duration::from_millis(2);
/// How long a killed process may take to be gone.
const ENDING: Duration = Duration::from_secs(2);
/// Tries when another process takes the port that was free.
const PORT_TRIES: usize = 5;
/// Lines of a log that explain a failure.
const LOG_LINES: usize = 5;

/// Why a measurement stopped.
#[derive(Debug)]
pub enum Stop {
    /// Something is wrong, in words.
    Trouble(Trouble),
    /// A signal came.
    Signal(i32),
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Stop::Trouble(trouble)
    }
}

/// A trouble in words.
pub fn trouble(text: impl Into<String>) -> Stop {
    Stop::Trouble(Trouble(text.into()))
}

/// Goes on unless a signal came.
///
/// # Errors
/// The signal.
pub fn check_signal() -> Result<(), Stop> {
    match interrupt::signal() {
        Some(signal) => Err(Stop::Signal(signal)),
        None => Ok(()),
    }
}

/// Asks a program for its name and version.
///
/// # Errors
/// It is not there, may not be run, or is not a server that we know.
pub fn identify(path: &Path) -> Result<Binary, Trouble> {
    // By name it is looked for in PATH, as everything else that is started.
    let output = Command::new(path)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Trouble::io("run", path, &e))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let unknown = || {
        let first = printed.lines().next().unwrap_or("nothing").to_owned();
        Trouble(format!(
            "{} is no Redis, Valkey or Forebay server: --version says {first:?}",
            path.display()
        ))
    };
    Binary::parse(path.to_owned(), printed.trim()).ok_or_else(unknown)
}

/// What a server is started with.
#[derive(Debug)]
pub struct Setup<'a> {
    /// For messages: "master of redis-7.0".
    pub role: String,
    /// The program.
    pub binary: &'a Binary,
    /// Below this it gets its directory.
    pub base: &'a Path,
    /// Loaded at the start.
    pub dump: Option<&'a Path>,
    /// Lines of its configuration.
    pub config: Vec<String>,
    /// A given port, which must be free.
    pub port: Option<u16>,
    /// How long it may take until it answers with its data loaded.
    pub patience: Duration,
    /// Clients and replicas reach it by TLS.
    pub tls: Option<&'a Encrypted>,
}

/// What servers are started with that are reached by TLS.
#[derive(Clone, Debug)]
pub struct Encrypted {
    /// How they are reached.
    pub connecting: Connecting,
    /// Lines of their configuration: certificates and authorities.
    pub lines: Vec<String>,
}

/// A running server.
#[derive(Debug)]
pub struct Process {
    role: String,
    child: Child,
    port: u16,
    tls: Option<Connecting>,
    dir: PathBuf,
    family: Family,
}

impl Process {
    /// Starts it and waits until it has its data.
    ///
    /// # Errors
    /// It does not start, exits, or takes too long; a signal.
    pub fn start(setup: &Setup<'_>) -> Result<Process, Stop> {
        let mut tries = PORT_TRIES;
        loop {
            let mut process = Process::spawn(setup)?;
            let taken = match process.wait_ready(setup.patience) {
                Ok(()) => return Ok(process),
                Err(stop) => {
                    let taken = process.log_tail().contains("Address already in use");
                    (taken, stop)
                }
            };
            tries -= 1;
            match taken {
                (true, _) if setup.port.is_none() && tries > 0 => {}
                (_, stop) => return Err(stop),
            }
        }
    }

    fn spawn(setup: &Setup<'_>) -> Result<Process, Stop> {
        check_signal()?;
        let port = match setup.port {
            Some(port) => given_port(port)?,
            None => free_port()?,
        };
        let dir = tempfile::Builder::new()
            .prefix("server-")
            .tempdir_in(setup.base)
            .map_err(|e| Trouble::io("make a directory in", setup.base, &e))?
            .keep();
        if let Some(dump) = setup.dump {
            let place = dir.join("dump.rdb");
            // Servers replace a dump, they never write into it: a link does, where one can be made.
            if fs::hard_link(dump, &place).is_err() {
                fs::copy(dump, &place).map_err(|e| Trouble::io("copy the dump to", &place, &e))?;
            }
        }
        let mut lines = vec![
            "bind 127.0.0.1".into(),
            "save \"\"".into(),
            "appendonly no".into(),
            "loglevel notice".into(),
            "logfile server.log".into(),
            format!("dir \"{}\"", dir.display()),
        ];
        if setup.binary.family == Family::Forebay {
            lines.push("log-timestamp-format iso8601".into());
        }
        match setup.tls {
            None => lines.push(format!("port {port}")),
            Some(tls) => {
                lines.extend(["port 0".into(), format!("tls-port {port}")]);
                lines.push("tls-replication yes".into());
                lines.extend(tls.lines.iter().cloned());
            }
        }
        lines.extend(setup.config.iter().cloned());
        let conf = dir.join("server.conf");
        fs::write(&conf, lines.join("\n") + "\n").map_err(|e| Trouble::io("write", &conf, &e))?;
        let out = fs::File::create(dir.join("output"));
        let out = out.map_err(|e| Trouble::io("write", &dir.join("output"), &e))?;
        let err = out.try_clone().map_err(|e| trouble(e.to_string()))?;
        let mut command = Command::new(&setup.binary.path);
        command
            .arg(&conf)
            .current_dir(&dir)
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err);
        interrupt::die_with_parent(&mut command);
        let child = command
            .spawn()
            .map_err(|e| Trouble::io("start", &setup.binary.path, &e))?;
        Ok(Process {
            role: setup.role.clone(),
            child,
            port,
            tls: setup.tls.map(|tls| tls.connecting.clone()),
            dir,
            family: setup.binary.family,
        })
    }

    fn wait_ready(&mut self, patience: Duration) -> Result<(), Stop> {
        let began = Instant::now();
        loop {
            check_signal()?;
            self.check_alive()?;
            if self.is_ready() {
                return Ok(());
            }
            if began.elapsed() > patience {
                return Err(trouble(format!(
                    "the {} was not ready after {} s{}",
                    self.role,
                    patience.as_secs(),
                    self.log_tail()
                )));
            }
            std::thread::sleep(LOOK);
        }
    }

    fn is_ready(&self) -> bool {
        let Ok(mut client) = Client::connect(&self.place()) else {
            return false;
        };
        let info = client.info("persistence");
        info.is_ok_and(|i| i.number("loading") == Some(0))
    }

    /// An error if it has ended.
    ///
    /// # Errors
    /// How it ended, with the end of its log.
    pub fn check_alive(&mut self) -> Result<(), Stop> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(trouble(format!(
                "the {} ended ({status}){}",
                self.role,
                self.log_tail()
            ))),
            Err(e) => Err(trouble(format!("the {}: {e}", self.role))),
        }
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        Place {
            address: format!("127.0.0.1:{}", self.port),
            tls: self.tls.clone(),
        }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whose program it is.
    pub fn family(&self) -> Family {
        self.family
    }

    /// For messages.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// A connection.
    ///
    /// # Errors
    /// It takes none.
    pub fn client(&self) -> Result<Client, Stop> {
        let connected = Client::connect(&self.place());
        connected.map_err(|e| trouble(format!("cannot connect to the {}: {e}", self.role)))
    }

    /// Its log.
    pub fn log(&self) -> LogFile {
        LogFile {
            path: self.dir.join("server.log"),
        }
    }

    /// The last lines of its log, for a message; with what it printed when there is no log.
    pub fn log_tail(&self) -> String {
        let read = |name: &str| fs::read(self.dir.join(name)).unwrap_or_default();
        let mut bytes = read("server.log");
        if bytes.is_empty() {
            bytes = read("output");
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
        let tail = &lines[lines.len().saturating_sub(LOG_LINES)..];
        match tail.is_empty() {
            true => String::new(),
            false => format!("; its log ends with:\n    {}", tail.join("\n    ")),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        interrupt::kill_group(self.child.id());
        // Both may say that it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // What it forked is not a child of ours: its end can only be watched.
        let killed = Instant::now();
        while interrupt::group_exists(self.child.id()) && killed.elapsed() < ENDING {
            std::thread::sleep(LOOK);
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A port that is free and was not given before: the server that got it may not have bound it yet.
fn free_port() -> Result<u16, Stop> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(|e| e.into_inner());
    for _ in 0..1000 {
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr());
        let port = port.map_err(|e| trouble(format!("no free port: {e}")))?;
        if given.insert(port.port()) {
            return Ok(port.port());
        }
    }
    Err(trouble("no free port"))
}

fn given_port(port: u16) -> Result<u16, Stop> {
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Ok(port),
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
            Err(trouble(format!("port {port} is taken by another process")))
        }
        Err(e) => Err(trouble(format!("port {port}: {e}"))),
    }
}

/// A log that is read from some place on.
#[derive(Clone, Debug)]
pub struct LogFile {
    path: PathBuf,
}

impl LogFile {
    /// A log of a server that was not started by us.
    pub fn at(path: PathBuf) -> LogFile {
        LogFile { path }
    }

    /// Where it ends now.
    pub fn end(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |m| m.len())
    }

    /// What it holds from `from` on; nothing where it cannot be read.
    pub fn since(&self, from: u64) -> crate::sync_log::Log {
        let read = || -> io::Result<_> {
            let mut file = fs::File::open(&self.path)?;
            file.seek(SeekFrom::Start(from))?;
            crate::sync_log::Log::from_reader(file.take(64 << 20))
        };
        read().unwrap_or_default()
    }
}
