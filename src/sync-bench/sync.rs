//! Measures one full sync, from REPLICAOF until the replica can be used.
//!
//! ```text
//! clients at work | samplers | REPLICAOF ... poll INFO every ms ... link up, keys equal | write + WAIT: caught up | what
//!                              ^ 0                              ^ total                                 both sides tell
//! ```

use super::client::Client;
use super::fill::{load_key, value};
use super::load::{Load, Sample};
use super::plan::{Conditions, Family};
use super::process::{Stop, check_signal, trouble};
use super::server::Server;
use super::sources::{Told, joined};
use super::status::Status;
use super::throttle::Throttle;
use super::usage::{Sampler, Usage};
use crate::sync_log::moments::{Moment, Moments, Side};
use std::net::ToSocketAddrs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Between two looks at the replica.
const POLL: Duration = Duration::from_millis(1);
/// Between two looks at logs and processes.
const HEALTH: Duration = Duration::from_millis(100);
/// How long clients run before the sync, so that its latencies can be compared.
const BEFORE: Duration = Duration::from_millis(250);
/// How long both sides may take to tell everything after the link is up.
const TELLING: Duration = Duration::from_secs(3);
/// How long the first answers of everything written may take.
const CATCH_UP: Duration = Duration::from_secs(30);

/// What a sync runs with.
#[derive(Debug)]
pub struct Order {
    /// How.
    pub conditions: Conditions,
    /// Requests a second of the client whose latency is measured; 0 = none.
    pub probe_rate: u32,
    /// Bytes of a written value.
    pub value_size: Option<usize>,
    /// What the clients read and write.
    pub keys: Keys,
    /// The whole sync, at most.
    pub timeout: Duration,
    /// Writing to the master is allowed: it is ours.
    pub may_write: bool,
}

/// Keys that clients use.
#[derive(Clone, Debug)]
pub enum Keys {
    /// `key:0` to `key:N-1`: read with GET, and overwritten at random, which is what makes a fork copy pages.
    Generated(u64),
    /// Keys of any type that are there: read with EXISTS, and left as they are; writes go to keys of our own.
    Known(Vec<String>),
}

impl Keys {
    /// The read with this number.
    fn read(&self, n: u64) -> Vec<String> {
        // Far from the last one, so that all are read in the end.
        let far = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        match self {
            Keys::Generated(keys) => {
                let key = far % (*keys).max(1);
                vec!["GET".to_owned(), format!("key:{key}")]
            }
            Keys::Known(keys) => {
                let at = (far % keys.len().max(1) as u64) as usize;
                let key = keys.get(at).cloned().unwrap_or_default();
                vec!["EXISTS".to_owned(), key]
            }
        }
    }

    /// The write with this number: a key that is there gets a value of the same size.
    fn write(&self, n: u64, value_size: Option<usize>) -> Vec<String> {
        let key = match self {
            Keys::Generated(keys) => {
                let far = n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
                format!("key:{}", far % (*keys).max(1))
            }
            Keys::Known(_) => load_key(n),
        };
        let text = String::from_utf8(value(n, value_size)).unwrap_or_default();
        vec!["SET".to_owned(), key, text]
    }
}

/// Some keys of the first database, whatever their type.
pub fn known_keys(client: &mut Client) -> Vec<String> {
    const SOME: usize = 200;
    let some = (0..SOME).map_while(|_| client.run(&["RANDOMKEY"]).ok());
    // A key that is not text came over changed, and would not be found.
    some.filter(|k| !k.is_empty() && !k.contains('\u{fffd}'))
        .collect()
}

/// What was measured.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// REPLICAOF was sent: Unix time in µs.
    pub began_us: i64,
    /// Until `master_link_status:up`, in µs.
    pub up_us: i64,
    /// Until that, and the same number of keys on both sides, in µs.
    pub total_us: i64,
    /// Until everything written before was acknowledged, in µs.
    pub caught_up_us: Option<i64>,
    /// What both sides told.
    pub moments: Moments,
    /// Payload bytes on the wire.
    pub bytes: Option<u64>,
    /// Keys of the replica at the end.
    pub keys: u64,
    /// What the master used.
    pub master: Option<Usage>,
    /// What the replica used.
    pub replica: Option<Usage>,
    /// Bytes that the snapshot made the master copy, as it says.
    pub copied_bytes: Option<u64>,
    /// The way that was really taken: `disk -> memory`.
    pub way: String,
    /// Latencies of the probe, `at_us` from REPLICAOF on; some before it are negative and not here.
    pub latencies: Vec<Sample>,
    /// Latencies before the sync.
    pub latencies_before: Vec<u64>,
    /// Writes a second that were answered during the sync.
    pub writes_per_s: Option<f64>,
    /// Writes that were answered with an error.
    pub write_errors: u64,
}

