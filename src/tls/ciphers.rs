//! OpenSSL's names for ciphers and protocol versions.
//!
//! Weak ciphers do not exist here at all (no RC4, no CBC, nothing without forward secrecy). Excluding one of them
//! therefore changes nothing, and asking for one is an error that names it.

use super::PROVIDER;
use rustls::{CipherSuite, SupportedCipherSuite, SupportedProtocolVersion, version};

/// Suites of TLS 1.2: OpenSSL's name, the suite, and words of OpenSSL's for groups that it is in.
const TLS12: &[(&str, CipherSuite, &[&str])] = &[
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        &["ECDSA", "aECDSA", "AES256", "AES", "AESGCM", "SHA384"],
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        &["aRSA", "AES256", "AES", "AESGCM", "SHA384"],
    ),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        &["ECDSA", "aECDSA", "AES128", "AES", "AESGCM", "SHA256"],
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        &["aRSA", "AES128", "AES", "AESGCM", "SHA256"],
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        &["ECDSA", "aECDSA", "CHACHA20"],
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        &["aRSA", "CHACHA20"],
    ),
];

/// Words for all of them.
const ALL: &[&str] = &[
    "ALL",
    "DEFAULT",
    "COMPLEMENTOFDEFAULT",
    "HIGH",
    "ECDHE",
    "EECDH",
    "kECDHE",
    "kEECDH",
    "TLSv1.2",
    "FIPS",
];

/// Suites of TLS 1.3.
const TLS13: &[(&str, CipherSuite)] = &[
    (
        "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_AES_256_GCM_SHA384,
    ),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_128_GCM_SHA256,
    ),
];

/// The versions that `text` names: words between blanks; none means both that there are.
///
/// # Errors
/// The line for the log.
pub fn versions(text: &str) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let mut found = Vec::new();
    for word in text.split_whitespace() {
        let word = word.to_ascii_lowercase();
        let version = match word.as_str() {
            "tlsv1.2" => &version::TLS12,
            "tlsv1.3" => &version::TLS13,
            "tlsv1" | "tlsv1.1" => {
                return Err(format!(
                    "Invalid tls-protocols specified. '{word}' is broken and not built in. Use a combination of 'TLSv1.2' and 'TLSv1.3'."
                ));
            }
            _ => {
                return Err("Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'.".into());
            }
        };
        if !found.contains(&version) {
            found.push(version);
        }
    }
    if found.is_empty() {
        found = vec![&version::TLS12, &version::TLS13];
    }
    Ok(found)
}

/// The suites of both lists, in their order.
///
/// # Errors
/// The line for the log: it names what is not there.
pub fn suites(ciphers: &str, suites: &str) -> Result<Vec<SupportedCipherSuite>, String> {
    let (of_13, of_12) = (of_tls13(suites)?, of_tls12(ciphers)?);
    let known = &PROVIDER.cipher_suites;
    let of = |wanted: &CipherSuite| known.iter().find(|suite| suite.suite() == *wanted).copied();
    Ok(of_13.iter().chain(&of_12).filter_map(of).collect())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([':', ',', ' ']).filter(|word| !word.is_empty())
}

fn of_tls13(text: &str) -> Result<Vec<CipherSuite>, String> {
    let mut found = Vec::new();
    for word in words(text) {
        let named = TLS13
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(word));
        let (_, suite) = named.ok_or_else(|| {
            format!("Failed to configure ciphersuites: {text}: '{word}' is not built in")
        })?;
        found.push(*suite);
    }
    if found.is_empty() {
        found = TLS13.iter().map(|(_, suite)| *suite).collect();
    }
    Ok(found)
}

/// True if `word`, which may be several with `+` between them, means this suite.
fn means(word: &str, (name, _, groups): &(&str, CipherSuite, &[&str])) -> bool {
    word.split('+')
        .all(|part| part == *name || ALL.contains(&part) || groups.contains(&part))
}

fn of_tls12(text: &str) -> Result<Vec<CipherSuite>, String> {
    let mut found: Vec<CipherSuite> = Vec::new();
    let mut banned: Vec<CipherSuite> = Vec::new();
    for word in words(text) {
        let meant = |word: &str| -> Vec<CipherSuite> {
            let all = TLS12.iter().filter(|suite| means(word, suite));
            all.map(|(_, suite, _)| *suite).collect()
        };
        if word.starts_with('@') {
            // The order of strength is the one that they have.
            continue;
        } else if let Some(word) = word.strip_prefix('!') {
            banned.extend(meant(word));
        } else if let Some(word) = word.strip_prefix('-') {
            let out = meant(word);
            found.retain(|suite| !out.contains(suite));
        } else if let Some(word) = word.strip_prefix('+') {
            let (last, first) = (meant(word), found);
            let (last, mut first): (Vec<_>, Vec<_>) =
                first.into_iter().partition(|suite| last.contains(suite));
            first.extend(last);
            found = first;
        } else {
            let more = meant(word);
            if more.is_empty() {
                return Err(format!(
                    "Failed to configure ciphers: {text}: '{word}' is not built in"
                ));
            }
            for suite in more {
                if !found.contains(&suite) {
                    found.push(suite);
                }
            }
        }
    }
    if text.trim().is_empty() {
        found = TLS12.iter().map(|(_, suite, _)| *suite).collect();
    }
    found.retain(|suite| !banned.contains(suite));
    if found.is_empty() {
        return Err(format!("Failed to configure ciphers: {text}: none is left"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(ciphers: &str) -> Vec<&'static str> {
        let found = of_tls12(ciphers).expect("they are there");
        let name = |suite: &CipherSuite| TLS12.iter().find(|(_, s, _)| s == suite).map(|s| s.0);
        found.iter().filter_map(name).collect()
    }

    #[test]
    fn every_suite_that_is_named_is_there() {
        assert_eq!(
            suites("", "").expect("all").len(),
            TLS12.len() + TLS13.len()
        );
    }

    #[test]
    fn lists_of_openssl_choose_and_order() {
        assert_eq!(names("DEFAULT:!MEDIUM").len(), TLS12.len());
        assert_eq!(
            names("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"),
            ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]
        );
        assert_eq!(
            names("HIGH:!aRSA:-CHACHA20"),
            [
                "ECDHE-ECDSA-AES256-GCM-SHA384",
                "ECDHE-ECDSA-AES128-GCM-SHA256"
            ]
        );
        assert_eq!(names("ECDHE+AESGCM:!AES256").len(), 2);
        assert_eq!(
            names("ECDHE+aRSA:+AES256 @STRENGTH").last(),
            Some(&"ECDHE-RSA-AES256-GCM-SHA384")
        );
    }

    #[test]
    fn what_is_not_there_is_refused_by_its_name() {
        for (ciphers, name) in [
            ("AES128-SHA", "'AES128-SHA'"),
            ("HIGH:RC4", "'RC4'"),
            ("HIGH:!ALL", "none is left"),
        ] {
            let error = of_tls12(ciphers).expect_err("it is not there");
            assert!(error.contains(name), "{error}");
        }
        assert!(of_tls13("TLS_AES_128_CCM_SHA256").is_err());
    }

    #[test]
    fn versions_are_named_as_openssl_does() {
        let count = |text| versions(text).map(|found| found.len());
        assert_eq!(count(""), Ok(2));
        assert_eq!(count("TLSv1.3"), Ok(1));
        assert_eq!(count("tlsv1.2 TLSv1.3 TLSv1.2"), Ok(2));
        assert!(count("TLSv1.1 TLSv1.2").is_err_and(|e| e.contains("tlsv1.1")));
        assert!(count("SSLv3").is_err());
    }
}
