//! Startup, from the command line to a server that accepts connections.
//!
//! The order is: configuration -> log -> background -> limits -> listeners -> (clients can connect and are answered
//! -LOADING) -> dump -> ready. A failure in any of these steps ends the process with a reason and leaves the files as
//! they are.

use super::process::{self, pid_file, raise_limits};
use super::state::Server;
use super::syslog::Syslog;
use super::tls_files::TlsFiles;
use super::{
    allocator, append, append_load, cpus, crash, cron, daemon, huge_pages, listen, log, persist,
    repl, rewrite_file, shutdown, supervisor, syslog, title, tls_files, users,
};
use base::secret::Secrets;
use base::{REDIS_VERSION, VERSION, reserve};
use config::choices::{AclPubsub, Supervised};
use config::load::{ConfigError, Files, Line, Loaded, Outcome, Verdict, check, command_line, load};
use config::{Config, load as config_load};
use disk::{Machine, directory_of};
use engine::acl::{Defaults, Users};
use engine::table;
use flow::boot::{self, First, FoundLog};
use keyspace::{TooLate, set_member_key};
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use tokio::runtime::{Builder, LocalOptions};

const USAGE: &str = "\
Usage: forebay-server [/path/to/redis.conf] [options] [-]
       forebay-server - (read config from stdin)
       forebay-server -v or --version
       forebay-server -h or --help
       forebay-server --check-config [/path/to/redis.conf] [options] [-]

Examples:
       forebay-server (run the server with default conf)
       echo 'maxmemory 128mb' | forebay-server -
       forebay-server /etc/redis/6379.conf
       forebay-server --port 7777
       forebay-server --port 7777 --replicaof 127.0.0.1 8888
       forebay-server /etc/myredis.conf --loglevel verbose -
       forebay-server /etc/myredis.conf --loglevel verbose
";

/// What the command line says, less the program's name.
#[derive(Debug, Default, PartialEq, Eq)]
struct CommandLine {
    file: Option<String>,
    stdin: bool,
    options: Vec<String>,
}

impl CommandLine {
    fn parse(mut args: Vec<String>) -> Self {
        let mut line = CommandLine::default();
        if args.last().is_some_and(|a| a == "-") {
            args.pop();
            line.stdin = true;
        } else if args.first().is_some_and(|a| a == "-") {
            args.remove(0);
            line.stdin = true;
        }
        if args.first().is_some_and(|a| !a.starts_with("--")) {
            line.file = Some(args.remove(0));
        }
        line.options = args;
        line
    }
}

/// Runs the server until it is shut down; `args` are the command line without the program's name.
pub fn run(args: Vec<String>) -> ExitCode {
    match args.first().map(String::as_str) {
        Some("-v" | "--version") => {
            println!("Forebay server v={VERSION} redis={REDIS_VERSION} malloc=jemalloc bits=64");
            return ExitCode::SUCCESS;
        }
        Some("-h" | "--help") => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some("--print-config-doc") => {
            print!("{}", config::document());
            return ExitCode::SUCCESS;
        }
        Some("--check-config") => {
            let line = CommandLine::parse(args[1..].to_vec());
            return check_config(&line, &mut io::stdout());
        }
        _ => {}
    }
    if args.first().is_some_and(|arg| arg == "--test-memory") {
        eprintln!(
            "Forebay does not test the machine's memory. Use memtester for that, or memtest86+ from a boot medium."
        );
        return ExitCode::FAILURE;
    }
    if args.iter().any(|arg| arg == "--sentinel") {
        eprintln!(
            "Forebay is no Sentinel. Run redis-sentinel or valkey-sentinel with this configuration file: they watch Forebay servers as they watch those of Redis."
        );
        return ExitCode::FAILURE;
    }
    log::install();
    crash_rather_than_limp();
    match start(&CommandLine::parse(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Config(error @ ConfigError::File { .. })) => {
            tracing::warn!("{error}");
            ExitCode::FAILURE
        }
        Err(Stop::Config(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        Err(Stop::Other(text)) => {
            tracing::warn!("{text}");
            ExitCode::FAILURE
        }
    }
}

/// A panic on the thread that owns the keyspace, or on one that owns connections, ends the process: its work is half
/// done, and a supervisor can start the server again from its dump. On other threads a panic is a failure of their work, which is reported to the
/// thread that waits for it.
fn crash_rather_than_limp() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        report(info);
        let thread = std::thread::current();
        let serves = |name: &str| name == "main" || name.starts_with(super::io::NAME);
        if thread.name().is_some_and(serves) {
            tracing::warn!("Forebay {VERSION} crashed: {info}");
            std::process::abort();
        }
    }));
}

