//! How much a client may send ahead: `client-query-buffer-limit`.

use base::UserData;
use config::kind::quote;
use engine::client_list;
use engine::{ClientFlags, Engine, Session};

/// Bytes that the buffers of a connection begin with.
pub const READ_SIZE: usize = 16 * 1024;
/// Bytes asked of a socket at once, into the buffer that all connections use by turns: several requests with values of
/// 16 KB come with one call, and only the last of them in two parts.
pub const SHARED_SIZE: usize = 64 * 1024;
/// Bytes of unparsed input that the log shows.
const SHOWN: usize = 64;

/// Bytes that may wait to be run before AUTH.
const UNAUTHENTICATED_INPUT_MAX: usize = 1 << 20;

/// True for a client that has sent too much that has not run, or is about to: a large argument counts whole as soon as
/// it begins, because the rest of it may arrive at once. Requests of a transaction count, and before AUTH the bound is
/// small.
pub fn is_too_much(engine: &Engine, client: &Session) -> bool {
    let waiting = client.query_buffer + client.query_due + client.queued_bytes;
    waiting as i64 > engine.config.client_query_buffer_limit
        || (client.must_log_in() && waiting > UNAUTHENTICATED_INPUT_MAX)
}

/// Marks a client to be closed that sends without end.
pub fn close_for_input(engine: &mut Engine, client: &mut Session, input: &[u8]) {
    client.flags.insert(ClientFlags::CLOSE_ASAP);
    engine.stats.query_limit_disconnections += 1;
    tracing::warn!(
        "Closing client that reached max query buffer length: {} (qbuf initial bytes: {})",
        client_list::for_log(client, engine.clock.steady_ms),
        UserData(quote(&input[..input.len().min(SHOWN)]))
    );
}