/// Unix time now, in µs.
pub fn unix_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| d.as_micros() as i64)
}

/// Makes `replica` follow `master` and measures that.
///
/// # Errors
/// It did not end well, and why; a signal.
pub fn measure(
    master: &mut Server,
    replica: &mut Server,
    order: &Order,
    status: &mut Status,
) -> Result<Measured, Stop> {
    let link = start_link(master, order.conditions.link_rate)?;
    let (probe, writer) = start_clients(master, order)?;
    status.phase("warming up", None);
    wait(BEFORE)?;
    let mut on_master = master.client()?;
    let mut on_replica = replica.client()?;
    let mut goal = on_master.keys().map_err(|e| master.failed(&e))?;
    let logs = (master.log_len(), replica.log_len());
    let sampler = |s: &Server| {
        s.pid
            .map(|pid| Sampler::start(pid, s.family != Family::Forebay))
    };
    let samplers = (sampler(master), sampler(replica));
    let marks = |l: &Option<Load>| l.as_ref().map(|l| (l.now_us(), l.counts()));
    let began_us = unix_us();
    let (probe_from, writer_from) = (marks(&probe), marks(&writer));
    let began = Instant::now();
    follow(master, replica, &mut on_replica, link.as_ref())?;
    let mut watch = Watch {
        began_us,
        logs,
        replica_port: replica.port(),
        deadline: began + order.timeout,
        checked: began,
    };
    let mut seen = Seen::default();
    let elapsed_us = || began.elapsed().as_micros() as i64;
    // The link is up.
    loop {
        let info = on_replica
            .info("replication")
            .map_err(|e| replica.failed(&e))?;
        if info.get("master_link_status") == Some("up") {
            break;
        }
        seen.progress(&info, status);
        watch.look(master, replica, &mut on_master, &mut on_replica)?;
        std::thread::sleep(POLL);
    }
    let up_us = elapsed_us();
    // The keys are there. Where they come and go by themselves, as many as the master has then.
    let keys = loop {
        let keys = on_replica.keys().map_err(|e| replica.failed(&e))?;
        if keys == goal {
            break keys;
        }
        goal = on_master.keys().map_err(|e| master.failed(&e))?;
        watch.look(master, replica, &mut on_master, &mut on_replica)?;
        std::thread::sleep(POLL);
    };
    let total_us = elapsed_us();
    let (probe_to, writer_to) = (marks(&probe), marks(&writer));
    let usage = (
        samplers.0.as_ref().map(Sampler::usage),
        samplers.1.as_ref().map(Sampler::usage),
    );
    status.phase("catching up", None);
    let caught_up_us = match order.may_write {
        true => Some(catch_up(master, &mut on_master, began)?),
        false => None,
    };
    if let Some(probe) = &probe {
        probe.settle(Duration::from_secs(2));
    }
    let (from_master, from_replica) =
        watch.wait_told(master, replica, &mut on_master, &mut on_replica)?;
    let mut moments = joined(&from_master, &from_replica);
    if let (Some(us), None) = (caught_up_us, moments.get(Moment::CaughtUp)) {
        moments.set(Moment::CaughtUp, began_us + us);
    }
    let (latencies, latencies_before) = match (&probe, probe_from, probe_to) {
        (Some(probe), Some((from, _)), Some((to, _))) => {
            let before = probe.samples(0, from.saturating_sub(1));
            let mut during = probe.samples(from, to);
            during.iter_mut().for_each(|s| s.at_us -= from);
            (during, before.iter().map(|s| s.latency_us).collect())
        }
        _ => (Vec::new(), Vec::new()),
    };
    let writes = writer_from.zip(writer_to);
    let writes_per_s = writes.map(|((from, before), (to, after))| {
        let seconds = (to - from).max(1) as f64 / 1e6;
        (after.answered - before.answered) as f64 / seconds
    });
    // What went over a link of ours was counted; else the log or the report knows.
    let counted = link.as_ref().map(Throttle::bytes);
    Ok(Measured {
        began_us,
        up_us,
        total_us,
        caught_up_us,
        bytes: from_master
            .bytes
            .or(from_replica.bytes)
            .or(counted)
            .or(received(&mut on_replica, keys)),
        keys,
        master: usage.0,
        replica: usage.1,
        copied_bytes: from_master.copied_bytes,
        way: way(&from_master, &from_replica),
        moments,
        latencies,
        latencies_before,
        writes_per_s,
        write_errors: writes.map_or(0, |((_, a), (_, b))| b.errors - a.errors),
    })
}

