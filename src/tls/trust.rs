//! Which peers are trusted: those whose certificate an authority has signed.
//!
//! As in Redis, a server's certificate is checked against the authorities but not against the name under which the
//! server was reached, because replicas reach primaries by addresses that no certificate contains.
//!
//! A certificate that is itself among the authorities, byte for byte, is also trusted until it expires, because a
//! server and its replicas often share a self-signed certificate.

use super::version1::{Issuer, Old};
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
    /// Those that may sign certificates of version 1.
    issuers: Vec<Issuer>,
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
            issuers: all.iter().filter_map(Issuer::of).collect(),
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

    /// Checks a certificate of version 1; `None` if it is of another.
    fn check_old(
        &self,
        certificate: &CertificateDer<'_>,
        now: UnixTime,
    ) -> Option<Result<(), Error>> {
        let old = Old::of(certificate)?;
        Some(match old.check(&self.issuers, now) {
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
                if self.holds(certificate, now) =>
            {
                Ok(())
            }
            checked => checked,
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
        if let Some(checked) = self.trust.check_old(end_entity, now) {
            return checked.map(|()| ClientCertVerified::assertion());
        }
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
        verify_tls12(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn verify_tls12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    if let Some(old) = Old::of(certificate) {
        old.check_signature(message, signed, false)?;
        return Ok(HandshakeSignatureValid::assertion());
    }
    let algorithms = &PROVIDER.signature_verification_algorithms;
    rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
}

fn verify_tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    if let Some(old) = Old::of(certificate) {
        old.check_signature(message, signed, true)?;
        return Ok(HandshakeSignatureValid::assertion());
    }
    let algorithms = &PROVIDER.signature_verification_algorithms;
    rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
}

/// Checks the certificates of those that we connect to.
#[derive(Debug)]
pub struct Servers {
    /// Without authorities every server is trusted, which whoever asks for it must know; the rest of the handshake is
    /// checked all the same.
    pub trust: Option<Arc<Trust>>,
    /// The certificate must have one of these names. Without any, names are not compared.
    pub names: Vec<String>,
}

impl Servers {
    fn check_name(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        let identity = || Identity::of(certificate).unwrap_or_default();
        match self.names.is_empty() || identity().has_any_name(&self.names) {
            true => Ok(()),
            false => Err(CertificateError::NotValidForName.into()),
        }
    }
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(trust) = &self.trust else {
            return Ok(ServerCertVerified::assertion());
        };
        self.check_name(end_entity)?;
        if let Some(checked) = trust.check_old(end_entity, now) {
            return checked.map(|()| ServerCertVerified::assertion());
        }
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
        verify_tls12(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        PROVIDER
            .signature_verification_algorithms
            .supported_schemes()
    }
}
