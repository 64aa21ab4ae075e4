//! Both ends of a connection, without sockets. The tests create their own certificates.

use super::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use std::fs;
use tempfile::TempDir;

/// A directory with an authority, and certificates that it signed.
struct Files {
    dir: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Files {
    fn new() -> Self {
        Files::of("authority")
    }

    fn of(authority: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, authority);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let dir = tempfile::tempdir().expect("a directory");
        let files = Files { dir, authority };
        fs::write(files.path("ca.crt"), files.authority.pem()).expect("written");
        files
    }

    fn path(&self, name: &str) -> String {
        self.dir
            .path()
            .join(name)
            .to_str()
            .expect("text")
            .to_owned()
    }

    /// A certificate for `name`, and its key.
    fn own(&self, name: &str) -> Own {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        let uri = format!("spiffe://here/{name}").try_into().expect("ASCII");
        params.subject_alt_names = vec![SanType::URI(uri)];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.authority).expect("signed");
        let own = Own {
            certificate: self.path(&format!("{name}.crt")),
            key: self.path(&format!("{name}.key")),
            password: String::new(),
        };
        fs::write(&own.certificate, certificate.pem()).expect("written");
        fs::write(&own.key, key.serialize_pem()).expect("written");
        own
    }

    fn settings(&self, name: &str) -> Settings {
        Settings {
            own: self.own(name),
            ca_file: self.path("ca.crt"),
            caching: true,
            cache_size: 100,
            cache_seconds: 100,
            ..Settings::default()
        }
    }
}

/// Moves what one has for the other.
fn give(from: &mut Channel, to: &mut Channel, fault: &mut Result<(), Fault>) {
    while from.has_output() {
        let mut wire = Vec::new();
        from.write_to(&mut wire).expect("memory");
        if fault.is_ok() {
            *fault = to.feed(&wire);
        }
    }
}

/// Moves what each has for the other until neither has anything; the first fault of each.
fn talk(server: &mut Channel, client: &mut Channel) -> (Result<(), Fault>, Result<(), Fault>) {
    let mut ends = (Ok(()), Ok(()));
    while server.has_output() || client.has_output() {
        give(client, server, &mut ends.0);
        give(server, client, &mut ends.1);
    }
    ends
}

fn connected(accepting: &Accepting, connecting: &Connecting) -> (Channel, Channel) {
    let mut server = accepting.channel().expect("an end");
    let mut client = connecting.channel().expect("an end");
    assert_eq!(talk(&mut server, &mut client), (Ok(()), Ok(())));
    assert!(!server.is_handshaking() && !client.is_handshaking());
    (server, client)
}

fn refusal(accepting: &Accepting, connecting: &Connecting) -> (String, String) {
    ends_of(accepting, connecting.channel().expect("an end"))
}

/// What both ends say of a handshake that fails.
fn ends_of(accepting: &Accepting, mut client: Channel) -> (String, String) {
    let mut server = accepting.channel().expect("an end");
    let (of_server, of_client) = talk(&mut server, &mut client);
    let text = |end: Result<(), Fault>| end.err().map_or_else(String::new, |e| e.to_string());
    (text(of_server), text(of_client))
}

#[test]
fn both_ends_know_each_other_and_bytes_arrive() {
    let files = Files::new();
    let accepting = files.settings("server").accepting().expect("files");
    let client = files.settings("alice");
    let connecting = client.connecting(Wanted::default()).expect("files");
    let (mut server, mut client) = connected(&accepting, &connecting);
    assert_eq!(server.version(), "TLSv1.3");
    let alice = server.peer().expect("she showed it");
    assert_eq!(alice.common_name.as_deref(), Some("alice"));
    assert_eq!(alice.uris, ["spiffe://here/alice"]);
    assert_eq!(
        client.peer().and_then(|peer| peer.common_name).as_deref(),
        Some("server")
    );
    assert_eq!(client.write(b"PING\r\n"), 6);
    assert_eq!(talk(&mut server, &mut client), (Ok(()), Ok(())));
    let mut buf = [0; 100];
    assert_eq!(server.read(&mut buf), Ok(Some(6)));
    assert_eq!(&buf[..6], b"PING\r\n");
    assert_eq!(server.read(&mut buf), Ok(None));
    client.close();
    assert_eq!(talk(&mut server, &mut client), (Ok(()), Ok(())));
    assert_eq!(server.read(&mut buf), Ok(Some(0)));
}

