//! The entries of clients, and the messages that are left in them while their sessions are lent.
//!
//! Numbers increase and are never reused. Entries are sorted by number, and the distance between two entries is mostly
//! the difference of their numbers.

use crate::{ClientFlags, ClientId, Session};

/// A table of clients.
#[derive(Default)]
pub struct Clients {
    /// In the order of the numbers.
    places: Vec<Place>,
    /// Places of clients.
    present: usize,
    /// Places with mail.
    with_mail: usize,
}

struct Place {
    id: ClientId,
    holds: Holds,
    /// For a client whose session is lent.
    mail: Option<Box<Mail>>,
}

enum Holds {
    /// A client none of whose requests runs.
    Session(Box<Session>),
    /// A client whose requests run.
    Lent,
    /// Nothing: the client has disconnected.
    Nothing,
}

/// What others leave for a client while its session is lent.
#[derive(Default)]
pub struct Mail {
    /// As RESP3.
    messages: Vec<Vec<u8>>,
    bytes: usize,
    /// There were more messages than the client may have pending: it gets none, and will be closed.
    too_many: bool,
    /// A key that it watches has changed.
    dirty: bool,
}

/// Where others find a client.
pub enum Reach<'a> {
    /// None of its requests runs.
    Here(&'a mut Session),
    /// Its session is lent. Messages for it can be left with [`Clients::send`] and [`Clients::mark_dirty`].
    Lent,
    /// It has disconnected.
    Gone,
}

/// How many empty entries are kept, in addition to as many as there are clients.
const SPARE: usize = 64;

impl Clients {
    /// A client whose session is not lent.
    pub fn get(&self, id: &ClientId) -> Option<&Session> {
        match &self.places[self.find(*id).ok()?].holds {
            Holds::Session(client) => Some(client),
            _ => None,
        }
    }

    /// A client whose session is not lent, to be changed.
    pub fn get_mut(&mut self, id: &ClientId) -> Option<&mut Session> {
        match self.reach(*id) {
            Reach::Here(client) => Some(client),
            _ => None,
        }
    }

