//! What holds for every value that passes the check.

use forebay_fuzz::rdb::RdbType;
use forebay_fuzz::rdb::check::{Kind, Scratch, check_value};
use forebay_fuzz::rdb::lzf::Packer;
use forebay_fuzz::rdb::normalize::normalize;
use forebay_fuzz::rdb::target::{OnLoss, Target, transcode_value};
use forebay_fuzz::rdb::Context;

/// Checks a value and, if it is sound, takes it all the way round.
#[allow(dead_code)]
pub fn round_trip(context: &Context, rdb_type: RdbType, value: &[u8], scratch: &mut Scratch) {
    let Ok(info) = check_value(context, rdb_type, value, scratch) else { return };
    if info.empty {
        return;
    }
    let mut held = Vec::new();
    let held_type = normalize(context, rdb_type, value, &info, scratch, &mut held).expect("what passes is normalised");
    let again = check_value(&Context::held(), held_type, &held, scratch).expect("what was normalised passes");
    assert!(again.as_is, "and is canonical");
    assert_eq!((again.elements, again.expiring, again.kind), (info.elements, info.expiring, info.kind));
    let mut packer = Packer::new();
    for (_, target) in Target::ALL {
        let mut out = Vec::new();
        let done = transcode_value(held_type, &held, target, OnLoss::Report, scratch, Some(&mut packer), &mut out)
            .expect("canonical values are transcoded");
        let Some(written) = done.rdb_type else { continue };
        assert!(target.reads(written));
        let context = target.version().map_or_else(Context::held, Context::new);
        let back = check_value(&context, written, &out, scratch).expect("what was written passes");
        assert_eq!(back.elements, info.elements);
        if !matches!(info.kind, Kind::Module(_)) {
            assert!(RdbType::read(context.version, written.number()) == Some(written) || target == Target::Auto);
        }
    }
}
