//! The plan of what is measured: which servers, in which ways, under which conditions, in which order.

use std::fmt;
use std::path::PathBuf;

/// A way of a full sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// The master saves a file and sends it, the replica writes a file and loads it.
    DiskDisk,
    /// The master sends a file, the replica loads it as it comes.
    DiskMemory,
    /// The master sends its memory, the replica writes a file and loads it.
    MemoryDisk,
    /// No file at all; the replica is empty before.
    MemoryMemory,
    /// No file at all; the replica keeps its old data until the new are complete.
    MemorySwapdb,
    /// As memory to memory on two connections, as Redis 8 does it.
    RdbChannel,
    /// The same as Valkey 8 and 9 do it.
    DualChannel,
}

impl Mode {
    /// All of them.
    pub const ALL: [Mode; 7] = [
        Mode::DiskDisk,
        Mode::DiskMemory,
        Mode::MemoryDisk,
        Mode::MemoryMemory,
        Mode::MemorySwapdb,
        Mode::RdbChannel,
        Mode::DualChannel,
    ];

    /// On the command line, in JSON and CSV.
    pub fn name(self) -> &'static str {
        match self {
            Mode::DiskDisk => "disk-disk",
            Mode::DiskMemory => "disk-memory",
            Mode::MemoryDisk => "memory-disk",
            Mode::MemoryMemory => "memory-memory",
            Mode::MemorySwapdb => "memory-swapdb",
            Mode::RdbChannel => "rdb-channel",
            Mode::DualChannel => "dual-channel",
        }
    }

    /// By name.
    pub fn from_name(name: &str) -> Option<Mode> {
        Mode::ALL.into_iter().find(|m| m.name() == name)
    }

    /// `repl-diskless-sync`
    pub fn diskless_sync(self) -> &'static str {
        match self {
            Mode::DiskDisk | Mode::DiskMemory => "no",
            _ => "yes",
        }
    }

    /// `repl-diskless-load`
    pub fn diskless_load(self) -> &'static str {
        match self {
            Mode::DiskDisk | Mode::MemoryDisk => "disabled",
            Mode::MemorySwapdb => "swapdb",
            _ => "on-empty-db",
        }
    }

    /// Disk work on the way.
    pub fn uses_disk(self) -> bool {
        matches!(self, Mode::DiskDisk | Mode::DiskMemory | Mode::MemoryDisk)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The maker of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// This project.
    Forebay,
    /// Redis.
    Redis,
    /// Valkey.
    Valkey,
}

/// A server program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    /// Where it is.
    pub path: PathBuf,
    /// Whose.
    pub family: Family,
    /// Major and minor.
    pub version: (u32, u32),
    /// As it prints itself.
    pub version_text: String,
}

impl Binary {
    /// From the path and what `--version` printed.
    pub fn parse(path: PathBuf, printed: &str) -> Option<Binary> {
        let family = match printed.split_whitespace().next()? {
            "Forebay" => Family::Forebay,
            "Redis" => Family::Redis,
            "Valkey" | "Server" => Family::Valkey,
            _ => return None,
        };
        let version_text = printed.split("v=").nth(1)?.split_whitespace().next()?;
        let mut numbers = version_text.split('.').map(str::parse::<u32>);
        let version = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        Some(Binary {
            path,
            family,
            version,
            version_text: version_text.to_owned(),
        })
    }

    /// For people: `Redis 7.0.15`.
    pub fn title(&self) -> String {
        let family = match self.family {
            Family::Forebay => "Forebay",
            Family::Redis => "Redis",
            Family::Valkey => "Valkey",
        };
        format!("{family} {}", self.version_text)
    }

    /// `repl-rdb-channel`
    pub fn has_rdb_channel(&self) -> bool {
        match self.family {
            Family::Forebay => true,
            Family::Redis => self.version.0 >= 8,
            Family::Valkey => false,
        }
    }

    /// `dual-channel-replication-enabled`
    pub fn has_dual_channel(&self) -> bool {
        match self.family {
            Family::Forebay => true,
            Family::Redis => false,
            Family::Valkey => self.version.0 >= 8,
        }
    }
}

