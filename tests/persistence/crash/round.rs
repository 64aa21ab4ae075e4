//! One round: the lives of a server, and the verdict after each.

use super::blow::{LIMIT, Struck, Victim};
use super::dump;
use super::ledger::{Dataset, Expected, ImageId, Ledger, STAMP};
use super::plan::{Dice, Life, Plan, Step};
use super::tally::{Midst, Tally};
use crate::support::client::Client;
use crate::support::peers;
use crate::support::server::{Builder, Server};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Who follows whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nobody follows anybody.
    Alone,
    /// The peer follows the server.
    Serving,
    /// The server follows the peer.
    Following {
        /// The link was up since it began to follow.
        linked: bool,
        /// Payloads that it may keep as its dump.
        image: ImageId,
        /// Length of its log when it began to follow.
        log: usize,
    },
}

/// A round under way.
pub struct Round<'a> {
    pub plan: &'a Plan,
    pub dice: Dice,
    pub server: Server,
    pub peer: Option<Server>,
    pub peer_stopped: bool,
    pub role: Role,
    pub ledger: Ledger,
    /// What the peer has held since it was last a replica, newest last.
    pub peer_states: Vec<Dataset>,
    /// Connections that the round has open.
    pub to_server: Option<Client>,
    pub to_peer: Option<Client>,
    /// A request was not answered: whether it was carried out is not known, and nothing more may be asked.
    pub lost: bool,
    /// The next write's stamp.
    pub stamp: u64,
    /// A BGSAVE that runs, and `rdb_saves` before it.
    pub running_save: Option<(ImageId, u64)>,
    /// `temp` files before this life.
    temporary: usize,
    began: Instant,
    trace: Vec<String>,
}

/// Runs the round of a seed.
///
/// # Errors
/// What went wrong, with the plan and what was done.
pub fn run(seed: u64, tally: &Mutex<Tally>) -> Result<(), String> {
    let plan = Plan::draw(seed);
    let mut round = Round::begin(&plan, seed);
    let result = round.run(tally);
    let mut tally = tally.lock().expect("no holder panics");
    match result {
        Ok(()) => tally.round(),
        Err(_) if round.server.log().contains("Address already in use") => tally.skipped(),
        Err(_) if round.peer_has_crashed() => tally.skipped(),
        Err(error) => {
            let log = round.server.log();
            let lines: Vec<&str> = log.lines().collect();
            let log = lines[lines.len().saturating_sub(60)..].join("\n");
            let trace = round.trace.join("\n  ");
            let peer = round.peer.as_ref().map(Server::log).unwrap_or_default();
            return Err(format!(
                "{error}\n{plan:?}\n  {trace}\n--- its log\n{log}\n--- its peer's log\n{peer}"
            ));
        }
    }
    Ok(())
}

impl Round<'_> {
    /// True if the peer is a real server that has ended by a fault of its own: Redis 6.2 does now and then, when a
    /// sync is replaced by another while its child saves.
    fn peer_has_crashed(&self) -> bool {
        let log = self.peer.as_ref().map(Server::log).unwrap_or_default();
        self.plan.peer != "forebay" && log.contains("crashed by signal")
    }
}

impl Plan {
    /// The server's configuration in one life.
    fn builder(&self, slow_start: bool) -> Builder {
        let yes_no = |b| if b { "yes" } else { "no" };
        let load_delay = if slow_start { self.load_delay } else { 0 };
        Builder::forebay()
            .config(format!("save {}", self.save))
            .config(format!("repl-diskless-sync {}", yes_no(self.diskless_sync)))
            .config(format!("repl-diskless-load {}", self.diskless_load))
            .config(format!("rdb-key-save-delay {}", self.save_delay))
            .config(format!("key-load-delay {load_delay}"))
            .config(format!("shutdown-on-sigterm {}", self.on_sigterm))
            .config("loading-process-events-interval-bytes 1024")
            .config("shutdown-timeout 1")
            .config("rdbcompression no")
    }

    /// The other end of links.
    pub fn peer(&self) -> Server {
        let known = match self.peer {
            "forebay" => None,
            name => peers::require(name).map(|binary| Builder::of(name, binary)),
        };
        let yes_no = |b| if b { "yes" } else { "no" };
        known
            .unwrap_or_else(Builder::forebay)
            .config(format!("repl-diskless-sync {}", yes_no(self.diskless_sync)))
            .config("rdbcompression no")
            .start()
    }
}

