//! The connected clients by number.
//!
//! For every batch of requests a client is taken out of the table, and put back afterwards. So its place is kept,
//! empty, and is found at once. Numbers grow and are never reused: the places are in their order, and mostly as far
//! from the first one as the numbers are.

use super::{ClientId, Session};

/// A table of clients.
#[derive(Default)]
pub struct Clients {
    /// In the order of the numbers.
    places: Vec<Place>,
    /// Places that hold a client.
    present: usize,
}

struct Place {
    id: ClientId,
    /// `None` while it is taken out, or for good.
    client: Option<Box<Session>>,
}

/// Empty places beside as many taken ones that are kept.
const SPARE: usize = 64;

impl Clients {
    /// A client.
    pub fn get(&self, id: &ClientId) -> Option<&Session> {
        self.places[self.find(*id).ok()?].client.as_deref()
    }

    /// A client, to be changed.
    pub fn get_mut(&mut self, id: &ClientId) -> Option<&mut Session> {
        let at = self.find(*id).ok()?;
        self.places[at].client.as_deref_mut()
    }

    /// True for a client that is in the table.
    pub fn contains_key(&self, id: &ClientId) -> bool {
        self.get(id).is_some()
    }

    /// Takes a client out, for a while or for good.
    #[inline]
    pub fn remove(&mut self, id: &ClientId) -> Option<Box<Session>> {
        let at = self.find(*id).ok()?;
        let client = self.places[at].client.take()?;
        self.present -= 1;
        Some(client)
    }

    /// Puts a client in.
    #[inline]
    pub fn insert(&mut self, id: ClientId, client: Box<Session>) {
        let at = self.find(id).unwrap_or_else(|at| self.make_place(at, id));
        self.present += self.places[at].client.replace(client).is_none() as usize;
    }

    #[cold]
    fn make_place(&mut self, mut at: usize, id: ClientId) -> usize {
        if self.places.len() >= 2 * self.present + SPARE {
            self.places.retain(|place| place.client.is_some());
            at = self.places.partition_point(|place| place.id < id);
        }
        self.places.insert(at, Place { id, client: None });
        at
    }

    /// Number of clients in the table.
    pub fn len(&self) -> usize {
        self.present
    }

    /// True without clients in the table.
    pub fn is_empty(&self) -> bool {
        self.present == 0
    }

    /// The clients in the table, by number.
    pub fn values(&self) -> impl Iterator<Item = &Session> {
        self.places
            .iter()
            .filter_map(|place| place.client.as_deref())
    }

    /// The same, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        let places = self.places.iter_mut();
        places.filter_map(|place| place.client.as_deref_mut())
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
            clients.insert(ClientId(id), session(id));
            model.insert(id, ());
            for probe in [state >> 40, state >> 50, id] {
                let id = probe % id + 1;
                let out = clients.remove(&ClientId(id));
                assert_eq!(out.is_some(), model.remove(&id).is_some());
                if let Some(client) = out
                    && state >> 33 & 3 == 0
                {
                    clients.insert(ClientId(id), client);
                    model.insert(id, ());
                }
            }
            assert_eq!(clients.len(), model.len());
        }
        let ids = clients.values().map(|c| c.id.0);
        assert!(ids.eq(model.keys().copied()));
        assert!(clients.places.len() <= 2 * model.len() + SPARE + 1);
        assert!(clients.get(&ClientId(5_000)).is_none());
    }
}
