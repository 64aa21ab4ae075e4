//! `forebay sync-bench`: how long full syncs take, in which phases, and what they cost; for Forebay and for real servers.
//!
//! ```text
//! args -> plan: cells x repetitions, interleaved -> process, server: a master per pair, a fresh replica per sync
//!      -> sync: one measurement (throttle: the link; load: clients; usage: /proc; sources: INFO reports and logs)
//!      -> figures -> verdict -> text | json | csv | html
//! ```
//!
//!  * Nothing outlives a run: not a process, not a directory, however it ends ([`process`], [`interrupt`]).
//!  * A server that was not started here is left running, and only told to replicate ([`server`]).
//!  * What is told of a sync's total is measured from outside, the same way for every server; phases are what the servers
//!    themselves say.

pub mod args;
pub mod client;
pub mod csv;
pub mod figures;
pub mod fill;
pub mod html;
pub mod interrupt;
pub mod json;
pub mod load;
pub mod picture;
pub mod plan;
pub mod process;
pub mod server;
pub mod sources;
pub mod status;
pub mod sync;
pub mod text;
pub mod throttle;
pub mod usage;
pub mod verdict;

use super::check;
use super::source::{Source, Trouble};
use args::{Data, Options, What};
use client::Client;
use figures::Summary;
use fill::LOAD_KEYS;
use plan::{Binary, Cell, Conditions, Mode, Servers, cells};
use process::{Process, Setup, Stop, trouble};
use server::Server;
use status::Status;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use sync::{Keys, Measured, Order, measure};
use tempfile::TempDir;

/// What the directories of runs are called: this, the number of the process, and what makes them unique.
const PREFIX: &str = "forebay-sync-bench-";

/// Everything that was measured.
#[derive(Debug)]
pub struct Report {
    /// Who took part.
    pub servers: Vec<Servers>,
    /// What was measured.
    pub cells: Vec<Cell>,
    /// The measurements of each cell, in their order.
    pub runs: Vec<Vec<Measured>>,
    /// The figures of each cell.
    pub summaries: Vec<Summary>,
    /// In words.
    pub verdicts: Vec<String>,
    /// The data, in words.
    pub data: String,
    /// What the reader must know.
    pub notes: Vec<String>,
    /// The machine, in words.
    pub machine: String,
    /// Reads a second of the client whose latency was measured.
    pub probe_rate: u32,
}

/// Measures what the options say.
///
/// # Errors
/// What went wrong, or the signal that ended it. Everything that was started is gone then.
pub fn run(options: &Options) -> Result<Report, Stop> {
    interrupt::catch_signals();
    match &options.what {
        What::Started(servers) => run_started(options, servers),
        What::Attached(master, replica) => run_attached(options, master, replica),
    }
}

fn run_started(options: &Options, servers: &[Servers]) -> Result<Report, Stop> {
    let mut notes = Vec::new();
    let all = cells(
        servers,
        &options.modes,
        &options.delays_s,
        &options.write_loads,
        &options.link_rates,
    );
    for mode in &options.modes {
        for these in servers.iter().filter(|s| !s.can(*mode)) {
            notes.push(format!("{} has no {mode}: left out", these.name));
        }
    }
    if all.is_empty() {
        return Err(trouble("no server can sync in any of these modes"));
    }
    remove_orphans(&options.dir);
    let base = tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{}-", std::process::id()))
        .tempdir_in(&options.dir)
        .map_err(|e| Trouble::io("make a directory in", &options.dir, &e))?;
    let (dump, data) = prepare(options, &base)?;
    let dump_bytes = std::fs::metadata(&dump).map_or(0, |m| m.len());
    let mut bench = Bench {
        options,
        servers,
        base: base.path().to_owned(),
        dump,
        keys: BTreeMap::new(),
        masters: BTreeMap::new(),
    };
    let mut runs: Vec<Vec<Measured>> = vec![Vec::new(); all.len()];
    let order = plan::order(all.len(), options.repeat);
    let mut status = Status::new(order.len(), dump_bytes, options.progress);
    for (cell, repetition) in order {
        let name = &servers[all[cell].servers].name;
        let mode = all[cell].conditions.mode;
        status.begin(format!("{name} {mode} #{}", repetition + 1));
        let measured = bench.one(all[cell], &mut status)?;
        runs[cell].push(measured);
        status.end();
    }
    drop(status);
    drop(bench);
    // Said aloud: what is left behind would be a fault.
    base.close()
        .map_err(|e| trouble(format!("the servers' directory cannot be removed: {e}")))?;
    notes.extend(unlike(&all, &runs, servers));
    Ok(report(servers.to_vec(), all, runs, data, notes, options))
}