/// Why there is no server.
enum Stop {
    Config(ConfigError),
    Other(String),
}

impl From<String> for Stop {
    fn from(text: String) -> Self {
        Stop::Other(text)
    }
}

fn start(line: &CommandLine) -> Result<(), Stop> {
    let config_file = match &line.file {
        Some(path) => Some(std::path::absolute(path).map_err(|e| e.to_string())?),
        None => None,
    };
    let loaded = read_config(line, config_file.as_deref()).map_err(Stop::Config)?;
    install_commands(&loaded.renames).map_err(Stop::Config)?;
    let defaults = defaults_of_users(&loaded.config);
    let users = users::of_lines(&loaded.config, &loaded.users, defaults);
    let users = match users {
        Err(users::Fault::Config(error)) => return Err(Stop::Config(error)),
        other => other,
    };
    let Loaded {
        mut config,
        warnings,
        ..
    } = loaded;
    super::delay::set_while_loading(config.key_load_delay);
    super::delay::set_while_saving(config.rdb_key_save_delay);
    log::set_level(config.loglevel);
    log::set_timestamp(config.log_timestamp_format);
    base::user_data::hide(config.hide_user_data_from_log);
    log::set_file(&config.logfile).map_err(|e| {
        let reason = crate::strerror(&e);
        Stop::Other(format!("Can't open the log file: {reason}"))
    })?;
    let supervised = supervised(&config);
    if config.daemonize && supervised == Supervised::No {
        daemon::daemonize().map_err(|e| format!("Can't go into the background: {e}"))?;
    }
    if config.syslog_enabled {
        let (ident, facility) = (&config.syslog_ident, config.syslog_facility);
        log::set_syslog(Syslog::new(syslog::SOCKET, ident, facility));
    }
    crash::set_enabled(config.crash_log_enabled);
    crash::install();
    announce(line, &warnings);
    if raise_limits(&mut config, true).is_err() {
        return Err(Stop::Other("Your current 'ulimit -n' is not enough for the server to start. Please increase your open file limit. Exiting.".into()));
    }
    daemon::ignore_signals();
    // SAFETY: this is the only thread so far; the arguments are read, and no reference to the environment is held.
    unsafe { title::take_over(std::env::args().next().unwrap_or_default()) };
    cpus::confine(&config);
    huge_pages::apply(&config);
    allocator::give_back_in_background();
    if !keyspace::reserve::fill() {
        let why = reserve::first().map_or(String::new(), |refusal| refusal.to_string());
        tracing::warn!("The memory reserve cannot be filled: {why}");
    }
    if super::priority::calls_are_filtered() {
        tracing::info!(
            "System calls are filtered (seccomp): the priorities of threads are left as they are."
        );
    }
    super::priority::serving();
    warn_about_backlog(&config);
    if config.daemonize || !config.pidfile.is_empty() {
        // As the reference server: not having it is no reason to stop.
        let _ = fs::write(pid_file(&config), format!("{}\n", std::process::id()));
    }
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .map_err(|e| format!("Can't start the runtime: {e}"))?;
    let users = users.map_err(|fault| match fault {
        users::Fault::Config(error) => Stop::Config(error),
        users::Fault::Other(mut lines) => {
            let last = lines.pop().unwrap_or_default();
            lines.iter().for_each(|line| tracing::warn!("{line}"));
            Stop::Other(last)
        }
    })?;
    runtime.block_on(serve(config, users, config_file, supervised))
}

