//! What systemd is told about a server that loads or synchronizes (`supervised systemd`), and when.

/// The state of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is loading a dataset, of which this percentage of bytes has been read. Clients are refused.
    Loading(u64),
    /// It is waiting for a full sync or receiving one.
    Syncing {
        /// Bytes received.
        read: u64,
        /// Bytes in total; 0 if the primary does not say.
        total: u64,
    },
    /// It is serving clients.
    Serving {
        /// As a replica.
        replica: bool,
    },
}

/// What has been reported.
#[derive(Debug, Default)]
pub struct Told {
    text: String,
    /// When, in seconds.
    at: i64,
    /// RELOADING=1 was said, and READY=1 not since.
    reloading: bool,
}

/// How much longer a start may take after each message, in microseconds, so that a server is not killed while it loads.
const MORE_TIME: &str = "EXTEND_TIMEOUT_USEC=60000000\n";

impl Told {
    /// What to report now, in seconds of any clock: at most once a second, and only changes. While a dataset is
    /// loaded each second is news. `ready`: READY=1 was said, as it is once at the end of a start.
    pub fn next(&mut self, phase: Phase, ready: bool, now: i64) -> Option<String> {
        let (loading, text) = match phase {
            Phase::Loading(percent) => (true, format!("Loading the dataset: {percent} %")),
            Phase::Syncing { read, total: 0 } => (
                false,
                format!("MASTER <-> REPLICA sync: {} MB received", read >> 20),
            ),
            Phase::Syncing { read, total } => (
                false,
                format!(
                    "MASTER <-> REPLICA sync: {} of {} MB received",
                    read >> 20,
                    total >> 20
                ),
            ),
            Phase::Serving { replica } => (
                false,
                match replica {
                    true => "Ready to accept connections in read-only mode".to_owned(),
                    false => "Ready to accept connections".to_owned(),
                },
            ),
        };
        let news = text != self.text || loading;
        // The beginning and the end of a load are reported at once.
        let turns = (loading && ready) != self.reloading;
        if !turns && (!news || (now == self.at && !self.text.is_empty())) {
            return None;
        }
        let mut message = String::new();
        if loading && ready && !self.reloading {
            message += "RELOADING=1\n";
            self.reloading = true;
        } else if !loading && self.reloading {
            message += "READY=1\n";
            self.reloading = false;
        }
        message += &format!("STATUS={text}\n");
        if loading {
            message += MORE_TIME;
        }
        (self.text, self.at) = (text, now);
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_tells_each_second_how_far_it_is() {
        let mut told = Told::default();
        let mut at = |now, percent| told.next(Phase::Loading(percent), false, now);
        let text = |percent| {
            Some(format!(
                "STATUS=Loading the dataset: {percent} %\n{MORE_TIME}"
            ))
        };
        assert_eq!(at(1, 0), text(0));
        assert_eq!(at(1, 5), None);
        assert_eq!(at(2, 9), text(9));
        assert_eq!(at(3, 9), text(9), "it lives");
    }

    #[test]
    fn a_full_sync_is_told_and_a_load_after_the_start_is_a_reload() {
        let mut told = Told::default();
        let status = |text: &str| Some(format!("STATUS={text}\n"));
        let replica = Phase::Serving { replica: true };
        assert_eq!(
            told.next(replica, true, 1),
            status("Ready to accept connections in read-only mode")
        );
        assert_eq!(told.next(replica, true, 2), None);
        let received = |mb: u64, total: u64| Phase::Syncing {
            read: mb << 20,
            total: total << 20,
        };
        assert_eq!(
            told.next(received(1, 10), true, 3),
            status("MASTER <-> REPLICA sync: 1 of 10 MB received")
        );
        assert_eq!(told.next(received(2, 10), true, 3), None);
        assert_eq!(
            told.next(received(2, 0), true, 4),
            status("MASTER <-> REPLICA sync: 2 MB received")
        );
        let reload = told.next(Phase::Loading(3), true, 4).expect("a reload");
        assert!(reload.starts_with("RELOADING=1\nSTATUS=Loading the dataset: 3 %\n"));
        let again = told.next(Phase::Loading(4), true, 5).expect("it lives");
        assert!(again.starts_with("STATUS="));
        let end = told.next(replica, true, 5).expect("the end");
        assert!(end.starts_with("READY=1\nSTATUS=Ready"));
        assert_eq!(told.next(replica, true, 9), None);
    }
}
