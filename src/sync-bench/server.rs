//! A server that takes part: either it was started here, or it was already running.
//!
//!  * A server that was already running is never stopped, and the only thing that is written is REPLICAOF to the replica.

use super::client::{Client, Info, Place};
use super::plan::Family;
use super::process::{LogFile, Process, Stop, trouble};
use super::sources::{Told, from_info, from_log};
use crate::sync_log::moments::Side;
use std::path::{Path, PathBuf};

/// A server.
#[derive(Debug)]
pub struct Server {
    /// Where it is.
    pub place: Place,
    /// For messages.
    pub role: String,
    /// Whose program.
    pub family: Family,
    /// Its number, if it runs here.
    pub pid: Option<u32>,
    /// Its log, if it can be read.
    pub log: Option<LogFile>,
    process: Option<Process>,
}

impl Server {
    /// One that we started; it ends with this.
    pub fn started(process: Process) -> Server {
        Server {
            place: process.place(),
            role: process.role().to_owned(),
            family: process.family(),
            pid: Some(process.pid()),
            log: Some(process.log()),
            process: Some(process),
        }
    }

    /// A running one.
    ///
    /// # Errors
    /// It cannot be reached or does not answer.
    pub fn attached(place: &Place, role: &str) -> Result<(Server, Info), Stop> {
        let address = &place.address;
        let failed = |e: std::io::Error| trouble(format!("the {role} at {address}: {e}"));
        let mut client = Client::connect(place).map_err(failed)?;
        let info = client.info("server").map_err(failed)?;
        let family = match (info.get("forebay_version"), info.get("valkey_version")) {
            (Some(_), _) => Family::Forebay,
            (_, Some(_)) => Family::Valkey,
            _ => Family::Redis,
        };
        let is_here = address.starts_with("127.") || address.starts_with("localhost:");
        let pid = info
            .number("process_id")
            .and_then(|n| u32::try_from(n).ok())
            .filter(|pid| is_here && Path::new(&format!("/proc/{pid}")).exists());
        let file = |client: &mut Client| {
            let logfile = client.config("logfile").filter(|f| !f.is_empty())?;
            let path = match logfile.starts_with('/') {
                true => PathBuf::from(logfile),
                false => PathBuf::from(client.config("dir")?).join(logfile),
            };
            (is_here && path.is_file()).then(|| LogFile::at(path))
        };
        let server = Server {
            place: place.clone(),
            role: role.to_owned(),
            family,
            pid,
            log: file(&mut client),
            process: None,
        };
        Ok((server, info))
    }

    /// A connection.
    ///
    /// # Errors
    /// It takes none.
    pub fn client(&self) -> Result<Client, Stop> {
        let connected = Client::connect(&self.place);
        connected.map_err(|e| trouble(format!("cannot connect to the {}: {e}", self.role)))
    }

    /// Its port.
    pub fn port(&self) -> Option<u16> {
        self.place.address.rsplit_once(':')?.1.parse().ok()
    }

    /// An error if it is one of ours and has ended.
    ///
    /// # Errors
    /// How it ended.
    pub fn check_alive(&mut self) -> Result<(), Stop> {
        match &mut self.process {
            Some(process) => process.check_alive(),
            None => Ok(()),
        }
    }

    /// The end of its log, for a message.
    pub fn log_tail(&self) -> String {
        self.process
            .as_ref()
            .map_or(String::new(), Process::log_tail)
    }

    /// The message for an error on a connection; if the server has exited, that explains more.
    pub fn failed(&mut self, error: &std::io::Error) -> Stop {
        // It may take a moment from the closed connection to the end.
        for _ in 0..50 {
            if let Err(stop) = self.check_alive() {
                return stop;
            }
            if self.process.is_none() || error.kind() == std::io::ErrorKind::Other {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        trouble(format!("the {}: {error}{}", self.role, self.log_tail()))
    }

    /// Where its log ends now.
    pub fn log_len(&self) -> u64 {
        self.log.as_ref().map_or(0, LogFile::end)
    }

    /// What it tells of the sync that began at `since_us`: its report if it has one, else its log from `log_from` on. The
    /// number of connections is always from the log.
    pub fn told(
        &self,
        client: &mut Client,
        side: Side,
        since_us: i64,
        log_from: u64,
        replica_port: Option<u16>,
    ) -> Option<Told> {
        let report = match self.family {
            Family::Forebay => client.info("replication").ok(),
            _ => None,
        };
        let in_log = || {
            let log = self.log.as_ref()?.since(log_from);
            from_log(&log, side, replica_port)
        };
        let Some(mut told) = report.and_then(|info| from_info(&info, side, since_us)) else {
            return in_log();
        };
        if told.complete {
            // The report does not say it.
            told.two_connections = in_log().is_some_and(|log| log.two_connections);
        }
        Some(told)
    }
}
