//! A replica that reads 100 KB a second: what it costs everybody else. Measured in one server without and
//! with it: the full sync of another replica, BGSAVE, and how many writes a second are answered.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::board::{Better, Boards};
use crate::contest::{Contestant, START_LIMIT};
use crate::data::Data;
use crate::latency::{Target, Writer};
use crate::options::Options;
use crate::snapshot::wait_saved;
use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::wait::wait_for;

/// What the slow replica takes.
const BYTES_PER_SECOND: usize = 100_000;

/// Payload that it has got when the others come: it is in the midst of its sync.
const BEGUN: u64 = 200_000;

/// Who is not served within this time is not served.
const LIMIT: Duration = Duration::from_secs(30);

/// How long writes are counted.
const COUNTED: Duration = Duration::from_secs(3);

/// Runs the measurement on d1, over sockets and by way of the primary's disk.
pub fn run(options: &Options) {
    let data = Data::named("d1", options);
    for diskless in ["yes", "no"] {
        println!(
            "\n--- {} ({} keys), repl-diskless-sync {diskless}, beside a replica that reads 100 KB/s; {} s are the limit",
            data.name,
            data.keys,
            LIMIT.as_secs()
        );
        let mut boards = Boards::default();
        for _ in 0..options.rounds {
            for server in &options.servers {
                measure(server, diskless, &data, options, &mut boards);
            }
        }
        boards.print();
    }
}

fn measure(
    server: &Contestant,
    diskless: &str,
    data: &Data,
    options: &Options,
    boards: &mut Boards,
) {
    let primary = options
        .builder(server)
        .config(format!("repl-diskless-sync {diskless}"))
        .link_dump(&data.dump)
        .start_within(START_LIMIT);
    let mut slow = None;
    for company in ["without", "beside"] {
        if company == "beside" {
            slow = Some(SlowReader::start(primary.port()));
        }
        // The first sync also begins the backlog, which all writes that are counted go to.
        let title = |what: &str| format!("{what} {company} the slow replica");
        let mut add = |what: &str, unit, better, value| {
            boards.add(&title(what), unit, better, &server.name, value);
        };
        let seconds = sync_seconds(server, &primary, data, options);
        add("full sync of another replica", "s", Better::Lower, seconds);
        add("BGSAVE", "s", Better::Lower, save_seconds(&primary));
        let writer = Writer::start(Target::new(primary.port(), data), None);
        std::thread::sleep(COUNTED);
        let rate = writer.written() as f64 / COUNTED.as_secs_f64();
        writer.finish();
        add("writes answered", "a second", Better::Higher, rate);
    }
    let done = slow.is_some_and(SlowReader::end);
    let done = f64::from(u8::from(done));
    let title = "slow replicas that the primary had closed by then";
    boards.add(title, "", Better::Neither, &server.name, done);
}

/// Until another replica is in step; [`LIMIT`] if it is not until then.
fn sync_seconds(server: &Contestant, primary: &Server, data: &Data, options: &Options) -> f64 {
    let replica = options
        .builder(server)
        .config("repl-diskless-load swapdb")
        .start();
    let mut client = replica.client();
    let start = Instant::now();
    client.ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
    seconds_until(start, || {
        let up = client.info_field("replication", "master_link_status") == "up";
        up && client.run("DBSIZE").int() == Some(data.dbsize())
    })
}

/// Until BGSAVE has saved, which servers refuse as long as they are busy with a slow replica.
fn save_seconds(primary: &Server) -> f64 {
    let mut client = primary.client();
    let start = Instant::now();
    let mut begun = false;
    let seconds = seconds_until(start, || {
        begun = begun || !client.run("BGSAVE").is_error();
        begun && !is_saving(&mut client)
    });
    if seconds < LIMIT.as_secs_f64() {
        wait_saved(&mut client);
    }
    seconds
}

fn is_saving(client: &mut Client) -> bool {
    client.info_field("persistence", "rdb_bgsave_in_progress") == "1"
}

fn seconds_until(start: Instant, mut condition: impl FnMut() -> bool) -> f64 {
    while start.elapsed() < LIMIT {
        if condition() {
            return start.elapsed().as_secs_f64();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    LIMIT.as_secs_f64()
}

/// A replica in the midst of its full sync.
struct SlowReader {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<bool>,
}

impl SlowReader {
    /// Attaches one and waits until its payload has begun.
    fn start(port: u16) -> SlowReader {
        let ended = Arc::new(AtomicBool::new(false));
        let taken = Arc::<AtomicU64>::default();
        let (until, count) = (Arc::clone(&ended), Arc::clone(&taken));
        let thread = std::thread::spawn(move || read_slowly(port, &until, &count));
        wait_for("the slow replica receives", START_LIMIT, || {
            (taken.load(Ordering::Relaxed) > BEGUN).then_some(())
        });
        SlowReader { ended, thread }
    }

    /// Ends it; true if the primary had closed it before.
    fn end(self) -> bool {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.join().expect("the slow replica does not panic")
    }
}

fn read_slowly(port: u16, ended: &AtomicBool, taken: &AtomicU64) -> bool {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are sockets");
    // What the kernel takes for it in advance should be little beside a dump.
    socket
        .set_recv_buffer_size(64 << 10)
        .expect("a socket takes a size");
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    socket
        .connect(&address.into())
        .expect("the primary listens");
    let mut stream = TcpStream::from(socket);
    let mut reply = [0; 5];
    // PSYNC is refused while there are replies to be read.
    let capable = stream
        .write_all(b"REPLCONF capa eof capa psync2\r\n")
        .and_then(|()| stream.read_exact(&mut reply));
    capable.expect("the primary answers");
    assert_eq!(&reply, b"+OK\r\n");
    stream
        .write_all(b"PSYNC ? -1\r\n")
        .expect("the primary reads");
    let mut buffer = [0; BYTES_PER_SECOND / 20];
    while !ended.load(Ordering::Relaxed) {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return true,
            Ok(n) => taken.fetch_add(n as u64, Ordering::Relaxed),
        };
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}
