//! How a connection is encrypted, and who is at its other end.
//!
//! * [`Settings`] are the administrator's settings. [`Settings::accepting`] and [`Settings::connecting`] read the files
//!   that they name and build the two kinds of [`rustls`] configuration from them. Connections share these.
//! * [`Channel`] is one end of an encrypted connection without its socket: bytes of the wire go in and come out.
//!   The owner of the socket decides when to wait.
//! * [`Identity`] is what a certificate says about its holder.
//!
//! The peer's bytes are hostile until its certificate has been checked, and remain so if no certificate is required:
//! `rustls` bounds the memory for a handshake, and a [`Channel`] keeps at most a few records beyond that.

#![forbid(unsafe_code)]

mod blocking;
mod channel;
mod ciphers;
mod client;
mod files;
mod identity;
mod server;
mod sessions;
#[cfg(test)]
mod tests;
mod trust;
mod version1;

pub use blocking::{Blocking, Input, Output};
pub use channel::{Channel, Fault};
pub use client::{Connecting, Wanted};
pub use identity::Identity;
pub use server::Accepting;

use rustls::crypto::CryptoProvider;
use std::sync::{Arc, LazyLock};

/// Who has to show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// Nobody is asked for one.
    No,
    /// Who shows one is checked.
    Optional,
    /// Everybody.
    #[default]
    Yes,
}

/// A certificate of our own, by the names of its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// PEM: the certificate, and those between it and an authority.
    pub certificate: String,
    /// PEM: its private key.
    pub key: String,
    /// The password of an encrypted key.
    pub password: String,
}

/// What an administrator says about encrypted connections. An empty text means that nothing was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Shown to those who connect.
    pub own: Own,
    /// Shown to those that we connect to; without files it is [`Settings::own`].
    pub client: Own,
    /// PEM: the authorities that are trusted.
    pub ca_file: String,
    /// A directory of such files.
    pub ca_dir: String,
    /// A server that we connect to must have a certificate for one of these names; without any, names are not compared.
    pub peer_names: Vec<String>,
    /// Who has to show a certificate.
    pub client_auth: ClientAuth,
    /// `TLSv1.2`, `TLSv1.3`
    pub protocols: String,
    /// Those of TLS 1.2, by OpenSSL's names.
    pub ciphers: String,
    /// Those of TLS 1.3.
    pub suites: String,
    /// Our order of ciphers counts, not that of the client.
    pub prefer_own_ciphers: bool,
    /// Clients may resume their sessions.
    pub caching: bool,
    /// So many sessions.
    pub cache_size: usize,
    /// For so many seconds.
    pub cache_seconds: u64,
}

/// The crypto that everything uses, with all suites that it has.
static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));