/// A master and a replica to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Servers {
    /// What the user calls them.
    pub name: String,
    /// The master's program.
    pub master: Binary,
    /// The replica's.
    pub replica: Binary,
}

impl Servers {
    /// Whether they can sync in that way.
    pub fn can(&self, mode: Mode) -> bool {
        match mode {
            Mode::RdbChannel => self.master.has_rdb_channel() && self.replica.has_rdb_channel(),
            Mode::DualChannel => self.master.has_dual_channel() && self.replica.has_dual_channel(),
            _ => true,
        }
    }
}

/// Under which conditions a sync runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// The way.
    pub mode: Mode,
    /// `repl-diskless-sync-delay`, in seconds.
    pub delay_s: u32,
    /// Writes per second that are sent to the master.
    pub write_load: u32,
    /// Bytes a second that the link takes; `None` = as many as there are.
    pub link_rate: Option<u64>,
}

/// One thing that is measured several times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Index into the servers.
    pub servers: usize,
    /// How.
    pub conditions: Conditions,
}

/// All cells: conditions vary faster than servers, so that a report groups well.
pub fn cells(
    servers: &[Servers],
    modes: &[Mode],
    delays_s: &[u32],
    write_loads: &[u32],
    link_rates: &[Option<u64>],
) -> Vec<Cell> {
    let mut cells = Vec::new();
    for &link_rate in link_rates {
        for &write_load in write_loads {
            for &mode in modes {
                for (i, these) in servers.iter().enumerate() {
                    // A delay means nothing to a master that writes a file.
                    let delays = match mode.diskless_sync() {
                        "yes" => delays_s,
                        _ => &[0][..],
                    };
                    for &delay_s in delays {
                        if these.can(mode) {
                            cells.push(Cell {
                                servers: i,
                                conditions: Conditions {
                                    mode,
                                    delay_s,
                                    write_load,
                                    link_rate,
                                },
                            });
                        }
                    }
                }
            }
        }
    }
    cells
}

/// In which order cells are run: all of them once, then all again, every second time backwards, so that what drifts on
/// the machine meets all of them. Pairs of (cell, repetition).
pub fn order(cells: usize, repeat: usize) -> Vec<(usize, usize)> {
    let round = |n: usize| -> Vec<(usize, usize)> {
        let there = (0..cells).map(|c| (c, n));
        match n % 2 {
            0 => there.collect(),
            _ => there.rev().collect(),
        }
    };
    (0..repeat).flat_map(round).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(printed: &str) -> Servers {
        let binary = Binary::parse(PathBuf::from("x"), printed).expect(printed);
        Servers {
            name: binary.title(),
            master: binary.clone(),
            replica: binary,
        }
    }

    #[test]
    fn versions_are_read_from_what_servers_print() {
        for (printed, title) in [
            (
                "Forebay server v=0.1.0 redis=7.4.2 malloc=jemalloc bits=64",
                "Forebay 0.1.0",
            ),
            (
                "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0",
                "Redis 7.0.15",
            ),
            (
                "Valkey server v=9.1.2 sha=00000000:1 malloc=libc",
                "Valkey 9.1.2",
            ),
        ] {
            assert_eq!(servers(printed).name, title);
        }
        for printed in ["", "bash 5.2", "Redis server", "Redis server v=x.y"] {
            assert_eq!(Binary::parse(PathBuf::new(), printed), None, "{printed}");
        }
    }

    #[test]
    fn cells_leave_out_what_a_server_cannot_do_and_delays_that_mean_nothing() {
        let all = [
            servers("Redis server v=7.0.15"),
            servers("Redis server v=8.2.3"),
        ];
        let cells = cells(&all, &Mode::ALL, &[0, 5], &[0], &[None]);
        // Per server: two modes from disk, three from memory with two delays; and the rdb channel once with two.
        assert_eq!(cells.len(), 2 * (2 + 3 * 2) + 2);
    }

    #[test]
    fn every_cell_runs_as_often_and_not_always_after_the_same() {
        assert_eq!(
            order(3, 2),
            [(0, 0), (1, 0), (2, 0), (2, 1), (1, 1), (0, 1)]
        );
    }
}
