//! FAILOVER: this primary hands its role to a replica that has received everything.
//!
//! ```text
//! none --FAILOVER: hold writes--> Waiting --target has acknowledged all--> InProgress --+CONTINUE--> none
//!   ^                               |   \--time is up, FORCE---------------^    |      (we are a replica)
//!   +------ABORT, time is up--------+------refused, ABORT: primary again--------+
//! ```
//!
//!  * In the state Waiting, nothing is added to the stream: no writes, no expiry, no pings. Otherwise the target would
//!    never have received everything.
//!  * In the state InProgress, this server is already a replica, and its PSYNC tells the target to promote itself.

use super::action::Action;
use super::primary::{Replica, State};
use super::role::Replication;
use base::{CommandError, LogLevel};

/// How far a handover got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failover {
    /// Writes are held until the target has everything.
    Waiting {
        /// The replica that takes over; `None` means the first one that has everything.
        target: Option<(String, u16)>,
        /// Monotonic ms.
        deadline_ms: Option<u64>,
        /// Hand over at the deadline instead of giving up.
        force: bool,
    },
    /// We follow the target, which is asked to promote itself.
    InProgress {
        /// The target.
        target: (String, u16),
    },
}

/// The options of FAILOVER.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handover {
    /// `TO host port`
    pub to: Option<(String, u16)>,
    /// `FORCE`
    pub force: bool,
    /// `TIMEOUT ms`
    pub timeout_ms: Option<u64>,
}

impl Replication {
    /// `master_failover_state` in INFO.
    pub fn failover_state(&self) -> &'static str {
        match self.failover {
            None => "no-failover",
            Some(Failover::Waiting { .. }) => "waiting-for-sync",
            Some(Failover::InProgress { .. }) => "failover-in-progress",
        }
    }

    /// A handover is under way.
    pub fn is_failing_over(&self) -> bool {
        self.failover.is_some()
    }

    /// Starts a handover.
    ///
    /// # Errors
    /// The reference's texts; nothing has begun then.
    pub fn start_failover(&mut self, how: Handover) -> Result<(), CommandError> {
        let refuse = |text| Err(CommandError::new(text));
        if self.failover.is_some() {
            return refuse("ERR FAILOVER already in progress.");
        }
        if self.is_replica() {
            return refuse("ERR FAILOVER is not valid when server is a replica.");
        }
        if self.primary.count() == 0 {
            return refuse("ERR FAILOVER requires connected replicas.");
        }
        if how.force && (how.timeout_ms.is_none() || how.to.is_none()) {
            return refuse(
                "ERR FAILOVER with force option requires both a timeout and target HOST and IP.",
            );
        }
        match &how.to {
            None => self.log(LogLevel::Notice, "FAILOVER requested to any replica."),
            Some(target) => {
                match self.find_replica(target).map(|r| r.state) {
                    None => return refuse("ERR FAILOVER target HOST and PORT is not a replica."),
                    Some(State::Online | State::Held) => {}
                    Some(_) => return refuse("ERR FAILOVER target replica is not online."),
                }
                let text = format!("FAILOVER requested to {}:{}.", target.0, target.1);
                self.log(LogLevel::Notice, text);
            }
        }
        self.failover = Some(Failover::Waiting {
            target: how.to,
            deadline_ms: how.timeout_ms.map(|ms| self.now_ms.saturating_add(ms)),
            force: how.force,
        });
        self.actions.push(Action::HoldWrites(true));
        self.primary.asked_last = None;
        self.primary.want_ack();
        Ok(())
    }

    /// Gives a handover up.
    ///
    /// # Errors
    /// There is none.
    pub fn abort_failover(&mut self, why: &str) -> Result<(), CommandError> {
        let target = match self.failover.take() {
            None => return Err(CommandError::fixed(&"ERR No failover in progress.")),
            Some(Failover::Waiting { target, .. }) => target,
            Some(Failover::InProgress { target }) => {
                self.become_primary();
                Some(target)
            }
        };
        let text = match target {
            Some((host, port)) => format!("FAILOVER to {host}:{port} aborted: {why}"),
            None => format!("FAILOVER to any replica aborted: {why}"),
        };
        self.log(LogLevel::Notice, text);
        self.actions.push(Action::HoldWrites(false));
        Ok(())
    }

    /// The target promoted itself and we follow it.
    pub(super) fn end_failover(&mut self) {
        if self.failover.take().is_some() {
            self.actions.push(Action::RoleChanged);
            self.actions.push(Action::HoldWrites(false));
        }
    }

    /// Time passed, or a replica acknowledged.
    pub(super) fn continue_failover(&mut self) {
        let Some(Failover::Waiting {
            target,
            deadline_ms,
            force,
        }) = self.failover.clone()
        else {
            return;
        };
        let all = self.history.offset();
        let has_all =
            |r: &Replica| r.state == State::Online && self.primary.has_run_all(r.ack, all);
        let ready = match &target {
            Some(target) => self.find_replica(target).filter(|r| has_all(r)),
            None => self.primary.replicas().map(|(_, r)| r).find(|r| has_all(r)),
        };
        if let Some(to) = ready.map(|r| (r.ip().to_owned(), r.conf.listening_port)) {
            let text = format!("Failover target {}:{} is synced, failing over.", to.0, to.1);
            self.log(LogLevel::Notice, text);
            return self.hand_over(to);
        }
        if deadline_ms.is_some_and(|at| self.now_ms >= at) {
            match target.filter(|_| force) {
                Some(to) => {
                    let text = format!(
                        "FAILOVER to {}:{} time out exceeded, failing over.",
                        to.0, to.1
                    );
                    self.log(LogLevel::Notice, text);
                    self.hand_over(to);
                }
                None => {
                    // It is under way, so this cannot fail.
                    let _ = self.abort_failover("Replica never caught up before timeout");
                }
            }
        }
    }

    fn hand_over(&mut self, target: (String, u16)) {
        self.failover = Some(Failover::InProgress {
            target: target.clone(),
        });
        self.replicate_from(&target.0, target.1);
    }

    fn find_replica(&self, (host, port): &(String, u16)) -> Option<&Replica> {
        let all = self.primary.replicas().map(|(_, r)| r);
        let mut all = all.filter(|r| !r.channel.is_second());
        all.find(|r| r.ip().eq_ignore_ascii_case(host) && r.conf.listening_port == *port)
    }
}
