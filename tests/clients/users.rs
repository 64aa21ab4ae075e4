//! Users across processes: `user` lines, the ACL file, CONFIG REWRITE, a replica that logs in as a user, and commands under
//! other names.

use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use std::fs;

fn acl_file(text: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("users.acl");
    fs::write(&path, text).expect("written");
    let path = path.to_str().expect("UTF-8").to_owned();
    (dir, path)
}

fn list(server: &Server) -> String {
    server.client().run("ACL LIST").to_string()
}

#[test]
fn user_lines_are_read_and_config_rewrite_writes_them() {
    let server = Builder::forebay()
        .config("user alice on >secret ~a* +@read (+set ~b)")
        .config("user \"q\\\"uote\" off")
        .start();
    let mut client = server.client();
    client.ok("ACL SETUSER bob on nopass %R~c &d +get");
    client.ok("ACL SETUSER alice -hget");
    let before = list(&server);
    client.ok("CONFIG REWRITE");
    let text = fs::read_to_string(server.dir().join("server.conf")).expect("it is there");
    assert!(
        text.contains("user bob on nopass sanitize-payload %R~c resetchannels &d -@all +get\n"),
        "{text}"
    );
    assert!(text.contains("user \"q\\\"uote\" off"), "{text}");
    let server = server.restart_with(|_| {
        text.lines()
            .fold(Builder::forebay(), |builder, line| builder.config(line))
    });
    assert_eq!(list(&server), before);
    let mut client = server.client();
    client.ok("AUTH alice secret");
    assert!(client.error("GET b").starts_with("NOPERM "));
    client.ok("SET b 1");
}

#[test]
fn what_is_wrong_with_users_keeps_the_server_from_starting() {
    let (_dir, faulty) = acl_file("user a on +nope\nfoo\n");
    for (lines, reason) in [
        (
            vec!["user a +nope".to_owned()],
            "Error loading ACL rule '+nope' for the user named 'a': Unknown command or category name in ACL",
        ),
        (
            vec!["user a %x".to_owned()],
            "Error in user declaration 'user': Syntax error",
        ),
        (
            vec!["user a on".to_owned(), "user a off".to_owned()],
            "Error in user declaration 'a': Duplicate user found. A user can only be defined once in config files",
        ),
        (
            vec!["user a (+get".to_owned()],
            "Error in user declaration 'user': Wrong format",
        ),
        (
            vec![format!("aclfile {faulty}")],
            "Error in applying operation '+nope': Unknown command or category name in ACL.",
        ),
        (
            vec!["aclfile /none/such".to_owned()],
            "Error loading ACLs, opening file '/none/such': No such file or directory",
        ),
        (
            vec![format!("aclfile {faulty}"), "user b on".to_owned()],
            "please define either an ACL file or declare users directly in your redis.conf, but not both.",
        ),
        (
            vec!["rename-command nope x".to_owned()],
            "No such command in rename-command",
        ),
        (
            vec!["rename-command get SET".to_owned()],
            "Target command name already exists",
        ),
    ] {
        let builder = lines
            .iter()
            .fold(Builder::forebay(), |builder, line| builder.config(line));
        let (status, log) = builder.start_failing();
        assert!(!status.success());
        assert!(log.contains(reason), "{lines:?}: {log}");
    }
}

#[test]
fn an_acl_file_is_loaded_and_saved_as_a_whole() {
    let (dir, path) = acl_file("user alice on nopass +@all ~* &*\n\n  user bob off  \n");
    let server = Builder::forebay().config(format!("aclfile {path}")).start();
    let mut client = server.client();
    let (mut alice, mut listener) = (server.client(), server.client());
    alice.ok("AUTH alice x");
    client.ok("ACL SETUSER carol on nopass +subscribe &*");
    listener.ok("AUTH carol x");
    listener.ok("SUBSCRIBE news");
    client.ok("ACL SAVE");
    let saved = fs::read_to_string(&path).expect("it is there");
    assert_eq!(
        saved,
        "user alice on nopass sanitize-payload ~* &* +@all\n\
         user bob off sanitize-payload resetchannels -@all\n\
         user carol on nopass sanitize-payload &* -@all +subscribe\n\
         user default on nopass sanitize-payload ~* &* +@all\n"
    );
    let names = fs::read_dir(dir.path()).expect("listed").count();
    assert_eq!(names, 1, "no temporary file is left");
    // A faulty file changes nothing.
    fs::write(&path, "user alice nope\n").expect("written");
    let before = list(&server);
    assert!(
        client
            .error("ACL LOAD")
            .contains("users.acl:1: Syntax error. WARNING: ACL errors detected")
    );
    assert_eq!(list(&server), before);
    // Who keeps its user stays connected, with the new rights; who listens without right does not.
    fs::write(
        &path,
        "user alice on nopass +get ~*\nuser carol on nopass +subscribe &other\n",
    )
    .expect("written");
    client.ok("ACL LOAD");
    assert!(alice.error("SET a 1").starts_with("NOPERM "));
    assert!(alice.run("GET a").is_null());
    assert!(listener.read().is_err());
    // Who has lost its user does neither.
    fs::write(&path, "").expect("written");
    client.ok("ACL LOAD");
    assert!(alice.try_cmd(&["GET", "a"]).is_err());
}

