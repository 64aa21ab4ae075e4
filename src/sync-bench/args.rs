//! The command line of `forebay sync-bench`.

use super::client::Place;
use super::plan::{Mode, Servers};
use super::process::{Encrypted, identify};
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tools::connect::TlsArgs;
use tools::source::Trouble;

/// Options of `forebay sync-bench`.
#[derive(Debug, Args)]
pub struct SyncBenchArgs {
    /// A server to measure as both master and replica (NAME=PATH), or a pair (NAME=MASTER,REPLICA); `forebay` is the
    /// server in the directory of this command (may be given several times) [default: forebay]
    #[arg(long, value_name = "NAME=PATH", conflicts_with_all = ["master", "attach"])]
    server: Vec<String>,
    /// The master's program [default: the forebay-server in the directory of this command]
    #[arg(long, value_name = "PATH", conflicts_with = "attach")]
    master: Option<PathBuf>,
    /// The replica's program [default: that of the master]
    #[arg(long, value_name = "PATH", conflicts_with_all = ["attach", "server"])]
    replica: Option<PathBuf>,
    /// Measure two running servers as they are configured. The replica's data is replaced by the master's; nothing else
    /// is written to the servers, and neither is stopped
    #[arg(long, num_args = 2, value_names = ["MASTER", "REPLICA"],
          conflicts_with_all = ["rdb", "keys", "value_size", "mode", "delay", "write_load", "link_rate"])]
    attach: Vec<String>,
    /// The dump to fill the master with
    #[arg(long, value_name = "FILE", conflicts_with_all = ["keys", "value_size"])]
    rdb: Option<PathBuf>,
    /// Number of keys to generate, `key:N` with value `value:N` [default: 200000]
    #[arg(long, value_name = "N", value_parser = count)]
    keys: Option<u64>,
    /// Size of each value in bytes, padded with incompressible data
    #[arg(long, value_name = "BYTES", value_parser = count)]
    value_size: Option<u64>,
    /// Ways to do a full sync: disk-disk, disk-memory, memory-disk, memory-memory, memory-swapdb, rdb-channel (Forebay,
    /// Redis 8), dual-channel (Forebay, Valkey 8), or all [default: the first five]
    #[arg(long, value_name = "MODE", value_delimiter = ',')]
    mode: Vec<String>,
    /// repl-diskless-sync-delay, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        value_delimiter = ',',
        default_value = "0"
    )]
    delay: Vec<u32>,
    /// Writes per second to the master during the sync
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "0", value_parser = rate)]
    write_load: Vec<u32>,
    /// Limit of the link between the servers in bytes per second; 0 = no limit
    #[arg(long, value_name = "BYTES", value_delimiter = ',', default_value = "0", value_parser = count)]
    link_rate: Vec<u64>,
    /// Reads per second by the client whose latency is measured; 0 = none
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = rate)]
    probe: u32,
    /// How many times each sync is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// How many seconds one sync, or the start of one server, may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
    /// Where the servers put their files, in a directory that is removed at the end [default: the system's]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// First of the ports for the masters of all servers and then the replica [default: free ports]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65534))]
    port: Option<u16>,
    /// Write all figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write one line for each sync as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write an HTML page with charts
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    tls: TlsArgs,
}

/// A number, with k, M, G for thousands, millions, ...
fn count(text: &str) -> Result<u64, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        _ => return Err(format!("the unit '{unit}' is not k, M or G")),
    };
    let number: u64 = digits.parse().map_err(|_| "expected a number".to_owned())?;
    number
        .checked_mul(factor)
        .ok_or_else(|| "the number is too large".into())
}

fn rate(text: &str) -> Result<u32, String> {
    let n = count(text)?;
    match u32::try_from(n) {
        Ok(n) if n <= 1_000_000 => Ok(n),
        _ => Err("at most 1M".into()),
    }
}

/// What to measure with.
#[derive(Debug)]
pub enum What {
    /// Servers that are started.
    Started(Vec<Servers>),
    /// Running ones: the addresses of master and replica.
    Attached(Place, Place),
}

/// The data.
#[derive(Debug, Clone)]
pub enum Data {
    /// A dump.
    File(PathBuf),
    /// Generated.
    Keys(super::fill::Shape),
}

/// Options, checked.
#[derive(Debug)]
pub struct Options {
    /// With what.
    pub what: What,
    /// The data of servers that are started.
    pub data: Data,
    /// How.
    pub modes: Vec<Mode>,
    /// Delays in seconds.
    pub delays_s: Vec<u32>,
    /// Writes a second.
    pub write_loads: Vec<u32>,
    /// Rates of the link.
    pub link_rates: Vec<Option<u64>>,
    /// Reads a second.
    pub probe_rate: u32,
    /// Repetitions.
    pub repeat: usize,
    /// What servers that are started need to be reached by TLS.
    pub encrypted: Option<Encrypted>,
    /// Of a sync, and of a start.
    pub timeout: Duration,
    /// Below which the files go.
    pub dir: PathBuf,
    /// Given ports.
    pub port: Option<u16>,
    /// Reports as files.
    pub json: Option<PathBuf>,
    /// The same.
    pub csv: Option<PathBuf>,
    /// The same.
    pub html: Option<PathBuf>,
    /// A line on a terminal.
    pub progress: bool,
}

