//! What INFO says of clients that are held back, and of the serving thread, beside Valkey.

use crate::support::server::Builder;

/// The fields were absent unless somebody was held back.
#[test]
fn info_says_why_clients_are_held_back_and_none_otherwise() {
    for name in ["forebay", "valkey-9.1"] {
        let Some(builder) = Builder::named(name) else {
            continue;
        };
        let server = builder.start();
        let mut client = server.client();
        let mut shown = |line: &str| {
            client.ok(line);
            let fields = ["reason", "actions", "timeout_milliseconds"];
            fields.map(|field| client.info_field("clients", &format!("paused_{field}")))
        };
        assert_eq!(shown("PING"), ["none", "none", "0"], "{name}");
        let [reason, actions, left] = shown("CLIENT PAUSE 100000 WRITE");
        assert_eq!(
            [reason.as_str(), actions.as_str()],
            ["client_pause", "write"]
        );
        let left: u64 = left.parse().expect("a number");
        assert!((1..=100_000).contains(&left), "{name}: {left}");
        assert_eq!(shown("CLIENT UNPAUSE"), ["none", "none", "0"], "{name}");
    }
}

#[test]
fn info_says_how_long_the_serving_thread_was_busy() {
    for name in ["forebay", "valkey-9.1"] {
        let Some(builder) = Builder::named(name) else {
            continue;
        };
        let server = builder.start();
        let mut client = server.client();
        let mut busy = || -> f64 {
            let seconds = client.info_field("cpu", "used_active_time_main_thread");
            let (_, micros) = seconds.split_once('.').expect("a fraction");
            assert_eq!(micros.len(), 6, "{name}: {seconds}");
            client.ok("DEBUG SLEEP 0.01");
            seconds.parse().expect("a number")
        };
        let (before, after) = (busy(), busy());
        assert!(after >= before + 0.01, "{name}: {before}, {after}");
    }
}
