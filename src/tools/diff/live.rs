//! The data of a live server as a dump in a temporary file: read with SCAN and DUMP, which every user with these
//! permissions can do while the server continues to work, or with a full sync, which shows a single moment and makes
//! the server save.

use super::Options;
use crate::connect::{TlsArgs, Wire};
use crate::progress::Progress;
use base::VALKEY_VERSION;
use base::request::encode_request;
use rdb::Opcode;
use rdb::crc64::Crc64;
use rdb::dump::Checksums;
use rdb::version::{Dialect, RdbVersion};
use rdb::writer::{Attributes, encode_attributes, encode_select_db};
use rdb::{dump, string};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// How long a server may be silent: it may have to save first.
const SILENCE: Duration = Duration::from_secs(600);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// Keys that are asked for at once.
const KEYS_AT_ONCE: &[u8] = b"512";
/// Bytes of a line, elements of an array: a server that says more is none.
const LINE_MAX: u64 = 64 << 10;
const ELEMENTS_MAX: i64 = 1 << 20;
/// Nesting of arrays.
const DEPTH_MAX: u32 = 4;

/// Where a server is: `[user[:password]@]host[:port]`, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<String>,
    /// By TLS.
    tls: bool,
}

impl Address {
    /// Parses the text after `redis://`, or with `tls` after `rediss://`. Without a password, that of `REDISCLI_AUTH` is taken.
    ///
    /// # Errors
    /// The reason why it is not an address.
    pub fn parse(text: &str, tls: bool) -> Result<Address, String> {
        let (login, place) = match text.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, text),
        };
        let place = place.trim_end_matches('/');
        if place.contains('/') {
            return Err("an address has no database: all are compared".into());
        }
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                let wrong = || format!("'{port}' is no port");
                (host, port.parse().map_err(|_| wrong())?)
            }
            _ => (place, 6379),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err("an address is redis://host:port".into());
        }
        let (user, password) = match login.map(|l| l.split_once(':').unwrap_or((l, ""))) {
            Some((user, password)) => (decoded(user), decoded(password)),
            None => (None, std::env::var("REDISCLI_AUTH").ok()),
        };
        Ok(Address {
            host: host.to_owned(),
            port,
            user,
            password,
            tls,
        })
    }

    /// The same server, by TLS if `wanted`.
    #[must_use]
    pub fn by_tls(mut self, wanted: bool) -> Address {
        self.tls |= wanted;
        self
    }

    /// Whether it is reached by TLS.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// For messages: without the password.
    pub fn name(&self) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }
}

/// Text with `%NN`; `None` if empty.
fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&b, behind)) = rest.split_first() {
        rest = behind;
        let hex = behind.get(..2).and_then(|h| std::str::from_utf8(h).ok());
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) if b == b'%' => {
                out.push(byte);
                rest = &behind[2..];
            }
            _ => out.push(b),
        }
    }
    (!out.is_empty()).then(|| String::from_utf8_lossy(&out).into_owned())
}

/// Writes the server's data into `file`. `true` if expiries are exact.
///
/// # Errors
/// Why it was not possible.
pub fn fetch(address: &Address, options: &Options, file: &File) -> Result<bool, String> {
    let mut link = Link::open(address, &options.tls).map_err(|e| format!("cannot connect: {e}"))?;
    link.login(address)?;
    let mut bar = Progress::new(address.name(), None, options.progress);
    match options.sync {
        true => link.sync(file, &mut bar).map(|()| true),
        false => link.scan(file, &mut bar),
    }
}

/// What a server answers.
#[derive(Debug, PartialEq, Eq)]
enum Reply {
    Text(String),
    Error(String),
    Int(i64),
    Bulk(Option<Vec<u8>>),
    Array(Vec<Reply>),
}

struct Link {
    stream: BufReader<Wire>,
}

impl Link {
    fn open(address: &Address, tls: &TlsArgs) -> io::Result<Link> {
        let tls = match address.tls {
            true => Some(tls.connecting().map_err(io::Error::other)?),
            false => None,
        };
        let place = (address.host.as_str(), address.port);
        let stream = Wire::connect(place, tls.as_ref(), CONNECT)?;
        stream.socket().set_read_timeout(Some(SILENCE))?;
        stream.socket().set_write_timeout(Some(SILENCE))?;
        Ok(Link {
            stream: BufReader::with_capacity(1 << 20, stream),
        })
    }

    fn login(&mut self, address: &Address) -> Result<(), String> {
        let Some(password) = &address.password else {
            return Ok(());
        };
        let mut command = vec![&b"AUTH"[..]];
        command.extend(address.user.as_ref().map(|u| u.as_bytes()));
        command.push(password.as_bytes());
        self.ask(&command).map(drop)
    }

    fn send(&mut self, commands: &[&[&[u8]]]) -> io::Result<()> {
        let mut out = Vec::new();
        for command in commands {
            encode_request(&mut out, command);
        }
        self.stream.get_mut().write_all(&out)
    }

