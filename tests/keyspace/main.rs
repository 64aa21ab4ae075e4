//! The keyspace as a whole, against a model.

mod model;
mod random;
