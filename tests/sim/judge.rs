//! What must hold: always, and once everybody agrees.

use super::node::Node;
use super::world::World;
use super::writer::{DATABASES, PAIR};
use forebay::keyspace::ValueRef;
use forebay::replication::primary::State;

impl World {
    /// Everybody follows the top and stands where it stands.
    pub fn agreed(&self) -> bool {
        let Some(top) = &self.servers[self.top].node else {
            return false;
        };
        if top.follows().is_some() || top.engine.repl.is_failing_over() {
            return false;
        }
        let top = top.engine.repl.history();
        self.servers.iter().all(|s| {
            s.node.as_ref().is_some_and(|n| {
                let repl = &n.engine.repl;
                let here = repl.history();
                repl.link_is_up() && here.id() == top.id() && here.offset() == top.offset()
            })
        })
    }

    /// All datasets are equal.
    pub fn compare(&self) -> Result<(), String> {
        let right = self.servers[self.top].node.as_ref().expect("they agree");
        let digest = right.digest();
        for (i, server) in self.servers.iter().enumerate() {
            let node = server.node.as_ref().expect("they agree");
            if node.digest() != digest {
                let (top, why) = (self.top, difference(right, node));
                return Err(format!("server {i} differs from {top}:\n{why}"));
            }
        }
        Ok(())
    }

    /// What holds at every moment.
    pub fn check_always(&self) -> Result<(), String> {
        for (i, server) in self.servers.iter().enumerate() {
            let Some(node) = &server.node else { continue };
            if let Some(what) = &node.watch.broken {
                let told = node.log.iter().rfind(|line| line.contains("CRITICAL"));
                return Err(format!("server {i}: {what} {}", told.map_or("", |t| t)));
            }
            transactions_are_whole(node).map_err(|why| format!("server {i}: {why}"))?;
        }
        self.acknowledgements_are_true()
    }

    /// A replica has what its primary believes it to have.
    fn acknowledgements_are_true(&self) -> Result<(), String> {
        for conn in self.conns.iter().filter(|c| c.held) {
            let (Some(client), Some(primary), Some(replica)) = (
                conn.client,
                &self.servers[conn.primary].node,
                &self.servers[conn.replica].node,
            ) else {
                continue;
            };
            let Some(known) = primary.engine.repl.primary().replica(client) else {
                continue;
            };
            let has = replica.engine.repl.offset();
            if known.state == State::Online && known.ack > has && replica.engine.repl.link_is_up() {
                let ack = known.ack;
                return Err(format!("server {} has {has}, not {ack}", conn.replica));
            }
        }
        Ok(())
    }

    /// Who stands at the same offset of the same history holds the same.
    pub fn check_equals(&self) -> Result<(), String> {
        let stands = |node: &Node| {
            let repl = &node.engine.repl;
            match repl.upstream() {
                None => repl.history().backlog().is_some(),
                Some(up) => up.link.is_up() || up.cached.is_some(),
            }
        };
        let nodes = self.servers.iter().enumerate();
        let mut seen: Vec<(usize, &Node)> = Vec::new();
        for (i, node) in nodes.filter_map(|(i, s)| Some((i, s.node.as_ref()?))) {
            if !stands(node) {
                continue;
            }
            let at = node.engine.repl.history().position();
            let same = seen
                .iter()
                .find(|(_, n)| n.engine.repl.history().position() == at);
            if let Some((j, other)) = same
                && other.digest() != node.digest()
            {
                let why = difference(other, node);
                return Err(format!(
                    "servers {j} and {i}, both at {at:?}, differ:\n{why}"
                ));
            }
            seen.push((i, node));
        }
        Ok(())
    }
}

fn transactions_are_whole(node: &Node) -> Result<(), String> {
    if node.engine.config.maxmemory > 0 {
        return Ok(()); // one of the two may be evicted
    }
    for n in 0..DATABASES as usize {
        let db = node.engine.keyspace.db(n);
        let value = |key: &str| {
            let found = db.find(key.as_bytes())?;
            match db.value(found) {
                ValueRef::Str(text) => Some(text.bytes().to_vec()),
                _ => None,
            }
        };
        let (a, b) = (value(PAIR[0]), value(PAIR[1]));
        if a != b {
            return Err(format!("half a transaction in database {n}: {a:?} {b:?}"));
        }
    }
    Ok(())
}

/// A few of the keys that differ, and the log of who is wrong.
fn difference(right: &Node, wrong: &Node) -> String {
    let (a, b) = (right.dataset(), wrong.dataset());
    let all = a.keys().chain(b.keys());
    let keys = all.filter(|k| a.get(*k) != b.get(*k));
    let lines: Vec<String> = keys
        .take(5)
        .map(|k| format!("{k:?}:\n  {:?}\n  {:?}", a.get(k), b.get(k)))
        .collect();
    let log = |n: &Node| {
        let skip = n.log.len().saturating_sub(60);
        n.log[skip..].join("\n")
    };
    format!(
        "{}\nlogs:\n{}\n---\n{}",
        lines.join("\n"),
        log(right),
        log(wrong)
    )
}
