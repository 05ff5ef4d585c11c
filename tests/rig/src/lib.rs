//! The test rig: real servers in a scratch folder, on free ports, stopped with the test however it ends; and a plain HTTP
//! client that shows every byte.
//!
//! What cannot be started is a panic with the server's own log in it: a test that cannot run must not pass.

pub mod chromium;
pub mod front_end;
pub mod http;
pub mod import;
pub mod load;
pub mod machine;
pub mod mirror;
pub mod mutate;
pub mod nginx;
pub mod nobody;
pub mod node;
pub mod notify;
pub mod package;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod prometheus;
pub mod proxy;
pub mod redis;
pub mod scratch;
pub mod session;
pub mod tls;
pub mod words;

pub use chromium::Chromium;
pub use http::{Client, Response};
pub use load::{Answer, Ask, Load, Samples};
pub use machine::Machine;
pub use mirror::{Manner, Mirror};
pub use nginx::Nginx;
pub use nobody::Nobody;
pub use node::Node;
pub use notify::Notified;
pub use package::Package;
pub use pgbouncer::PgBouncer;
pub use postgres::Postgres;
pub use process::{Process, wait_until};
pub use prometheus::Prometheus;
pub use proxy::{Fault, Flow, Proxy};
pub use redis::Redis;
pub use scratch::Scratch;
pub use session::Session;
pub use tls::{Authority, Certificate};
pub use words::words;
