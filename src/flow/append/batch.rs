//! What is handed over to the log together.

use base::request::encode_request;
use engine::CommitPosition;
use replication::Position;

/// The end of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The last commit of the batch.
    pub at: CommitPosition,
    /// The replication id of that moment, 40 hexadecimal digits.
    pub id: [u8; 40],
    /// The replication offset after the batch.
    pub offset: u64,
    /// When it was handed over, Unix ms.
    pub ms: u64,
    /// The place in the history whose dataset the log holds after the batch, also where the log does not name it.
    pub holds: Option<Position>,
}

/// Whole commits, encoded as requests.
#[derive(Debug)]
pub struct Batch {
    /// The requests.
    pub bytes: Vec<u8>,
    /// The database that a reader has selected before it; `None` if the batch selects one itself.
    pub db: Option<usize>,
    /// Where it ends.
    pub end: Mark,
    /// It records the replication stream from the end of the batch before it on, without a gap.
    pub joins: bool,
}

/// The request that selects a database, which is not part of the replication stream.
pub(super) fn select(db: usize) -> Vec<u8> {
    let mut request = Vec::new();
    aof::history::own(&mut request);
    encode_request(&mut request, &["SELECT", &db.to_string()]);
    request
}
