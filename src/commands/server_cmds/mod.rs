//! The commands about the server and its clients.
//!
//! * [`info`]: INFO, with its sections in [`info_sections`]; [`memory`]: MEMORY.
//! * [`config`]: CONFIG; [`command`]: COMMAND, with [`docs`]; [`client`]: CLIENT, with [`engine::client_list`].
//! * [`admin`]: SHUTDOWN, TIME, LOLWUT. [`acl`]: users. [`cluster`], [`module`]: commands for features that Forebay
//!   does not have, most of which are refused.
//! * [`slowlog`], [`hotkeys`], [`latency`], [`monitor`]: observing what commands do.

pub mod acl;
pub mod admin;
pub mod client;
mod client_filter;
pub mod client_tracking;
pub mod cluster;
pub mod command;
pub mod command_info;
pub mod config;
pub mod docs;
pub mod hotkeys;
pub mod info;
pub mod info_sections;
pub mod latency;
pub mod memory;
pub mod module;
pub mod monitor;
pub mod slowlog;

/// A number of bytes in the readable form of INFO (`1.50M`).
pub fn human(bytes: usize) -> String {
    let n = bytes as f64;
    for (unit, name) in [
        (1u64 << 40, "T"),
        (1 << 30, "G"),
        (1 << 20, "M"),
        (1 << 10, "K"),
    ] {
        if n >= unit as f64 {
            return format!("{:.2}{name}", n / unit as f64);
        }
    }
    format!("{bytes}B")
}
