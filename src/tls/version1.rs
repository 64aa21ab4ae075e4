//! Certificates of X.509 version 1, which have no extensions. `openssl x509 -req` creates them if it is given no extensions,
//! so they are common in test set-ups; `webpki` only reads version 3.
//!
//! Without extensions, such a certificate cannot belong to an authority. Therefore it is only accepted from clients and
//! servers themselves, and only if one of the authorities that the administrator named has signed it with its own key;
//! intermediate certificates are not possible. Otherwise the requirements are those for any other certificate: it is valid
//! at this time, its signature uses an algorithm that is also accepted elsewhere, and the peer proves in the handshake that
//! it has the private key.

use super::PROVIDER;
use rustls::pki_types::{
    CertificateDer, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, InconsistentKeys, PeerMisbehaved,
    SignatureScheme,
};
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::der::asn1::BitStringRef;
use x509_cert::der::{Decode, Encode, Header, Reader, SliceReader};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, NameConstraints};
use x509_cert::name::Name;

/// A public key as it stands in a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    /// What is within the sequence that names its algorithm.
    algorithm: Vec<u8>,
    bits: Vec<u8>,
}

/// An authority that may sign certificates.
#[derive(Clone, Debug)]
pub struct Issuer {
    subject: Name,
    key: Key,
    times: (u64, u64),
}

/// A certificate of version 1.
#[derive(Debug)]
pub struct Old<'a> {
    issuer: Name,
    times: (u64, u64),
    key: Key,
    /// The key with the name of its algorithm, as the certificate has it.
    key_info: Vec<u8>,
    /// What is signed, as it came.
    signed: &'a [u8],
    /// What is within the sequence that names the algorithm of the signature.
    algorithm: &'a [u8],
    signature: &'a [u8],
}

/// What is within a sequence.
fn within(sequence: &[u8]) -> Option<&[u8]> {
    let mut reader = SliceReader::new(sequence).ok()?;
    let len = Header::decode(&mut reader).ok()?.length();
    let content = reader.read_slice(len).ok()?;
    reader.finish().ok()?;
    Some(content)
}

fn key(certificate: &Certificate) -> Option<Key> {
    let info = certificate.tbs_certificate().subject_public_key_info();
    Some(Key {
        algorithm: within(&info.algorithm.to_der().ok()?)?.to_vec(),
        bits: info.subject_public_key.as_bytes()?.to_vec(),
    })
}

fn times(certificate: &Certificate) -> (u64, u64) {
    let validity = certificate.tbs_certificate().validity();
    let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
    (seconds(validity.not_before), seconds(validity.not_after))
}

fn check_times((from, to): (u64, u64), now: UnixTime) -> Result<(), CertificateError> {
    match now.as_secs() {
        now if now < from => Err(CertificateError::NotValidYet),
        now if now > to => Err(CertificateError::Expired),
        _ => Ok(()),
    }
}

impl Issuer {
    /// The authority whose certificate this is; `None` if it may not sign others.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Issuer> {
        let certificate = Certificate::from_der(certificate).ok()?;
        let about = certificate.tbs_certificate();
        let may_sign = match about.version() {
            // Authorities of that age are known by this alone, to OpenSSL too.
            Version::V1 => about.subject() == about.issuer(),
            Version::V2 => false,
            Version::V3 => {
                let basic = about.get_extension::<BasicConstraints>();
                let usage = about.get_extension::<KeyUsage>();
                let limits = about.get_extension::<NameConstraints>();
                matches!(basic, Ok(Some((_, basic))) if basic.ca)
                    && usage.is_ok_and(|usage| usage.is_none_or(|(_, usage)| usage.key_cert_sign()))
                    // Which names it may give is compared for certificates of version 3 only.
                    && limits.is_ok_and(|limits| limits.is_none())
            }
        };
        Some(Issuer {
            subject: about.subject().clone(),
            key: key(&certificate)?,
            times: times(&certificate),
        })
        .filter(|_| may_sign)
    }
}

