//! The executor's side of connections whose sockets other threads own: requests arrive in envelopes, and replies are sent
//! back in them.
//!
//! One task serves all of these connections. Envelopes run in groups: everything that a group will look up is prefetched,
//! then the envelopes run one by one, and what they have caused elsewhere is done once for the whole group.

use super::Pool;
use super::connection::{Course, Remote, gave};
use super::message::{At, Envelope, FromIo, Note, Read, Released, ToIo};
use crate::replies::{Attending, Way};
use crate::state::Server;
use crate::{clock, limits, repl};
use engine::{ClientFlags, ClientId, Engine, Executor, Session};
use flow::client::{Ran, may_run, run_requests};
use smallvec::SmallVec;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Envelopes that run before what they have caused elsewhere is done.
const GROUP: usize = 32;
/// Groups before other tasks get their turn.
const GROUPS_PER_POLL: usize = 8;
/// Requests that an envelope has at most are few; a group of long ones ends with this many bytes of input.
const GROUP_BYTES: usize = 64 << 10;

/// The client has sent something.
#[inline]
fn came(engine: &mut Engine, session: &mut Session, read: Read) {
    if read.bytes > 0 {
        session.bytes_in += read.bytes as u64;
        session.last_interaction_ms = engine.clock.steady_ms;
        engine.stats.net_input += read.bytes as u64;
        engine.stats.reads += u64::from(read.times);
    }
}

/// Serves all connections whose sockets other threads own, for as long as the server lives.
pub async fn serve(server: Rc<Server>) {
    poll_fn(|cx| {
        if let Some(pool) = server.io.pool() {
            let work = Work {
                server: &server,
                pool,
            };
            work.poll(cx);
        }
        Poll::<()>::Pending
    })
    .await;
}

#[derive(Clone, Copy)]
struct Work<'a> {
    server: &'a Rc<Server>,
    pool: &'a Pool,
}

