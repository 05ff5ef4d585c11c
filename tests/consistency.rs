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

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::consistency::cluster::{Cluster, FAKETIME};
use self::consistency::run::{Outcome, Plan, report, seed};
use self::consistency::scenes::{BOUND, Scene};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// Those of the scenes that are named in `SCENES`, or all of them.
fn wanted(scenes: &[Scene]) -> Vec<Scene> {
    let named = std::env::var("SCENES").unwrap_or_default();
    let wanted = |scene: &Scene| named.is_empty() || named.split(',').any(|name| format!("{scene:?}") == name);
    let found: Vec<_> = scenes.iter().copied().filter(wanted).collect();
    assert!(!found.is_empty(), "SCENES={named:?} names none of {scenes:?}");
    found
}

fn hold(outcomes: &[Outcome]) {
    let violations: u64 = outcomes.iter().map(|outcome| outcome.verdict.total()).sum();
    let lacking = outcomes.iter().filter(|outcome| !outcome.lacks.is_empty()).count();
    let report = report(outcomes);
    eprintln!("{report}");
    assert!(violations == 0 && lacking == 0, "{report}");
}

/// Every scene once, or, for `MINUTES` (`make consistency`), all of them again and again, each time with another seed and for longer.
#[test]
fn the_promise_holds_in_every_scene() {
    match std::env::var("MINUTES") {
        Err(_) => once(),
        Ok(minutes) => for_long(minutes.parse().expect("MINUTES is a number")),
    }
}

fn once() {
    let seed = seed();
    let cluster = Arc::new(Cluster::start(SERVER));
    let run = |scene: Scene| Plan::of(scene, Duration::from_secs(2), seed).run(&cluster);
    let outcomes: Vec<_> = wanted(&Scene::ALL).into_iter().map(run).collect();
    hold(&outcomes);
}

fn for_long(minutes: u64) {
    let until = Instant::now() + Duration::from_secs(60 * minutes);
    let can_be_played = |scene: &Scene| {
        let lacks = *scene == Scene::Clocks && !Path::new(FAKETIME).exists();
        if lacks {
            eprintln!("skipped: Clocks: {FAKETIME} is not there");
        }
        !lacks
    };
    let all: Vec<_> = Scene::ALL.into_iter().chain(Scene::MORE).filter(can_be_played).collect();
    let scenes = wanted(&all);
    let cluster = Arc::new(Cluster::start(SERVER));
    let (mut seed, mut seconds, mut outcomes) = (seed(), 2, Vec::new());
    while Instant::now() < until {
        let first = outcomes.len();
        for scene in scenes.iter().take_while(|_| Instant::now() < until) {
            outcomes.push(Plan::of(*scene, Duration::from_secs(seconds), seed).run(&cluster));
        }
        eprintln!("SEED={seed}, {seconds} s each\n{}", report(&outcomes[first..]));
        (seed, seconds) = (seed + 1, (seconds * 2).min(16));
    }
    let sum = |what: fn(&Outcome) -> u64| outcomes.iter().map(what).sum::<u64>();
    let worst = outcomes.iter().max_by_key(|outcome| outcome.verdict.stats.worst).expect("something was played");
    let violations = sum(|outcome| outcome.verdict.total());
    eprintln!(
        "runs {}, reads {}, writes {}, violations {violations}, runs that have not shown enough {}\n\
         worst age without a label {:.0} ms ({}) of {} ms allowed",
        outcomes.len(),
        sum(|outcome| outcome.verdict.stats.reads),
        sum(|outcome| outcome.verdict.stats.writes),
        sum(|outcome| u64::from(!outcome.lacks.is_empty())),
        worst.verdict.stats.worst as f64 / 1e6,
        worst.name,
        BOUND.as_millis(),
    );
    assert_eq!(violations, 0, "the promise was broken");
}
