//! Canonical values in the forms of [`crate::write::target`].

use crate::bytes::cursor::Cursor;
use crate::bytes::length::encode_length;
use crate::bytes::lzf::Packer;
use crate::bytes::string::{StrRef, encode_blob, encode_item};
use crate::error::{ErrorKind, RdbError};
use crate::frames::skip::module_id;
use crate::packed::listpack::{BacklenForm, Builder, Item};
use crate::tags::rdb_type::RdbType;
use crate::tags::template::Context;
use crate::values::check::Scratch;
use crate::values::normalize::{
    HASH_PACKED_MAX, VALUE_PACKED_MAX, derived_entries_read, derived_head,
};
use crate::values::stream::{Idmp, Stream, StreamId};
use crate::values::stream_node::{check_node, rewrite};
use crate::values::walk::{self, REDIS_EXPIRE_MAX};
use crate::write::compress::compress_value;
use crate::write::target::{Loss, Target, Transcoded};

type Compress<'p> = Option<&'p mut Packer>;

/// Appends the value as well as the target can hold it.
pub(crate) fn transcode(
    rdb_type: RdbType,
    bytes: &[u8],
    target: Target,
    scratch: &mut Scratch,
    compress: Compress<'_>,
    out: &mut Vec<u8>,
) -> Result<Transcoded, RdbError> {
    let whole = |rdb_type| {
        Ok(Transcoded {
            rdb_type: Some(rdb_type),
            loss: None,
        })
    };
    match rdb_type {
        RdbType::Quicklist2 if !target.reads(rdb_type) => {
            list(bytes, scratch, compress, out)?;
            whole(RdbType::List)
        }
        RdbType::SetListpack if !target.reads(rdb_type) => {
            set(rdb_type, bytes, scratch, compress, out)?;
            whole(RdbType::Set)
        }
        RdbType::ZsetListpack if !target.reads(rdb_type) => {
            zset(bytes, scratch, compress, out)?;
            whole(RdbType::Zset2)
        }
        RdbType::HashListpack if !target.reads(rdb_type) => {
            plain_hash(rdb_type, bytes, scratch, compress, out)?;
            whole(RdbType::Hash)
        }
        RdbType::Hash2 | RdbType::HashTtl | RdbType::HashListpackTtl
            if !target.reads(rdb_type) || rdb_type == RdbType::Hash2 =>
        {
            ttl_hash(rdb_type, bytes, target, scratch, compress, out)
        }
        RdbType::Stream3 | RdbType::Stream4 | RdbType::Stream5 => {
            stream(rdb_type, bytes, target, scratch, compress, out)
        }
        RdbType::Array if !target.reads(rdb_type) => Ok(Transcoded {
            rdb_type: None,
            loss: Some(Loss::Array),
        }),
        RdbType::Module2 => {
            out.extend_from_slice(bytes);
            let is_vectors = module_id(&mut Cursor::new(bytes))
                .is_ok_and(|id| id.name().as_str() == "vectorset");
            // For the other modules, nothing tells which servers have them.
            let loss = match (is_vectors, target) {
                (false, Target::Auto) => None,
                (true, target) if target.holds_vectors() => None,
                (true, _) => Some(Loss::Vectors),
                (false, _) => Some(Loss::Module),
            };
            Ok(Transcoded {
                rdb_type: Some(rdb_type),
                loss,
            })
        }
        // The target reads these as they are.
        RdbType::String
        | RdbType::List
        | RdbType::Set
        | RdbType::SetIntset
        | RdbType::SetListpack
        | RdbType::Hash
        | RdbType::HashListpack
        | RdbType::HashTtl
        | RdbType::HashListpackTtl
        | RdbType::Hash2
        | RdbType::Zset2
        | RdbType::ZsetListpack
        | RdbType::Quicklist2
        | RdbType::Array => {
            compress_value(rdb_type, bytes, compress, out)?;
            whole(rdb_type)
        }
        // Old forms, and hashes of templates, have been brought into one of the others.
        RdbType::Zset
        | RdbType::Module
        | RdbType::HashZipmap
        | RdbType::ListZiplist
        | RdbType::ZsetZiplist
        | RdbType::HashZiplist
        | RdbType::Quicklist
        | RdbType::Stream
        | RdbType::Stream2
        | RdbType::HashTtlRc
        | RdbType::HashListpackTtlRc
        | RdbType::HashTemplateListpackDump
        | RdbType::HashTemplateListpack
        | RdbType::HashTemplateDump
        | RdbType::HashTemplatePlain => Err(RdbError::new(
            ErrorKind::UnreadableType(rdb_type.number()),
            0,
            "a value that is not canonical",
        )),
    }
}