impl<'a> Round<'a> {
    fn begin(plan: &'a Plan, seed: u64) -> Round<'a> {
        Round {
            plan,
            dice: Dice::new(!seed),
            server: plan.builder(false).start(),
            peer: None,
            peer_stopped: false,
            role: Role::Alone,
            ledger: Ledger::starting_with(Dataset::new()),
            peer_states: vec![Dataset::new()],
            to_server: None,
            to_peer: None,
            lost: false,
            stamp: 0,
            running_save: None,
            temporary: 0,
            began: Instant::now(),
            trace: Vec::new(),
        }
    }

    /// For whoever has to understand a failure.
    pub fn note(&mut self, what: impl Into<String>) {
        let (ms, what) = (self.began.elapsed().as_millis(), what.into());
        self.trace.push(format!("{ms} ms: {what}"));
    }

    fn run(&mut self, tally: &Mutex<Tally>) -> Result<(), String> {
        let mut log = 0;
        for (n, life) in self.plan.lives.iter().enumerate() {
            self.note(format!("life {n}"));
            if n > 0 {
                log = self.server.log().len();
                self.start(life.during == Step::Start)?;
            }
            self.begin_life();
            let struck = self.live(life)?;
            let status = self.await_exit()?;
            self.note(format!("{status}, {struck:?}"));
            let whole = self.server.log();
            let (dump, judged) = self.judge(&struck, status, &whole[log..])?;
            let midst = Midst::of(&whole[log..]);
            let writes = self.ledger.len();
            let mut tally = tally.lock().expect("no holder panics");
            tally.life(life, &midst, judged, writes);
            drop(tally);
            self.end_life(dump);
        }
        self.start(false)?;
        self.check_restarted()
    }

    /// What may happen by itself from now on.
    fn begin_life(&mut self) {
        if self.plan.save == "1 1" || (self.role == Role::Serving && !self.plan.diskless_sync) {
            self.ledger.begin_saving();
        }
    }

    /// The next process on the same files. It is not waited for when it starts slowly.
    fn start(&mut self, slowly: bool) -> Result<(), String> {
        let mut builder = self.plan.builder(slowly);
        if let Role::Following { .. } = self.role {
            let peer = self.peer.as_ref().expect("it is followed");
            builder = builder.config(format!("replicaof 127.0.0.1 {}", peer.port()));
        }
        self.server.start_again(builder);
        if !slowly {
            let ready = self.server.wait_ready(LIMIT);
            ready.map_err(|log| format!("it does not start again: {log}"))?;
        }
        Ok(())
    }

    /// The steps of a life, and the blow at its end.
    fn live(&mut self, life: &Life) -> Result<Struck, String> {
        if life.during != Step::Start {
            self.command(&[
                "CONFIG",
                "SET",
                "key-load-delay",
                &self.plan.load_delay.to_string(),
            ]);
        }
        for step in &life.before {
            self.step(*step)?;
        }
        let victim = Victim {
            pid: self.server.pid(),
            address: self.server.address(),
        };
        let (plan, struck) = (self.plan, AtomicBool::new(false));
        std::thread::scope(|scope| {
            let blow = scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(life.after_ms));
                let what = victim.strike(plan, life.blow, life.then_kill_ms);
                struck.store(true, Ordering::Release);
                what
            });
            let done = self.step(life.during);
            let done = done.and_then(|()| self.go_on(life, &struck));
            let what = blow.join().expect("a blow does not panic");
            done.map(|()| what)
        })
    }

    /// Writes go on until the server is gone.
    fn go_on(&mut self, life: &Life, struck: &AtomicBool) -> Result<(), String> {
        let mut deadline = Instant::now() + 3 * LIMIT;
        if self.dice.one_in(2) {
            self.command(&["CONFIG", "SET", "rdb-key-save-delay", "0"]);
        }
        while Instant::now() < deadline {
            let was_struck = struck.load(Ordering::Acquire);
            if was_struck {
                deadline = deadline.min(Instant::now() + LIMIT);
            }
            let there = self.go_on_once(life)?;
            if there.is_none() && was_struck {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1 + self.dice.below(4)));
        }
        Err("it serves on after the blow".to_owned())
    }

    fn go_on_once(&mut self, life: &Life) -> Result<Option<()>, String> {
        if life.flushes && self.dice.one_in(15) {
            return self.flushall();
        }
        if life.saves && self.dice.one_in(15) {
            return self.bgsave();
        }
        if let Role::Following { .. } = self.role {
            if self.observe()?.is_none() {
                return Ok(None);
            }
            if self.dice.one_in(6) {
                self.look_at_link()?;
            }
        }
        self.write()
    }

    fn await_exit(&mut self) -> Result<ExitStatus, String> {
        let began = Instant::now();
        while self.server.is_running() {
            if began.elapsed() > LIMIT {
                return Err("it does not end".to_owned());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(self.server.wait_exit())
    }

    /// The verdict on a process that has ended, and on what it left.
    fn judge(
        &mut self,
        struck: &Struck,
        status: ExitStatus,
        log: &str,
    ) -> Result<(Dataset, (Expected, super::ledger::Verdict)), String> {
        if let Some(fault) = &struck.fault {
            return Err(fault.clone());
        }
        if log.contains("crashed:") || log.contains("panicked") {
            return Err("it panicked".to_owned());
        }
        // Who comes before the handlers are there meets the kernel's own.
        let early = !log.contains("Server initialized");
        let clean = match (status.code(), status.signal()) {
            (Some(code), _) => struck.codes.contains(&code),
            (_, Some(9)) => struck.killed,
            (_, Some(15 | 2)) => early,
            _ => false,
        };
        if !clean {
            return Err(format!("it ended with {status}"));
        }
        if let Some(peer) = &mut self.peer
            && !peer.is_running()
        {
            return Err(format!("its peer has ended: {}", peer.log()));
        }
        let expected = self.expected(struck, status);
        let dump = dump::read(&self.server.dump_path())?;
        let verdict = self.ledger.judge(&dump, expected);
        let verdict =
            verdict.map_err(|e| format!("dump.rdb, judged by {expected:?}, holds {e}"))?;
        self.count_temporary(status)?;
        Ok((dump, (expected, verdict)))
    }

    fn expected(&self, struck: &Struck, status: ExitStatus) -> Expected {
        let expected = match (status.code(), struck.saves) {
            (_, Some(false)) => Expected::Image,
            (Some(0), Some(true)) => Expected::Everything,
            _ => Expected::Either,
        };
        // It may have dropped what it held, or hold nothing that could be lost: whether it saves is open.
        let drops = self.plan.diskless_load == "flush-before-load" || self.ledger.held().is_empty();
        match self.role {
            Role::Following { linked: false, .. } if drops && expected == Expected::Everything => {
                Expected::Either
            }
            _ => expected,
        }
    }

    /// A process that exits removes its temporary files. One that is killed leaves at most those of a received dump,
    /// of a save that had been given up but had not noticed yet, and of the final save.
    fn count_temporary(&mut self, status: ExitStatus) -> Result<(), String> {
        let files = self.server.temporary_files();
        let more = if status.code().is_some() { 0 } else { 3 };
        if files.len() > self.temporary + more {
            return Err(format!(
                "{} were there before; now {files:?}",
                self.temporary
            ));
        }
        self.temporary = files.len();
        Ok(())
    }

    /// What the next life begins with.
    fn end_life(&mut self, dump: Dataset) {
        (self.to_server, self.running_save, self.lost) = (None, None, false);
        self.continue_peer();
        self.ledger = Ledger::starting_with(dump.clone());
        if let Role::Following { .. } = self.role {
            if self.dice.one_in(2) {
                self.role = Role::Alone;
                return;
            }
            let log = self.server.log().len();
            let image = self.expect_peer_states(&dump);
            self.role = Role::Following {
                linked: false,
                image,
                log,
            };
        }
    }

    /// What the peer has held may arrive: as a payload, or the writes since `base`.
    pub fn expect_peer_states(&mut self, base: &Dataset) -> ImageId {
        let newest = self.peer_states.len() - 1;
        let known = self.peer_states.iter().rposition(|s| s == base);
        let first = known.map_or(newest, |at| (at + 1).min(newest));
        let mut image = None;
        for state in &self.peer_states[first..] {
            self.ledger.may_become(state.clone());
            image.get_or_insert_with(|| self.ledger.begin_receiving());
        }
        image.expect("the peer holds something, be it nothing")
    }

    /// The last start: what is served is what the dump held, and both ends of a link come to agree.
    fn check_restarted(&mut self) -> Result<(), String> {
        if !matches!(self.role, Role::Following { .. }) {
            let served = self.read_all(false)?;
            if served != *self.ledger.held() {
                let keys = (served.len(), self.ledger.held().len());
                return Err(format!("it serves {} keys of a dump of {}", keys.0, keys.1));
            }
            // What Valkey 9 has sent may be a file of its own form, and stays the dump.
            if self.plan.foreign_judge && !self.plan.peer.starts_with("valkey-9") {
                self.judge_by_another(&served)?;
            }
        }
        if self.plan.converge && self.role != Role::Alone {
            self.converge()?;
        }
        self.server.kill();
        Ok(())
    }

    fn judge_by_another(&mut self, served: &Dataset) -> Result<(), String> {
        let dump = self.server.dump_path();
        let Some(builder) = Builder::peer(peers::ALL[2]).filter(|_| dump.exists()) else {
            return Ok(());
        };
        let judge = builder.dump(dump).start();
        let stamp = judge.client().cmd(&["GET", STAMP]);
        let stamp = stamp.text().map(str::to_owned);
        let expected = served.get(&(0, STAMP.to_owned())).cloned();
        if stamp != expected {
            return Err(format!(
                "{} finds {stamp:?}, not {expected:?}",
                judge.name()
            ));
        }
        Ok(())
    }

    fn converge(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let (ours, theirs) = (self.read_all(false), self.read_all(true));
            if let (Ok(ours), Ok(theirs)) = (&ours, &theirs)
                && ours == theirs
            {
                return Ok(());
            }
            if Instant::now() > deadline {
                let keys = |d: &Result<Dataset, String>| d.as_ref().map(Dataset::len).ok();
                let keys = (keys(&ours), keys(&theirs));
                return Err(format!(
                    "the two ends of a link do not agree: {keys:?} keys"
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
