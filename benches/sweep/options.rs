//! The command line.

use crate::contest::Contestant;
use crate::support::peers;
use crate::support::server::Builder;
use std::path::PathBuf;
use std::time::Duration;

/// What to measure.
pub struct Options {
    only: Vec<String>,
    max_size: usize,
    /// How often each case runs on each server.
    pub rounds: usize,
    /// Processor time that a case takes on the fastest server in a round, about.
    pub time: Duration,
    /// Who takes part, Forebay first.
    pub servers: Vec<Contestant>,
    /// Where the figures are written.
    pub json: Option<PathBuf>,
}

const PEERS: [&str; 2] = ["redis-8.2", "valkey-9.1"];

const HELP: &str = "\
usage: cargo bench --bench sweep -- [options]
  --only WORDS     cases whose row has one of these (separated by commas): \"list LPUSH\", \"script\", \"GETRANGE\"
  --max-size N     no datasets of more elements, or bytes of a value (default: all, up to 10000000)
  --rounds N       measurements of each case (default 5)
  --millis N       processor time of a measurement on the fastest server (default 10)
  --servers NAMES  the first is compared with the best of the others (default: forebay,redis-8.2,valkey-9.1)
  --binary FILE    the program of Forebay (default: the one of this build)
  --json FILE      all figures";

impl Options {
    /// Parses the arguments; ends the program with the usage where they make no sense.
    pub fn from_command_line() -> Options {
        Options::parse(std::env::args().skip(1)).unwrap_or_else(|error| {
            eprintln!("{error}\n{HELP}");
            std::process::exit(2);
        })
    }

    fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options {
            only: Vec::new(),
            max_size: usize::MAX,
            rounds: 5,
            time: Duration::from_millis(10),
            servers: Vec::new(),
            json: None,
        };
        let mut names = vec!["forebay".to_owned()];
        names.extend(PEERS.map(str::to_owned));
        let mut binary = None;
        while let Some(flag) = args.next() {
            if flag == "--bench" {
                continue; // cargo bench says so
            }
            let value = args.next().ok_or(format!("{flag} needs a value"))?;
            let number = || {
                let number = value.parse::<usize>().ok().filter(|&n| n > 0);
                number.ok_or(format!("{flag} {value}: not a number above 0"))
            };
            match flag.as_str() {
                "--only" => options.only = value.split(',').map(str::to_owned).collect(),
                "--max-size" => options.max_size = number()?,
                "--rounds" => options.rounds = number()?,
                "--millis" => options.time = Duration::from_millis(number()? as u64),
                "--servers" => names = value.split(',').map(str::to_owned).collect(),
                "--binary" => binary = Some(PathBuf::from(&value)),
                "--json" => options.json = Some(PathBuf::from(&value)),
                _ => return Err(format!("unknown option {flag}")),
            }
        }
        for name in names {
            match Contestant::named(&name) {
                Some(mut server) => {
                    if let Some(path) = binary.as_ref().filter(|_| name == "forebay") {
                        server.builder = Builder::of(&name, path);
                    }
                    options.servers.push(server);
                }
                None if PEERS.contains(&name.as_str()) && peers::find(&name).is_none() => {
                    eprintln!("{name} is not on this machine");
                }
                None => return Err(format!("there is no server {name} on this machine")),
            }
        }
        Ok(options)
    }

    /// Whether datasets of this size are made.
    pub fn takes(&self, size: usize) -> bool {
        size <= self.max_size
    }

    /// Whether the row of this name was asked for.
    pub fn wants(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|word| row.contains(word.as_str()))
    }
}
