//! Servers that are started for a run: a master for each pair, a fresh replica for each sync, and a directory that is
//! removed at the end.

use super::args::{Data, Options};
use super::client::Client;
use super::fill::{self, LOAD_KEYS};
use super::plan::{self, Binary, Cell, Conditions, Mode, Servers, cells};
use super::process::{self, Process, Setup, Stop, trouble};
use super::server::Server;
use super::status::Status;
use super::sync::{Keys, Measured, Order, known_keys, measure};
use super::{Report, report};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tools::check;
use tools::source::{Source, Trouble};

/// A file in the directory of a run that is locked while it lasts.
const LOCK: &str = "lock";
/// What the directories of runs are called: this, and what makes them unique.
const PREFIX: &str = "forebay-sync-bench-";

/// Measures all cells.
///
/// # Errors
/// What went wrong, or the signal that ended it.
pub fn run(options: &Options, servers: &[Servers]) -> Result<Report, Stop> {
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
        .prefix(PREFIX)
        .tempdir_in(&options.dir)
        .map_err(|e| Trouble::io("make a directory in", &options.dir, &e))?;
    let lock = base.path().join(LOCK);
    let _locked = File::create(&lock)
        .and_then(|file| file.lock().map(|()| file))
        .map_err(|e| Trouble::io("lock", &lock, &e))?;
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
    if options.encrypted.is_some() {
        notes.push("clients and replicas reach the servers by TLS".into());
    }
    notes.extend(unlike(&all, &runs, servers));
    Ok(report(servers.to_vec(), all, runs, data, notes, options))
}

/// Directories of runs that were killed: their lock is free, and nothing else would remove them.
fn remove_orphans(dir: &Path) {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for entry in entries {
        let ours = entry
            .file_name()
            .to_str()
            .is_some_and(|n| n.starts_with(PREFIX));
        let is_dir = entry.file_type().is_ok_and(|t| t.is_dir());
        if !ours || !is_dir {
            continue;
        }
        let lock = File::open(entry.path().join(LOCK));
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
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

/// The dump that every master loads, and what it is in words.
fn prepare(options: &Options, base: &TempDir) -> Result<(PathBuf, String), Stop> {
    match &options.data {
        Data::Keys(shape) => {
            let path = base.path().join("data.rdb");
            fill::write_dump(&path, *shape)?;
            let size = match shape.value_size {
                Some(size) => format!("values of {}", tools::text::bytes(size as u64)),
                None => "values value:N".to_owned(),
            };
            let bytes = std::fs::metadata(&path).map_or(0, |m| m.len());
            let keys = tools::text::plural(shape.keys + LOAD_KEYS, "key");
            let data = format!("{keys}, {size}, {} as a dump", tools::text::bytes(bytes));
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
                    keys_max: tools::duplicates::HELD_MAX,
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
                tools::text::plural(keys, "key"),
                tools::text::bytes(checked.bytes)
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
            tls: self.options.encrypted.as_ref(),
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

/// Waits until the master has forgotten the last replica and has finished saving, so that the next sync begins from
/// the start.
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
