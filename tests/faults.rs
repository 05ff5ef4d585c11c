//! What readers and writers get when something breaks: the experiments of docs/failures.md, each with the bar that it has to
//! meet, in one table.
//!
//! `cargo test --test faults` plays a core of them for a short while, with `FAULTS=all` (`make faults`) all of them for longer;
//! `ONLY=D1,S2` picks some.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

#[path = "faults/mod.rs"]
mod faults;

use self::faults::{Size, complaints, play};

#[test]
fn every_bar_is_met() {
    play(Size::wanted());
}

#[test]
fn the_page_for_operators_names_what_there_is() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/failures.md");
    let complaints = complaints(&std::fs::read_to_string(page).unwrap());
    assert!(complaints.is_empty(), "docs/failures.md: {complaints:#?}");
}
