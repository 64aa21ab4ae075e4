//! The servers of a comparison: the references, which are right, and the subject, which is judged.
//!
//! The subject's compatibility level lies between two releases: what it says is right when either
//! reference says it. The scripts are written for the first one.

use crate::compare::{self, Rule};
use crate::settled;
use crate::side::{Command, NO_REPLY, Protocol, Side, line_of};
use crate::support::client::Client;
use crate::support::fake_replica::{FakeReplica, Introduction};
use crate::support::resp::Value;
use crate::support::wait::wait_until;
use crate::support::{dataset, peers};

/// `EX 100` comes to the servers at different times.
const EXPIRY_SLACK_MS: u64 = 5_000;

/// The later release that may also be right, where it is on this machine.
const LATER: &str = "redis-8.2";

/// Families that only a later release has, and which.
const NEWER: [(&str, &str); 3] = [
    ("arrays", "redis-8.10"),
    ("imports", "redis-8.10"),
    ("polygons", "valkey-9.1"),
];

/// All servers of a comparison.
pub struct Panel {
    references: Vec<Side>,
    subject: Side,
    marks: u64,
    /// Only the later release is right, where it is here.
    later_only: bool,
}

impl Panel {
    /// Starts or reaches the servers; `None` where there is no reference on this machine.
    pub fn start(protocol: Protocol) -> Option<Panel> {
        Panel::for_family("", protocol)
    }

    /// The same for a family that not every reference may have.
    pub fn for_family(family: &str, protocol: Protocol) -> Option<Panel> {
        let setting = |name: &str| std::env::var(name).ok();
        let names = setting("FOREBAY_COMPAT_REFERENCE").unwrap_or_else(|| {
            if let Some((_, name)) = NEWER.iter().find(|(newer, _)| *newer == family) {
                return (*name).to_owned();
            }
            let later = peers::find(LATER).map_or(String::new(), |_| format!(",{LATER}"));
            format!("{}{later}", peers::REFERENCE)
        });
        let references = names
            .split(',')
            .map(|name| Side::of(name, protocol))
            .collect::<Option<_>>()?;
        let subject = setting("FOREBAY_COMPAT_SUBJECT").unwrap_or("forebay".to_owned());
        let mut panel = Panel {
            references,
            subject: Side::of(&subject, protocol)?,
            marks: 0,
            later_only: false,
        };
        panel.reset();
        Some(panel)
    }

    /// Has all record what they send to replicas from now on; `FOREBAY_COMPAT_STREAMS=no` leaves
    /// that out.
    pub fn record_streams(&mut self) {
        if std::env::var("FOREBAY_COMPAT_STREAMS").as_deref() != Ok("no") {
            self.each(|side| {
                // Who tells no port shows the stream to somebody, and is told also what no replica may know.
                let tool = Introduction {
                    listening_port: None,
                    ..Introduction::default()
                };
                let replica = FakeReplica::attach_as(&side.address, &tool);
                let mut replica = replica.expect("it is served");
                // The stream flows: the snapshot has ended too, which a FLUSHALL would kill.
                side.connect().ok("PUBLISH compat online");
                replica.take_until("online");
                side.replica = Some(replica);
            });
        }
    }

    /// Fresh connections, empty databases.
    pub fn reset(&mut self) {
        self.each(|side| {
            side.clients.clear();
            side.client('a').ok("FLUSHALL");
        });
    }

    /// Whether only the later release is right from now on: what the older one does has changed since.
    pub fn judge_by_later(&mut self, only: bool) {
        self.later_only = only && self.references.iter().any(|side| side.name == LATER);
        if only && !self.later_only {
            peers::skipped(&format!("there is no {LATER} to judge by"));
        }
    }

    /// Runs one command on all; the difference where there is one.
    pub fn run(&mut self, connection: char, command: &Command, rule: Rule) -> Option<String> {
        self.send(connection, command);
        self.read(connection, rule)
    }

    /// Sends without reading the reply.
    pub fn send(&mut self, connection: char, command: &Command) {
        self.each(|side| side.send(connection, command));
    }

    /// Reads one reply or push from all; the difference where there is one.
    pub fn read(&mut self, connection: char, rule: Rule) -> Option<String> {
        self.judge(
            |side| side.read(connection),
            |theirs, ours| accepted(rule, theirs, ours),
        )
    }

    /// Reads `count` replies from all and compares them as one array.
    pub fn read_several(&mut self, connection: char, count: usize, rule: Rule) -> Option<String> {
        self.judge(
            |side| Value::Array((0..count).map(|_| side.read(connection)).collect()),
            |theirs, ours| accepted(rule, theirs, ours),
        )
    }