/// Type 1.
fn list(
    bytes: &[u8],
    scratch: &mut Scratch,
    mut compress: Compress<'_>,
    out: &mut Vec<u8>,
) -> Result<(), RdbError> {
    let mut n = 0u64;
    walk::list(RdbType::Quicklist2, bytes, scratch.bufs(), |_| {
        n += 1;
        Ok::<(), RdbError>(())
    })?;
    encode_length(n, out);
    walk::list(RdbType::Quicklist2, bytes, scratch.bufs(), |item| {
        encode_item(item, compress.as_deref_mut(), out);
        Ok::<(), RdbError>(())
    })?;
    Ok(())
}

/// Type 2.
fn set(
    rdb_type: RdbType,
    bytes: &[u8],
    scratch: &mut Scratch,
    mut compress: Compress<'_>,
    out: &mut Vec<u8>,
) -> Result<(), RdbError> {
    let mut n = 0u64;
    walk::set(rdb_type, bytes, scratch.bufs(), |_| {
        n += 1;
        Ok::<(), RdbError>(())
    })?;
    encode_length(n, out);
    walk::set(rdb_type, bytes, scratch.bufs(), |member| {
        encode_item(member, compress.as_deref_mut(), out);
        Ok::<(), RdbError>(())
    })?;
    Ok(())
}

/// Type 5, highest score first, as real writers do: cheap insertion at the head when it is loaded.
fn zset(
    bytes: &[u8],
    scratch: &mut Scratch,
    mut compress: Compress<'_>,
    out: &mut Vec<u8>,
) -> Result<(), RdbError> {
    let mut members = Vec::new();
    walk::zset(
        RdbType::ZsetListpack,
        bytes,
        scratch.bufs(),
        |member, score| {
            members.push((member.to_vec(), score));
            Ok::<(), RdbError>(())
        },
    )?;
    encode_length(members.len() as u64, out);
    for (member, score) in members.iter().rev() {
        encode_item(Item::of(member), compress.as_deref_mut(), out);
        out.extend_from_slice(&score.to_le_bytes());
    }
    Ok(())
}

/// Type 4; expiries are left out.
fn plain_hash(
    rdb_type: RdbType,
    bytes: &[u8],
    scratch: &mut Scratch,
    mut compress: Compress<'_>,
    out: &mut Vec<u8>,
) -> Result<(), RdbError> {
    let context = Context::held();
    let mut n = 0u64;
    walk::hash(&context, rdb_type, bytes, scratch.bufs(), |_, _, _| {
        n += 1;
        Ok::<(), RdbError>(())
    })?;
    encode_length(n, out);
    walk::hash(
        &context,
        rdb_type,
        bytes,
        scratch.bufs(),
        |field, value, _| {
            encode_item(field, compress.as_deref_mut(), out);
            encode_item(value, compress.as_deref_mut(), out);
            Ok::<(), RdbError>(())
        },
    )?;
    Ok(())
}

/// What decides the form of a hash with field TTLs.
struct TtlHash {
    fields: u64,
    expiring: u64,
    earliest: i64,
    latest: i64,
    longest: usize,
}

