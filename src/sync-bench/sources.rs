//! Where the moments of a sync are read from: the report in Forebay's INFO, or a server's log.

use super::client::Info;
use crate::sync_log::Log;
use crate::sync_log::moments::{Moment, Moments, Side};
use crate::sync_log::syncs::{self, Sync};

/// What one side reports of a sync.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Its moments.
    pub moments: Moments,
    /// The report is complete.
    pub complete: bool,
    /// Why it failed.
    pub failure: Option<String>,
    /// Payload bytes.
    pub bytes: Option<u64>,
    /// Bytes that the snapshot made its holder copy.
    pub copied_bytes: Option<u64>,
    /// The way that was really taken, of this side: `disk`, `sockets`; `disk`, `memory`, `swapdb`.
    pub way: Option<String>,
    /// Two connections were used.
    pub two_connections: bool,
}

/// The report in INFO replication; `None` if the server has none. What began before `since_us` is another sync.
pub fn from_info(info: &Info, side: Side, since_us: i64) -> Option<Told> {
    let fields: &[(&str, Moment)] = match side {
        Side::Master => &[
            ("request_us", Moment::Request),
            ("delay_end_us", Moment::Order),
            ("snapshot_start_us", Moment::Cut),
            ("snapshot_end_us", Moment::Walked),
            ("transfer_start_us", Moment::Send),
            ("transfer_end_us", Moment::Sent),
            ("online_us", Moment::Online),
            ("caught_up_us", Moment::CaughtUp),
        ],
        Side::Replica => &[
            ("connect_us", Moment::Connect),
            ("request_us", Moment::Ask),
            ("fullresync_us", Moment::Answer),
            ("transfer_start_us", Moment::Receive),
            ("transfer_end_us", Moment::Received),
            ("load_start_us", Moment::Load),
            ("load_end_us", Moment::Loaded),
            ("swap_us", Moment::Swapped),
            ("online_us", Moment::Up),
        ],
    };
    let prefix = match side {
        Side::Master => "last_full_sync_out_",
        Side::Replica => "last_full_sync_in_",
    };
    let get = |name: &str| info.get(&format!("{prefix}{name}"));
    let status = get("status")?;
    let mut told = Told::default();
    for (name, moment) in fields {
        let at = get(name).and_then(|v| v.parse().ok()).unwrap_or(0);
        if at >= since_us {
            told.moments.set(*moment, at);
        }
    }
    // The first moment of this side is older: it is the report of the last sync but one.
    told.moments.get(fields[0].1)?;
    told.way = get(match side {
        Side::Master => "target",
        Side::Replica => "load",
    })
    .map(str::to_owned);
    match side {
        Side::Master => told.moments.from_file = told.way.as_deref() == Some("disk"),
        Side::Replica => told.moments.to_file = told.way.as_deref() == Some("disk"),
    }
    told.complete = status == "ok";
    told.failure =
        (status == "failed").then(|| format!("the {} reports a failed sync", side.name()));
    told.bytes = get("bytes").and_then(|v| v.parse().ok());
    Some(told)
}

/// The last sync in a log. `replica_port` is the port by which the master's log names the replica, if it is known.
pub fn from_log(log: &Log, side: Side, replica_port: Option<u16>) -> Option<Told> {
    let found = syncs::of(side, &log.lines);
    let suffix = replica_port.map(|port| format!(":{port}"));
    let ours = |s: &&Sync| match (&suffix, side) {
        (Some(suffix), Side::Master) => s.replica.ends_with(suffix.as_str()),
        _ => true,
    };
    let sync = found.iter().rev().find(ours)?;
    let way = match side {
        Side::Master => sync.target,
        Side::Replica => sync.load,
    };
    Some(Told {
        moments: sync.moments.clone(),
        complete: sync.is_complete(),
        failure: sync.failure.clone(),
        bytes: sync.bytes,
        copied_bytes: sync.cow_bytes,
        way: way.map(str::to_owned),
        two_connections: sync.two_connections,
    })
}

/// Both sides' moments as one, by one clock.
pub fn joined(master: &Told, replica: &Told) -> Moments {
    let mut moments = Moments::default();
    moments.take_side(&master.moments, Side::Master, 0);
    moments.take_side(&replica.moments, Side::Replica, 0);
    moments
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "# Replication\r\nrole:slave\r\nlast_full_sync_in_status:ok\r\nlast_full_sync_in_load:swapdb\r\n\
        last_full_sync_in_bytes:77\r\nlast_full_sync_in_connect_us:100\r\nlast_full_sync_in_request_us:110\r\n\
        last_full_sync_in_load_end_us:0\r\nlast_full_sync_in_online_us:190\r\n";

    #[test]
    fn a_report_gives_the_moments_that_have_come() {
        let told = from_info(&Info::parse(INFO), Side::Replica, 100).expect("a report");
        assert_eq!(told.moments.get(Moment::Connect), Some(100));
        assert_eq!(told.moments.get(Moment::Loaded), None);
        assert_eq!((told.complete, told.bytes), (true, Some(77)));
        assert_eq!(told.way.as_deref(), Some("swapdb"));
    }

    #[test]
    fn the_report_of_an_earlier_sync_is_none() {
        assert!(from_info(&Info::parse(INFO), Side::Replica, 101).is_none());
        assert!(from_info(&Info::parse(INFO), Side::Master, 0).is_none());
        assert!(from_info(&Info::parse("role:master\r\n"), Side::Master, 0).is_none());
    }
}