#[test]
fn what_is_ahead_of_the_reader_is_bounded_and_in_order() {
    let files = Files::new();
    let accepting = files.settings("server").accepting().expect("files");
    let client = files.settings("client");
    let connecting = client.connecting(Wanted::default()).expect("files");
    let (mut server, mut client) = connected(&accepting, &connecting);
    let sent: Vec<u8> = (0..1 << 20).map(|i: u32| (i / 7) as u8).collect();
    let (mut at, mut got) = (0, Vec::new());
    let mut buf = vec![0; 3000];
    while got.len() < sent.len() {
        let wrote = client.write(&sent[at..]);
        assert!(wrote <= 64 << 10);
        at += wrote;
        let mut wire = Vec::new();
        while client.has_output() {
            client.write_to(&mut wire).expect("memory");
        }
        server.feed(&wire).expect("records");
        while let Some(n) = server.read(&mut buf).expect("records") {
            got.extend_from_slice(&buf[..n]);
        }
        assert!(!server.is_readable());
    }
    assert!(got == sent);
}

#[test]
fn strangers_are_refused() {
    let (ours, theirs) = (Files::new(), Files::of("another"));
    let accepting = ours.settings("server").accepting().expect("files");
    // He trusts our authority, but his certificate is of another one.
    let stranger = Settings {
        own: theirs.own("stranger"),
        ..ours.settings("other")
    };
    let stranger = stranger.connecting(Wanted::default()).expect("files");
    let (server, client) = refusal(&accepting, &stranger);
    assert!(server.contains("certificate verify failed"), "{server}");
    assert_eq!(client, "alert unknown ca");
    let nobody = Settings {
        own: Own::default(),
        ..ours.settings("other")
    };
    let nobody = nobody.connecting(Wanted::default()).expect("files");
    let (server, client) = refusal(&accepting, &nobody);
    assert_eq!(server, "peer did not return a certificate");
    assert_eq!(client, "alert certificate required");
    // Optional lets her in, but not him with a wrong one.
    let optional = Settings {
        client_auth: ClientAuth::Optional,
        ..ours.settings("server")
    };
    let optional = optional.accepting().expect("files");
    assert_eq!(connected(&optional, &nobody).0.peer(), None);
    assert!(refusal(&optional, &stranger).0.contains("verify failed"));
    // Who connects checks too, unless he does not want to.
    let wrong = theirs.settings("client");
    let open = Settings {
        client_auth: ClientAuth::No,
        ..ours.settings("server")
    };
    let open = open.accepting().expect("files");
    let (_, client) = refusal(&open, &wrong.connecting(Wanted::default()).expect("files"));
    assert!(client.contains("certificate verify failed"), "{client}");
    let anybody = Wanted {
        anybody: true,
        ..Wanted::default()
    };
    connected(&open, &wrong.connecting(anybody).expect("files"));
}

#[test]
fn a_certificate_of_its_own_making_is_trusted_by_who_lists_it() {
    let files = Files::new();
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let mut params = CertificateParams::default();
        params.is_ca = is_ca;
        params.distinguished_name.push(DnType::CommonName, "all");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let (cert_file, key_file) = (files.path("all.crt"), files.path("all.key"));
        fs::write(&cert_file, certificate.pem()).expect("written");
        fs::write(&key_file, key.serialize_pem()).expect("written");
        let shared = Settings {
            own: Own {
                certificate: cert_file.clone(),
                key: key_file,
                password: String::new(),
            },
            ca_file: cert_file,
            ..Settings::default()
        };
        let accepting = shared.accepting().expect("files");
        let connecting = shared.connecting(Wanted::default()).expect("files");
        connected(&accepting, &connecting);
        let stranger = files.settings("stranger");
        let stranger = Settings {
            ca_file: shared.ca_file.clone(),
            ..stranger
        };
        let stranger = stranger.connecting(Wanted::default()).expect("files");
        assert!(refusal(&accepting, &stranger).0.contains("verify failed"));
    }
}