/// Binds, loads, serves.
async fn serve(
    config: Config,
    users: Users,
    config_file: Option<PathBuf>,
    supervised: Supervised,
) -> Result<(), Stop> {
    log::set_role(match config.replicaof {
        Some(_) => log::Role::Replica,
        None => log::Role::Primary,
    });
    let signals = shutdown::Signals::take_over().map_err(|e| format!("Can't take signals: {e}"))?;
    tracing::info!("monotonic clock: POSIX clock_gettime");
    let port = match config.port {
        0 => config.tls_port,
        port => port,
    };
    tracing::info!("Running mode=standalone, port={port}.");
    let certificates = TlsFiles::default();
    certificates
        .configure(&config)
        .map_err(|_| Stop::Other("Failed to configure TLS. Check logs for more info.".into()))?;
    let bind = |port: i64, kind: &str| {
        listen::bind_tcp(&config, port).map_err(|text| {
            tracing::warn!("{text}");
            format!("Failed listening on port {port} ({kind}), aborting.")
        })
    };
    let tcp = bind(config.port, "tcp")?;
    let tls = bind(config.tls_port, "tls")?;
    let unix = listen::bind_unix(&config).map_err(|e| {
        let reason = crate::strerror(&e);
        format!("Failed opening Unix socket: bind: {reason}")
    })?;
    if tcp.is_empty() && tls.is_empty() && unix.is_none() {
        return Err(Stop::Other(
            "Configured to not listen anywhere, exiting.".into(),
        ));
    }
    let kinds: Vec<&str> = (!tcp.is_empty())
        .then_some("tcp")
        .into_iter()
        .chain(unix.is_some().then_some("unix"))
        .chain((!tls.is_empty()).then_some("tls"))
        .collect();
    let no_secrets = |error| format!("The system has no random numbers: {error}");
    let mut secrets = Secrets::of_the_system().map_err(no_secrets)?;
    set_member_key(secrets.hash_key())
        .map_err(|TooLate| Stop::Other("A member was hashed before the key was set.".into()))?;
    let server = Server::new(config, secrets);
    server.with_engine(|engine| {
        engine.users = users;
        users::load_file(engine)
    })?;
    tokio::task::spawn_local(shutdown::watch_signals(server.clone(), signals));
    server
        .shell
        .supervised
        .set(supervised == Supervised::Systemd);
    if supervised == Supervised::Systemd {
        supervisor::supervised();
    }
    server.shell.tls.take(certificates);
    let threads = server.io.start(&server.engine.borrow());
    if threads.map_err(|e| format!("Can't start an I/O thread: {}", crate::strerror(&e)))? {
        tokio::task::spawn_local(super::io::remote::serve(server.clone()));
    }
    open(&server, tcp, tls, unix, config_file).map_err(|e| e.to_string())?;
    server.with_engine(|engine| server.shell.show_title(engine));
    tracing::info!("Server initialized");
    tokio::task::spawn_local(cron::run(server.clone()));
    tokio::task::spawn_local(server.clone().watch_deadlines());
    tokio::task::spawn_local(tls_files::watch(
        {
            let server = server.clone();
            move || tls_files::Watched::of(&server.engine.borrow().config, &server.shell.tls)
        },
        {
            let server = server.clone();
            move |new| server.shell.tls.take(new)
        },
    ));
    tokio::task::spawn_local(server.clone().drive_scripts());
    let source = super::dial::source(&server.engine.borrow().config.bind_source_addr);
    server.shell.source.set(source);
    remove_leftovers(&server);
    load_data(&server).await?;
    tokio::task::spawn_local(repl::run(server.clone()));
    for kind in kinds {
        tracing::info!("Ready to accept connections {kind}");
    }
    server.shell.ready.set(true);
    if supervised == Supervised::Systemd {
        let replica = server.engine.borrow().config.replicaof.is_some();
        supervisor::notify(match replica {
            true => {
                "READY=1\nSTATUS=Ready to accept connections in read-only mode. Waiting for MASTER <-> REPLICA sync\n"
            }
            false => "READY=1\nSTATUS=Ready to accept connections\n",
        });
    }
    // SHUTDOWN and signals end the process.
    std::future::pending().await
}

/// What a new user may do; the commands are in their table.
fn defaults_of_users(config: &Config) -> Defaults {
    Defaults {
        all_channels: config.acl_pubsub_default == AclPubsub::Allchannels,
        commands: table::count(),
    }
}

/// Puts the commands into their table, under the names that `rename-command` lines give them.
fn install_commands(renames: &[Line]) -> Result<(), ConfigError> {
    let words = |line: &Line, at: usize| String::from_utf8_lossy(&line.words[at]).into_owned();
    let pairs: Vec<(String, String)> = renames
        .iter()
        .map(|line| (words(line, 0), words(line, 1)))
        .collect();
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(old, new)| (old.as_str(), new.as_str()))
        .collect();
    let done = table::install_renamed(commands::FAMILIES, &pairs);
    done.map_err(|(at, reason)| renames[at].wrong(reason.into()))
}

/// Removes the temporary files of processes that were killed, as far as this server would have made them.
fn remove_leftovers(server: &Server) {
    server.with_engine(|engine| server.persistence.clear_leftovers(engine));
    if let Some(path) = server.shell.config_file.get() {
        // If a directory cannot be read, CONFIG REWRITE reports that.
        let _ = disk::remove_leftovers(&Machine, directory_of(path), rewrite_file::TEMPORARY);
    }
    let acl_file = server.engine.borrow().config.aclfile.clone();
    if !acl_file.is_empty() {
        let directory = directory_of(Path::new(&acl_file));
        let _ = disk::remove_leftovers(&Machine, directory, rewrite_file::TEMPORARY);
    }
}