    /// A client, wherever its session is.
    pub fn reach(&mut self, id: ClientId) -> Reach<'_> {
        let Ok(at) = self.find(id) else {
            return Reach::Gone;
        };
        match &mut self.places[at].holds {
            Holds::Session(client) => Reach::Here(client),
            Holds::Lent => Reach::Lent,
            Holds::Nothing => Reach::Gone,
        }
    }

    /// True for a client that is connected.
    pub fn contains_key(&self, id: &ClientId) -> bool {
        let place = self.find(*id).map(|at| &self.places[at]);
        place.is_ok_and(|place| !matches!(place.holds, Holds::Nothing))
    }

    /// True for a client whose session is lent.
    pub fn is_lent(&self, id: ClientId) -> bool {
        let place = self.find(id).map(|at| &self.places[at]);
        place.is_ok_and(|place| matches!(place.holds, Holds::Lent))
    }

    /// Puts a new client in.
    pub fn insert(&mut self, client: Box<Session>) {
        let id = client.id;
        let at = self.find(id).unwrap_or_else(|at| self.make_place(at, id));
        self.present += 1;
        self.places[at].holds = Holds::Session(client);
    }

    /// Takes a client out for good.
    pub fn remove(&mut self, id: ClientId) -> Option<Box<Session>> {
        let at = self.find(id).ok()?;
        match std::mem::replace(&mut self.places[at].holds, Holds::Nothing) {
            Holds::Session(client) => {
                self.present -= 1;
                Some(client)
            }
            other => {
                self.places[at].holds = other;
                None
            }
        }
    }

    #[inline]
    pub(super) fn lend(&mut self, id: ClientId) -> Option<Box<Session>> {
        let at = self.find(id).ok()?;
        let holds = &mut self.places[at].holds;
        match std::mem::replace(holds, Holds::Lent) {
            Holds::Session(client) => Some(client),
            other => {
                *holds = other;
                None
            }
        }
    }

    #[inline]
    pub(super) fn put_back(&mut self, client: Box<Session>) {
        let at = self.find(client.id);
        let at = at.expect("the place of a lent session is kept");
        self.places[at].holds = Holds::Session(client);
    }

    #[cold]
    fn make_place(&mut self, mut at: usize, id: ClientId) -> usize {
        if self.places.len() >= 2 * self.present + SPARE {
            self.places
                .retain(|place| !matches!(place.holds, Holds::Nothing));
            at = self.places.partition_point(|place| place.id < id);
        }
        let place = Place {
            id,
            holds: Holds::Nothing,
            mail: None,
        };
        self.places.insert(at, place);
        at
    }

    /// Number of connected clients.
    pub fn len(&self) -> usize {
        self.present
    }

    /// True without clients.
    pub fn is_empty(&self) -> bool {
        self.present == 0
    }

    /// The clients whose sessions are not lent, by number.
    pub fn values(&self) -> impl Iterator<Item = &Session> {
        self.places.iter().filter_map(|place| match &place.holds {
            Holds::Session(client) => Some(&**client),
            _ => None,
        })
    }

    /// The same, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        let places = self.places.iter_mut();
        places.filter_map(|place| match &mut place.holds {
            Holds::Session(client) => Some(&mut **client),
            _ => None,
        })
    }

    /// The place of a number, or where it would be.
    #[inline]
    fn find(&self, id: ClientId) -> Result<usize, usize> {
        let first = self.places.first().map_or(id.0, |place| place.id.0);
        let likely = id.0.wrapping_sub(first) as usize;
        match self.places.get(likely) {
            Some(place) if place.id == id => Ok(likely),
            _ => self.places.binary_search_by_key(&id, |place| place.id),
        }
    }
}

/// What is left for clients whose sessions are lent.
impl Clients {
    /// True if mail waits for some client.
    #[inline]
    pub fn has_mail(&self) -> bool {
        self.with_mail > 0
    }

    /// Bytes of messages that wait.
    pub fn mail_bytes(&self) -> usize {
        let mail = self.places.iter().filter_map(|place| place.mail.as_ref());
        mail.map(|mail| mail.bytes).sum()
    }

    fn mail(&mut self, id: ClientId) -> Option<&mut Mail> {
        let at = self.find(id).ok()?;
        let place = &mut self.places[at];
        self.with_mail += usize::from(place.mail.is_none());
        Some(place.mail.get_or_insert_default())
    }

    /// Leaves a message for a client that may have `limit` bytes pending (0 = any number).
    pub fn send(&mut self, id: ClientId, message: &[u8], limit: i64) {
        let Some(mail) = self.mail(id) else { return };
        let bytes = mail.bytes + message.len();
        mail.too_many |= limit > 0 && bytes as i64 >= limit;
        if mail.too_many {
            mail.messages = Vec::new();
            mail.bytes = 0;
        } else {
            mail.messages.push(message.to_vec());
            mail.bytes = bytes;
        }
    }

    /// A key that a client watches has changed.
    pub fn mark_dirty(&mut self, id: ClientId) {
        match self.reach(id) {
            Reach::Here(client) => client.flags.insert(ClientFlags::DIRTY_CAS),
            Reach::Lent => {
                if let Some(mail) = self.mail(id) {
                    mail.dirty = true;
                }
            }
            Reach::Gone => {}
        }
    }

    /// A client has stopped watching keys.
    pub fn forget_dirty(&mut self, id: ClientId) {
        self.forget(id, |mail| mail.dirty = false);
    }

    /// A client has ended all its subscriptions.
    pub fn forget_messages(&mut self, id: ClientId) {
        self.forget(id, |mail| {
            let dirty = mail.dirty;
            *mail = Mail {
                dirty,
                ..Mail::default()
            }
        });
    }

