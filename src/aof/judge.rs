//! Up to which byte a log is whole.
//!
//! A [`Judge`] is shown each item of a file in turn. It follows transactions, which count as a whole or not at all,
//! and seals. For a file without seals, its verdict is that of `redis-check-aof`.

use super::defect::{Defect, Wrong};
use super::reader::{Item, Reader, Step};
use super::seal::{self, Checked, Seal, Sealer};

/// What an item says beyond itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request, or an annotation that says nothing to us.
    Nothing,
    /// The batch before it is whole.
    Sealed(Seal),
    /// What follows was written at this time, unix seconds.
    Time(i64),
}

/// What is known of a file so far.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    start: u64,
    whole: u64,
    transaction: Option<u64>,
    last_seal: Option<(u64, Seal)>,
    since_seal: Sealer,
}

impl Judge {
    /// A judge of a log that begins at this offset of its file.
    pub fn at(start: u64) -> Judge {
        Judge {
            start,
            whole: start,
            ..Judge::default()
        }
    }

    /// Takes in the next item: its offset, its bytes in the file, and what the reader made of them.
    ///
    /// # Errors
    /// The item does not belong where it is, or is a seal that does not fit what is before it.
    pub fn item(&mut self, at: u64, bytes: &[u8], item: &Item<'_>) -> Result<Event, Defect> {
        if !is_seal(item) {
            self.sum(bytes);
        }
        self.pass(at, bytes.len(), item)
    }

    /// As [`Judge::item`], but the bytes of the item are not added to the checksum. The caller gives them to
    /// [`Judge::sum`], those of many items at once, before the next seal ([`is_seal`]) passes.
    ///
    /// # Errors
    /// As [`Judge::item`]. A seal whose batch was not summed does not fit it.
    pub fn pass(&mut self, at: u64, len: usize, item: &Item<'_>) -> Result<Event, Defect> {
        let end = at + len as u64;
        let wrong = |wrong| Err(Defect::new(at, wrong));
        let event = match *item {
            Item::Request(request) if request.is("multi") => {
                if self.transaction.is_some() {
                    return wrong(Wrong::NestedMulti);
                }
                self.transaction = Some(at);
                Event::Nothing
            }
            Item::Request(request) if request.is("exec") => {
                if self.transaction.take().is_none() {
                    return wrong(Wrong::LoneExec);
                }
                Event::Nothing
            }
            Item::Request(_) => Event::Nothing,
            Item::Annotation(line) if line.starts_with(seal::MARK) => {
                return self.sealed(at, end, line);
            }
            Item::Annotation(line) => {
                seal::parse_timestamp(line).map_or(Event::Nothing, Event::Time)
            }
        };
        if self.transaction.is_none() {
            self.whole = end;
        }
        Ok(event)
    }

    /// Sums the bytes of items that have passed, seals apart.
    pub fn sum(&mut self, bytes: &[u8]) {
        self.since_seal.update(bytes);
    }

    fn sealed(&mut self, at: u64, end: u64, line: &[u8]) -> Result<Event, Defect> {
        let wrong = |wrong| Err(Defect::new(at, wrong));
        let Some(seal) = Seal::parse(line) else {
            return wrong(Wrong::BadSeal);
        };
        if self.transaction.is_some() {
            return wrong(Wrong::SealInTransaction);
        }
        let mut since = self.since_seal.clone();
        match since.check(line, &seal) {
            Checked::Length { there } => wrong(Wrong::SealedLength {
                said: seal.bytes,
                there,
            }),
            Checked::Bytes { there } => wrong(Wrong::SealedBytes {
                said: seal.crc,
                there,
            }),
            Checked::Sound => {
                self.since_seal = since;
                self.last_seal = Some((end, seal));
                self.whole = end;
                Ok(Event::Sealed(seal))
            }
        }
    }

    /// Says that the file ends here, after a whole item.
    ///
    /// # Errors
    /// A transaction is open.
    pub fn end(&self, size: u64) -> Result<(), Defect> {
        match self.transaction {
            None => Ok(()),
            Some(begun) => Err(Defect::new(size, Wrong::OpenTransaction { begun })),
        }
    }

    /// The end of the last item outside of transactions.
    pub fn whole(&self) -> u64 {
        self.whole
    }

    /// Where the transaction begins that is open.
    pub fn transaction(&self) -> Option<u64> {
        self.transaction
    }

    /// The end of the last seal, or the start of the log: what is before it is proven.
    pub fn proven(&self) -> u64 {
        self.last_seal.map_or(self.start, |(end, _)| end)
    }

    /// The last seal.
    pub fn last_seal(&self) -> Option<&Seal> {
        self.last_seal.as_ref().map(|(_, seal)| seal)
    }

    /// Up to which byte to keep a file with this defect, if it is a torn tail and no damage before sound batches.
    ///
    /// What is whole before a cut is kept, as all servers keep it. Bytes that are wrong tell that the batch around
    /// them is damaged, and nobody knows where it begins to be: where there are seals the last one is the end.
    pub fn keep(&self, defect: &Defect) -> u64 {
        let seal_is_wrong = matches!(
            defect.wrong,
            Wrong::BadSeal
                | Wrong::SealInTransaction
                | Wrong::SealedLength { .. }
                | Wrong::SealedBytes { .. }
        );
        match self.last_seal {
            Some(_) if !defect.is_cut_off() => self.proven(),
            None if seal_is_wrong => self.start,
            _ => self.whole,
        }
    }

    /// What the next seal of this file has to cover already, if the file goes on after its last item.
    pub fn into_sealer(self) -> Sealer {
        self.since_seal
    }
}

/// True for an item that ends a batch.
pub fn is_seal(item: &Item<'_>) -> bool {
    matches!(item, Item::Annotation(line) if line.starts_with(seal::MARK))
}

/// What a file held in memory is.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The state at the end, or at the defect.
    pub judge: Judge,
    /// What is wrong, if anything is.
    pub defect: Option<Defect>,
}

/// Judges a file that is in memory as a whole, from the start of its log; `each` is shown every item.
pub fn judge(bytes: &[u8], start: usize, mut each: impl FnMut(u64, &Item<'_>)) -> Verdict {
    let (mut reader, mut judge) = (Reader::at(start as u64), Judge::at(start as u64));
    let mut at = start;
    let mut next = || {
        while at < bytes.len() {
            let offset = reader.offset();
            match reader.next(&bytes[at..])? {
                Step::NeedMore { .. } => return Err(reader.cut_off(&bytes[at..])),
                Step::Item { item, consumed } => {
                    judge.item(offset, &bytes[at..at + consumed], &item)?;
                    each(offset, &item);
                    at += consumed;
                }
            }
        }
        judge.end(bytes.len() as u64)
    };
    let defect = next().err();
    Verdict { judge, defect }
}

#[cfg(test)]
mod tests;
