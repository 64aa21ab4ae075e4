//! Changing the expiry of fields.

use super::super::counted::Inner;
use super::super::page::{New, Page};
use super::super::seed::hash;
use super::super::strings::Enc;
use super::{Fields, Keyed, Place, encoded_field, place};
use crate::UnixMillis;
use smallvec::SmallVec;

/// What becomes of a field's expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewExpiry {
    /// It stays as it is.
    Same,
    /// It is this one from now on.
    At(UnixMillis),
    /// The field has none any more.
    Never,
}

impl From<Option<UnixMillis>> for NewExpiry {
    fn from(at: Option<UnixMillis>) -> Self {
        at.map_or(NewExpiry::Never, NewExpiry::At)
    }
}

impl Keyed<Fields> {
    /// Gives a field the expiry that `decide` says when it is told the present one; false if there is no such field.
    pub(crate) fn change_expire(
        &mut self,
        field: &[u8],
        decide: impl FnOnce(Option<UnixMillis>) -> NewExpiry,
    ) -> bool {
        let hash = hash(field);
        let route = |inner: &Inner<Page<Fields>>| inner.route(|&sep| sep <= hash);
        // Looking first keeps shared chunks shared when nothing changes.
        let page = self.0.leaf(route);
        let Place::At(i) = place(page, hash, &Enc::new(field)) else {
            return false;
        };
        let (entry, mark) = page.entry(i);
        let (strings, old) = encoded_field(entry, mark);
        let new = match decide(old) {
            NewExpiry::Same => return true,
            NewExpiry::Never => None,
            NewExpiry::At(at) => Some(at),
        };
        let mut moved = SmallVec::<[u8; 128]>::new();
        match (old, new) {
            _ if old == new => return true,
            (None, Some(at)) => {
                moved.extend_from_slice(strings);
                moved.extend_from_slice(&at.to_le_bytes());
            }
            _ => {}
        }
        self.0.edit(route, |page, spill| match (old, new) {
            (None, _) => {
                let new = New {
                    key: hash,
                    len: moved.len(),
                    mark: true,
                };
                page.replace(i, new, |out| out.copy_from_slice(&moved), spill);
            }
            (Some(_), Some(at)) => page.set_expiry(i, at),
            (Some(_), None) => page.drop_expiry(i),
        });
        true
    }

    /// Sets or clears the expiry of a field; false if there is no such field.
    pub(crate) fn set_expire(&mut self, field: &[u8], at: Option<UnixMillis>) -> bool {
        self.change_expire(field, |_| NewExpiry::from(at))
    }
}
