//! What a primary sends to a replica, recorded: handshake, payload, then the command stream.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::resp::{Reader, Value, request};
use super::wait::wait_until;

/// A real replica acknowledges once a second; tests have less patience.
const ACK_PERIOD: Duration = Duration::from_millis(50);

/// What the replica says of itself before PSYNC.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// `REPLCONF listening-port`: a label, not an identity.
    pub listening_port: Option<u16>,
    /// `REPLCONF capa ...`
    pub capabilities: Vec<&'static str>,
    /// Further `REPLCONF` pairs.
    pub extra: Vec<(&'static str, String)>,
    /// The replication id and offset asked for; `None` is `? -1`.
    pub wanted: Option<(String, i64)>,
    /// Ask with `SYNC` instead of `PSYNC`.
    pub old_sync: bool,
    /// Acknowledge nothing but what the test acknowledges itself.
    pub silent: bool,
}

impl Default for Introduction {
    fn default() -> Self {
        Introduction {
            listening_port: Some(1),
            capabilities: vec!["eof", "psync2"],
            extra: Vec::new(),
            wanted: None,
            old_sync: false,
            silent: false,
        }
    }
}

/// How the payload was framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `$<len>`
    Length,
    /// `$EOF:<mark>`
    EofMark,
}

/// The answer to PSYNC.
#[derive(Clone, Debug)]
pub enum Answer {
    /// `+FULLRESYNC id offset`, then the payload. SYNC has neither id nor offset.
    Full {
        replid: String,
        offset: i64,
        framing: Framing,
        payload: Vec<u8>,
    },
    /// `+CONTINUE [id]`
    Continue { replid: Option<String> },
    /// Any other line.
    Refused(String),
}

/// A replica that is attached and records the stream.
pub struct FakeReplica {
    /// What PSYNC was answered.
    pub answer: Answer,
    /// `+PONG`, `+OK`...: the replies before it.
    pub replies: Vec<String>,
    writer: TcpStream,
    stream: Arc<Mutex<Vec<u8>>>,
    ended: Arc<AtomicBool>,
}

impl FakeReplica {
    /// Attaches to `address` with the default introduction.
    pub fn attach(address: &str) -> FakeReplica {
        FakeReplica::attach_as(address, &Introduction::default()).expect("the primary answers")
    }

    /// Performs the handshake, receives the payload and starts recording the stream.
    ///
    /// # Errors
    /// What the connection gives, `UnexpectedEof` when the primary closes on the way.
    pub fn attach_as(address: &str, who: &Introduction) -> io::Result<FakeReplica> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut writer = socket.try_clone()?;
        let mut reader = Reader::new(socket);
        let mut replies = Vec::new();
        for command in introduction(who) {
            writer.write_all(&request(&command))?;
            replies.push(reader.line()?);
        }
        let answer = if who.old_sync {
            writer.write_all(b"SYNC\r\n")?;
            let (framing, payload) = payload(&mut reader)?;
            Answer::Full {
                replid: String::new(),
                offset: -1,
                framing,
                payload,
            }
        } else {
            let (id, offset) = who.wanted.clone().unwrap_or(("?".to_owned(), -1));
            writer.write_all(&request(&["PSYNC", &id, &offset.to_string()]))?;
            answer(&mut reader)?
        };
        let start = match &answer {
            Answer::Full { offset, .. } => *offset,
            _ => who.wanted.as_ref().map_or(-1, |(_, first)| first - 1),
        };
        let stream = Arc::new(Mutex::new(Vec::new()));
        let ended = Arc::new(AtomicBool::new(false));
        let recorder = Recorder {
            reader,
            acks: (!who.silent && start >= 0).then_some((writer.try_clone()?, start)),
            into: Arc::clone(&stream),
            ended: Arc::clone(&ended),
        };
        std::thread::spawn(move || recorder.run());
        Ok(FakeReplica {
            answer,
            replies,
            writer,
            stream,
            ended,
        })
    }

    /// Sends `REPLCONF ACK offset`.
    ///
    /// # Errors
    /// What writing gives.
    pub fn ack(&mut self, offset: i64) -> io::Result<()> {
        self.writer
            .write_all(&request(&["REPLCONF", "ACK", &offset.to_string()]))
    }

    /// Sends a request that replicas do not make.
    ///
    /// # Errors
    /// What writing gives.
    pub fn send(&mut self, words: &[&str]) -> io::Result<()> {
        self.writer.write_all(&request(words))
    }

    /// The bytes of the stream so far.
    pub fn stream(&self) -> Vec<u8> {
        self.stream.lock().expect("no holder panics").clone()
    }

    /// Whether the primary has closed the link.
    pub fn is_closed(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// The complete commands of the stream so far.
    pub fn commands(&self) -> Vec<Vec<Vec<u8>>> {
        commands(&self.stream())
    }

    /// Waits until a command of the stream has `mark` among its arguments, and takes everything
    /// up to it off the record; the mark's own command is not given.
    pub fn take_until(&mut self, mark: &str) -> Vec<Vec<Vec<u8>>> {
        let mut found = Vec::new();
        wait_until(&format!("the stream brings {mark:?}"), || {
            let mut stream = self.stream.lock().expect("no holder panics");
            let mut reader = Reader::new(&stream[..]);
            found.clear();
            while let Ok(value) = reader.value() {
                let Some(command) = arguments(&value) else {
                    continue;
                };
                if command.iter().any(|arg| arg == mark.as_bytes()) {
                    let used = reader.consumed() as usize;
                    stream.drain(..used);
                    return true;
                }
                found.push(command);
            }
            assert!(
                !self.is_closed(),
                "the primary closed before it sent {mark:?}"
            );
            false
        });
        found
    }
}

