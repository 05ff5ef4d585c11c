//! Whether the nodes keep the promise of docs/freshness.md, as a black box over HTTP and SQL.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "consistency/mod.rs"]
mod consistency;
#[path = "consistency/judge_tests.rs"]
mod judge_tests;
