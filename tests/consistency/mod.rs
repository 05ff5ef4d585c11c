//! The checker of docs/freshness.md, section 13, and the runs that use it.

// Three test binaries use this folder, each a part of it.
#![allow(dead_code)]

pub(crate) mod history;
pub(crate) mod judge;
