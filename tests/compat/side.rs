//! One server of a comparison, with its named connections and the replica that records its stream.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::client::Client;
use crate::support::fake_replica::FakeReplica;
use crate::support::resp::Value;
use crate::support::server::{Builder, Server};
use crate::support::words::quoted;

/// How long a reply may take before it counts as missing.
const REPLY_LIMIT: Duration = Duration::from_secs(10);

/// What stands for a missing reply. From a reference it means that the script is wrong.
pub const NO_REPLY: &str = "(no reply";

/// Which replies the connections ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// No HELLO.
    Resp2,
    /// `HELLO 3` on each connection.
    Resp3,
}

/// A command as its arguments.
pub type Command = Vec<Vec<u8>>;

/// One server.
pub struct Side {
    pub name: String,
    pub address: String,
    protocol: Protocol,
    pub clients: BTreeMap<char, Client>,
    pub replica: Option<FakeReplica>,
    _server: Option<Server>,
}

impl Side {
    /// `forebay`, a peer's name, or host:port.
    pub fn of(who: &str, protocol: Protocol) -> Option<Side> {
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

    pub fn send(&mut self, connection: char, command: &Command) {
        let command: Command = command.iter().map(|word| self.with_ids(word)).collect();
        // What cannot be sent shows as a missing reply.
        let _ = self.client(connection).send(&command);
    }

    /// `{id:b}` stands for the number of connection b, which can be asked for it then.
    fn with_ids(&mut self, word: &[u8]) -> Vec<u8> {
        let name = word
            .strip_prefix(b"{id:")
            .and_then(|w| w.strip_suffix(b"}"));
        match name {
            Some([name]) => {
                let id = self.client(char::from(*name)).int("CLIENT ID");
                id.to_string().into_bytes()
            }
            _ => word.to_vec(),
        }
    }

    /// A reply; where none comes, an error that no server gives, and the connection is given up.
    pub fn read(&mut self, connection: char) -> Value {
        match self.client(connection).read() {
            Ok(value) => value,
            Err(error) => {
                self.clients.remove(&connection);
                Value::Error(format!("{NO_REPLY}: {error})"))
            }
        }
    }
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