impl TtlHash {
    fn measure(rdb_type: RdbType, bytes: &[u8], scratch: &mut Scratch) -> Result<Self, RdbError> {
        let mut found = TtlHash {
            fields: 0,
            expiring: 0,
            earliest: i64::MAX,
            latest: 0,
            longest: 0,
        };
        walk::hash(
            &Context::held(),
            rdb_type,
            bytes,
            scratch.bufs(),
            |field, value, expire_ms| {
                found.fields += 1;
                found.longest = found.longest.max(field.len()).max(value.len());
                if let Some(time) = expire_ms {
                    found.expiring += 1;
                    found.earliest = found.earliest.min(time);
                    found.latest = found.latest.max(time);
                }
                Ok::<(), RdbError>(())
            },
        )?;
        Ok(found)
    }

    fn is_small(&self) -> bool {
        self.fields <= HASH_PACKED_MAX && self.longest <= VALUE_PACKED_MAX
    }
}

/// Types 22, 24 and 25 for targets that cannot read them as they are.
fn ttl_hash(
    rdb_type: RdbType,
    bytes: &[u8],
    target: Target,
    scratch: &mut Scratch,
    mut compress: Compress<'_>,
    out: &mut Vec<u8>,
) -> Result<Transcoded, RdbError> {
    let found = TtlHash::measure(rdb_type, bytes, scratch)?;
    let done = |rdb_type, loss| {
        Ok(Transcoded {
            rdb_type: Some(rdb_type),
            loss,
        })
    };
    let valkey = matches!(target, Target::Valkey9 | Target::Auto);
    if found.expiring > 0 && valkey {
        if rdb_type == RdbType::Hash2 {
            compress_value(rdb_type, bytes, compress, out)?;
            return done(RdbType::Hash2, None);
        }
        encode_length(found.fields, out);
        walk::hash(
            &Context::held(),
            rdb_type,
            bytes,
            scratch.bufs(),
            |field, value, expire_ms| {
                encode_item(field, compress.as_deref_mut(), out);
                encode_item(value, compress.as_deref_mut(), out);
                out.extend_from_slice(&expire_ms.unwrap_or(-1).to_le_bytes());
                Ok::<(), RdbError>(())
            },
        )?;
        return done(RdbType::Hash2, None);
    }
    if found.expiring > 0 && target.reads(RdbType::HashTtl) {
        // Only from Valkey's form: the Redis dialect ends in the year 10889. Later times become that one.
        let loss = (found.latest > REDIS_EXPIRE_MAX).then_some(Loss::FieldExpiryRange);
        let min = found.earliest.min(REDIS_EXPIRE_MAX);
        out.extend_from_slice(&min.to_le_bytes());
        encode_length(found.fields, out);
        walk::hash(
            &Context::held(),
            rdb_type,
            bytes,
            scratch.bufs(),
            |field, value, expire_ms| {
                encode_length(
                    expire_ms.map_or(0, |t| (t.min(REDIS_EXPIRE_MAX) - min) as u64 + 1),
                    out,
                );
                encode_item(field, compress.as_deref_mut(), out);
                encode_item(value, compress.as_deref_mut(), out);
                Ok::<(), RdbError>(())
            },
        )?;
        return done(RdbType::HashTtl, loss);
    }
    let loss = (found.expiring > 0).then_some(Loss::FieldExpiry);
    if !found.is_small() || !target.reads(RdbType::HashListpack) {
        plain_hash(rdb_type, bytes, scratch, compress, out)?;
        return done(RdbType::Hash, loss);
    }
    let mut lp = Builder::new();
    walk::hash(
        &Context::held(),
        rdb_type,
        bytes,
        scratch.bufs(),
        |field, value, _| {
            for item in [field, value] {
                match item {
                    Item::Bytes(bytes) => lp.push_bytes(bytes),
                    int => lp.push(int),
                }
            }
            Ok::<(), RdbError>(())
        },
    )?;
    encode_blob(lp.finish(), compress, out);
    done(RdbType::HashListpack, loss)
}

