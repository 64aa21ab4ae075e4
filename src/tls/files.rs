//! Reading certificates and keys from files.

use super::Own;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::SecretDocument;
use pkcs8::der::Decode;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fs;
use std::io;

/// A file of this size holds no certificates or keys; it is not read.
const FILE_MAX: u64 = 16 << 20;

/// The certificates of an end of a connection, the first its own, and the key of that.
pub struct Pair {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

/// The text of a system's error without its number.
fn system(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error")
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    let size = fs::metadata(path).map_err(|e| system(&e))?.len();
    if size > FILE_MAX {
        return Err(format!(
            "a file of {size} bytes is no certificate and no key"
        ));
    }
    fs::read(path).map_err(|e| system(&e))
}

/// What is wrong with PEM text that should hold `what`.
fn pem_error(error: &pem::Error, what: &str) -> String {
    match error {
        pem::Error::NoItemsFound => format!("no {what} found"),
        other => format!("bad PEM: {other}"),
    }
}

/// All certificates of a PEM file.
fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|e| pem_error(&e, "certificate"))?;
    match found.is_empty() {
        true => Err("no certificate found".into()),
        false => Ok(found),
    }
}

/// Reads a certificate and its key.
///
/// # Errors
/// The line for the log.
pub fn pair(own: &Own) -> Result<Pair, String> {
    let chain = certificates(&own.certificate)
        .map_err(|e| format!("Failed to load certificate: {}: {e}", own.certificate))?;
    let key = read(&own.key)
        .and_then(|text| private_key(&text, &own.password))
        .map_err(|e| format!("Failed to load private key: {}: {e}", own.key))?;
    Ok(Pair { chain, key })
}

/// A key of any form; `password` for one that is encrypted.
pub fn private_key(text: &[u8], password: &str) -> Result<PrivateKeyDer<'static>, String> {
    const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
    const OLD: &str = "Proc-Type: 4,ENCRYPTED";
    let shown = String::from_utf8_lossy(text);
    if let Some(at) = shown.find(ENCRYPTED) {
        const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
        let rest = &shown[at..];
        let end = rest.find(END).ok_or("bad PEM: its end is missing")?;
        return decrypt(&rest[..end + END.len()], password);
    }
    if shown.contains(OLD) {
        return Err("it is encrypted in the old form of OpenSSL; `openssl pkcs8 -topk8` writes the form that is read".into());
    }
    PrivateKeyDer::from_pem_slice(text).map_err(|e| pem_error(&e, "private key"))
}

fn decrypt(pem: &str, password: &str) -> Result<PrivateKeyDer<'static>, String> {
    if password.is_empty() {
        return Err("it is encrypted, and there is no password for it".into());
    }
    let (_, document) = SecretDocument::from_pem(pem).map_err(|e| format!("bad PEM: {e}"))?;
    let encrypted = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes())
        .map_err(|e| format!("no encrypted key: {e}"))?;
    let key = encrypted
        .decrypt(password)
        .map_err(|e| format!("bad decrypt: {e}"))?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

/// The certificates of the authorities in a file and a directory; either may be empty.
///
/// # Errors
/// The line for the log. In a directory, files that hold no certificate are passed over.
pub fn authorities(file: &str, dir: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |e: String| format!("Failed to configure CA certificate(s) file/directory: {e}");
    let mut found = Vec::new();
    if !file.is_empty() {
        found = certificates(file).map_err(|e| wrong(format!("{file}: {e}")))?;
    }
    if !dir.is_empty() {
        let entries = fs::read_dir(dir).map_err(|e| wrong(format!("{dir}: {}", system(&e))))?;
        let mut names: Vec<_> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
        names.sort();
        for path in names.iter().filter(|path| path.is_file()) {
            let more = path.to_str().and_then(|path| certificates(path).ok());
            found.extend(more.unwrap_or_default());
        }
        // The names that `openssl rehash` gives are links to files beside them.
        found.sort_by(|a, b| a.as_ref().cmp(b.as_ref()));
        found.dedup();
        if found.is_empty() {
            return Err(wrong(format!("{dir}: no certificate found")));
        }
    }
    Ok(found)
}
