//! Wall-clock time in the machine's zone, for log lines.

use std::mem::MaybeUninit;

/// A broken-down local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// Full year.
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    /// 0 to 23.
    pub hour: u32,
    /// 0 to 59.
    pub minute: u32,
    /// 0 to 60.
    pub second: u32,
    /// Seconds east of Greenwich.
    pub offset: i64,
}

/// The local time at `unix_seconds`.
pub fn local_time(unix_seconds: i64) -> LocalTime {
    let time: libc::time_t = unix_seconds;
    let mut broken = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call; all-zero is a valid `tm`, so that the result is
    // initialised even if the call fails (a year out of range).
    let tm = unsafe {
        libc::localtime_r(&time, broken.as_mut_ptr());
        broken.assume_init()
    };
    LocalTime {
        year: tm.tm_year + 1900,
        month: tm.tm_mon as u32 + 1,
        day: tm.tm_mday as u32,
        hour: tm.tm_hour as u32,
        minute: tm.tm_min as u32,
        second: tm.tm_sec as u32,
        offset: tm.tm_gmtoff,
    }
}
