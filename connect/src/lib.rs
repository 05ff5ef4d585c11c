//! Where PostgreSQL is, whom to believe there and at Redis, and the secrets for both: what every program of this workspace that
//! connects does in the same way.
//!
//! The rule is one: over a network, nothing is said to a server before its certificate is verified, chain and name. Plain text is
//! for loopback and Unix sockets, and elsewhere only for whoever asks for it in words. There is no mode in between, since one that
//! encrypts without verifying tells its password to whoever answers.

pub mod database;
pub mod place;
pub mod secret;
pub mod small_file;
pub mod trust;

pub use database::Address;
pub use secret::Secret;
pub use trust::Roots;