fn wait(time: Duration) -> Result<(), Stop> {
    let began = Instant::now();
    while began.elapsed() < time {
        check_signal()?;
        std::thread::sleep(Duration::from_millis(5).min(time));
    }
    Ok(())
}

fn start_link(master: &Server, rate: Option<u64>) -> Result<Option<Throttle>, Stop> {
    let Some(rate) = rate else { return Ok(None) };
    let failed = |e: std::io::Error| trouble(format!("the throttled link: {e}"));
    let mut addresses = master.place.address.to_socket_addrs().map_err(failed)?;
    let address = addresses
        .next()
        .ok_or_else(|| trouble("the master has no address"))?;
    Throttle::start(address, rate).map(Some).map_err(failed)
}

fn start_clients(master: &Server, order: &Order) -> Result<(Option<Load>, Option<Load>), Stop> {
    let failed = |e: std::io::Error| trouble(format!("a client of the {}: {e}", master.role));
    let probe = match order.probe_rate {
        0 => None,
        rate => {
            let keys = order.keys.clone();
            let get = move |n: u64| keys.read(n);
            Some(Load::start(&master.place, rate, true, get).map_err(failed)?)
        }
    };
    let size = order.value_size;
    let writer = match order.conditions.write_load {
        0 => None,
        rate => {
            let keys = order.keys.clone();
            let set = move |n: u64| keys.write(n, size);
            Some(Load::start(&master.place, rate, false, set).map_err(failed)?)
        }
    };
    Ok((probe, writer))
}

/// REPLICAOF: to the master itself, or to the link before it.
fn follow(
    master: &Server,
    replica: &mut Server,
    client: &mut Client,
    link: Option<&Throttle>,
) -> Result<(), Stop> {
    let (host, port) = match link {
        Some(link) => ("127.0.0.1".to_owned(), link.port().to_string()),
        None => {
            let address = &master.place.address;
            let (host, port) = address.rsplit_once(':').unwrap_or((address, "6379"));
            (host.to_owned(), port.to_owned())
        }
    };
    let answer = client.run(&["REPLICAOF", &host, &port]);
    answer.map(drop).map_err(|e| match e.kind() {
        std::io::ErrorKind::Other => {
            trouble(format!("the {} refuses REPLICAOF: {e}", replica.role))
        }
        _ => replica.failed(&e),
    })
}

/// Bytes that the replica's link has read, where its server counts them. Of a sync on two connections
/// some servers count the first only, now and then: fewer bytes than keys are not a payload.
fn received(client: &mut Client, keys: u64) -> Option<u64> {
    let stats = client.info("stats").ok()?;
    let bytes = stats.number("total_net_repl_input_bytes")?;
    u64::try_from(bytes).ok().filter(|n| *n > keys)
}

fn way(master: &Told, replica: &Told) -> String {
    let from = match master.way.as_deref() {
        Some("sockets") => "memory",
        Some(other) => other,
        None => "?",
    };
    let to = replica.way.as_deref().unwrap_or("?");
    let two = master.two_connections || replica.two_connections;
    let more = if two { ", two connections" } else { "" };
    format!("{from} -> {to}{more}")
}

/// A write of ours, and the replica's word that it has everything up to it.
fn catch_up(master: &mut Server, client: &mut Client, began: Instant) -> Result<i64, Stop> {
    let limit_ms = CATCH_UP.as_millis().to_string();
    let asked = client
        .run(&["SET", &load_key(0), "0"])
        .and_then(|_| client.run(&["WAIT", "1", &limit_ms]));
    match asked.map_err(|e| master.failed(&e))?.as_str() {
        "0" => Err(trouble(format!(
            "the replica did not acknowledge what was written during the sync within {} s",
            CATCH_UP.as_secs()
        ))),
        _ => Ok(began.elapsed().as_micros() as i64),
    }
}

/// Looks now and then whether a sync can still end well.
struct Watch {
    began_us: i64,
    logs: (u64, u64),
    replica_port: Option<u16>,
    deadline: Instant,
    checked: Instant,
}

