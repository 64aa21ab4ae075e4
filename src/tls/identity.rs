//! What a certificate says about its holder.

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::asn1::{Ia5StringRef, PrintableStringRef, Utf8StringRef};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Any, Decode, Tag};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// The names and times of one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The first common name of its subject.
    pub common_name: Option<String>,
    /// The URIs among its other names.
    pub uris: Vec<String>,
    /// From when on it counts, Unix seconds.
    pub not_before: u64,
    /// The last second at which it counts.
    pub not_after: u64,
    /// Its number, in hexadecimal digits.
    pub serial: String,
}

impl Identity {
    /// Reads a certificate that was checked, or one of our own; `None` if it cannot be read.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Identity> {
        let parsed = Certificate::from_der(certificate).ok()?;
        let parsed = parsed.tbs_certificate();
        let names = parsed.subject().iter();
        let mut common = names.filter(|attribute| attribute.oid == COMMON_NAME);
        let common_name = common.next().and_then(|attribute| text(&attribute.value));
        let uris = match parsed.get_extension::<SubjectAltName>() {
            Ok(Some((_, names))) => names.0.iter().filter_map(uri).collect(),
            _ => Vec::new(),
        };
        let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
        let serial = parsed.serial_number().as_bytes();
        Some(Identity {
            common_name,
            uris,
            not_before: seconds(parsed.validity().not_before),
            not_after: seconds(parsed.validity().not_after),
            serial: serial.iter().map(|byte| format!("{byte:02X}")).collect(),
        })
    }
}

fn text(value: &Any) -> Option<String> {
    let text = match value.header().tag() {
        Tag::Utf8String => value
            .decode_as::<Utf8StringRef<'_>>()
            .ok()?
            .as_str()
            .to_owned(),
        Tag::PrintableString => {
            let text = value.decode_as::<PrintableStringRef<'_>>().ok()?;
            text.as_str().to_owned()
        }
        Tag::Ia5String => value
            .decode_as::<Ia5StringRef<'_>>()
            .ok()?
            .as_str()
            .to_owned(),
        _ => return None,
    };
    // A name with a zero in it means one thing to some readers and another to others.
    (!text.is_empty() && !text.contains('\0')).then_some(text)
}

fn uri(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str().to_owned()),
        _ => None,
    }
}
