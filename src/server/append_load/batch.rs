//! The requests of a window as the executor takes them: in the order in which they are to run.
//!
//! What the executor reads of them lies in that order, too, so that it reads memory from front to end. Only where there are
//! few requests, which are large, their arguments stay where they are in the window.
//!
//! The memory of a batch that has run is used again: fresh memory would have to be cleared by the kernel first.

use engine::replay::{Known, Order};
use keyspace::prefetch_item;
use pipes::window::Window;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// How many requests before it is laid out, a request is asked for from memory; its arguments, half as many.
const LEAD: usize = 16;
/// In a window that holds more bytes than this for each request, arguments stay where they are.
const MOVED_MAX: usize = 4 << 10;

/// The place of an argument among the bytes of a batch or of a window, and its length.
type Span = (usize, usize);

/// The requests of a window. Those that were released when the batch was given come first, the others follow as they
/// stand in the file.
pub struct Batch {
    /// The window, if the arguments have stayed there.
    window: Option<Window>,
    lists: Lists,
    spares: Spares,
    /// All requests that end at this byte of the file or before, those of batches that were given earlier included,
    /// may run.
    pub released: u64,
}

#[derive(Default)]
struct Lists {
    /// The arguments, if they are not in the window.
    bytes: Vec<u8>,
    /// Where they are.
    spans: Vec<Span>,
    requests: Vec<Laid>,
}

impl Lists {
    /// Takes in the arguments of a request, which are at these places of a window.
    #[inline]
    fn copy(&mut self, window: &[u8], spans: &[Span]) {
        for &(at, len) in spans {
            self.spans.push((self.bytes.len(), len));
            self.bytes.extend_from_slice(&window[at..at + len]);
        }
    }
}

/// Lists that are not in use. They are returned by another thread than the one that takes them.
#[derive(Clone, Default)]
struct Spares(Arc<Mutex<Vec<Lists>>>);

impl Spares {
    fn take(&self) -> Lists {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spares.pop().unwrap_or_default()
    }

    fn give_back(&self, mut lists: Lists) {
        lists.bytes.clear();
        lists.spans.clear();
        lists.requests.clear();
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spares.push(lists);
    }
}

/// A request of a batch.
struct Laid {
    known: Known,
    /// Where it ends in the file.
    end: u64,
    /// The number of spans of the batch up to its end.
    spans: usize,
}

/// A request of a batch.
#[derive(Clone, Copy)]
pub struct Request<'b> {
    batch: &'b Batch,
    place: usize,
}

impl Batch {
    /// The number of requests that are to run.
    pub fn len(&self) -> usize {
        self.lists.requests.len()
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match &self.window {
            Some(window) => window.bytes(),
            None => &self.lists.bytes,
        }
    }

    /// The one that is to run at this place. Those at later places are not released before it.
    #[inline]
    pub fn at(&self, place: usize) -> Request<'_> {
        Request { batch: self, place }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.spares.give_back(std::mem::take(&mut self.lists));
    }
}

impl<'b> Request<'b> {
    /// Its arguments.
    #[inline]
    pub fn args(&self) -> impl ExactSizeIterator<Item = &'b [u8]> + use<'b> {
        let bytes = self.batch.bytes();
        self.spans()
            .iter()
            .map(move |&(at, len)| &bytes[at..at + len])
    }

    /// Its arguments and what may be between them.
    #[inline]
    pub fn bytes(&self) -> &'b [u8] {
        let spans = self.spans();
        match (spans.first(), spans.last()) {
            (Some((from, _)), Some((at, len))) => &self.batch.bytes()[*from..at + len],
            _ => &[],
        }
    }

    /// Places of its arguments.
    #[inline]
    fn spans(&self) -> &'b [Span] {
        let Lists {
            spans, requests, ..
        } = &self.batch.lists;
        let first = match self.place.checked_sub(1) {
            Some(before) => requests[before].spans,
            None => 0,
        };
        &spans[first..requests[self.place].spans]
    }

    /// Where it ends in the file.
    #[inline]
    pub fn end(&self) -> u64 {
        self.batch.lists.requests[self.place].end
    }

    /// What is known of it.
    #[inline]
    pub fn known(&self) -> &'b Known {
        &self.batch.lists.requests[self.place].known
    }
}

/// A request as it was read.
struct Split {
    known: Known,
    /// Where it ends in the file.
    end: u64,
    /// Which spans are its.
    spans: Range<usize>,
}

impl AsRef<Known> for Split {
    fn as_ref(&self) -> &Known {
        &self.known
    }
}

/// Gathers the requests of a window, and lays them out.
#[derive(Default)]
pub struct Layout {
    spans: Vec<Span>,
    requests: Vec<Split>,
    order: Order,
    spares: Spares,
}

impl Layout {
    /// Takes in a request: what is known of it, where it ends in the file, where it begins in the window, and the places
    /// of its arguments, counted from there.
    #[inline]
    pub fn push(&mut self, known: Known, end: u64, at: usize, spans: &[Span]) {
        let first = self.spans.len();
        let in_window = spans.iter().map(|&(place, len)| (at + place, len));
        self.spans.extend(in_window);
        let spans = first..self.spans.len();
        self.requests.push(Split { known, end, spans });
    }

    /// The requests of this window, of which those that end at byte `released` of the file, or before, may run.
    pub fn hand_out(&mut self, window: Window, released: u64) -> Batch {
        let requests = &self.requests;
        let due = requests.partition_point(|request| request.end <= released);
        let order = self.order.of(requests, due);
        let mut lists = self.spares.take();
        lists.spans.reserve(self.spans.len());
        lists.requests.reserve(order.len());
        let moved = window.bytes().len() <= MOVED_MAX * order.len();
        if moved {
            lists.bytes.reserve(window.bytes().len());
        }
        for (i, &number) in order.iter().enumerate() {
            if let Some(&later) = order.get(i + LEAD) {
                prefetch_item(&requests[later as usize]);
            }
            if let Some(&later) = order.get(i + LEAD / 2) {
                let first = requests[later as usize].spans.start;
                self.spans.get(first).into_iter().for_each(prefetch_item);
            }
            let request = &requests[number as usize];
            let spans = &self.spans[request.spans.clone()];
            match moved {
                true => lists.copy(window.bytes(), spans),
                false => lists.spans.extend_from_slice(spans),
            }
            lists.requests.push(Laid {
                known: request.known,
                end: request.end,
                spans: lists.spans.len(),
            });
        }
        self.spans.clear();
        self.requests.clear();
        Batch {
            window: (!moved).then_some(window),
            lists,
            spares: self.spares.clone(),
            released,
        }
    }
}
