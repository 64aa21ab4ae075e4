//! Connections from clients to this server.

use super::sessions::Sessions;
use super::trust::Trust;
use super::version1::Old;
use super::{ClientAuth, Fault, Identity, PROVIDER, Settings, ciphers, files};
use crate::Channel;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{InconsistentKeys, ServerConfig, ServerConnection};
use std::sync::Arc;
use std::time::Duration;

/// How connections are accepted; cheap to clone.
#[derive(Clone, Debug)]
pub struct Accepting {
    config: Arc<ServerConfig>,
    /// The certificate that is shown.
    pub own: Option<Identity>,
}

/// The provider with the versions and suites that were asked for.
pub(crate) fn provider(settings: &Settings) -> Result<Arc<CryptoProvider>, String> {
    Ok(Arc::new(CryptoProvider {
        cipher_suites: ciphers::suites(&settings.ciphers, &settings.suites)?,
        ..CryptoProvider::clone(&PROVIDER)
    }))
}

/// The line for the log if a certificate and its key do not work.
fn pair_error(own: &super::Own, error: &rustls::Error) -> String {
    let reason = match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            "key values mismatch".to_owned()
        }
        rustls::Error::InvalidCertificate(_) => {
            return format!("Failed to load certificate: {}: {error}", own.certificate);
        }
        other => other.to_string(),
    };
    format!("Failed to load private key: {}: {reason}", own.key)
}

/// Reads a certificate and its key, and sees that they belong together.
///
/// # Errors
/// The line for the log.
pub(crate) fn certified(own: &super::Own) -> Result<Arc<CertifiedKey>, String> {
    let pair = files::pair(own)?;
    let wrong = |error: rustls::Error| pair_error(own, &error);
    let key = PROVIDER.key_provider.load_private_key(pair.key);
    let made = CertifiedKey::new(pair.chain, key.map_err(wrong)?);
    let fits = match Old::of(&made.cert[0]) {
        Some(old) => old.check_key(made.key.public_key()),
        None => made.keys_match(),
    };
    match fits {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
            Ok(Arc::new(made))
        }
        Err(error) => Err(wrong(error)),
    }
}

impl Settings {
    /// Reads what is needed to accept connections.
    ///
    /// # Errors
    /// The line for the log: what is missing or wrong, and in which file.
    pub fn accepting(&self) -> Result<Accepting, String> {
        if self.own.certificate.is_empty() {
            return Err("No tls-cert-file configured!".into());
        }
        if self.own.key.is_empty() {
            return Err("No tls-key-file configured!".into());
        }
        let trust = self.trust()?;
        let versions = ciphers::versions(&self.protocols)?;
        let builder = ServerConfig::builder_with_provider(provider(self)?)
            .with_protocol_versions(&versions)
            .map_err(|e| format!("Failed to configure ciphers: {e}"))?;
        let builder = match (self.client_auth, &trust) {
            (ClientAuth::No, _) | (_, None) => builder.with_no_client_auth(),
            (auth, Some(trust)) => {
                builder.with_client_cert_verifier(trust.of_clients(auth == ClientAuth::Optional)?)
            }
        };
        let certified = certified(&self.own)?;
        let own = Identity::of(&certified.cert[0]);
        let shown = SingleCertAndKey::from(certified);
        let mut config = builder.with_cert_resolver(Arc::new(shown));
        config.ignore_client_order = self.prefer_own_ciphers;
        if self.caching {
            let lives = Duration::from_secs(self.cache_seconds);
            config.session_storage = Arc::new(Sessions::new(self.cache_size, lives));
        } else {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        let config = Arc::new(config);
        Ok(Accepting { config, own })
    }

    /// The authorities, if any are named.
    pub(crate) fn trust(&self) -> Result<Option<Arc<Trust>>, String> {
        if self.ca_file.is_empty() && self.ca_dir.is_empty() {
            return match self.client_auth {
                ClientAuth::No => Ok(None),
                _ => Err("Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or tls-auth-clients are enabled!".into()),
            };
        }
        let all = files::authorities(&self.ca_file, &self.ca_dir)?;
        Trust::new(all).map(Some)
    }
}

impl Accepting {
    /// The server's end of a new connection.
    ///
    /// # Errors
    /// The connection cannot be created.
    pub fn channel(&self) -> Result<Channel, Fault> {
        let connection = ServerConnection::new(self.config.clone()).map_err(Fault::new)?;
        Ok(Channel::new(connection.into()))
    }
}
