//! Finds keys that occur twice in a dump, in bounded memory.
//!
//! For each key, a hash of 64 bits and the offset of its record are kept, in 256 partitions by the first byte of the
//! hash. Beyond a limit, all partitions are written to a temporary file, one run after another. At the end, each
//! partition is collected and searched in turn, so that random accesses stay within a few hundred kB.
//!
//! Equal hashes are only a suspicion; the caller reads both keys to be sure.

use base::Hasher;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

const PARTITIONS: usize = 256;
/// Bytes of an entry in a temporary file.
const ENTRY: usize = 16;
/// Entries kept in memory, all threads together (128 MiB).
pub const HELD_MAX: usize = 8 << 20;
/// How many suspects are reported if they cannot be compared.
pub const TOLD_MAX: usize = 1000;

/// Hash and offset.
type Entry = (u64, u64);

/// The keys that one thread has seen.
#[derive(Debug)]
pub struct Keys {
    hasher: Hasher,
    partitions: Vec<Vec<Entry>>,
    held: usize,
    held_max: usize,
    spilled: Option<Spilled>,
}

/// Runs in a temporary file.
#[derive(Debug)]
struct Spilled {
    file: File,
    len: u64,
    /// Per run, where each partition begins, and the end.
    runs: Vec<[u64; PARTITIONS + 1]>,
}

/// Keys of one hash.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Suspects {
    /// Records that are not the first of their hash.
    pub total: u64,
    /// Offsets of the first and of a later record, for some of them.
    pub pairs: Vec<(u64, u64)>,
}

impl Keys {
    /// For a thread that may hold `held_max` keys in memory. All threads must have the same hasher.
    pub fn new(hasher: Hasher, held_max: usize) -> Keys {
        Keys {
            hasher,
            partitions: vec![Vec::new(); PARTITIONS],
            held: 0,
            held_max,
            spilled: None,
        }
    }

    /// Adds a key.
    ///
    /// # Errors
    /// Those of the temporary file.
    #[inline]
    pub fn push(&mut self, db: u32, key: &[u8], offset: u64) -> io::Result<()> {
        // An odd constant spreads the databases; 0 stays as it is.
        let hash = self.hasher.hash(key) ^ u64::from(db).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.partitions[(hash >> 56) as usize].push((hash, offset));
        self.held += 1;
        match self.held < self.held_max {
            true => Ok(()),
            false => self.spill(),
        }
    }

    #[cold]
    fn spill(&mut self) -> io::Result<()> {
        let spilled = match &mut self.spilled {
            Some(spilled) => spilled,
            None => self.spilled.insert(Spilled {
                file: tempfile::tempfile()?,
                len: 0,
                runs: Vec::new(),
            }),
        };
        let mut run = [0; PARTITIONS + 1];
        let mut bytes = Vec::new();
        for (partition, begin) in self.partitions.iter_mut().zip(&mut run) {
            *begin = spilled.len;
            bytes.clear();
            for (hash, offset) in partition.drain(..) {
                bytes.extend_from_slice(&hash.to_le_bytes());
                bytes.extend_from_slice(&offset.to_le_bytes());
            }
            spilled.file.write_all_at(&bytes, spilled.len)?;
            spilled.len += bytes.len() as u64;
        }
        run[PARTITIONS] = spilled.len;
        spilled.runs.push(run);
        self.held = 0;
        Ok(())
    }

    /// Appends what belongs to a partition.
    fn collect(&self, partition: usize, out: &mut Vec<Entry>) -> io::Result<()> {
        out.extend_from_slice(&self.partitions[partition]);
        let Some(spilled) = &self.spilled else {
            return Ok(());
        };
        let mut bytes = Vec::new();
        for run in &spilled.runs {
            bytes.resize((run[partition + 1] - run[partition]) as usize, 0);
            spilled.file.read_exact_at(&mut bytes, run[partition])?;
            out.extend(bytes.chunks_exact(ENTRY).map(|entry| {
                let word = |at: usize| {
                    u64::from_le_bytes(entry[at..at + 8].try_into().expect("eight bytes"))
                };
                (word(0), word(8))
            }));
        }
        Ok(())
    }
}

