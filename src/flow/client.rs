//! The requests of one client, from bytes that were read to replies in its session.
//!
//! ```text
//! bytes --parse, at most BATCH--> requests --prefetch--> one by one: run, commit --> is much pending? Attendant
//! ```
//!
//!  * The batch owns its bytes until its requests have run. What remains is an incomplete request, or requests that may
//!    not run yet, because the client is blocked, is being closed, has become a replica, or does not read its replies.
//!  * A thread without an engine frames the bytes that it has read ([`Framed`]), and hands them over with their parser.
//!  * The caller decides what happens to replies between two requests ([`Attendant`]).

use base::large;
use engine::prefetch::{BATCH, Hashes};
use engine::{ClientFlags, CommandError, CommitPosition, Engine, Executor, Session};
use keyspace::Hasher;
use resp::{Parser, ProtocolError, RequestLimits};
use smallvec::SmallVec;

/// Bytes of replies that are looked after before the next request of a batch runs: more would leave the cache before
/// anybody writes it.
const ATTEND_FROM: usize = 256 * 1024;

/// The answer to a request with an argument that there is no memory for.
const REFUSED: CommandError =
    CommandError::fixed(&"OOM the system refuses the memory for a large argument");

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
        let max = most(limits);
        let rest = &buf[done..];
        let parsed = parser.parse(rest, limits, max);
        let args = |i| parser.request(i, rest);
        let mut hashes = Hashes::default();
        hashes.prefetch(engine, session.db, parser.len(), args);
        let batch = Batch {
            buf,
            rest,
            hashes: &hashes,
        };
        let ran = run_batch(parser, engine, session, batch, attendant, &mut attend_from);
        let all = ran == parser.len();
        done += parser.consume(ran);
        if !all {
            break;
        }
        if let Err(error) = parsed {
            refuse(session, error);
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

/// Requests that are framed at once: AUTH changes what may follow it.
#[inline]
fn most(limits: RequestLimits) -> usize {
    match limits.unauthenticated {
        true => 1,
        false => BATCH,
    }
}

/// What follows is no request: the client is told, and closed.
#[cold]
fn refuse(session: &mut Session, error: ProtocolError) {
    session.reply.error(error.to_string());
    session.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
}

/// Whole requests at the front of a buffer that a thread without an engine has framed. It stays where it is, and is used
/// again.
#[derive(Debug, Default)]
pub struct Framed {
    /// They have not run yet.
    fresh: bool,
    /// What follows them, if it is no request.
    error: Option<ProtocolError>,
    hashes: Hashes,
}

/// What became of [`Framed`] requests.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    /// Bytes that are done with.
    pub done: usize,
    /// All of them have run. If not, those that are left may run later, with [`run_requests`].
    pub all: bool,
}

impl Framed {
    /// Frames what a batch of [`run_requests`] would run; false if there is neither a whole request nor an error.
    pub fn frame(
        &mut self,
        parser: &mut Parser,
        buf: &[u8],
        limits: RequestLimits,
        hasher: &Hasher,
    ) -> bool {
        self.error = parser.parse(buf, limits, most(limits)).err();
        self.fresh = !parser.is_empty() || self.error.is_some();
        let args = |i| parser.request(i, buf);
        self.hashes.fill(hasher, parser.len(), args);
        self.fresh
    }

    /// True if there are some that have not run.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Lets what they will look up come into the cache. Returns how many keys that is.
    #[inline]
    pub fn prefetch(&self, engine: &Engine, db: usize) -> usize {
        self.hashes.prefetch_known(engine, db)
    }

    /// Runs them. `parser` and `buf` are those with which they were framed.
    pub fn run(
        &mut self,
        parser: &mut Parser,
        engine: &mut Executor,
        session: &mut Session,
        buf: &[u8],
        attendant: &mut impl Attendant,
    ) -> Ran {
        self.fresh = false;
        let mut attend_from = attendant.attend_from(engine, session);
        session.query_buffer = buf.len();
        let may_begin = may_run(session) && !attendant.is_stalled();
        let mut ran = 0;
        if may_begin {
            let args = |i| parser.request(i, buf);
            self.hashes
                .prefetch_members(engine, session.db, parser.len(), args);
            let batch = Batch {
                buf,
                rest: buf,
                hashes: &self.hashes,
            };
            ran = run_batch(parser, engine, session, batch, attendant, &mut attend_from);
        }
        let all = may_begin && ran == parser.len();
        let mut done = parser.consume(ran);
        if let (true, Some(error)) = (all, self.error.take()) {
            refuse(session, error);
            done = buf.len();
        }
        Ran { done, all }
    }
}

/// The arguments of a request are in an array if there are at most this many.
const FEW: usize = 6;

/// The requests that a parser has collected.
#[derive(Clone, Copy)]
struct Batch<'a> {
    /// All bytes that were read.
    buf: &'a [u8],
    /// Those of the batch.
    rest: &'a [u8],
    hashes: &'a Hashes,
}

/// Runs collected requests as long as they may; returns how many.
#[inline(always)]
fn run_batch(
    parser: &Parser,
    engine: &mut Executor,
    session: &mut Session,
    batch: Batch<'_>,
    attendant: &mut impl Attendant,
    attend_from: &mut usize,
) -> usize {
    let Batch { buf, rest, hashes } = batch;
    if engine.config.maxmemory_clients != 0 {
        let large: usize = parser.larges().iter().map(|large| large.len()).sum();
        session.query_buffer = buf.len() + large;
        engine.evict_before(session);
        session.query_buffer = buf.len();
    }
    // EXEC runs what came in other buffers.
    let elsewhere = !parser.larges().is_empty() || session.flags.contains(ClientFlags::MULTI);
    session.request_bound = if elsewhere { usize::MAX } else { buf.len() };
    let mut ran = 0;
    while ran < parser.len() && may_run(session) && !attendant.is_stalled() {
        let args = parser.request(ran, rest);
        // Most requests have few arguments, and filling an array costs less than filling what may grow.
        let (mut few, mut many) = ([&[][..]; FEW], SmallVec::<[&[u8]; 16]>::new());
        let argv: &[&[u8]] = match args.len() {
            n @ 0..=FEW => {
                few.iter_mut().zip(args).for_each(|(at, arg)| *at = arg);
                &few[..n]
            }
            _ => {
                many.extend(args);
                &many
            }
        };
        let same =
            ran + 1 < parser.len() && parser.request(ran + 1, rest).next() == argv.first().copied();
        engine.expect_same(same);
        let hint = hashes.hint(ran, argv).framed(parser.frame(ran, rest));
        let seal = engine.commits.seal();
        if ran == 0 && parser.is_refused() {
            engine.reject(session, &REFUSED);
        } else {
            let run = || engine.run_hinted(session, argv, hint);
            large::offer(parser.larges(), run);
        }
        engine.after_command();
        if engine.commits.seal() != seal {
            attendant.sealed(engine.commits.seal());
        }
        ran += 1;
        let reply = &session.reply;
        if reply.len() >= *attend_from || reply.own_len() >= ATTEND_FROM || reply.is_overrun() {
            *attend_from = attendant.attend(engine, session);
        }
    }
    session.request_bound = usize::MAX;
    engine.end_timing();
    ran
}
