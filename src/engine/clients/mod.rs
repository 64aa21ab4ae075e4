//! The connected clients by number.
//!
//! While a client's requests run, the code that runs them borrows its session ([`Engine::lend`]), because they change
//! the session and the engine together. The client's entry remains in the table, so that it is counted and can be
//! found, and others leave messages for it there as [`Mail`](table::Mail). The session receives its mail after the
//! reply to each request, and at the latest when it is returned.

mod table;

pub use table::{Clients, Reach};

use crate::{ClientId, Engine, Session};

impl Engine {
    /// Lends the session of a client to code that runs its requests. It must be [given back](Engine::give_back).
    /// Returns `None` if the client has disconnected, or its session is already lent.
    #[inline]
    pub fn lend(&mut self, id: ClientId) -> Option<Box<Session>> {
        self.clients.lend(id)
    }

    /// Ends a loan.
    #[inline]
    pub fn give_back(&mut self, mut client: Box<Session>) {
        let id = client.id;
        let pushed = self.deliver_mail(&mut client);
        self.clients.put_back(client);
        if pushed {
            self.pushed(id);
        }
    }

    /// Delivers what others have left for a client whose session is lent. Returns true if something has been written.
    #[inline]
    pub fn deliver_mail(&mut self, client: &mut Session) -> bool {
        self.clients.has_mail() && self.clients.deliver(client)
    }

    /// Runs `f` with the session of a client. Returns `None` if the client has disconnected, or its session is already
    /// lent.
    pub fn with_client<R>(
        &mut self,
        id: ClientId,
        f: impl FnOnce(&mut Engine, &mut Session) -> R,
    ) -> Option<R> {
        let mut client = self.lend(id)?;
        let result = f(self, &mut client);
        self.give_back(client);
        Some(result)
    }
}