/// Gathers the keys of all threads and searches them with `threads` threads. At most `told_max` pairs are reported.
///
/// # Errors
/// Those of the temporary files.
pub fn find(keys: &[Keys], threads: usize, told_max: usize) -> io::Result<Suspects> {
    let threads = threads.clamp(1, PARTITIONS);
    let found = std::thread::scope(|scope| {
        let looking: Vec<_> = (0..threads)
            .map(|t| scope.spawn(move || find_in(keys, (t..PARTITIONS).step_by(threads), told_max)))
            .collect();
        let done = looking.into_iter();
        done.map(|t| t.join().expect("looking does not panic"))
            .collect::<io::Result<Vec<Suspects>>>()
    })?;
    let mut all = Suspects::default();
    for part in found {
        all.total += part.total;
        all.pairs.extend(part.pairs);
    }
    all.pairs.sort_unstable_by_key(|&(_, later)| later);
    all.pairs.truncate(told_max);
    Ok(all)
}

fn find_in(
    keys: &[Keys],
    partitions: impl Iterator<Item = usize>,
    told_max: usize,
) -> io::Result<Suspects> {
    let mut found = Suspects::default();
    let (mut entries, mut table) = (Vec::new(), Vec::new());
    for partition in partitions {
        entries.clear();
        for part in keys {
            part.collect(partition, &mut entries)?;
        }
        let twice = hashes_twice(&entries, &mut table);
        if twice.is_empty() {
            continue;
        }
        // Rare, so that it may be slow: all offsets of those hashes, the first one in the file first.
        let mut offsets: HashMap<u64, Vec<u64>> =
            twice.into_iter().map(|hash| (hash, Vec::new())).collect();
        for (hash, offset) in &entries {
            if let Some(of_hash) = offsets.get_mut(hash) {
                of_hash.push(*offset);
            }
        }
        for mut of_hash in offsets.into_values() {
            of_hash.sort_unstable();
            found.total += of_hash.len() as u64 - 1;
            let room = told_max.saturating_sub(found.pairs.len());
            let pairs = of_hash[1..].iter().map(|&later| (of_hash[0], later));
            found.pairs.extend(pairs.take(room));
        }
    }
    Ok(found)
}

/// The hashes that occur more than once. `table` is room for open addressing, at most half full.
fn hashes_twice(entries: &[Entry], table: &mut Vec<u64>) -> Vec<u64> {
    let size = (entries.len() * 2).next_power_of_two();
    let mask = size - 1;
    table.clear();
    // 0 marks a free place; a hash of 0 is taken for 1, which at worst makes a suspect more.
    table.resize(size, 0);
    let mut twice = Vec::new();
    for &(hash, _) in entries {
        let stored = hash.max(1);
        let mut at = (hash >> 16) as usize & mask;
        while table[at] != 0 && table[at] != stored {
            at = (at + 1) & mask;
        }
        if table[at] == stored {
            twice.push(hash);
        }
        table[at] = stored;
    }
    twice
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(threads: usize, held_max: usize, twice: &[u64]) -> Vec<Keys> {
        let mut all: Vec<_> = (0..threads)
            .map(|_| Keys::new(Hasher::new(base::secret::HashKey::fixed([1, 2])), held_max))
            .collect();
        let mut offset = 0;
        let mut push = |n: u64| {
            let key = format!("key:{n}");
            all[offset as usize % threads]
                .push(0, key.as_bytes(), offset)
                .unwrap();
            offset += 1;
        };
        (0..50_000).for_each(&mut push);
        twice.iter().copied().for_each(&mut push);
        all
    }

    #[test]
    fn keys_that_stand_twice_are_found_in_memory_and_in_files() {
        for (threads, held_max) in [(1, 1 << 20), (2, 1 << 20), (1, 1000), (3, 777)] {
            let found = find(&keys(threads, held_max, &[7, 49_999, 7]), 2, 9).unwrap();
            assert_eq!(found.total, 3, "{threads} {held_max}");
            assert_eq!(found.pairs, [(7, 50_000), (49_999, 50_001), (7, 50_002)]);
            assert_eq!(
                find(&keys(threads, held_max, &[]), 2, 9).unwrap(),
                Suspects::default()
            );
        }
    }

    #[test]
    fn the_same_key_in_two_databases_is_two_keys() {
        let mut keys = Keys::new(Hasher::new(base::secret::HashKey::fixed([1, 2])), 100);
        keys.push(0, b"k", 1).unwrap();
        keys.push(1, b"k", 2).unwrap();
        assert_eq!(find(&[keys], 1, 9).unwrap().total, 0);
    }
}
