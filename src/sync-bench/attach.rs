//! Two servers that are already running, as they are configured. The replica is sent REPLICAOF, and is given its former role
//! again, however the run ends. Neither server is stopped or configured, and nothing else is written to them.

use super::args::Options;
use super::client::{self, Client, Place};
use super::plan::{self, Binary, Cell, Conditions, Mode, Servers};
use super::process::{self, Stop, trouble};
use super::server::Server;
use super::status::Status;
use super::sync::{Keys, Measured, Order, known_keys, measure};
use super::{Report, report};
use std::path::PathBuf;

/// Measures them.
///
/// # Errors
/// What went wrong, or the signal that ended it.
pub fn run(options: &Options, master: &Place, replica: &Place) -> Result<Report, Stop> {
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
        name: format!("{} to {}", master.place.address, replica.place.address),
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
        master.place.address, replica.place.address
    )];
    for server in [&master, &replica] {
        if server.pid.is_none() {
            notes.push(format!(
                "{} does not run here: no memory and CPU of it",
                server.place.address
            ));
        }
        if server.log.is_none() && server.family != plan::Family::Forebay {
            notes.push(format!(
                "the log of {} cannot be read here: no phases of it",
                server.place.address
            ));
        }
    }
    let mut status = Status::new(options.repeat, 0, options.progress);
    let mut one = |repetition: usize| {
        status.begin(format!("{} #{}", servers.name, repetition + 1));
        // A replica that follows already would not ask again.
        let alone = on_replica.run(&["REPLICAOF", "NO", "ONE"]);
        alone.map_err(|e| trouble(format!("the replica refuses REPLICAOF NO ONE: {e}")))?;
        settle_attached(&mut on_master, &replica)?;
        let measured = measure(&mut master, &mut replica, &order, &mut status)?;
        status.end();
        Ok(measured)
    };
    let runs: Result<Vec<Measured>, Stop> = (0..options.repeat).map(&mut one).collect();
    // However it ended.
    restore(&mut on_replica, followed.as_ref());
    let runs = runs?;
    notes.push(match followed {
        Some((host, port)) => format!("the replica follows {host}:{port} again, as before"),
        None => "the replica was made a master again (REPLICAOF NO ONE), as it was before; it keeps the data".into(),
    });
    let data = tools::text::plural(keys, "key");
    Ok(report(
        vec![servers],
        vec![cell],
        vec![runs],
        data,
        notes,
        options,
    ))
}

/// Gives the replica its former role back; for a server that has ended, nothing can be done.
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