/// Loads the append-only file, or the dump, takes the part in replication that these and the configuration say, and
/// begins to write the append-only file if it is on.
async fn load_data(server: &Rc<Server>) -> Result<(), String> {
    tokio::task::spawn_local(append::follow(server.clone()));
    let first = server.with_engine(|engine| boot::first(&Machine, engine));
    let (loaded, without) = match first {
        First::Log(place) => (
            append_load::load_at_start(server, place).await?,
            FoundLog::Missing,
        ),
        First::Dump => (None, FoundLog::Unwanted),
    };
    let (log, restored) = match loaded {
        Some((log, restored)) => (FoundLog::Loaded(Box::new(log)), restored),
        None => {
            let dump = persist::load_at_start(&server.persistence, server).await?;
            (without, dump)
        }
    };
    server.with_engine(|engine| boot::begin(engine, &server.append, restored, log))
}

fn open(
    server: &Rc<Server>,
    tcp: Vec<std::net::TcpListener>,
    tls: Vec<std::net::TcpListener>,
    unix: Option<std::os::unix::net::UnixListener>,
    config_file: Option<PathBuf>,
) -> io::Result<()> {
    if let Some(path) = config_file {
        let _ = server.shell.config_file.set(path);
    }
    let mut listeners = server.shell.listeners.borrow_mut();
    listeners.serve_tcp(server, tcp)?;
    listeners.serve_tls(server, tls)?;
    match unix {
        Some(unix) => listeners.serve_unix(server, unix),
        None => Ok(()),
    }
}