impl Watch {
    fn told(
        &self,
        master: &Server,
        replica: &Server,
        on_master: &mut Client,
        on_replica: &mut Client,
    ) -> (Option<Told>, Option<Told>) {
        let (since, port) = (self.began_us, self.replica_port);
        (
            master.told(on_master, Side::Master, since, self.logs.0, port),
            replica.told(on_replica, Side::Replica, since, self.logs.1, None),
        )
    }

    fn look(
        &mut self,
        master: &mut Server,
        replica: &mut Server,
        on_master: &mut Client,
        on_replica: &mut Client,
    ) -> Result<(), Stop> {
        check_signal()?;
        if self.checked.elapsed() < HEALTH {
            return Ok(());
        }
        self.checked = Instant::now();
        master.check_alive()?;
        replica.check_alive()?;
        let told = self.told(master, replica, on_master, on_replica);
        let failed = |told: &Option<Told>| told.as_ref().is_some_and(|t| t.failure.is_some());
        if failed(&told.0) || failed(&told.1) {
            // The other side's words come soon after.
            std::thread::sleep(HEALTH);
            master.check_alive()?;
            replica.check_alive()?;
            let (a, b) = self.told(master, replica, on_master, on_replica);
            // A replica that tries again has forgotten its failure.
            let graver = |first: Option<Told>, second| if failed(&first) { first } else { second };
            return Err(self.failure(&[
                (&*master, graver(told.0, a)),
                (&*replica, graver(told.1, b)),
            ]));
        }
        if Instant::now() >= self.deadline {
            let tail = replica.log_tail();
            return Err(trouble(format!(
                "the sync did not end in time (--timeout); the {}{tail}",
                replica.role
            )));
        }
        Ok(())
    }

    /// What both sides say about a failed sync: the reason, and the warnings in their logs.
    fn failure(&self, sides: &[(&Server, Option<Told>)]) -> Stop {
        const WARNINGS: usize = 6;
        let (mut reasons, mut warnings) = (Vec::new(), Vec::new());
        for (i, (server, told)) in sides.iter().enumerate() {
            if let Some(why) = told.as_ref().and_then(|t| t.failure.as_ref()) {
                reasons.push(format!("the {} says: {why}", server.role));
            }
            let from = if i == 0 { self.logs.0 } else { self.logs.1 };
            let log = server.log.as_ref().map(|log| log.since(from));
            let lines = log.map(|log| log.lines).unwrap_or_default();
            let graver = lines.iter().filter(|l| l.warning);
            for line in graver.map(|l| format!("\n    {}: {}", server.role, l.text)) {
                if !warnings.contains(&line) {
                    warnings.push(line);
                }
            }
        }
        trouble(format!(
            "the sync failed, {}{}",
            reasons.join("; "),
            warnings[..warnings.len().min(WARNINGS)].concat()
        ))
    }

    /// Both sides' last words, as far as they come.
    fn wait_told(
        &self,
        master: &mut Server,
        replica: &mut Server,
        on_master: &mut Client,
        on_replica: &mut Client,
    ) -> Result<(Told, Told), Stop> {
        let began = Instant::now();
        loop {
            let (a, b) = self.told(master, replica, on_master, on_replica);
            let all = |told: &Option<Told>| told.as_ref().is_some_and(|t| t.complete);
            let known =
                |s: &Server, told: &Option<Told>| all(told) || (told.is_none() && s.log.is_none());
            let done = known(master, &a) && known(replica, &b);
            if done || began.elapsed() > TELLING {
                return Ok((a.unwrap_or_default(), b.unwrap_or_default()));
            }
            check_signal()?;
            master.check_alive()?;
            std::thread::sleep(POLL * 5);
        }
    }
}

/// How far the replica says it is, for the line on the terminal.
#[derive(Default)]
struct Seen {
    /// Bytes of the payload before this one.
    rate_from: Option<(Instant, i64)>,
}

impl Seen {
    fn progress(&mut self, info: &super::client::Info, status: &mut Status) {
        let read = info.number("master_sync_read_bytes").unwrap_or(0);
        let total = info.number("master_sync_total_bytes").unwrap_or(0);
        if info.get("master_sync_in_progress") != Some("1") {
            return status.phase("waiting for the snapshot", None);
        }
        let (from, first) = *self.rate_from.get_or_insert((Instant::now(), read));
        let seconds = from.elapsed().as_secs_f64();
        let rate = if seconds > 0.05 {
            (read - first) as f64 / seconds
        } else {
            0.0
        };
        status.transfer(read.max(0) as u64, u64::try_from(total).unwrap_or(0), rate);
    }
}
