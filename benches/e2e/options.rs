//! The command line.

use std::time::Duration;

use crate::contest::Contestant;
use crate::support::peers;

/// What to measure.
pub struct Options {
    only: Vec<String>,
    /// Names of data sets: `d1`, `d2`, `d4`.
    pub data: Vec<String>,
    /// Share of the full number of keys and requests.
    pub scale: f64,
    /// How often each server is measured.
    pub rounds: usize,
    /// Who takes part, Forebay first.
    pub servers: Vec<Contestant>,
    /// How long the latency probe runs without a snapshot.
    pub probe: Duration,
}

const PEERS: [&str; 3] = ["redis-7.0", "redis-8.2", "valkey-9.1"];

const HELP: &str = "\
usage: cargo bench --bench e2e -- [options]
  --only JOBS      some of: load,snapshot,sync,throughput,memory,cache,failover (default: all)
  --data SETS      some of: d1,d2,d4 (default: d1,d2; load takes all that are named)
  --scale F        share of the full size, 0.001 to 1 (default 1)
  --rounds N       measurements of each server (default 3)
  --servers NAMES  forebay and peers (default: forebay,redis-7.0,redis-8.2,valkey-9.1, as far as they are here)
  --probe SECONDS  length of the latency probe without a snapshot (default 10)";

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
            probe: Duration::from_secs(10),
        };
        let mut servers: Option<Vec<String>> = None;
        while let Some(flag) = args.next() {
            if flag == "--bench" {
                continue; // cargo bench says so
            }
            let value = args.next().ok_or(format!("{flag} needs a value"))?;
            let list = || value.split(',').map(str::to_owned).collect::<Vec<_>>();
            let wrong = |_| format!("{flag} {value}: not a number");
            match flag.as_str() {
                "--only" => options.only = list(),
                "--data" => options.data = list(),
                "--servers" => servers = Some(list()),
                "--scale" => options.scale = value.parse().map_err(wrong)?,
                "--rounds" => {
                    options.rounds = value
                        .parse()
                        .map_err(|_| format!("{flag} {value}: not a number"))?
                }
                "--probe" => {
                    options.probe = Duration::from_secs(
                        value
                            .parse()
                            .map_err(|_| format!("{flag} {value}: not a number"))?,
                    );
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
        if !(0.001..=1.0).contains(&options.scale) || options.rounds == 0 {
            return Err("--scale is 0.001 to 1, --rounds at least 1".to_owned());
        }
        let names = servers.unwrap_or_else(|| {
            let here = PEERS.iter().filter(|name| peers::find(name).is_some());
            std::iter::once("forebay")
                .chain(here.copied())
                .map(str::to_owned)
                .collect()
        });
        options.servers = names
            .iter()
            .map(|name| {
                Contestant::named(name).ok_or(format!("there is no server {name} on this machine"))
            })
            .collect::<Result<_, _>>()?;
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
