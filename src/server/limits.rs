//! What a client may send ahead: `client-query-buffer-limit`.

use config::kind::quote;
use engine::client_list;
use engine::{ClientFlags, Engine, Session};

/// Bytes of unparsed input that the log shows.
const SHOWN: usize = 64;

/// Marks a client to be closed that sends without end.
pub fn close_for_input(engine: &mut Engine, client: &mut Session, input: &[u8]) {
    client.flags.insert(ClientFlags::CLOSE_ASAP);
    engine.stats.query_limit_disconnections += 1;
    tracing::warn!(
        "Closing client that reached max query buffer length: {} (qbuf initial bytes: {})",
        client_list::line(client, engine.clock.steady_ms),
        quote(&input[..input.len().min(SHOWN)])
    );
}
