//! atelier-edge: serves the Atelier shop API from ready-made answers, proved against PostgreSQL.
//!
//! ARCHITECTURE.md shows how the parts hang together. Modules depend downward only; `tests/layers.rs` holds that order.

pub mod answering;
pub mod breaker;
pub mod cache;
pub mod cause;
pub mod changes;
pub mod command;
pub mod config;
pub mod entry;
pub mod facts;
pub mod freshness;
pub mod http;
pub mod key;
pub mod memory;
pub mod metrics;
pub mod model;
pub mod origin;
pub mod outcome;
pub mod purge;
pub mod red;
pub mod reload;
pub mod server;
pub mod stamp;
pub mod supervise;
pub mod systemd;
pub mod tag;
pub mod telemetry;
