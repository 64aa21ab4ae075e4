//! Tests of the engine that need commands to run on it.

mod acl;
mod acl_databases;
mod answers;
mod blocking;
mod client_eviction;
mod client_list;
mod command_logs;
mod commit;
mod counters;
mod evict;
mod executor;
mod expire_cycle;
mod gates;
mod host;
mod links;
mod notify;
mod output_limits;
mod own_keys;
mod redact;
mod replay;
mod request_keys;
mod script_bounds;
mod script_draws;
mod scripting;
mod table;
mod timing;
