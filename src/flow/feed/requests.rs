//! What a replica sends, mostly acknowledgements. A reply would become part of the stream, so a replica that causes one
//! is disconnected.

use super::{End, Feed};
use base::{LogLevel, UserData};
use engine::client_list;
use engine::{ClientFlags, ClientId, Engine, Executor};
use resp::RequestLimits;
use smallvec::SmallVec;

/// How many bytes a replica may send without a complete request.
const INPUT_MAX: usize = 1 << 20;

impl<S> Feed<S> {
    /// Adds bytes that were received. [`Feed::run_requests`] runs the requests among them.
    ///
    /// # Errors
    /// There are too many bytes without a complete request; the connection is closed.
    pub fn take(&mut self, bytes: &[u8], engine: &mut Engine) -> Result<(), End> {
        self.input.extend_from_slice(bytes);
        engine.stats.net_input += bytes.len() as u64;
        match self.input.len() > INPUT_MAX {
            true => Err(End::Closed),
            false => Ok(()),
        }
    }

    /// True if [`Feed::run_requests`] has anything to look at.
    pub fn has_input(&self) -> bool {
        !self.input.is_empty() && !self.outbox.closes_after_sent()
    }

    /// Runs what the replica has sent.
    ///
    /// # Errors
    /// The connection is closed.
    pub fn run_requests(&mut self, engine: &mut Executor) -> Result<(), End> {
        engine.sync_repl_clock();
        let alone = self.input.iter().all(|b| matches!(b, b'\n' | b'\r'));
        if alone {
            let (id, now_ms) = (self.id, engine.repl.now_ms());
            engine
                .repl
                .with_primary(|primary, _| primary.on_newline(id, now_ms));
        }
        let limits = RequestLimits {
            bulk: INPUT_MAX as u64,
            unauthenticated: false,
        };
        let parsed = self.parser.parse(&self.input, limits, usize::MAX);
        let requests = self.parser.len();
        let mut result = Ok(());
        for i in 0..requests {
            let argv: SmallVec<[&[u8]; 8]> = self.parser.request(i, &self.input).collect();
            engine.execute(self.id, &argv);
            if let Some(why) = must_close(engine, self.id, &argv) {
                (engine.log)(LogLevel::Warning, &why);
                if !self.tells_refusal(engine, &argv) {
                    result = Err(End::Closed);
                }
                break;
            }
        }
        let done = self.parser.consume(requests);
        self.input.drain(..done);
        result.and(parsed.map_err(|_| End::Closed))
    }

    /// A peer that sends RESET on a replica's connection is not a replica: it gets the refusal before the connection
    /// is closed, after the end of a command in the stream.
    fn tells_refusal(&self, engine: &Engine, argv: &[&[u8]]) -> bool {
        let Some(session) = engine.clients.get(&self.id) else {
            return false;
        };
        let log = engine.repl.history().backlog();
        let between = self.sent == self.out.len()
            && self.payload.is_none()
            && engine.repl.primary().streams_to(self.id)
            && log.is_some_and(|log| log.pending(self.id.0) == 0);
        let told = between && argv[0].eq_ignore_ascii_case(b"reset");
        if told {
            self.outbox.send(session.reply.bytes());
            self.outbox.close_after_sent();
        }
        told
    }
}

fn must_close(engine: &Engine, id: ClientId, argv: &[&[u8]]) -> Option<String> {
    let Some(session) = engine.clients.get(&id) else {
        return Some(String::new());
    };
    if !session.reply.is_empty() {
        return Some(format!(
            "Replica generated a reply to command '{}', disconnecting it: {}",
            UserData(
                String::from_utf8_lossy(argv[0])
                    .to_lowercase()
                    .escape_debug()
            ),
            client_list::for_log(session, engine.clock.steady_ms)
        ));
    }
    let closed = session.flags.contains(ClientFlags::CLOSE_ASAP);
    closed.then(|| {
        format!(
            "Client closed: {}",
            client_list::for_log(session, engine.clock.steady_ms)
        )
    })
}
