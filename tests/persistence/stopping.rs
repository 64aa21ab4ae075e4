//! SHUTDOWN and signals.

use crate::support::server::{Builder, Server};

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

/// What the dump holds under `key` when the server is started again.
fn saved(server: Server, key: &str) -> Option<String> {
    let server = server.restart();
    let value = server.client().run(&format!("GET {key}"));
    value.text().map(str::to_owned)
}

#[test]
fn a_signal_saves_where_there_are_save_points() {
    for signal in [SIGTERM, SIGINT] {
        let mut server = Builder::forebay().config("save 1000 1000").start();
        server.client().ok("SET key value");
        server.signal(signal);
        assert_eq!(server.wait_exit().code(), Some(0));
        assert!(server.log().contains("DB saved on disk"));
        assert_eq!(saved(server, "key").as_deref(), Some("value"));
    }
}

#[test]
fn without_save_points_nothing_is_saved_unless_asked_for() {
    for (line, expected) in [
        ("SHUTDOWN", None),
        ("SHUTDOWN NOSAVE", None),
        ("SHUTDOWN SAVE", Some("value")),
    ] {
        let mut server = Builder::forebay().config("save \"\"").start();
        let mut client = server.client();
        client.ok("SET key value");
        assert!(
            client
                .try_cmd(&line.split(' ').collect::<Vec<_>>())
                .is_err()
        );
        assert_eq!(server.wait_exit().code(), Some(0), "{line}");
        assert_eq!(saved(server, "key").as_deref(), expected, "{line}");
    }
}

#[test]
fn a_shutdown_that_cannot_save_is_refused_unless_forced() {
    let mut server = Builder::forebay().config("save 1000 1000").start();
    let mut client = server.client();
    client.ok("SET key value");
    // A directory stands where the dump should go.
    let dump = server.dump_path();
    std::fs::create_dir(&dump).unwrap();
    std::fs::write(dump.join("file"), "").unwrap();
    assert!(
        client
            .error("SHUTDOWN")
            .contains("Errors trying to SHUTDOWN")
    );
    assert_eq!(client.text("GET key"), "value");
    assert!(client.try_cmd(&["SHUTDOWN", "FORCE"]).is_err());
    assert_eq!(server.wait_exit().code(), Some(0));
}

#[test]
fn a_crash_ends_the_process_and_leaves_the_dump() {
    let mut server = Builder::forebay()
        .config("enable-debug-command yes")
        .config("save 1000 1000")
        .start();
    let mut client = server.client();
    client.ok("SET key value");
    client.ok("SAVE");
    client.ok("SET key other");
    assert!(client.try_cmd(&["DEBUG", "PANIC"]).is_err());
    assert!(!server.wait_exit().success());
    assert!(server.log().contains("crashed: "));
    assert_eq!(saved(server, "key").as_deref(), Some("value"));
}
