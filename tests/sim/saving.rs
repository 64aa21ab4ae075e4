//! Snapshots of one server: BGSAVE, SHUTDOWN SAVE, and those for replicas.
//!
//! Whether one may begin, whether it is given up, and whether its file may still take the place of the dump is decided
//! by the product: by [`Whole`], [`Which`] and [`Fate`]. As on a slow disk, a save that was given up goes on to its end,
//! and asks only then.

use super::disk::Disk;
use super::dumps::Content;
use super::image::Image;
use super::node::{Node, Payload};
use forebay::engine::ClientId;
use forebay::flow::{Fate, GivenUp, Which, Whole};
use std::path::PathBuf;

/// What a snapshot is for.
pub enum Purpose {
    /// BGSAVE.
    Save,
    /// A file, for replicas.
    Disk,
    /// Straight to connections.
    Sockets {
        members: Vec<ClientId>,
        mark: Vec<u8>,
    },
}

/// A snapshot that is running.
pub struct Saving {
    purpose: Purpose,
    /// `None` once the walk is over.
    image: Option<Image>,
    file: Vec<u8>,
    /// What is in the cut, and its number.
    content: Content,
    cut: u64,
    fate: Fate,
    failed: Option<String>,
    /// When the file stands.
    done_at_ms: Option<u64>,
    pub cancelled: bool,
}

impl Node {
    /// BGSAVE; refused while a snapshot runs.
    pub fn bgsave(&mut self) {
        let persistence = self.persistence.clone();
        if let (None, Some(whole)) = (&self.saving, persistence.whole(&self.engine)) {
            self.begin_saving(Purpose::Save, &whole);
        }
    }

    pub(super) fn begin_saving(&mut self, purpose: Purpose, _: &Whole) {
        let fate = Fate::default();
        if purpose.is_for_disk() {
            fate.open(|| Ok::<_, GivenUp>(PathBuf::from("temp")))
                .expect("nobody has given it up");
        }
        self.saving = Some(Saving {
            purpose,
            image: Some(Image::begin(&mut self.engine)),
            file: Vec::new(),
            content: self.content(),
            cut: self.disk.next_cut(),
            fate,
            failed: None,
            done_at_ms: None,
            cancelled: false,
        });
    }

    /// SHUTDOWN SAVE: the dump is whole when the process ends, or it stays what it was.
    pub fn save_now(&mut self, _: &Whole) {
        self.give_up(Which::Any);
        let (content, cut) = (self.content(), self.disk.next_cut());
        let mut image = Some(Image::begin(&mut self.engine));
        let mut file = Vec::new();
        while let Some(i) = image.take() {
            let (bytes, more) = i.more(&mut self.engine, 1 << 20);
            if self.disk.append(&mut file, &bytes).is_err() {
                return;
            }
            image = more;
        }
        self.disk.rename(file, content, cut);
        // The process waits for its own file; those of saves that it has given up are complete meanwhile.
        self.place_given_up(true);
    }

    pub(super) fn save_on(&mut self) {
        self.place_given_up(false);
        if self.saving.as_ref().is_some_and(|s| s.cancelled) {
            self.give_up(Which::Any);
        }
        let Some(mut saving) = self.saving.take() else {
            return;
        };
        if let Some(why) = saving.failed.take() {
            self.engine.keyspace.cancel_snapshot();
            return self.saved(saving.purpose, Err(why));
        }
        if let Some(image) = saving.image.take() {
            let (bytes, more) = image.more(&mut self.engine, self.walk_budget);
            match &saving.purpose {
                Purpose::Sockets { members, mark } => {
                    let whole = more.is_none();
                    for id in members {
                        // Those that left meanwhile have no outbox any more.
                        let payload = self.outboxes.get_mut(id).and_then(|o| o.payload.as_mut());
                        if let Some(Payload::Pipe {
                            bytes: pipe,
                            complete,
                        }) = payload
                        {
                            pipe.extend_from_slice(&bytes);
                            if whole {
                                pipe.extend_from_slice(mark);
                                *complete = true;
                            }
                        }
                    }
                    self.touched = true;
                }
                _ => saving.failed = self.disk.append(&mut saving.file, &bytes).err(),
            }
            if more.is_none() {
                saving.done_at_ms = Some(self.now_ms + self.disk.delay_ms);
            }
            saving.image = more;
        }
        match saving.done_at_ms {
            Some(at) if at <= self.now_ms && saving.failed.is_none() => {
                let placed = match saving.purpose.is_for_disk() {
                    true => saving.place(&mut self.disk),
                    false => Ok(()),
                };
                self.saved(
                    saving.purpose,
                    placed.map_err(|GivenUp| "cancelled".to_owned()),
                );
            }
            _ => self.saving = Some(saving),
        }
    }

    fn saved(&mut self, purpose: Purpose, result: Result<(), String>) {
        if !matches!(purpose, Purpose::Save) {
            let repl = &mut self.engine.repl;
            repl.with_primary(|primary, env| primary.on_snapshot_finished(result, env));
        }
    }

    /// Ends the running snapshot early, if it is such a one. Its file may be complete on the disk only later.
    pub(super) fn give_up(&mut self, which: Which) {
        let meant = |s: &Saving| which.means(s.purpose.is_for_disk());
        if !self.saving.as_ref().is_some_and(meant) {
            return;
        }
        let Some(mut saving) = self.saving.take() else {
            return;
        };
        assert!(saving.fate.give_up(), "it would have ended with its rename");
        self.engine.keyspace.cancel_snapshot();
        let purpose = std::mem::replace(&mut saving.purpose, Purpose::Save);
        if purpose.is_for_disk() && saving.done_at_ms.is_some() {
            self.given_up.push(saving);
        }
        self.saved(purpose, Err("cancelled".to_owned()));
    }

    /// Files of saves that were given up are complete: they must not take the place of the dump.
    fn place_given_up(&mut self, all: bool) {
        let due = |s: &Saving| all || s.done_at_ms.is_some_and(|at| at <= self.now_ms);
        let (due, later) = std::mem::take(&mut self.given_up)
            .into_iter()
            .partition(due);
        self.given_up = later;
        for mut saving in due {
            self.refused_places += saving.place(&mut self.disk).is_err() as u64;
        }
    }
}

impl Purpose {
    fn is_for_disk(&self) -> bool {
        !matches!(self, Purpose::Sockets { .. })
    }
}

impl Saving {
    /// The file is complete: it takes the place of the dump, unless it was given up.
    fn place(&mut self, disk: &mut Disk) -> Result<(), GivenUp> {
        let file = std::mem::take(&mut self.file);
        let content = std::mem::take(&mut self.content);
        self.fate.place(|| {
            disk.rename(file, content, self.cut);
            Ok(())
        })
    }
}
