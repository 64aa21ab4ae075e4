//! Snapshots of one server: BGSAVE, SHUTDOWN SAVE, and those for replicas.

use super::dumps::Content;
use super::image::Image;
use super::node::{Node, Payload};
use forebay::commands::ClientId;

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
    /// What is in the cut.
    content: Content,
    failed: Option<String>,
    /// When the file stands.
    done_at_ms: Option<u64>,
    pub cancelled: bool,
}

impl Node {
    /// BGSAVE; refused while a snapshot runs.
    pub fn bgsave(&mut self) {
        if self.saving.is_none() {
            self.begin_saving(Purpose::Save);
        }
    }

    pub(super) fn begin_saving(&mut self, purpose: Purpose) {
        self.saving = Some(Saving {
            purpose,
            image: Some(Image::begin(&mut self.engine)),
            file: Vec::new(),
            content: self.content(),
            failed: None,
            done_at_ms: None,
            cancelled: false,
        });
    }

    /// SHUTDOWN SAVE: the dump is whole when the process ends, or it stays what it was.
    pub fn save_now(&mut self) {
        if self.saving.take().is_some() {
            self.engine.keyspace.cancel_snapshot();
        }
        let content = self.content();
        let mut image = Some(Image::begin(&mut self.engine));
        let mut file = Vec::new();
        while let Some(i) = image.take() {
            let (bytes, more) = i.more(&mut self.engine, 1 << 20);
            if self.disk.append(&mut file, &bytes).is_err() {
                return;
            }
            image = more;
        }
        self.disk.rename(file, content);
    }

    pub(super) fn save_on(&mut self) {
        let Some(mut saving) = self.saving.take() else {
            return;
        };
        if saving.cancelled || saving.failed.is_some() {
            self.engine.keyspace.cancel_snapshot();
            let why = saving.failed.take().unwrap_or("cancelled".to_owned());
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
                if !matches!(saving.purpose, Purpose::Sockets { .. }) {
                    let file = std::mem::take(&mut saving.file);
                    let content = std::mem::take(&mut saving.content);
                    self.disk.rename(file, content);
                }
                self.saved(saving.purpose, Ok(()));
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

    /// The received dump takes the place of the one that is being saved.
    pub(super) fn cancel_disk(&mut self) {
        if let Some(saving) = &mut self.saving
            && !matches!(saving.purpose, Purpose::Sockets { .. })
        {
            saving.cancelled = true;
            self.save_on();
        }
    }
}
