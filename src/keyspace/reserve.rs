//! The memory that a server reserves for the moment when the system refuses more: the [general reserve](base::reserve),
//! and regions of the keyspace.

use super::memory::region_pool;
use base::reserve;

/// Fills the reserve, and returns true if it is full. Called at the start of a server, and whenever the reserve [is
/// short](reserve::is_short).
pub fn fill() -> bool {
    let fill = || reserve::fill(region_pool::fill_ready);
    // Addresses that the keyspace does not use may be what is lacking.
    fill() || give_addresses_back() && fill()
}

/// Releases addresses that the keyspace does not use, so that other code can have them; false if there were none.
pub fn give_addresses_back() -> bool {
    region_pool::give_addresses_back()
}
