//! The drivers of replication.

use super::Server;
use super::stream::Stream;
use crate::commands::ClientId;
use std::rc::Rc;

/// Serves a connection that became a replica, until it ends. `unread` are bytes that came behind the
/// SYNC/PSYNC request, `unsent` replies to requests before it.
pub async fn serve_replica(
    _server: &Rc<Server>,
    _id: ClientId,
    _stream: Stream,
    _unread: Vec<u8>,
    _unsent: Vec<u8>,
) {
}
