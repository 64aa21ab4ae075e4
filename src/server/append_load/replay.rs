//! Runs the requests of one file, in slices.

use crate::Server;
use crate::load::LoadProgress;
use crate::threads;
use aof::reader::{Item, Reader, Step};
use engine::replay::Replay;
use pipes::window::{Window, Windows};
use smallvec::SmallVec;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Bytes of a window.
const WINDOW: usize = 1 << 20;
/// Windows that may wait to be run.
const AHEAD: usize = 3;
/// How long clients wait for an answer while requests run.
const SLICE: Duration = Duration::from_millis(2);
/// Requests between two looks at the clock.
const STRIDE: usize = 64;

/// Runs what is in `range` of a file, which has been judged: it is whole.
///
/// # Errors
/// The text with which the server ends.
pub async fn replay(
    server: &Rc<Server>,
    path: &Path,
    name: &str,
    range: Range<u64>,
    (progress, before): (&LoadProgress, u64),
) -> Result<(), String> {
    let (give, mut take) = mpsc::channel(AHEAD);
    let place = path.to_owned();
    let from = range.clone();
    threads::spawn("forebay-load", move || read(&place, from, &give))
        .map_err(|e| format!("Can't start a thread to read the append only file: {e}"))?;
    let mut replay = server.with_engine(|engine| Replay::new(engine));
    let mut reached = range.start;
    while let Some(window) = take.recv().await {
        let window: Window = window.map_err(|e: io::Error| {
            let why = crate::strerror(&e);
            format!("Unrecoverable error reading the append only file {name}: {why}")
        })?;
        run(server, &mut replay, window.bytes(), name).await?;
        reached += window.bytes().len() as u64;
        progress.bytes.store(before + reached, Ordering::Relaxed);
    }
    if reached != range.end {
        return Err(format!(
            "The append only file {name} became shorter while it was read"
        ));
    }
    if let (failed @ 1.., Some(first)) = replay.failures() {
        tracing::warn!(
            "{failed} requests of {name} failed when they ran again; the first: {first}"
        );
    }
    Ok(())
}

/// Reads windows of whole items, until nobody takes them.
fn read(path: &Path, range: Range<u64>, give: &mpsc::Sender<io::Result<Window>>) {
    let result = windows(path, range, |window| give.blocking_send(Ok(window)).is_ok());
    if let Err(error) = result {
        let _ = give.blocking_send(Err(error));
    }
}

fn windows(path: &Path, range: Range<u64>, mut give: impl FnMut(Window) -> bool) -> io::Result<()> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(range.start))?;
    let part = file.take(range.end - range.start);
    let mut windows = Windows::with_buffers(part, WINDOW, AHEAD + 3);
    let mut reader = Reader::at(range.start);
    let mut at_least = 1;
    while windows.fill(at_least)? > 0 {
        let mut at = 0;
        at_least = windows.bytes().len() + 1;
        while at < windows.bytes().len() {
            match reader.next(&windows.bytes()[at..]) {
                Ok(Step::Item { consumed, .. }) => at += consumed,
                Ok(Step::NeedMore { at_least: wanted }) => {
                    at_least = wanted as usize;
                    break;
                }
                Err(defect) => return Err(io::Error::other(defect)),
            }
        }
        if at > 0 && !give(windows.hand_out(at)?) {
            break;
        }
    }
    Ok(())
}

/// Runs the requests of a window.
async fn run(
    server: &Rc<Server>,
    replay: &mut Replay,
    bytes: &[u8],
    name: &str,
) -> Result<(), String> {
    let mut reader = Reader::at(0);
    let mut at = 0;
    while at < bytes.len() {
        server.with_executor(|engine| -> Result<(), String> {
            let begun = Instant::now();
            while at < bytes.len() && begun.elapsed() < SLICE {
                for _ in 0..STRIDE {
                    let rest = &bytes[at..];
                    if rest.is_empty() {
                        break;
                    }
                    let step = reader.next(rest).map_err(|e| format!("{name}: {e}"))?;
                    let Step::Item { item, consumed } = step else {
                        return Err(format!("{name}: a request was torn between windows"));
                    };
                    if let Item::Request(request) = item {
                        let argv: SmallVec<[&[u8]; 16]> = request.args().collect();
                        let ran = replay.run(engine, &argv);
                        ran.map_err(|e| format!("{e} reading the append only file {name}"))?;
                    }
                    at += consumed;
                }
            }
            Ok(())
        })?;
        tokio::task::yield_now().await;
    }
    Ok(())
}