/// Directories of runs that were killed, whose process is gone: nobody else would remove them.
fn remove_orphans(dir: &Path) {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|n| {
            n.strip_prefix(PREFIX)?
                .split('-')
                .next()?
                .parse::<u32>()
                .ok()
        });
        let is_dir = entry.file_type().is_ok_and(|t| t.is_dir());
        if owner.is_some_and(|pid| is_dir && !Path::new(&format!("/proc/{pid}")).exists()) {
            // Another user's is not ours to remove.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Ways that were not those that were asked for.
fn unlike(cells: &[Cell], runs: &[Vec<Measured>], servers: &[Servers]) -> Vec<String> {
    let mut out = Vec::new();
    for (cell, runs) in cells.iter().zip(runs) {
        let mode = cell.conditions.mode;
        let wanted = match mode {
            Mode::RdbChannel | Mode::DualChannel => "memory -> memory, two connections".to_owned(),
            other => other.name().replace('-', " -> "),
        };
        if let Some(run) = runs
            .iter()
            .find(|r| r.way != wanted && !r.way.contains('?'))
        {
            let name = &servers[cell.servers].name;
            out.push(format!(
                "{name}: {mode} was asked for, {} was done",
                run.way
            ));
        }
    }
    out
}

fn report(
    servers: Vec<Servers>,
    cells: Vec<Cell>,
    runs: Vec<Vec<Measured>>,
    data: String,
    notes: Vec<String>,
    options: &Options,
) -> Report {
    let summaries: Vec<Summary> = cells
        .iter()
        .zip(&runs)
        .filter_map(|(cell, runs)| Summary::of(*cell, runs))
        .collect();
    Report {
        verdicts: verdict::verdicts(&summaries, &servers),
        servers,
        cells,
        runs,
        summaries,
        data,
        notes,
        machine: machine(),
        probe_rate: options.probe_rate,
    }
}

/// The dump that every master loads, and what it is in words.
fn prepare(options: &Options, base: &TempDir) -> Result<(PathBuf, String), Stop> {
    match &options.data {
        Data::Keys(shape) => {
            let path = base.path().join("data.rdb");
            fill::write_dump(&path, *shape)?;
            let size = match shape.value_size {
                Some(size) => format!("values of {}", super::text::bytes(size as u64)),
                None => "values value:N".to_owned(),
            };
            let bytes = std::fs::metadata(&path).map_or(0, |m| m.len());
            let keys = super::text::plural(shape.keys + LOAD_KEYS, "key");
            let data = format!("{keys}, {size}, {} as a dump", super::text::bytes(bytes));
            Ok((path, data))
        }
        Data::File(path) => {
            let source = Source::open(path)?;
            let checked = check::check(
                &source,
                &check::Options {
                    databases: 1 << 31,
                    checksum: true,
                    defects_max: 1,
                    threads: std::thread::available_parallelism().map_or(1, usize::from),
                    keys_max: super::duplicates::HELD_MAX,
                    progress: options.progress,
                },
            )?;
            if let Some(defect) = checked.defects.first() {
                return Err(trouble(format!(
                    "{}: the dump is corrupt: {} (`forebay rdb salvage` keeps what is sound)",
                    path.display(),
                    defect.error
                )));
            }
            let path = std::fs::canonicalize(path).map_err(|e| Trouble::io("use", path, &e))?;
            let keys: u64 = checked.keys.values().sum();
            let data = format!(
                "{}: {}, {}",
                path.file_name().unwrap_or_default().to_string_lossy(),
                super::text::plural(keys, "key"),
                super::text::bytes(checked.bytes)
            );
            Ok((path, data))
        }
    }
}

struct Bench<'a> {
    options: &'a Options,
    servers: &'a [Servers],
    base: PathBuf,
    dump: PathBuf,
    /// What is read and written of each master.
    keys: BTreeMap<usize, Keys>,
    /// Started when they are first needed, by index of the servers.
    masters: BTreeMap<usize, Server>,
}

