//! Connecting to a server that has a name, in plain text or by TLS.

use clap::Args;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tls::{Connecting, Own, Settings, Wanted};

/// Tries each address of the name, each for at most `timeout`; small packets do not wait for others.
///
/// # Errors
/// That of the last address.
pub fn connect(name: impl ToSocketAddrs, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = Err(io::Error::new(io::ErrorKind::NotFound, "no such host"));
    for address in name.to_socket_addrs()? {
        last = TcpStream::connect_timeout(&address, timeout);
        if last.is_ok() {
            break;
        }
    }
    let stream = last?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connection whose reads and writes wait.
pub enum Wire {
    /// As it is.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<tls::Blocking>),
}

/// What comes from the other end of a [`Wire`].
pub type Input = Box<dyn Read + Send>;
/// What goes to it.
pub type Output = Box<dyn Write + Send>;

impl Wire {
    /// Connects as [`connect`] does; with `tls`, the handshake is over when this returns. It has `timeout` for each of its
    /// messages, and so has everything that follows until the socket is told otherwise.
    ///
    /// # Errors
    /// That of the last address, or why the handshake failed.
    pub fn connect(
        name: impl ToSocketAddrs,
        tls: Option<&Connecting>,
        timeout: Duration,
    ) -> io::Result<Wire> {
        Wire::over(connect(name, timeout)?, tls, timeout)
    }

    /// As [`Wire::connect`], over a socket that is connected.
    ///
    /// # Errors
    /// Why the handshake failed, or the system's.
    pub fn over(
        socket: TcpStream,
        tls: Option<&Connecting>,
        timeout: Duration,
    ) -> io::Result<Wire> {
        socket.set_read_timeout(Some(timeout))?;
        socket.set_write_timeout(Some(timeout))?;
        Ok(match tls {
            Some(tls) => Wire::Tls(Box::new(tls.blocking(socket)?)),
            None => Wire::Plain(socket),
        })
    }

    /// The socket below.
    pub fn socket(&self) -> &TcpStream {
        match self {
            Wire::Plain(socket) => socket,
            Wire::Tls(stream) => stream.socket(),
        }
    }

    /// Its two directions, for two threads.
    ///
    /// # Errors
    /// The system has no descriptor for it.
    pub fn split(self) -> io::Result<(Input, Output)> {
        Ok(match self {
            Wire::Plain(socket) => (Box::new(socket.try_clone()?), Box::new(socket)),
            Wire::Tls(stream) => {
                let (input, output) = stream.split();
                (Box::new(input), Box::new(output))
            }
        })
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.socket().fmt(f)
    }
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(socket) => socket.read(buf),
            Wire::Tls(stream) => stream.read(buf),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(socket) => socket.write(buf),
            Wire::Tls(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Plain(socket) => socket.flush(),
            Wire::Tls(stream) => stream.flush(),
        }
    }
}

/// Where the certificates of the system's authorities stand, in the order in which they are looked for.
const SYSTEM_FILES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// How to connect by TLS, in the words of `redis-cli`.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "TLS")]
pub struct TlsArgs {
    /// Connect by TLS. As with redis-cli, the server's certificate must be signed by an authority that is trusted, but the
    /// names in it are not compared
    #[arg(long)]
    pub tls: bool,
    /// The host name that the server is told (SNI)
    #[arg(long, value_name = "HOST")]
    pub sni: Option<String>,
    /// The certificates of the authorities that are trusted [default, with --cacertdir absent too: SSL_CERT_FILE,
    /// SSL_CERT_DIR, or the system's]
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<PathBuf>,
    /// A directory of such files
    #[arg(long, value_name = "DIR")]
    pub cacertdir: Option<PathBuf>,
    /// Trust whoever answers
    #[arg(long)]
    pub insecure: bool,
    /// The certificate that is shown to the server
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Its private key
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
}

fn text(path: Option<&PathBuf>) -> Result<String, String> {
    let Some(path) = path else {
        return Ok(String::new());
    };
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| format!("the path {} is no UTF-8", path.display()))
}

impl TlsArgs {
    /// Reads what is needed to connect.
    ///
    /// # Errors
    /// What is missing or wrong, and in which file.
    pub fn connecting(&self) -> Result<Connecting, String> {
        let (mut ca_file, mut ca_dir) =
            (text(self.cacert.as_ref())?, text(self.cacertdir.as_ref())?);
        if ca_file.is_empty() && ca_dir.is_empty() && !self.insecure {
            (ca_file, ca_dir) = of_the_system()?;
        }
        let settings = Settings {
            own: Own {
                certificate: text(self.cert.as_ref())?,
                key: text(self.key.as_ref())?,
                password: String::new(),
            },
            ca_file,
            ca_dir,
            ..Settings::default()
        };
        settings.connecting(Wanted {
            name: self.sni.as_deref(),
            anybody: self.insecure,
        })
    }

    /// The first option that says something only if a connection is made by TLS.
    pub fn needless(&self) -> Option<&'static str> {
        let given = [
            (self.sni.is_some(), "--sni"),
            (self.cacert.is_some(), "--cacert"),
            (self.cacertdir.is_some(), "--cacertdir"),
            (self.insecure, "--insecure"),
            (self.cert.is_some(), "--cert"),
        ];
        given
            .iter()
            .find(|(given, _)| *given)
            .map(|(_, name)| *name)
    }
}

/// The file and the directory of the authorities that this system trusts, as OpenSSL finds them.
fn of_the_system() -> Result<(String, String), String> {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(|name| std::env::var(name).ok());
    if let [None, None] = named {
        let found = SYSTEM_FILES.iter().find(|path| Path::new(path).is_file());
        let found =
            found.ok_or("this system has no list of authorities: --cacert or --cacertdir names one, --insecure does without")?;
        return Ok(((*found).to_owned(), String::new()));
    }
    Ok(named.map(Option::unwrap_or_default).into())
}
