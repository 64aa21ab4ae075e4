//! The meaning of log lines: one table for all servers and versions.
//!
//! Texts are compared in one spelling: Valkey says PRIMARY where Redis says MASTER, and 7.0 still says "slave" in one
//! line. A pattern is matched at the beginning of the line, after the prefixes that some lines have, or anywhere if it
//! begins with `*`. The table was made from the logs in `testdata/sync-logs`, and is tested with them.

use super::moments::Moment;

/// What a line does to the sync that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A new attempt begins with this moment.
    Begins(Moment),
    /// The moment is now, unless it was before.
    At(Moment),
    /// Both are now, unless they were before.
    Both(Moment, Moment),
    /// The payload is complete in its file.
    FileComplete,
    /// The answer was a partial resync: no full sync at all.
    Partial,
    /// A second connection carries the payload.
    TwoConnections,
    /// It ended without success.
    Fails,
}

/// What a replica logs.
pub const REPLICA: &[(&str, Mark)] = &[
    ("Connecting to MASTER ", Mark::Begins(Moment::Connect)),
    ("Reconnecting to MASTER ", Mark::Begins(Moment::Connect)),
    (
        "Trying a partial resynchronization (",
        Mark::At(Moment::Ask),
    ),
    (
        "Partial resynchronization not possible",
        Mark::At(Moment::Ask),
    ),
    ("Full resync from master", Mark::At(Moment::Answer)),
    (
        "PSYNC is not possible, initialize RDB channel",
        Mark::TwoConnections,
    ),
    (
        "Successful partial resynchronization with master",
        Mark::Partial,
    ),
    (
        "MASTER <-> REPLICA sync: receiving ",
        Mark::At(Moment::Receive),
    ),
    ("Done downloading RDB", Mark::At(Moment::Received)),
    // Up to 6.2 this line comes before the payload; then nothing is received yet.
    (
        "Discarding previously cached master state",
        Mark::FileComplete,
    ),
    (
        "MASTER <-> REPLICA sync: Flushing old data",
        Mark::FileComplete,
    ),
    ("Loading the RDB and finalizing", Mark::FileComplete),
    (
        "MASTER <-> REPLICA sync: Loading DB in memory",
        Mark::At(Moment::Load),
    ),
    ("Done loading RDB", Mark::At(Moment::Loaded)),
    (
        "MASTER <-> REPLICA sync: Swapping active DB",
        Mark::At(Moment::Loaded),
    ),
    (
        "MASTER <-> REPLICA sync: Discarding old DB",
        Mark::At(Moment::Swapped),
    ),
    (
        "MASTER <-> REPLICA sync: Finished with success",
        Mark::At(Moment::Up),
    ),
    // These lines give the reason of the lines after them.
    ("Can't handle RDB format version", Mark::Fails),
    ("Wrong signature trying to load DB", Mark::Fails),
    ("Wrong RDB checksum", Mark::Fails),
    ("Internal error in RDB", Mark::Fails),
    ("Short read or OOM loading DB", Mark::Fails),
    (
        "Failed trying to load the MASTER synchronization",
        Mark::Fails,
    ),
    ("Failed trying to ", Mark::Fails),
    ("I/O error ", Mark::Fails),
    ("Timeout ", Mark::Fails),
    ("MASTER aborted replication", Mark::Fails),
    ("Bad protocol from MASTER", Mark::Fails),
    ("Replication stream EOF marker is broken", Mark::Fails),
    ("Error condition on socket for SYNC", Mark::Fails),
    ("Write error or short write", Mark::Fails),
    ("Unable to AUTH to MASTER", Mark::Fails),
    ("Error reply to PING", Mark::Fails),
    ("Unexpected reply to PSYNC", Mark::Fails),
    ("Opening the temp file needed for", Mark::Fails),
];

/// What a master logs of one replica; the line names it.
pub const MASTER_OF_ONE: &[(&str, Mark)] = &[
    ("* asks for synchronization", Mark::Begins(Moment::Request)),
    ("Partial resynchronization request from ", Mark::Partial),
    ("* is capable of rdb channel", Mark::TwoConnections),
    ("* is capable of dual channel", Mark::TwoConnections),
    (
        "Connection with replica (rdbchannel) ",
        Mark::At(Moment::Sent),
    ),
    ("* rdb channel disconnected", Mark::At(Moment::Sent)),
    (
        "Streamed RDB transfer with replica ",
        Mark::At(Moment::Sent),
    ),
    (
        "Synchronization with replica ",
        Mark::Both(Moment::Sent, Moment::Online),
    ),
    ("Connection with replica ", Mark::Fails),
    ("Disconnecting timedout replica ", Mark::Fails),
];