#[test]
fn a_replica_logs_in_as_a_user_and_obeys_whatever_its_own_users_may() {
    let primary = Builder::forebay()
        .config("user follower on >secret +psync +replconf +ping")
        .config("requirepass other")
        .password("other")
        .start();
    let replica = Builder::forebay()
        .config("masteruser follower")
        .config("masterauth secret")
        .config("user default on nopass ~none +info +ping +get +config|get +debug")
        .replica_of(&primary)
        .start();
    let mut client = primary.client();
    client.ok("SET none 1");
    let mut reader = replica.client();
    wait_until("the write is there", || {
        reader.run("GET none").text() == Some("1")
    });
    assert!(reader.error("GET a").starts_with("NOPERM "));
}

#[test]
fn commands_are_called_by_the_names_that_rename_command_gives_them() {
    let renamed = |builder: Builder| {
        builder
            .config("rename-command SET Xset")
            .config("rename-command GET \"\"")
            .config("rename-command CONFIG cfg")
            .config("rename-command spop pops")
            .config("rename-command multi mu")
    };
    let Some(theirs) = Builder::peer("redis-7.4") else {
        return;
    };
    let (server, peer) = (renamed(Builder::forebay()).start(), renamed(theirs).start());
    let (mut ours, mut theirs) = (server.client(), peer.client());
    for line in [
        "SET a b",
        "xset a b",
        "XSET a",
        "GET a",
        "CONFIG GET hz",
        "cfg get maxclients",
        "cfg",
        "cfg nope",
        "COMMAND INFO set",
        "COMMAND INFO get",
        "COMMAND GETKEYS xset a b",
        "COMMAND GETKEYS set a b",
        "COMMAND LIST FILTERBY PATTERN xs*",
        "COMMAND LIST FILTERBY PATTERN set",
        "COMMAND DOCS set",
        "EVAL \"return redis.call('set','a','c')\" 0",
        "EVAL \"return redis.call('xset','a','c')\" 0",
        "ACL SETUSER u on nopass +set +get -config ~*",
        "ACL SETUSER v +xset",
        "ACL SETUSER u +config|get",
        "ACL LIST",
        "ACL DRYRUN u xset a b",
        "ACL DRYRUN u set a b",
        "ACL DRYRUN u cfg set a b",
        "MULTI",
        "mu",
        "xset q 1",
        "EXEC",
        "STRLEN q",
        "AUTH u x",
        "del q",
        "cfg set a b",
    ] {
        let (told, right) = (ours.run(line), theirs.run(line));
        assert_eq!(told, right, "{line}");
    }
}

#[test]
fn what_is_written_under_other_names_is_read_again() {
    let mut server = Builder::forebay()
        .config("appendonly yes")
        .config("appendfsync always")
        .config("rename-command SET Xset")
        .config("rename-command spop pops")
        .config("rename-command srem \"\"")
        .start();
    let mut client = server.client();
    client.ok("xset a 1");
    client.ok("SADD s 1 2 3");
    client.ok("pops s");
    let members = client.int("SCARD s");
    assert_eq!(members, 2);
    server = server.restart();
    let mut client = server.client();
    assert_eq!(client.run("GET a").text(), Some("1"));
    assert_eq!(client.int("SCARD s"), members);
}

#[test]
fn a_password_that_was_not_set_in_the_end_leaves_the_user_as_it_was() {
    let (server, other) = (Builder::forebay().start(), Builder::forebay().start());
    let mut client = server.client();
    client.ok("ACL SETUSER default >one >two");
    let before = client.run("ACL LIST");
    let taken = other.port();
    let error = client.error(&format!("CONFIG SET requirepass three port {taken}"));
    assert!(error.contains("Unable to listen on this port"), "{error}");
    assert_eq!(client.run("ACL LIST"), before);
    assert_eq!(client.config("requirepass").as_deref(), Some(""));
}