/// Streams: the type that the target reads, and the back-length form that it takes.
fn stream(
    rdb_type: RdbType,
    bytes: &[u8],
    target: Target,
    scratch: &mut Scratch,
    mut compress: Compress<'_>,
    out: &mut Vec<u8>,
) -> Result<Transcoded, RdbError> {
    let to = match target {
        Target::Auto => rdb_type,
        Target::Redis62 => RdbType::Stream,
        Target::Redis70 => RdbType::Stream2,
        Target::Redis88 => rdb_type,
        Target::Redis86 => rdb_type.min(RdbType::Stream4),
        Target::Redis72 | Target::Redis74 | Target::Redis8 | Target::Valkey8 | Target::Valkey9 => {
            RdbType::Stream3
        }
    };
    // Valkey 9.1 refuses the old form, older ones crash on the new; a file for "Valkey 9" uses the current one's
    // form.
    let form = if target == Target::Valkey9 {
        BacklenForm::New
    } else {
        BacklenForm::Old
    };
    if to == rdb_type && form == BacklenForm::Old {
        compress_value(rdb_type, bytes, compress, out)?;
        return Ok(Transcoded {
            rdb_type: Some(rdb_type),
            loss: None,
        });
    }
    let mut stream = Stream::parse(rdb_type, bytes)?;
    let mut listpacks = Vec::with_capacity(stream.nodes.len());
    let mut first_live: Option<StreamId> = None;
    for node in &stream.nodes {
        let mut cur = Cursor::starting_at(bytes, node.at);
        let (lp, origin) = walk::blob(&mut cur, &mut scratch.bufs().blob, "stream listpack")?;
        let found = check_node(node.master, lp, |_| {})
            .map_err(|defect| origin.error(defect, "stream node"))?;
        first_live = first_live.or(found.first_live);
        let rewritten = found.has_trap && found.has_new_form != (form == BacklenForm::New);
        let changed = if rewritten {
            let mut fixed = Vec::new();
            rewrite(lp, form, &mut fixed);
            Some(fixed)
        } else {
            None
        };
        let packed = pack_node(
            changed.as_deref().unwrap_or(lp),
            &node.listpack,
            changed.is_some(),
            compress.as_deref_mut(),
        );
        listpacks.push(packed);
    }
    for (node, encoded) in stream.nodes.iter_mut().zip(&listpacks) {
        if let Some((s, _)) = encoded.as_deref().and_then(StrRef::decode) {
            node.listpack = s;
        }
    }
    let loss = reduce(&mut stream, to, first_live);
    stream.encode(to, out);
    Ok(Transcoded {
        rdb_type: Some(to),
        loss,
    })
}

/// The node's string, if it differs from the one in the value.
fn pack_node(
    lp: &[u8],
    old: &StrRef<'_>,
    changed: bool,
    compress: Compress<'_>,
) -> Option<Vec<u8>> {
    let worth_packing = compress.is_some() && matches!(old, StrRef::Raw(_));
    (changed || worth_packing).then(|| {
        let mut encoded = Vec::new();
        encode_blob(lp, compress, &mut encoded);
        encoded
    })
}

/// Removes what type `to` cannot express. Returns the gravest loss.
fn reduce(stream: &mut Stream<'_>, to: RdbType, first_live: Option<StreamId>) -> Option<Loss> {
    let mut loss = None;
    if to < RdbType::Stream3 {
        let consumers = stream.groups.iter().flat_map(|g| &g.consumers);
        if consumers
            .clone()
            .any(|c| c.active_ms.is_some_and(|t| t != c.seen_ms))
        {
            loss = Some(Loss::StreamCounters);
        }
    }
    if to < RdbType::Stream2 {
        let head = derived_head(stream, first_live);
        let reads_differ = stream.groups.iter().any(|g| {
            g.entries_read != derived_entries_read(g.last_id, stream.last_id, stream.length, head)
        });
        if stream.head != Some(head) || reads_differ {
            loss = Some(Loss::StreamCounters);
        }
    }
    if to < RdbType::Stream4
        && stream
            .idmp
            .take()
            .is_some_and(|idmp| idmp != Idmp::default())
    {
        loss = Some(Loss::StreamProducers);
    }
    if to < RdbType::Stream5 {
        for group in &mut stream.groups {
            if !group.nacked.is_empty() {
                group.nacked.clear();
                group.pending.retain(|p| p.owner.is_some());
                loss = Some(Loss::StreamGivenBack);
            }
        }
    }
    loss
}