    /// One command, one answer; an error of the server is one.
    fn ask(&mut self, command: &[&[u8]]) -> Result<Reply, String> {
        self.send(&[command]).map_err(|e| e.to_string())?;
        match self.reply(0)? {
            Reply::Error(e) => Err(e),
            reply => Ok(reply),
        }
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        let read = (&mut self.stream)
            .take(LINE_MAX)
            .read_until(b'\n', &mut line);
        match read.map_err(|e| e.to_string())? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned()),
        }
    }

    fn reply(&mut self, depth: u32) -> Result<Reply, String> {
        let line = self.line()?;
        let strange = || format!("a strange answer: {line:?}");
        let (sign, rest) = line.split_at_checked(1).ok_or_else(strange)?;
        let number = || rest.parse::<i64>().map_err(|_| strange());
        Ok(match sign {
            "+" => Reply::Text(rest.to_owned()),
            "-" => Reply::Error(rest.to_owned()),
            ":" => Reply::Int(number()?),
            "$" => match number()? {
                ..0 => Reply::Bulk(None),
                len => {
                    // Grown as the bytes come, whatever the length says.
                    let mut bytes = Vec::new();
                    let read = (&mut self.stream)
                        .take(len as u64 + 2)
                        .read_to_end(&mut bytes);
                    read.map_err(|e| e.to_string())?;
                    if bytes.len() as i64 != len + 2 {
                        return Err("the server closed the connection".into());
                    }
                    bytes.truncate(len as usize);
                    Reply::Bulk(Some(bytes))
                }
            },
            "*" => {
                let n = number()?;
                if n > ELEMENTS_MAX || depth == DEPTH_MAX {
                    return Err(strange());
                }
                let items = (0..n.max(0)).map(|_| self.reply(depth + 1));
                Reply::Array(items.collect::<Result<_, _>>()?)
            }
            _ => return Err(strange()),
        })
    }

    /// A full sync: the dump that the server sends to a replica that knows only SYNC.
    fn sync(&mut self, file: &File, bar: &mut Progress) -> Result<(), String> {
        // Valkey 9.1 writes for an old server whoever does not tell, which can make the dump impossible, and a Forebay
        // writes its own form only for its kind. Who does not know the words refuses them, and goes on.
        let version = VALKEY_VERSION.as_bytes();
        let told = [&b"REPLCONF"[..], b"capa", b"forebay", b"version", version];
        self.send(&[&told]).map_err(|e| e.to_string())?;
        self.reply(0)?;
        self.send(&[&[b"SYNC"]]).map_err(|e| e.to_string())?;
        // Empty lines keep the connection alive while the server saves.
        let line = loop {
            let line = self.line()?;
            if !line.is_empty() {
                break line;
            }
        };
        let len: u64 = match line.strip_prefix('$').map(str::parse) {
            Some(Ok(len)) => len,
            _ => return Err(format!("no synchronization: {line}")),
        };
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let (mut left, mut buf) = (len, vec![0; 256 << 10]);
        while left > 0 {
            let want = buf.len().min(left.min(1 << 30) as usize);
            let n = self
                .stream
                .read(&mut buf[..want])
                .map_err(|e| e.to_string())?;
            if n == 0 {
                return Err("the server closed the connection".into());
            }
            let fail = |e| format!("a temporary file failed: {e}");
            out.write_all(&buf[..n]).map_err(fail)?;
            left -= n as u64;
            bar.tick(len - left);
        }
        out.flush()
            .map_err(|e| format!("a temporary file failed: {e}"))
    }

    /// All databases by SCAN, all keys by DUMP. `true` if expiries are exact.
    fn scan(&mut self, file: &File, bar: &mut Progress) -> Result<bool, String> {
        let info = self.ask(&[b"INFO", b"keyspace"])?;
        let Reply::Bulk(Some(info)) = info else {
            return Err("a strange answer to INFO".into());
        };
        let info = String::from_utf8_lossy(&info).into_owned();
        let dbs: Vec<u32> = info
            .lines()
            .filter_map(|l| l.strip_prefix("db")?.split(':').next()?.parse().ok())
            .collect();
        // Since 7.0; earlier servers are asked for the remaining time, which is added to the present time.
        let exact = self.ask(&[b"PEXPIRETIME", b""]).is_ok();
        let mut spool = Spool::new(file);
        for db in dbs {
            let number = db.to_string();
            if let Err(e) = self.ask(&[b"SELECT", number.as_bytes()]) {
                return Err(format!("database {db}: {e}"));
            }
            spool.select(db)?;
            let mut cursor = b"0".to_vec();
            loop {
                let reply = self.ask(&[b"SCAN", &cursor, b"COUNT", KEYS_AT_ONCE])?;
                let (next, keys) = scanned(reply).ok_or("a strange answer to SCAN")?;
                self.dump_keys(&keys, exact, &mut spool)?;
                bar.tick(spool.len);
                cursor = next;
                if cursor == b"0" {
                    break;
                }
            }
        }
        spool.finish()?;
        Ok(exact)
    }

    fn dump_keys(
        &mut self,
        keys: &[Vec<u8>],
        exact: bool,
        spool: &mut Spool<'_>,
    ) -> Result<(), String> {
        let expiry: &[u8] = if exact { b"PEXPIRETIME" } else { b"PTTL" };
        // A few at a time: the answers are large, the questions must not fill the pipe.
        for some in keys.chunks(64) {
            let commands: Vec<[&[u8]; 2]> = some
                .iter()
                .flat_map(|key| [[&b"DUMP"[..], key], [expiry, key]])
                .collect();
            let commands: Vec<&[&[u8]]> = commands.iter().map(|c| &c[..]).collect();
            self.send(&commands).map_err(|e| e.to_string())?;
            for key in some {
                let (payload, time) = (self.reply(0)?, self.reply(0)?);
                match (payload, time) {
                    // Gone since the scan.
                    (Reply::Bulk(None), _) | (_, Reply::Int(-2)) => {}
                    (Reply::Bulk(Some(payload)), Reply::Int(time)) => {
                        let now = if exact { 0 } else { crate::text::now_ms() };
                        let expire_ms = (time >= 0).then(|| now + time);
                        spool.key(key, &payload, expire_ms)?;
                    }
                    (Reply::Error(e), _) | (_, Reply::Error(e)) => return Err(e),
                    other => return Err(format!("a strange answer to DUMP: {other:?}")),
                }
            }
        }
        Ok(())
    }
}