impl Bench<'_> {
    fn one(&mut self, cell: Cell, status: &mut Status) -> Result<Measured, Stop> {
        let these = &self.servers[cell.servers];
        let many = self.servers.len() > 1;
        let of = if many {
            format!(" of {}", these.name)
        } else {
            String::new()
        };
        if !self.masters.contains_key(&cell.servers) {
            let master = self.start(format!("master{of}"), &these.master, true, Vec::new())?;
            self.keys.insert(cell.servers, self.acquaint(&master)?);
            self.masters.insert(cell.servers, master);
        }
        let conditions = cell.conditions;
        let load = format!("repl-diskless-load {}", conditions.mode.diskless_load());
        let config = std::iter::once(load).chain(channels(&these.replica, conditions.mode));
        let mut replica = self.start(
            format!("replica{of}"),
            &these.replica,
            false,
            config.collect(),
        )?;
        let master = self.masters.get_mut(&cell.servers).expect("just started");
        configure(master, &these.master, conditions)?;
        let order = Order {
            conditions,
            probe_rate: self.options.probe_rate,
            value_size: match &self.options.data {
                Data::Keys(shape) => shape.value_size,
                Data::File(_) => None,
            },
            keys: self.keys[&cell.servers].clone(),
            timeout: self.options.timeout,
            may_write: true,
        };
        let measured = measure(master, &mut replica, &order, status)?;
        drop(replica);
        let mut client = master.client()?;
        settle(master, &mut client)?;
        Ok(measured)
    }

    /// What clients use of a master that has just started; one with a dump of the user's gets the keys of the write load.
    fn acquaint(&self, master: &Server) -> Result<Keys, Stop> {
        if let Data::Keys(shape) = &self.options.data {
            return Ok(Keys::Generated(shape.keys));
        }
        let mut client = master.client()?;
        let keys = known_keys(&mut client);
        for n in 0..LOAD_KEYS {
            let set = client.run(&["SET", &fill::load_key(n), "0"]);
            set.map_err(|e| trouble(format!("the {}: {e}", master.role)))?;
        }
        Ok(Keys::Known(keys))
    }

    fn start(
        &self,
        role: String,
        binary: &Binary,
        is_master: bool,
        config: Vec<String>,
    ) -> Result<Server, Stop> {
        let setup = Setup {
            role,
            binary,
            base: &self.base,
            dump: is_master.then_some(self.dump.as_path()),
            config,
            port: self.port_of(is_master),
            patience: self.options.timeout,
        };
        Process::start(&setup).map(Server::started)
    }

    fn port_of(&self, is_master: bool) -> Option<u16> {
        let first = self.options.port?;
        // Each pair's master stays: its port is its own, replicas follow one another on the last.
        let masters = self.masters.len() as u16;
        let replicas = first + self.servers.len() as u16;
        Some(if is_master { first + masters } else { replicas })
    }
}

/// Lines of configuration that say how many connections a sync uses.
fn channels(binary: &Binary, mode: Mode) -> Vec<String> {
    let word = |on| if on { "yes" } else { "no" };
    let mut out = Vec::new();
    if binary.has_rdb_channel() {
        out.push(format!(
            "repl-rdb-channel {}",
            word(mode == Mode::RdbChannel)
        ));
    }
    if binary.has_dual_channel() {
        let on = word(mode == Mode::DualChannel);
        out.push(format!("dual-channel-replication-enabled {on}"));
    }
    out
}