    /// Asks all the same question; the difference where no reference gives the subject's answer.
    pub fn judge<T: ToString>(
        &mut self,
        mut ask: impl FnMut(&mut Side) -> T,
        accepts: impl Fn(&T, &T) -> bool,
    ) -> Option<String> {
        let theirs: Vec<T> = self.references.iter_mut().map(&mut ask).collect();
        let ours = ask(&mut self.subject);
        let counts = |side: &Side| !self.later_only || side.name == LATER;
        let mut judges = self.references.iter().zip(&theirs);
        if judges.any(|(side, theirs)| counts(side) && accepts(theirs, &ours)) {
            return None;
        }
        let shown: Vec<_> = theirs.iter().map(ToString::to_string).collect();
        Some(self.difference(&shown, &ours.to_string()))
    }

    /// What each said, a line each; references that agree share theirs.
    fn difference(&self, theirs: &[String], ours: &str) -> String {
        let mut lines: Vec<(String, &str)> = Vec::new();
        for (side, said) in self.references.iter().zip(theirs) {
            match lines.iter_mut().find(|(_, line)| line == said) {
                Some((names, _)) => *names += &format!(", {}", side.name),
                None => lines.push((side.name.clone(), said)),
            }
        }
        lines.push((self.subject.name.clone(), ours));
        let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let shown = lines
            .iter()
            .map(|(name, said)| format!("    {name:width$}  {said}"));
        shown.collect::<Vec<_>>().join("\n")
    }

    /// Compares the datasets: by digest, key by key with the first reference where that differs.
    pub fn compare_data(&mut self) -> Option<String> {
        let mut refused = false;
        let difference = self.judge(
            |side| {
                let digest = side.connect().run("DEBUG DIGEST");
                refused = digest.is_error();
                digest
            },
            |theirs, ours| theirs == ours && !ours.is_error(),
        )?;
        // Where DEBUG is not allowed, equal keys will do; the server script asks for the digests.
        let (mut a, mut b) = (self.references[0].connect(), self.subject.connect());
        let mut lines = dataset::differences(&mut a, &mut b, EXPIRY_SLACK_MS);
        if lines.is_empty() && refused {
            return None;
        }
        lines.truncate(8);
        Some(format!("{difference}\n    {}", lines.join("\n    ")))
    }

    /// Compares what all have sent to their replicas since the last time.
    pub fn compare_streams(&mut self) -> Option<String> {
        self.subject.replica.as_ref()?;
        self.marks += 1;
        let mark = format!("forebay-compat-{}", self.marks);
        let take = |side: &mut Side| {
            side.connect().ok(&format!("PUBLISH compat {mark}"));
            let replica = side.replica.as_mut().expect("all record or none does");
            let mut stream = replica.take_until(&mark);
            stream.retain(|c| {
                !c[0].eq_ignore_ascii_case(b"PING") && !c[0].eq_ignore_ascii_case(b"REPLCONF")
            });
            settled::plain(stream)
        };
        let theirs: Vec<_> = self.references.iter_mut().map(take).collect();
        let ours = take(&mut self.subject);
        let parts: Vec<_> = theirs
            .iter()
            .map(|theirs| first_difference(theirs, &ours))
            .collect();
        // The reference that agrees for longest is the one to show.
        let at = parts
            .into_iter()
            .try_fold(0, |longest, at| Some(longest.max(at?)))?;
        let shown: Vec<_> = theirs.iter().map(|stream| around(stream, at)).collect();
        let difference = self.difference(&shown, &around(&ours, at));
        Some(format!(
            "    the streams differ at command {at}\n{difference}"
        ))
    }

    /// Waits on all until `condition` holds for a client.
    pub fn wait_on_all(&mut self, what: &str, condition: impl Fn(&mut Client) -> bool) {
        self.each(|side| {
            let mut client = side.connect();
            wait_until(&format!("{what} on {}", side.name), || {
                condition(&mut client)
            });
        });
    }

    fn each(&mut self, mut act: impl FnMut(&mut Side)) {
        self.references.iter_mut().for_each(&mut act);
        act(&mut self.subject);
    }
}

fn accepted(rule: Rule, theirs: &Value, ours: &Value) -> bool {
    !theirs.to_string().contains(NO_REPLY) && rule.accepts(theirs, ours)
}

fn first_difference(theirs: &[Command], ours: &[Command]) -> Option<usize> {
    (0..theirs.len().max(ours.len())).find(|&i| match (theirs.get(i), ours.get(i)) {
        (Some(a), Some(b)) => !compare::same_effect(a, b) && !settled::is_taken_back(a, b),
        _ => true,
    })
}

fn around(stream: &[Command], at: usize) -> String {
    let shown = stream
        .iter()
        .take(at + 3)
        .skip(at.saturating_sub(2))
        .map(line_of);
    shown.collect::<Vec<_>>().join(" | ")
}
