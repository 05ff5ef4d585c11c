//! The checker of docs/freshness.md, section 13, and the runs that use it.

// Three test binaries use this folder, each a part of it.
#![allow(dead_code)]

pub(crate) mod acts;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod faults;
pub(crate) mod history;
pub(crate) mod hostile;
pub(crate) mod judge;
pub(crate) mod line;
pub(crate) mod lives;
pub(crate) mod play;
pub(crate) mod purges;
pub(crate) mod reader;
pub(crate) mod readers;
pub(crate) mod run;
pub(crate) mod scenes;
pub(crate) mod sql;
pub(crate) mod stage;
pub(crate) mod verdict;
pub(crate) mod writers;
