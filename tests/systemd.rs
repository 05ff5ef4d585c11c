//! Under systemd: what the node tells it, its units, the package, and all of it on a machine that boots.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

#[path = "systemd/machine.rs"]
mod machine;
#[path = "systemd/notify.rs"]
mod notify;
#[path = "systemd/package.rs"]
mod package;
#[path = "systemd/units.rs"]
mod units;

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");