impl Work<'_> {
    fn poll(self, cx: &mut Context<'_>) {
        *self.pool.waker.borrow_mut() = Some(cx.waker().clone());
        for _ in 0..GROUPS_PER_POLL {
            let touched = std::mem::take(&mut *self.pool.touched.borrow_mut());
            self.attend(cx, &touched);
            if self.pool.inbox.borrow().is_empty() && !self.receive(cx) {
                if self.pool.touched.borrow().is_empty() {
                    return self.pool.send_gathered();
                }
                continue;
            }
            self.run_group(cx);
            self.pool.send_gathered();
        }
        self.pool.send_gathered();
        cx.waker().wake_by_ref();
    }

    /// True if something came.
    fn receive(self, cx: &mut Context<'_>) -> bool {
        let received = self.pool.from_threads.borrow_mut().poll_recv(cx);
        match received {
            Poll::Ready(Some(messages)) => {
                self.pool.inbox.borrow_mut().extend(messages);
                true
            }
            // There are threads as long as the process lives.
            Poll::Ready(None) | Poll::Pending => false,
        }
    }

    /// Runs the next messages: envelopes, or one that is none.
    fn run_group(self, cx: &mut Context<'_>) {
        let mut group = Vec::with_capacity(GROUP);
        let mut bytes = 0;
        let mut other = None;
        {
            let mut inbox = self.pool.inbox.borrow_mut();
            while group.len() < GROUP
                && bytes < GROUP_BYTES
                && let Some(message) = inbox.pop_front()
            {
                match message {
                    FromIo::Requests(envelope) => {
                        bytes += envelope.input.len();
                        group.push(envelope);
                    }
                    message => {
                        other = Some(message);
                        break;
                    }
                }
            }
        }
        if !group.is_empty() {
            self.run_envelopes(cx, group);
        }
        match other {
            None | Some(FromIo::Requests(_)) => {}
            Some(FromIo::Note(note)) => self.take_note(&note),
            Some(FromIo::Sent(at)) => self.attend(cx, &[at.id]),
            Some(FromIo::End(at)) => self.end(at),
            Some(FromIo::Released(released)) => self.take_over(*released),
        }
    }

    #[expect(
        clippy::vec_box,
        reason = "an envelope goes back to its thread in its box"
    )]
    fn run_envelopes(self, cx: &mut Context<'_>, group: Vec<Box<Envelope>>) {
        let mut guard = self.server.engine.borrow_mut();
        let engine = &mut *guard;
        (engine.clock, engine.tick) = clock::read();
        let began = engine.tick;
        if group.len() > 1 {
            // These look-ups depend on nothing, so what they miss in the cache comes together; so do keys then.
            let remotes = self.pool.remotes.borrow();
            let databases: SmallVec<[Option<usize>; GROUP]> = group
                .iter()
                .map(|envelope| {
                    let session = engine.clients.get(&envelope.at.id)?;
                    remotes.is_open(envelope.at).then_some(session.db)
                })
                .collect();
            let (groups, mut requests) = self.pool.prefetched.get();
            for (envelope, database) in group.iter().zip(databases) {
                if let Some(database) = database {
                    requests += envelope.framed.prefetch(engine, database) as u64;
                }
            }
            self.pool.prefetched.set((groups + 1, requests));
        }
        for envelope in group {
            let remote = self.pool.remotes.borrow_mut().take(envelope.at);
            let Some(remote) = remote else { continue };
            match remote.course {
                Course::Open if remote.held.is_none() => {
                    self.turn(cx, engine, remote, Some(envelope), true);
                }
                _ => self.pool.remotes.borrow_mut().put_back(remote),
            }
            if engine.is_unsettled() {
                engine.settle();
            }
        }
        let ran = engine.tick;
        self.end_group(engine);
        engine.count_turn(began, ran);
    }

    /// Serves clients to whom others have written, or whose requests may run now.
    fn attend(self, cx: &mut Context<'_>, clients: &[ClientId]) {
        if clients.is_empty() {
            return;
        }
        let mut guard = self.server.engine.borrow_mut();
        let engine = &mut *guard;
        (engine.clock, engine.tick) = clock::read();
        for id in clients {
            let mut remotes = self.pool.remotes.borrow_mut();
            let Some(&place) = remotes.by_id.get(id) else {
                continue;
            };
            let remote = remotes.take(At { place, id: *id });
            drop(remotes);
            let Some(mut remote) = remote else { continue };
            match remote.course {
                Course::Releasing(_) => self.pool.remotes.borrow_mut().put_back(remote),
                Course::Open | Course::Closing => {
                    let held = remote.held.take();
                    self.turn(cx, engine, remote, held, false);
                }
            }
        }
        self.end_group(engine);
    }

    /// What a group has caused elsewhere.
    fn end_group(self, engine: &mut Executor) {
        engine.evict_clients();
        self.server.act(engine);
        // Before any reply leaves: what a client sends next is framed as it has asked for.
        self.pool.settings.follow(engine);
    }

    /// Lends the client's session, runs what may run of `envelope`, and sends what was written. `fresh` says whether the
    /// envelope has just come.
    fn turn(
        self,
        cx: &mut Context<'_>,
        engine: &mut Executor,
        mut remote: Box<Remote>,
        mut envelope: Option<Box<Envelope>>,
        fresh: bool,
    ) {
        let Some(mut session) = engine.lend(remote.at.id) else {
            return self.pool.remotes.borrow_mut().put_back(remote);
        };
        if fresh && let Some(envelope) = &envelope {
            came(engine, &mut session, envelope.read);
            remote.waiting = envelope.ahead;
        }
        let replies = &mut remote.replies;
        if !session.reply.is_empty() {
            // It was written by others: its request ran when it was its turn, which may have been behind any commit.
            replies.sealed(engine.commits.seal());
        }
        if !session.reply.is_empty() || !replies.outbox.is_empty() {
            // A thread takes everything.
            let _ = replies.write(cx, engine, &mut session);
        }
        let mut lent = false;
        let mut all = false;
        if let Some(envelope) = &mut envelope {
            lent = session.reply.is_empty();
            if lent {
                let output = session.reply.output_mut();
                output.swap_buffer(&mut envelope.output);
            }
            let mut attending = Attending {
                replies: &mut *replies,
                cx,
            };
            let Envelope {
                framed,
                parser,
                input,
                ..
            } = &mut **envelope;
            session.query_free = input.capacity() - input.len();
            let ran = match framed.is_fresh() {
                true => framed.run(parser, engine, &mut session, input, &mut attending),
                false => {
                    let done = run_requests(parser, engine, &mut session, input, &mut attending);
                    let all = may_run(&session) && !attending.replies.stalled;
                    Ran { done, all }
                }
            };
            all = ran.all || ran.done == input.len();
            envelope.done = ran.done;
        }
        engine.deliver_mail(&mut session);
        engine.check_hard_limit(&mut session);
        replies.with_envelope = lent && all;
        let _ = replies.write(cx, engine, &mut session);
        replies.with_envelope = false;
        session.reply.output_mut().set_limit(usize::MAX);
        if let Some(envelope) = &mut envelope
            && lent
        {
            let written = session.reply.len();
            let output = session.reply.output_mut();
            output.swap_written(&mut envelope.output);
            if written > 0 {
                gave(engine, &mut session, written);
            }
        }
        self.settle(engine, remote, session, envelope, all);
    }

    /// The end of a turn: limits, and where the envelope and the connection go.
    fn settle(
        self,
        engine: &mut Executor,
        mut remote: Box<Remote>,
        mut session: Box<Session>,
        envelope: Option<Box<Envelope>>,
        all: bool,
    ) {
        let left = envelope.as_ref().map_or(0, |e| e.input.len() - e.done);
        session.query_buffer = left + remote.waiting;
        session.query_due = 0;
        session.query_free = 0;
        if session.unsent.bytes() > 0 || session.over_soft_since_s.is_some() {
            engine.check_output(&mut session);
        }
        if limits::is_too_much(engine, &session) {
            let input = envelope.as_ref().map_or(&[][..], |e| &e.input[e.done..]);
            limits::close_for_input(engine, &mut session, input);
        }
        let id = remote.at.id;
        let flags = session.flags;
        let must_log_in = session.must_log_in();
        let wait_from = engine.requests_wait_from(&session);
        let unsent = session.unsent.bytes();
        engine.count_client(&mut session);
        if flags.contains(ClientFlags::CLOSE_ASAP) {
            engine.give_back(session);
            return self.close(engine, remote);
        }
        let open = matches!(remote.course, Course::Open);
        let closes = flags.contains(ClientFlags::CLOSE_AFTER_REPLY);
        if open && flags.contains(ClientFlags::REPLICA) {
            // From here on its driver takes what is written.
            session.reply.output_mut().unite();
            engine.give_back(session);
            let unread = envelope.as_ref().map_or(&[][..], |e| &e.input[e.done..]);
            remote.course = Course::Releasing(unread.to_vec());
            self.send_last(&remote, envelope);
            self.pool.tell(&remote, ToIo::Release(remote.at));
            return self.pool.remotes.borrow_mut().put_back(remote);
        }
        engine.give_back(session);
        if open && closes {
            let last = envelope.as_ref().map_or(0, |e| e.output.len());
            self.send_last(&remote, envelope);
            if remote.replies.outbox.is_empty() {
                remote.course = Course::Closing;
                self.pool.tell(&remote, ToIo::CloseWhenSent(remote.at));
                // Whoever reads this reply may rely on the client being gone. It stays a client only while replies
                // before this one wait for its socket, because those count against its limits.
                if unsent <= last {
                    engine.disconnect(id);
                }
            }
            return self.pool.remotes.borrow_mut().put_back(remote);
        }
        if let Some(mut envelope) = envelope {
            if all {
                envelope.must_log_in = must_log_in;
                remote.parked = false;
                self.pool.tell(&remote, ToIo::Back(envelope));
            } else {
                envelope.input.drain(..std::mem::take(&mut envelope.done));
                remote.held = Some(envelope);
                if !std::mem::replace(&mut remote.parked, true) {
                    self.pool.tell(&remote, ToIo::Parked(remote.at));
                }
            }
        }
        if remote.replies.stalled {
            if unsent < wait_from {
                // The socket took enough of it for the next requests meanwhile.
                self.pool.touched.borrow_mut().push(id);
            } else if remote.replies.outbox.is_empty() {
                self.pool.tell(&remote, ToIo::Tell(remote.at, wait_from));
            }
        }
        self.pool.remotes.borrow_mut().put_back(remote);
    }

    /// Sends what an envelope carries to a client whose requests do not run any more.
    fn send_last(self, remote: &Remote, envelope: Option<Box<Envelope>>) {
        if let Some(mut envelope) = envelope
            && !envelope.output.is_empty()
        {
            envelope.last = true;
            self.pool.tell(remote, ToIo::Back(envelope));
        }
    }

    /// Closes a connection now.
    fn close(self, engine: &mut Executor, remote: Box<Remote>) {
        self.pool.tell(&remote, ToIo::Close(remote.at));
        self.pool.forget(&remote);
        engine.disconnect(remote.at.id);
    }

    fn take_note(self, note: &Note) {
        let remote = self.pool.remotes.borrow_mut().take(note.at);
        let Some(mut remote) = remote else { return };
        self.server.with_executor(|engine| {
            let Some(mut session) = engine.lend(note.at.id) else {
                return self.pool.remotes.borrow_mut().put_back(remote);
            };
            came(engine, &mut session, note.read);
            remote.waiting = note.waiting;
            let held = remote.held.as_ref().map_or(0, |held| held.input.len());
            session.query_buffer = held + note.waiting;
            session.query_due = note.due;
            session.query_free = note.free;
            if limits::is_too_much(engine, &session) {
                let input = remote.held.as_ref().map_or(&note.head, |held| &held.input);
                limits::close_for_input(engine, &mut session, input);
            }
            engine.count_client(&mut session);
            let closes = session.flags.contains(ClientFlags::CLOSE_ASAP);
            engine.give_back(session);
            if closes {
                return self.close(engine, remote);
            }
            self.pool.tell(&remote, ToIo::Noted(note.at));
            self.pool.remotes.borrow_mut().put_back(remote);
            engine.evict_clients();
        });
    }

    /// The client has disconnected.
    fn end(self, at: At) {
        let remote = self.pool.remotes.borrow_mut().take(at);
        if let Some(remote) = remote {
            self.server
                .with_executor(|engine| self.close(engine, remote));
        }
    }

    /// The connection of a replica is served by this thread.
    fn take_over(self, released: Released) {
        let remote = self.pool.remotes.borrow_mut().take(released.at);
        let Some(remote) = remote else { return };
        self.pool.forget(&remote);
        let id = released.at.id;
        let (server, remote) = (self.server.clone(), *remote);
        let Course::Releasing(mut unread) = remote.course else {
            return server.disconnect(id);
        };
        let Ok(stream) = released.parts.into_stream() else {
            return server.disconnect(id);
        };
        unread.extend_from_slice(&released.ahead);
        let mut unsent = released.unsent;
        unsent.extend_from_slice(&remote.replies.outbox.into_bytes());
        server.with_engine(|engine| {
            if let Some(session) = engine.clients.get_mut(&id) {
                session.unsent = engine::unsent::Unsent::default();
            }
        });
        tokio::task::spawn_local(async move {
            repl::serve_replica(&server, id, stream, unread, unsent).await;
            server.disconnect(id);
        });
    }
}
