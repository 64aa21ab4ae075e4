//! The requests of one client, from bytes that were read to replies in its session.
//!
//! ```text
//! bytes --parse, at most BATCH--> requests --prefetch--> one by one: run, commit --> is much pending? Attendant
//! ```
//!
//!  * The batch owns its bytes until its requests have run. What remains is an incomplete request, or requests that may
//!    not run yet, because the client is blocked, is being closed, has become a replica, or does not read its replies.
//!  * The caller decides what happens to replies between two requests ([`Attendant`]).

use base::large;
use engine::prefetch::{BATCH, Hashes};
use engine::{ClientFlags, CommandError, CommitPosition, Engine, Executor, Session};
use resp::{Parser, RequestLimits};
use smallvec::SmallVec;

/// Bytes of replies that are looked after before the next request of a batch runs: more would leave the cache before
/// anybody writes it.
const ATTEND_FROM: usize = 256 * 1024;

/// The answer to a request with an argument that there is no memory for.
const REFUSED: CommandError =
    CommandError::fixed("OOM the system refuses the memory for a large argument");

/// Who looks after the replies while a batch runs.
pub trait Attendant {
    /// Bytes of replies from which [`Attendant::attend`] is asked.
    fn attend_from(&mut self, engine: &Engine, session: &mut Session) -> usize;

    /// Much is pending between two requests. Gives what [`Attendant::attend_from`] gives.
    fn attend(&mut self, engine: &mut Engine, session: &mut Session) -> usize;

    /// Requests wait until the client has read some of its replies.
    fn is_stalled(&self) -> bool;

    /// A request has written: its reply depends on this commit. Those who only read do not wait for the disk.
    fn sealed(&mut self, seal: CommitPosition);
}

/// A client whose next request may run now.
pub fn may_run(session: &Session) -> bool {
    session.blocked.is_none()
        && !session.flags.intersects(
            ClientFlags::CLOSE_ASAP | ClientFlags::CLOSE_AFTER_REPLY | ClientFlags::REPLICA,
        )
}

/// Runs whole requests from the front of `buf`; returns how many bytes are done with.
pub fn run_requests(
    parser: &mut Parser,
    engine: &mut Executor,
    session: &mut Session,
    buf: &[u8],
    attendant: &mut impl Attendant,
) -> usize {
    let mut done = 0;
    let mut attend_from = attendant.attend_from(engine, session);
    session.query_buffer = buf.len();
    while may_run(session) && !attendant.is_stalled() {
        let limits = RequestLimits {
            bulk: engine.config.proto_max_bulk_len as u64,
            unauthenticated: session.must_log_in(),
        };
        // AUTH changes what may follow it.
        let max = if limits.unauthenticated { 1 } else { BATCH };
        let rest = &buf[done..];
        let parsed = parser.parse(rest, limits, max);
        // EXEC runs what came in other buffers.
        let elsewhere = !parser.larges().is_empty() || session.flags.contains(ClientFlags::MULTI);
        session.request_bound = if elsewhere { usize::MAX } else { buf.len() };
        let args = |i| parser.request(i, rest);
        let mut hashes = Hashes::default();
        hashes.prefetch(engine, session.db, parser.len(), args);
        let mut ran = 0;
        while ran < parser.len() && may_run(session) && !attendant.is_stalled() {
            let mut argv = SmallVec::<[&[u8]; 16]>::new();
            argv.extend(parser.request(ran, rest));
            let hint = hashes.hint(ran, &argv);
            let seal = engine.commits.seal();
            if ran == 0 && parser.is_refused() {
                engine.reject(session, &REFUSED);
            } else {
                let run = || engine.run_hinted(session, &argv, hint);
                large::offer(parser.larges(), run);
            }
            drop(argv);
            engine.after_command();
            if engine.commits.seal() != seal {
                attendant.sealed(engine.commits.seal());
            }
            ran += 1;
            let reply = &session.reply;
            if reply.len() >= attend_from || reply.own_len() >= ATTEND_FROM || reply.is_overrun() {
                attend_from = attendant.attend(engine, session);
            }
        }
        session.request_bound = usize::MAX;
        let all = ran == parser.len();
        done += parser.consume(ran);
        if !all {
            break;
        }
        if let Err(error) = parsed {
            session.reply.error(error.to_string());
            session.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
            return buf.len();
        }
        if ran < max {
            break;
        }
        if limits.unauthenticated {
            attend_from = attendant.attend_from(engine, session);
        }
    }
    done
}
