//! Values of a dump, checked and in the canonical form.

use rdb::RdbType;
use rdb::check::{Scratch, ValueInfo, check_value};
use rdb::normalize::normalize;
use rdb::{Context, RdbError, Record};

/// A value that is sound.
#[derive(Debug)]
pub struct Canonical<'a> {
    /// What the check found.
    pub info: ValueInfo,
    /// Its canonical type.
    pub rdb_type: RdbType,
    /// Its canonical bytes.
    pub bytes: &'a [u8],
}

/// Checks a record's value and converts it where it must be; `buf` is room for that.
///
/// # Errors
/// The first defect, with its place in the file and its key.
pub fn canonical<'a>(
    context: &Context,
    record: &Record<'a>,
    scratch: &mut Scratch,
    buf: &'a mut Vec<u8>,
) -> Result<Canonical<'a>, RdbError> {
    let located = |e: RdbError| e.shifted(record.value_offset()).with_key(&record.key);
    let info = check_value(context, record.rdb_type, record.value, scratch).map_err(located)?;
    if info.as_is || info.empty {
        return Ok(Canonical {
            info,
            rdb_type: record.rdb_type,
            bytes: record.value,
        });
    }
    buf.clear();
    let held = normalize(context, record.rdb_type, record.value, &info, scratch, buf);
    Ok(Canonical {
        info,
        rdb_type: held.map_err(located)?,
        bytes: buf,
    })
}
