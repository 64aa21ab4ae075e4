//! Reads and checks a whole dump without keeping anything of it. A replica does this before it drops its old data for a
//! file.

use super::{CheckOptions, LoadError};
use flow::load::{Unknown, judge};
use rdb::check::{Scratch, check_value};
use rdb::crc64::Crc64;
use rdb::{ErrorKind, Frame, RdbError, Scanner, Step};
use std::io::Read;

/// First size of the window, bytes; it grows only for records that are larger, as their bytes arrive.
const WINDOW: usize = 1 << 20;

/// Checks frames, values and checksum. Returns the number of keys.
///
/// # Errors
/// The first defect, with its offset.
pub fn check<R: Read>(mut source: R, options: CheckOptions) -> Result<u64, LoadError> {
    let mut scanner = Scanner::reading_later(options.unknown.reads_later);
    let mut scratch = Scratch::new(options.key);
    let mut crc = Crc64::new();
    let (mut window, mut filled, mut start) = (vec![0; WINDOW], 0, 0);
    let mut keys = 0;
    loop {
        let before = scanner.offset();
        match scanner
            .next(&window[start..filled])
            .map_err(LoadError::Rdb)?
        {
            Step::Frame { frame, consumed } => {
                let bytes = &window[start..start + consumed];
                if let Frame::Eof { checksum, covered } = frame {
                    crc.update(&bytes[..(covered - before) as usize]);
                    return end(&crc, checksum, covered, options).map(|()| keys);
                }
                crc.update(bytes);
                keys += matches!(frame, Frame::Key(_)) as u64;
                check_frame(&frame, &scanner, &mut scratch, before, options)?;
                start += consumed;
            }
            Step::NeedMore { .. } => {
                window.copy_within(start..filled, 0);
                (filled, start) = (filled - start, 0);
                if filled == window.len() {
                    window.resize(window.len() * 2, 0);
                }
                let read = source.read(&mut window[filled..]);
                let n = read.map_err(|source| LoadError::Io {
                    offset: before + filled as u64,
                    source,
                })?;
                if n == 0 {
                    return Err(LoadError::Rdb(scanner.truncated()));
                }
                filled += n;
            }
        }
    }
}

fn check_frame(
    frame: &Frame<'_>,
    scanner: &Scanner,
    scratch: &mut Scratch,
    offset: u64,
    options: CheckOptions,
) -> Result<(), LoadError> {
    match frame {
        Frame::SelectDb(db) if *db >= options.databases => Err(LoadError::Database {
            db: *db,
            databases: options.databases,
            offset,
        }),
        Frame::Key(record) => {
            let value = record.value;
            let info = check_value(scanner.context(), record.rdb_type, value, scratch);
            let located = |e: RdbError| e.shifted(record.value_offset()).with_key(&record.key);
            let info = info.map_err(|e| LoadError::Rdb(located(e)))?;
            match judge(&info, options.unknown) {
                Err(kind) => {
                    let error = RdbError::new(kind, record.offset, "a value");
                    Err(LoadError::Rdb(error.with_key(&record.key)))
                }
                Ok(_) => Ok(()),
            }
        }
        frame => match refused(frame, options.unknown) {
            Some((kind, what)) => Err(LoadError::Rdb(RdbError::new(kind, offset, what))),
            None => Ok(()),
        },
    }
}

/// Why a dump with this frame, which is not a key, is refused.
pub(super) fn refused(frame: &Frame<'_>, unknown: Unknown) -> Option<(ErrorKind, &'static str)> {
    match frame {
        _ if unknown.skips => None,
        Frame::ModuleAux { id, is_empty, .. } => {
            let refused = !unknown.keeps && !is_empty;
            refused.then_some((ErrorKind::Module(*id), "auxiliary data of a module"))
        }
        Frame::KeyMeta { .. } => Some((
            ErrorKind::Unheld("metadata that modules attach to a key"),
            "metadata of a key",
        )),
        _ => None,
    }
}

fn end(
    crc: &Crc64,
    stored: Option<u64>,
    offset: u64,
    options: CheckOptions,
) -> Result<(), LoadError> {
    match stored {
        Some(stored) if stored != 0 && options.verify_checksum && stored != crc.value() => {
            Err(LoadError::Checksum {
                stored,
                computed: crc.value(),
                offset,
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdb::version::RdbVersion;
    use rdb::writer::{Attributes, Checksum, Writer};

    const OPTIONS: CheckOptions = CheckOptions {
        databases: 16,
        verify_checksum: true,
        unknown: Unknown {
            keeps: true,
            skips: false,
            reads_later: false,
        },
        key: base::secret::HashKey::fixed([1, 0]),
    };

    fn dump() -> Vec<u8> {
        let mut w = Writer::new(Vec::new(), RdbVersion::REDIS_10, Checksum::Computed).unwrap();
        w.select_db(3).unwrap();
        let value = [&[0x80, 0, 0x20, 0, 0][..], &vec![b'v'; 2 << 20]].concat();
        for key in [b"a", b"b"] {
            w.key(&Attributes::default(), rdb::RdbType::String, key, &value)
                .unwrap();
        }
        w.finish().unwrap().0
    }

    #[test]
    fn a_sound_dump_passes_whatever_the_window() {
        assert_eq!(check(dump().as_slice(), OPTIONS).unwrap(), 2);
    }

    #[test]
    fn a_dump_cut_or_changed_anywhere_is_refused() {
        let good = dump();
        for len in [0, 5, 9, 40, 1 << 20, good.len() - 9, good.len() - 1] {
            assert!(check(&good[..len], OPTIONS).is_err(), "cut at {len}");
        }
        for at in [3, 11, 100, 3 << 20, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 0x41;
            assert!(check(bad.as_slice(), OPTIONS).is_err(), "changed at {at}");
        }
        let few = CheckOptions {
            databases: 3,
            ..OPTIONS
        };
        assert!(matches!(
            check(good.as_slice(), few),
            Err(LoadError::Database { db: 3, .. })
        ));
    }
}