impl SyncBenchArgs {
    /// Checks what can be checked before anything is started.
    ///
    /// # Errors
    /// The reason.
    pub fn options(self) -> Result<Options, Trouble> {
        let what = match self.attach.as_slice() {
            [master, replica] => What::Attached(self.place(master)?, self.place(replica)?),
            _ => What::Started(self.servers()?),
        };
        let attached_by_tls = match &what {
            What::Attached(master, replica) => master.tls.is_some() || replica.tls.is_some(),
            What::Started(_) => false,
        };
        if let (Some(option), false) = (self.tls.needless(), self.tls.tls || attached_by_tls) {
            return Err(Trouble(format!("{option} is given, but not --tls")));
        }
        let encrypted = match (&what, self.tls.tls) {
            (What::Started(_), true) => Some(encrypted(&self.tls)?),
            _ => None,
        };
        let modes = modes(&self.mode)?;
        let shape = super::fill::Shape {
            keys: self.keys.unwrap_or(200_000),
            value_size: self.value_size.map(|n| n as usize),
        };
        if shape.value_size.is_some_and(|n| n > 512 << 20) {
            return Err(Trouble("--value-size: a value has at most 512 MB".into()));
        }
        for path in [&self.json, &self.csv, &self.html].into_iter().flatten() {
            writable(path)?;
        }
        let dir = self.dir.clone().unwrap_or_else(std::env::temp_dir);
        // Servers run in directories of their own: their files' paths must not depend on ours.
        let dir = std::fs::canonicalize(&dir).map_err(|e| Trouble::io("use", &dir, &e))?;
        Ok(Options {
            what,
            data: match self.rdb {
                Some(path) => Data::File(path),
                None => Data::Keys(shape),
            },
            modes,
            delays_s: unique(self.delay),
            write_loads: unique(self.write_load),
            link_rates: unique(self.link_rate)
                .into_iter()
                .map(|rate| (rate > 0).then_some(rate))
                .collect(),
            encrypted,
            probe_rate: self.probe,
            repeat: self.repeat as usize,
            timeout: Duration::from_secs(self.timeout.clamp(1, 86_400)),
            dir,
            port: self.port,
            json: self.json,
            csv: self.csv,
            html: self.html,
            progress: !self.quiet,
        })
    }

    /// A running server's place; `rediss://` is one that is reached by TLS without `--tls`, too.
    fn place(&self, text: &str) -> Result<Place, Trouble> {
        let (by_tls, address) = address(text)?;
        let tls = match by_tls || self.tls.tls {
            true => Some(self.tls.connecting().map_err(Trouble)?),
            false => None,
        };
        Ok(Place { address, tls })
    }

    fn servers(&self) -> Result<Vec<Servers>, Trouble> {
        let pair = |name: Option<&str>, master: &Path, replica: &Path| {
            let (master, replica) = (identify(master)?, identify(replica)?);
            let name = name.map_or_else(
                || match master.path == replica.path {
                    true => master.title(),
                    false => format!("{} to {}", master.title(), replica.title()),
                },
                str::to_owned,
            );
            Ok(Servers {
                name,
                master,
                replica,
            })
        };
        if self.server.is_empty() {
            let own = own_server;
            let master = self.master.clone().map_or_else(own, Ok)?;
            let replica = match (&self.replica, &self.master) {
                (Some(replica), _) => replica.clone(),
                (None, _) => master.clone(),
            };
            return Ok(vec![pair(None, &master, &replica)?]);
        }
        let one = |text: &String| match text.split_once('=') {
            None if text == "forebay" => {
                let own = own_server()?;
                pair(None, &own, &own)
            }
            Some((name, paths)) if !name.is_empty() && !paths.is_empty() => {
                let (master, replica) = paths.split_once(',').unwrap_or((paths, paths));
                let path = |text: &str| match text {
                    "forebay" => own_server(),
                    other => Ok(PathBuf::from(other)),
                };
                pair(Some(name), &path(master)?, &path(replica)?)
            }
            _ => Err(Trouble(format!(
                "--server {text}: NAME=PATH, NAME=MASTER,REPLICA or forebay is wanted"
            ))),
        };
        let all: Vec<Servers> = self.server.iter().map(one).collect::<Result<_, _>>()?;
        for (i, servers) in all.iter().enumerate() {
            if all[..i].iter().any(|other| other.name == servers.name) {
                return Err(Trouble(format!(
                    "--server: the name {} stands twice",
                    servers.name
                )));
            }
        }
        Ok(all)
    }
}

