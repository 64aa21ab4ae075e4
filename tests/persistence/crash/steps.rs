//! What a round does to its servers, and what it learns from their answers.
//!
//! `Ok(None)` is a connection that broke: the server has ended, or will be found to have.

use super::blow::LIMIT;
use super::ledger::{Dataset, STAMP};
use super::plan::Step;
use super::round::{Role, Round};
use crate::support::client::Client;
use crate::support::resp::Value;
use crate::support::server::Server;
use crate::support::wait::poll_for;
use std::time::{Duration, Instant};

/// A link or a save that takes longer is not waited for: what comes after it is then drawn over it.
const PATIENCE: Duration = Duration::from_secs(3);

fn connected<'c>(to: &'c mut Option<Client>, server: &Server) -> Option<&'c mut Client> {
    if to.is_none() {
        let mut client = Client::connect(server.address()).ok()?;
        client.set_reply_limit(Some(LIMIT));
        *to = Some(client);
    }
    to.as_mut()
}

impl Round<'_> {
    /// A connection to the server; `None` when it does not listen, or has left a request without an answer.
    fn reach(&mut self) -> Option<&mut Client> {
        if self.lost {
            return None;
        }
        connected(&mut self.to_server, &self.server)
    }

    /// One command to the server.
    pub fn command(&mut self, words: &[&str]) -> Option<Value> {
        let reply = self.reach()?.try_cmd(words);
        let text = match &reply {
            Ok(reply) => reply.to_string().replace("\r\n", " "),
            Err(e) => e.to_string(),
        };
        self.note(format!("{}: {:.120}", words.join(" "), text));
        self.lost |= reply.is_err();
        reply.ok()
    }

    fn peer_command(&mut self, words: &[&str]) -> Result<Value, String> {
        self.continue_peer();
        let peer = self.peer.get_or_insert_with(|| self.plan.peer());
        let client = connected(&mut self.to_peer, peer).ok_or("the peer does not listen")?;
        let reply = client.try_cmd(words);
        reply.map_err(|e| format!("the peer: {}: {e}", words.join(" ")))
    }

    /// A step of the plan.
    pub fn step(&mut self, step: Step) -> Result<(), String> {
        self.note(format!("{step:?}"));
        match step {
            Step::Start => {}
            Step::Write(n) => {
                for _ in 0..n {
                    self.write()?;
                }
            }
            Step::Save => self.save(&["SAVE"]),
            Step::Reload => self.save(&["DEBUG", "RELOAD"]),
            Step::Bgsave => drop(self.bgsave()?),
            Step::AwaitSave => self.await_save(),
            Step::Flushall => drop(self.flushall()?),
            Step::Serve => self.serve()?,
            Step::Follow => self.follow()?,
            Step::Lead => self.lead()?,
            Step::AwaitLink => self.await_link()?,
            Step::StopPeer => self.stop_peer(),
        }
        Ok(())
    }

    /// A transaction that sets or deletes some keys and sets the stamp, on whoever leads.
    pub fn write(&mut self) -> Result<Option<()>, String> {
        let follows = matches!(self.role, Role::Following { .. });
        let mut state = match follows {
            true => self.peer_states.last().expect("never empty").clone(),
            false => self.ledger.newest().clone(),
        };
        let commands = self.draw_write(&mut state);
        if follows {
            return self.write_to_peer(state, &commands);
        }
        self.ledger.may_become(state);
        let Some(client) = self.reach() else {
            self.ledger.refused();
            return Ok(None);
        };
        match transaction(client, &commands) {
            Ok(None) => self.ledger.acknowledged(),
            Ok(Some(reply)) => {
                self.ledger.refused();
                let stamp = self.stamp;
                self.note(format!("s{stamp} is refused: {reply}"));
            }
            Err(_) => {
                self.lost = true;
                return Ok(None);
            }
        }
        Ok(Some(()))
    }

    fn write_to_peer(
        &mut self,
        state: Dataset,
        commands: &[Vec<String>],
    ) -> Result<Option<()>, String> {
        self.peer_states.push(state.clone());
        self.ledger.may_become(state);
        let peer = self.peer.as_ref().expect("it is followed");
        let client = connected(&mut self.to_peer, peer).ok_or("the peer does not listen")?;
        match transaction(client, commands) {
            Ok(None) => Ok(Some(())),
            Ok(Some(reply)) => Err(format!("the peer refuses a write: {reply}")),
            Err(e) => Err(format!("the peer: {e}")),
        }
    }

    fn draw_write(&mut self, state: &mut Dataset) -> Vec<Vec<String>> {
        self.stamp += 1;
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let mut commands = vec![words(&["MULTI"])];
        for _ in 0..1 + self.dice.below(4) {
            let (db, key) = (
                self.dice.below(2),
                format!("k{}", self.dice.below(self.plan.keys)),
            );
            commands.push(words(&["SELECT", &db.to_string()]));
            let place = (db as u32, key.clone());
            if self.dice.one_in(6) {
                state.remove(&place);
                commands.push(words(&["DEL", &key]));
            } else {
                let length = self.dice.of(&[1, 10, 30, 300, 3000]);
                let value = format!("v{}{}", self.stamp, "x".repeat(length));
                commands.push(words(&["SET", &key, &value]));
                state.insert(place, value);
            }
        }
        let stamp = format!("s{}", self.stamp);
        state.insert((0, STAMP.to_owned()), stamp.clone());
        commands.push(words(&["SELECT", "0"]));
        commands.push(words(&["SET", STAMP, &stamp]));
        commands.push(words(&["EXEC"]));
        commands
    }

    /// SAVE and DEBUG RELOAD.
    fn save(&mut self, words: &[&str]) {
        let image = self.ledger.begin_image();
        self.running_save = None;
        match self.command(words) {
            Some(Value::Simple(text)) if text == "OK" => self.ledger.image_done(image),
            // A reload that fails may have saved before.
            Some(_) if words.len() == 1 => self.ledger.image_refused(image),
            _ => {}
        }
    }

    /// BGSAVE
    pub fn bgsave(&mut self) -> Result<Option<()>, String> {
        let before = self.info("persistence", "rdb_saves");
        let image = self.ledger.begin_image();
        let reply = self.command(&["BGSAVE"]);
        match reply {
            Some(Value::Simple(text)) if text == "Background saving started" => {
                let before = before.and_then(|n| n.parse().ok());
                self.running_save = before.map(|n| (image, n));
            }
            Some(_) => self.ledger.image_refused(image),
            None => return Ok(None),
        }
        Ok(Some(()))
    }

    fn await_save(&mut self) {
        poll_for(PATIENCE, || {
            let running = self.info("persistence", "rdb_bgsave_in_progress");
            (running.as_deref() != Some("1")).then_some(())
        });
        let saves: Option<u64> = self
            .info("persistence", "rdb_saves")
            .and_then(|n| n.parse().ok());
        if let (Some((image, before)), Some(saves)) = (self.running_save, saves)
            && saves == before + 1
        {
            self.ledger.image_done(image);
            self.running_save = None;
        }
    }

    /// FLUSHALL on whoever leads. Where there are save points the empty dataset is saved before it is answered.
    pub fn flushall(&mut self) -> Result<Option<()>, String> {
        let follows = matches!(self.role, Role::Following { .. });
        if !follows && self.reach().is_none() {
            // It does not listen yet: what is not asked for makes no dataset.
            return Ok(None);
        }
        self.ledger.may_become(Dataset::new());
        self.running_save = None;
        let points = self.plan.save != "\"\"";
        let image = points.then(|| self.ledger.begin_image_of_newest());
        if follows {
            self.peer_states.push(Dataset::new());
            self.peer_command(&["FLUSHALL"])?;
            return Ok(Some(()));
        }
        match self.command(&["FLUSHALL"]) {
            Some(reply) if reply.is_error() => {
                if let Some(image) = image {
                    self.ledger.image_refused(image);
                }
                self.ledger.refused();
            }
            Some(_) => {
                self.ledger.acknowledged();
                if let Some(image) = image {
                    self.ledger.image_done(image);
                }
            }
            None => return Ok(None),
        }
        Ok(Some(()))
    }

    fn serve(&mut self) -> Result<(), String> {
        if self.role != Role::Alone {
            return Ok(());
        }
        let port = self.server.port().to_string();
        let reply = self.peer_command(&["REPLICAOF", "127.0.0.1", &port])?;
        if reply.is_error() {
            return Err(format!("the peer does not follow: {reply}"));
        }
        if !self.plan.diskless_sync {
            self.ledger.begin_saving();
        }
        self.role = Role::Serving;
        Ok(())
    }

    fn follow(&mut self) -> Result<(), String> {
        if let Role::Following { .. } = self.role {
            return Ok(());
        }
        if self.role == Role::Serving {
            let began = Instant::now();
            // While it loads it refuses.
            while self.peer_command(&["REPLICAOF", "NO", "ONE"])?.is_error() {
                if began.elapsed() > LIMIT {
                    return Err("the peer stays a replica".to_owned());
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            self.role = Role::Alone;
            let state = loop {
                match self.read_all(true) {
                    Ok(state) => break state,
                    Err(e) if began.elapsed() > LIMIT => return Err(e),
                    Err(_) => std::thread::sleep(Duration::from_millis(10)),
                }
            };
            self.peer_states = vec![state];
        } else if self.peer.is_none() {
            self.peer_command(&["PING"])?;
        }
        let delay = self.plan.save_delay.to_string();
        self.peer_command(&["CONFIG", "SET", "rdb-key-save-delay", &delay])?;
        let port = self.peer.as_ref().expect("it is there").port().to_string();
        let log = self.server.log().len();
        let reply = self.command(&["REPLICAOF", "127.0.0.1", &port]);
        if reply.is_some_and(|r| !r.is_error()) {
            let base = self.ledger.newest().clone();
            let image = self.expect_peer_states(&base);
            self.role = Role::Following {
                linked: false,
                image,
                log,
            };
            // A primary without anything would be too quick.
            for _ in 0..3 {
                self.write()?;
            }
        }
        Ok(())
    }

    fn lead(&mut self) -> Result<(), String> {
        let Role::Following { .. } = self.role else {
            return Ok(());
        };
        let reply = self.command(&["REPLICAOF", "NO", "ONE"]);
        if reply.is_none_or(|r| r.is_error()) {
            return Ok(()); // it is loading, or gone
        }
        self.role = Role::Alone;
        let dataset = match self.read_all(false) {
            Ok(dataset) => dataset,
            Err(_) if self.lost => return Ok(()),
            Err(e) => return Err(format!("after REPLICAOF NO ONE: {e}")),
        };
        self.ledger.seen_whole(&dataset)?;
        self.ledger.may_become(dataset);
        self.ledger.acknowledged();
        Ok(())
    }

    fn await_link(&mut self) -> Result<(), String> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let up = match self.role {
                Role::Alone => return Ok(()),
                Role::Serving => {
                    let replica = self.info("replication", "slave0");
                    replica.is_some_and(|text| text.contains("state=online"))
                }
                Role::Following { .. } => {
                    self.look_at_link()?;
                    matches!(self.role, Role::Following { linked: true, .. })
                }
            };
            if up {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Whether the link to the peer is up, and what follows from that.
    pub fn look_at_link(&mut self) -> Result<(), String> {
        let up = self.info("replication", "master_link_status");
        if let Role::Following { linked, image, log } = &mut self.role
            && up.as_deref() == Some("up")
        {
            let received = self.server.log()[*log..].contains("from master to disk");
            if !*linked && received {
                self.ledger.image_done(*image);
            }
            *linked = true;
            self.observe()?;
        }
        Ok(())
    }

    /// Looks at the stamp of the server while it follows.
    pub fn observe(&mut self) -> Result<Option<()>, String> {
        let Some(client) = self.reach() else {
            return Ok(None);
        };
        let reply = client
            .try_cmd(&["SELECT", "0"])
            .and_then(|_| client.try_cmd(&["GET", STAMP]));
        let Ok(reply) = reply else {
            self.lost = true;
            return Ok(None);
        };
        if let Some(stamp) = reply.text().filter(|_| !reply.is_error())
            && !self.ledger.seen(stamp)
        {
            return Err(format!("the server went back to {stamp}"));
        }
        Ok(Some(()))
    }

    fn stop_peer(&mut self) {
        if self.role == Role::Serving {
            self.peer.as_ref().expect("it serves it").signal(19);
            self.peer_stopped = true;
        }
    }

    /// Undoes [`Step::StopPeer`].
    pub fn continue_peer(&mut self) {
        if std::mem::take(&mut self.peer_stopped) {
            self.peer.as_ref().expect("it was stopped").signal(18);
        }
    }

    fn info(&mut self, section: &str, field: &str) -> Option<String> {
        let fields = self.reach()?.try_info(section);
        self.lost |= fields.is_err();
        fields.ok()?.remove(field)
    }

    /// Everything that a server holds, at one moment.
    ///
    /// # Errors
    /// It does not answer, or holds other keys.
    pub fn read_all(&mut self, of_peer: bool) -> Result<Dataset, String> {
        let mut keys: Vec<String> = (0..self.plan.keys).map(|k| format!("k{k}")).collect();
        keys.push(STAMP.to_owned());
        let read = |db: &str| {
            let select = vec!["SELECT".to_owned(), db.to_owned()];
            let get = std::iter::once("MGET".to_owned()).chain(keys.iter().cloned());
            [select, get.collect(), vec!["DBSIZE".to_owned()]]
        };
        let mut commands = vec![vec!["MULTI".to_owned()]];
        commands.extend(read("0"));
        commands.extend(read("1"));
        commands.push(vec!["EXEC".to_owned()]);
        let client = match of_peer {
            true => {
                self.continue_peer();
                connected(
                    &mut self.to_peer,
                    self.peer.as_ref().expect("it was started"),
                )
            }
            false => self.reach(),
        };
        let client = client.ok_or("it does not listen")?;
        let mut reply = Ok(Value::Null);
        for command in &commands {
            reply = client.try_cmd(command);
            if reply.is_err() {
                break;
            }
        }
        self.lost |= reply.is_err() && !of_peer;
        let reply = reply.map_err(|e| e.to_string())?;
        let replies = reply.items().ok_or_else(|| format!("EXEC: {reply}"))?;
        let mut data = Dataset::new();
        for (db, replies) in replies.chunks(3).enumerate() {
            let values = replies[1].items().ok_or_else(|| replies[1].to_string())?;
            let found = data.len();
            for (key, value) in keys.iter().zip(values) {
                if let Some(text) = value.text() {
                    data.insert((db as u32, key.clone()), text.to_owned());
                }
            }
            if replies[2].int() != Some((data.len() - found) as i64) {
                return Err(format!("database {db} has {} keys", replies[2]));
            }
        }
        Ok(data)
    }
}

/// Carries a transaction out; what was answered instead, if it was refused.
fn transaction(client: &mut Client, commands: &[Vec<String>]) -> std::io::Result<Option<Value>> {
    let bytes: Vec<u8> = commands
        .iter()
        .flat_map(|c| crate::support::resp::request(c))
        .collect();
    client.send_raw(&bytes)?;
    let mut reply = Value::Null;
    let mut refused = None;
    for _ in commands {
        reply = client.read()?;
        refused = refused.or(reply.is_error().then(|| reply.clone()));
    }
    let items = reply.items();
    let done = items.is_some_and(|items| items.iter().all(|item| !item.is_error()));
    Ok((!done).then(|| refused.unwrap_or(reply)))
}
