//! Connections from this server to others.

use super::server::{certified, provider};
use super::trust::Servers;
use super::{ClientAuth, Fault, Settings, ciphers};
use crate::{Blocking, Channel};
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ClientConnection};
use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::sync::Arc;

/// What the other server must provide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The name that is sent to it (SNI).
    pub name: Option<&'a str>,
    /// It may be anybody: its certificate is not checked.
    pub anybody: bool,
}

/// How connections to others are made; cheap to clone.
#[derive(Clone, Debug)]
pub struct Connecting {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Settings {
    /// Reads what is needed to connect.
    ///
    /// # Errors
    /// The line for the log: what is missing or wrong, and in which file.
    pub fn connecting(&self, wanted: Wanted<'_>) -> Result<Connecting, String> {
        let versions = ciphers::versions(&self.protocols)?;
        let builder = ClientConfig::builder_with_provider(provider(self)?)
            .with_protocol_versions(&versions)
            .map_err(|e| format!("Failed to configure ciphers: {e}"))?;
        let trust = match wanted.anybody {
            true => None,
            false => {
                // Without authorities there is nobody to be trusted.
                let needs = Settings {
                    client_auth: ClientAuth::Yes,
                    ca_file: self.ca_file.clone(),
                    ca_dir: self.ca_dir.clone(),
                    ..Settings::default()
                };
                Some(needs.trust()?.ok_or("there are no authorities")?)
            }
        };
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Servers {
                trust,
                names: self.peer_names.clone(),
            }));
        let own = match self.client.certificate.is_empty() || self.client.key.is_empty() {
            true => &self.own,
            false => &self.client,
        };
        let mut config = if own.certificate.is_empty() || own.key.is_empty() {
            builder.with_no_client_auth()
        } else {
            let shown = SingleCertAndKey::from(certified(own)?);
            builder.with_client_cert_resolver(Arc::new(shown))
        };
        config.enable_sni = wanted.name.is_some();
        let name = match wanted.name {
            Some(told) => ServerName::try_from(told.to_owned())
                .map_err(|_| format!("'{told}' is no name of a server"))?,
            // It is neither told nor checked.
            None => ServerName::IpAddress(IpAddr::V4(Ipv4Addr::UNSPECIFIED).into()),
        };
        let config = Arc::new(config);
        Ok(Connecting { config, name })
    }
}

impl Connecting {
    /// The client's end of a new connection.
    ///
    /// # Errors
    /// The connection cannot be created.
    pub fn channel(&self) -> Result<Channel, Fault> {
        let connection = ClientConnection::new(self.config.clone(), self.name.clone());
        Ok(Channel::new(connection.map_err(Fault::new)?.into()))
    }

    /// The client's end over a socket that waits; the handshake is over when this returns.
    ///
    /// # Errors
    /// The socket's, or why the handshake failed.
    pub fn blocking(&self, socket: TcpStream) -> io::Result<Blocking> {
        Blocking::new(self.channel()?, socket)
    }
}
