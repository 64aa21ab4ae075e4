//! How clients are added and removed.

use crate::{ClientId, Engine, Session, pubsub, tracking, transaction};

impl Engine {
    /// Registers a client and returns its number.
    pub fn connect(&mut self, addr: String, laddr: String) -> ClientId {
        let id = ClientId(self.next_client_id);
        self.next_client_id += 1;
        self.stats.connections += 1;
        let mut session = Session::new(id, addr, laddr, self.clock.steady_ms);
        self.begin_as_default(&mut session);
        self.clients.insert(Box::new(session));
        id
    }

    /// Removes a client and everything that refers to it.
    pub fn disconnect(&mut self, id: ClientId) {
        if let Some(mut client) = self.clients.remove(id) {
            if client.waits_for_script() {
                self.end_monitor(&mut client);
                pubsub::forget(self, &mut client);
                return self.orphan_script(client);
            }
            self.forget_client(&mut client);
        }
    }

    /// Removes everything that refers to a client that is no longer in the table.
    pub(super) fn forget_client(&mut self, client: &mut Session) {
        self.release(client);
        self.end_monitor(client);
        transaction::discard_transaction(self, client);
        pubsub::forget(self, client);
        tracking::disable(self, client);
        self.uncount_client(client);
    }
}
