//! Sending log lines to the system log (`syslog-enabled`), as datagrams to the socket on which it listens.

use base::LogLevel;
use config::choices::SyslogFacility;
use std::io;
use std::os::unix::net::UnixDatagram;

/// The socket of the system log.
pub const SOCKET: &str = "/dev/log";

/// The system's log, as this process writes to it.
#[derive(Debug)]
pub struct Syslog {
    socket: Option<UnixDatagram>,
    path: String,
    ident: String,
    facility: u8,
}

impl Syslog {
    /// Lines of `ident`. The socket need not be there yet: each line tries again.
    pub fn new(path: &str, ident: &str, facility: SyslogFacility) -> Syslog {
        let facility = match facility {
            SyslogFacility::User => 1,
            SyslogFacility::Local0 => 16,
            SyslogFacility::Local1 => 17,
            SyslogFacility::Local2 => 18,
            SyslogFacility::Local3 => 19,
            SyslogFacility::Local4 => 20,
            SyslogFacility::Local5 => 21,
            SyslogFacility::Local6 => 22,
            SyslogFacility::Local7 => 23,
        };
        Syslog {
            socket: None,
            path: path.to_owned(),
            ident: ident.to_owned(),
            facility,
        }
    }

    /// Sends one line; `time` is `Mmm dd hh:mm:ss` in local time.
    ///
    /// # Errors
    /// Nobody listens, or takes the line at once: a log that is slow must not stop the server.
    pub fn send(&mut self, level: LogLevel, time: &str, text: &str) -> io::Result<()> {
        let severity = match level {
            LogLevel::Debug => 7,
            LogLevel::Verbose => 6,
            LogLevel::Notice => 5,
            LogLevel::Warning => 4,
        };
        let priority = self.facility * 8 + severity;
        let pid = std::process::id();
        let line = format!("<{priority}>{time} {}[{pid}]: {text}", self.ident);
        let sent = match &self.socket {
            Some(socket) => socket.send(line.as_bytes()),
            None => Err(io::ErrorKind::NotConnected.into()),
        };
        match sent {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
            // The system log was not running, or it was restarted.
            Err(_) => {}
        }
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect(&self.path)?;
        socket.send(line.as_bytes())?;
        self.socket = Some(socket);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_priority_and_finds_a_log_that_was_started_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("log");
        let mut log = Syslog::new(
            path.to_str().expect("UTF-8"),
            "redis",
            SyslogFacility::Local3,
        );
        let mut send = |level| log.send(level, "Nov 29 10:11:12", "text");
        assert!(send(LogLevel::Notice).is_err());
        for (level, priority) in [(LogLevel::Notice, 157), (LogLevel::Warning, 156)] {
            let _ = std::fs::remove_file(&path);
            let daemon = UnixDatagram::bind(&path).expect("bound");
            send(level).expect("somebody listens");
            let mut line = [0; 100];
            let n = daemon.recv(&mut line).expect("a line");
            let pid = std::process::id();
            assert_eq!(
                String::from_utf8_lossy(&line[..n]),
                format!("<{priority}>Nov 29 10:11:12 redis[{pid}]: text")
            );
        }
    }
}
