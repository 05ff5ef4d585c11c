//! The server's command line: what it says of settings, right and wrong ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::process::{Command, Output};

use atelier_rig::node::OF_OTHERS;

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// The server's command line with these settings and no others.
fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = Command::new(SERVER);
    for (name, _) in std::env::vars() {
        if name.starts_with("ATELIER_") || OF_OTHERS.contains(&&*name) {
            command.env_remove(name);
        }
    }
    command.args(arguments).envs(settings.iter().copied()).output().unwrap()
}

#[test]
fn bad_settings_are_named_all_at_once_and_nothing_starts() {
    let bad = [
        ("DATABASE_URL", "mysql://shop:hunter2@db/shop"),
        ("REDIS_URL", "http://:hunter2@cache"),
        ("ATELIER_LISTEN", "everywhere"),
        ("ATELIER_L1_BYTES", "64MB"),
        ("ATELIER_TTL_LIST", "60"),
        ("ATELIER_TTL_PRODUCTS", "60s"),
        ("ATELIER_DRAIN_IDLE", "1h"),
    ];
    for command in ["check-config", "serve"] {
        let refused = run(&[command, "--aliases=perhaps"], &bad);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(78), 0), "{said}");
        for name in bad.iter().map(|(name, _)| *name).chain(["ATELIER_ALIASES"]) {
            let lines = said.lines().filter(|line| line.starts_with(&format!("atelier-edge: {name}:"))).count();
            assert_eq!(lines, 1, "{name} in {said}");
        }
        assert_eq!(said.lines().count(), bad.len() + 1, "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let good = run(&["check-config"], &[("ATELIER_L1_BYTES", "64MiB")]);
    assert_eq!((good.status.code(), good.stderr.len(), good.stdout.len()), (Some(0), 0, 0));
}

#[test]
fn settings_are_shown_with_their_source_and_without_secrets() {
    let settings = [
        ("DATABASE_URL", "postgres://shop:hunter2@db/shop"),
        ("REDIS_URL", "redis://:hunter2@cache:6379/1"),
        ("ATELIER_TTL_LIST", "5s"),
        ("ATELIER_LISTEN", "0.0.0.0:80"),
    ];
    let shown = run(&["print-config", "--listen=0.0.0.0:8080"], &settings);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown.status.code(), Some(0));
    let words = |name: &str| {
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap();
        line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(words("DATABASE_URL"), ["postgres://shop:…@db:5432/shop", "environment"]);
    assert_eq!(words("REDIS_URL"), ["redis://cache:6379/1", "environment"]);
    assert_eq!(words("ATELIER_TTL_LIST"), ["5s", "environment"]);
    assert_eq!(words("ATELIER_LISTEN"), ["0.0.0.0:8080", "--listen"]);
    assert_eq!(words("ATELIER_BUDGET"), ["1s", "default"]);
    for form in ["table", "markdown", "env"] {
        let shown = run(&["print-config", "--form", form], &settings);
        assert!(!String::from_utf8(shown.stdout).unwrap().contains("hunter2"), "{form}");
    }
}
