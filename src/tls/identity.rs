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
    /// The host names among them.
    pub hosts: Vec<String>,
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
        let (uris, hosts) = match parsed.get_extension::<SubjectAltName>() {
            Ok(Some((_, names))) => (
                names.0.iter().filter_map(uri).collect(),
                names.0.iter().filter_map(host).collect(),
            ),
            _ => (Vec::new(), Vec::new()),
        };
        let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
        let serial = parsed.serial_number().as_bytes();
        Some(Identity {
            common_name,
            uris,
            hosts,
            not_before: seconds(parsed.validity().not_before),
            not_after: seconds(parsed.validity().not_after),
            serial: serial.iter().map(|byte| format!("{byte:02X}")).collect(),
        })
    }
}

impl Identity {
    /// The certificate is for one of these hosts. Its common name counts only if it has no host names.
    pub fn has_any_name(&self, wanted: &[String]) -> bool {
        let common = self.common_name.iter().filter(|_| self.hosts.is_empty());
        let mut its = self.hosts.iter().chain(common);
        its.any(|its| wanted.iter().any(|name| is_name_of(its, name)))
    }
}

/// Whether a host has the name that a certificate is for. A star may stand for the first part of it, if two more follow.
fn is_name_of(certified: &str, host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let Some(parent) = certified.strip_prefix("*.") else {
        return certified.eq_ignore_ascii_case(host);
    };
    let Some((first, rest)) = host.split_once('.') else {
        return false;
    };
    !first.is_empty() && parent.contains('.') && parent.eq_ignore_ascii_case(rest)
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

fn host(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(host) => Some(host.as_str().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_part_of_a_name() {
        for (certified, host, is) in [
            ("redis.local", "redis.local", true),
            ("Redis.Local", "rEDIS.lOCAL.", true),
            ("redis.local", "redis.locale", false),
            ("redis.local", "a.redis.local", false),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "A.EXAMPLE.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", ".example.com", false),
            ("*.example.com", "example.com", false),
            ("*.com", "example.com", false),
            ("*", "example", false),
        ] {
            assert_eq!(is_name_of(certified, host), is, "{certified} {host}");
        }
    }

    #[test]
    fn the_common_name_counts_only_without_host_names() {
        let mut identity = Identity {
            common_name: Some("common.name".into()),
            ..Identity::default()
        };
        let wanted = ["x".to_owned(), "common.name".to_owned()];
        assert!(identity.has_any_name(&wanted));
        identity.hosts.push("host.name".into());
        assert!(!identity.has_any_name(&wanted));
        assert!(identity.has_any_name(&["host.name".to_owned()]));
    }
}
