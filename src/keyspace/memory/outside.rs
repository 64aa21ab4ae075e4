//! Values outside the records: an 8-byte handle in the record owns them.
//!
//! A handle is the address of an `Arc<Value>`, or, if the key is long too, of a boxed `LongKey`. Code that writes a
//! record with a handle gives the value away; code that drops such a record (when it is replaced, deleted, or no
//! longer needed by a snapshot) takes it back. Bytes from outside never contain handles: loading checks the type
//! byte.
//!
//! This is sound because only [`super::segment`] reads handles, from records that it wrote, and only [`super::parts`]
//! creates them.

use crate::Value;
use crate::record::{self, HANDLE, Record};
use std::mem::ManuallyDrop;
use std::sync::Arc;

/// A key that is too long for a record, with its value.
struct LongKey {
    /// Shared with the records that replace this one: a key may be as long as a request.
    key: Arc<[u8]>,
    value: Arc<Value>,
}

/// Turns a value, and the key if it is not in the record, into a handle.
pub fn store(key: Option<Arc<[u8]>>, value: Arc<Value>) -> [u8; HANDLE] {
    let address = match key {
        None => Arc::into_raw(value).expose_provenance(),
        Some(key) => {
            let key = Box::new(LongKey { key, value });
            Box::into_raw(key).expose_provenance()
        }
    };
    (address as u64).to_le_bytes()
}

/// The value that a record's handle owns.
///
/// # Panics
/// When the record has no handle, or the value is out on loan.
///
/// # Safety
/// `record` begins with a record of a segment.
#[inline]
pub unsafe fn value(record: &[u8]) -> &Value {
    match handle(record) {
        // SAFETY: the handle was made by `store` and is owned by this record, which is borrowed for as
        // long as the result.
        (false, address) => unsafe { &*std::ptr::with_exposed_provenance::<Value>(address) },
        // SAFETY: `store` made the handle of a `LongKey`, as the bit for a long key says. This record owns it, and is
        // borrowed for as long as the result.
        (true, address) => unsafe {
            &(*std::ptr::with_exposed_provenance::<LongKey>(address)).value
        },
    }
}

/// As [`value`]; `None` if the value is out on loan.
///
/// # Safety
/// As [`value`].
#[inline]
pub unsafe fn value_unless_lent(record: &[u8]) -> Option<&Value> {
    match raw_handle(record) {
        (_, 0) => None,
        // SAFETY: the caller promises a record of a segment, and its handle is not void.
        _ => Some(unsafe { value(record) }),
    }
}

/// The key of a record with a long key.
///
/// # Panics
/// As [`value`].
///
/// # Safety
/// As [`value`].
#[cold]
pub unsafe fn long_key(record: &[u8]) -> &[u8] {
    match handle(record) {
        // SAFETY: `store` made the handle of a `LongKey`, as the type byte says, and the record, which the caller
        // borrows, owns it.
        (true, address) => unsafe { &(*std::ptr::with_exposed_provenance::<LongKey>(address)).key },
        (false, _) => panic!("the key stands in the record"),
    }
}

/// Another reference to the key of a record; `None` if it is in the record, as all but long ones are.
///
/// # Panics
/// When the value of a long key is out on loan.
///
/// # Safety
/// As [`value`].
pub unsafe fn share_key(record: &[u8]) -> Option<Arc<[u8]>> {
    if !Record::parse(record).type_byte.has_long_key() {
        return None;
    }
    let (_, address) = raw_handle(record);
    assert!(address != 0, "a value that is being edited");
    // SAFETY: `store` made the handle of a `LongKey`, as the type byte says, and the record, which the caller borrows,
    // owns it.
    let stored = unsafe { &*std::ptr::with_exposed_provenance::<LongKey>(address) };
    Some(stored.key.clone())
}

