//! How a replica receives the payload of a full sync, and what happens to the data that it has.
//!
//! | mode | the old data is dropped | the dump file is replaced |
//! |---|---|---|
//! | `File` | when the payload is complete, synced and checked | then, before the load |
//! | `Memory` | when the payload begins | never |
//! | `Swap` | when the new data is loaded | never |

use config::Config;
use config::choices::DisklessLoad;

/// How a payload is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Into a file, which is checked and then loaded.
    File,
    /// The file of before is being loaded.
    LoadingFile,
    /// Into memory; the old data is dropped first.
    Memory,
    /// Into memory, while the old data is kept.
    Swap,
}

/// What the choice of a mode depends on.
#[derive(Clone, Copy, Debug)]
pub struct Around {
    /// `repl-diskless-load`
    pub wanted: DisklessLoad,
    /// The dataset has no keys.
    pub empty: bool,
    /// Bytes of memory in use.
    pub used: usize,
    /// `repl-swapdb-memory-limit`; 0 for none.
    pub limit: usize,
    /// The bytes of the payload, if its length was announced.
    pub length: Option<u64>,
}

/// Chooses the mode of each payload of a link.
#[derive(Clone, Copy, Debug, Default)]
pub struct Modes {
    /// Old and new data together took more memory than allowed, so the next payload is received to disk.
    too_large_to_swap: bool,
}

impl Modes {
    /// The mode for a payload that begins, and why it is not the one that is configured.
    pub fn choose(&self, around: Around) -> (Mode, Option<String>) {
        match around.wanted {
            DisklessLoad::Swapdb if self.too_large_to_swap => (Mode::File, None),
            DisklessLoad::Swapdb => match around.fits_beside() {
                Ok(()) => (Mode::Swap, None),
                Err(why) => (Mode::File, Some(why)),
            },
            DisklessLoad::FlushBeforeLoad => (Mode::Memory, None),
            DisklessLoad::OnEmptyDb if around.empty => (Mode::Memory, None),
            DisklessLoad::OnEmptyDb | DisklessLoad::Disabled => (Mode::File, None),
        }
    }

    /// Looks at the memory while a payload of this mode is received. An error means that the payload must be given
    /// up; the next one is received to disk.
    ///
    /// # Errors
    /// Old and new data take more memory than `limit`.
    pub fn watch_memory(&mut self, mode: Mode, used: usize, limit: usize) -> Result<(), String> {
        if mode != Mode::Swap || limit == 0 || used <= limit {
            return Ok(());
        }
        self.too_large_to_swap = true;
        Err(format!(
            "old and new data take {used} bytes of memory, repl-swapdb-memory-limit is {limit}: \
             the next payload goes to disk first"
        ))
    }

    /// A payload was loaded, so the choice for the next one depends on its own size.
    pub fn loaded(&mut self) {
        self.too_large_to_swap = false;
    }
}

impl Around {
    /// Whether the payload may be loaded beside the data that is there. A payload without a length is taken to be as
    /// large as that.
    fn fits_beside(&self) -> Result<(), String> {
        let Around { used, limit, .. } = *self;
        let more = self
            .length
            .map_or(used, |n| usize::try_from(n).unwrap_or(usize::MAX));
        if limit == 0 || used.saturating_add(more) <= limit {
            return Ok(());
        }
        Err(format!(
            "Old data ({used} bytes) and new data (about {more}) would take more than \
             repl-swapdb-memory-limit ({limit}): the payload goes to disk first"
        ))
    }
}

/// Dumps that only serve a full sync are not kept.
pub fn removes_sync_files(config: &Config) -> bool {
    config.rdb_del_sync_files && config.save.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(wanted: DisklessLoad) -> Around {
        Around {
            wanted,
            empty: false,
            used: 100,
            limit: 0,
            length: Some(50),
        }
    }

    fn chosen(around: Around) -> Mode {
        Modes::default().choose(around).0
    }

    #[test]
    fn the_directive_decides_where_memory_does_not() {
        assert_eq!(chosen(around(DisklessLoad::Disabled)), Mode::File);
        assert_eq!(chosen(around(DisklessLoad::OnEmptyDb)), Mode::File);
        assert_eq!(chosen(around(DisklessLoad::FlushBeforeLoad)), Mode::Memory);
        assert_eq!(chosen(around(DisklessLoad::Swapdb)), Mode::Swap);
        let empty = Around {
            empty: true,
            ..around(DisklessLoad::OnEmptyDb)
        };
        assert_eq!(chosen(empty), Mode::Memory);
    }

    #[test]
    fn a_payload_is_swapped_in_only_where_old_and_new_data_fit() {
        let swap = |limit, length| {
            let (mode, why) = Modes::default().choose(Around {
                limit,
                length,
                ..around(DisklessLoad::Swapdb)
            });
            assert_eq!(mode == Mode::File, why.is_some());
            mode
        };
        assert_eq!(swap(150, Some(50)), Mode::Swap);
        assert_eq!(swap(149, Some(50)), Mode::File);
        assert_eq!(swap(199, None), Mode::File, "as large as the old data");
        assert_eq!(swap(200, None), Mode::Swap);
        assert_eq!(swap(200, Some(u64::MAX)), Mode::File);
    }

    #[test]
    fn after_a_swap_that_took_too_much_memory_the_next_payload_is_received_to_disk() {
        let mut modes = Modes::default();
        assert!(modes.watch_memory(Mode::Memory, 300, 200).is_ok());
        assert!(modes.watch_memory(Mode::Swap, 200, 200).is_ok());
        assert!(modes.watch_memory(Mode::Swap, 300, 0).is_ok());
        assert!(modes.watch_memory(Mode::Swap, 201, 200).is_err());
        assert_eq!(modes.choose(around(DisklessLoad::Swapdb)).0, Mode::File);
        modes.loaded();
        assert_eq!(modes.choose(around(DisklessLoad::Swapdb)).0, Mode::Swap);
    }
}
