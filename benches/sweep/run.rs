//! Cases on servers: datasets are made, operations are sent, processor time is read.

use crate::cases::{Block, Case, Draw, Request};
use crate::contest::Contestant;
use crate::link::Link;
use crate::options::Options;
use crate::report::{Figures, Report};
use crate::support::server::Server;
use std::time::{Duration, Instant};

/// Requests sent before their replies are awaited, as far as their bytes allow it.
const DEPTH: usize = 128;
/// Bytes of requests, and about as many of replies, that are under way at once.
const UNDER_WAY: usize = 64 << 10;
/// Operations of a measurement, at most.
const MOST: usize = 50_000;
/// Single requests whose time is taken.
const SINGLE: usize = 60;
/// How long single requests are sent.
const SINGLE_FOR: Duration = Duration::from_millis(150);

/// A server that is measured.
pub struct Target {
    /// Its name.
    pub name: String,
    /// The process.
    pub server: Server,
    link: Link,
    /// Why it does not have the dataset of the present block.
    lacks: Option<String>,
}

impl Target {
    /// Starts all servers.
    pub fn start(servers: &[Contestant]) -> Vec<Target> {
        let start = |contestant: &Contestant| {
            let server = contestant.builder().start();
            Target {
                name: contestant.name.clone(),
                link: Link::to(server.port()),
                server,
                lacks: None,
            }
        };
        servers.iter().map(start).collect()
    }