/// The server beside this program.
fn own_server() -> Result<PathBuf, Trouble> {
    let own =
        std::env::current_exe().map_err(|e| Trouble(format!("where this program is: {e}")))?;
    let path = own.with_file_name("forebay-server");
    match path.is_file() {
        true => Ok(path),
        false => Err(Trouble(format!(
            "{} is not there (--master says which server to use)",
            path.display()
        ))),
    }
}

fn modes(names: &[String]) -> Result<Vec<Mode>, Trouble> {
    if names.is_empty() {
        return Ok(Mode::ALL[..5].to_vec());
    }
    if names == ["all"] {
        return Ok(Mode::ALL.to_vec());
    }
    let known = |name: &String| {
        Mode::from_name(&name.replace("->", "-").replace('→', "-")).ok_or_else(|| {
            let all: Vec<&str> = Mode::ALL.iter().map(|m| m.name()).collect();
            Trouble(format!(
                "--mode {name}: modes are {}, or all",
                all.join(", ")
            ))
        })
    };
    let modes: Vec<Mode> = names.iter().map(known).collect::<Result<_, _>>()?;
    Ok(unique(modes))
}

/// What servers need that are started for a run over TLS: they show the certificate that we show them.
fn encrypted(tls: &TlsArgs) -> Result<Encrypted, Trouble> {
    let needed = [
        ("tls-cert-file", &tls.cert),
        ("tls-key-file", &tls.key),
        ("tls-ca-cert-file", &tls.cacert),
        ("tls-ca-cert-dir", &tls.cacertdir),
    ];
    if tls.cert.is_none() || (tls.cacert.is_none() && tls.cacertdir.is_none()) {
        let text = "--tls: servers that are started need a certificate of their own, and to know who has signed it: give \
                    --cert, --key, and --cacert or --cacertdir";
        return Err(Trouble(text.into()));
    }
    let given = needed
        .into_iter()
        .filter_map(|(name, path)| Some((name, path.as_ref()?)));
    let line = |(name, path): (&str, &PathBuf)| {
        // Servers run in directories of their own.
        let path = std::fs::canonicalize(path).map_err(|e| Trouble::io("read", path, &e))?;
        Ok(format!("{name} \"{}\"", path.display()))
    };
    let lines = given.map(line).collect::<Result<_, Trouble>>()?;
    let connecting = tls.connecting().map_err(Trouble)?;
    Ok(Encrypted { connecting, lines })
}

/// `host:port`, and whether the address asks for TLS.
fn address(text: &str) -> Result<(bool, String), Trouble> {
    let by_tls = text
        .strip_prefix("rediss://")
        .or_else(|| text.strip_prefix("valkeys://"));
    let bare = by_tls
        .or_else(|| text.strip_prefix("redis://"))
        .or_else(|| text.strip_prefix("valkey://"))
        .unwrap_or(text)
        .trim_end_matches('/');
    let with_port = match bare.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => bare.to_owned(),
        None if !bare.is_empty() => format!("{bare}:6379"),
        _ => return Err(Trouble(format!("--attach {text}: HOST:PORT is wanted"))),
    };
    Ok((by_tls.is_some(), with_port))
}

/// A report that cannot be written is known before hours of measuring.
fn writable(path: &Path) -> Result<(), Trouble> {
    let there = path.exists();
    let opened = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path);
    opened.map_err(|e| Trouble::io("write", path, &e))?;
    if !there {
        // It was only a try.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

fn unique<T: PartialEq + Clone>(all: Vec<T>) -> Vec<T> {
    let mut out: Vec<T> = Vec::new();
    for item in all {
        if !out.contains(&item) {
            out.push(item);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        for (text, n) in [
            ("7", 7),
            ("10M", 10_000_000),
            ("64k", 64_000),
            ("1gb", 1_000_000_000),
        ] {
            assert_eq!(count(text), Ok(n), "{text}");
        }
        for text in ["", "M", "1x", "-1", "99999999999G"] {
            assert!(count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn modes_may_be_written_as_arrows() {
        let names: Vec<String> = ["disk->disk", "memory→swapdb"].map(str::to_owned).to_vec();
        assert_eq!(modes(&names).unwrap(), [Mode::DiskDisk, Mode::MemorySwapdb]);
        assert_eq!(modes(&[]).unwrap().len(), 5);
        assert!(modes(&["x".to_owned()]).is_err());
    }

    #[test]
    fn addresses_have_a_port() {
        let of = |text: &str| address(text).unwrap();
        assert_eq!(of("10.0.0.1"), (false, "10.0.0.1:6379".into()));
        assert_eq!(of("redis://h:7000/"), (false, "h:7000".into()));
        assert_eq!(of("rediss://h"), (true, "h:6379".into()));
        assert!(address(":7000").is_err() && address("h:x").is_err() && address("").is_err());
    }
}