    fn forget(&mut self, id: ClientId, what: impl FnOnce(&mut Mail)) {
        if self.with_mail > 0
            && let Ok(at) = self.find(id)
            && let Some(mail) = &mut self.places[at].mail
        {
            what(mail);
        }
    }

    /// Gives a client its mail; true if something was written for it.
    #[cold]
    pub(super) fn deliver(&mut self, client: &mut Session) -> bool {
        let at = self.find(client.id);
        let Some(mail) = at.ok().and_then(|at| self.places[at].mail.take()) else {
            return false;
        };
        self.with_mail -= 1;
        if mail.dirty {
            client.flags.insert(ClientFlags::DIRTY_CAS);
        }
        for message in &mail.messages {
            client.write_message(message);
        }
        if mail.too_many {
            client.reply.output_mut().overrun();
        }
        mail.too_many || !mail.messages.is_empty()
    }
}

impl std::ops::Index<&ClientId> for Clients {
    type Output = Session;

    fn index(&self, id: &ClientId) -> &Session {
        self.get(id).expect("the client is in the table")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn session(id: u64) -> Box<Session> {
        let addr = String::new;
        Box::new(Session::new(ClientId(id), addr(), addr(), 0))
    }

    #[test]
    fn clients_come_and_go_as_in_an_ordered_map() {
        let (mut clients, mut model) = (Clients::default(), BTreeMap::new());
        let mut state = 1u64;
        for id in 1..5_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            clients.insert(session(id));
            model.insert(id, ());
            for probe in [state >> 40, state >> 50, id] {
                let id = ClientId(probe % id + 1);
                match state >> 33 & 3 {
                    0 => {
                        let lent = clients.lend(id);
                        assert_eq!(lent.is_some(), model.contains_key(&id.0));
                        assert_eq!(clients.contains_key(&id), lent.is_some());
                        assert!(clients.lend(id).is_none() && clients.get(&id).is_none());
                        lent.into_iter().for_each(|lent| clients.put_back(lent));
                    }
                    _ => {
                        let out = clients.remove(id);
                        assert_eq!(out.is_some(), model.remove(&id.0).is_some());
                    }
                }
            }
            assert_eq!(clients.len(), model.len());
        }
        let ids = clients.values().map(|c| c.id.0);
        assert!(ids.eq(model.keys().copied()));
        assert!(clients.places.len() <= 2 * model.len() + SPARE + 1);
        assert!(clients.get(&ClientId(5_000)).is_none());
    }

    #[test]
    fn what_is_left_for_a_client_whose_session_is_lent_is_delivered_once() {
        let mut clients = Clients::default();
        clients.insert(session(1));
        let mut lent = clients.lend(ClientId(1)).expect("it is there");
        assert!(matches!(clients.reach(ClientId(1)), Reach::Lent));
        clients.send(ClientId(1), b">1\r\n+a\r\n", 0);
        clients.mark_dirty(ClientId(1));
        assert_eq!((clients.has_mail(), clients.mail_bytes()), (true, 8));
        assert!(clients.deliver(&mut lent));
        assert!(lent.flags.contains(ClientFlags::DIRTY_CAS));
        assert_eq!(lent.reply.bytes(), b"*1\r\n+a\r\n");
        assert!(!clients.has_mail() && !clients.deliver(&mut lent));
        clients.mark_dirty(ClientId(1));
        clients.send(ClientId(1), b">1\r\n+b\r\n", 9);
        clients.send(ClientId(1), b">1\r\n+c\r\n", 9);
        clients.forget_dirty(ClientId(1));
        lent.flags = ClientFlags::empty();
        lent.reply.clear();
        assert!(clients.deliver(&mut lent));
        assert!(lent.flags.is_empty() && lent.reply.is_overrun());
        clients.mark_dirty(ClientId(2));
        assert!(!clients.has_mail());
    }
}