    /// Processor time of all its threads so far, those that have ended included.
    pub fn processor(&self) -> Duration {
        let mut clock = 0;
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: both calls write to the place that they are given and keep no pointer.
        let ok = unsafe {
            libc::clock_getcpuclockid(self.server.pid() as libc::pid_t, &raw mut clock) == 0
                && libc::clock_gettime(clock, &raw mut time) == 0
        };
        assert!(ok, "the clock of {} can be read", self.name);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    /// Runs requests once each.
    fn once(&mut self, requests: &[Request], size: usize) {
        for request in requests {
            let mut bytes = Vec::new();
            request.write(&mut Draw::new(size, 0), size, &mut bytes);
            self.link.send(&bytes);
            self.link.skip(1);
        }
    }

    /// Makes the dataset of a block anew; keeps the error of a server that does not know the commands for it.
    fn fill(&mut self, block: &Block, size: usize) {
        self.link.error = None;
        self.link.send(b"*1\r\n$8\r\nFLUSHALL\r\n");
        self.link.skip(1);
        for (seed, request) in block.fill.iter().enumerate() {
            let mut draw = Draw::new(size, seed as u64);
            let (mut bytes, mut sent) = (Vec::new(), 0);
            while draw.counter < size {
                let wanted = size - draw.counter;
                request.write(&mut draw, wanted, &mut bytes);
                draw.next_operation();
                sent += 1;
                if bytes.len() > UNDER_WAY || draw.counter >= size {
                    self.link.send(&bytes);
                    self.link.skip(std::mem::take(&mut sent));
                    bytes.clear();
                }
            }
        }
        self.once(&block.before, size);
        self.lacks = self.link.error.take();
    }

    /// Runs so many operations, as many at once as `depth` says; their processor time.
    fn operations(&mut self, case: &Case, draw: &mut Draw, count: usize, depth: usize) -> Duration {
        let before = self.processor();
        let (mut bytes, mut waiting) = (Vec::new(), 0);
        for operation in 0..count {
            for request in &case.requests {
                request.write(draw, 0, &mut bytes);
                waiting += 1;
            }
            draw.next_operation();
            let full = waiting >= depth * case.requests.len() || bytes.len() > UNDER_WAY;
            if full || operation + 1 == count {
                self.link.send(&bytes);
                self.link.skip(std::mem::take(&mut waiting));
                bytes.clear();
            }
        }
        self.processor() - before
    }

    /// Runs single operations for a while; gives what they say of the case on this server, or the error that it
    /// replies.
    fn try_out(&mut self, case: &Case, draw: &mut Draw, most: usize) -> Result<Trial, String> {
        let (begin, before) = (Instant::now(), self.processor());
        let received = self.link.received;
        let (mut worst, mut count) = (Duration::ZERO, 0);
        self.link.error = None;
        while count < most.min(SINGLE) && (count == 0 || begin.elapsed() < SINGLE_FOR) {
            let start = Instant::now();
            self.operations(case, draw, 1, 1);
            worst = worst.max(start.elapsed());
            if let Some(error) = self.link.error.take() {
                return Err(error);
            }
            count += 1;
        }
        let reply = (self.link.received - received) / count;
        Ok(Trial {
            worst,
            each: (self.processor() - before) / count as u32,
            depth: (UNDER_WAY / reply.max(1)).clamp(1, DEPTH),
        })
    }
}

/// What single operations have shown.
struct Trial {
    worst: Duration,
    each: Duration,
    depth: usize,
}

/// Runs the cases of a block at one size on all servers.
pub fn block(
    block: &Block,
    size: usize,
    targets: &mut [Target],
    options: &Options,
    report: &mut Report,
) {
    let row = |case: &Case| format!("{} {} @{size}", block.group, case.text);
    let wanted: Vec<&Case> = block
        .cases
        .iter()
        .filter(|case| options.wants(&row(case)))
        .collect();
    if wanted.is_empty() {
        return;
    }
    targets
        .iter_mut()
        .for_each(|target| target.fill(block, size));
    for case in wanted {
        let figures = measure(block, case, size, targets, options);
        report.add(&block.group, &case.text, size, figures);
    }
    for target in &mut *targets {
        target.once(&block.after, size);
    }
}

/// A case on all servers, round by round.
fn measure(
    block: &Block,
    case: &Case,
    size: usize,
    targets: &mut [Target],
    options: &Options,
) -> Vec<Figures> {
    let most = case.most.map_or(MOST, |most| most.at(size).max(1));
    let mut draws: Vec<Draw> = targets.iter().map(|_| Draw::new(size, 1)).collect();
    let mut trials: Vec<_> = targets.iter().map(|_| Err(String::new())).collect();
    let first = case.text.len();
    let servers = targets.len();
    for i in (0..servers).map(|i| (i + first) % servers) {
        if case.most.is_some() {
            targets[i].fill(block, size);
        }
        trials[i] = match &targets[i].lacks {
            // It would be fast, without anything to do.
            Some(error) => Err(error.clone()),
            None => targets[i].try_out(case, &mut draws[i], most),
        };
    }
    let times = || {
        let good = trials.iter().filter_map(|trial| trial.as_ref().ok());
        good.map(|trial| trial.each.max(Duration::from_nanos(200)))
    };
    let (fastest, slowest) = (times().min(), times().max());
    let (Some(fastest), Some(slowest)) = (fastest, slowest) else {
        return trials.into_iter().map(Figures::of_trial_error).collect();
    };
    // Single operations cost several times what those do that come together.
    let count = 4 * options.time.as_nanos() / fastest.as_nanos();
    let bound = (40 * options.time).as_nanos() / slowest.as_nanos();
    let count = (count.min(bound) as usize).clamp(3, MOST).min(most);
    let mut all: Vec<Vec<f64>> = targets.iter().map(|_| Vec::new()).collect();
    for round in 0..options.rounds {
        // Each begins a round at times: the first finds other caches than those that come after it.
        for i in (0..servers).map(|i| (i + round) % servers) {
            let target = &mut targets[i];
            let Ok(trial) = &trials[i] else { continue };
            if case.most.is_some() {
                target.fill(block, size);
                draws[i] = Draw::new(size, 1);
            }
            let time = target.operations(case, &mut draws[i], count, trial.depth);
            all[i].push(time.as_secs_f64() * 1e6 / count as f64);
        }
    }
    let figures = trials.into_iter().zip(all);
    figures
        .map(|(trial, all)| match trial {
            Ok(trial) => Figures::of(&all, trial.worst),
            Err(error) => Figures::refused(error),
        })
        .collect()
}

impl Figures {
    fn of_trial_error(trial: Result<Trial, String>) -> Figures {
        Figures::refused(trial.err().unwrap_or_default())
    }
}
