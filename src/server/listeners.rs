//! The sockets that accept, as the server holds them.

use tokio::task::JoinHandle;

/// The listeners of a server. Dropping them closes the sockets.
#[derive(Default)]
pub struct Listeners {
    pub(super) tcp: Vec<JoinHandle<()>>,
    pub(super) tls: Vec<JoinHandle<()>>,
    pub(super) unix: Vec<JoinHandle<()>>,
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.tcp
            .drain(..)
            .chain(self.tls.drain(..))
            .chain(self.unix.drain(..))
            .for_each(|t| t.abort());
    }
}