fn configure(master: &mut Server, binary: &Binary, conditions: Conditions) -> Result<(), Stop> {
    let mut client = master.client()?;
    let mut lines = vec![
        format!("repl-diskless-sync {}", conditions.mode.diskless_sync()),
        format!("repl-diskless-sync-delay {}", conditions.delay_s),
    ];
    lines.extend(channels(binary, conditions.mode));
    for line in lines {
        let (name, value) = line.split_once(' ').expect("written above");
        let set = client.run(&["CONFIG", "SET", name, value]);
        set.map_err(|e| trouble(format!("the {} does not take {line}: {e}", master.role)))?;
    }
    Ok(())
}

/// Some keys of the first database, whatever their type.
fn known_keys(client: &mut Client) -> Vec<String> {
    const SOME: usize = 200;
    let some = (0..SOME).map_while(|_| client.run(&["RANDOMKEY"]).ok());
    // A key that is no text came over changed, and would not be found.
    some.filter(|k| !k.is_empty() && !k.contains('\u{fffd}'))
        .collect()
}

/// Waits until the master has forgotten the last replica and saves nothing any more, so that the next sync begins anew.
fn settle(master: &mut Server, client: &mut Client) -> Result<(), Stop> {
    let began = std::time::Instant::now();
    while began.elapsed() < std::time::Duration::from_secs(10) {
        process::check_signal()?;
        let replicas = client.info("replication").map_err(|e| master.failed(&e))?;
        let saving = client.info("persistence").map_err(|e| master.failed(&e))?;
        let quiet = replicas.number("connected_slaves") == Some(0)
            && saving.number("rdb_bgsave_in_progress") == Some(0);
        if quiet {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Ok(())
}

/// Two running servers, as they are configured.
fn run_attached(options: &Options, master: &str, replica: &str) -> Result<Report, Stop> {
    let (mut master, master_info) = Server::attached(master, "master")?;
    let (mut replica, replica_info) = Server::attached(replica, "replica")?;
    let binary = |info: &client::Info| {
        let text = |name: &str| info.get(name).unwrap_or("0.0").to_owned();
        let (family, version) = match (info.get("forebay_version"), info.get("valkey_version")) {
            (Some(v), _) => ("Forebay", v.to_owned()),
            (_, Some(v)) => ("Valkey", v.to_owned()),
            _ => ("Redis", text("redis_version")),
        };
        let printed = format!("{family} server v={version}");
        Binary::parse(PathBuf::from("running"), &printed)
            .ok_or_else(|| trouble(format!("a server of a strange version: {version}")))
    };
    let servers = Servers {
        name: format!("{} to {}", master.address, replica.address),
        master: binary(&master_info)?,
        replica: binary(&replica_info)?,
    };
    let mut on_master = master.client()?;
    let mut on_replica = replica.client()?;
    let same = on_master
        .info("server")
        .ok()
        .zip(on_replica.info("server").ok());
    if same.is_some_and(|(a, b)| a.get("run_id") == b.get("run_id")) {
        return Err(trouble("--attach: both addresses are the same server"));
    }
    let before = on_replica
        .info("replication")
        .map_err(|e| replica.failed(&e))?;
    let followed = before
        .get("master_host")
        .zip(before.get("master_port"))
        .map(|(host, port)| (host.to_owned(), port.to_owned()));
    let (mode, delay_s) = configured(&mut on_master, &mut on_replica);
    let cell = Cell {
        servers: 0,
        conditions: Conditions {
            mode,
            delay_s,
            write_load: 0,
            link_rate: None,
        },
    };
    let order = Order {
        conditions: cell.conditions,
        probe_rate: options.probe_rate,
        value_size: None,
        keys: Keys::Known(known_keys(&mut on_master)),
        timeout: options.timeout,
        may_write: false,
    };
    let keys = on_master.keys().map_err(|e| master.failed(&e))?;
    let mut notes = vec![format!(
        "{} and {} were running and were left running, as they are configured; the replica was sent REPLICAOF, which \
         replaced its data by the master's",
        master.address, replica.address
    )];
    for server in [&master, &replica] {
        if server.pid.is_none() {
            notes.push(format!(
                "{} does not run here: no memory and CPU of it",
                server.address
            ));
        }
        if server.log.is_none() && server.family != plan::Family::Forebay {
            notes.push(format!(
                "the log of {} cannot be read here: no phases of it",
                server.address
            ));
        }
    }
    let mut runs = Vec::new();
    let mut status = Status::new(options.repeat, 0, options.progress);
    for repetition in 0..options.repeat {
        status.begin(format!("{} #{}", servers.name, repetition + 1));
        // A replica that follows already would not ask again.
        let alone = on_replica.run(&["REPLICAOF", "NO", "ONE"]);
        alone.map_err(|e| trouble(format!("the replica refuses REPLICAOF NO ONE: {e}")))?;
        settle_attached(&mut on_master, &replica)?;
        let measured = measure(&mut master, &mut replica, &order, &mut status);
        if measured.is_err() {
            restore(&mut on_replica, followed.as_ref());
        }
        runs.push(measured?);
        status.end();
    }
    restore(&mut on_replica, followed.as_ref());
    notes.push(match followed {
        Some((host, port)) => format!("the replica follows {host}:{port} again, as before"),
        None => "the replica was made a master again (REPLICAOF NO ONE), as it was before; it keeps the data".into(),
    });
    let data = super::text::plural(keys, "key");
    Ok(report(
        vec![servers],
        vec![cell],
        vec![runs],
        data,
        notes,
        options,
    ))
}

/// The replica's part is given back to it; a server that is gone cannot be helped.
fn restore(client: &mut Client, followed: Option<&(String, String)>) {
    let _ = match followed {
        Some((host, port)) => client.run(&["REPLICAOF", host, port]),
        None => client.run(&["REPLICAOF", "NO", "ONE"]),
    };
}

/// The mode and the delay that two servers are configured for.
fn configured(master: &mut Client, replica: &mut Client) -> (Mode, u32) {
    let sends = master.config("repl-diskless-sync");
    let loads = replica.config("repl-diskless-load");
    let from_memory = sends.as_deref() == Some("yes");
    let mode = match (from_memory, loads.as_deref()) {
        (true, Some("swapdb")) => Mode::MemorySwapdb,
        (true, Some("on-empty-db" | "flush-before-load")) => Mode::MemoryMemory,
        (true, _) => Mode::MemoryDisk,
        (false, Some("disabled") | None) => Mode::DiskDisk,
        (false, _) => Mode::DiskMemory,
    };
    let delay = master.config("repl-diskless-sync-delay");
    (mode, delay.and_then(|d| d.parse().ok()).unwrap_or(0))
}

/// Waits until the master has noticed that the replica left.
fn settle_attached(master: &mut Client, replica: &Server) -> Result<(), Stop> {
    let suffix = format!("port={},", replica.port().unwrap_or(0));
    let began = std::time::Instant::now();
    while began.elapsed() < std::time::Duration::from_secs(5) {
        process::check_signal()?;
        let Ok(text) = master.run(&["INFO", "replication"]) else {
            break;
        };
        if !text.contains(&suffix) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Ok(())
}

/// Processors, memory and kernel of this machine, without its name.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|l| l.strip_prefix("model name")?.split_once(':'))
        .map_or_else(
            || std::env::consts::ARCH.to_owned(),
            |(_, m)| m.trim().to_owned(),
        );
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let meminfo = read("/proc/meminfo");
    let kb: u64 = meminfo
        .lines()
        .find_map(|l| {
            l.strip_prefix("MemTotal:")?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or(0);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{} of {model}, {} of memory, Linux {}",
        super::text::plural(processors as u64, "processor"),
        super::text::bytes(kb << 10),
        kernel.trim()
    )
}

/// Writes a report's file.
///
/// # Errors
/// It cannot be written.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    std::fs::write(path, bytes).map_err(|e| Trouble::io("write", path, &e))
}