impl Old<'_> {
    /// Reads a certificate; `None` if it is none of version 1.
    pub fn of<'a>(certificate: &'a CertificateDer<'_>) -> Option<Old<'a>> {
        let parsed = Certificate::from_der(certificate).ok()?;
        let about = parsed.tbs_certificate();
        if about.version() != Version::V1 || about.extensions().is_some() {
            return None;
        }
        let mut reader = SliceReader::new(within(certificate)?).ok()?;
        let signed = reader.tlv_bytes().ok()?;
        let algorithm = within(reader.tlv_bytes().ok()?)?;
        let signature = BitStringRef::decode(&mut reader).ok()?.as_bytes()?;
        reader.finish().ok()?;
        let named = about.signature().to_der().ok()?;
        Some(Old {
            issuer: about.issuer().clone(),
            times: times(&parsed),
            key: key(&parsed)?,
            key_info: about.subject_public_key_info().to_der().ok()?,
            signed,
            // It is named twice, and only once below the signature.
            algorithm: Some(algorithm).filter(|algorithm| within(&named) == Some(*algorithm))?,
            signature,
        })
    }

    /// Whether one of the authorities has signed it, and its time has come and is not over.
    ///
    /// # Errors
    /// Why it is not trusted.
    pub fn check(&self, issuers: &[Issuer], now: UnixTime) -> Result<(), Error> {
        check_times(self.times, now)?;
        let mut nearest = CertificateError::UnknownIssuer;
        for issuer in issuers.iter().filter(|i| i.subject == self.issuer) {
            let all = PROVIDER.signature_verification_algorithms.all;
            let signed = |one: &&dyn SignatureVerificationAlgorithm| {
                *one.signature_alg_id() == *self.algorithm
                    && verifies(*one, &issuer.key, self.signed, self.signature)
            };
            nearest = match all.iter().any(signed) {
                false => CertificateError::BadSignature,
                true => match check_times(issuer.times, now) {
                    Ok(()) => return Ok(()),
                    Err(over) => over,
                },
            };
        }
        Err(nearest.into())
    }

    /// Whether this is the public part of a key; one that does not tell it may be anything.
    ///
    /// # Errors
    /// It is that of another certificate.
    pub fn check_key(&self, public: Option<SubjectPublicKeyInfoDer<'_>>) -> Result<(), Error> {
        match public.is_none_or(|public| public.as_ref() == self.key_info) {
            true => Ok(()),
            false => Err(InconsistentKeys::KeyMismatch.into()),
        }
    }

    /// Whether its holder has signed a message of the handshake.
    ///
    /// # Errors
    /// It has not, or not in a way that this version of the protocol has.
    pub fn check_signature(
        &self,
        message: &[u8],
        signed: &DigitallySignedStruct,
        is_tls13: bool,
    ) -> Result<(), Error> {
        let mapping = PROVIDER.signature_verification_algorithms.mapping;
        let known = mapping.iter().find(|(scheme, _)| *scheme == signed.scheme);
        let known = known.filter(|(scheme, _)| !is_tls13 || is_of_tls13(*scheme));
        let Some((_, algorithms)) = known else {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        };
        // Only since TLS 1.3 does a scheme name one curve.
        let some = if is_tls13 { 1 } else { algorithms.len() };
        let signs = |one: &&dyn SignatureVerificationAlgorithm| {
            verifies(*one, &self.key, message, signed.signature())
        };
        match algorithms.iter().take(some).any(signs) {
            true => Ok(()),
            false => Err(CertificateError::BadSignature.into()),
        }
    }
}

fn verifies(
    algorithm: &dyn SignatureVerificationAlgorithm,
    key: &Key,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let is_its = *algorithm.public_key_alg_id() == key.algorithm[..];
    is_its
        && algorithm
            .verify_signature(&key.bits, message, signature)
            .is_ok()
}

/// TLS 1.3 has no signatures by RSA in the old form (PKCS#1), and none with SHA-1.
fn is_of_tls13(scheme: SignatureScheme) -> bool {
    matches!(
        scheme,
        SignatureScheme::ECDSA_NISTP256_SHA256
            | SignatureScheme::ECDSA_NISTP384_SHA384
            | SignatureScheme::ECDSA_NISTP521_SHA512
            | SignatureScheme::RSA_PSS_SHA256
            | SignatureScheme::RSA_PSS_SHA384
            | SignatureScheme::RSA_PSS_SHA512
            | SignatureScheme::ED25519
            | SignatureScheme::ED448
    )
}
