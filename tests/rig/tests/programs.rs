//! The programs of this package say what they lack. That they are tried here also has `cargo test` build them, for the scripts that use
//! them.

#![allow(missing_docs)]

use std::process::{Command, Output};

fn run(program: &str) -> Output {
    Command::new(program).env_remove("SESSION_ADDRESS").output().expect("it can be started")
}

#[test]
fn what_is_missing_is_named() {
    let alone = run(env!("CARGO_BIN_EXE_with-node"));
    assert_eq!(alone.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&alone.stderr).starts_with("usage: with-node COMMAND"), "{alone:?}");
    let nowhere = run(env!("CARGO_BIN_EXE_session"));
    assert!(!nowhere.status.success());
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("SESSION_ADDRESS says whom to ask"), "{nowhere:?}");
}
