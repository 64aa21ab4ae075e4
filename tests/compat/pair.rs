//! The two servers of a comparison: the reference, which is right, and the subject, which is judged.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::compare::{self, Rule};
use crate::support::client::Client;
use crate::support::fake_replica::FakeReplica;
use crate::support::resp::Value;
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use crate::support::words::quoted;
use crate::support::{dataset, peers};

/// How long a reply may take before it counts as missing.
const REPLY_LIMIT: Duration = Duration::from_secs(10);

/// What stands for a missing reply. From the reference it means that the script is wrong.
const NO_REPLY: &str = "(no reply";

/// Which replies the connections ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// No HELLO.
    Resp2,
    /// `HELLO 3` on each connection.
    Resp3,
}

/// Both servers.
pub struct Pair {
    pub reference: Side,
    pub subject: Side,
    marks: u64,
}

/// One server with its named connections.
pub struct Side {
    pub name: String,
    address: String,
    protocol: Protocol,
    clients: BTreeMap<char, Client>,
    replica: Option<FakeReplica>,
    _server: Option<Server>,
}

/// A command as its arguments.
pub type Command = Vec<Vec<u8>>;

impl Pair {
    /// Starts or reaches both servers; `None` where there is no reference on this machine.
    pub fn start(protocol: Protocol) -> Option<Pair> {
        let setting = |name: &str, or: &str| std::env::var(name).unwrap_or_else(|_| or.to_owned());
        let reference = Side::of(
            &setting("FOREBAY_COMPAT_REFERENCE", peers::REFERENCE),
            protocol,
        )?;
        let subject = Side::of(&setting("FOREBAY_COMPAT_SUBJECT", "forebay"), protocol)?;
        let mut pair = Pair {
            reference,
            subject,
            marks: 0,
        };
        for side in pair.sides() {
            side.client('a').ok("FLUSHALL");
        }
        Some(pair)
    }

    /// Has both record what they send to replicas from now on; `FOREBAY_COMPAT_STREAMS=no` leaves
    /// that out.
    pub fn record_streams(&mut self) {
        if std::env::var("FOREBAY_COMPAT_STREAMS").as_deref() == Ok("no") {
            return;
        }
        for side in self.sides() {
            side.replica = Some(FakeReplica::attach(&side.address));
            let client = side.client('a');
            wait_until("the recording replica is online", || {
                client
                    .info_field("replication", "slave0")
                    .contains("state=online")
            });
        }
    }

    /// Fresh connections, empty databases.
    pub fn reset(&mut self) {
        for side in self.sides() {
            side.clients.clear();
            side.client('a').ok("FLUSHALL");
        }
    }

    /// Runs one command on both; the difference where there is one.
    pub fn run(&mut self, connection: char, command: &Command, rule: Rule) -> Option<String> {
        for side in self.sides() {
            side.send(connection, command);
        }
        self.read(connection, rule)
    }

    /// Sends without reading the reply.
    pub fn send(&mut self, connection: char, command: &Command) {
        for side in self.sides() {
            side.send(connection, command);
        }
    }

    /// Reads one reply or push from both; the difference where there is one.
    pub fn read(&mut self, connection: char, rule: Rule) -> Option<String> {
        let theirs = self.reference.read(connection);
        let ours = self.subject.read(connection);
        self.judge(rule, &theirs, &ours)
    }

    /// Reads `count` replies from both and compares them as one array.
    pub fn read_several(&mut self, connection: char, count: usize, rule: Rule) -> Option<String> {
        let [theirs, ours] = self
            .sides()
            .map(|side| Value::Array((0..count).map(|_| side.read(connection)).collect()));
        self.judge(rule, &theirs, &ours)
    }

    fn judge(&self, rule: Rule, theirs: &Value, ours: &Value) -> Option<String> {
        let silent = theirs.to_string().contains(NO_REPLY);
        (silent || !rule.accepts(theirs, ours))
            .then(|| self.difference(&theirs.to_string(), &ours.to_string()))
    }

    /// Both replies as lines.
    pub fn difference(&self, theirs: &str, ours: &str) -> String {
        let width = self.reference.name.len().max(self.subject.name.len());
        format!(
            "    {:width$}  {theirs}\n    {:width$}  {ours}",
            self.reference.name, self.subject.name
        )
    }

    /// Runs a command that only reads on both, and gives both replies.
    pub fn both(&mut self, line: &str) -> (Value, Value) {
        (
            self.reference.connect().run(line),
            self.subject.connect().run(line),
        )
    }

