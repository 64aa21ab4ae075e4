//! Replicas' connections in the simulation: what they are before they are replicas', and what the product's
//! [`Feed`] needs of them.

use super::disk::SimDisk;
use super::node::Node;
use super::scratch::{SimScratch, Source};
use forebay::engine::{ClientFlags, ClientId, CommitPosition, Engine, Session};
use forebay::flow::append::ArchiveReader;
use forebay::flow::client::{Attendant, run_requests};
use forebay::flow::feed::{End, Feed, Next};
use forebay::flow::pipe::Read;
use forebay::flow::spill;
use forebay::resp::Parser;

/// A connection that was accepted.
pub enum Peer {
    /// It has not asked to be a replica.
    Client(Client),
    Replica(Box<Replica>),
}

/// A replica's connection.
pub struct Replica {
    feed: Feed<Source>,
    /// Bytes of the stream that the disk gives at this time.
    reading: Option<(u64, Result<Vec<u8>, String>)>,
    /// Who reads the stream back from the append-only file.
    archive: Option<ArchiveReader<SimDisk>>,
}

/// Replies are few until a connection is a replica's: nobody has to look after them.
struct Nobody;

impl Attendant for Nobody {
    fn attend_from(&mut self, _: &Engine, _: &mut Session) -> usize {
        usize::MAX
    }

    fn attend(&mut self, _: &mut Engine, _: &mut Session) -> usize {
        usize::MAX
    }

    fn is_stalled(&self) -> bool {
        false
    }

    fn sealed(&mut self, _: CommitPosition) {}
}

/// A client's connection.
#[derive(Default)]
pub struct Client {
    input: Vec<u8>,
    parser: Parser,
    out: Vec<u8>,
}

impl Node {
    /// Accepts a replica's connection from `address`.
    pub fn accept(&mut self, address: String) -> ClientId {
        let id = self.engine.connect(address, "10.0.0.2:2".into());
        self.peers.insert(id, Peer::Client(Client::default()));
        id
    }

    /// A connection is gone.
    pub fn lost_replica(&mut self, id: ClientId, end: End) {
        self.replication.forget(id);
        if let Some(Peer::Replica(replica)) = self.peers.remove(&id) {
            replica.feed.end(end, &mut self.engine);
        }
        self.engine.disconnect(id);
        self.act();
    }

    /// Bytes of a connection. An error if it must be closed.
    pub fn receive(&mut self, id: ClientId, bytes: &[u8]) -> Result<(), End> {
        let mut peer = self.peers.remove(&id).ok_or(End::Closed)?;
        let result = self.run_requests(id, &mut peer, bytes);
        self.peers.insert(id, peer);
        self.act();
        result
    }

    fn run_requests(&mut self, id: ClientId, peer: &mut Peer, bytes: &[u8]) -> Result<(), End> {
        match peer {
            Peer::Replica(replica) => replica.feed.take(bytes, &mut self.engine)?,
            Peer::Client(client) => {
                client.input.extend_from_slice(bytes);
                if self.run_client(id, client)? {
                    let Client { input, out, .. } = std::mem::take(client);
                    *peer = Peer::Replica(Box::new(Replica {
                        feed: Feed::new(id, self.replication.outbox(id), input, out),
                        reading: None,
                        archive: None,
                    }));
                }
            }
        }
        match peer {
            Peer::Replica(replica) if replica.feed.has_input() => {
                replica.feed.run_requests(&mut self.engine)
            }
            _ => Ok(()),
        }
    }

    /// Runs requests up to one that makes the connection a replica's; true if there was one.
    fn run_client(&mut self, id: ClientId, client: &mut Client) -> Result<bool, End> {
        let engine = &mut self.engine;
        let mut session = engine.lend(id).ok_or(End::Closed)?;
        let Client { input, parser, out } = client;
        let done = run_requests(parser, engine, &mut session, input, &mut Nobody);
        input.drain(..done);
        out.extend(session.reply.take());
        let flags = session.flags;
        engine.give_back(session);
        match flags.intersects(ClientFlags::CLOSE_ASAP | ClientFlags::CLOSE_AFTER_REPLY) {
            true => Err(End::Closed),
            false => Ok(flags.contains(ClientFlags::REPLICA)),
        }
    }

    /// Up to `max` bytes for a connection. An error if it must be closed.
    pub fn send(&mut self, id: ClientId, max: usize) -> (Vec<u8>, Result<(), End>) {
        let mut out = Vec::new();
        let Some(mut peer) = self.peers.remove(&id) else {
            return (out, Ok(()));
        };
        let result = match &mut peer {
            Peer::Client(client) => {
                let n = max.min(client.out.len());
                out.extend(client.out.drain(..n));
                Ok(())
            }
            Peer::Replica(replica) => self.send_to_replica(replica, max, &mut out),
        };
        self.peers.insert(id, peer);
        if !out.is_empty() {
            self.act();
        }
        (out, result)
    }

    /// The connection must be closed now.
    pub fn must_close(&self, id: ClientId) -> bool {
        let peer = self.peers.get(&id);
        peer.is_some_and(|p| matches!(p, Peer::Replica(replica) if replica.feed.must_close()))
    }

    /// Bytes of the stream are being read back from disk.
    pub fn reads_back(&self) -> bool {
        let mut peers = self.peers.values();
        peers.any(|peer| matches!(peer, Peer::Replica(replica) if replica.reading.is_some()))
    }

    fn send_to_replica(
        &mut self,
        Replica {
            feed,
            reading,
            archive,
        }: &mut Replica,
        max: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), End> {
        let now = (self.now_ms, self.engine.clock.unix_us);
        while out.len() < max && !feed.must_close() {
            let room = max - out.len();
            match feed.next(&self.engine) {
                Next::Nothing => break,
                Next::Close => return Err(End::Closed),
                Next::Bytes(bytes) => {
                    let n = room.min(bytes.len());
                    out.extend_from_slice(&bytes[..n]);
                    feed.wrote(n, &mut self.engine, || now);
                }
                Next::Stream(bytes) => {
                    let n = room.min(bytes.len());
                    out.extend_from_slice(&bytes[..n]);
                    feed.streamed(n, &mut self.engine);
                }
                Next::Payload => match feed.payload().expect("it was asked for").read() {
                    Read::Later => break,
                    Read::Bytes(bytes) => feed.chunk(bytes),
                    Read::End => feed.payload_ends(true, &mut self.engine),
                    Read::Failed(_) => feed.payload_ends(false, &mut self.engine),
                },
                Next::ReadBack(place, len) => {
                    let read = spill::read::<SimScratch>(&place, len);
                    let read = read.map_err(|e| e.to_string());
                    *reading = Some((self.now_ms + self.disk.delay_ms(), read));
                }
                Next::ReadArchive(from, most) => {
                    let reader = archive.get_or_insert_with(|| self.append.archive_reader());
                    let read = reader.read(from.get().max(0) as u64, most);
                    let read = read.map_err(|e| e.to_string());
                    *reading = Some((self.now_ms + self.disk.delay_ms(), read));
                }
                Next::Reading => match reading.take_if(|(at, _)| *at <= self.now_ms) {
                    Some((_, read)) => feed.read_back(read, &mut self.engine)?,
                    None => break,
                },
            }
        }
        match feed.must_close() {
            true => Err(End::Closed),
            false => Ok(()),
        }
    }
}
