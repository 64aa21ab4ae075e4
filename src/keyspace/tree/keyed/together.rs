//! Removing many members together.

use super::super::page::{Page, Shape};
use super::super::seed::hash;
use super::super::strings::Enc;
use super::{Keyed, Place, Scores, Tree, place};
use crate::Item;
use smallvec::SmallVec;

impl<S: Shape<Key = u32, Sep = u32>> Keyed<S> {
    /// Removes members, which are there: those that share a page together.
    pub(crate) fn remove_each<'m>(&mut self, members: impl Iterator<Item = Item<'m>>) {
        /// So many are brought nearer before they are removed.
        const BATCH: usize = 64;
        let members = members.map(|member| (member.with(hash), member));
        let mut members: SmallVec<[(u32, Item<'m>); BATCH]> = members.collect();
        members.sort_unstable_by_key(|&(hash, _)| hash);
        for batch in members.chunks(BATCH) {
            self.prefetch_hashes(batch.iter().map(|&(hash, _)| hash));
            let mut rest = batch;
            while let Some(&(first, _)) = rest.first() {
                let done = self.0.edit_down(
                    |inner| inner.route(|&sep| sep <= first),
                    |page, _| remove_from(page, rest),
                );
                rest = &rest[done..];
            }
        }
    }
}

impl Keyed<Scores> {
    /// Keeps only the members for which `keep` holds: the tree is gone through once and written anew, and no member is
    /// looked for.
    pub(crate) fn keep(&mut self, mut keep: impl FnMut(Item<'_>, f64) -> bool) {
        let mut pages = Vec::new();
        let kept = self.hashed().filter_map(|(member, entry)| {
            let entry = &entry[..member.encoded_len() + 8];
            keep(member.item(), Self::score_in(entry)).then(|| (member.hash(), entry, false))
        });
        let mut kept = kept.peekable();
        while kept.peek().is_some() {
            pages.push(Page::fill(&mut kept));
        }
        drop(kept);
        *self = Keyed(Tree::from_leaves(pages));
    }
}

/// Removes from a page those of `members`, in ascending order of their hashes, that belong to it: the first does. Gives
/// their number.
fn remove_from<S: Shape<Key = u32>>(page: &mut Page<S>, members: &[(u32, Item<'_>)]) -> usize {
    let last = page.key(page.len() - 1);
    let mine = members.partition_point(|&(hash, _)| hash <= last).max(1);
    let mut gone: SmallVec<[usize; 64]> = SmallVec::with_capacity(mine);
    for &(hash, member) in &members[..mine] {
        match member.with(|member| place(page, hash, &Enc::new(member))) {
            Place::At(i) => gone.push(i),
            Place::Before(_) => debug_assert!(false, "the members are there"),
        }
    }
    // Members of one hash come in any order.
    gone.sort_unstable();
    page.remove_each(&gone);
    mine
}
