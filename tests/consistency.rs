//! Whether the nodes keep the promise of docs/freshness.md, as a black box over HTTP and SQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm
)]
#![allow(missing_docs)]

#[path = "consistency/mod.rs"]
mod consistency;
#[path = "consistency/judge_tests.rs"]
mod judge_tests;

use std::sync::Arc;
use std::time::Duration;

use self::consistency::cluster::Cluster;
use self::consistency::run::{Outcome, Plan, report, seed};
use self::consistency::scenes::Scene;

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// The scenes named in `SCENES`, or all.
fn scenes() -> Vec<Scene> {
    let named = std::env::var("SCENES").unwrap_or_default();
    let wanted = |scene: &Scene| named.is_empty() || named.split(',').any(|name| format!("{scene:?}") == name);
    Scene::ALL.into_iter().filter(wanted).collect()
}

fn hold(outcomes: &[Outcome]) {
    let violations: u64 = outcomes.iter().map(|outcome| outcome.verdict.total()).sum();
    let lacking = outcomes.iter().filter(|outcome| !outcome.lacks.is_empty()).count();
    let report = report(outcomes);
    eprintln!("{report}");
    assert!(violations == 0 && lacking == 0, "{report}");
}

#[test]
fn the_promise_holds_in_every_scene() {
    let seed = seed();
    let cluster = Arc::new(Cluster::start(SERVER));
    let run = |scene: Scene| Plan::of(scene, Duration::from_secs(2), seed).run(&cluster);
    let outcomes: Vec<_> = scenes().into_iter().map(run).collect();
    hold(&outcomes);
}
