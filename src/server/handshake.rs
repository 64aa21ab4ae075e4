//! TLS handshakes are performed by threads of their own, because one handshake costs as much as hundreds of requests and
//! the thread that serves clients must not wait for it.
//!
//! A handshake that is not complete after [`HANDSHAKE_MAX`], or whose client has been closed in the meantime, is given up.
//! Each client counts towards `maxclients` during its handshake, so the number of handshakes is bounded as well.

use super::secure::Secure;
use super::{priority, strerror, threads};
use std::cell::{Cell, OnceCell};
use std::future::poll_fn;
use std::io;
use std::time::{Duration, Instant};
use tls::Channel;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// The longest time that a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// More threads than this do not help: clients would find no processor.
const THREADS_MAX: usize = 4;

type Parts = (std::net::TcpStream, Channel);
type Done = io::Result<Parts>;

struct Job {
    tcp: std::net::TcpStream,
    channel: Channel,
    done: oneshot::Sender<Done>,
}

/// The threads; started when they are needed first.
#[derive(Default)]
pub struct Handshakes {
    threads: OnceCell<Vec<mpsc::UnboundedSender<Job>>>,
    next: Cell<usize>,
}

impl Handshakes {
    fn threads(&self) -> io::Result<&[mpsc::UnboundedSender<Job>]> {
        if let Some(threads) = self.threads.get() {
            return Ok(threads);
        }
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let mut started = Vec::new();
        for _ in 0..processors.saturating_sub(1).clamp(1, THREADS_MAX) {
            match start_thread() {
                Ok(thread) => started.push(thread),
                Err(e) if started.is_empty() => return Err(e),
                // Those that there are do the work of all.
                Err(_) => break,
            }
        }
        Ok(self.threads.get_or_init(|| started))
    }
}

fn start_thread() -> io::Result<mpsc::UnboundedSender<Job>> {
    let (jobs, mut todo) = mpsc::unbounded_channel::<Job>();
    let runtime = Builder::new_current_thread();
    threads::spawn("forebay-tls", move || {
        priority::background();
        let mut runtime = runtime;
        let runtime = runtime.enable_all().build_local(LocalOptions::default());
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(e) => {
                tracing::warn!("Can't start a thread for TLS handshakes: {}", strerror(&e));
                return;
            }
        };
        runtime.block_on(async {
            while let Some(job) = todo.recv().await {
                tokio::task::spawn_local(perform(job));
            }
        });
    })?;
    Ok(jobs)
}

async fn perform(job: Job) {
    let Job {
        tcp,
        channel,
        mut done,
    } = job;
    let work = async {
        let mut secure = Secure::new(TcpStream::from_std(tcp)?, channel);
        let over = timeout(HANDSHAKE_MAX, poll_fn(|cx| secure.poll_handshake(cx))).await;
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the handshake takes too long");
        over.map_err(late)??;
        secure.into_parts()
    };
    let outcome = tokio::select! {
        biased;
        () = done.closed() => return,
        outcome = work => outcome,
    };
    // The client may be gone by now; then its socket is closed here.
    let _ = done.send(outcome);
}

/// Hands a connection over to the threads.
///
/// # Errors
/// There is no thread to be had.
pub fn start(
    handshakes: &Handshakes,
    tcp: TcpStream,
    channel: Channel,
) -> io::Result<oneshot::Receiver<Done>> {
    let threads = handshakes.threads()?;
    let next = handshakes.next.get();
    handshakes.next.set(next.wrapping_add(1));
    let (done, outcome) = oneshot::channel();
    let job = Job {
        tcp: tcp.into_std()?,
        channel,
        done,
    };
    let sent = threads[next % threads.len()].send(job);
    sent.map_err(|_| io::Error::other("the thread for TLS handshakes is gone"))?;
    Ok(outcome)
}

/// Waits for the end of the handshake.
///
/// # Errors
/// Why there is no connection.
pub async fn finish(outcome: oneshot::Receiver<Done>) -> io::Result<Secure> {
    let (tcp, channel) = outcome.await.map_err(io::Error::other)??;
    Ok(Secure::new(TcpStream::from_std(tcp)?, channel))
}

/// Says how many lines about failed handshakes there may be in a second: whoever can connect can cause them.
#[derive(Default)]
pub struct Told {
    since: Cell<Option<Instant>>,
    lines: Cell<u32>,
}

impl Told {
    const PER_SECOND: u32 = 20;

    /// True if there may be another line now.
    pub fn may_tell(&self) -> bool {
        let fresh = |at: Instant| at.elapsed() < Duration::from_secs(1);
        if !self.since.get().is_some_and(fresh) {
            self.since.set(Some(Instant::now()));
            self.lines.set(0);
        }
        self.lines.set(self.lines.get() + 1);
        self.lines.get() <= Self::PER_SECOND
    }
}
