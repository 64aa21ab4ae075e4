//! The primary's side of a replica's connection: requests come, lines, payload and stream go.

use super::disk::SimFile;
use super::node::{Node, Outbox, Payload, Pipe};
use forebay::disk::DiskFile;
use forebay::engine::{ClientFlags, ClientId};
use forebay::flow::Fate;
use forebay::flow::save::{SaveError, Sink};
use forebay::replication::log::Chunk;
use forebay::resp::RequestLimits;
use std::sync::{Arc, Mutex};

impl Node {
    pub(super) fn outbox(&mut self, id: ClientId) -> &mut Outbox {
        self.outboxes.entry(id).or_default()
    }

    /// Accepts a replica's connection from `address`.
    pub fn accept(&mut self, address: String) -> ClientId {
        let id = self.engine.connect(address, "10.0.0.2:2".into());
        self.inputs.insert(id, Default::default());
        id
    }

    /// A replica's connection is gone; `broken` if that is not our doing.
    pub fn lost_replica(&mut self, id: ClientId, broken: bool) {
        self.inputs.remove(&id);
        self.outboxes.remove(&id);
        match broken {
            true => self.engine.repl.on_peer_closed(id),
            false => self.engine.repl.on_disconnect(id),
        }
        self.engine.disconnect(id);
        self.act();
    }

    /// Bytes of a replica's connection. False if it must be closed.
    pub fn receive(&mut self, id: ClientId, bytes: &[u8]) -> bool {
        let Some((mut buf, mut parser)) = self.inputs.remove(&id) else {
            return false;
        };
        buf.extend_from_slice(bytes);
        if buf.iter().all(|b| matches!(b, b'\r' | b'\n')) {
            let now_ms = self.now_ms;
            let repl = &mut self.engine.repl;
            repl.with_primary(|primary, _| primary.on_newline(id, now_ms));
        }
        let limits = RequestLimits {
            bulk: 1 << 20,
            unauthenticated: false,
        };
        let parsed = parser.parse(&buf, limits, usize::MAX);
        parsed.expect("replicas speak the protocol");
        let n = parser.len();
        for i in 0..n {
            let argv: Vec<&[u8]> = parser.request(i, &buf).collect();
            self.engine.execute(id, &argv);
            // The real connection writes the reply before it runs the next request's answer.
            let Some(session) = self.engine.clients.get_mut(&id) else {
                return false;
            };
            let reply = session.reply.take();
            let replica = session.flags.contains(ClientFlags::REPLICA);
            let answered = String::from_utf8_lossy(&reply);
            assert!(
                !replica || reply.is_empty(),
                "a replica was answered: {answered}"
            );
            self.outbox(id).lines.extend(reply);
        }
        let done = parser.consume(n);
        buf.drain(..done);
        self.inputs.insert(id, (buf, parser));
        self.act();
        true
    }

    /// Up to `max` bytes for a replica's connection.
    pub fn send(&mut self, id: ClientId, max: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while out.len() < max {
            let room = max - out.len();
            let outbox = self.outboxes.entry(id).or_default();
            if !outbox.lines.is_empty() {
                let n = room.min(outbox.lines.len());
                out.extend(outbox.lines.drain(..n));
                continue;
            }
            let n = match &mut outbox.payload {
                Some(payload) => {
                    let Ok((n, whole)) = payload.take(room, &mut out) else {
                        outbox.close = true;
                        break;
                    };
                    if whole {
                        outbox.payload = None;
                    }
                    self.payload_went(id, n, whole);
                    n
                }
                None => self.send_stream(id, room, &mut out),
            };
            if n == 0 {
                break;
            }
        }
        if !out.is_empty() {
            self.act();
        }
        out
    }

    fn payload_went(&mut self, id: ClientId, n: usize, whole: bool) {
        let now_ms = self.now_ms;
        self.engine.repl.with_primary(|primary, env| {
            if n > 0 {
                primary.on_progress(id, now_ms);
            }
            if whole {
                primary.on_payload_sent(id, env);
            }
        });
    }

    fn send_stream(&mut self, id: ClientId, room: usize, out: &mut Vec<u8>) -> usize {
        let before = out.len();
        match self.engine.repl.stream_for(id) {
            Chunk::Memory(bytes) => out.extend(&bytes[..room.min(bytes.len())]),
            Chunk::Disk(place, len) => {
                let file = place.file.downcast::<Vec<u8>>().expect("as given");
                out.extend(&file[place.at as usize..][..room.min(len)]);
            }
        }
        let n = out.len() - before;
        if n > 0 {
            self.engine.repl.on_stream_sent(id, n);
        }
        n
    }
}

impl Payload {
    /// Moves up to `room` bytes; the number, and whether those were the last.
    fn take(&mut self, room: usize, out: &mut Vec<u8>) -> Result<(usize, bool), Broken> {
        match self {
            Payload::Pipe(pipe) => {
                let mut pipe = pipe.lock().expect("nothing panics with this lock");
                if pipe.broken {
                    return Err(Broken);
                }
                let n = room.min(pipe.bytes.len());
                out.extend(pipe.bytes.drain(..n));
                Ok((n, pipe.complete && pipe.bytes.is_empty()))
            }
            Payload::File { file, at } => {
                let bytes = file.bytes_at(*at, room);
                *at += bytes.len();
                let len = file.size().expect("it is open");
                out.extend_from_slice(&bytes);
                Ok((bytes.len(), *at as u64 == len))
            }
        }
    }
}

/// The payload ends too early.
struct Broken;

/// The snapshot's end of a payload's way.
struct ReplicaSink {
    pipe: Arc<Mutex<Pipe>>,
    /// Behind the dump.
    mark: Vec<u8>,
}

/// The two ends of a payload's way.
pub fn connect(mark: &[u8]) -> (Box<dyn Sink<SimFile>>, Payload) {
    let pipe = Arc::new(Mutex::new(Pipe {
        bytes: [b"$EOF:", mark, b"\r\n"].concat(),
        ..Pipe::default()
    }));
    let mark = mark.to_vec();
    let payload = Payload::Pipe(pipe.clone());
    (Box::new(ReplicaSink { pipe, mark }), payload)
}

impl Sink<SimFile> for ReplicaSink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SaveError> {
        if Arc::strong_count(&self.pipe) == 1 {
            return Err(SaveError::Cancelled("replica: it is gone".to_owned()));
        }
        let mut pipe = self.pipe.lock().expect("nothing panics with this lock");
        pipe.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(mut self: Box<Self>, _: &Fate) -> Result<Option<SimFile>, SaveError> {
        let mark = std::mem::take(&mut self.mark);
        self.write(&mark)?;
        let mut pipe = self.pipe.lock().expect("nothing panics with this lock");
        pipe.complete = true;
        Ok(None)
    }
}

impl Drop for ReplicaSink {
    fn drop(&mut self) {
        let mut pipe = self.pipe.lock().expect("nothing panics with this lock");
        pipe.broken = !pipe.complete;
    }
}