#[test]
fn sessions_are_resumed_as_far_as_that_is_wanted() {
    let files = Files::new();
    for protocols in ["TLSv1.2", "TLSv1.3"] {
        for caching in [true, false] {
            let server = Settings {
                caching,
                protocols: protocols.into(),
                ..files.settings("server")
            };
            let accepting = server.accepting().expect("files");
            let connecting = files.settings("alice");
            let connecting = connecting.connecting(Wanted::default()).expect("files");
            let (first, _) = connected(&accepting, &connecting);
            assert!(!first.is_resumed());
            let (second, _) = connected(&accepting, &connecting);
            assert_eq!(second.is_resumed(), caching, "{protocols}");
            let alice = second.peer().and_then(|peer| peer.common_name);
            assert_eq!(alice.as_deref(), Some("alice"));
            // New certificates, or other authorities: everybody starts anew.
            let again = server.accepting().expect("files");
            assert!(!connected(&again, &connecting).0.is_resumed());
        }
    }
}

#[test]
fn versions_and_ciphers_that_do_not_meet_are_told_apart() {
    let files = Files::new();
    let new = Settings {
        protocols: "TLSv1.3".into(),
        ..files.settings("server")
    };
    let old = Settings {
        protocols: "TLSv1.2".into(),
        ..files.settings("client")
    };
    let connecting = old.connecting(Wanted::default()).expect("files");
    let (server, client) = refusal(&new.accepting().expect("files"), &connecting);
    assert!(server.contains("no shared protocol"), "{server}");
    assert_eq!(client, "alert protocol version");
}

#[test]
fn what_is_no_record_is_refused_and_a_wrong_one_answered_with_an_alert() {
    let files = Files::new();
    let accepting = files.settings("server").accepting().expect("files");
    let mut server = accepting.channel().expect("an end");
    let fault = server
        .feed(b"*1\r\n$4\r\nPING\r\n")
        .expect_err("plain text");
    assert_eq!(fault.to_string(), "wrong version number");
    assert!(!server.has_output(), "it would be taken for a reply");
    // A record that says it is longer than any may be.
    let mut server = accepting.channel().expect("an end");
    assert!(server.feed(&[22, 3, 1, 0xff, 0xff, 1]).is_err());
    let mut wire = Vec::new();
    server.write_to(&mut wire).expect("memory");
    assert_eq!(wire[0], 21, "an alert");
    // Half of one waits.
    let mut server = accepting.channel().expect("an end");
    assert_eq!(server.feed(&[22, 3, 1, 0, 100, 1]), Ok(()));
    assert!(server.is_handshaking());
}

#[test]
fn files_that_are_wrong_are_named() {
    let files = Files::new();
    let good = files.settings("server");
    let other = files.own("other");
    let error = |change: &dyn Fn(&mut Settings)| {
        let mut settings = good.clone();
        change(&mut settings);
        settings.accepting().err().unwrap_or_default()
    };
    assert_eq!(error(&|_| {}), "");
    assert_eq!(
        error(&|s| s.own.certificate.clear()),
        "No tls-cert-file configured!"
    );
    assert_eq!(error(&|s| s.own.key.clear()), "No tls-key-file configured!");
    assert_eq!(
        error(&|s| s.own.certificate = "nofile".into()),
        "Failed to load certificate: nofile: No such file or directory"
    );
    assert_eq!(
        error(&|s| s.own.key = "nofile".into()),
        "Failed to load private key: nofile: No such file or directory"
    );
    assert_eq!(
        error(&|s| s.own.key.clone_from(&other.key)),
        format!(
            "Failed to load private key: {}: key values mismatch",
            other.key
        )
    );
    assert_eq!(
        error(&|s| s.own.certificate.clone_from(&s.own.key)),
        format!(
            "Failed to load certificate: {}: no certificate found",
            good.own.key
        )
    );
    assert_eq!(
        error(&|s| s.own.key.clone_from(&s.own.certificate)),
        format!(
            "Failed to load private key: {}: no private key found",
            good.own.certificate
        )
    );
    assert!(
        error(&|s| s.ca_file.clear()).starts_with("Either tls-ca-cert-file or tls-ca-cert-dir")
    );
    assert!(error(&|s| s.ca_file = "nofile".into()).contains("nofile: No such file or directory"));
    assert_eq!(
        error(&|s| {
            s.ca_file.clear();
            s.client_auth = ClientAuth::No;
        }),
        ""
    );
    let dir = files.dir.path().to_str().expect("text").to_owned();
    assert_eq!(
        error(&|s| {
            s.ca_file.clear();
            s.ca_dir.clone_from(&dir);
        }),
        ""
    );
}