/// Takes the stream off the socket, and acknowledges it as a replica does: with what comes, and
/// when nothing does (a diskless primary sends the stream after an ACK).
struct Recorder {
    reader: Reader<TcpStream>,
    /// Where ACKs go, and the offset before the first recorded byte.
    acks: Option<(TcpStream, i64)>,
    into: Arc<Mutex<Vec<u8>>>,
    ended: Arc<AtomicBool>,
}

impl Recorder {
    fn run(mut self) {
        let _ = self.reader.source().set_read_timeout(Some(ACK_PERIOD));
        let mut received = 0;
        loop {
            match self.reader.some() {
                Ok(bytes) => {
                    received += bytes.len() as i64;
                    self.into.lock().expect("no holder panics").extend(bytes);
                }
                // A quiet primary is not a dead one.
                Err(e)
                    if matches!(
                        e.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    ) => {}
                Err(_) => break,
            }
            if let Some((writer, start)) = &mut self.acks {
                let _ = writer.write_all(&ack(*start + received));
            }
        }
        self.ended.store(true, Ordering::SeqCst);
    }
}

fn ack(offset: i64) -> Vec<u8> {
    request(&["REPLCONF", "ACK", &offset.to_string()])
}

impl Drop for FakeReplica {
    fn drop(&mut self) {
        let _ = self.writer.shutdown(std::net::Shutdown::Both);
    }
}

fn introduction(who: &Introduction) -> Vec<Vec<String>> {
    let words = |w: &[&str]| w.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    let mut commands = vec![words(&["PING"])];
    if let Some(port) = who.listening_port {
        commands.push(words(&["REPLCONF", "listening-port", &port.to_string()]));
    }
    for (name, value) in &who.extra {
        commands.push(words(&["REPLCONF", name, value]));
    }
    if !who.capabilities.is_empty() {
        let mut capa = words(&["REPLCONF"]);
        for name in &who.capabilities {
            capa.extend(words(&["capa", name]));
        }
        commands.push(capa);
    }
    commands
}

fn answer(reader: &mut Reader<TcpStream>) -> io::Result<Answer> {
    let line = skip_keepalives(reader)?;
    let fields: Vec<_> = line.split_whitespace().collect();
    match fields[..] {
        ["+FULLRESYNC", replid, offset] => {
            let offset = offset.parse().map_err(|_| invalid(&line))?;
            let (framing, payload) = payload(reader)?;
            Ok(Answer::Full {
                replid: replid.to_owned(),
                offset,
                framing,
                payload,
            })
        }
        ["+CONTINUE", replid] => Ok(Answer::Continue {
            replid: Some(replid.to_owned()),
        }),
        ["+CONTINUE"] => Ok(Answer::Continue { replid: None }),
        _ => Ok(Answer::Refused(line)),
    }
}

fn payload(reader: &mut Reader<TcpStream>) -> io::Result<(Framing, Vec<u8>)> {
    let line = skip_keepalives(reader)?;
    if let Some(mark) = line.strip_prefix("$EOF:") {
        return Ok((Framing::EofMark, reader.until(mark.as_bytes())?));
    }
    let length = line
        .strip_prefix('$')
        .and_then(|n| n.parse().ok())
        .ok_or_else(|| invalid(&line))?;
    Ok((Framing::Length, reader.exact(length)?))
}

fn skip_keepalives(reader: &mut Reader<TcpStream>) -> io::Result<String> {
    loop {
        let line = reader.line()?;
        if !line.is_empty() {
            return Ok(line);
        }
    }
}

fn invalid(line: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("unexpected line {line:?}"),
    )
}

/// The complete commands in the bytes of a stream.
pub fn commands(stream: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut reader = Reader::new(stream);
    std::iter::from_fn(|| reader.value().ok())
        .filter_map(|value| arguments(&value))
        .collect()
}

/// The arguments of a request that was read as a value.
pub fn arguments(value: &Value) -> Option<Vec<Vec<u8>>> {
    value
        .items()?
        .iter()
        .map(|item| item.bytes().map(<[u8]>::to_vec))
        .collect()
}