    /// Compares the datasets: by digest, key by key where that differs.
    pub fn compare_data(&mut self) -> Option<String> {
        let (theirs, ours) = self.both("DEBUG DIGEST");
        if theirs == ours && !ours.is_error() {
            return None;
        }
        let (mut a, mut b) = (self.reference.connect(), self.subject.connect());
        let mut lines = dataset::differences(&mut a, &mut b);
        lines.truncate(8);
        Some(format!(
            "    DEBUG DIGEST: {theirs}, {ours}\n    {}",
            lines.join("\n    ")
        ))
    }

    /// Compares what both have sent to their replicas since the last time.
    pub fn compare_streams(&mut self) -> Option<String> {
        if self.reference.replica.is_none() {
            return None;
        }
        self.marks += 1;
        let mark = format!("forebay-compat-{}", self.marks);
        let mut streams = Vec::new();
        for side in self.sides() {
            side.connect().ok(&format!("PUBLISH compat {mark}"));
            let replica = side.replica.as_mut()?;
            let mut stream = replica.take_until(&mark);
            stream.retain(|c| !c[0].eq_ignore_ascii_case(b"PING") && !is_getack(c));
            streams.push(stream);
        }
        let (theirs, ours) = (&streams[0], &streams[1]);
        for i in 0..theirs.len().max(ours.len()) {
            match (theirs.get(i), ours.get(i)) {
                (Some(a), Some(b)) if compare::same_effect(a, b) => {}
                (a, b) => {
                    let from = i.saturating_sub(2);
                    let shown = |s: &[Command]| {
                        let end = s.len().min(i + 3);
                        s[from.min(end)..end]
                            .iter()
                            .map(|c| line_of(c))
                            .collect::<Vec<_>>()
                            .join(" | ")
                    };
                    let _ = (a, b);
                    let at = format!("    the streams differ at command {i}\n");
                    return Some(at + &self.difference(&shown(theirs), &shown(ours)));
                }
            }
        }
        None
    }

    /// Waits on both until `condition` holds for a client.
    pub fn wait_on_both(&mut self, what: &str, condition: impl Fn(&mut Client) -> bool) {
        for side in self.sides() {
            let mut client = side.connect();
            wait_until(&format!("{what} on {}", side.name), || {
                condition(&mut client)
            });
        }
    }

    fn sides(&mut self) -> [&mut Side; 2] {
        [&mut self.reference, &mut self.subject]
    }
}

impl Side {
    /// `forebay`, a peer's name, or host:port.
    fn of(who: &str, protocol: Protocol) -> Option<Side> {
        let side = |address: String, server| Side {
            name: who.to_owned(),
            address,
            protocol,
            clients: BTreeMap::new(),
            replica: None,
            _server: server,
        };
        if who.contains(':') {
            return Some(side(who.to_owned(), None));
        }
        let server = Builder::named(who)?.start();
        Some(side(server.address(), Some(server)))
    }

    /// A new connection that is not kept, in RESP2.
    pub fn connect(&self) -> Client {
        Client::connect(&self.address)
            .unwrap_or_else(|e| panic!("{} on {}: {e}", self.name, self.address))
    }

    /// The connection of this name, made when first used.
    pub fn client(&mut self, name: char) -> &mut Client {
        let (address, protocol) = (self.address.clone(), self.protocol);
        self.clients.entry(name).or_insert_with(|| {
            let mut client =
                Client::connect(&address).unwrap_or_else(|e| panic!("connect to {address}: {e}"));
            client.set_reply_limit(Some(REPLY_LIMIT));
            if protocol == Protocol::Resp3 {
                // Refused where a password is set: then the script's own commands are, too.
                let _ = client.run("HELLO 3");
            }
            client
        })
    }

    fn send(&mut self, connection: char, command: &Command) {
        // What cannot be sent shows as a missing reply.
        let _ = self.client(connection).send(command);
    }

    /// A reply; where none comes, an error that no server gives, and the connection is given up.
    fn read(&mut self, connection: char) -> Value {
        match self.client(connection).read() {
            Ok(value) => value,
            Err(error) => {
                self.clients.remove(&connection);
                Value::Error(format!("{NO_REPLY}: {error})"))
            }
        }
    }
}

fn is_getack(command: &Command) -> bool {
    command[0].eq_ignore_ascii_case(b"REPLCONF")
}

/// A command as one would type it.
pub fn line_of(command: &Command) -> String {
    let words = command.iter().map(|w| {
        if w.len() > 200 {
            format!("<{} bytes>", w.len())
        } else {
            quoted(w)
        }
    });
    words.collect::<Vec<_>>().join(" ")
}