#[test]
fn encrypted_keys_need_their_password() {
    use pkcs8::{PrivateKeyInfoRef, der::Decode};
    let files = Files::new();
    let mut settings = files.settings("server");
    let plain = fs::read_to_string(&settings.own.key).expect("it is there");
    let (_, plain) = pkcs8::SecretDocument::from_pem(&plain).expect("a key");
    let plain = PrivateKeyInfoRef::from_der(plain.as_bytes()).expect("a key");
    let parameters =
        pkcs8::pkcs5::pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(2048, &[7; 16], [9; 16]);
    let encrypted = plain
        .encrypt_with_params(parameters.expect("parameters"), "secret")
        .and_then(|document| Ok(document.to_pem("ENCRYPTED PRIVATE KEY", Default::default())?));
    fs::write(&settings.own.key, encrypted.expect("encrypted").as_bytes()).expect("written");
    let error = settings.accepting().expect_err("no password");
    assert!(error.ends_with("there is no password for it"), "{error}");
    settings.own.password = "wrong".into();
    let error = settings.accepting().expect_err("a wrong password");
    assert!(error.contains("bad decrypt"), "{error}");
    settings.own.password = "secret".into();
    settings.accepting().expect("the password");
}

/// A DER value: its tag, its length, what is in it.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len().to_be_bytes();
    let len = &len[len.iter().take_while(|b| **b == 0).count()..];
    let head = match content.len() {
        short @ ..128 => vec![tag, short as u8],
        _ => [&[tag, 0x80 | len.len() as u8], len].concat(),
    };
    [&head, content].concat()
}

/// A certificate of version 1 with what one of version 3 says, signed by `authority`.
fn aged(certificate: &rcgen::Certificate, authority: &KeyPair, until: Option<&[u8]>) -> Vec<u8> {
    use rcgen::SigningKey;
    use x509_cert::der::{Decode, Encode};
    let parsed = x509_cert::Certificate::from_der(certificate.der()).expect("a certificate");
    let about = parsed.tbs_certificate();
    let algorithm = about.signature().to_der().expect("bytes");
    let always = der(
        0x30,
        &[der(0x17, b"000101000000Z"), der(0x17, b"491231235959Z")].concat(),
    );
    let times = until.map_or(always, |until| {
        der(
            0x30,
            &[der(0x17, b"000101000000Z"), der(0x17, until)].concat(),
        )
    });
    let parts = [
        about.serial_number().to_der().expect("bytes"),
        algorithm.clone(),
        about.issuer().to_der().expect("bytes"),
        times,
        about.subject().to_der().expect("bytes"),
        about.subject_public_key_info().to_der().expect("bytes"),
    ];
    let signed = der(0x30, &parts.concat());
    let signature = [vec![0], authority.sign(&signed).expect("signed")].concat();
    der(0x30, &[signed, algorithm, der(3, &signature)].concat())
}

fn write_pem(path: &str, certificate: &[u8]) {
    use pkcs8::der::pem::{LineEnding, encode_string};
    let text = encode_string("CERTIFICATE", LineEnding::LF, certificate).expect("PEM");
    fs::write(path, text).expect("written");
}

/// Makes `files` hold a certificate of version 1 for `name`, signed by an authority's key and perhaps over long ago.
fn own_old(files: &Files, name: &str, signer: &KeyPair, until: Option<&[u8]>) -> Own {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &files.authority).expect("signed");
    let own = Own {
        certificate: files.path(&format!("{name}.crt")),
        key: files.path(&format!("{name}.key")),
        password: String::new(),
    };
    write_pem(&own.certificate, &aged(&certificate, signer, until));
    fs::write(&own.key, key.serialize_pem()).expect("written");
    own
}