/// The value that a record's handle owns, to be changed where it is: `None` if others have references to it,
/// or if it is out on loan.
///
/// # Safety
/// As [`value`]; and the record is borrowed exclusively for as long as the result.
#[inline]
pub unsafe fn value_mut<'a>(record: &[u8]) -> Option<&'a mut Value> {
    match raw_handle(record) {
        (_, 0) => None,
        (false, address) => {
            let value = std::ptr::with_exposed_provenance::<Value>(address);
            // SAFETY: the record owns this reference, which is not dropped here.
            let mut value = ManuallyDrop::new(unsafe { Arc::from_raw(value) });
            let only: *mut Value = Arc::get_mut(&mut value)?;
            // SAFETY: it is the only reference, and the caller has borrowed the record that owns it.
            Some(unsafe { &mut *only })
        }
        (true, address) => {
            let key = std::ptr::with_exposed_provenance_mut::<LongKey>(address);
            // SAFETY: the record owns the box, and the caller has borrowed it exclusively.
            Arc::get_mut(unsafe { &mut (*key).value })
        }
    }
}

/// As [`value_mut`], of a value that others may have references to: then the record gets one of its own first,
/// which shares with theirs what is not changed.
///
/// # Panics
/// When the record has no handle, or the value is out on loan.
///
/// # Safety
/// As [`value_mut`]; and the record is written by this module only.
#[inline]
pub unsafe fn value_to_change(bytes: &mut [u8]) -> &mut Value {
    let (long, address) = handle(bytes);
    if long {
        let key = std::ptr::with_exposed_provenance_mut::<LongKey>(address);
        // SAFETY: the record owns the box, and the caller has borrowed it exclusively.
        return Arc::make_mut(unsafe { &mut (*key).value });
    }
    let old = std::ptr::with_exposed_provenance::<Value>(address);
    // SAFETY: the record owns this reference, which is not dropped here but by `make_mut`, if that makes another.
    let mut value = ManuallyDrop::new(unsafe { Arc::from_raw(old) });
    let only: *mut Value = match Arc::get_mut(&mut value) {
        Some(only) => only,
        None => {
            Arc::make_mut(&mut value);
            let at = record::head_len(bytes);
            let address = Arc::as_ptr(&value).expose_provenance() as u64;
            bytes[at..at + HANDLE].copy_from_slice(&address.to_le_bytes());
            Arc::make_mut(&mut value)
        }
    };
    // SAFETY: it is the only reference, and the record that owns it is borrowed for as long as the result.
    unsafe { &mut *only }
}

/// Another reference to the value.
///
/// # Safety
/// As [`value`].
pub unsafe fn share(record: &[u8]) -> Arc<Value> {
    match handle(record) {
        (false, address) => {
            let value = std::ptr::with_exposed_provenance::<Value>(address);
            // SAFETY: `store` made the handle, and the record, which the caller borrows, owns a reference; the new
            // reference is counted before it is made.
            unsafe {
                Arc::increment_strong_count(value);
                Arc::from_raw(value)
            }
        }
        // SAFETY: `store` made the handle of a `LongKey`, as the type byte says, and the record, which the caller
        // borrows, owns it.
        (true, address) => unsafe {
            (*std::ptr::with_exposed_provenance::<LongKey>(address))
                .value
                .clone()
        },
    }
}

/// Takes the value out of a record that is about to be removed. Returns `None` if the value is lent.
///
/// # Safety
/// As [`value`]; and the record will not be read again: its handle is void.
pub unsafe fn take(record: &[u8]) -> Option<Arc<Value>> {
    let (long, address) = raw_handle(record);
    if address == 0 {
        return None;
    }
    Some(if long {
        let key = std::ptr::with_exposed_provenance_mut::<LongKey>(address);
        // SAFETY: the record owned the handle, and the caller gives the record up.
        unsafe { Box::from_raw(key) }.value
    } else {
        // SAFETY: the record owned this reference, and the caller gives the record up.
        unsafe { Arc::from_raw(std::ptr::with_exposed_provenance::<Value>(address)) }
    })
}

/// (long key?, address)
#[inline]
fn handle(bytes: &[u8]) -> (bool, usize) {
    let (long, address) = raw_handle(bytes);
    assert!(address != 0, "a value that is being edited");
    (long, address)
}

/// (long key?, address, or 0 while the value is out on loan)
#[inline]
fn raw_handle(bytes: &[u8]) -> (bool, usize) {
    let type_byte = record::type_byte(bytes);
    assert!(type_byte.is_outside(), "a record without a handle");
    let handle = &bytes[record::head_len(bytes)..][..HANDLE];
    let address = u64::from_le_bytes(handle.try_into().expect("8 bytes")) as usize;
    (type_byte.has_long_key(), address)
}
