//! A small blocking client: it sends commands, reads one reply for each, and returns INFO as a map.

use base::request::encode_request;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::Duration;
use tls::Connecting;
use tools::connect::Wire;

/// A server that says nothing for this long is stuck; loading servers answer from time to time.
const SILENCE: Duration = Duration::from_secs(60);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);
/// Bytes of a text; INFO has some thousands.
const TEXT_MAX: u64 = 16 << 20;

/// Where a server is.
#[derive(Clone, Debug)]
pub struct Place {
    /// `host:port`
    pub address: String,
    /// How it is reached, if by TLS.
    pub tls: Option<Connecting>,
}

/// A connection.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<Wire>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Those of the system.
    pub fn connect(place: &Place) -> io::Result<Client> {
        let stream = Wire::connect(&place.address, place.tls.as_ref(), CONNECT)?;
        stream.socket().set_read_timeout(Some(SILENCE))?;
        stream.socket().set_write_timeout(Some(SILENCE))?;
        Ok(Client {
            stream: BufReader::new(stream),
        })
    }

    /// Runs a command; the answer as text, whatever its type; an error of the server is one.
    ///
    /// # Errors
    /// The connection broke, or the server's error as `Other`.
    pub fn run(&mut self, words: &[&str]) -> io::Result<String> {
        let bytes = request(words);
        self.stream.get_mut().write_all(&bytes)?;
        self.answer()
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        let limited = (&mut self.stream).take(64 << 10);
        if { limited }.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
    }

    fn answer(&mut self) -> io::Result<String> {
        let line = self.line()?;
        let strange = || io::Error::other(format!("a strange answer: {line:?}"));
        let rest = line.get(1..).unwrap_or_default();
        match line.as_bytes().first() {
            Some(b'+' | b':') => Ok(rest.to_owned()),
            Some(b'-') => Err(io::Error::other(rest.to_owned())),
            Some(b'$') => {
                let len: i64 = rest.parse().map_err(|_| strange())?;
                let Ok(len) = u64::try_from(len) else {
                    return Ok(String::new());
                };
                if len > TEXT_MAX {
                    return Err(strange());
                }
                let mut bytes = vec![0; len as usize + 2];
                self.stream.read_exact(&mut bytes)?;
                bytes.truncate(len as usize);
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
            Some(b'*') => {
                let n: i64 = rest.parse().map_err(|_| strange())?;
                if n > 4096 {
                    return Err(strange());
                }
                let items: io::Result<Vec<String>> = (0..n).map(|_| self.answer()).collect();
                Ok(items?.join("\n"))
            }
            _ => Err(strange()),
        }
    }

    /// A section of INFO.
    ///
    /// # Errors
    /// As [`Client::run`].
    pub fn info(&mut self, section: &str) -> io::Result<Info> {
        let text = self.run(&["INFO", section])?;
        Ok(Info::parse(&text))
    }

    /// Keys of all databases, as INFO counts them.
    ///
    /// # Errors
    /// As [`Client::run`].
    pub fn keys(&mut self) -> io::Result<u64> {
        let info = self.info("keyspace")?;
        let counts = info.0.iter().filter(|(name, _)| name.starts_with("db"));
        let keys = counts.filter_map(|(_, v)| {
            v.strip_prefix("keys=")?
                .split(',')
                .next()?
                .parse::<u64>()
                .ok()
        });
        Ok(keys.sum())
    }

    /// A directive's value; `None` where the server does not know it.
    pub fn config(&mut self, name: &str) -> Option<String> {
        let text = self.run(&["CONFIG", "GET", name]).ok()?;
        text.split_once('\n').map(|(_, value)| value.to_owned())
    }

    /// The connection, for those who pipeline.
    pub fn into_wire(self) -> Wire {
        self.stream.into_inner()
    }
}

/// Fields of INFO.
#[derive(Debug, Default)]
pub struct Info(HashMap<String, String>);

impl Info {
    /// From its text.
    pub fn parse(text: &str) -> Info {
        let fields = text.lines().filter_map(|l| l.trim_end().split_once(':'));
        Info(fields.map(|(n, v)| (n.to_owned(), v.to_owned())).collect())
    }

    /// A field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A field that is a number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }
}

/// A command in its form on the wire.
pub fn request(words: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_request(&mut out, words);
    out
}
