//! redis-rs against a server that asks for a certificate and a user; prints what went well.

use redis::{
    ClientTlsConfig, Commands, Connection, ErrorKind, RedisResult, ServerErrorKind, TlsCertificates,
};
use std::time::Duration;

fn var(name: &str) -> String {
    std::env::var(name).expect(name)
}

fn connect(password: &str, with_certificate: bool) -> RedisResult<Connection> {
    let read = |name| std::fs::read(var(name)).expect("a file");
    let certificates = TlsCertificates {
        client_tls: with_certificate.then(|| ClientTlsConfig {
            client_cert: read("CERT"),
            client_key: read("KEY"),
        }),
        root_cert: Some(read("CA")),
    };
    // Its certificate is for no host name, and this library compares them.
    let url = format!("rediss://alice:{password}@localhost:{}/#insecure", var("PORT"));
    redis::Client::build_with_tls(url, certificates)?.get_connection_with_timeout(Duration::from_secs(30))
}

fn main() {
    rustls::crypto::ring::default_provider().install_default().expect("it is the first");
    let mut client = connect("secret", true).expect("it is let in");
    let name: String = redis::cmd("ACL").arg("WHOAMI").query(&mut client).expect("an answer");
    assert_eq!(name, "alice");
    let large = vec![7_u8; 3 << 20];
    let () = client.set("app:large", &large).expect("an answer");
    let back: Vec<u8> = client.get("app:large").expect("an answer");
    assert!(back == large);
    let mut pipe = redis::pipe();
    pipe.atomic();
    (0..1000).for_each(|i| _ = pipe.incr("app:count", i));
    let answers: Vec<i64> = pipe.query(&mut client).expect("an answer");
    assert_eq!(answers.last(), Some(&499_500));
    let () = client.del(&["app:count", "app:large"]).expect("an answer");
    let denied: RedisResult<Option<String>> = client.get("other");
    let kind = denied.expect_err("no permission").kind();
    assert_eq!(kind, ErrorKind::Server(ServerErrorKind::NoPerm));
    let script = redis::Script::new("return redis.call('SET', KEYS[1], ARGV[1])");
    let done: String = script.key("app:script").arg("1").invoke(&mut client).expect("an answer");
    assert_eq!(done, "OK");
    assert!(connect("wrong", true).is_err());
    let stranger = connect("secret", false).and_then(|mut c| redis::cmd("PING").query::<String>(&mut c));
    assert!(stranger.is_err());
    println!("well");
}