fn announce(line: &CommandLine, warnings: &[String]) {
    let pid = std::process::id();
    tracing::info!("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
    tracing::info!(
        "Redis version={REDIS_VERSION}, bits=64, commit=00000000, modified=0, pid={pid}, just started"
    );
    if line.file.is_none() && !line.stdin && line.options.is_empty() {
        tracing::warn!(
            "Warning: no config file specified, using the default config. In order to specify a config file use forebay-server /path/to/redis.conf"
        );
    } else {
        tracing::info!("Configuration loaded");
    }
    tracing::info!("Forebay version={VERSION}, serving as Redis {REDIS_VERSION}. PID: {pid}");
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

/// Where a server's directives come from, in the order in which they count.
struct Texts {
    file: String,
    stdin: String,
    options: String,
}

fn read_texts(line: &CommandLine, file: Option<&Path>) -> Result<Texts, ConfigError> {
    let mut texts = Texts {
        file: String::new(),
        stdin: String::new(),
        options: command_line(&line.options),
    };
    if let Some(path) = file {
        let read = RealFiles.read(&path.to_string_lossy());
        texts.file = read.map_err(|reason| ConfigError::File {
            path: path.display().to_string(),
            reason,
        })?;
    }
    if line.stdin {
        // Lines that are not UTF-8 are refused one by one later.
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes);
        read.map_err(|e| ConfigError::File {
            path: "-".into(),
            reason: e.to_string(),
        })?;
        texts.stdin = String::from_utf8_lossy(&bytes).into_owned();
    }
    Ok(texts)
}

fn read_config(line: &CommandLine, file: Option<&Path>) -> Result<Loaded, ConfigError> {
    let Texts {
        file,
        stdin,
        options,
    } = read_texts(line, file)?;
    let mut loaded = load(&[file, stdin, options].join("\n"), &mut RealFiles)?;
    let entered = process::enter(&loaded.config.dir);
    loaded.config.dir = entered.map_err(|reason| config_load::ConfigError::Line {
        number: 0,
        text: format!("dir {}", loaded.config.dir),
        reason,
    })?;
    Ok(loaded)
}

/// Judges each line that a start with this command line would read; fails if the server would not start.
fn check_config(line: &CommandLine, out: &mut dyn Write) -> ExitCode {
    let path = line.file.as_deref();
    let texts = match read_texts(line, path.map(Path::new)) {
        Ok(texts) => texts,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let sources = [
        (path.unwrap_or_default(), texts.file.as_str()),
        ("standard input", &texts.stdin),
        ("command line", &texts.options),
    ];
    let (verdicts, loaded) = check(&sources, &mut RealFiles);
    for verdict in &verdicts {
        let Verdict {
            source,
            number,
            directive,
            ..
        } = verdict;
        let outcome = match &verdict.outcome {
            Outcome::Works => "works".to_owned(),
            Outcome::NoEffect => "no effect".to_owned(),
            Outcome::Unknown => "unknown".to_owned(),
            Outcome::Refused(why) => format!("refused: {why}"),
            Outcome::Wrong(why) => format!("wrong: {why}"),
        };
        if writeln!(out, "{source}:{number}: {directive}: {outcome}").is_err() {
            // Who reads has seen enough; the exit code is for all lines.
            break;
        }
    }
    let users = install_commands(&loaded.renames).and_then(|()| {
        let defaults = defaults_of_users(&loaded.config);
        match users::of_lines(&loaded.config, &loaded.users, defaults) {
            Err(users::Fault::Config(error)) => Err(error),
            // A file of users is read by a start.
            _ => Ok(()),
        }
    });
    if let Err(error) = &users {
        eprintln!("{error}");
    }
    match users.is_ok() && verdicts.iter().all(|v| v.outcome.is_accepted()) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

struct RealFiles;

impl Files for RealFiles {
    fn read(&mut self, path: &str) -> Result<String, String> {
        fs::read_to_string(path).map_err(|e| super::strerror(&e))
    }

    fn glob(&mut self, pattern: &str) -> Vec<String> {
        glob_files(pattern)
    }

    fn enter(&mut self, dir: &str) -> Result<String, String> {
        process::enter(dir)
    }
}

/// The files whose path matches, part by part, in order.
fn glob_files(pattern: &str) -> Vec<String> {
    let mut found = vec![match pattern.starts_with('/') {
        true => "/".to_owned(),
        false => String::new(),
    }];
    for part in pattern.split('/').filter(|p| !p.is_empty()) {
        let mut next = Vec::new();
        for dir in found {
            let list = match dir.is_empty() {
                true => fs::read_dir("."),
                false => fs::read_dir(&dir),
            };
            let mut names: Vec<String> = list
                .into_iter()
                .flatten()
                .filter_map(|e| e.ok()?.file_name().into_string().ok())
                .chain([".".into(), "..".into()])
                .filter(|n| part == n || (!n.starts_with('.') || part.starts_with('.')))
                .filter(|n| base::glob::matches(part.as_bytes(), n.as_bytes()))
                .collect();
            names.sort();
            next.extend(names.into_iter().map(|n| match dir.as_str() {
                "" => n,
                d if d.ends_with('/') => format!("{d}{n}"),
                d => format!("{d}/{n}"),
            }));
        }
        found = next;
    }
    found
}

fn warn_about_backlog(config: &Config) {
    let limit = fs::read_to_string("/proc/sys/net/core/somaxconn");
    let limit: Option<i64> = limit.ok().and_then(|t| t.trim().parse().ok());
    if let Some(limit) = limit.filter(|l| *l < config.tcp_backlog) {
        tracing::warn!(
            "WARNING: The TCP backlog setting of {} cannot be enforced because /proc/sys/net/core/somaxconn is set to the lower value of {limit}.",
            config.tcp_backlog
        );
    }
}

fn supervised(config: &Config) -> Supervised {
    let systemd = std::env::var_os("NOTIFY_SOCKET").is_some();
    match config.supervised {
        Supervised::Auto if systemd => Supervised::Systemd,
        Supervised::Auto | Supervised::Upstart => Supervised::No,
        Supervised::Systemd if !systemd => {
            tracing::warn!("systemd supervision requested, but NOTIFY_SOCKET not found");
            Supervised::No
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> CommandLine {
        CommandLine::parse(args.iter().map(|a| (*a).to_owned()).collect())
    }

    #[test]
    fn the_command_line_names_a_file_standard_input_and_options() {
        let line = parse(&["a.conf", "--port", "1", "-"]);
        assert_eq!(line.file.as_deref(), Some("a.conf"));
        assert!(line.stdin);
        assert_eq!(line.options, ["--port", "1"]);
        assert_eq!(parse(&["-"]).file, None);
        let line = parse(&["-", "--port", "1"]);
        assert!(line.stdin && line.file.is_none());
        assert_eq!(parse(&["--port", "1"]).file, None);
    }

    #[test]
    fn patterns_of_include_name_files_in_order() {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["b.conf", "a.conf", "c.txt", ".hidden.conf"] {
            fs::write(dir.path().join(name), "").expect("written");
        }
        let root = dir.path().to_str().expect("UTF-8").to_owned();
        assert_eq!(
            glob_files(&format!("{root}/*.conf")),
            [format!("{root}/a.conf"), format!("{root}/b.conf")]
        );
    }
}
