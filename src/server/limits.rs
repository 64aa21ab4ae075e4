//! What a client may have pending: `client-output-buffer-limit`, `client-query-buffer-limit`.

use crate::commands::server_cmds::client_list::{self, Class};
use crate::commands::{Action, ClientFlags, Engine, Session};
use crate::config::kind::quote;

/// Bytes of unparsed input that the log shows.
const SHOWN: usize = 64;

/// Marks a client to be closed if its unsent replies exceed what its class may have: the hard limit at
/// once, the soft one after its time.
pub fn check_output(engine: &mut Engine, client: &mut Session) {
    let limits = &engine.config.client_output_buffer_limit;
    let limit = match Class::of(client) {
        Class::Normal => limits.normal,
        Class::Pubsub => limits.pubsub,
        Class::Replica => limits.replica,
        // What our primary is sent is not for it to read.
        Class::Master => return,
    };
    let pending = (client.unsent + client.reply.len()) as i64;
    let hard = limit.hard > 0 && pending >= limit.hard;
    let mut soft = limit.soft > 0 && pending >= limit.soft;
    let now_s = engine.clock.unix_ms / 1000;
    if soft {
        let since = *client.over_soft_since_s.get_or_insert(now_s);
        soft = now_s - since > limit.soft_seconds;
    } else {
        client.over_soft_since_s = None;
    }
    if (hard || soft) && !client.flags.contains(ClientFlags::CLOSE_ASAP) {
        client.flags.insert(ClientFlags::CLOSE_ASAP);
        engine.stats.output_limit_disconnections += 1;
        tracing::warn!(
            "Client {} scheduled to be closed ASAP for overcoming of output buffer limits.",
            client_list::line(client, engine.clock.unix_ms)
        );
    }
}

/// Looks at the clients above their soft limit, who may be silent. Called at each turn of the clockwork.
pub fn check_waiting(engine: &mut Engine) {
    let waiting = engine.clients.values();
    let waiting = waiting.filter(|c| c.over_soft_since_s.is_some());
    for id in waiting.map(|c| c.id).collect::<Vec<_>>() {
        if let Some(mut client) = engine.clients.remove(&id) {
            check_output(engine, &mut client);
            if client.flags.contains(ClientFlags::CLOSE_ASAP) {
                engine.actions.push(Action::Close(id));
            }
            engine.clients.insert(id, client);
        }
    }
}

/// Marks a client to be closed that sends without end.
pub fn close_for_input(engine: &mut Engine, client: &mut Session, input: &[u8]) {
    client.flags.insert(ClientFlags::CLOSE_ASAP);
    engine.stats.query_limit_disconnections += 1;
    tracing::warn!(
        "Closing client that reached max query buffer length: {} (qbuf initial bytes: {})",
        client_list::line(client, engine.clock.unix_ms),
        quote(&input[..input.len().min(SHOWN)])
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::ClientId;
    use crate::server::Server;

    #[test]
    fn the_hard_limit_closes_at_once_and_the_soft_one_after_its_time() {
        let server = Server::new(
            crate::config::Config::default(),
            crate::secret::Secrets::predictable(1),
        );
        let mut engine = server.engine.borrow_mut();
        let limits = &mut engine.config.client_output_buffer_limit;
        limits.normal.hard = 1000;
        limits.normal.soft = 100;
        limits.normal.soft_seconds = 5;
        let mut client = Session::new(ClientId(1), "a:1".into(), "b:2".into(), 0);
        engine.clock.unix_ms = 0;
        client.unsent = 200;
        check_output(&mut engine, &mut client);
        engine.clock.unix_ms = 4_000;
        check_output(&mut engine, &mut client);
        assert!(!client.flags.contains(ClientFlags::CLOSE_ASAP));
        engine.clock.unix_ms = 6_000;
        check_output(&mut engine, &mut client);
        assert!(client.flags.contains(ClientFlags::CLOSE_ASAP));
        let mut other = Session::new(ClientId(2), "a:1".into(), "b:2".into(), 0);
        other.unsent = 1000;
        check_output(&mut engine, &mut other);
        assert!(other.flags.contains(ClientFlags::CLOSE_ASAP));
    }
}
