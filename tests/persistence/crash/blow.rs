//! Ends a server, at a moment that the plan has drawn.

use super::plan::{Blow, Plan, Shutdown};
use crate::support::client::Client;
use crate::support::wait::poll_for;
use std::process::Command;
use std::time::Duration;

/// The longest that a server may take to end: shutdown-timeout is one second, saves are small, the machine is slow.
pub const LIMIT: Duration = Duration::from_secs(15);

/// The process that is ended.
#[derive(Clone, Debug)]
pub struct Victim {
    /// Its id.
    pub pid: u32,
    /// Where it listens.
    pub address: String,
}

/// What was done, and what that asks for.
#[derive(Clone, Debug)]
pub struct Struck {
    /// Whether it saves before it exits by itself; `None` where that is open.
    pub saves: Option<bool>,
    /// The exit codes that are right.
    pub codes: Vec<i32>,
    /// It was killed, perhaps after it had exited.
    pub killed: bool,
    /// What was answered, step by step.
    pub notes: Vec<String>,
    /// What should not have been answered.
    pub fault: Option<String>,
}

impl Victim {
    /// Sends a signal by its number.
    pub fn signal(&self, signal: i32) {
        let pid = self.pid.to_string();
        let status = Command::new("kill")
            .args([&format!("-{signal}"), &pid])
            .status();
        assert!(status.expect("kill can be run").success());
    }

    /// A connection; the server may not listen yet.
    fn connect(&self) -> Option<Client> {
        let mut client = poll_for(Duration::from_secs(5), || {
            Client::connect(&self.address).ok()
        })?;
        client.set_reply_limit(Some(LIMIT));
        Some(client)
    }

    /// Does it.
    pub fn strike(&self, plan: &Plan, blow: Blow, then_kill_ms: Option<u64>) -> Struck {
        let mut struck = Struck {
            saves: blow.saves(plan),
            codes: vec![0],
            killed: blow == Blow::Kill,
            notes: Vec::new(),
            fault: None,
        };
        let mut asked = None;
        match blow {
            Blow::Term => self.signal(15),
            Blow::Int => self.signal(2),
            Blow::Kill => self.signal(9),
            Blow::IntTwice => {
                self.signal(2);
                self.signal(2);
                struck.codes.push(1);
            }
            Blow::Shutdown(words) => asked = self.ask(words, &mut struck),
            Blow::Abort(words, after_ms, kill) => {
                asked = self.ask(words, &mut struck);
                std::thread::sleep(Duration::from_millis(after_ms));
                if self.abort(&mut asked, &mut struck) {
                    let last = if kill { Blow::Kill } else { Blow::Term };
                    let second = self.strike(plan, last, then_kill_ms);
                    struck.notes.extend(second.notes);
                    return Struck {
                        notes: struck.notes,
                        fault: struck.fault,
                        ..second
                    };
                }
                struck.saves = Blow::Shutdown(words).saves(plan);
            }
        }
        if let Some(ms) = then_kill_ms {
            std::thread::sleep(Duration::from_millis(ms));
            self.signal(9);
            struck.killed = true;
        }
        if let Some(mut client) = asked
            && let Ok(reply) = client.read()
        {
            struck.fault = Some(format!("SHUTDOWN was answered {reply}"));
        }
        struck
    }

    fn ask(&self, words: Shutdown, struck: &mut Struck) -> Option<Client> {
        let client = self.connect();
        let Some(mut client) = client else {
            struck.fault = Some("nobody listens".to_owned());
            return None;
        };
        if client.send(&words.words()).is_err() {
            struck.notes.push("the connection was lost".to_owned());
        }
        Some(client)
    }

    /// SHUTDOWN ABORT: true if the server lives on because of it.
    fn abort(&self, asked: &mut Option<Client>, struck: &mut Struck) -> bool {
        let connected = Client::connect(&self.address);
        let reply = connected.and_then(|mut client| {
            client.set_reply_limit(Some(LIMIT));
            let reply = client.try_cmd(&["SHUTDOWN", "ABORT"])?;
            Ok((client, reply))
        });
        let (mut client, reply) = match reply {
            Ok(answered) => answered,
            Err(e) => {
                struck.notes.push(format!("ABORT: {e}"));
                return false;
            }
        };
        struck.notes.push(format!("ABORT: {reply}"));
        if reply.is_error() {
            return false;
        }
        let told = asked.take().map(|mut client| client.read());
        match told {
            Some(Ok(reply)) if reply.is_error() => {}
            other => struck.fault = Some(format!("an aborted SHUTDOWN was answered {other:?}")),
        }
        if let Err(e) = client.try_cmd(&["PING"]) {
            struck.fault = Some(format!("after SHUTDOWN ABORT: {e}"));
        }
        true
    }
}
