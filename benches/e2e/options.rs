//! The command line.

use std::time::Duration;

use crate::contest::Contestant;
use crate::disk;
use crate::support::peers;
use crate::support::server::Builder;

/// What to measure.
pub struct Options {
    only: Vec<String>,
    /// Names of data sets: `d1`, `d2`, `d4`, `hash1m`.
    pub data: Vec<String>,
    /// Share of the full number of keys and requests.
    pub scale: f64,
    /// How often each server is measured.
    pub rounds: usize,
    /// Who takes part, Forebay first.
    pub servers: Vec<Contestant>,
    /// How long the latency probe runs without a snapshot, at least.
    pub probe: Duration,
    /// Overwrites a second beside a snapshot, one run each; `None` is as many as the server takes.
    pub writes: Vec<Option<u64>>,
    /// Snapshots taken of each server in each round.
    pub pairs: usize,
    /// Megabytes a second that the disk takes; `None` is the disk as it is.
    pub disk: Option<u64>,
}

const PEERS: [&str; 3] = ["redis-7.0", "redis-8.2", "valkey-9.1"];

const HELP: &str = "\
usage: cargo bench --bench e2e -- [options]
  --only JOBS      some of: load,snapshot,sync,throughput,memory,cache,failover,append (default: all)
  --data SETS      some of: d1,d2,d4,hash1m (default: d1,d2; load takes all that are named,
                   snapshot those of them that are d1 or hash1m)
  --scale F        share of the full size, 0.001 to 1 (default 1)
  --rounds N       measurements of each server (default 3)
  --servers NAMES  forebay and peers (default: forebay,redis-7.0,redis-8.2,valkey-9.1, as far as they are here);
                   a path is another server, such as an older build, to compare with
  --probe SECONDS  least length of the latency probe without a snapshot (default: as long as with one)
  --pairs N        snapshots of each server in each round, each with a probe without one (default 3)
  --writes RATES   overwrites a second beside a snapshot, or max (default 10000)
  --disk MB        megabytes a second that the disk takes, for all servers alike (default: as it is)";

impl Options {
    /// Parses the arguments; ends the program with the usage where they make no sense.
    pub fn from_command_line(jobs: &[&str]) -> Options {
        Options::parse(std::env::args().skip(1), jobs).unwrap_or_else(|error| {
            eprintln!("{error}\n{HELP}");
            std::process::exit(2);
        })
    }

    fn parse(mut args: impl Iterator<Item = String>, jobs: &[&str]) -> Result<Options, String> {
        let mut options = Options {
            only: Vec::new(),
            data: vec!["d1".to_owned(), "d2".to_owned()],
            scale: 1.0,
            rounds: 3,
            servers: Vec::new(),
            probe: Duration::ZERO,
            writes: vec![Some(10_000)],
            pairs: 3,
            disk: None,
        };
        let mut servers: Option<Vec<String>> = None;
        while let Some(flag) = args.next() {
            if flag == "--bench" {
                continue; // cargo bench says so
            }
            let value = args.next().ok_or(format!("{flag} needs a value"))?;
            let list = || value.split(',').map(str::to_owned).collect::<Vec<_>>();
            let wrong = |_| format!("{flag} {value}: not a number");
            let flag = flag.as_str();
            match flag {
                "--only" => options.only = list(),
                "--data" => options.data = list(),
                "--servers" => servers = Some(list()),
                "--scale" => options.scale = value.parse().map_err(wrong)?,
                "--rounds" => options.rounds = number(flag, &value)? as usize,
                "--probe" => options.probe = Duration::from_secs(number(flag, &value)?),
                "--pairs" => options.pairs = number(flag, &value)? as usize,
                "--disk" => options.disk = Some(number(flag, &value)?),
                "--writes" => {
                    let rates = list().into_iter();
                    options.writes = rates
                        .map(|rate| rate_of(flag, &rate))
                        .collect::<Result<_, _>>()?;
                }
                _ => return Err(format!("unknown option {flag}")),
            }
        }
        if let Some(unknown) = options
            .only
            .iter()
            .find(|job| !jobs.contains(&job.as_str()))
        {
            return Err(format!("there is no job {unknown}"));
        }
        if !(0.001..=1.0).contains(&options.scale) || options.rounds == 0 || options.pairs == 0 {
            return Err("--scale is 0.001 to 1, --rounds and --pairs at least 1".to_owned());
        }
        let names = servers.unwrap_or_else(|| {
            let here = PEERS.iter().filter(|name| peers::find(name).is_some());
            std::iter::once("forebay")
                .chain(here.copied())
                .map(str::to_owned)
                .collect()
        });
        let slow_disk = options.disk.map(|_| disk::slow_disk());
        for name in &names {
            let server = Contestant::named(name)
                .ok_or(format!("there is no server {name} on this machine"))?;
            options.servers.push(match &slow_disk {
                Some(library) => server.preloading(library.clone()),
                None => server,
            });
        }
        Ok(options)
    }

    /// Whether a job was asked for.
    pub fn wants(&self, job: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == job)
    }

    /// A count of keys or requests at this scale.
    pub fn scaled(&self, full: usize) -> usize {
        ((full as f64 * self.scale) as usize).max(1)
    }

    /// A server's start of a configuration, on the disk asked for.
    pub fn builder(&self, server: &Contestant) -> Builder {
        match self.disk {
            Some(rate) => server.builder().env("SLOW_DISK_MB", &rate.to_string()),
            None => server.builder(),
        }
    }

    /// The disk, for titles.
    pub fn disk_name(&self) -> String {
        match self.disk {
            Some(rate) => format!(", a disk of {rate} MB/s"),
            None => String::new(),
        }
    }

    /// One line on what is measured.
    pub fn describe(&self) -> String {
        let names: Vec<_> = self.servers.iter().map(|s| s.name.as_str()).collect();
        format!(
            "servers {}; scale {}; {} rounds, each server once a round",
            names.join(" "),
            self.scale,
            self.rounds
        )
    }
}

fn number(flag: &str, value: &str) -> Result<u64, String> {
    value
        .parse()
        .map_err(|_| format!("{flag} {value}: not a number"))
}

fn rate_of(flag: &str, value: &str) -> Result<Option<u64>, String> {
    match value {
        "max" => Ok(None),
        rate => number(flag, rate).map(Some),
    }
}
