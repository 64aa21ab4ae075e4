//! The programs of others.

use crate::certificates::Authority;
use crate::support::peers;
use crate::support::server::Builder;
use std::process::Command;

#[test]
fn redis_cli_connects_by_both_versions() {
    let Some(cli) = peers::tool("redis-cli") else {
        return peers::skipped("there is no redis-cli on this machine");
    };
    let authority = Authority::new("ours");
    let (builder, port) = authority.equip(Builder::forebay());
    let server = builder.config("user alice on >secret ~* +@all").start();
    let own = authority.sign("someone");
    for protocol in ["TLSv1.2", "TLSv1.3"] {
        server
            .client()
            .ok(&format!("CONFIG SET tls-protocols {protocol}"));
        let output = Command::new(&cli)
            .args(["--tls", "--cacert", &authority.path("ca.crt")])
            .args(["--cert", &own.certificate, "--key", &own.key])
            .args([
                "-p",
                &port.to_string(),
                "--user",
                "alice",
                "--pass",
                "secret",
            ])
            .args(["--no-auth-warning", "ACL", "WHOAMI"])
            .output()
            .expect("redis-cli runs");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "alice\n",
            "{protocol}: {output:?}"
        );
    }
}
