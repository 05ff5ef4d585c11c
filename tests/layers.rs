//! Modules depend downward only, and each outside library is named where it belongs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the server, and what each may name. `main` joins them and may name all.
const MAY_NAME: [(&str, &[&str]); 26] = [
    ("answering", &[]),
    ("cause", &[]),
    ("key", &[]),
    ("freshness", &[]),
    ("outcome", &[]),
    ("red", &[]),
    ("stamp", &[]),
    ("tag", &["key"]),
    ("command", &["tag"]),
    ("facts", &["freshness", "key", "stamp"]),
    ("entry", &["facts", "freshness", "key", "stamp"]),
    ("model", &[]),
    ("metrics", &["outcome"]),
    ("memory", &[]),
    ("supervise", &["metrics"]),
    ("breaker", &["metrics"]),
    ("origin", &["cause", "command", "key", "metrics", "model", "red", "stamp", "supervise", "tag"]),
    (
        "changes",
        &["breaker", "cause", "facts", "freshness", "key", "metrics", "origin", "red", "stamp", "supervise", "tag"],
    ),
    (
        "cache",
        &[
            "breaker",
            "cause",
            "changes",
            "command",
            "entry",
            "freshness",
            "key",
            "memory",
            "metrics",
            "origin",
            "outcome",
            "red",
            "stamp",
            "supervise",
            "tag",
        ],
    ),
    (
        "http",
        &[
            "answering",
            "cache",
            "cause",
            "command",
            "entry",
            "freshness",
            "key",
            "metrics",
            "model",
            "outcome",
            "red",
            "stamp",
            "tag",
            "telemetry",
        ],
    ),
    ("server", &["answering", "cause", "metrics"]),
    ("systemd", &["cache", "server"]),
    ("telemetry", &["metrics"]),
    ("config", &["breaker", "cache", "changes", "http", "key", "memory", "model", "origin", "server", "telemetry"]),
    ("purge", &["cause", "command", "config", "key", "origin", "stamp", "tag"]),
    ("reload", &["cache", "config", "http", "origin", "server", "systemd", "telemetry"]),
];

/// Libraries that are named in one place only.
const BELONGS: [(&str, &[&str]); 15] = [
    ("prometheus_client", &["src/metrics.rs", "src/metrics/"]),
    ("moka", &["src/cache/l1.rs"]),
    ("redis", &["src/cache/"]),
    ("tokio_postgres", &["src/origin/postgres/"]),
    ("bb8", &["src/origin/postgres/"]),
    ("clap", &["src/main.rs", "src/config/", "src/purge.rs"]),
    ("listenfd", &["src/server/inherited.rs"]),
    ("sd_notify", &["src/systemd/"]),
    ("sha2", &["src/http/"]),
    ("subtle", &["src/http/"]),
    ("atelier_connect", &["src/config/", "src/cache/", "src/origin/postgres/"]),
    // Whom to believe is decided in one place, which is none of these.
    ("rustls", &[]),
    ("tokio_postgres_rustls", &[]),
    ("simd_json", &["src/http/"]),
    ("atelier_import", &["src/main.rs", "src/origin/memory/"]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Each source file of the server with its code, comments left out.
fn code() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    sources(&root.join("src"), &mut paths);
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        (name, code)
    };
    paths.into_iter().map(read).collect()
}

/// The module a file belongs to: the first part of its path below `src/`.
fn module(file: &str) -> &str {
    let below = file.strip_prefix("src/").unwrap();
    below.split('/').next().unwrap().trim_end_matches(".rs")
}

/// Whether `code` names `path` as a path of its own, not as the end of a longer word.
fn names(code: &str, path: &str) -> bool {
    code.match_indices(path).any(|(place, _)| {
        let before = code[..place].chars().next_back();
        let after = code[place + path.len()..].chars().next();
        let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !word(before) && (path.ends_with(':') || !word(after))
    })
}

#[test]
fn modules_name_only_what_stands_below_them() {
    let mut wrong = Vec::new();
    for (file, code) in code() {
        let module = module(&file);
        if matches!(module, "main" | "lib") {
            continue;
        }
        let (_, allowed) =
            MAY_NAME.iter().find(|(name, _)| *name == module).unwrap_or_else(|| panic!("{file} is in no layer"));
        for (other, _) in MAY_NAME {
            let named = names(&code, &format!("crate::{other}"));
            if named && other != module && !allowed.contains(&other) {
                wrong.push(format!("{file} names {other}"));
            }
        }
        assert!(!code.contains("use crate::{"), "{file}: name one module per `use`, so that this test can read it");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn libraries_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for (file, code) in code() {
        for (library, places) in BELONGS {
            let named = names(&code, &format!("{library}::")) || names(&code, &format!("use {library}"));
            if named && !places.iter().any(|place| file.starts_with(place)) {
                wrong.push(format!("{file} names {library}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn there_is_one_implementation_of_tls_and_one_of_its_cryptography() {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    let times = |name: &str| lock.matches(&format!("name = \"{name}\"\n")).count();
    assert_eq!(["rustls", "ring"].map(times), [1, 1]);
    assert_eq!(["aws-lc-rs", "aws-lc-sys", "native-tls", "openssl-sys", "boring"].map(times), [0; 5]);
}

#[test]
fn the_first_two_can_fail() {
    assert!(names("use crate::cache::Cache;", "crate::cache"));
    assert!(!names("use crate::cached::Cache;", "crate::cache"));
    assert!(!names("use notmoka::sync;", "moka::"));
    assert!(names("let a: moka::sync::Cache", "moka::"));
}