#[test]
fn certificates_of_version_1_are_taken_if_an_authority_has_signed_them_itself() {
    let (files, others) = (Files::new(), Files::new());
    let (right, wrong) = (files.authority.key(), others.authority.key());
    for protocols in ["TLSv1.2", "TLSv1.3"] {
        let of = |own: Own| Settings {
            own,
            protocols: protocols.into(),
            ..files.settings("any")
        };
        let old = of(own_old(&files, "old", right, None));
        let accepting = old.accepting().expect("files");
        let connecting = old.connecting(Wanted::default()).expect("files");
        let (server, client) = connected(&accepting, &connecting);
        assert_eq!(server.version(), protocols);
        for end in [&server, &client] {
            let its = end.peer().and_then(|peer| peer.common_name);
            assert_eq!(its.as_deref(), Some("old"));
        }
        // One that names our authority, but which another has signed; and one whose time is over.
        let forged = of(own_old(&files, "forged", wrong, None));
        let over = of(own_old(&files, "over", right, Some(b"100101000000Z")));
        for (settings, why) in [(forged, "BadSignature"), (over, "Expired")] {
            let connecting = settings.connecting(Wanted::default()).expect("files");
            let (server, _) = refusal(&accepting, &connecting);
            let wanted = ["certificate verify failed", why];
            assert!(wanted.iter().all(|w| server.contains(w)), "{server}");
        }
        // The key of another certificate is no pair with it, and shows who has stolen one.
        let stolen = Own {
            key: own_old(&files, "thief", right, None).key,
            ..old.own.clone()
        };
        let error = of(stolen.clone()).accepting().expect_err("no pair");
        assert!(error.contains("key values mismatch"), "{error}");
        let (server, _) = ends_of(&accepting, thief(&stolen, protocols));
        assert!(server.contains("certificate verify failed"), "{server}");
    }
}

/// A client that shows a certificate with a key that may not be its own.
fn thief(own: &Own, protocols: &str) -> Channel {
    use rustls::sign::{CertifiedKey, SingleCertAndKey};
    use std::sync::Arc;
    let pair = super::files::pair(own).expect("files");
    let key = PROVIDER.key_provider.load_private_key(pair.key);
    let shown = CertifiedKey::new(pair.chain, key.expect("a key"));
    let versions = super::ciphers::versions(protocols).expect("known");
    let config = rustls::ClientConfig::builder_with_provider(PROVIDER.clone())
        .with_protocol_versions(&versions)
        .expect("known")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(super::trust::Servers {
            trust: None,
            names: Vec::new(),
        }))
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
    let name = "any".try_into().expect("a name");
    let connection = rustls::ClientConnection::new(Arc::new(config), name);
    Channel::new(connection.expect("an end").into())
}

#[test]
fn what_is_no_authority_signs_no_certificate_of_version_1() {
    let files = Files::new();
    // A server's certificate is listed, as those are that servers share; its holder makes others.
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "no authority");
    let key = KeyPair::generate().expect("a key");
    let holder = CertifiedIssuer::self_signed(params, key).expect("a certificate");
    fs::write(files.path("ca.crt"), files.authority.pem() + &holder.pem()).expect("written");
    let holder = Files {
        dir: tempfile::tempdir().expect("a directory"),
        authority: holder,
    };
    let accepting = files.settings("server").accepting().expect("files");
    let made = Settings {
        own: own_old(&holder, "made", holder.authority.key(), None),
        ..files.settings("any")
    };
    let made = made.connecting(Wanted::default()).expect("files");
    let (server, _) = refusal(&accepting, &made);
    assert!(
        server.contains("certificate verify failed: UnknownIssuer"),
        "{server}"
    );
}

#[test]
fn a_server_must_have_one_of_the_names_that_are_expected() {
    let files = Files::new();
    let mut params =
        CertificateParams::new(vec!["redis.local".into(), "*.nodes.local".into()]).expect("names");
    params.distinguished_name.push(DnType::CommonName, "common");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &files.authority).expect("signed");
    let own = files.own("server");
    fs::write(&own.certificate, certificate.pem()).expect("written");
    fs::write(&own.key, key.serialize_pem()).expect("written");
    let settings = Settings {
        own,
        ..files.settings("any")
    };
    let accepting = settings.accepting().expect("files");
    for (names, fits) in [
        (vec![], true),
        (vec!["absent.example.com", "redis.local"], true),
        (vec!["a.nodes.local"], true),
        (vec!["common"], false),
        (vec!["wrong.example.com"], false),
    ] {
        let client = Settings {
            peer_names: names.iter().map(|name| (*name).to_owned()).collect(),
            ..files.settings("client")
        };
        let connecting = client.connecting(Wanted::default()).expect("files");
        if fits {
            connected(&accepting, &connecting);
        } else {
            let (_, client) = refusal(&accepting, &connecting);
            assert!(
                client.contains("certificate verify failed"),
                "{names:?}: {client}"
            );
        }
    }
}
