//! An authority that lives as long as its test, what it signs, and clients that use it.

use crate::support::resp::{Reader, Value, request};
use crate::support::server::{Builder, free_port};
use crate::support::words;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use std::fs;
use std::io::{self, Write};
use std::net::TcpStream;
use tempfile::TempDir;
use tls::{Blocking, Connecting, Own, Settings, Wanted};

/// An authority, and the files of what it signs.
pub struct Authority {
    dir: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key")
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, key()).expect("a certificate");
        let dir = tempfile::tempdir().expect("a directory");
        let authority = Authority { dir, issuer };
        fs::write(authority.path("ca.crt"), authority.issuer.pem()).expect("written");
        authority
    }

    pub fn path(&self, name: &str) -> String {
        let path = self.dir.path().join(name);
        path.to_str().expect("text").to_owned()
    }

    /// Signs a certificate for `name`; it is written to `<file>.crt`, and its key to `<file>.key`.
    pub fn sign_as(&self, name: &str, file: &str) -> Own {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        let uri = format!("spiffe://here/{name}").try_into().expect("ASCII");
        params.subject_alt_names = vec![SanType::URI(uri)];
        let key = key();
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        let own = Own {
            certificate: self.path(&format!("{file}.crt")),
            key: self.path(&format!("{file}.key")),
            password: String::new(),
        };
        fs::write(&own.certificate, certificate.pem()).expect("written");
        fs::write(&own.key, key.serialize_pem()).expect("written");
        own
    }

    pub fn sign(&self, name: &str) -> Own {
        self.sign_as(name, name)
    }

    /// Lets a server accept by TLS; returns its port.
    pub fn equip(&self, builder: Builder) -> (Builder, u16) {
        let own = self.sign("server");
        let port = free_port();
        let lines = [
            format!("tls-port {port}"),
            format!("tls-cert-file {}", own.certificate),
            format!("tls-key-file {}", own.key),
            format!("tls-ca-cert-file {}", self.path("ca.crt")),
        ];
        let builder = lines.into_iter().fold(builder, Builder::config);
        (builder, port)
    }

    /// How `own` connects to those that this authority has signed for.
    pub fn connecting(&self, own: Own) -> Connecting {
        let settings = Settings {
            own,
            ca_file: self.path("ca.crt"),
            ..Settings::default()
        };
        settings.connecting(Wanted::default()).expect("files")
    }

    /// A client that shows a certificate for `name`.
    pub fn client(&self, name: &str, port: u16) -> TlsClient {
        let connecting = self.connecting(self.sign(name));
        TlsClient::connect(&connecting, port).expect("it is let in")
    }
}

/// A text as it is, and any other reply as it is shown.
pub fn shown(reply: &Value) -> String {
    let text = reply.text().map(str::to_owned);
    text.unwrap_or_else(|| reply.to_string())
}

/// A client over TLS.
pub struct TlsClient(Reader<Blocking>);

impl TlsClient {
    /// Connects, and hears once whether it is let in.
    pub fn connect(connecting: &Connecting, port: u16) -> io::Result<TlsClient> {
        let socket = TcpStream::connect(("127.0.0.1", port))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(crate::support::client::REPLY_LIMIT))?;
        let mut client = TlsClient(Reader::new(connecting.blocking(socket)?));
        // Of TLS 1.3, a client learns only now what becomes of its certificate.
        client.cmd(&["PING"])?;
        Ok(client)
    }

    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<()> {
        self.0.source_mut().write_all(&request(args))?;
        self.0.source_mut().flush()
    }

    pub fn read(&mut self) -> io::Result<Value> {
        self.0.value()
    }

    pub fn cmd<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<Value> {
        self.send(args)?;
        self.read()
    }

    pub fn run(&mut self, line: &str) -> Value {
        let args = words::split(line).expect("balanced quotes");
        self.cmd(&args).unwrap_or_else(|e| panic!("{line}: {e}"))
    }

    pub fn text(&mut self, line: &str) -> String {
        shown(&self.run(line))
    }

    /// The connection below.
    pub fn blocking(&mut self) -> &mut Blocking {
        self.0.source_mut()
    }
}