/// What it logs of all replicas that wait for the same snapshot.
pub const MASTER_OF_ALL: &[(&str, Mark)] = &[
    (
        "Starting BGSAVE for SYNC with target",
        Mark::At(Moment::Order),
    ),
    ("Background saving started by pid", Mark::At(Moment::Cut)),
    (
        "Background RDB transfer started by pid",
        Mark::Both(Moment::Cut, Moment::Send),
    ),
    ("DB saved on disk", Mark::At(Moment::Walked)),
    (
        "Background saving terminated with success",
        Mark::Both(Moment::Walked, Moment::Send),
    ),
    (
        "Diskless rdb transfer, done reading from pipe",
        Mark::At(Moment::Walked),
    ),
    (
        "Background RDB transfer terminated with success",
        Mark::At(Moment::Walked),
    ),
    ("BGSAVE for replication failed", Mark::Fails),
    ("SYNC failed", Mark::Fails),
    ("Background transfer error", Mark::Fails),
    ("Background transfer terminated by signal", Mark::Fails),
    ("Background saving error", Mark::Fails),
];

/// The mark of a text in [`plain`] spelling.
pub fn find(table: &[(&str, Mark)], text: &str) -> Option<Mark> {
    let fits = |pattern: &str| match pattern.strip_prefix('*') {
        Some(anywhere) => text.contains(anywhere),
        None => text.starts_with(pattern),
    };
    let found = table.iter().find(|(pattern, _)| fits(pattern));
    found.map(|(_, mark)| *mark)
}

/// One spelling for all servers, without the prefixes of some lines.
pub fn plain(text: &str) -> String {
    let mut out = text
        .replace("PRIMARY", "MASTER")
        .replace("Primary", "Master")
        .replace("primary", "master")
        .replace("slave", "replica");
    for prefix in [
        "Dual channel replication: ",
        "Replica bio thread: ",
        "Replica main thread: ",
    ] {
        if let Some(rest) = out.strip_prefix(prefix) {
            out = rest.to_owned();
        }
    }
    out
}

/// The number behind `before` in a text.
pub fn number(text: &str, before: &str) -> Option<u64> {
    let rest = &text[text.find(before)? + before.len()..];
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// The `host:port` that a master's line names.
pub fn label(text: &str) -> Option<&str> {
    let rest = match text.find("request from ") {
        Some(at) => &text[at + "request from ".len()..],
        None => {
            let at = text.to_ascii_lowercase().find("replica ")? + "replica ".len();
            let rest = &text[at..];
            rest.strip_prefix("(rdbchannel) ").unwrap_or(rest)
        }
    };
    let rest = rest.strip_prefix("(full sync): ").unwrap_or(rest);
    let word = rest.split(' ').next()?;
    let word = word.trim_end_matches(['.', ',']);
    word.contains(':').then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_in_all_lines_that_name_a_replica() {
        for text in [
            "Replica 10.0.0.1:6380 asks for synchronization",
            "Streamed RDB transfer with replica 10.0.0.1:6380 succeeded (socket). Waiting for",
            "Partial resynchronization request from 10.0.0.1:6380 accepted. Sending 0 bytes",
            "Connection with replica (rdbchannel) 10.0.0.1:6380 lost.",
            "Connection with replica 10.0.0.1:6380 lost.",
        ] {
            assert_eq!(label(text), Some("10.0.0.1:6380"), "{text}");
        }
        assert_eq!(label("Waiting for replicas before shutting down."), None);
    }

    #[test]
    fn valkey_and_redis_say_the_same() {
        let text = plain(
            "Replica bio thread: PRIMARY <-> REPLICA sync: receiving 5 bytes from primary to disk",
        );
        assert_eq!(find(REPLICA, &text), Some(Mark::At(Moment::Receive)));
        assert_eq!(number(&text, "receiving "), Some(5));
    }
}