fn scanned(reply: Reply) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let Reply::Array(parts) = reply else {
        return None;
    };
    let [Reply::Bulk(Some(cursor)), Reply::Array(keys)] = <[Reply; 2]>::try_from(parts).ok()?
    else {
        return None;
    };
    let keys = keys.into_iter().map(|key| match key {
        Reply::Bulk(Some(key)) => Some(key),
        _ => None,
    });
    Some((cursor, keys.collect::<Option<_>>()?))
}

/// A dump made of DUMP payloads.
struct Spool<'f> {
    file: &'f File,
    out: BufWriter<&'f File>,
    version: RdbVersion,
    len: u64,
    buf: Vec<u8>,
}

impl<'f> Spool<'f> {
    fn new(file: &'f File) -> Self {
        Spool {
            file,
            out: BufWriter::with_capacity(1 << 20, file),
            version: RdbVersion::redis(6),
            len: 0,
            buf: RdbVersion::redis(6).header().to_vec(),
        }
    }

    fn select(&mut self, db: u32) -> Result<(), String> {
        encode_select_db(db, &mut self.buf);
        self.put()
    }

    fn key(&mut self, key: &[u8], payload: &[u8], expire_ms: Option<i64>) -> Result<(), String> {
        const FOOTER: usize = 10;
        let version = dump::verify(payload, Checksums::Computed).map_err(|e| e.to_string())?;
        let body = &payload[..payload.len() - FOOTER];
        let Some((&rdb_type, value)) = body.split_first() else {
            return Err("an empty DUMP payload".into());
        };
        let families = (self.version.dialect, version.dialect);
        // The first version says which family it is; then the highest counts.
        if families == (Dialect::Redis, Dialect::Valkey) || version.number > self.version.number {
            self.version = version;
        }
        let attributes = Attributes {
            expire_ms,
            ..Attributes::default()
        };
        encode_attributes(&attributes, &mut self.buf);
        self.buf.push(rdb_type);
        string::encode_string(key, None, &mut self.buf);
        self.buf.extend_from_slice(value);
        self.put()
    }

    fn put(&mut self) -> Result<(), String> {
        let fail = |e| format!("a temporary file failed: {e}");
        self.out.write_all(&self.buf).map_err(fail)?;
        self.len += self.buf.len() as u64;
        self.buf.clear();
        Ok(())
    }

    /// Ends the dump, and gives it the header that its values ask for. Its checksum is 0: it never left this machine.
    fn finish(mut self) -> Result<(), String> {
        self.buf.push(Opcode::Eof.number());
        self.buf
            .extend_from_slice(&Crc64::new().value().to_le_bytes());
        self.put()?;
        let fail = |e| format!("a temporary file failed: {e}");
        self.out.flush().map_err(fail)?;
        self.file
            .write_all_at(&self.version.header(), 0)
            .map_err(fail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_perhaps_the_rest() {
        let of =
            |text: &str| Address::parse(text, false).map(|a| (a.host, a.port, a.user, a.password));
        let some = |s: &str| Some(s.to_owned());
        assert_eq!(
            of("h:7000"),
            Ok(("h".into(), 7000, None, std::env::var("REDISCLI_AUTH").ok()))
        );
        assert_eq!(
            of("u:p%40ss@h/"),
            Ok(("h".into(), 6379, some("u"), some("p@ss")))
        );
        assert_eq!(
            of(":secret@[::1]:1"),
            Ok(("::1".into(), 1, None, some("secret")))
        );
        for wrong in ["", ":6379", "h:port", "h:70000", "h/3"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
