//! One connection to a server: commands and their replies.
//!
//! The short forms ([`Client::run`], [`Client::ok`], [`Client::int`]...) take a line as one types
//! it into redis-cli, and panic when the connection fails: a test has nothing better to do.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::resp::{Reader, Value, request};
use super::words;

/// How long a reply may take before a test gives up.
pub const REPLY_LIMIT: Duration = Duration::from_secs(180);

/// A connection. RESP2 until `HELLO 3` is sent.
pub struct Client {
    reader: Reader<TcpStream>,
    writer: TcpStream,
}

impl Client {
    /// Connects to `address` ("127.0.0.1:6379").
    ///
    /// # Errors
    /// What connecting gives.
    pub fn connect(address: impl ToSocketAddrs) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_LIMIT))?;
        Ok(Client {
            writer: stream.try_clone()?,
            reader: Reader::new(stream),
        })
    }

    /// How long [`Client::read`] waits; `None` is forever.
    pub fn set_reply_limit(&mut self, limit: Option<Duration>) {
        self.writer
            .set_read_timeout(limit)
            .expect("the socket takes a timeout");
    }

    /// The local port: what the server sees as the port of this client.
    pub fn local_port(&self) -> u16 {
        self.writer
            .local_addr()
            .expect("the socket is connected")
            .port()
    }

    /// Sends one command without reading its reply.
    ///
    /// # Errors
    /// What writing gives.
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<()> {
        self.writer.write_all(&request(args))
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// What writing gives.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)
    }

    /// Reads one reply or push.
    ///
    /// # Errors
    /// `WouldBlock`/`TimedOut` after the reply limit, `UnexpectedEof` when the server closed.
    pub fn read(&mut self) -> io::Result<Value> {
        self.reader.value()
    }

    /// Sends one command and reads one reply.
    ///
    /// # Errors
    /// As [`Client::send`] and [`Client::read`].
    pub fn try_cmd<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<Value> {
        self.send(args)?;
        self.read()
    }

    /// Sends one command and reads one reply.
    pub fn cmd<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Value {
        self.try_cmd(args).unwrap_or_else(|error| {
            let shown: Vec<_> = args.iter().map(|a| words::quoted(a.as_ref())).collect();
            panic!("{}: {error}", shown.join(" "))
        })
    }

    /// Runs a line as typed into redis-cli.
    pub fn run(&mut self, line: &str) -> Value {
        let args = words::split(line).unwrap_or_else(|| panic!("unbalanced quotes: {line}"));
        self.cmd(&args)
    }

    /// Runs a line that must not give an error.
    pub fn ok(&mut self, line: &str) -> Value {
        let reply = self.run(line);
        assert!(!reply.is_error(), "{line}: {reply}");
        reply
    }

    /// Runs a line that must give an integer.
    pub fn int(&mut self, line: &str) -> i64 {
        let reply = self.run(line);
        reply
            .int()
            .unwrap_or_else(|| panic!("{line}: {reply} is no integer"))
    }

    /// Runs a line that must give a string.
    pub fn text(&mut self, line: &str) -> String {
        let reply = self.run(line);
        let text = (!reply.is_error()).then(|| reply.bytes()).flatten();
        let bytes = text.unwrap_or_else(|| panic!("{line}: {reply} is no string"));
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// Runs a line that must give an error, and gives its text.
    pub fn error(&mut self, line: &str) -> String {
        match self.run(line) {
            Value::Error(text) => text,
            reply => panic!("{line}: {reply} is no error"),
        }
    }

    /// Sends all lines in one write, then reads all replies: none may be an error.
    pub fn pipeline<A: AsRef<[u8]>>(&mut self, commands: &[Vec<A>]) -> Vec<Value> {
        let bytes: Vec<u8> = commands.iter().flat_map(|c| request(c)).collect();
        let mut writer = self.writer.try_clone().expect("the socket can be cloned");
        let sender = std::thread::spawn(move || writer.write_all(&bytes));
        let replies = (0..commands.len())
            .map(|i| {
                self.read()
                    .unwrap_or_else(|e| panic!("reply {i} of a pipeline: {e}"))
            })
            .collect();
        sender
            .join()
            .expect("the sender does not panic")
            .expect("the pipeline is sent");
        replies
    }

    /// `INFO <section>` as field -> value.
    pub fn info(&mut self, section: &str) -> BTreeMap<String, String> {
        fields_of(&self.text(&format!("INFO {section}")))
    }

    /// As [`Client::info`].
    ///
    /// # Errors
    /// As [`Client::try_cmd`]; other replies than a text count as an unexpected end.
    pub fn try_info(&mut self, section: &str) -> io::Result<BTreeMap<String, String>> {
        let reply = self.try_cmd(&["INFO", section])?;
        let text = reply.text().ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(fields_of(text))
    }

    /// One field of `INFO <section>`; empty where it is absent.
    pub fn info_field(&mut self, section: &str, field: &str) -> String {
        self.info(section).remove(field).unwrap_or_default()
    }

    /// `CONFIG GET <name>`: the value of one directive.
    pub fn config(&mut self, name: &str) -> Option<String> {
        let reply = self.cmd(&["CONFIG", "GET", name]);
        match &reply {
            Value::Map(pairs) => pairs.first()?.1.text().map(str::to_owned),
            other => other.items()?.get(1)?.text().map(str::to_owned),
        }
    }
}

/// The fields of a section of INFO.
fn fields_of(text: &str) -> BTreeMap<String, String> {
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}
