//! Which peers are trusted: those whose certificate an authority has signed.
//!
//! As in Redis, a server's certificate is checked against the authorities but not against the name under which the
//! server was reached, because replicas reach primaries by addresses that no certificate contains.
//!
//! A certificate that is itself among the authorities, byte for byte, is also trusted until it expires, because a
//! server and its replicas often share a self-signed certificate.

use super::{Identity, PROVIDER};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};
use std::sync::Arc;

/// The authorities, as far as certificates can be checked against them.
#[derive(Debug)]
pub struct Trust {
    roots: Arc<RootCertStore>,
    all: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// # Errors
    /// None of the certificates can be used as an authority.
    pub fn new(all: Vec<CertificateDer<'static>>) -> Result<Arc<Trust>, String> {
        let mut roots = RootCertStore::empty();
        let (used, _) = roots.add_parsable_certificates(all.iter().cloned());
        if used == 0 {
            return Err("Failed to configure CA certificate(s) file/directory: none of the certificates can be used".into());
        }
        Ok(Arc::new(Trust {
            roots: Arc::new(roots),
            all,
        }))
    }

    /// True if the certificate is one of them, and its time has come and is not over.
    fn holds(&self, certificate: &CertificateDer<'_>, now: UnixTime) -> bool {
        let listed = self
            .all
            .iter()
            .any(|one| one.as_ref() == certificate.as_ref());
        listed
            && Identity::of(certificate).is_some_and(|identity| {
                (identity.not_before..=identity.not_after).contains(&now.as_secs())
            })
    }

    /// `result`, unless it is an error that means only that the certificate is an authority's.
    fn or_listed<T>(
        &self,
        result: Result<T, Error>,
        certificate: &CertificateDer<'_>,
        now: UnixTime,
        listed: impl FnOnce() -> T,
    ) -> Result<T, Error> {
        match result {
            Err(Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::Other(_),
            )) if self.holds(certificate, now) => Ok(listed()),
            other => other,
        }
    }

    /// Checks clients; those without a certificate are let in if it is `optional`.
    ///
    /// # Errors
    /// The line for the log.
    pub fn of_clients(self: &Arc<Self>, optional: bool) -> Result<Arc<Clients>, String> {
        let builder =
            WebPkiClientVerifier::builder_with_provider(self.roots.clone(), PROVIDER.clone());
        let inner = match optional {
            true => builder.allow_unauthenticated().build(),
            false => builder.build(),
        };
        let inner = inner
            .map_err(|e| format!("Failed to configure CA certificate(s) file/directory: {e}"))?;
        Ok(Arc::new(Clients {
            inner,
            trust: self.clone(),
        }))
    }
}

/// Checks the certificates of those who connect.
#[derive(Debug)]
pub struct Clients {
    inner: Arc<dyn ClientCertVerifier>,
    trust: Arc<Trust>,
}

impl ClientCertVerifier for Clients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self
            .inner
            .verify_client_cert(end_entity, intermediates, now);
        self.trust
            .or_listed(verified, end_entity, now, ClientCertVerified::assertion)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Checks the certificates of servers that we connect to. Without authorities, it trusts every server, which its user
/// must know; the rest of the handshake is still checked.
#[derive(Debug)]
pub struct Servers(pub Option<Arc<Trust>>);

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(trust) = &self.0 else {
            return Ok(ServerCertVerified::assertion());
        };
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let algorithms = PROVIDER.signature_verification_algorithms.all;
        let signed = verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &trust.roots,
            intermediates,
            now,
            algorithms,
        );
        let signed = signed.map(|()| ServerCertVerified::assertion());
        trust.or_listed(signed, end_entity, now, ServerCertVerified::assertion)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &PROVIDER.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &PROVIDER.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        PROVIDER
            .signature_verification_algorithms
            .supported_schemes()
    }
}
