//! What a hit costs, counted: one connection through all of the server, from the socket and back, driven on one thread.
//!
//! Client and server are tasks of the same thread and take turns in the same way each time, so that counts of two runs are nearly
//! the same. The polls of the server are on a thread of their own, as they mostly are in a node, and are not counted.

mod bare;
mod case;
mod connection;
mod ours;

pub use self::case::{CASES, Case, PRODUCT};
pub use self::connection::Connection;
